"""Importing statements: rows of files become transactions, all of them or none, and can be taken back as a whole."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from steelyard.identity.vault import Vault
from steelyard.services.statement_plan import (
    Choices,
    Imported,
    ImportedRow,
    ImportPlan,
    KeptImport,
    StatementFile,
)
from steelyard.storage.connection import ReadSession, WriteSession


async def plan_import(
    files: Sequence[StatementFile],
    choices: Choices,
    *,
    today: date,
    vault: Vault | None = None,
    db: WriteSession | None = None,
) -> ImportPlan:
    """Say what an import would do, by doing it and taking it back: nothing is stored.

    Args:
        files: what to read, in any order.
        choices: what a person decided.
        today: the caller's date; rows dated later than the day after are refused.
        vault: finds accounts by the names that statements give them; None = no answer of the past is known.
        db: the transaction to do it in; None opens one.

    Raises:
        StatementError, UnknownFileError, TwoKindsError, UnknownReaderError, NotThisKindError: a file is not read.
        ImportChoiceError: a choice names an account or an asset that is not there.
        TransactionsAttachedError: the table is a firm's.
    """
    raise NotImplementedError


async def run_import(
    files: Sequence[StatementFile],
    choices: Choices,
    *,
    today: date,
    vault: Vault | None = None,
    db: WriteSession | None = None,
) -> Imported:
    """Import files: everything that is new in them, or nothing. The same files again change nothing.

    Args:
        files, choices, today, vault: as of `plan_import`; with a vault the answers are remembered.
        db: the transaction to do it in; None opens one and commits it.

    Raises:
        ImportRefusedError: a row is refused and nobody left it out, a question is open, or the ledger would refuse it;
            it carries the plan.
        SteelyardError: as `plan_import`.
    """
    raise NotImplementedError


async def list_imports(
    *, limit: int = 50, db: ReadSession | WriteSession | None = None
) -> tuple[KeptImport, ...]:
    """Return the imports that the caller may see, the newest first; those that were taken back, too."""
    raise NotImplementedError


async def get_import(
    import_id: UUID, *, db: ReadSession | WriteSession | None = None
) -> tuple[KeptImport, tuple[ImportedRow, ...]]:
    """Return an import and its transactions, by file and line.

    Raises:
        UnknownImportError: there is none of that key, or it is not the caller's to see.
    """
    raise NotImplementedError


async def undo_import(import_id: UUID, *, today: date, db: WriteSession | None = None) -> KeptImport:
    """Take an import back: all it booked is reversed in one transaction; the journal keeps both.

    Raises:
        UnknownImportError: there is none of that key, or it is not the caller's to see.
        ImportUndoneError: it was taken back before.
        ImportBuiltOnError: what was booked later would overdraw an account; it names which, and of what.
    """
    raise NotImplementedError
