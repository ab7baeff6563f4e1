"""Sending: the intent is committed, then the broker is called, then what came of it is committed.

Whoever dies between two of these leaves a row that says how far it may have come. docs/explanation/orders.md tells why.
"""

from steelyard.brokers.port import (
    Broker,
    BrokerOrder,
    NotReceivedError,
    OrderRequest,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.domain.order import Order
from steelyard.errors import SteelyardError
from steelyard.market.port import CheckedPrice
from steelyard.services.order_decision import decide
from steelyard.services.order_hand import Hand, conclude, is_held_by, keep
from steelyard.services.order_rules import Outcome, concluded
from steelyard.services.retrying import retried
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.order import hold_order, save_order


async def send_order(hand: Hand, broker: Broker, held: Order) -> None:
    """Send an order that is in hand, unless something speaks against it; see `decide`.

    Args:
        hand: what the worker works with.
        broker: where to.
        held: the order as the worker took it.
    """
    price = await hand.read_price(held)
    ready = await _intend(hand, held, price)
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


async def _intend(hand: Hand, held: Order, price: CheckedPrice) -> tuple[Order, OrderRequest] | None:
    """Commit that an order is about to be sent; None = it is not."""

    async def once(attempt: int) -> tuple[Order, OrderRequest] | None:
        async with get_write_session() as db:
            order = await hold_order(db, held.order_id)
            if order is None or not is_held_by(order, held):
                return None
            if attempt > 1 and order.attempts > held.attempts:  # a commit whose answer was lost
                return order, await _request(db, hand, order)
            decided = await decide(db, hand.timing, order, price, hand.clock())
            if decided.attempts == order.attempts:
                await keep(db, order, decided, now=hand.clock())
                return None
            order = await save_order(db, order, decided, now=hand.clock())
            request = await _request(db, hand, order)
            facts = {"attempt": str(order.attempts), "client_order_id": order.client_order_id}
            await record_event(db, "order.send", "order", str(order.order_id), facts)
            return order, request

    return await retried(once, hand.patience)


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
