"""Orders as people see and steer them: listed, cancelled, replaced, and resolved where nobody knows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Final
from uuid import UUID

from steelyard.domain.fill import Fill
from steelyard.domain.money import EXACT, MONEY_PLACES, round_up
from steelyard.domain.order import ENDED, Order, OrderState, OrderType, new_client_order_id
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity import Random
from steelyard.services.order_hand import keep
from steelyard.services.order_rules import ended, open_state
from steelyard.storage import order as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.fill import get_fills
from steelyard.storage.order import (
    NewOrder,
    OrderEvent,
    OrderFilter,
    OrderMovedError,
    add_order,
    count_replacements,
    hold_order,
    save_order,
)

MAX_REASON: Final = 2000


class UnknownOrderError(NotFoundError):
    """There is no such order, or it is not the user's to see."""

    def __init__(self, order_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no order {order_id}; `steelyard orders list` shows those there are.")


class OrderEndedError(ConflictError):
    """An order has ended, and nothing more can be done about it."""

    def __init__(self, order: Order) -> None:
        """Name it and its state."""
        super().__init__(
            f"Order {order.order_id} is {order.state.value}: there is nothing left of it to change."
        )


class NotExecutedError(ConflictError):
    """An order is still part of a proposal that was not executed."""

    def __init__(self, order: Order) -> None:
        """Name it, and what can be withdrawn."""
        super().__init__(
            f"Order {order.order_id} is {order.state.value} and not executed: withdraw its proposal "
            f"{order.proposal_id or ''} instead."
        )


class InBlockError(ConflictError):
    """An order is sent as part of a block."""

    def __init__(self, order: Order) -> None:
        """Name both."""
        super().__init__(f"Order {order.order_id} is sent as part of block {order.block_id}: cancel that.")


class ReplacementError(InvalidInputError):
    """An order cannot be replaced by that."""

    def __init__(self, order: Order, why: str) -> None:
        """Name the order and the reason."""
        super().__init__(f"Order {order.order_id} was not replaced: {why}.")


class NotInDoubtError(ConflictError):
    """An order is to be resolved of which it is known where it is."""

    def __init__(self, order: Order) -> None:
        """Name it and its state."""
        super().__init__(f"Order {order.order_id} is {order.state.value}: only what is unknown is resolved.")


class StillSettlingError(ConflictError):
    """An unknown order may still appear at the broker by itself."""

    def __init__(self, order: Order, until: datetime) -> None:
        """Say until when."""
        super().__init__(
            f"Order {order.order_id} may still appear at the broker until {until:%Y-%m-%d %H:%M:%S} UTC: nobody can "
            "say before that it has none. Try again then."
        )


class BrokerOrderTakenError(ConflictError):
    """A broker's order is another order of ours."""

    def __init__(self, broker_order_id: str) -> None:
        """Name it."""
        super().__init__(
            f"The broker's order {broker_order_id} is another order of ours already. Nothing was done."
        )


class ResolutionError(InvalidInputError):
    """What a person says of an unknown order is not complete."""

    def __init__(self, why: str) -> None:
        """Say what is missing."""
        super().__init__(f"The order was not resolved: {why}.")


class Resolution(StrEnum):
    """What a person found out about an unknown order at the broker."""

    FOUND = "found"
    """The broker has it, as its order of a key."""
    NEVER = "never"
    """The broker never had it: it is cancelled."""
    AGAIN = "again"
    """The broker never had it, and it is sent again as a new order."""


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """An order with its history.

    Attributes:
        order: as it is.
        events: the states it was in, the first first.
        fills: what was executed of it, those taken back included.
    """

    order: Order
    events: Sequence[OrderEvent]
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What an order is replaced by.

    Attributes:
        quantity: units, at most what is open of the order; None = all that is open.
        limit_price: worst price of one unit; None = at the market.
    """

    quantity: Decimal | None = None
    limit_price: Decimal | None = None


# ── Seeing ──────────────────────────────────────────────────────────────────────────────────────────────


async def get_order(db: ReadSession | WriteSession, order_id: UUID) -> ShownOrder:
    """Return an order with its history and its fills.

    Raises:
        UnknownOrderError: there is none, or it is not the user's to see.
    """
    order = await stored.get_order(db, order_id)
    if order is None:
        raise UnknownOrderError(order_id)
    events = await stored.list_order_events(db, order_id)
    return ShownOrder(order, events, await get_fills(db, order_ids=[order_id]))


async def list_orders(
    db: ReadSession | WriteSession,
    wanted: OrderFilter,
    *,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> Sequence[Order]:
    """Return orders, the newest first.

    Args:
        db: where to read; what the user must not see is not there.
        wanted: which.
        before: when the last of the page before was made, and its id; None = the first page.
        limit: how many at most.
    """
    return await stored.list_orders(db, wanted, before=before, limit=limit)


# ── Steering ────────────────────────────────────────────────────────────────────────────────────────────


async def cancel_order(
    db: WriteSession, order_id: UUID, *, now: datetime, version: int | None = None
) -> Order:
    """Cancel an order: at once where nothing was sent, else the broker is asked to, and its fills may be faster.

    Args:
        db: acting as who cancels it.
        order_id: the order.
        now: the time.
        version: the version that was read; None = whatever it is by now.

    Raises:
        UnknownOrderError, OrderMovedError: there is none, or it has changed.
        OrderEndedError, NotExecutedError, InBlockError: it is not to be cancelled.
    """
    order = await _open_order(db, order_id, version)
    changed = _cancelled(order, now)
    saved = await save_order(db, order, changed, now=now)
    await record_event(db, "order.cancel", "order", str(order_id), {"state": saved.state.value})
    return saved


async def replace_order(
    db: WriteSession,
    order_id: UUID,
    wanted: Replacement,
    *,
    now: datetime,
    random: Random,
    version: int | None = None,
) -> Order:
    """Cancel an order, and send another in its place once it has ended: of the same asset and side, and not more.

    What is filled of the first meanwhile stays; if that leaves less than the other asks for, the other is rejected.

    Args:
        db: acting as who replaces it.
        order_id: the order.
        wanted: quantity and price of the other.
        now: the time.
        random: makes what the other is called at the broker.
        version: the version that was read; None = whatever it is by now.

    Returns:
        The other order.

    Raises:
        UnknownOrderError, OrderMovedError: there is none, or it has changed.
        OrderEndedError, NotExecutedError, InBlockError: it is not to be replaced.
        ReplacementError: what it is to be replaced by is more than what is open, or no order.
    """
    order = await _open_order(db, order_id, version)
    quantity = await _replacing_quantity(db, order, wanted)
    await save_order(db, order, _cancelled(order, now), now=now)
    made = await _place_instead(db, order, quantity, wanted.limit_price, now=now, random=random)
    facts = {"by": str(made.order_id), "quantity": f"{quantity:f}"}
    await record_event(db, "order.replace", "order", str(order_id), facts)
    return made


async def resolve_order(
    db: WriteSession,
    order_id: UUID,
    resolution: Resolution,
    *,
    reason: str,
    broker_order_id: str | None = None,
    now: datetime,
    random: Random,
) -> Order:
    """Say what a person found out about an order of which nobody could say whether the broker has it.

    Args:
        db: acting as who says so.
        order_id: the order.
        resolution: what they found out.
        reason: how, in their words.
        broker_order_id: what the broker calls it, where it has it.
        now: the time.
        random: makes what a new order is called at the broker.

    Returns:
        The order; the new one, where it is sent again.

    Raises:
        UnknownOrderError: there is none.
        NotInDoubtError: it is known where it is.
        StillSettlingError: it is said to be nowhere while it may still appear.
        BrokerOrderTakenError: the broker's order is another of ours.
        ResolutionError: the reason or the broker's key is missing.
    """
    if not 0 < len(reason.strip()) <= MAX_REASON:
        raise ResolutionError(f"say how you know, in 1 to {MAX_REASON} characters")
    if (resolution is Resolution.FOUND) != bool(broker_order_id):
        raise ResolutionError(
            "the broker's key of the order is named where the broker has it, and only there"
        )
    order = await _held(db, order_id)
    if order.state is not OrderState.UNKNOWN:
        raise NotInDoubtError(order)
    if broker_order_id:
        answer = await _found(db, order, broker_order_id, reason, now)
    else:
        answer = await _not_found(db, order, resolution, reason, now=now, random=random)
    facts = {"resolution": resolution.value, "reason": reason, "broker_order_id": broker_order_id or ""}
    await record_event(db, "order.resolve", "order", str(order_id), facts)
    return answer


async def _found(db: WriteSession, order: Order, broker_order_id: str, reason: str, now: datetime) -> Order:
    """Let workers follow the order that the broker has; they read its fills."""
    if order.link_id and await stored.list_claimed(db, order.link_id, [broker_order_id]) - {
        order.broker_order_id
    }:
        raise BrokerOrderTakenError(broker_order_id)
    found = replace(
        order,
        broker_order_id=broker_order_id,
        reason=reason,
        settle_until=None,
        raised_at=None,
        due_at=now,
        lease_owner=None,
        lease_until=None,
    )
    return await keep(db, order, replace(found, state=open_state(found)), now=now)


async def _not_found(
    db: WriteSession, order: Order, resolution: Resolution, reason: str, *, now: datetime, random: Random
) -> Order:
    if order.settle_until is not None and now < order.settle_until:
        raise StillSettlingError(order, order.settle_until)
    over = replace(
        ended(order, OrderState.CANCELLED, reason), due_at=now
    )  # should it turn up, it is cancelled there
    given_up = await save_order(db, order, over, now=now)
    if resolution is Resolution.NEVER:
        return given_up
    return await _place_instead(db, order, order.open_quantity, order.limit_price, now=now, random=random)


async def _held(db: WriteSession, order_id: UUID) -> Order:
    order = await hold_order(db, order_id)
    if order is None:
        raise UnknownOrderError(order_id)
    return order


async def _open_order(db: WriteSession, order_id: UUID, version: int | None) -> Order:
    order = await _held(db, order_id)
    if version is not None and version != order.version:
        raise OrderMovedError(order_id, version)
    if order.state in ENDED:
        raise OrderEndedError(order)
    if order.block_id is not None:
        raise InBlockError(order)
    if order.released_at is None:
        raise NotExecutedError(order)
    return order


def _cancelled(order: Order, now: datetime) -> Order:
    """Return an order as it is when it is to be cancelled: ended, if nothing of it can be at the broker."""
    asked = replace(order, cancel_asked_at=order.cancel_asked_at or now)
    if order.state is OrderState.APPROVED or (
        order.state is OrderState.SENDING and order.lease_owner is None
    ):
        return ended(asked, OrderState.CANCELLED, "It was cancelled before it was sent.")
    return replace(asked, due_at=now)


async def _replacing_quantity(db: WriteSession, order: Order, wanted: Replacement) -> Decimal:
    quantity = order.open_quantity if wanted.quantity is None else wanted.quantity
    if not 0 < quantity <= order.open_quantity:
        raise ReplacementError(
            order, f"{order.open_quantity:f} are open of it, and not {quantity:f}; more is proposed"
        )
    if wanted.limit_price is not None and wanted.limit_price <= 0:
        raise ReplacementError(order, "a limit price is above 0")
    if order.lots and quantity != order.quantity:
        raise ReplacementError(order, "it names lots, so that another quantity of it is proposed anew")
    if await count_replacements(db, order.order_id):
        raise ReplacementError(order, "another order is to take its place already")
    return quantity


async def _place_instead(
    db: WriteSession,
    order: Order,
    quantity: Decimal,
    limit_price: Decimal | None,
    *,
    now: datetime,
    random: Random,
) -> Order:
    """Make an order in the place of another, and give it to the workers: what was approved covers it."""
    with localcontext(EXACT):
        value = round_up(order.order_value * quantity / order.quantity, MONEY_PLACES)
    made = await add_order(
        db,
        NewOrder(
            account_id=order.account_id,
            asset_id=order.asset_id,
            side=order.side,
            quantity=quantity,
            order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
            limit_price=limit_price,
            currency=order.currency,
            reference_price=order.reference_price,
            order_value=value,
            client_order_id=new_client_order_id(random),
            phase=order.phase,
            lots=order.lots,
            proposal_id=order.proposal_id,
            run_id=order.run_id,
            link_id=order.link_id,
            replaces=order.order_id,
            reason=f"It takes the place of order {order.order_id}.",
        ),
        now=now,
    )
    for state in (OrderState.REVIEWED, OrderState.APPROVED):
        made = await save_order(db, made, replace(made, state=state), now=now)
    return await save_order(db, made, replace(made, released_at=now, due_at=now), now=now)
