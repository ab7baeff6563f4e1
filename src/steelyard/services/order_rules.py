"""What becomes of an order by what is known of it: pure, so that every case can be tried.

What is known is one of: the broker shows the order (`seen`), this call certainly left nothing there (`refused`,
`not_received`), nobody can say (`doubted`), or nothing new was learnt (`postponed`). `settle_until` says that some call
may have arrived unheard: "not received" of a later call then proves nothing about the earlier one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from steelyard.brokers.port import (
    BrokerOrder,
    BrokerOrderState,
    NotReceivedError,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.domain.order import ENDED, Order, OrderState

Outcome = BrokerOrder | RefusedError | NotReceivedError | OutcomeUnknownError
"""What came of a call that places an order."""

CALLS_BEFORE_A_PERSON: Final = 3
"""Calls without a clear answer, after which the owners are told that an order is unknown."""

NOT_PLACED: Final = frozenset({OrderState.SENDING, OrderState.UNKNOWN})
"""States in which the broker has not yet shown that it has the order."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, and how often they are looked at.

    Attributes:
        lease: how long a worker that has an order in hand is waited for.
        call: how long a broker is waited for; no call begins later than this before its lease ends.
        poll, longest_poll: between looks at an order at the broker; the older it is, the longer, a tenth of its age.
        retry, longest_retry: between tries of what did not reach the broker; twice as long each time.
        hold: between looks at an order that something holds back.
        fills, idle_fills: between readings of a link's fills, with orders open there and without.
        skew: how far the broker's clock may be from ours.
        day: how long an executed order that could not be sent waits until its day is over.
    """

    lease: timedelta = timedelta(seconds=60)
    call: timedelta = timedelta(seconds=20)
    poll: timedelta = timedelta(seconds=2)
    longest_poll: timedelta = timedelta(minutes=1)
    retry: timedelta = timedelta(seconds=2)
    longest_retry: timedelta = timedelta(minutes=5)
    hold: timedelta = timedelta(seconds=10)
    fills: timedelta = timedelta(seconds=5)
    idle_fills: timedelta = timedelta(minutes=1)
    skew: timedelta = timedelta(minutes=2)
    day: timedelta = timedelta(hours=24)

    def next_poll(self, order: Order, now: datetime) -> datetime:
        """When an order is looked at again."""
        age = now - (order.sent_at or now)
        return now + min(max(self.poll, age / 10), self.longest_poll)

    def next_try(self, order: Order, now: datetime) -> datetime:
        """When what did not reach the broker is tried again."""
        pause = self.retry
        for _ in range(1, order.attempts):
            if pause >= self.longest_retry:
                break
            pause *= 2
        return now + min(pause, self.longest_retry)

    def is_over(self, order: Order, now: datetime) -> bool:
        """Whether the day of an executed order is over, so that it is not sent any more."""
        return now > (order.released_at or order.made_at) + self.day


def open_state(order: Order) -> OrderState:
    """Return the state of an order that the broker has, by what of it is filled."""
    if order.filled_quantity >= order.quantity:
        return OrderState.FILLED
    return OrderState.PARTIALLY_FILLED if order.filled_quantity else OrderState.SENT


def let_go(order: Order) -> Order:
    """Take an order out of its worker's hand."""
    return replace(order, lease_owner=None, lease_until=None)


def postponed(order: Order, reason: str, until: datetime) -> Order:
    """Leave an order as it is, to be looked at again; the reason is for people.

    What was to be sent again stays `sending`, and in nobody's hand: that is how the next worker knows that nothing was.
    """
    until_then = until if order.state is OrderState.SENDING else None
    return replace(order, reason=reason, due_at=until, lease_owner=None, lease_until=until_then)


def ended(order: Order, state: OrderState, reason: str) -> Order:
    """End an order; nobody has to look at it any more."""
    return replace(let_go(order), state=state, reason=reason, due_at=None, settle_until=None, raised_at=None)


def intended(order: Order, now: datetime, timing: Timing) -> Order:
    """Write down that an order is about to be sent, with a lease that begins anew."""
    until = now + timing.lease
    return replace(
        order,
        state=OrderState.SENDING,
        reason="",
        sent_at=order.sent_at or now,
        attempts=order.attempts + 1,
        lease_until=until,
        due_at=until,
    )


def seen(order: Order, found: BrokerOrder, now: datetime, timing: Timing) -> Order:
    """Bring an order to what the broker shows.

    What is filled comes by its fills alone: until they have said as much as the broker does, the order goes on.
    """
    known = replace(
        let_go(order), broker_order_id=found.broker_order_id, settle_until=None, raised_at=None, reason=""
    )
    again = timing.next_poll(known, now)
    if order.state in ENDED:  # ended here: what is there all the same is cancelled, and somebody should know
        asked = now if is_open(found) else None
        return replace(
            known, reason=order.reason, raised_at=order.raised_at or asked, due_at=again if asked else None
        )
    if _has_ended(found) and found.filled_quantity <= order.filled_quantity:
        return ended(known, _ended_state(known, found), found.reason)
    return replace(known, state=open_state(known), due_at=again)


def concluded(order: Order, outcome: Outcome, window: timedelta, now: datetime, timing: Timing) -> Order:
    """Bring an order to what came of a call that places it.

    Args:
        order: as it is now, whoever changed it during the call.
        outcome: what came of the call.
        window: how long after a call an order may still appear at the broker.
        now: the time.
        timing: how soon to look again.
    """
    if isinstance(outcome, BrokerOrder):
        return seen(order, outcome, now, timing)
    if order.state not in NOT_PLACED:  # its fills came first
        return replace(let_go(order), due_at=None if order.state in ENDED else now)
    if isinstance(outcome, OutcomeUnknownError):
        return doubted(order, str(outcome), window, now, timing)
    if isinstance(outcome, RefusedError):
        return refused(order, outcome.reason, now, timing)
    return not_received(order, str(outcome), now, timing)


def refused(order: Order, why: str, now: datetime, timing: Timing) -> Order:
    """Bring an order to what a refusal says: the broker has nothing of this call."""
    if order.settle_until is not None and now < order.settle_until:
        why = f"The broker refused it ({why}), but an earlier call may have arrived."
        return _unknown(order, why, max(order.settle_until, timing.next_try(order, now)), now)
    return ended(order, OrderState.REJECTED, why)


def not_received(order: Order, why: str, now: datetime, timing: Timing) -> Order:
    """Bring an order to what a call that reached nobody says: it is tried again, later and later."""
    again = timing.next_try(order, now)
    if order.settle_until is not None:
        return _unknown(order, f"{why} An earlier call may have arrived.", again, now)
    return postponed(order, why, again)


def doubted(order: Order, why: str, window: timedelta, now: datetime, timing: Timing) -> Order:
    """Say that nobody knows whether the broker has an order, and until when it may still appear there.

    The first time it is due at once: a broker that keeps client ids is asked again, any other after the window.
    """
    until = max(now + window, order.settle_until or now)
    again = now if order.settle_until is None else timing.next_try(order, now)
    return replace(_unknown(order, why, again, now), settle_until=until)


def lost(order: Order, now: datetime, timing: Timing) -> Order:
    """Say that the broker, which had an order, does not know it any more: a person decides."""
    why = f"The broker does not know its order {order.broker_order_id} any more."
    return raised(replace(order, state=OrderState.UNKNOWN), why, now, timing)


def raised(order: Order, why: str, now: datetime, timing: Timing) -> Order:
    """Ask a person about an order, once; it is looked for on and on all the same."""
    return replace(
        let_go(order), reason=why, raised_at=order.raised_at or now, due_at=now + timing.longest_retry
    )


def alike(order: Order, listed: Sequence[BrokerOrder], symbol: str, timing: Timing) -> list[BrokerOrder]:
    """Return a broker's orders that an order without a key could be: of its symbol, side and quantity, at its time.

    Args:
        order: an unknown order.
        listed: orders of the broker.
        symbol: what the broker calls the asset.
        timing: how far the broker's clock may be from ours.
    """
    first = (order.sent_at or order.made_at) - timing.skew
    last = (order.settle_until or order.changed_at) + timing.skew
    return [
        found
        for found in listed
        if (found.symbol, found.side, found.quantity) == (symbol, order.side, order.quantity)
        and found.client_order_id in {"", order.client_order_id}
        and (found.submitted_at is None or first <= found.submitted_at <= last)
    ]


def _unknown(order: Order, why: str, due_at: datetime, now: datetime) -> Order:
    asked = now if order.attempts >= CALLS_BEFORE_A_PERSON else None
    return replace(
        let_go(order),
        state=OrderState.UNKNOWN,
        reason=why,
        due_at=due_at,
        raised_at=order.raised_at or asked,
    )


def is_open(found: BrokerOrder) -> bool:
    """Tell whether a broker may still execute something of its order."""
    return found.state in {BrokerOrderState.PENDING, BrokerOrderState.WORKING}


def _has_ended(found: BrokerOrder) -> bool:
    return found.state in {BrokerOrderState.CANCELLED, BrokerOrderState.REJECTED, BrokerOrderState.REPLACED}


def _ended_state(order: Order, found: BrokerOrder) -> OrderState:
    if found.state is BrokerOrderState.REJECTED and not order.filled_quantity:
        return OrderState.REJECTED
    return OrderState.CANCELLED
