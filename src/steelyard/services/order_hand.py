"""What a worker works with, and how what it learnt of an order is written down."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from steelyard.brokers.port import Broker, OutcomeUnknownError
from steelyard.domain.order import Order
from steelyard.market.port import CheckedPrice
from steelyard.services.fill import try_suspended
from steelyard.services.order_rules import Timing
from steelyard.services.retrying import Patience, retried
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.notice import notify_owners
from steelyard.storage.order import hold_order, save_order

Answer = TypeVar("Answer")

BRIEF_PATIENCE: Final = Patience(attempts=6, pause_seconds=0.25)
"""Some eight seconds of pauses: what a call has told is worth waiting for a server that restarts."""


def no_fault(point: str) -> None:
    """Go on; in tests, where a worker may die."""
    del point


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """What a worker works with.

    Attributes:
        clock: the time by the store's clock, so that the leases of workers on several machines agree.
        open_broker: gives the broker of a link of the tenant at work; whoever gave it closes it.
        account_number: gives the number that an account has at its broker; "" = the link has only one.
        read_price: gives what an order's asset costs now, and how far that is trusted.
        fault: called at each point where a worker may die.
        timing: how long things take.
        patience: how often what was learnt is written down when the store is away.
        readers: lets one task of the worker at a time read the fills of a link.
    """

    clock: Callable[[], datetime]
    open_broker: Callable[[UUID], Awaitable[Broker]]
    account_number: Callable[[WriteSession, str], Awaitable[str]]
    read_price: Callable[[Order], Awaitable[CheckedPrice]]
    fault: Callable[[str], None] = no_fault
    timing: Timing = field(default_factory=Timing)
    patience: Patience = BRIEF_PATIENCE
    readers: dict[UUID, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def ask(self, broker: Broker, answer: Awaitable[Answer]) -> Answer:
        """Wait for what a broker was asked, and not for ever.

        Raises:
            OutcomeUnknownError: it took too long.
        """
        try:
            async with asyncio.timeout(self.timing.call.total_seconds()):
                return await answer
        except TimeoutError:
            raise OutcomeUnknownError(broker.name, "no answer in time") from None


def link_of(order: Order) -> UUID:
    """Return the link of an order that was released, and so has one."""
    if order.link_id is None:
        raise ValueError(order.order_id)
    return order.link_id


def is_held_by(order: Order, held: Order) -> bool:
    """Tell whether an order is still in the hand that took it."""
    return order.lease_owner is not None and order.lease_owner == held.lease_owner


async def conclude(
    hand: Hand, held: Order, change: Callable[[Order, datetime], Order], *, is_certain: bool = False
) -> Order | None:
    """Write down what a worker learnt of an order, in a transaction of its own.

    Args:
        hand: what the worker works with.
        held: the order as the worker took it in hand.
        change: gives the order as it is to be from what it is now, and the time.
        is_certain: whether it is true whoever has the order in hand by now.

    Returns:
        The order; None = it is in another hand by now, and nothing was written.
    """

    async def once(attempt: int) -> Order | None:
        del attempt
        async with get_write_session() as db:
            order = await hold_order(db, held.order_id)
            if order is None or not (is_certain or is_held_by(order, held)):
                return None
            now = hand.clock()
            return await keep(db, order, change(order, now), now=now)

    return await retried(once, hand.patience)


async def keep(db: WriteSession, order: Order, changed: Order, *, now: datetime) -> Order:
    """Save an order, and tell the audit what became of it, and the owners where one of them has to decide.

    Fills that came while nobody knew whose they were find their order in the transaction that names its key.
    """
    saved = await save_order(db, order, changed, now=now)
    if saved.broker_order_id is not None and order.broker_order_id is None:
        await try_suspended(db, link_of(saved), saved.broker_order_id, today=now.date())
    if saved.raised_at is not None and order.raised_at is None:
        await notify_owners(db, "order.raise")
        await record_event(db, "order.raise", "order", str(order.order_id), {"reason": saved.reason})
    elif (saved.state, saved.reason) != (order.state, order.reason):
        facts = {"from": order.state.value, "to": saved.state.value, "reason": saved.reason}
        await record_event(db, "order.move", "order", str(order.order_id), facts)
    return saved
