"""What becomes of an order by what is known of it: pure, so that every case can be tried.

What is known is one of: the broker shows the order (`seen`), it certainly has nothing (`refused`, `not_received`), nobody
can say (`doubted`), or nothing new was learnt (`postponed`). `settle_until` of an order that no broker's key is known of
says that some call may still arrive: then "not received" of a later call proves nothing about the earlier one.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from steelyard.brokers.port import BrokerOrder, BrokerOrderState
from steelyard.domain.order import ENDED, Order, OrderState

NOT_PLACED = frozenset({OrderState.SENDING, OrderState.UNKNOWN})
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
        doubled = min(max(order.attempts - 1, 0), 16)  # no power beyond what any cap allows
        return now + min(self.retry * 2**doubled, self.longest_retry)


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

    What is being sent stays in its worker's hand until the lease ends, for nobody else knows how far it came.
    """
    if order.state is OrderState.SENDING:
        return order
    return replace(let_go(order), reason=reason, due_at=until)


def ended(order: Order, state: OrderState, reason: str) -> Order:
    """End an order; nobody has to look at it any more."""
    return replace(
        let_go(order), state=state, reason=reason, due_at=None, settle_until=None, raised_at=None
    )


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
    if order.state in ENDED:  # decided here: what is there all the same is followed until it has ended there, too
        return replace(known, reason=order.reason, due_at=again if is_open(found) else None)
    if _has_ended(found) and found.filled_quantity <= order.filled_quantity:
        return ended(known, _ended_state(known, found), found.reason)
    return replace(known, state=open_state(known), due_at=again)


def refused(order: Order, why: str, now: datetime, timing: Timing) -> Order:
    """Bring an order to what a refusal says: the broker has nothing of this call."""
    if _may_still_arrive(order, now):
        return _still_unknown(order, f"refused ({why}), but an earlier call may have arrived", now, timing)
    return ended(order, OrderState.REJECTED, why)


def not_received(order: Order, why: str, now: datetime, timing: Timing) -> Order:
    """Bring an order to what a call that reached nobody says: it is tried again, later and later."""
    if order.settle_until is not None:
        return _still_unknown(order, f"not reached ({why}), but an earlier call may have arrived", now, timing)
    again = timing.next_try(order, now)
    return replace(order, reason=why, lease_owner=None, lease_until=again, due_at=again)


def doubted(order: Order, why: str, window: timedelta, now: datetime) -> Order:
    """Say that nobody knows whether the broker has an order, and until when it may still appear there.

    It is due at once: a broker that keeps client ids is asked again, any other not before the window has passed.
    """
    until = max(now + window, order.settle_until or now)
    return replace(let_go(order), state=OrderState.UNKNOWN, reason=why, settle_until=until, due_at=now)


def is_open(found: BrokerOrder) -> bool:
    """Tell whether a broker may still execute something of its order."""
    return found.state in {BrokerOrderState.PENDING, BrokerOrderState.WORKING}


def _may_still_arrive(order: Order, now: datetime) -> bool:
    return order.settle_until is not None and now < order.settle_until


def _still_unknown(order: Order, why: str, now: datetime, timing: Timing) -> Order:
    again = timing.next_try(order, now)
    return replace(let_go(order), state=OrderState.UNKNOWN, reason=why, due_at=again)


def _has_ended(found: BrokerOrder) -> bool:
    return found.state in {BrokerOrderState.CANCELLED, BrokerOrderState.REJECTED, BrokerOrderState.REPLACED}


def _ended_state(order: Order, found: BrokerOrder) -> OrderState:
    if found.state is BrokerOrderState.REJECTED and not order.filled_quantity:
        return OrderState.REJECTED
    return OrderState.CANCELLED
