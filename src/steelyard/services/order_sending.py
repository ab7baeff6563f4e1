"""Sending: the intent is committed, then the broker is called, then what came of it is committed.

Whoever dies between two of these leaves a row that says how far it may have come. docs/explanation/orders.md tells why.
"""

from datetime import datetime

from steelyard.brokers.port import (
    Broker,
    BrokerOrder,
    NotReceivedError,
    OrderRequest,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.domain.order import ENDED, Order, OrderState
from steelyard.errors import SteelyardError
from steelyard.services.order_hand import Hand, conclude, is_held_by, keep
from steelyard.services.order_rules import Outcome, concluded, ended, intended, postponed
from steelyard.services.retrying import retried
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.order import count_open_sells, get_free_cash, get_order, hold_order, save_order
from steelyard.storage.trading_stop import list_obstacles


async def send_order(hand: Hand, broker: Broker, held: Order) -> None:
    """Send an order that is in hand, unless something speaks against it; see `decide`.

    Args:
        hand: what the worker works with.
        broker: where to.
        held: the order as the worker took it.
    """
    ready = await _intend(hand, held)
    if ready is None:
        return
    order, request = ready
    hand.fault("intent committed")
    outcome = await _call(hand, broker, order, request)
    hand.fault("broker called")
    window = broker.capabilities.settle_window
    await conclude(
        hand,
        order,
        lambda current, now: concluded(current, outcome, window, now, hand.timing),
        is_certain=isinstance(outcome, BrokerOrder),
    )
    hand.fault("outcome committed")


async def _intend(hand: Hand, held: Order) -> tuple[Order, OrderRequest] | None:
    """Commit that an order is about to be sent; None = it is not."""

    async def once(attempt: int) -> tuple[Order, OrderRequest] | None:
        async with get_write_session() as db:
            order = await hold_order(db, held.order_id)
            if order is None or not is_held_by(order, held):
                return None
            if attempt > 1 and order.attempts > held.attempts:  # a commit whose answer was lost
                return order, await _request(db, hand, order)
            decided = await decide(db, hand, order, hand.clock())
            if decided.attempts == order.attempts:
                await keep(db, order, decided, now=hand.clock())
                return None
            order = await save_order(db, order, decided, now=hand.clock())
            request = await _request(db, hand, order)
            facts = {"attempt": str(order.attempts), "client_order_id": order.client_order_id}
            await record_event(db, "order.send", "order", str(order.order_id), facts)
            return order, request

    return await retried(once, hand.patience)


async def decide(db: WriteSession, hand: Hand, order: Order, now: datetime) -> Order:
    """Return an order as it is to be before its broker is called: intended, or postponed or ended with a reason.

    Kill switches and holds are looked at in this transaction, and none is pulled before it ends.
    """
    obstacles = await list_obstacles(db, order)
    if order.state is not OrderState.UNKNOWN:  # what may be at the broker is no longer ours to end
        if order.cancel_asked_at is not None:
            return ended(order, OrderState.CANCELLED, "It was cancelled before it was sent.")
        if now > (order.released_at or now) + hand.timing.day:
            return ended(order, OrderState.CANCELLED, "Its day was over before it could be sent.")
    if obstacles:
        words = "; ".join(f"{one.kind}: {one.reason}" for one in obstacles)
        return postponed(order, f"Held back by {words}", now + hand.timing.hold)
    if order.state is OrderState.UNKNOWN:
        return intended(order, now, hand.timing)
    for look in (_after_what_it_replaces, _after_the_sells):
        waiting = await look(db, hand, order, now)
        if waiting is not None:
            return waiting
    why = await hand.check(db, order, now)
    return ended(order, OrderState.REJECTED, why) if why else intended(order, now, hand.timing)


async def _after_what_it_replaces(db: WriteSession, hand: Hand, order: Order, now: datetime) -> Order | None:
    """Wait until the order it replaces has ended; refuse it where so much of that was filled that both are too much."""
    old = None if order.replaces is None else await get_order(db, order.replaces)
    if old is None:
        return None
    if old.state not in ENDED:
        return postponed(
            order, f"It waits until the order it replaces, {old.order_id}, has ended.", now + hand.timing.poll
        )
    if order.quantity > old.open_quantity:
        why = f"Of the order it replaces {old.filled_quantity:f} of {old.quantity:f} were filled meanwhile."
        return ended(order, OrderState.REJECTED, why)
    return None


async def _after_the_sells(db: WriteSession, hand: Hand, order: Order, now: datetime) -> Order | None:
    """Wait until the sells of its proposal have brought what it takes; refuse it where they ended and did not."""
    if order.phase == 1 or order.proposal_id is None:
        return None
    takes = order.quantity * (order.limit_price or order.reference_price)
    cash = await get_free_cash(db, order)
    if takes <= cash:
        return None
    if await count_open_sells(db, order.proposal_id):
        return postponed(order, "It waits for the sells of its proposal.", now + hand.timing.poll)
    why = f"The sells of its proposal have ended; it takes {takes:f} {order.currency}, and {cash:f} are free."
    return ended(order, OrderState.REJECTED, why)


async def _request(db: WriteSession, hand: Hand, order: Order) -> OrderRequest:
    number = "" if order.account_id is None else await hand.account_number(db, order.account_id)
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.asset_id,
        side=order.side,
        quantity=order.quantity,
        order_type=order.order_type,
        limit_price=order.limit_price,
        currency=order.currency,
        account_number=number,
    )


async def _call(hand: Hand, broker: Broker, order: Order, request: OrderRequest) -> Outcome:
    """Call the broker, unless so much of the lease has passed that the call could outlive it."""
    if order.lease_until is None or hand.clock() + hand.timing.call > order.lease_until:
        return NotReceivedError(broker.name, "its worker came too late to call")
    try:
        return await hand.ask(broker, broker.place_order(request))
    except (RefusedError, NotReceivedError, OutcomeUnknownError) as error:
        return error
    except SteelyardError as error:  # of a kind that says nothing about the order
        return OutcomeUnknownError(broker.name, str(error))
