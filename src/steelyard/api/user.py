"""Users: added, invited, changed, disabled, and let in again who lost their factors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from steelyard.api.answer import Answer
from steelyard.api.body import Body, RoleText
from steelyard.identity.link import NewLink
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.input import Exact, Name
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import link, recovery, user
from steelyard.services.user import User
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.link import OpenLink
from steelyard.storage.recovery import RecoveryRequest

router = APIRouter(tags=["users"])

SEE: Final = permits(Verb.READ, ObjectType.USER)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.USER)
SEE_LINKS: Final = permits(Verb.READ, ObjectType.LINK)
MAKE_LINKS: Final = permits(Verb.CREATE, ObjectType.LINK)


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was just made, shown this once; whoever has it is let in as its user."""

    purpose: str
    address: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What waits for another person now."""

    request_id: UUID


class UserBody(Body):
    """Somebody to add; without a limit the tenant's counts."""

    login: Name
    name: Name
    role: RoleText
    approval_limit: Exact | None = None


class RoleBody(Body):
    """What somebody is to be."""

    role: RoleText


class LimitBody(Body):
    """The largest order value to approve alone; null = that of the tenant."""

    approval_limit: Exact | None


@router.get("/users", response_model=list[User], dependencies=[SEE])
async def list_users(browser: AskingBrowser) -> Answer:
    """The users of the tenant, the oldest first."""
    async with get_db_session() as db:
        return Answer(await user.get_users(db, browser.entrance.vault))


@router.post(
    "/users", status_code=201, response_model=User, dependencies=[permits(Verb.CREATE, ObjectType.USER)]
)
async def add_user(browser: AskingBrowser, actor: RecentActor, body: UserBody) -> Answer:
    """Add a user, who has no way in until they are invited."""
    async with get_write_session() as db:
        added = await user.add_user(
            db,
            browser.entrance.vault,
            actor,
            login=body.login,
            name=body.name,
            role=body.role,
            now=browser.now,
            random=browser.entrance.random,
            approval_limit=body.approval_limit,
        )
    return Answer(added, status_code=201)


@router.get("/users/{user_id}", response_model=User, dependencies=[SEE])
async def read_user(browser: AskingBrowser, user_id: UUID) -> Answer:
    """A user."""
    async with get_db_session() as db:
        return Answer(await user.get_user(db, browser.entrance.vault, user_id))


@router.put("/users/{user_id}/role", status_code=204, response_class=Response, dependencies=[CHANGE])
async def change_role(actor: RecentActor, user_id: UUID, body: RoleBody) -> Response:
    """Give a user another role; their sessions and tokens end."""
    async with get_write_session() as db:
        await user.change_role(db, actor, user_id, body.role)
    return Response(status_code=204)


@router.put(
    "/users/{user_id}/approval-limit", status_code=204, response_class=Response, dependencies=[CHANGE]
)
async def set_approval_limit(actor: RecentActor, user_id: UUID, body: LimitBody) -> Response:
    """Let a user approve orders up to another value alone."""
    async with get_write_session() as db:
        await user.set_approval_limit(db, actor, user_id, body.approval_limit)
    return Response(status_code=204)


@router.put(
    "/users/{user_id}/disabled",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.END, ObjectType.USER)],
)
async def disable_user(browser: AskingBrowser, actor: RecentActor, user_id: UUID) -> Response:
    """Let a user in no more; their sessions, tokens and links end."""
    async with get_write_session() as db:
        await user.disable_user(db, actor, user_id, now=browser.now)
    return Response(status_code=204)


@router.delete("/users/{user_id}/disabled", status_code=204, response_class=Response, dependencies=[CHANGE])
async def enable_user(actor: RecentActor, user_id: UUID) -> Response:
    """Let a user in again."""
    async with get_write_session() as db:
        await user.enable_user(db, actor, user_id)
    return Response(status_code=204)


# ── Links and recovery ──────────────────────────────────────────────────────────────────────────────────


@router.get("/links", response_model=list[OpenLink], dependencies=[SEE_LINKS])
async def list_links(browser: AskingBrowser) -> Answer:
    """The links that nobody used yet; nothing here opens them."""
    async with get_db_session() as db:
        return Answer(await link.get_links(db, now=browser.now))


@router.post("/users/{user_id}/invitation", status_code=201, response_model=Link, dependencies=[MAKE_LINKS])
async def invite_user(browser: AskingBrowser, actor: RecentActor, user_id: UUID) -> Answer:
    """Make the link that lets an invited user in; the one before opens nothing any more."""
    async with get_write_session() as db:
        made = await user.invite_user(db, actor, user_id, now=browser.now, random=browser.entrance.random)
    return _shown(browser, made)


@router.delete(
    "/users/{user_id}/links",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.END, ObjectType.LINK)],
)
async def end_links(browser: AskingBrowser, user_id: UUID) -> Response:
    """End the links of a user that nobody used yet."""
    async with get_write_session() as db:
        await link.end_links(db, user_id, now=browser.now)
    return Response(status_code=204)


@router.get("/recoveries", response_model=list[RecoveryRequest], dependencies=[SEE_LINKS])
async def list_recoveries(browser: AskingBrowser) -> Answer:
    """What waits for a second person."""
    async with get_db_session() as db:
        return Answer(await recovery.get_recovery_requests(db, now=browser.now))


@router.post("/users/{user_id}/recovery", status_code=201, response_model=Asked, dependencies=[MAKE_LINKS])
async def ask_recovery(browser: AskingBrowser, actor: RecentActor, user_id: UUID) -> Answer:
    """Ask that a user who lost their factors be let in again; another person approves."""
    async with get_write_session() as db:
        request_id = await recovery.ask_recovery(
            db, actor, user_id, now=browser.now, random=browser.entrance.random
        )
    return Answer(Asked(request_id), status_code=201)


@router.post(
    "/recoveries/{request_id}/approval",
    status_code=201,
    response_model=Link,
    dependencies=[permits(Verb.APPROVE, ObjectType.LINK)],
)
async def approve_recovery(browser: AskingBrowser, actor: RecentActor, request_id: UUID) -> Answer:
    """Approve what another person asked for: a link lets the user in, and their factors are gone when it is used."""
    async with get_write_session() as db:
        made = await recovery.approve_recovery(
            db, actor, request_id, now=browser.now, random=browser.entrance.random
        )
    return _shown(browser, made)


def _shown(browser: Browser, made: NewLink) -> Answer:
    address = made.address(browser.wiring.place.public_url)
    return Answer(Link(made.purpose.value, address, made.expires_at), status_code=201)
