"""Syncing with a broker: its fills and activities into the ledger, once each, and then what it holds against it.

Activities are dividends, fees, deposits: whatever is no trade. How far they were read is kept with what they book, so
reading goes on where it stopped, and what comes twice is booked once by its key.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from steelyard.brokers.port import Broker, BrokerActivity
from steelyard.domain.amount import AmountError
from steelyard.domain.posting import RULES
from steelyard.domain.transaction import ZERO, Transaction, TransactionError, TransactionKind
from steelyard.errors import ConflictError, SteelyardError
from steelyard.identity.vault import Vault
from steelyard.services.broker_reconciliation import Reconciled, accounts_by_number, reconcile_link
from steelyard.services.fill_reading import collect_fills
from steelyard.services.ledger import (
    OverdrawnError,
    TransactionsAttachedError,
    TransactionTextError,
    change_transactions,
)
from steelyard.storage import broker_link as stored
from steelyard.storage.audit import record_event
from steelyard.storage.broker_link import BrokerLink
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.fill import find_symbol
from steelyard.storage.notice import notify_owners

TRADES: Final = frozenset(
    {TransactionKind.BUY, TransactionKind.SELL, TransactionKind.SHORT, TransactionKind.COVER}
)
BOOKABLE: Final = frozenset(RULES) - TRADES - {TransactionKind.OPENING}
"""Kinds that an activity can be booked as: what they move follows from their own words."""

_REFUSALS: Final = (
    OverdrawnError,
    TransactionError,
    TransactionTextError,
    TransactionsAttachedError,
    AmountError,
)


@dataclass(frozen=True, slots=True)
class UnbookedActivity:
    """An activity that nobody can book by rule, and why; what it moves shows as a break."""

    activity: BrokerActivity
    why: str


@dataclass(frozen=True, slots=True)
class Synced:
    """What came of syncing a link.

    Attributes:
        fills: how many executions and busts the broker told, known ones included.
        activities: how many it told.
        unbooked: those of them that a person has to look at.
        reconciled: what came of comparing afterwards.
    """

    fills: int
    activities: int
    unbooked: tuple[UnbookedActivity, ...]
    reconciled: Reconciled


@dataclass(frozen=True, slots=True)
class SyncedLink:
    """What came of one link of several.

    Attributes:
        link_name: what people call it.
        synced: what came of it; None = it failed.
        fault: why it failed; "" = it did not.
    """

    link_name: str
    synced: Synced | None
    fault: str = ""


class NotInStepError(ConflictError):
    """Brokers and the ledger do not say the same, or a link did not answer."""

    def __init__(self, *, failed: int, breaks: int, unbooked: int) -> None:
        """Count what needs somebody, and say where it stands."""
        parts = [(failed, "links failed"), (breaks, "breaks stand"), (unbooked, "activities are not booked")]
        said = ", ".join(f"{count} {what}" for count, what in parts if count)
        super().__init__(f"{said}. What differs is listed, and explained, by: steelyard reconcile breaks")


def require_agreement(done: Sequence[SyncedLink]) -> None:
    """Return where every link answered and brokers and ledger say the same, as far as it can be judged now.

    Raises:
        NotInStepError: they do not.
    """
    synced = [one.synced for one in done if one.synced is not None]
    failed = len(done) - len(synced)
    breaks = sum(len(one.reconciled.found) + len(one.reconciled.standing) for one in synced)
    unbooked = sum(len(one.unbooked) for one in synced)
    if failed or breaks or unbooked:
        raise NotInStepError(failed=failed, breaks=breaks, unbooked=unbooked)


async def sync_link(broker: Broker, vault: Vault, link_id: UUID, *, clock: Callable[[], datetime]) -> Synced:
    """Bring fills and activities of a link into the ledger, and compare what its accounts hold.

    Args:
        broker: the link, open.
        vault: opens the accounts' numbers.
        link_id: the link.
        clock: the time, with its zone.

    Raises:
        NoAccountsError: no account is on the link.
        RefusedError, NotReceivedError, OutcomeUnknownError: the broker did not say; what was booked stays.
    """
    accounts = await accounts_by_number(vault, link_id)
    fills = await collect_fills(broker.list_fills, link_id, today=lambda: clock().date())
    activities, unbooked = await _take_activities(broker, link_id, accounts, clock())
    reconciled = await reconcile_link(broker, vault, link_id, clock=clock)
    return Synced(fills, activities, tuple(unbooked), reconciled)


async def sync_links(
    open_broker: Callable[[UUID], Awaitable[Broker]],
    vault: Vault,
    links: Sequence[BrokerLink],
    *,
    clock: Callable[[], datetime],
) -> list[SyncedLink]:
    """Sync links one after the other; one that fails keeps none of the others from it.

    Args:
        open_broker: gives the broker of a link; whoever gave it closes it.
        vault: opens the accounts' numbers.
        links: which.
        clock: the time, with its zone.
    """
    done = []
    for link in links:
        try:
            broker = await open_broker(link.link_id)
            synced = await sync_link(broker, vault, link.link_id, clock=clock)
            done.append(SyncedLink(link.link_name, synced))
        except SteelyardError as error:
            done.append(SyncedLink(link.link_name, None, str(error)))
    return done


async def _take_activities(
    broker: Broker, link_id: UUID, accounts: dict[str, list[str]], now: datetime
) -> tuple[int, list[UnbookedActivity]]:
    """Book what there is after the place where reading stopped; return how many there were, and what is not booked."""
    count, unbooked, goes_on = 0, list[UnbookedActivity](), True
    while goes_on:
        goes_on, told, refused = await _take_page(broker, link_id, accounts, now)
        count += told
        unbooked += refused
    return count, unbooked


async def _take_page(
    broker: Broker, link_id: UUID, accounts: dict[str, list[str]], now: datetime
) -> tuple[bool, int, list[UnbookedActivity]]:
    """Book the next page of activities, together with how far was read; answers whether there may be another."""
    async with get_write_session() as db:
        before = await stored.hold_activities_page(db, link_id)
        activities, after = await broker.list_activities(before)
        refused = [
            UnbookedActivity(one, why)
            for one in activities
            if (why := await _book(db, link_id, accounts, one, now))
        ]
        await stored.turn_activities_page(db, link_id, after)
        await _tell(db, link_id, activities, refused)
    return after != before, len(activities), refused


async def _book(
    db: WriteSession, link_id: UUID, accounts: dict[str, list[str]], one: BrokerActivity, now: datetime
) -> str:
    """Book an activity; return why nobody can, "" = it is."""
    own = accounts.get(one.account_number, [])
    asset_id = await find_symbol(db, one.symbol) if one.symbol else ""
    kind = next((kind for kind in BOOKABLE if kind == one.kind), None)
    if kind is None:
        return f"is a {one.said!r}, which no kind of the ledger says"
    if len(own) != 1:
        return f"is of account {one.account_number!r} there, which {len(own)} accounts here share"
    if asset_id is None:
        return f"is of {one.symbol!r}, which is no asset here"
    try:
        async with db.begin_nested():
            await change_transactions(
                db, [_transaction(link_id, own[0], kind, asset_id, one)], (), today=now.date()
            )
    except _REFUSALS as error:
        return str(error)
    return ""


def _transaction(
    link_id: UUID, account_id: str, kind: TransactionKind, asset_id: str, one: BrokerActivity
) -> Transaction:
    return Transaction(
        transaction_id=f"activity:{link_id}:{one.activity_id}",
        kind=kind,
        trade_date=one.booked_at.date(),
        account_id=account_id,
        currency=one.currency,
        amount=one.amount,
        asset_id=asset_id,
        quantity=(one.quantity or ZERO) if RULES[kind].units else ZERO,
    )


async def _tell(
    db: WriteSession,
    link_id: UUID,
    activities: Sequence[BrokerActivity],
    refused: Sequence[UnbookedActivity],
) -> None:
    """Record what was booked, and word for word what was not."""
    if refused:
        await notify_owners(db, "activity.refuse")
    for one in refused:
        facts = {
            "activity": one.activity.activity_id,
            "said": one.activity.said,
            "symbol": one.activity.symbol,
            "amount": f"{one.activity.amount:f}",
            "currency": one.activity.currency,
            "booked_at": one.activity.booked_at.isoformat(),
            "why": one.why,
        }
        await record_event(db, "activity.refuse", "broker_link", str(link_id), facts)
    if activities:
        facts = {"activities": str(len(activities)), "refused": str(len(refused))}
        await record_event(db, "activity.book", "broker_link", str(link_id), facts)
