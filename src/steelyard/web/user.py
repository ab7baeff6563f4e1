"""Administration: users, added and invited, changed, disabled and enabled."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from steelyard.errors import SteelyardError
from steelyard.identity.link import NewLink
from steelyard.identity.permissions import Actor, ObjectType, Role, Verb, authorize
from steelyard.identity.user import LONGEST_LOGIN
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm, Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services import link, recovery, tenant, user
from steelyard.services.user import User
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.web.answer import go_to
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.sure import Act, ask_first
from steelyard.web.user_page import ROLES, draw_user, links_by_user, roles_for

SEE: Final = permits(Verb.READ, ObjectType.USER)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.USER)
CREATE: Final = permits(Verb.CREATE, ObjectType.USER)
END: Final = permits(Verb.END, ObjectType.USER)

DONE: Final = {
    "erased": "They are erased. Only their key stays, in the audit and the books, and leads to nobody."
}

router = APIRouter(prefix="/admin")


@router.get("", dependencies=[SEE])
async def show_users(shell: AskedShell, browser: AskingBrowser, done: str = "") -> Response:
    """Show the users, and what waits for a second person."""
    vault, now = browser.entrance.vault, browser.now
    async with get_db_session() as db:
        users = await user.get_users(db, vault)
        links = await link.get_links(db, now=now)
        waiting = await recovery.get_recovery_requests(db, now=now)
        firm = await tenant.get_tenant(db)
    return shell.draw(
        "users.html",
        title="Administration",
        users=users,
        links=links_by_user(links),
        waiting=waiting,
        by_id={one.user_id: one for one in users},
        names={f"{one.user_id}": one.name for one in users},
        own=shell.actor.name if shell.actor else "",
        tenant=firm,
        done=DONE.get(done, ""),
    )


@router.get("/new-user", dependencies=[CREATE])
async def ask_new(shell: AskedShell, browser: AskingBrowser) -> Response:
    """Ask who is to be added."""
    del browser
    return await _asked(shell, Form({"role": (Role.ADVISOR.value,)}), Reading(Form({}), shell.region))


@router.post("/new-user", dependencies=[CREATE])
async def add_user(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, form: AskedForm
) -> Response:
    """Add a user; a person is invited at once, by a link that is shown this once."""
    reading = Reading(form, shell.region)
    login, name = reading.text("login", longest=LONGEST_LOGIN), reading.text("name")
    role = reading.one_of("role", roles_for(actor))
    limit = reading.number("approval_limit", is_needed=False)
    if reading.faults or login is None or name is None or role is None:
        return await _asked(shell, form, reading)
    try:
        async with get_write_session() as db:
            added = await user.add_user(
                db,
                browser.entrance.vault,
                actor,
                login=login,
                name=name,
                role=Role(role),
                now=browser.now,
                random=browser.entrance.random,
                approval_limit=limit,
            )
            made = await _invited(db, actor, browser, added) if added.role is not Role.SERVICE else None
    except SteelyardError as error:
        return await _asked(shell, form, reading, error=error)
    if made is None:
        return go_to(shell.link(f"/admin/users/{added.user_id}"))
    return draw_link(shell, browser, made, added)


@router.get("/users/{user_id}", dependencies=[SEE])
async def show_user(shell: AskedShell, browser: AskingBrowser, user_id: UUID, done: str = "") -> Response:
    """Show a user, and what can be changed."""
    return await draw_user(shell, browser, user_id, done=done)


@router.post("/users/{user_id}/limit", dependencies=[CHANGE])
async def set_limit(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID, form: AskedForm
) -> Response:
    """Let a user approve orders up to another value alone."""
    reading = Reading(form, shell.region)
    limit = reading.number("approval_limit", is_needed=False)
    if reading.faults:
        return await draw_user(shell, browser, user_id, form=form, faults=reading.faults)
    try:
        async with get_write_session() as db:
            await user.set_approval_limit(db, actor, user_id, limit)
    except SteelyardError as error:
        return await draw_user(shell, browser, user_id, form=form, error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="limit"))


@router.get("/users/{user_id}/role", dependencies=[CHANGE])
async def ask_role(shell: AskedShell, browser: AskingBrowser, user_id: UUID, role: str = "") -> Response:
    """Ask before a user gets another role."""
    found = await find_user(browser, user_id)
    wanted = Role(role) if role in {one.value for one in ROLES} else found.role
    return ask_first(shell, _role_act(shell, found, wanted))


@router.post("/users/{user_id}/role", dependencies=[CHANGE])
async def change_role(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID, form: AskedForm
) -> Response:
    """Give a user another role."""
    role = Reading(form, shell.region).one_of("role", {one.value for one in ROLES})
    found = await find_user(browser, user_id)
    if role is None:
        return go_to(shell.link(f"/admin/users/{user_id}"))
    try:
        async with get_write_session() as db:
            await user.change_role(db, actor, user_id, Role(role))
    except SteelyardError as error:
        return ask_first(shell, _role_act(shell, found, Role(role)), error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="role"))


@router.get("/users/{user_id}/disable", dependencies=[END])
async def ask_disable(shell: AskedShell, browser: AskingBrowser, user_id: UUID) -> Response:
    """Ask before a user is let in no more."""
    return ask_first(shell, _disable_act(shell, await find_user(browser, user_id)))


@router.post("/users/{user_id}/disable", dependencies=[END])
async def disable(shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID) -> Response:
    """Let a user in no more."""
    found = await find_user(browser, user_id)
    try:
        async with get_write_session() as db:
            await user.disable_user(db, actor, user_id, now=browser.now)
    except SteelyardError as error:
        return ask_first(shell, _disable_act(shell, found), error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="disabled"))


@router.post("/users/{user_id}/enable", dependencies=[CHANGE])
async def enable(shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID) -> Response:
    """Let a user in again."""
    try:
        async with get_write_session() as db:
            await user.enable_user(db, actor, user_id)
    except SteelyardError as error:
        return await draw_user(shell, browser, user_id, error=error)
    return go_to(shell.link(f"/admin/users/{user_id}", done="enabled"))


async def find_user(browser: Browser, user_id: UUID) -> User:
    """Return a user.

    Raises:
        UnknownUserError: there is no such user.
    """
    async with get_db_session() as db:
        return await user.get_user(db, browser.entrance.vault, user_id)


def draw_link(shell: Shell, browser: Browser, made: NewLink, whose: User) -> Response:
    """Draw the page that shows a link, this once: what opens it is kept nowhere."""
    return shell.draw(
        "link_made.html",
        title="Their link",
        address=made.address(browser.wiring.place.public_url),
        made=made,
        user=whose,
    )


async def _invited(db: WriteSession, actor: Actor, browser: Browser, added: User) -> NewLink:
    authorize(actor, Verb.CREATE, ObjectType.LINK)
    return await user.invite_user(db, actor, added.user_id, now=browser.now, random=browser.entrance.random)


async def _asked(
    shell: Shell, form: Form, reading: Reading, *, error: SteelyardError | None = None
) -> Response:
    async with get_db_session() as db:
        firm = await tenant.get_tenant(db)
    return shell.draw(
        "user_new.html",
        title="Add somebody",
        status=(422 if reading.faults else 200) if error is None else status_of(error),
        form=form,
        faults=reading.faults,
        error=error,
        roles=roles_for(shell.actor) if shell.actor else {},
        tenant=firm,
    )


def _role_act(shell: Shell, found: User, role: Role) -> Act:
    page = f"/admin/users/{found.user_id}"
    return Act(
        title=f"Make them {role.value}?",
        about=f"{found.name}, {found.role.value} now",
        happens=(
            f"{ROLES[role]}.",
            "Their sessions and tokens end: they sign in again.",
            "They are told so.",
        ),
        stays=("Their grants, password and factors.", "Everything they did, in the audit."),
        button=f"Make them {role.value}",
        path=shell.link(f"{page}/role"),
        back=shell.link(page),
        fields={"role": role.value},
    )


def _disable_act(shell: Shell, found: User) -> Act:
    page = f"/admin/users/{found.user_id}"
    return Act(
        title="Let them in no more?",
        about=found.name,
        happens=(
            "They cannot sign in.",
            "Their sessions, tokens and links end at once.",
        ),
        stays=(
            "Everything they did: proposals, approvals, the audit.",
            "Their grants and factors; you can enable them again.",
        ),
        button="Disable them",
        path=shell.link(f"{page}/disable"),
        back=shell.link(page),
        is_grave=True,
    )
