"""Looking up: what the broker says of orders that were sent, and of those of which nobody can say whether they were.

An unknown order is asked for by our id where the broker knows it, and sent again with the same id where that makes no
second order. Any other waits until it would have appeared, and is then looked for among the broker's orders: the only
one that it can be is taken over; where there is none, or several, a person decides.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from steelyard.brokers.port import Broker, BrokerOrder, NotReceivedError, OutcomeUnknownError, RefusedError
from steelyard.domain.order import ENDED, Order, OrderState
from steelyard.services.fill_reading import read_fills
from steelyard.services.order_hand import Hand, conclude, is_held_by, keep, link_of
from steelyard.services.order_rules import (
    alike,
    doubted,
    ended,
    is_open,
    let_go,
    lost,
    postponed,
    raised,
    seen,
)
from steelyard.services.order_sending import send_order
from steelyard.services.retrying import retried
from steelyard.storage.connection import get_write_session
from steelyard.storage.order import count_alike, hold_order, list_claimed

NOT_SAID = (NotReceivedError, OutcomeUnknownError, RefusedError)


async def follow_order(hand: Hand, broker: Broker, held: Order) -> None:
    """See what became of an order that the broker has, or is said not to have; cancel it where that was asked."""
    if held.broker_order_id is None and not broker.capabilities.finds_client_ids:
        await conclude(hand, held, lambda order, _: replace(let_go(order), due_at=None))
        return
    try:
        found = await hand.ask(broker, broker.find_order(held.client_order_id, held.broker_order_id))
        if found is not None and is_open(found) and _is_to_be_cancelled(held):
            await _ask_to_cancel(hand, broker, found)
        if found is not None and found.filled_quantity > held.filled_quantity:
            await read_fills(hand, broker, link_of(held))
    except NOT_SAID:
        await _look_later(hand, held)
        return
    hand.fault("broker asked")
    if found is not None:
        await conclude(hand, held, partial(_seen, found, hand))
    else:
        await _miss(hand, broker, held)


async def doubt_order(hand: Hand, broker: Broker, held: Order) -> None:
    """Say of an order whose worker was lost while it was sending that nobody knows how far it came."""
    why = "Its worker was lost while it was sending it."
    window = broker.capabilities.settle_window
    await conclude(hand, held, lambda order, now: doubted(order, why, window, now, hand.timing))


async def identify_order(hand: Hand, broker: Broker, held: Order) -> None:
    """Find out whether the broker has an unknown order that it has named no key of."""
    can = broker.capabilities
    try:
        found = None
        if can.finds_client_ids:
            found = await hand.ask(broker, broker.find_order(held.client_order_id))
        if found is None and can.keeps_client_ids and not _is_given_up(hand, held):
            await send_order(hand, broker, held)
            return
        if found is None and not _is_settled(held, hand.clock()):
            await conclude(hand, held, _wait_until_settled)
            return
        since = (held.sent_at or held.made_at) - hand.timing.skew
        listed = () if found is not None else await hand.ask(broker, broker.list_orders(since))
    except NOT_SAID:
        await _look_later(hand, held)
        return
    hand.fault("broker asked")
    if found is not None:
        await conclude(hand, held, partial(_seen, found, hand), is_certain=True)
    elif not await _take_over(hand, held, listed):
        await conclude(hand, held, partial(_give_up, hand, can.finds_client_ids))
    await _catch_up(hand, broker, held)


async def _take_over(hand: Hand, held: Order, listed: Sequence[BrokerOrder]) -> bool:
    """Take over the one order of the broker that it can be, if there is one, and no other of ours can be it."""

    async def once(attempt: int) -> bool:
        del attempt
        async with get_write_session() as db:
            order = await hold_order(db, held.order_id)
            if order is None or not is_held_by(order, held):
                return True  # it is another's to decide by now
            ours = await list_claimed(db, link_of(order), [found.broker_order_id for found in listed])
            free = [
                one
                for one in alike(order, listed, order.asset_id, hand.timing)
                if one.broker_order_id not in ours
            ]
            if len(free) != 1 or await count_alike(db, order) != 1:
                return False
            now = hand.clock()
            await keep(db, order, seen(order, free[0], now, hand.timing), now=now)
            return True

    return await retried(once, hand.patience)


async def _catch_up(hand: Hand, broker: Broker, held: Order) -> None:
    """Read the fills that came while nobody knew whose they were."""
    try:
        await read_fills(hand, broker, link_of(held))
    except NOT_SAID:
        return  # the link's own reading comes to them


async def _ask_to_cancel(hand: Hand, broker: Broker, found: BrokerOrder) -> None:
    try:
        await hand.ask(broker, broker.cancel_order(found.broker_order_id))
    except RefusedError:
        return  # it ended meanwhile; the next look says how


async def _miss(hand: Hand, broker: Broker, held: Order) -> None:
    """Go on looking for an order that the broker does not show, until it would have to."""
    now = hand.clock()
    if held.state in ENDED:
        await conclude(
            hand, held, lambda order, _: replace(order, due_at=None, lease_owner=None, lease_until=None)
        )
    elif held.sent_at is not None and now < held.sent_at + broker.capabilities.settle_window:
        await _look_later(hand, held)
    else:
        await conclude(hand, held, lambda order, now: lost(order, now, hand.timing))


async def _look_later(hand: Hand, held: Order) -> None:
    await conclude(
        hand, held, lambda order, now: postponed(order, order.reason, hand.timing.next_poll(order, now))
    )


def _seen(found: BrokerOrder, hand: Hand, order: Order, now: datetime) -> Order:
    return seen(order, found, now, hand.timing)


def _give_up(hand: Hand, is_proof: bool, order: Order, now: datetime) -> Order:  # noqa: FBT001 - bound by partial
    """End what the broker certainly does not have and nobody wants any more; ask a person about the rest."""
    if is_proof and _is_given_up(hand, order):
        return ended(order, OrderState.CANCELLED, "The broker does not have it.")
    why = "Nobody can say whether the broker has it: look there, and resolve it."
    return raised(order, why, now, hand.timing)


def _wait_until_settled(order: Order, now: datetime) -> Order:
    return postponed(order, order.reason, order.settle_until or now)


def _is_settled(order: Order, now: datetime) -> bool:
    return order.settle_until is None or now >= order.settle_until


def _is_given_up(hand: Hand, order: Order) -> bool:
    """Whether an order is to be sent no more: it is to be cancelled, or its day is over."""
    return order.cancel_asked_at is not None or hand.timing.is_over(order, hand.clock())


def _is_to_be_cancelled(order: Order) -> bool:
    return order.cancel_asked_at is not None or order.state in ENDED
