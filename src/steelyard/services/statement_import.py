"""Importing statements: rows of files become transactions, all of them or none, and can be taken back as a whole."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from steelyard.domain.amount import plain
from steelyard.domain.transaction import ZERO
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity.vault import Vault
from steelyard.services.statement_attempt import Attempt, Request, attempt_import, opening_rows
from steelyard.services.statement_plan import (
    Choices,
    Imported,
    ImportedFile,
    ImportedRow,
    ImportPlan,
    KeptImport,
    PlannedBooking,
    PlannedFile,
    Standing,
    StatementFile,
    counted,
)
from steelyard.services.statement_questions import remember
from steelyard.services.statement_rows import FileRows, ImportChoiceError
from steelyard.statements.port import Reader
from steelyard.statements.readers import get_readers
from steelyard.storage import ledger as ledger_store
from steelyard.storage import statement_import as store
from steelyard.storage.audit import record_event
from steelyard.storage.connection import AnySession, WriteSession, reading, writing
from steelyard.storage.keeping import adopt_accounts
from steelyard.storage.ledger import OverdrawnError
from steelyard.storage.statement_import import Balance, ImportRow, StoredImport, StoredImportFile

__all__ = [
    "Choices",
    "ImportBuiltOnError",
    "ImportChoiceError",
    "ImportRefusedError",
    "ImportUndoneError",
    "StatementFile",
    "UnknownImportError",
    "get_import",
    "list_imports",
    "plan_import",
    "run_import",
    "undo_import",
]

MOST_SHOWN: Final = 20
"""Reasons that a refusal lists; its plan has all."""


class ImportRefusedError(InvalidInputError):
    """Something is in the way of an import, and nothing of it was booked.

    Attributes:
        plan: what the import would have done, with everything that is in its way.
    """

    def __init__(self, plan: ImportPlan) -> None:
        """List what is in the way, and what answers it."""
        self.plan = plan
        reasons = [*_in_the_way(plan)]
        shown = "".join(f"\n  {reason}" for reason in reasons[:MOST_SHOWN])
        rest = f"\n  … and {len(reasons) - MOST_SHOWN:,} more" if len(reasons) > MOST_SHOWN else ""
        super().__init__(
            f"Nothing was imported; {counted(len(reasons), 'thing', 'is', 'are')} in the way:{shown}{rest}\n"
            "Answer the questions, leave rows out with --leave-out, and see it all with --dry-run."
        )


class UnknownImportError(NotFoundError):
    """There is no such import."""

    def __init__(self, import_id: UUID) -> None:
        """Name it, and where they are listed."""
        super().__init__(f"There is no import {import_id}; `steelyard imports` lists them.")


class ImportUndoneError(ConflictError):
    """An import was taken back before."""

    def __init__(self, import_id: UUID) -> None:
        """Name it."""
        super().__init__(f"Import {import_id} was taken back already; `steelyard imports show` says by whom.")


class ImportBuiltOnError(ConflictError):
    """Something that was booked later needs what an import brought."""

    def __init__(
        self, import_id: UUID, account_id: str, commodity: str, later: Sequence[tuple[str, date, str]]
    ) -> None:
        """Name the account, what it would lack, and what was booked later."""
        self.account_id, self.commodity = account_id, commodity
        named = ", ".join(f"{kind} {name} of {day}" for name, day, kind in later) or "what was there before"
        super().__init__(
            f"Import {import_id} stays: without it {account_id} would have less than 0 {commodity}, because of "
            f"{named}. Take that back first. Nothing was reversed."
        )


async def plan_import(
    files: Sequence[StatementFile],
    choices: Choices,
    *,
    today: date,
    vault: Vault | None = None,
    readers: Sequence[Reader] | None = None,
    db: WriteSession | None = None,
) -> ImportPlan:
    """Say what an import would do, by doing it and taking it back: nothing is stored.

    Args:
        files: what to read, in any order.
        choices: what a person decided.
        today: the caller's date; rows dated later than the day after are refused.
        vault: finds accounts by the names that statements give them; None = no answer of the past is known.
        readers: who looks at the files; None = every reader there is.
        db: the transaction to do it in; None opens one.

    Raises:
        StatementError, UnknownFileError, TwoKindsError, UnknownReaderError, NotThisKindError: a file is not read.
        ImportChoiceError: a choice names an account, an asset or a row that is not there.
        TransactionsAttachedError: the table is a firm's.
    """
    request = Request(files, choices, today, vault, readers or get_readers(), with_lots=True)
    async with writing(db) as session:
        nested = await session.begin_nested()
        try:
            return _plan_of(await attempt_import(session, request))
        finally:
            await nested.rollback()


async def run_import(
    files: Sequence[StatementFile],
    choices: Choices,
    *,
    today: date,
    vault: Vault | None = None,
    readers: Sequence[Reader] | None = None,
    db: WriteSession | None = None,
) -> Imported:
    """Import files: everything that is new in them, or nothing. The same files again change nothing.

    Args:
        files: as of `plan_import`.
        choices: as of `plan_import`.
        today: as of `plan_import`.
        readers: as of `plan_import`.
        vault: as of `plan_import`; with it the answers about accounts are remembered.
        db: the transaction to do it in; None opens one and commits it.

    Raises:
        ImportRefusedError: a row is refused and nobody left it out, a question is open, or the ledger would refuse it;
            it carries the plan.
        SteelyardError: as `plan_import`.
    """
    request = Request(files, choices, today, vault, readers or get_readers(), with_lots=False)
    async with writing(db) as session, session.begin_nested() as nested:
        attempt = await attempt_import(session, request)
        plan = _plan_of(attempt)
        if not plan.can_run:
            raise ImportRefusedError(plan)
        if not attempt.new and not attempt.opened:
            await nested.rollback()  # an asset that nothing is booked of is not made
            return Imported(import_id=None, plan=plan, booked=0)
        import_id = await _keep(session, attempt, plan)
        facts = {
            "files": len(plan.files),
            "accounts": len(plan.effects),
            "transactions": len(attempt.new) + len(attempt.opened),
            "new_assets": len(plan.new_assets),
        }
        await record_event(session, "import.run", "import", str(import_id), facts)
        return Imported(import_id=import_id, plan=plan, booked=attempt.booked)


async def list_imports(*, limit: int = 50, db: AnySession | None = None) -> tuple[KeptImport, ...]:
    """Return the imports that the caller may see, the newest first; those that were taken back, too.

    Args:
        limit: at most so many.
        db: where to read; None opens a session.
    """
    async with reading(db) as session:
        return tuple(_kept(*one) for one in await store.list_imports(session, most=limit))


async def get_import(
    import_id: UUID, *, db: AnySession | None = None
) -> tuple[KeptImport, tuple[ImportedRow, ...]]:
    """Return an import and its transactions, by file and line.

    Args:
        import_id: its key.
        db: where to read; None opens a session.

    Raises:
        UnknownImportError: there is none of that key, or it is not the caller's to see.
    """
    async with reading(db) as session:
        kept = await _get(session, import_id)
        rows = await store.get_import_rows(session, import_id)
        return kept, tuple(ImportedRow(*row) for row in rows)


async def undo_import(import_id: UUID, *, today: date, db: WriteSession | None = None) -> KeptImport:
    """Take an import back: all it booked is reversed in one transaction; the journal keeps both.

    Assets that it made stay, and so does what people said about names.

    Args:
        import_id: its key.
        today: the caller's date.
        db: the transaction to do it in; None opens one and commits it.

    Raises:
        UnknownImportError: there is none of that key, or it is not the caller's to see.
        ImportUndoneError: it was taken back before.
        ImportBuiltOnError: what was booked later would overdraw an account; it names which, and of what.
    """
    async with writing(db) as session, session.begin_nested():
        await ledger_store.lock_ledger(session)
        kept = await _get(session, import_id)
        if not await store.mark_import_undone(session, import_id):
            raise ImportUndoneError(import_id)
        ids = [row[0] for row in await store.get_import_rows(session, import_id)]
        reversed_entries = await _take_back(session, kept, ids, today)
        await adopt_accounts(session)
        facts = {"transactions": kept.transactions, "reversed": reversed_entries}
        await record_event(session, "import.undo", "import", str(import_id), facts)
        return await _get(session, import_id)


async def _take_back(db: WriteSession, kept: KeptImport, ids: Sequence[str], today: date) -> int:
    before = await store.get_balances(db, kept.account_ids)
    had = {(one.account_id, one.commodity) for one in before if one.quantity < 0}
    try:
        async with db.begin_nested():
            gone = await ledger_store.delete_transactions(db, ids)
            posted = await ledger_store.post_transactions(db, today, only=gone)
            _refuse_short(await store.get_balances(db, kept.account_ids), had)
    except OverdrawnError as error:
        later = await store.get_transactions_built_on(
            db, kept.import_id, error.account_id, error.commodity, most=MOST_SHOWN
        )
        raise ImportBuiltOnError(kept.import_id, error.account_id, error.commodity, later) from error
    return posted.reversed


def _refuse_short(balances: Sequence[Balance], before: Collection[tuple[str, str]]) -> None:
    """Who may sell short may still not have sold what was never there."""
    for one in balances:
        if not one.is_cash and one.quantity < 0 and (one.account_id, one.commodity) not in before:
            raise OverdrawnError(one.account_id, one.commodity, ZERO, one.quantity)


# ── What is kept ────────────────────────────────────────────────────────────────────────────────────────


async def _keep(db: WriteSession, attempt: Attempt, plan: ImportPlan) -> UUID:
    rows = [
        ImportRow(one.transaction.transaction_id, one.file_number, one.line, one.content_hash)
        for one in attempt.new
    ]
    rows += [ImportRow(name, 0, 0, content) for name, content in opening_rows(attempt)]
    files = [_file_columns(number, one) for number, one in enumerate(plan.files, start=1)]
    import_id = await store.add_import(db, [one.account_id for one in plan.effects], files, rows)
    await remember(db, attempt.answers)
    return import_id


def _file_columns(number: int, one: PlannedFile) -> dict[str, Any]:
    return {
        "file_number": number,
        "file_name": one.name[-255:],
        "sha256": bytes.fromhex(one.sha256),
        "reader": one.reader,
        "rows_read": one.read,
        "rows_new": one.new,
        "rows_there": one.there,
        "rows_left_out": one.left_out,
        "rows_skipped": one.skipped,
    }


async def _get(db: AnySession, import_id: UUID) -> KeptImport:
    found = await store.list_imports(db, import_id=import_id, most=1)
    if not found:
        raise UnknownImportError(import_id)
    return _kept(*found[0])


def _kept(one: StoredImport, files: Sequence[StoredImportFile]) -> KeptImport:
    return KeptImport(
        import_id=one.import_id,
        made_by=one.made_by,
        made_at=one.made_at,
        undone_by=one.undone_by,
        undone_at=one.undone_at,
        account_ids=tuple(one.account_ids),
        files=tuple(
            ImportedFile(
                name=file.file_name,
                sha256=file.sha256,
                reader=file.reader,
                read=file.rows_read,
                new=file.rows_new,
                there=file.rows_there,
                left_out=file.rows_left_out,
                skipped=file.rows_skipped,
            )
            for file in files
        ),
        transactions=one.transactions,
    )


# ── What would be done ──────────────────────────────────────────────────────────────────────────────────


def _plan_of(attempt: Attempt) -> ImportPlan:
    bookings = sorted(attempt.bookings, key=lambda one: (one.file_number, one.line))
    return ImportPlan(
        files=tuple(_planned_file(attempt, file) for file in attempt.files),
        bookings=tuple(
            PlannedBooking(one.file_name, one.line, one.standing, one.transaction, one.note)
            for one in bookings
        ),
        questions=attempt.answers.questions,
        refused=tuple(attempt.refused),
        skipped=tuple(note for file in attempt.files for note in (*file.skipped, *file.left_out)),
        flagged=tuple(attempt.flagged),
        new_assets=attempt.answers.new_assets,
        openings=tuple(attempt.openings),
        effects=tuple(attempt.effects),
        overdrawn=attempt.overdrawn,
        missing_prices=tuple(attempt.missing_prices),
        price_command=attempt.price_command,
        missing_rates=tuple(attempt.missing_rates),
        rate_command=attempt.rate_command,
        agreements=tuple(attempt.agreements),
        notes=tuple(attempt.notes),
    )


def _planned_file(attempt: Attempt, file: FileRows) -> PlannedFile:
    own = [one.standing for one in attempt.bookings if one.file_number == file.number]
    return PlannedFile(
        name=file.name,
        sha256=file.sha256,
        reader=file.reader.name,
        title=file.reader.title,
        read=len(file.records),
        new=own.count(Standing.NEW),
        there=own.count(Standing.THERE),
        left_out=len(file.left_out),
        skipped=len(file.skipped) + len(file.held),
        refused=sum(note.file_name == file.name for note in attempt.refused),
        waiting=attempt.waiting.get(file.number, 0),
    )


def _in_the_way(plan: ImportPlan) -> Iterator[str]:
    for question in plan.questions:
        rows = counted(question.rows, "row")
        yield f"{question.text} ({question.file_name} line {question.line}, {rows}) {question.option}"
    yield from (str(note) for note in plan.refused)
    if plan.overdrawn:
        yield plan.overdrawn
        for one in plan.openings:
            what = (
                f"{plain(one.quantity)} {one.asset_id}"
                if one.asset_id
                else f"{plain(one.amount or ZERO)} {one.currency}"
            )
            yield f"{one.account_id} may have had {what} before: {one.why}; --opening books it"
