"""What is booked, exact: transactions, what was held, what flowed, and the prices of those days."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.storage.connection import raw_connection
from steelyard.storage.queries import query
from steelyard.storage.valuation import ALWAYS

if TYPE_CHECKING:
    import asyncpg


@dataclass(frozen=True, slots=True)
class Held:
    """Units or money that an account held; `commodity` is an asset or, where `is_cash`, a currency."""

    account_id: str
    commodity: str
    is_cash: bool
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ExternalFlow:
    """What an entry brought from outside, or took there (negative)."""

    entry_id: int
    transaction_id: str
    kind: str
    trade_date: date
    account_id: str
    commodity: str
    is_cash: bool
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class BookedAmount:
    """Income received, or a fee or tax paid; `place` says which. Negative = paid instead, or refunded."""

    entry_id: int
    transaction_id: str
    kind: str
    trade_date: date
    account_id: str
    asset_id: str
    currency: str
    amount: Decimal
    place: str


@dataclass(frozen=True, slots=True)
class QuantityPosting:
    """A posting behind what is held."""

    entry_id: int
    transaction_id: str
    kind: str
    trade_date: date
    account_id: str
    commodity: str
    is_cash: bool
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """An entry as it stands in the journal; names that are not there are empty, numbers 0.

    Attributes:
        entry_id: its number.
        recorded_at: when we knew.
        reverses: the entry it takes back; None = it books.
        reversed_by: the entry that takes it back; None = it stands.
    """

    entry_id: int
    recorded_at: datetime
    transaction_id: str
    kind: str
    trade_date: date
    account_id: str
    asset_id: str
    quantity: Decimal
    price: Decimal | None
    currency: str
    amount: Decimal
    costs: Decimal
    counter_account_id: str
    counter_asset_id: str
    counter_quantity: Decimal
    counter_currency: str
    counter_amount: Decimal
    reverses: int | None
    reversed_by: int | None


@dataclass(frozen=True, slots=True)
class EntryDetails:
    """What else is known of an entry of the journal.

    Attributes:
        source: where the transaction stands.
        revision: counts up with each entry of the same transaction and account.
        settlement_date: when cash and units move; None = on the trade date.
        tax: what of the costs is tax.
        acquired: of an opening lot, the day it was bought.
        basis_fraction: share of the basis that goes to the other asset.
        lot_id: the lot a sale names; "" = by the account's method.
        held: units held at the open of its day, where what it moves follows from them.
    """

    source: str
    revision: int
    settlement_date: date | None
    tax: Decimal
    acquired: date | None
    basis_fraction: Decimal | None
    lot_id: str
    held: Decimal | None


@dataclass(frozen=True, slots=True)
class EntryPosting:
    """A line of an entry: what it adds to a place of an account; negative = taken from it."""

    account_id: str
    place: str
    commodity: str
    is_cash: bool
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class WaitingTransaction:
    """A transaction that is not booked; `fault` says why."""

    transaction_id: str
    fault: str
    kind: str
    trade_date: date
    account_id: str
    asset_id: str


@dataclass(frozen=True, slots=True)
class StatedPosition:
    """What an account holds of an asset by what keeps it; quantity is None where it is kept as weights."""

    account_id: str
    asset_id: str
    asset_name: str
    asset_type: str
    currency: str
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class QuotedPrice:
    """A price as it is quoted: `currency` may be a unit such as GBX."""

    asset_id: str
    day: date
    currency: str
    price: Decimal
    price_date: date


async def get_booked_transactions(
    db: AsyncSession,
    account_ids: Collection[str],
    until: date,
    *,
    after_entry: int = 0,
    known_at: datetime = ALWAYS,
) -> list[Transaction]:
    """Return the entries that stand of accounts, and of those that assets came from or went to, up to a day.

    Args:
        db: a session.
        account_ids: the accounts.
        until: the last day.
        after_entry: only entries booked later.
        known_at: only those that stood at this moment.
    """
    connection = await raw_connection(db)
    rows = await connection.fetch(
        query("get_booked_transactions").text, list(account_ids), until, known_at, after_entry
    )
    return [_transaction(row) for row in rows]


def _transaction(row: "asyncpg.Record") -> Transaction:
    """Return a row of get_booked_transactions, whose columns are named as the fields are."""
    values: dict[str, Any] = dict(row)
    return Transaction(**values | {"kind": TransactionKind(row["kind"])})


async def get_held(
    db: AsyncSession, account_ids: Sequence[str], as_of: date, *, known_at: datetime = ALWAYS
) -> list[Held]:
    """Return what accounts held at the end of a day by the ledger; what is 0 is left out.

    By the balances, or by the entries that stood at a moment.
    """
    values: dict[str, object] = {"account_ids": list(account_ids), "as_of": as_of}
    if known_at == ALWAYS:
        return [Held(*row) for row in await db.execute(query("get_held"), values)]
    return [Held(*row) for row in await db.execute(query("get_held_known"), values | {"known_at": known_at})]


async def get_scope_positions(
    db: AsyncSession, account_ids: Sequence[str], as_of: date
) -> list[StatedPosition]:
    """Return what accounts held on a day, by what keeps each: its newest snapshot, or the ledger."""
    values = {"account_ids": list(account_ids), "as_of": as_of}
    return [StatedPosition(*row) for row in await db.execute(query("get_scope_positions"), values)]


async def get_external_flows(
    db: AsyncSession,
    account_ids: Sequence[str],
    places: Collection[str],
    after: date,
    until: date,
    *,
    after_entry: int = 0,
    known_at: datetime = ALWAYS,
) -> list[ExternalFlow]:
    """Return what came into accounts from outside all of them, and what left, after one day and until another.

    Args:
        db: a session.
        account_ids: the accounts; what moves between them is no flow.
        places: what counts as outside: the place of that name, and fees or taxes where they do.
        after: the day before the first.
        until: the last day.
        after_entry: only entries booked later.
        known_at: only what stood at this moment.
    """
    values = {
        "account_ids": list(account_ids),
        "places": list(places),
        "after": after,
        "until": until,
        "after_entry": after_entry,
        "known_at": known_at,
    }
    return [ExternalFlow(*row) for row in await db.execute(query("get_external_flows"), values)]


async def get_prices_on_days(db: AsyncSession, wanted: Iterable[tuple[str, date]]) -> list[QuotedPrice]:
    """Return the last price of an asset on or before a day, for pairs of both; those without one are left out."""
    pairs = sorted(set(wanted))
    values = {"asset_ids": [asset for asset, _ in pairs], "days": [day for _, day in pairs]}
    return [QuotedPrice(*row) for row in await db.execute(query("get_prices_on_days"), values)]


async def get_quantity_postings(
    db: AsyncSession, account_ids: Sequence[str], as_of: date, *, known_at: datetime = ALWAYS
) -> list[QuantityPosting]:
    """Return the postings behind what accounts held at the end of a day, as they stood at a moment."""
    values = {"account_ids": list(account_ids), "as_of": as_of, "known_at": known_at}
    return [QuantityPosting(*row) for row in await db.execute(query("get_quantity_postings"), values)]


async def get_newest_entries(
    db: AsyncSession,
    account_ids: Sequence[str],
    *,
    before: tuple[date, int],
    most: int,
    asset_id: str | None = None,
    kind: str | None = None,
    with_reversed: bool = False,
    first: date = date.min,
    last: date = date.max,
) -> list[JournalEntry]:
    """Return entries of accounts, the newest first.

    Args:
        db: a session.
        account_ids: whose; transfers to them too.
        before: day and entry to go on from; neither is in the answer.
        most: at most so many.
        asset_id: only about this asset; None = all.
        kind: only of this kind; None = all.
        with_reversed: entries that no longer stand, too, and those that took them back.
        first: the first day.
        last: the last day.
    """
    values = {
        "account_ids": list(account_ids),
        "before_day": before[0],
        "before_entry": before[1],
        "most": most,
        "asset_id": asset_id,
        "kind": kind,
        "with_reversed": with_reversed,
        "first": first,
        "last": last,
    }
    return [JournalEntry(*row) for row in await db.execute(query("get_newest_entries"), values)]


async def get_places_after(
    db: AsyncSession,
    account_ids: Sequence[str],
    *,
    after: tuple[date, int],
    most: int,
    asset_id: str | None = None,
    kind: str | None = None,
    with_reversed: bool = False,
    first: date = date.min,
    last: date = date.max,
) -> list[tuple[date, int]]:
    """Return day and number of the entries that follow one, the oldest first; arguments as `get_newest_entries`."""
    values = {
        "account_ids": list(account_ids),
        "after_day": after[0],
        "after_entry": after[1],
        "most": most,
        "asset_id": asset_id,
        "kind": kind,
        "with_reversed": with_reversed,
        "first": first,
        "last": last,
    }
    return [(row.trade_date, row.entry_id) for row in await db.execute(query("get_places_after"), values)]


async def get_entry(db: AsyncSession, entry_id: int) -> tuple[JournalEntry, EntryDetails] | None:
    """Return an entry of the journal; None = there is none that is seen."""
    row = (await db.execute(query("get_entry_details"), {"entry_id": entry_id})).one_or_none()
    if row is None:
        return None
    *details, day, account_id = row
    before = (day, entry_id + 1)
    found = await get_newest_entries(
        db, [account_id], before=before, most=1, with_reversed=True, first=day, last=day
    )
    return found[0], EntryDetails(*details)


async def get_entry_postings(db: AsyncSession, entry: JournalEntry) -> list[EntryPosting]:
    """Return what an entry moves, line by line."""
    values = {"entry_id": entry.entry_id, "trade_date": entry.trade_date}
    return [EntryPosting(*row) for row in await db.execute(query("get_entry_postings"), values)]


async def list_unposted(db: AsyncSession, account_ids: Sequence[str]) -> list[WaitingTransaction]:
    """Return the transactions of accounts that are not booked, the oldest first."""
    rows = await db.execute(query("list_unposted_of_scope"), {"account_ids": list(account_ids)})
    return [WaitingTransaction(*row) for row in rows]


async def get_booked_amounts(
    db: AsyncSession,
    account_ids: Sequence[str],
    after: date,
    until: date,
    *,
    after_entry: int = 0,
    known_at: datetime = ALWAYS,
) -> list[BookedAmount]:
    """Return income, fees and taxes of accounts after one day and until another; arguments as `get_external_flows`."""
    values = {
        "account_ids": list(account_ids),
        "after": after,
        "until": until,
        "after_entry": after_entry,
        "known_at": known_at,
    }
    return [BookedAmount(*row) for row in await db.execute(query("get_booked_amounts"), values)]


async def count_unposted(db: AsyncSession, account_ids: Sequence[str]) -> dict[str, int]:
    """Return how many transactions of accounts are not booked, by fault."""
    rows = await db.execute(query("get_unposted_of_scope"), {"account_ids": list(account_ids)})
    return {row.fault: row.transactions for row in rows}
