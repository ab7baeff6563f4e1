"""Imports: a person's own files, from choosing them to what was booked, and taken back as a whole."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from steelyard.errors import ConflictError, InvalidInputError, SteelyardError
from steelyard.identity.file_encryption import SealedFileError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm, Form
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.server.upload import AskedUpload, SentFile
from steelyard.services.account import get_accounts
from steelyard.services.asset_naming import NEW
from steelyard.services.import_upload import (
    MAX_UPLOAD_BYTES,
    MAX_UPLOADS,
    Upload,
    UploadError,
    UploadGoneError,
    drop_uploads,
    keep_upload,
    list_uploads,
    open_uploads,
)
from steelyard.services.statement_import import (
    ImportRefusedError,
    get_import,
    list_imports,
    plan_import,
    run_import,
    undo_import,
)
from steelyard.services.statement_plan import Choices, ImportPlan, KeptImport, Standing, StatementFile
from steelyard.statements.readers import get_readers
from steelyard.statements.recognition import TwoKindsError, UnknownFileError, choose_reader, open_source
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.portfolio import StoredAccount
from steelyard.web.answer import go_to
from steelyard.web.people import people_of
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.statement_choices import (
    ANSWERS,
    DIGEST,
    LEAVE_ALL,
    UPLOAD,
    field_of,
    read_choices,
    uploads_in,
    with_whole_files,
)
from steelyard.web.sure import Act, ask_first

MOST_SENT: Final = 32 * 2**20
"""Bytes of all files that come at once."""

AROUND: Final = 65_536
"""Bytes of what stands around files in a form."""

MOST_ROWS: Final = 200
MOST_BOOKINGS: Final = 100
MOST_IMPORTS: Final = 50
MOST_OFFERED: Final = 200
"""Accounts that are offered to choose from; of more, one is typed."""

CHANGE: Final = permits(Verb.CHANGE, ObjectType.PORTFOLIO)
DONE: Final = {
    "run": "The import is booked.",
    "undone": "The import is taken back: all that it booked is reversed.",
    "nothing": "Everything in these files was booked already. Nothing was changed.",
    "dropped": "The files are forgotten. Nothing was booked.",
}

router = APIRouter(prefix="/import")


class PlanChangedError(ConflictError):
    """Since somebody looked at an import, what it would do has changed."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "Something was booked, or changed, since you looked: the import would do something else than was shown. "
            "Nothing was booked. Look at it again below, and import it then."
        )


class NoFileError(InvalidInputError):
    """A form that sends files has none."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("No file was chosen. Choose one or more, and send them.")


@dataclass(frozen=True, slots=True)
class Looked:
    """What readers said of a file.

    Attributes:
        upload_id, name: the file.
        title: of the one that knows it; "" = none does, or more than one.
        why: why it cannot be read; "" = it can.
        misses: who looked and what each missed, the nearest first.
        kinds: names of the readers that know it, where there are two.
    """

    upload_id: UUID
    name: str
    title: str = ""
    why: str = ""
    misses: tuple[tuple[str, str], ...] = ()
    kinds: tuple[str, ...] = ()


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", dependencies=[CHANGE])
async def show(shell: AskedShell, done: str = "") -> Response:
    """Show the form that takes files, those that wait, and every import; what is older than an hour goes."""
    async with get_write_session() as db:
        await drop_uploads(db, ())
    return await _front(shell, said=DONE.get(done, ""))


@router.post(
    "/files",
    dependencies=[permits(Verb.CHANGE, ObjectType.PORTFOLIO, takes_files=True)],
    max_body_size=MOST_SENT + AROUND,
)
async def take_files(shell: AskedShell, browser: AskingBrowser, upload: AskedUpload) -> Response:
    """Take files, and go on to what they are."""
    sent: Sequence[SentFile] = upload.files if upload is not None else ()
    try:
        if upload is None or not sent:
            raise NoFileError
        for file in sent:  # their sizes first: none is kept if one is too large
            if file.size > MAX_UPLOAD_BYTES:
                raise UploadError(file.name, f"it is larger than {MAX_UPLOAD_BYTES // 2**20} MiB")
        async with get_write_session() as db:
            for file in sent:
                await keep_upload(db, browser.entrance.vault, file.name, upload.content(file))
    except SteelyardError as error:
        return await _front(shell, error=error)
    return go_to(shell.link("/import/check"))


@router.post("/drop", dependencies=[CHANGE])
async def drop(shell: AskedShell, form: AskedForm) -> Response:
    """Forget files that wait."""
    async with get_write_session() as db:
        await drop_uploads(db, uploads_in(form))
        left = await list_uploads(db)
    return go_to(shell.link("/import/check") if left else shell.link("/import", done="dropped"))


def _in_order(waiting: Sequence[Upload]) -> list[Upload]:
    """Return files as they came; of those that came together by name."""
    return sorted(waiting, key=lambda one: (one.uploaded_at, one.name.casefold(), one.name))


async def _front(shell: Shell, *, said: str = "", error: SteelyardError | None = None) -> Response:
    async with get_db_session() as db:
        waiting = _in_order(await list_uploads(db))
        kept = await list_imports(limit=MOST_IMPORTS, db=db)
    return shell.draw(
        "statement_import.html",
        title="Import",
        status=HTTPStatus.OK if error is None else status_of(error),
        waiting=waiting,
        kept=kept,
        people=await people_of(shell),
        readers=sorted((reader.title for reader in get_readers()), key=str.casefold),
        most_files=MAX_UPLOADS,
        most_megabytes=MAX_UPLOAD_BYTES // 2**20,
        most_together=MOST_SENT // 2**20,
        said=said,
        error=error,
    )


# ── What would be booked ────────────────────────────────────────────────────────────────────────────────────


@router.get("/check", dependencies=[CHANGE])
async def begin(shell: AskedShell, browser: AskingBrowser) -> Response:
    """Show what the files that wait are, what is asked about them, and what they would book."""
    async with get_db_session() as db:
        waiting = _in_order(await list_uploads(db))
    if not waiting:
        return go_to(shell.link("/import"))
    form = Form({UPLOAD: tuple(f"{one.upload_id}" for one in waiting)})
    return await _checked(shell, browser, form)


@router.post("/check", dependencies=[CHANGE])
async def check(shell: AskedShell, browser: AskingBrowser, form: AskedForm) -> Response:
    """Show the same with what was chosen; nothing is booked."""
    if not uploads_in(form):
        return await begin(shell, browser)
    return await _checked(shell, browser, form)


@router.post("/run", dependencies=[CHANGE])
async def run(shell: AskedShell, browser: AskingBrowser, form: AskedForm) -> Response:
    """Book all that was shown, or nothing."""
    upload_ids = uploads_in(form)
    if not upload_ids:
        return await begin(shell, browser)
    try:
        async with get_write_session() as db, _opened(db, browser, upload_ids) as files:
            choices = read_choices(form)
            if form.texts(LEAVE_ALL):
                choices = with_whole_files(choices, form, await _planned(db, browser, files, choices))
            done = await run_import(
                files, choices, today=browser.now.date(), vault=browser.entrance.vault, db=db
            )
            if digest_of(done.plan) != form.text(DIGEST):
                raise PlanChangedError
            await drop_uploads(db, upload_ids)
    except (UploadGoneError, SealedFileError) as error:
        return await _front(shell, error=error)
    except SteelyardError as error:
        return await _checked(shell, browser, form, error=error)
    if done.import_id is None:
        return go_to(shell.link("/import", done="nothing"))
    return go_to(shell.link(f"/import/{done.import_id}", done="run"))


def _opened(
    db: WriteSession, browser: Browser, upload_ids: Sequence[UUID]
) -> AbstractAsyncContextManager[list[StatementFile]]:
    return open_uploads(db, browser.entrance.vault, upload_ids)


async def _planned(
    db: WriteSession, browser: Browser, files: Sequence[StatementFile], choices: Choices
) -> ImportPlan:
    return await plan_import(files, choices, today=browser.now.date(), vault=browser.entrance.vault, db=db)


async def _checked(
    shell: Shell, browser: Browser, form: Form, *, error: SteelyardError | None = None
) -> Response:
    """Draw what files would do; of files that cannot be read, why."""
    upload_ids, plan = uploads_in(form), None
    try:
        async with get_write_session() as db, _opened(db, browser, upload_ids) as files:
            looked = await asyncio.to_thread(_look, upload_ids, files, form.text("reader") or None)
            if not any(one.why for one in looked):
                plan, error = await _plan_of(db, browser, files, form, error)
    except (UploadGoneError, SealedFileError) as gone:
        return await _front(shell, error=gone)
    async with get_db_session() as reading:
        accounts = await get_accounts(reading)
    is_wrong = error is not None and not isinstance(error, ImportRefusedError)
    return shell.draw(
        "statement_import_check.html",
        title="Check the import",
        status=status_of(error) if error is not None else HTTPStatus.OK,
        error=error if is_wrong else None,
        is_refused=isinstance(error, ImportRefusedError),
        looked=looked,
        plan=plan,
        digest="" if plan is None else digest_of(plan),
        form=form,
        most_rows=MOST_ROWS,
        **_content(plan, form, accounts),
    )


async def _plan_of(
    db: WriteSession,
    browser: Browser,
    files: Sequence[StatementFile],
    form: Form,
    error: SteelyardError | None,
) -> tuple[ImportPlan | None, SteelyardError | None]:
    """Plan with what was chosen; where a choice is no good, without, so that it can be made again."""
    if isinstance(error, ImportRefusedError):
        return error.plan, error
    try:
        choices = read_choices(form)
        plan = await _planned(db, browser, files, choices)
        if form.texts(LEAVE_ALL):
            plan = await _planned(db, browser, files, with_whole_files(choices, form, plan))
    except InvalidInputError as wrong:
        return await _without_choices(db, browser, files), error or wrong
    return plan, error


async def _without_choices(
    db: WriteSession, browser: Browser, files: Sequence[StatementFile]
) -> ImportPlan | None:
    try:
        return await _planned(db, browser, files, Choices())
    except InvalidInputError:
        return None  # it is the files, and said already


def _look(upload_ids: Sequence[UUID], files: Sequence[StatementFile], wanted: str | None) -> list[Looked]:
    return [_look_at(*one, wanted) for one in zip(upload_ids, files, strict=True)]


def _look_at(upload_id: UUID, file: StatementFile, wanted: str | None) -> Looked:
    """Say which kind a file is of."""
    try:
        with open_source(file.path, name=file.name) as source:
            return Looked(upload_id, file.name, choose_reader(get_readers(), source, wanted).title)
    except UnknownFileError as error:
        why = "It is of no kind that is known here."
        return Looked(upload_id, file.name, why=why, misses=error.misses)
    except TwoKindsError as error:
        return Looked(upload_id, file.name, why="It could be of more than one kind.", kinds=error.readers)
    except InvalidInputError as error:
        return Looked(upload_id, file.name, why=f"{error}".removeprefix(f"{file.name}: ").capitalize())


def _content(plan: ImportPlan | None, form: Form, accounts: Sequence[StoredAccount]) -> dict[str, Any]:
    """Return what the page shows of a plan, as far as there is room, and what its form carries on."""
    bookings = () if plan is None else tuple(one for one in plan.bookings if one.standing is Standing.NEW)
    questions = () if plan is None else plan.questions
    asked = {field_of(one) for one in questions}
    asks_new = any(one.new_asset for one in questions)
    asked |= {"new_assets"} if asks_new else set()
    asked |= {"opening"} if plan is not None and plan.openings else set()
    return {
        "accounts": accounts if len(accounts) <= MOST_OFFERED else [],
        "answered": [(name, value) for name, value in form if name.startswith(ANSWERS) and name not in asked],
        "asks_new": asks_new,
        "bookings": bookings[:MOST_BOOKINGS],
        "new": len(bookings),
        "field_of": field_of,
        "new_prefix": NEW,
    }


def digest_of(plan: ImportPlan) -> str:
    """Return what stands for everything that a plan would book, and for nothing that only explains it."""
    booked = [(one.transaction, one.standing.value) for one in plan.bookings]
    return hashlib.sha256(repr((booked, plan.new_assets, plan.openings)).encode()).hexdigest()


# ── What was booked ─────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{import_id}", dependencies=[CHANGE])
async def show_import(shell: AskedShell, import_id: UUID, done: str = "") -> Response:
    """Show an import: its files, and what it booked."""
    kept, rows = await get_import(import_id)
    return shell.draw(
        "statement_import_kept.html",
        title="Import",
        kept=kept,
        rows=rows[:MOST_ROWS],
        titles={reader.name: reader.title for reader in get_readers()},
        people=await people_of(shell),
        said=DONE.get(done, ""),
    )


@router.get("/{import_id}/undo", dependencies=[CHANGE])
async def ask_to_undo(shell: AskedShell, import_id: UUID) -> Response:
    """Ask before an import is taken back."""
    kept, _ = await get_import(import_id)
    return ask_first(shell, _undo_act(shell, kept))


@router.post("/{import_id}/undo", dependencies=[CHANGE])
async def undo(shell: AskedShell, browser: AskingBrowser, import_id: UUID) -> Response:
    """Take an import back."""
    try:
        await undo_import(import_id, today=browser.now.date())
    except ConflictError as error:
        kept, _ = await get_import(import_id)
        return ask_first(shell, _undo_act(shell, kept), error=error)
    return go_to(shell.link(f"/import/{import_id}", done="undone"))


def _undo_act(shell: Shell, kept: KeptImport) -> Act:
    page = f"/import/{kept.import_id}"
    count = f"{kept.transactions:,} booking{'' if kept.transactions == 1 else 's'}"
    return Act(
        title="Take this import back?",
        about=", ".join(file.name for file in kept.files),
        happens=(
            f"{count} in {', '.join(kept.account_ids)}: all of it is reversed together, or nothing.",
            "Figures are then as if the files had not been imported, once they are published again.",
        ),
        stays=(
            "The journal keeps what was booked and what reversed it.",
            "Assets that were made, and answers that were given.",
            "The same files can be imported again.",
        ),
        button="Take it back",
        path=shell.link(f"{page}/undo"),
        back=shell.link(page),
        is_grave=True,
    )
