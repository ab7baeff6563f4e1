"""The journal as people read it: the newest entries, what accounts hold by it, and what waits outside."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.domain.scope import TENANT, Scope
from steelyard.domain.transaction import Fault, TransactionKind, describe_fault
from steelyard.errors import InvalidInputError
from steelyard.services.portfolio import reading
from steelyard.services.scope import require_scope
from steelyard.storage import booked as store
from steelyard.storage.booked import Held, JournalEntry
from steelyard.storage.connection import ReadSession
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
