"""The ledger at rest: transactions posted, entries and postings read back as they were known at a moment."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.exc import DBAPIError

from steelyard.domain.amount import plain
from steelyard.domain.posting import Place
from steelyard.domain.transaction import ZERO, Fault, Transaction, TransactionKind
from steelyard.errors import ConflictError
from steelyard.storage.connection import ReadSession, WriteSession, raw_connection
from steelyard.storage.copying import read_fixed_rows
from steelyard.storage.loading import get_tenant, store_rows
from steelyard.storage.queries import query

if TYPE_CHECKING:
    import asyncpg

NOW: Final = datetime.max.replace(tzinfo=UTC)
"""As a moment of knowledge: all that is known."""

_FEW: Final = 20
_OVERDRAWN: Final = "SL001"
_POSTING: Final = {
    "entry": ">i8",
    "day": ">i4",
    "account": ">i4",
    "place": ">i4",
    "commodity": ">i4",
    "whole": ">i8",
    "parts": ">i8",
    "about_account": ">i4",
    "about_commodity": ">i4",
}
_QUANTITY: Final = pa.decimal128(27, 12)
_MONEY: Final = pa.decimal128(23, 8)
_STORED_AS: Final = {
    "transaction_id": "transaction_id",
    "account_id": "account_id",
    "asset_id": "asset_id",
    "transaction_date": "trade_date",
    "transaction_type": "kind",
    "quantity": "quantity",
    "price": "price",
    "currency": "currency",
    "total_amount": "amount",
    "transaction_costs": "costs",
    "settlement_date": "settlement_date",
    "tax_amount": "tax",
    "counter_account_id": "counter_account_id",
    "counter_asset_id": "counter_asset_id",
    "counter_quantity": "counter_quantity",
    "counter_currency": "counter_currency",
    "counter_amount": "counter_amount",
    "acquired_date": "acquired",
    "basis_fraction": "basis_fraction",
    "lot_id": "lot_id",
}
_MAY_LACK: Final = (
    "account_id",
    "asset_id",
    "counter_account_id",
    "counter_asset_id",
    "counter_currency",
    "lot_id",
)
_TRANSACTION: Final = pa.schema(
    [
        ("tenant_id", pa.int32()),
        ("transaction_id", pa.string()),
        ("account_id", pa.string()),
        ("asset_id", pa.string()),
        ("transaction_date", pa.date32()),
        ("transaction_type", pa.string()),
        ("quantity", _QUANTITY),
        ("price", _QUANTITY),
        ("currency", pa.string()),
        ("total_amount", _MONEY),
        ("transaction_costs", _MONEY),
        ("settlement_date", pa.date32()),
        ("tax_amount", _MONEY),
        ("counter_account_id", pa.string()),
        ("counter_asset_id", pa.string()),
        ("counter_quantity", _QUANTITY),
        ("counter_currency", pa.string()),
        ("counter_amount", _MONEY),
        ("acquired_date", pa.date32()),
        ("basis_fraction", pa.decimal128(18, 12)),
        ("lot_id", pa.string()),
    ]
)


class OverdrawnError(ConflictError):
    """A balance that may not go below 0 would.

    Attributes:
        account_id, commodity: whose balance, and of which asset or currency.
        balance: what there is.
        change: what the bookings together would add to it; 0 where the account was to be guarded as it is.
    """

    def __init__(self, account_id: str, commodity: str, balance: Decimal, change: Decimal) -> None:
        """Name the account, the commodity and the balance."""
        self.account_id, self.commodity, self.balance, self.change = account_id, commodity, balance, change
        wanted = f", and {plain(-change)} are to leave it" if change else ""
        super().__init__(
            f"Account {account_id} holds {plain(balance)} {commodity}{wanted}; it may not go below 0. "
            "Nothing was booked. Book less, book what comes in first, or let it: may_overdraw for money, may_short "
            "for units."
        )


@dataclass(frozen=True, slots=True)
class Posted:
    """What posting did.

    Attributes:
        booked: entries made.
        reversed: entries taken back; a correction does both.
        unposted: transactions that are in the tables and cannot be booked; see `get_unposted`.
    """

    booked: int
    reversed: int
    unposted: int


@dataclass(frozen=True, slots=True)
class Unposted:
    """A transaction that is not in the ledger, and why."""

    transaction_id: str
    kind: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the journal.

    Attributes:
        entry_id: its number, in the order of booking.
        transaction: what it books; a payment for every holder is negative, quantity and amount, for a short position.
        recorded_at: when we knew.
        held: units held at the open of its day, where what it moves follows from them; else None.
        revision: counts the entries of the same transaction and account.
        reverses: the entry it takes back; None = it books.
        reversed_by: the entry that takes it back, where the answer says so.
    """

    entry_id: int
    transaction: Transaction
    recorded_at: datetime
    held: Decimal | None
    revision: int
    reverses: int | None = None
    reversed_by: int | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries that stand, and what became of those before them.

    Attributes:
        entries: in the order of booking.
        reversed: earlier entries that no longer stand.
        last_entry_id: where to go on from next time.
    """

    entries: tuple[Entry, ...]
    reversed: frozenset[int]
    last_entry_id: int


@dataclass(frozen=True, slots=True)
class StoredPostings:
    """Postings of the entries that stand, a posting an element; numbers stand for names.

    Attributes:
        entry: which entry.
        day: days since 1970-01-01.
        account: place in `accounts`.
        place: place in `domain.posting.Place`.
        commodity: place in `commodities`.
        whole: units added to the place.
        parts: 10^-12 units beside them, of the same sign.
        about_account, about_commodity: the entry's account, and its asset, else its currency.
        accounts: names.
        commodities: names, and whether they are money.
    """

    entry: NDArray[np.int64]
    day: NDArray[np.int64]
    account: NDArray[np.int64]
    place: NDArray[np.int64]
    commodity: NDArray[np.int64]
    whole: NDArray[np.int64]
    parts: NDArray[np.int64]
    about_account: NDArray[np.int64]
    about_commodity: NDArray[np.int64]
    accounts: tuple[str, ...]
    commodities: tuple[tuple[str, bool], ...]


async def lock_ledger(db: WriteSession) -> None:
    """Hold other writers of the tenant's ledger back until the transaction ends."""
    await db.execute(query("lock_ledger"))


async def post_transactions(db: WriteSession, today: date, *, only: Sequence[str] | None = None) -> Posted:
    """Bring the ledger to what the transactions say; what is booked already and has not changed stays untouched.

    Args:
        db: the transaction to do it in.
        today: the caller's date; what is dated later than the day after waits.
        only: ids that may have changed; with them everything that follows from them. None looks at all.

    Raises:
        OverdrawnError: a balance that may not go below 0 would; the transaction is then only good for a rollback.
    """
    values = {"today": today, "transaction_ids": None if only is None else list(only)}
    with overdrafts_named():
        return Posted(*(await db.execute(query("post_transactions"), values)).one())


@contextmanager
def overdrafts_named() -> Iterator[None]:
    """Turn the server's refusal to overdraw into ours, which names the balance."""
    try:
        yield
    except DBAPIError as error:
        cause = None if error.orig is None else error.orig.__cause__
        if getattr(cause, "sqlstate", None) != _OVERDRAWN:
            raise
        said = json.loads(getattr(cause, "detail", "{}"))
        raise OverdrawnError(
            said["account_id"], said["commodity"], Decimal(said["balance"]), Decimal(said["change"])
        ) from error


async def store_transactions(db: WriteSession, transactions: Sequence[Transaction]) -> None:
    """Put transactions into the table: add those that are not stored, correct those that differ."""
    if len(transactions) <= _FEW:  # one by one, as a table to copy into costs more than they do
        for one in transactions:
            await db.execute(query("put_transaction"), _row_of(one))
        return
    tenant = await get_tenant(db)
    columns = {"tenant_id": [tenant.tenant_id] * len(transactions)} | _columns_of(transactions)
    await store_rows(db, "transactions", pa.Table.from_pydict(columns, _TRANSACTION))


async def delete_transactions(db: WriteSession, transaction_ids: Sequence[str]) -> list[str]:
    """Take transactions out of the table; return the ids that were there."""
    values = {"transaction_ids": list(transaction_ids)}
    return list((await db.execute(query("delete_transactions"), values)).scalars())


async def get_unknown_names(
    db: WriteSession, account_ids: Sequence[str], asset_ids: Sequence[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return which of some accounts, and which of some assets, are not stored."""
    values = {"account_ids": list(account_ids), "asset_ids": list(asset_ids)}
    found = [tuple(row) for row in await db.execute(query("get_unknown_names"), values)]
    return (
        frozenset(name for noun, name in found if noun == "account"),
        frozenset(name for noun, name in found if noun == "asset"),
    )


async def get_unposted(
    db: ReadSession | WriteSession, *, only: Sequence[str] | None = None
) -> list[Unposted]:
    """Return the transactions that are not in the ledger, by id; all of them, or those of some ids."""
    values = {"transaction_ids": None if only is None else list(only)}
    rows = await db.execute(query("get_unposted_transactions"), values)
    return [Unposted(transaction_id, kind, Fault(fault)) for transaction_id, kind, fault in rows]


async def get_entries(db: ReadSession | WriteSession, *, known_at: datetime = NOW, after: int = 0) -> Entries:
    """Return the entries that stand.

    Args:
        db: where to read.
        known_at: what was recorded by then counts, and what was reversed by then does not.
        after: leave out entries up to this one; those of them that no longer stand are named in the answer.
    """
    connection = await raw_connection(db)
    values = (after, known_at)
    rows = await connection.fetch(query("get_entries").text, *values)
    [since] = await connection.fetch(query("get_reversed_since").text, *values)
    return Entries(
        tuple(_entry_of(row) for row in rows), frozenset(since["reversed"]), since["last_entry_id"]
    )


async def get_posting_columns(
    db: ReadSession | WriteSession, *, known_at: datetime = NOW, after: int = 0
) -> StoredPostings:
    """Return the postings of the entries that stand, as whole arrays; arguments as of `get_entries`."""
    connection = await raw_connection(db)
    names = await connection.fetch(query("get_posted_names").text)
    accounts = sorted({row["account_id"] for row in names})
    commodities = sorted({(row["commodity"], row["is_cash"]) for row in names})
    columns = await read_fixed_rows(
        connection,
        query("get_posting_columns").text,
        _POSTING,
        after,
        known_at,
        accounts,
        [name for name, _ in commodities],
        [is_cash for _, is_cash in commodities],
        [place.value for place in Place],
    )
    return StoredPostings(**columns, accounts=tuple(accounts), commodities=tuple(commodities))


async def get_journal_page(
    db: ReadSession,
    *,
    after: tuple[date, int],
    limit: int,
    account_id: str | None = None,
    asset_id: str | None = None,
    kind: TransactionKind | None = None,
    with_reversed: bool = False,
) -> list[Entry]:
    """Return entries in the order of their days, then of their booking.

    Args:
        db: where to read.
        after: day and entry to go on from; neither is in the answer.
        limit: at most this many.
        account_id: only entries of this account, transfers to it included.
        asset_id: only entries about this asset.
        kind: only entries of this kind.
        with_reversed: whether entries that no longer stand are shown too, and their reversals.
    """
    values: list[object] = [*after, limit, with_reversed, account_id, kind and kind.value]
    name = "get_journal_page" if asset_id is None else "get_journal_page_of_asset"
    connection = await raw_connection(db)
    rows = await connection.fetch(query(name).text, *values, *([] if asset_id is None else [asset_id]))
    return [_entry_of(row) for row in rows]


def _entry_of(row: "asyncpg.Record") -> Entry:
    transaction = Transaction(
        transaction_id=row["external_id"],
        kind=TransactionKind(row["kind"]),
        trade_date=row["trade_date"],
        account_id=row["account_id"],
        currency=row["currency"],
        amount=row["amount"],
        costs=row["costs"] or ZERO,
        tax=row["tax"] or ZERO,
        asset_id=row["asset_id"] or "",
        quantity=row["quantity"],
        price=row["price"],
        settlement_date=row["settlement_date"],
        counter_account_id=row["counter_account_id"] or "",
        counter_asset_id=row["counter_asset_id"] or "",
        counter_quantity=row["counter_quantity"] or ZERO,
        counter_currency=row["counter_currency"] or "",
        counter_amount=row["counter_amount"] or ZERO,
        acquired=row["acquired_date"],
        basis_fraction=row["basis_fraction"],
        lot_id=row["lot_id"] or "",
    )
    return Entry(
        row["entry_id"],
        transaction,
        row["recorded_at"],
        row["held"],
        row["revision"],
        row["reverses"],
        row.get("reversed_by"),
    )


def _row_of(one: Transaction) -> dict[str, Any]:
    return {column: values[0] for column, values in _columns_of([one]).items()}


def _columns_of(transactions: Sequence[Transaction]) -> dict[str, list[Any]]:
    """Return transactions as columns of their table, where a name that is not there is no value."""
    columns = {column: [*map(attrgetter(name), transactions)] for column, name in _STORED_AS.items()}
    return columns | {column: [name or None for name in columns[column]] for column in _MAY_LACK}
