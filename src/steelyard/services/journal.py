"""The journal as people read it: the newest entries, what accounts hold by it, and what waits outside."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypedDict

from steelyard.domain.scope import TENANT, Scope
from steelyard.domain.transaction import Fault, TransactionKind, describe_fault
from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.services.scope import require_scope
from steelyard.storage import booked as store
from steelyard.storage.booked import EntryDetails, EntryPosting, Held, JournalEntry
from steelyard.storage.connection import ReadSession, get_db_session, reading
from steelyard.storage.valuation import get_valuation_accounts

FROM_THE_NEWEST: Final = (date.max, 0)
MOST_ENTRIES: Final = 10_000
PLACE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}:[0-9]{1,18}")
"""A day, and the number of an entry."""


class PlaceError(InvalidInputError):
    """A place in the journal is not written as a page says it."""

    def __init__(self, text: str) -> None:
        """Show it, and the form."""
        super().__init__(
            f"{text!r} is no place in the journal; take it from the end of a page: 2024-03-14:1204."
        )


class UnknownEntryError(NotFoundError):
    """The journal has no such entry."""

    def __init__(self, entry_id: int) -> None:
        """Name it."""
        super().__init__(
            f"The journal has no entry {entry_id} that you may see; `steelyard ledger` lists them."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries of a scope.

    Attributes:
        account_id: of this account; None = of all of the scope.
        asset_id: about this asset; None = all.
        kind: of this kind; None = all.
        first, last: on these days and between them; None = without end.
        with_reversed: entries that no longer stand, too, and those that took them back.
    """

    account_id: str | None = None
    asset_id: str | None = None
    kind: TransactionKind | None = None
    first: date | None = None
    last: date | None = None
    with_reversed: bool = False


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A part of the journal.

    Attributes:
        entries: the newest first.
        older: where the page of those before it begins; "" = there are none.
        newer: where the page of those after it begins; "" = there are none.
    """

    entries: tuple[JournalEntry, ...]
    older: str
    newer: str


@dataclass(frozen=True, slots=True)
class EntryPapers:
    """An entry with all that is known of it."""

    entry: JournalEntry
    details: EntryDetails
    postings: tuple[EntryPosting, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction that is not booked, and why, in words."""

    transaction_id: str
    kind: str
    trade_date: date
    account_id: str
    asset_id: str
    fault: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """A part of the journal, and what it comes to.

    Attributes:
        entries: the newest first.
        after: where the next page goes on; "" = this is the last.
        balances: what accounts hold now by the ledger; money under its currency.
        kept_by: account → what says what it holds: snapshots or ledger.
        waiting: transactions that are not booked.
    """

    entries: tuple[JournalEntry, ...]
    after: str
    balances: tuple[Held, ...]
    kept_by: dict[str, str]
    waiting: tuple[Waiting, ...]


async def get_journal(
    db: ReadSession | None = None,
    *,
    scope: Scope = TENANT,
    after: str = "",
    limit: int = 20,
    asset_id: str | None = None,
    kind: TransactionKind | None = None,
    with_reversed: bool = False,
) -> JournalPage:
    """Return a page of the journal of a scope, with its balances and what is not booked.

    Args:
        db: a read session; None opens the default store.
        scope: the tenant, a household or an account.
        after: where the page before ended; "" = begin with the newest entry.
        limit: entries on the page, at most MOST_ENTRIES.
        asset_id: only entries about this asset.
        kind: only entries of this kind.
        with_reversed: entries that no longer stand, too, and those that took them back.

    Raises:
        UnknownScopeError: there is no such household or account.
        PlaceError: `after` is not what a page said.
    """
    before = read_place(after) if after else FROM_THE_NEWEST
    most = min(limit, MOST_ENTRIES)
    async with reading(db) as session:
        await require_scope(session, scope)
        _, accounts = await get_valuation_accounts(session, scope)
        own = [account.account_id for account in accounts]
        entries = await store.get_newest_entries(
            session,
            own,
            before=before,
            most=most + 1,
            asset_id=asset_id,
            kind=kind and kind.value,
            with_reversed=with_reversed,
        )
        return JournalPage(
            entries=tuple(entries[:most]),
            after=_place(entries[most - 1]) if len(entries) > most else "",
            balances=tuple(await store.get_held(session, own, date.max)),
            kept_by={account.account_id: account.kept_by for account in accounts},
            waiting=tuple(_waiting(await store.list_unposted(session, own))),
        )


async def get_entries(
    db: ReadSession,
    wanted: EntryFilter,
    *,
    scope: Scope = TENANT,
    older: str = "",
    newer: str = "",
    limit: int = 50,
) -> EntryPage:
    """Return a page of the entries of a scope.

    Args:
        db: a read session.
        wanted: which entries.
        scope: the tenant, a household or an account.
        older: where a page said that the older ones begin; "" = begin with the newest.
        newer: where a page said that the newer ones begin, in place of `older`.
        limit: entries on the page.

    Raises:
        UnknownScopeError: there is no such household or account.
        PlaceError: `older` or `newer` is not what a page said.
    """
    await require_scope(db, scope)
    own, which = await _accounts_of(db, scope, wanted.account_id), _which(wanted)
    before = read_place(older) if older else FROM_THE_NEWEST
    if newer:
        places = await store.get_places_after(db, own, after=read_place(newer), most=limit, **which)
        before = (places[-1][0], places[-1][1] + 1) if len(places) == limit else FROM_THE_NEWEST
    found = await store.get_newest_entries(db, own, before=before, most=limit + 1, **which)
    entries = tuple(found[:limit])
    is_first = not entries or not await store.get_places_after(
        db, own, after=(entries[0].trade_date, entries[0].entry_id), most=1, **which
    )
    return EntryPage(
        entries,
        older=_place(entries[-1]) if len(found) > limit else "",
        newer="" if is_first else _place(entries[0]),
    )


async def export_entries(
    wanted: EntryFilter, *, scope: Scope = TENANT, limit: int = 5_000
) -> AsyncIterator[JournalEntry]:
    """Give every entry of a scope, the newest first, in short transactions; arguments as `get_entries`.

    What is booked meanwhile may be among them or not; none comes twice.

    Raises:
        UnknownScopeError: there is no such household or account.
    """
    before = FROM_THE_NEWEST
    while True:
        async with get_db_session() as db:
            await require_scope(db, scope)
            own = await _accounts_of(db, scope, wanted.account_id)
            found = await store.get_newest_entries(db, own, before=before, most=limit, **_which(wanted))
        for entry in found:
            yield entry
        if len(found) < limit:
            return
        before = found[-1].trade_date, found[-1].entry_id


async def get_waiting(db: ReadSession, *, scope: Scope = TENANT) -> list[Waiting]:
    """Return the transactions of a scope that are not booked, the oldest first."""
    return _waiting(await store.list_unposted(db, await _accounts_of(db, scope, None)))


async def get_entry(db: ReadSession, entry_id: int) -> EntryPapers:
    """Return an entry with its postings.

    Raises:
        UnknownEntryError: there is none that is seen.
    """
    found = await store.get_entry(db, entry_id)
    if found is None:
        raise UnknownEntryError(entry_id)
    entry, details = found
    return EntryPapers(entry, details, tuple(await store.get_entry_postings(db, entry)))


async def _accounts_of(db: ReadSession, scope: Scope, account_id: str | None) -> list[str]:
    _, accounts = await get_valuation_accounts(db, scope)
    return [one.account_id for one in accounts if account_id in {None, one.account_id}]


class _Which(TypedDict):
    asset_id: str | None
    kind: str | None
    with_reversed: bool
    first: date
    last: date


def _which(wanted: EntryFilter) -> _Which:
    return {
        "asset_id": wanted.asset_id,
        "kind": wanted.kind and wanted.kind.value,
        "with_reversed": wanted.with_reversed,
        "first": wanted.first or date.min,
        "last": wanted.last or date.max,
    }


def read_place(text: str) -> tuple[date, int]:
    """Read where a page ended.

    Raises:
        PlaceError: it is not written as a page says it.

    >>> read_place("2024-03-14:1204")
    (datetime.date(2024, 3, 14), 1204)
    """
    if not PLACE.fullmatch(text):
        raise PlaceError(text)
    day, _, entry = text.partition(":")
    try:
        return date.fromisoformat(day), int(entry)
    except ValueError as error:
        raise PlaceError(text) from error


def _place(entry: JournalEntry) -> str:
    return f"{entry.trade_date}:{entry.entry_id}"


def _waiting(found: Sequence[store.WaitingTransaction]) -> list[Waiting]:
    return [
        Waiting(
            one.transaction_id,
            one.kind,
            one.trade_date,
            one.account_id,
            one.asset_id,
            one.fault,
            describe_fault(Fault(one.fault)),
        )
        for one in found
    ]


def cash_of(balances: Sequence[Held]) -> dict[str, Decimal]:
    """Sum money by currency.

    >>> cash_of([Held("A", "USD", True, Decimal(2)), Held("B", "USD", True, Decimal(3))])
    {'USD': Decimal('5')}
    """
    found: dict[str, Decimal] = {}
    for one in balances:
        if one.is_cash:
            found[one.commodity] = found.get(one.commodity, Decimal(0)) + one.quantity
    return found
