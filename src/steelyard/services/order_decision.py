"""What is looked at before a broker is called, in the transaction that commits the intent: whether, and whether now."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from steelyard.domain.order import ENDED, Order, OrderState
from steelyard.market.port import CheckedPrice
from steelyard.services.order_check import check_order
from steelyard.services.order_rules import Timing, ended, intended, postponed
from steelyard.storage.connection import WriteSession
from steelyard.storage.order import count_open_sells, get_free_cash, get_order
from steelyard.storage.trading_stop import list_obstacles

Look = Callable[[WriteSession, Timing, Order, datetime], Awaitable[Order | None]]
"""Gives an order as it is to be where something speaks against sending it now; None = nothing does."""


async def decide(db: WriteSession, timing: Timing, order: Order, price: CheckedPrice, now: datetime) -> Order:
    """Return an order as it is to be before its broker is called: intended, or postponed or ended with a reason.

    Kill switches and holds are looked at in this transaction, and none is pulled before it ends. Of an unknown order
    nothing else is looked at: it may be at the broker, and there it is the same order when it is sent again.

    Args:
        db: the transaction that commits the intent.
        timing: how long things take.
        order: held by the transaction.
        price: what its asset costs now.
        now: the time.
    """
    looks: tuple[Look, ...] = (_held_back,)
    if order.state is not OrderState.UNKNOWN:
        checked = partial(_checked, price)
        looks = (_still_wanted, _held_back, _after_what_it_replaces, _after_the_sells, checked)
    for look in looks:
        other = await look(db, timing, order, now)
        if other is not None:
            return other
    return intended(order, now, timing)


async def _still_wanted(db: WriteSession, timing: Timing, order: Order, now: datetime) -> Order | None:
    del db
    if order.cancel_asked_at is not None:
        return ended(order, OrderState.CANCELLED, "It was cancelled before it was sent.")
    if timing.is_over(order, now):
        return ended(order, OrderState.CANCELLED, "Its day was over before it could be sent.")
    return None


async def _held_back(db: WriteSession, timing: Timing, order: Order, now: datetime) -> Order | None:
    obstacles = await list_obstacles(db, order)
    if not obstacles:
        return None
    words = "; ".join(f"{one.kind}: {one.reason}" for one in obstacles)
    return postponed(order, f"Held back by {words}", now + timing.hold)


async def _after_what_it_replaces(
    db: WriteSession, timing: Timing, order: Order, now: datetime
) -> Order | None:
    """Wait until the order it replaces has ended; refuse it where so much of that was filled that both are too much."""
    old = None if order.replaces is None else await get_order(db, order.replaces)
    if old is None:
        return None
    if old.state not in ENDED:
        return postponed(
            order, f"It waits until the order it replaces, {old.order_id}, has ended.", now + timing.poll
        )
    if order.quantity > old.open_quantity:
        why = f"Of the order it replaces {old.filled_quantity:f} of {old.quantity:f} were filled meanwhile."
        return ended(order, OrderState.REJECTED, why)
    return None


async def _after_the_sells(db: WriteSession, timing: Timing, order: Order, now: datetime) -> Order | None:
    """Wait until the sells of its proposal have brought what it takes; refuse it where they ended and did not."""
    if order.phase == 1 or order.proposal_id is None:
        return None
    takes = order.quantity * (order.limit_price or order.reference_price)
    cash = await get_free_cash(db, order)
    if takes <= cash:
        return None
    if await count_open_sells(db, order.proposal_id):
        return postponed(order, "It waits for the sells of its proposal.", now + timing.poll)
    why = f"The sells of its proposal have ended; it takes {takes:f} {order.currency}, and {cash:f} are free."
    return ended(order, OrderState.REJECTED, why)


async def _checked(
    price: CheckedPrice, db: WriteSession, timing: Timing, order: Order, now: datetime
) -> Order | None:
    """Hold it against its limits and the price of now."""
    refusals = await check_order(db, order, price, now=now)
    if not refusals:
        return None
    why = " ".join(refusal.reason for refusal in refusals)
    if all(refusal.waits for refusal in refusals):
        return postponed(order, why, now + timing.hold)
    return ended(order, OrderState.REJECTED, why)
