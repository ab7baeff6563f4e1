"""Administration: what is held of people: given to them, held by law, erased for good."""

from typing import Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm, Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.plain import plain
from steelyard.server.problem import status_of
from steelyard.services import personal_data, user
from steelyard.services.personal_data import UnknownHoldError
from steelyard.services.user import User
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.personal_data import LegalHold
from steelyard.web.answer import go_to
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.sure import Act, ask_first
from steelyard.web.user import find_user

HOLD: Final = permits(Verb.HOLD, ObjectType.PERSONAL_DATA)
ERASE: Final = permits(Verb.ERASE, ObjectType.PERSONAL_DATA)
DONE: Final = {
    "placed": "The hold stands. Nothing that it is on is erased until it is released.",
    "released": "The hold is released.",
}

router = APIRouter(prefix="/admin")


@router.get("/holds", dependencies=[HOLD])
async def show_holds(
    shell: AskedShell, browser: AskingBrowser, user_id: str = "", done: str = ""
) -> Response:
    """Show the legal holds, those that stand first."""
    return await _shown(shell, browser, Form({"user_id": (user_id,)}), done=DONE.get(done, ""))


@router.post("/holds", dependencies=[HOLD])
async def place_hold(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, form: AskedForm
) -> Response:
    """Let nothing of a user, or of the whole tenant, be erased."""
    del actor  # whose session is fresh enough
    reading = Reading(form, shell.region)
    reason = reading.text("reason")
    user_id = reading.read("user_id", UUID, is_needed=False)
    if reading.faults or reason is None:
        return await _shown(shell, browser, form, reading=reading)
    try:
        async with get_write_session() as db:
            await personal_data.place_hold(db, user_id, reason)
    except SteelyardError as error:
        return await _shown(shell, browser, form, error=error)
    return go_to(shell.link("/admin/holds", done="placed"))


@router.get("/holds/{hold_id}", dependencies=[HOLD])
async def ask_release(shell: AskedShell, hold_id: UUID) -> Response:
    """Ask before a hold is released."""
    async with get_db_session() as db:
        for one in await personal_data.get_holds(db):
            if one.hold_id == hold_id:
                return ask_first(shell, _release_act(shell, one))
    raise UnknownHoldError(hold_id)


@router.post("/holds/{hold_id}", dependencies=[HOLD])
async def release_hold(shell: AskedShell, actor: RecentActor, hold_id: UUID) -> Response:
    """Let a hold go."""
    del actor  # as above
    async with get_write_session() as db:
        await personal_data.release_hold(db, hold_id)
    return go_to(shell.link("/admin/holds", done="released"))


@router.post("/users/{user_id}/personal-data", dependencies=[permits(Verb.EXPORT, ObjectType.PERSONAL_DATA)])
async def export(browser: AskingBrowser, actor: RecentActor, user_id: UUID) -> Response:
    """Give everything that is held of a user, as a file; that it was taken is recorded."""
    del actor  # as above
    async with get_write_session() as db:
        found = await personal_data.export_personal_data(db, browser.entrance.vault, user_id, now=browser.now)
    text = msgspec.json.format(msgspec.json.encode(plain(found)), indent=2)
    named = {"Content-Disposition": f'attachment; filename="personal-data-{user_id}.json"'}
    return Response(text, media_type="application/json", headers=named)


@router.get("/users/{user_id}/erase", dependencies=[ERASE])
async def ask_erase(
    shell: AskedShell, browser: AskingBrowser, user_id: UUID, *, early: bool = False
) -> Response:
    """Ask before a user is erased."""
    found = await find_user(browser, user_id)
    return ask_first(shell, _erase_act(shell, found, _years(shell), early=early))


@router.post("/users/{user_id}/erase", dependencies=[ERASE])
async def erase(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, user_id: UUID, form: AskedForm
) -> Response:
    """Erase a disabled user for good, or what of them no law holds."""
    del actor  # as above
    years, early = _years(shell), form.text("early") == "yes"
    found = await find_user(browser, user_id)
    try:
        async with get_write_session() as db:
            await personal_data.erase_personal_data(
                db, user_id, now=browser.now, retention_years=years, early=early
            )
    except SteelyardError as error:
        return ask_first(shell, _erase_act(shell, found, years, early=early), error=error)
    if early:
        return go_to(shell.link(f"/admin/users/{user_id}", done="early"))
    return go_to(shell.link("/admin", done="erased"))


async def _shown(
    shell: Shell,
    browser: Browser,
    form: Form,
    *,
    reading: Reading | None = None,
    error: SteelyardError | None = None,
    done: str = "",
) -> Response:
    async with get_db_session() as db:
        holds = await personal_data.get_holds(db, with_released=True)
        users = await user.get_users(db, browser.entrance.vault)
    faults = {} if reading is None else reading.faults
    return shell.draw(
        "legal_holds.html",
        title="Legal holds",
        status=(422 if faults else 200) if error is None else status_of(error),
        holds=[one for one in holds if one.released_at is None],
        released=[one for one in holds if one.released_at is not None],
        names={f"{one.user_id}": one.name for one in users},
        whose={"": "Everybody: the whole tenant"} | {f"{one.user_id}": one.name for one in users},
        form=form,
        faults=faults,
        error=error,
        done=done,
    )


def _years(shell: Shell) -> int:
    years: int = shell.request.app.state.retention_years
    return years


def _release_act(shell: Shell, hold: LegalHold) -> Act:
    return Act(
        title="Release this hold?",
        about=hold.reason,
        happens=("What it was on may be erased, unless another hold stands on it.",),
        stays=("Its reason, who placed it and when, and who released it.",),
        button="Release the hold",
        path=shell.link(f"/admin/holds/{hold.hold_id}"),
        back=shell.link("/admin/holds"),
        is_grave=True,
    )


def _erase_act(shell: Shell, found: User, years: int, *, early: bool) -> Act:
    page = f"/admin/users/{found.user_id}"
    gone = "Deleted are sessions, devices, tokens, recovery codes, identities, links, grants and notices."
    if early:
        happens = (gone, "Emptied are password, authenticator seed and the last sign-in.")
        stays: tuple[str, ...] = (
            "Name and login name, until the retention is over; then erase the rest.",
            "Their key in the audit and the books.",
        )
    else:
        happens = (gone, "Emptied are name, login name, password, authenticator seed and the last sign-in.")
        stays = (
            "Their key in the audit and the books. Nothing leads from it to the person.",
            f"Everything, where they acted in the books in the last {years} years, or a legal hold stands.",
            "Backups that were made before; erase them again after a restore.",
        )
    return Act(
        title="Erase what no law holds?" if early else "Erase this person?",
        about=found.name,
        happens=(*happens, "It cannot be undone."),
        stays=stays,
        button="Erase for good",
        path=shell.link(f"{page}/erase"),
        back=shell.link(page),
        fields={"early": "yes"} if early else {},
        is_grave=True,
    )
