"""The ledger: transactions recorded, posted and taken back, and its pages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.money import MONEY_PLACES
from steelyard.domain.transaction import Fault, Transaction, TransactionError, TransactionKind, find_fault
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.storage import ledger as store
from steelyard.storage.attachment import get_attached_tables
from steelyard.storage.audit import record_event
from steelyard.storage.connection import (
    ReadSession,
    WriteSession,
    reading,
    writing,
)
from steelyard.storage.ledger import Entry, OverdrawnError, Posted, Unposted

__all__ = [
    "LedgerPage",
    "OverdrawnError",
    "Posted",
    "Unposted",
    "change_transactions",
    "get_ledger_page",
    "get_unposted",
    "post_transactions",
    "record_transactions",
    "reverse_transactions",
]

MAX_PAGE: Final = 10_000
MAX_TEXT_LENGTH: Final = 1000
_BEFORE_ALL: Final = (date.min, 0)
_MONEY: Final = ("amount", "costs", "tax", "counter_amount")
_NUMBERS: Final = (*_MONEY, "quantity", "price", "counter_quantity", "basis_fraction")


class TransactionsAttachedError(ConflictError):
    """Transactions are kept by the firm, and only read here."""

    def __init__(self) -> None:
        """Name the way out."""
        super().__init__(
            "transactions is attached to a table of the firm, where Steelyard only reads: book there and run "
            "`steelyard refresh`, or `steelyard detach` first."
        )


class UnknownTransactionsError(NotFoundError):
    """Some ids are of no transaction."""

    def __init__(self, transaction_ids: Sequence[str]) -> None:
        """Name them."""
        super().__init__(
            f"No transaction is called {', '.join(transaction_ids)}; `steelyard ledger` lists them. "
            "Nothing was reversed."
        )


class SameTransactionTwiceError(InvalidInputError):
    """One id comes twice in one call."""

    def __init__(self, transaction_id: str) -> None:
        """Name it."""
        super().__init__(
            f"transaction {transaction_id} is there twice; give the other an id of its own. Nothing was booked."
        )


class TransactionTextError(InvalidInputError):
    """A name in a transaction is no text that a store can keep."""

    def __init__(self, transaction_id: str, item: str, why: str) -> None:
        """Name the transaction and what is wrong."""
        super().__init__(f"{item} of transaction {transaction_id!r:.80} {why}.")


class PageSizeError(InvalidInputError):
    """A page is to have no row, or too many."""

    def __init__(self, limit: int) -> None:
        """Name the bounds."""
        super().__init__(f"A page has 1 to {MAX_PAGE:,} rows, not {limit:,}.")


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A part of the journal.

    Attributes:
        entries: in the order of their days, then of their booking.
        next: what `after` is for the next page; None = this is the last.
    """

    entries: tuple[Entry, ...]
    next: tuple[date, int] | None


async def post_transactions(*, today: date, db: WriteSession | None = None) -> Posted:
    """Bring the ledger to what the table of transactions says, ours or an attached one.

    New rows are booked, those that differ from their entry are corrected by reversal, entries whose row is gone are
    reversed. A row that cannot be booked stays unposted with its fault, and is tried again next time.

    Args:
        today: the caller's date; what is dated later than the day after waits.
        db: the transaction to do it in; None opens one and commits it.

    Raises:
        OverdrawnError: a balance that may not go below 0 would; nothing is booked.
    """
    async with writing(db) as session:
        posted = await store.post_transactions(session, today)
        await _record(session, "ledger.post", posted)
        return posted


async def record_transactions(
    transactions: Sequence[Transaction],
    *,
    today: date,
    db: WriteSession | None = None,
) -> Posted:
    """Write transactions down and book them: all of them, or none.

    The same transaction again changes nothing; one of a known id that says something else is a correction.

    Args:
        transactions: exact numbers of less than 10^15, money of at most 8 decimals, the rest of at most 12.
        today: the caller's date; what is dated later than the day after is refused.
        db: the transaction to do it in; None opens one and commits it.

    Raises:
        TransactionError: one cannot be booked; it names which and why.
        AmountError: a number is not finite, too large or too fine.
        TransactionTextError, SameTransactionTwiceError: a name is no name, or stands for two.
        OverdrawnError: a balance that may not go below 0 would.
        TransactionsAttachedError: the table is a firm's.
    """
    async with writing(db) as session:
        posted = await change_transactions(session, transactions, (), today=today)
        await _record(session, "transaction.record", posted, [one.transaction_id for one in transactions])
        return posted


async def change_transactions(
    db: WriteSession, transactions: Sequence[Transaction], take_back: Sequence[str], *, today: date
) -> Posted:
    """Write some transactions down, take others back, and book it all at once: what others need comes with it or not.

    Args:
        db: the transaction to do it in; after an error it is only good for a rollback.
        transactions: as of `record_transactions`.
        take_back: ids to take out of the table; those that are not there change nothing.
        today: the caller's date.

    Raises:
        TransactionError, AmountError, TransactionTextError, SameTransactionTwiceError: one cannot be booked.
        OverdrawnError: a balance that may not go below 0 would.
        TransactionsAttachedError: the table is a firm's.
    """
    checked = [_checked(one, today) for one in transactions]
    ids = [one.transaction_id for one in checked]
    for transaction_id, count in Counter(ids).items():
        if count > 1:
            raise SameTransactionTwiceError(transaction_id)
    await _require_own_table(db)
    await store.lock_ledger(db)
    await _require_known_names(db, checked)
    if checked:
        await store.store_transactions(db, checked)
    gone = await store.delete_transactions(db, take_back) if take_back else []
    posted = await store.post_transactions(db, today, only=[*ids, *gone])
    for one in await store.get_unposted(db, only=ids) if posted.unposted else ():
        raise TransactionError(one.transaction_id, one.kind, one.fault)
    return posted


async def reverse_transactions(
    transaction_ids: Sequence[str],
    *,
    today: date,
    db: WriteSession | None = None,
) -> Posted:
    """Take transactions back: out of the table, and out of the balances by reversing entries; the journal keeps both.

    Args:
        transaction_ids: which.
        today: the caller's date.
        db: the transaction to do it in; None opens one and commits it.

    Raises:
        UnknownTransactionsError: an id is of no transaction; nothing is reversed.
        OverdrawnError: a balance that may not go below 0 would.
        TransactionsAttachedError: the table is a firm's.
    """
    async with writing(db) as session:
        await _require_own_table(session)
        await store.lock_ledger(session)
        found = await store.delete_transactions(session, transaction_ids)
        if unknown := sorted({*transaction_ids} - {*found}):
            raise UnknownTransactionsError(unknown)
        posted = await store.post_transactions(session, today, only=found)
        await _record(session, "transaction.reverse", posted, found)
        return posted


async def get_ledger_page(
    *,
    after: tuple[date, int] = _BEFORE_ALL,
    limit: int = 100,
    account_id: str | None = None,
    asset_id: str | None = None,
    kind: TransactionKind | None = None,
    with_reversed: bool = False,
    db: ReadSession | None = None,
) -> LedgerPage:
    """Return a part of the journal; every page costs the same, however far it lies.

    Args:
        after: day and entry to go on from, as the page before says.
        limit: rows, 1 to 10,000.
        account_id: only entries of this account, transfers to it included.
        asset_id: only entries about this asset.
        kind: only entries of this kind.
        with_reversed: whether entries that no longer stand are shown too, and their reversals.
        db: where to read; None opens a session.

    Raises:
        PageSizeError: `limit` is out of range.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise PageSizeError(limit)
    async with reading(db) as session:
        found = await store.get_journal_page(
            session,
            after=after,
            limit=limit + 1,
            account_id=account_id,
            asset_id=asset_id,
            kind=kind,
            with_reversed=with_reversed,
        )
    entries = tuple(found[:limit])
    goes_on = len(found) > limit
    return LedgerPage(
        entries, (entries[-1].transaction.trade_date, entries[-1].entry_id) if goes_on else None
    )


async def get_unposted(*, db: ReadSession | None = None) -> tuple[Unposted, ...]:
    """Return the transactions that are not in the ledger and why, by id."""
    async with reading(db) as session:
        return tuple(await store.get_unposted(session))


async def _record(db: WriteSession, action: str, posted: Posted, ids: Sequence[str] = ()) -> None:
    """Record what was booked, once for all of it; what changed nothing leaves no event."""
    if posted.booked or posted.reversed:
        facts = {"transactions": len(ids), "booked": posted.booked, "reversed": posted.reversed}
        kind = "transaction" if ids else "ledger"
        await record_event(db, action, kind, ids[0] if len(ids) == 1 else "", facts)


async def _require_own_table(db: WriteSession) -> None:
    if "transactions" in await get_attached_tables(db):
        raise TransactionsAttachedError


async def _require_known_names(db: WriteSession, transactions: Sequence[Transaction]) -> None:
    """See that accounts and assets are there, before a foreign key says it without naming the transaction."""
    accounts = {name for one in transactions for name in (one.account_id, one.counter_account_id) if name}
    assets = {name for one in transactions for name in (one.asset_id, one.counter_asset_id) if name}
    unknown = await store.get_unknown_names(db, sorted(accounts), sorted(assets))
    for one in transactions:
        if unknown[0] & {one.account_id, one.counter_account_id}:
            raise TransactionError(one.transaction_id, one.kind, Fault.UNKNOWN_ACCOUNT)
        if unknown[1] & {one.asset_id, one.counter_asset_id}:
            raise TransactionError(one.transaction_id, one.kind, Fault.UNKNOWN_ASSET)


def _checked(one: Transaction, today: date) -> Transaction:
    """Return a transaction whose numbers and names a store can keep as they are, and that can be booked."""
    for field in fields(one):
        value = getattr(one, field.name)
        if isinstance(value, str):
            _check_text(one, field.name, value)
    numbers = {name: _read_number(one, name) for name in _NUMBERS if getattr(one, name) is not None}
    checked = replace(one, **numbers)  # type: ignore[arg-type]  # the names are those of its numbers
    if fault := find_fault(checked, today=today):
        raise TransactionError(one.transaction_id, one.kind, fault)
    return checked


def _check_text(one: Transaction, name: str, value: str) -> None:
    if name == "transaction_id" and not value:
        raise TransactionTextError(value, name, "is empty: give it one that stays its own")
    if len(value) > MAX_TEXT_LENGTH or not value.isprintable():
        raise TransactionTextError(
            one.transaction_id,
            name,
            f"is longer than {MAX_TEXT_LENGTH:,} characters, or has one that does not print",
        )


def _read_number(one: Transaction, name: str) -> Decimal:
    item = f"{name} of transaction {one.transaction_id}"
    number = read_amount(item, getattr(one, name))
    if name in _MONEY and number != round(number, MONEY_PLACES):
        raise AmountError(item, number, f"finer than {MONEY_PLACES} decimals: round it as you mean it")
    return number
