"""One's own sessions, and proving again who one is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from steelyard.api.answer import Answer
from steelyard.api.body import Body, Password
from steelyard.api.sign_in import CodeBody, CredentialBody
from steelyard.identity.permissions import ObjectType, Verb, permissions_of, scope_text
from steelyard.identity.session import Session
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.own import OwnId
from steelyard.server.permits import CurrentActor, permits, signed_in
from steelyard.services import passkeys, session, step_up
from steelyard.services.entrance import Signed
from steelyard.storage.connection import get_db_session, get_write_session

router = APIRouter(tags=["own sessions"])

SEE: Final = permits(Verb.READ, ObjectType.OWN_SESSION)
END: Final = permits(Verb.END, ObjectType.OWN_SESSION)


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks.

    Attributes:
        user_id: the user.
        role: theirs.
        standing: full; must_show or must_enrol a second factor first.
        factors: what this session has shown; empty for a token.
        auth_time: when a factor was last shown; None for a token.
        permissions: what they may do at this moment, verb:object_type.
    """

    user_id: UUID | None
    role: str | None
    standing: str
    factors: tuple[str, ...]
    auth_time: datetime | None
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions were ended."""

    ended: int


class PasswordBody(Body):
    """The password of whoever is signed in."""

    password: Password


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session of one's own; nothing in it opens one."""

    session_id: UUID
    is_this: bool
    factors: tuple[str, ...]
    auth_time: datetime
    created_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str


@router.get("/me", response_model=Me, dependencies=[signed_in()])
async def read_me(actor: CurrentActor) -> Answer:
    """Who asks, and what they may do."""
    return Answer(
        Me(
            user_id=actor.user_id,
            role=actor.role and actor.role.value,
            standing=actor.standing.value,
            factors=tuple(sorted(actor.factors)),
            auth_time=actor.auth_time,
            permissions=tuple(sorted(map(scope_text, permissions_of(actor)))),
        )
    )


@router.get("/sessions", response_model=list[OwnSession], dependencies=[SEE])
async def list_sessions(browser: AskingBrowser, actor: CurrentActor, me: OwnId) -> Answer:
    """Your live sessions, the last seen first."""
    async with get_db_session() as db:
        found = await session.get_sessions(db, me, now=browser.now)
    return Answer([_own(one, actor.session_id) for one in found])


@router.delete("/sessions", response_model=Ended, dependencies=[END])
async def end_other_sessions(browser: AskingBrowser, actor: CurrentActor) -> Answer:
    """End all of your sessions but this one."""
    async with get_write_session() as db:
        return Answer(Ended(await session.end_other_sessions(db, actor, now=browser.now)))


@router.delete("/sessions/{session_id}", status_code=204, response_class=Response, dependencies=[END])
async def end_session(browser: AskingBrowser, me: OwnId, session_id: UUID) -> Response:
    """End one of your sessions."""
    async with get_write_session() as db:
        await session.end_session(db, me, session_id, now=browser.now)
    return Response(status_code=204)


@router.post("/step-up/password", response_model=OwnSession, dependencies=[SEE])
async def step_up_with_password(browser: AskingBrowser, actor: CurrentActor, body: PasswordBody) -> Response:
    """Prove again who you are with your password: for who has no second factor."""
    done = await step_up.step_up_with_password(browser.entrance, actor, body.password, now=browser.now)
    return stepped_up(browser, done)


@router.post("/step-up/totp", response_model=OwnSession, dependencies=[SEE])
async def step_up_with_totp(browser: AskingBrowser, actor: CurrentActor, body: CodeBody) -> Response:
    """Prove again who you are with a code of your authenticator app."""
    done = await step_up.step_up_with_totp(browser.entrance, actor, body.code, now=browser.now)
    return stepped_up(browser, done)


@router.post("/step-up/recovery-code", response_model=OwnSession, dependencies=[SEE])
async def step_up_with_recovery_code(browser: AskingBrowser, actor: CurrentActor, body: CodeBody) -> Response:
    """Prove again who you are with a recovery code; it counts once."""
    done = await step_up.step_up_with_recovery_code(browser.entrance, actor, body.code, now=browser.now)
    return stepped_up(browser, done)


@router.post("/step-up/passkey/question", response_model=dict[str, Any], dependencies=[SEE])
async def ask_to_step_up(browser: AskingBrowser, actor: CurrentActor) -> Answer:
    """Ask for one of your passkeys."""
    return Answer(await passkeys.ask_for_step_up(browser.entrance, actor, now=browser.now))


@router.post("/step-up/passkey", response_model=OwnSession, dependencies=[SEE])
async def step_up_with_passkey(browser: AskingBrowser, actor: CurrentActor, body: CredentialBody) -> Response:
    """Prove again who you are with a passkey."""
    done = await passkeys.step_up_with_passkey(browser.entrance, actor, body.text, now=browser.now)
    return stepped_up(browser, done)


def stepped_up(browser: Browser, done: Signed) -> Response:
    """Give the browser the new secret of its session; the one before opens nothing from now on."""
    answer = Answer(_own(done.session, done.session.session_id))
    browser.enter(answer, done.secret)
    return answer


def _own(one: Session, this: UUID | None) -> OwnSession:
    return OwnSession(
        one.session_id,
        one.session_id == this,
        tuple(sorted(one.factors)),
        one.auth_time,
        one.created_at,
        one.last_seen_at,
        one.address,
        one.user_agent,
    )
