"""How users get in, and to what: links, recoveries by two people, grants, tokens."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from steelyard.domain.scope import Scope
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Right, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import grant, link, recovery, token, user
from steelyard.services.grant import NoGrantError
from steelyard.services.recovery import NoRecoveryError
from steelyard.services.user import User
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.grant import Grant
from steelyard.storage.recovery import RecoveryRequest
from steelyard.web.answer import go_to
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.sure import Act, ask_first
from steelyard.web.user import draw_link, find_user
from steelyard.web.user_page import RIGHTS, draw_user

MAKE_LINKS: Final = permits(Verb.CREATE, ObjectType.LINK)
END_LINKS: Final = permits(Verb.END, ObjectType.LINK)
APPROVE: Final = permits(Verb.APPROVE, ObjectType.LINK)
END_TOKENS: Final = permits(Verb.END, ObjectType.TOKEN)
END_GRANTS: Final = permits(Verb.END, ObjectType.GRANT)
SCOPES: Final = ("account", "household")
MOST_DAYS: Final = 365

router = APIRouter(prefix="/admin")


# ── Links ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/users/{user_id}/invitation", dependencies=[MAKE_LINKS])
async def invite(shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID) -> Response:
    """Make the link that lets an invited user in, and show it this once."""
    try:
        async with get_write_session() as db:
            made = await user.invite_user(db, actor, user_id, now=browser.now, random=browser.entrance.random)
    except SteelyardError as error:
        return await draw_user(shell, browser, user_id, error=error)
    return draw_link(shell, browser, made, await find_user(browser, user_id))


@router.get("/users/{user_id}/links", dependencies=[END_LINKS])
async def ask_end_links(shell: AskedShell, browser: AskingBrowser, user_id: UUID) -> Response:
    """Ask before the links of a user are ended."""
    return ask_first(shell, _links_act(shell, await find_user(browser, user_id)))


@router.post("/users/{user_id}/links", dependencies=[END_LINKS])
async def end_links(shell: AskedShell, browser: AskingBrowser, user_id: UUID) -> Response:
    """End the links of a user that nobody used yet."""
    found = await find_user(browser, user_id)
    try:
        async with get_write_session() as db:
            await link.end_links(db, user_id, now=browser.now)
    except SteelyardError as error:
        return ask_first(shell, _links_act(shell, found), error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="links"))


# ── Recovery ────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/users/{user_id}/recovery", dependencies=[MAKE_LINKS])
async def ask_before_recovery(shell: AskedShell, browser: AskingBrowser, user_id: UUID) -> Response:
    """Ask before somebody is to be let in again."""
    return ask_first(shell, _recovery_act(shell, await find_user(browser, user_id)))


@router.post("/users/{user_id}/recovery", dependencies=[MAKE_LINKS])
async def ask_recovery(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID
) -> Response:
    """Ask that a user who lost their factors be let in again."""
    found = await find_user(browser, user_id)
    try:
        async with get_write_session() as db:
            await recovery.ask_recovery(db, actor, user_id, now=browser.now, random=browser.entrance.random)
    except SteelyardError as error:
        return ask_first(shell, _recovery_act(shell, found), error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="asked"))


@router.get("/recoveries/{request_id}", dependencies=[APPROVE])
async def ask_approval(shell: AskedShell, browser: AskingBrowser, request_id: UUID) -> Response:
    """Ask before somebody is let in again."""
    request, found = await _find_recovery(browser, request_id)
    return ask_first(shell, _approval_act(shell, request, found))


@router.post("/recoveries/{request_id}", dependencies=[APPROVE])
async def approve(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, request_id: UUID
) -> Response:
    """Approve what another person asked for, and show the link this once."""
    request, found = await _find_recovery(browser, request_id)
    try:
        async with get_write_session() as db:
            made = await recovery.approve_recovery(
                db, actor, request_id, now=browser.now, random=browser.entrance.random
            )
    except SteelyardError as error:
        return ask_first(shell, _approval_act(shell, request, found), error=error)
    return draw_link(shell, browser, made, found)


async def _find_recovery(browser: Browser, request_id: UUID) -> tuple[RecoveryRequest, User]:
    async with get_db_session() as db:
        for one in await recovery.get_recovery_requests(db, now=browser.now):
            if one.request_id == request_id:
                return one, await user.get_user(db, browser.entrance.vault, one.user_id)
    raise NoRecoveryError


# ── Grants ──────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/users/{user_id}/grants", dependencies=[permits(Verb.CREATE, ObjectType.GRANT)])
async def set_grant(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID, form: AskedForm
) -> Response:
    """Let a user do something with an account or a household, in place of what they could."""
    reading = Reading(form, shell.region)
    kind, name = reading.one_of("kind", SCOPES), reading.key("granted")
    rights = [Right(one) for one in form.texts("rights") if one in RIGHTS]
    if reading.faults or kind is None or name is None:
        return await draw_user(shell, browser, user_id, form=form, faults=reading.faults)
    try:
        async with get_write_session() as db:
            await grant.grant(db, actor, user_id, _scope(kind, name), rights, now=browser.now)
    except SteelyardError as error:
        return await draw_user(shell, browser, user_id, form=form, error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="granted"))


@router.get("/users/{user_id}/grants/end", dependencies=[END_GRANTS])
async def ask_end_grant(
    shell: AskedShell, browser: AskingBrowser, user_id: UUID, kind: str = "account", granted: str = ""
) -> Response:
    """Ask before a grant is taken back."""
    found, scope = await find_user(browser, user_id), _scope(kind, granted)
    if not granted:
        return go_to(shell.link(f"/admin/users/{user_id}"))
    async with get_db_session() as db:
        given = await grant.get_grants(db, user_id)
    if scope not in {_scope(*_named(one)) for one in given}:
        raise NoGrantError(scope)
    return ask_first(shell, _grant_act(shell, found, kind, granted))


@router.post("/users/{user_id}/grants/end", dependencies=[END_GRANTS])
async def end_grant(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID, form: AskedForm
) -> Response:
    """Take a grant back."""
    kind, granted = form.text("kind"), form.text("granted")
    found = await find_user(browser, user_id)
    try:
        async with get_write_session() as db:
            await grant.end_grant(db, actor, user_id, _scope(kind, granted))
    except SteelyardError as error:
        return ask_first(shell, _grant_act(shell, found, kind, granted), error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="taken"))


def _named(one: Grant) -> tuple[str, str]:
    if one.household_id is not None:
        return "household", one.household_id
    return "account", one.account_id or ""


def _scope(kind: str, name: str) -> Scope:
    return Scope.household(name) if kind == "household" else Scope.account(name)


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/users/{user_id}/tokens", dependencies=[permits(Verb.CREATE, ObjectType.TOKEN)])
async def create_token(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID, form: AskedForm
) -> Response:
    """Make a token for a service, and show it this once."""
    reading = Reading(form, shell.region)
    name, days = reading.text("token_name"), reading.read("days", _days)
    if not form.texts("scopes"):
        reading.faults["scopes"] = "choose what it may do"
    if reading.faults or name is None or days is None:
        return await draw_user(shell, browser, user_id, form=form, faults=reading.faults)
    try:
        async with get_write_session() as db:
            made = await token.create_token(
                db,
                actor,
                user_id,
                name=name,
                scopes=form.texts("scopes"),
                expires_at=browser.now + timedelta(days=days),
                now=browser.now,
                random=browser.entrance.random,
            )
    except SteelyardError as error:
        return await draw_user(shell, browser, user_id, form=form, error=error)
    found = await find_user(browser, user_id)
    return shell.draw("token_made.html", title="Its token", made=made, user=found)


@router.get("/users/{user_id}/tokens/{token_id}", dependencies=[END_TOKENS])
async def ask_end_token(shell: AskedShell, browser: AskingBrowser, user_id: UUID, token_id: UUID) -> Response:
    """Ask before a token of a user is ended."""
    return ask_first(shell, _token_act(shell, await find_user(browser, user_id), token_id))


@router.post("/users/{user_id}/tokens/{token_id}", dependencies=[END_TOKENS])
async def end_token(shell: AskedShell, browser: AskingBrowser, user_id: UUID, token_id: UUID) -> Response:
    """End a token of a user."""
    found = await find_user(browser, user_id)
    try:
        async with get_write_session() as db:
            await token.end_token(db, token_id, now=browser.now, user_id=user_id)
    except SteelyardError as error:
        return ask_first(shell, _token_act(shell, found, token_id), error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="token"))


def _days(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed[:9]) <= MOST_DAYS):
        raise ValueError(f"a whole number from 1 to {MOST_DAYS}")
    return int(typed)


# ── What is asked before ────────────────────────────────────────────────────────────────────────────────────


def _links_act(shell: Shell, found: User) -> Act:
    page = f"/admin/users/{found.user_id}"
    return Act(
        title="End their link?",
        about=found.name,
        happens=("The link that was made for them opens nothing any more.",),
        stays=("They themselves; you can make another link.",),
        button="End the link",
        path=shell.link(f"{page}/links"),
        back=shell.link(page),
    )


def _recovery_act(shell: Shell, found: User) -> Act:
    page = f"/admin/users/{found.user_id}"
    return Act(
        title="Ask that they be let in again?",
        about=f"{found.name}, who lost password or factors",
        happens=(
            "Nothing, until another owner or admin approves it within 24 hours.",
            "Then their sessions and tokens end, and a link lets them choose new factors.",
            "They are told that it was asked for.",
        ),
        stays=("Their factors count until the link is used.", "Role, limit and grants."),
        button="Ask for it",
        path=shell.link(f"{page}/recovery"),
        back=shell.link(page),
    )


def _approval_act(shell: Shell, request: RecoveryRequest, found: User) -> Act:
    return Act(
        title="Let them in again?",
        about=found.name,
        happens=(
            "Make sure that it is they who ask: speak with them.",
            "Their sessions and tokens end at once.",
            "A link is shown, this once. Whoever opens it within 24 hours chooses new factors in their name.",
        ),
        stays=("Their factors count until the link is used, and are gone then.", "Role, limit and grants."),
        button="Approve, and show the link",
        path=shell.link(f"/admin/recoveries/{request.request_id}"),
        back=shell.link(f"/admin/users/{found.user_id}"),
        is_grave=True,
    )


def _grant_act(shell: Shell, found: User, kind: str, granted: str) -> Act:
    page = f"/admin/users/{found.user_id}"
    return Act(
        title=f"Take {'household' if kind == 'household' else 'account'} {granted} back?",
        about=found.name,
        happens=(
            "From their next request on they do not see it any more, unless another grant shows it to them.",
        ),
        stays=("Everything they did with it.",),
        button="Take it back",
        path=shell.link(f"{page}/grants/end"),
        back=shell.link(page),
        fields={"kind": kind, "granted": granted},
    )


def _token_act(shell: Shell, found: User, token_id: UUID) -> Act:
    page = f"/admin/users/{found.user_id}"
    return Act(
        title="End this token?",
        about=f"{token_id}, of {found.name}",
        happens=("Programs that use it are refused from their next request on.", "Its user is told so."),
        stays=("What was done with it.",),
        button="End the token",
        path=shell.link(f"{page}/tokens/{token_id}"),
        back=shell.link(page),
        is_grave=True,
    )
