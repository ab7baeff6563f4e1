"""Imports of statements at rest: what came in together, from which rows, and the files that wait for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class ImportAccount:
    """An account as an import sees it."""

    account_id: str
    account_name: str
    base_currency: str
    kept_by: str
    may_overdraw: bool
    may_short: bool


@dataclass(frozen=True, slots=True)
class RowThere:
    """The row that a transaction came from before, of an import that stands."""

    transaction_id: str
    content_hash: str
    file_name: str
    line: int


@dataclass(frozen=True, slots=True)
class OpenedBefore:
    """An opening that is booked: of units of an asset or, where `is_cash`, of money of a currency."""

    transaction_id: str
    account_id: str
    commodity: str
    is_cash: bool
    day: date


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds by the ledger: units of an asset or, where `is_cash`, money of a currency."""

    account_id: str
    commodity: str
    is_cash: bool
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class KnownDays:
    """The first and the last day of which an asset has a close, or a currency a rate; None = there is none."""

    name: str
    first: date | None
    last: date | None

    def reach(self, first: date, last: date, *, slack: int) -> bool:
        """Return whether they begin by a first day, and end at most `slack` days before a last one."""
        if self.first is None or self.last is None:
            return False
        return self.first <= first and (last - self.last).days <= slack


@dataclass(frozen=True, slots=True)
class BookedText:
    """A transaction as it stands, in few words, to be shown beside a row that says otherwise."""

    transaction_id: str
    kind: str
    day: date
    asset_id: str
    quantity: Decimal
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved on a day of an asset, or of money, in an account."""

    account_id: str
    commodity: str
    is_cash: bool
    day: date
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class StoredImport:
    """A row of `imports`, and how many transactions it booked."""

    import_id: UUID
    made_by: str
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None
    account_ids: list[str]
    transactions: int


@dataclass(frozen=True, slots=True)
class StoredImportFile:
    """A row of `import_files`; `sha256` in hex."""

    import_id: UUID
    file_name: str
    sha256: str
    reader: str
    rows_read: int
    rows_new: int
    rows_there: int
    rows_left_out: int
    rows_skipped: int


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row of `import_rows` to be written; file 0, line 0 = of no file."""

    transaction_id: str
    file_number: int
    line: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """A file that waits, without its content."""

    upload_id: UUID
    file_name: str
    size: int
    uploaded_at: datetime


async def get_import_accounts(db: AnySession) -> dict[str, ImportAccount]:
    """Return the accounts that are seen, by id."""
    rows = await db.execute(query("get_import_accounts"))
    return {row.account_id: ImportAccount(*row) for row in rows}


async def get_imported_rows(db: AnySession, transaction_ids: Sequence[str]) -> dict[str, RowThere]:
    """Return where transactions came from, of those that an import brought and that was not taken back."""
    rows = await db.execute(query("get_imported_rows"), {"transaction_ids": list(transaction_ids)})
    return {row.transaction_id: RowThere(*row) for row in rows}


async def get_opening_days(db: AnySession, account_ids: Collection[str]) -> dict[str, date]:
    """Return the first day on which something is booked, of accounts that have such a day."""
    rows = await db.execute(query("get_opening_days"), {"account_ids": list(account_ids)})
    return {row.account_id: row.first_day for row in rows}


async def get_openings(db: AnySession, account_ids: Collection[str]) -> list[OpenedBefore]:
    """Return the openings of accounts, by account and day."""
    rows = await db.execute(query("get_openings"), {"account_ids": list(account_ids)})
    return [OpenedBefore(*row) for row in rows]


async def get_files_there(db: AnySession, hashes: Collection[str]) -> list[tuple[str, UUID, datetime]]:
    """Return SHA-256 in hex, import and its time of files that came in before, of imports that stand."""
    values = {"file_hashes": [bytes.fromhex(one) for one in hashes]}
    rows = await db.execute(query("get_files_there"), values)
    return [(row.sha256, row.import_id, row.made_at) for row in rows]


async def get_booked_texts(db: AnySession, transaction_ids: Sequence[str]) -> dict[str, BookedText]:
    """Return transactions as they stand, by id; those that are gone are left out."""
    rows = await db.execute(query("get_booked_texts"), {"transaction_ids": list(transaction_ids)})
    return {row.transaction_id: BookedText(*row) for row in rows}


async def get_balances(db: AnySession, account_ids: Collection[str]) -> list[Balance]:
    """Return what accounts hold by the ledger, by account and commodity."""
    rows = await db.execute(query("get_import_balances"), {"account_ids": list(account_ids)})
    return [Balance(*row) for row in rows]


async def get_priced_days(db: AnySession, asset_ids: Collection[str]) -> dict[str, KnownDays]:
    """Return the days of which assets have closes; cash is left out."""
    rows = await db.execute(query("get_priced_days"), {"asset_ids": list(asset_ids)})
    return {row.asset_id: KnownDays(*row) for row in rows}


async def get_rated_days(db: AnySession, currencies: Collection[str]) -> dict[str, KnownDays]:
    """Return the days of which currencies have exchange rates."""
    rows = await db.execute(query("get_rated_days"), {"currencies": list(currencies)})
    return {row.currency: KnownDays(*row) for row in rows}


async def get_movements(db: AnySession, account_ids: Collection[str]) -> list[Movement]:
    """Return what moved in accounts, by account and commodity, each by day."""
    rows = await db.execute(query("get_daily_movements"), {"account_ids": list(account_ids)})
    return [Movement(*row) for row in rows]


async def lift_guards(db: WriteSession, account_ids: Collection[str]) -> None:
    """Let balances of accounts go below 0, until `restore_guards`; both in one transaction."""
    await db.execute(query("lift_guards"), {"account_ids": list(account_ids)})


async def restore_guards(db: WriteSession, accounts: Sequence[ImportAccount]) -> None:
    """Guard accounts as they were; refused where a balance is below 0 that may not."""
    values = {
        "account_ids": [one.account_id for one in accounts],
        "may_overdraw": [one.may_overdraw for one in accounts],
        "may_short": [one.may_short for one in accounts],
    }
    await db.execute(query("restore_guards"), values)


async def add_import(
    db: WriteSession,
    account_ids: Sequence[str],
    files: Sequence[Mapping[str, object]],
    rows: Sequence[ImportRow],
) -> UUID:
    """Keep an import, its files (columns of `import_files`) and its rows; return its key."""
    values: dict[str, Any] = {"account_ids": list(account_ids)}
    import_id: UUID = (await db.execute(query("insert_import"), values)).scalar_one()
    for file in files:
        await db.execute(query("insert_import_file"), {"import_id": import_id, **file})
    values = {
        "import_id": import_id,
        "transaction_ids": [row.transaction_id for row in rows],
        "file_numbers": [row.file_number for row in rows],
        "line_numbers": [row.line for row in rows],
        "content_hashes": [row.content_hash for row in rows],
    }
    await db.execute(query("insert_import_rows"), values)
    return import_id


async def list_imports(
    db: AnySession, *, import_id: UUID | None = None, most: int
) -> list[tuple[StoredImport, list[StoredImportFile]]]:
    """Return imports with their files, the newest first; with `import_id` that one."""
    found = [
        StoredImport(*row)
        for row in await db.execute(query("list_imports"), {"import_id": import_id, "most": most})
    ]
    files: dict[UUID, list[StoredImportFile]] = {one.import_id: [] for one in found}
    for row in await db.execute(query("get_import_files"), {"import_ids": list(files)}):
        files[row.import_id].append(StoredImportFile(*row))
    return [(one, files[one.import_id]) for one in found]


async def get_import_rows(db: AnySession, import_id: UUID) -> list[tuple[str, str, int]]:
    """Return id, file and line of the transactions of an import."""
    rows = await db.execute(query("get_import_rows"), {"import_id": import_id})
    return [(row.transaction_id, row.file_name, row.line_number) for row in rows]


async def mark_import_undone(db: WriteSession, import_id: UUID) -> bool:
    """Say that an import was taken back; False where it was before."""
    done = await db.execute(query("mark_import_undone"), {"import_id": import_id})
    return done.one_or_none() is not None


async def get_transactions_built_on(
    db: AnySession, import_id: UUID, account_id: str, commodity: str, *, most: int
) -> list[tuple[str, date, str]]:
    """Return id, day and kind of what was booked after an import about a commodity of an account."""
    values = {"import_id": import_id, "account_id": account_id, "commodity": commodity, "most": most}
    rows = await db.execute(query("get_transactions_built_on"), values)
    return [(row.transaction_id, row.transaction_date, row.transaction_type) for row in rows]


# ── Files that wait ─────────────────────────────────────────────────────────────────────────────────────


async def drop_old_uploads(db: WriteSession) -> None:
    """Forget every upload that is older than an hour, whoever's it is."""
    await db.execute(query("drop_old_uploads"))


async def lock_uploads(db: WriteSession) -> None:
    """Let uploads of one person come one after the other."""
    await db.execute(query("lock_uploads"))


async def add_upload(
    db: WriteSession, upload_id: UUID, file_name: str, key_sealed: bytes, content: bytes
) -> datetime:
    """Keep an encrypted file of whoever asks; return when it came."""
    values = {"upload_id": upload_id, "file_name": file_name, "key_sealed": key_sealed, "content": content}
    uploaded_at: datetime = (await db.execute(query("insert_upload"), values)).scalar_one()
    return uploaded_at


async def list_uploads(db: AnySession) -> list[StoredUpload]:
    """Return the files of whoever asks, the oldest first."""
    return [StoredUpload(*row) for row in await db.execute(query("list_uploads"))]


async def get_upload(db: AnySession, upload_id: UUID) -> tuple[str, bytes, bytes] | None:
    """Return name, key and content of a file of whoever asks, the last two encrypted; None where there is none."""
    row = (await db.execute(query("get_upload"), {"upload_id": upload_id})).one_or_none()
    return None if row is None else (row.file_name, row.key_sealed, row.content)


async def delete_uploads(db: WriteSession, upload_ids: Sequence[UUID]) -> int:
    """Forget files of whoever asks; return how many there were."""
    return len((await db.execute(query("delete_uploads"), {"upload_ids": list(upload_ids)})).all())
