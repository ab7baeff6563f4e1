"""Orders: what is asked of a broker, the states it goes through, and what came of it.

The moves stand twice, here and in the table order_transitions whose trigger refuses every other; a test compares them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """What price an order takes."""

    MARKET = "market"
    LIMIT = "limit"


class OrderState(StrEnum):
    """Where an order is."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    SENDING = "sending"
    """The intent is committed; the broker may or may not have been called."""
    SENT = "sent"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """Nobody can say whether the broker has it: it is looked up, never blindly sent again."""


MOVES: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    OrderState.DRAFT: frozenset({OrderState.REVIEWED, OrderState.CANCELLED}),
    OrderState.REVIEWED: frozenset({OrderState.APPROVED, OrderState.CANCELLED}),
    OrderState.APPROVED: frozenset(
        {
            OrderState.SENDING,
            OrderState.PARTIALLY_FILLED,  # a block was sent in its place
            OrderState.FILLED,
            OrderState.CANCELLED,
            OrderState.REJECTED,
        }
    ),
    OrderState.SENDING: frozenset(
        {
            OrderState.SENT,
            OrderState.PARTIALLY_FILLED,
            OrderState.FILLED,
            OrderState.REJECTED,
            OrderState.CANCELLED,
            OrderState.UNKNOWN,
        }
    ),
    OrderState.SENT: frozenset(
        {
            OrderState.PARTIALLY_FILLED,
            OrderState.FILLED,
            OrderState.REJECTED,
            OrderState.CANCELLED,
            OrderState.UNKNOWN,
        }
    ),
    OrderState.PARTIALLY_FILLED: frozenset(
        {OrderState.FILLED, OrderState.SENT, OrderState.CANCELLED, OrderState.UNKNOWN}
    ),
    OrderState.FILLED: frozenset({OrderState.PARTIALLY_FILLED, OrderState.SENT}),
    OrderState.UNKNOWN: frozenset(
        {
            OrderState.SENDING,
            OrderState.SENT,
            OrderState.PARTIALLY_FILLED,
            OrderState.FILLED,
            OrderState.REJECTED,
            OrderState.CANCELLED,
        }
    ),
    OrderState.CANCELLED: frozenset({OrderState.PARTIALLY_FILLED, OrderState.FILLED}),
    OrderState.REJECTED: frozenset({OrderState.PARTIALLY_FILLED, OrderState.FILLED}),
}
"""What each state may become."""

AT_THE_BROKER: Final = frozenset(
    {OrderState.SENDING, OrderState.SENT, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN}
)
"""States in which a broker may still execute something."""

ENDED: Final = frozenset({OrderState.FILLED, OrderState.REJECTED, OrderState.CANCELLED})
"""States that only a late fill or a bust moves on from."""


def may_become(state: OrderState, other: OrderState) -> bool:
    """Tell whether an order may move from one state to another.

    >>> may_become(OrderState.APPROVED, OrderState.SENDING), may_become(OrderState.DRAFT, OrderState.SENT)
    (True, False)
    """
    return other in MOVES[state]


@dataclass(frozen=True, slots=True)
class LotTaken:
    """What of a lot a sale takes.

    Attributes:
        lot_id: the id of the transaction that bought it.
        quantity: units.
    """

    lot_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the store has it.

    Attributes:
        order_id: our key.
        proposal_id, run_id, block_id: what it is of, and the block that is sent in its place; None = none.
        account_id: None = a block, whose fills are apportioned to the orders that name it.
        link_id: the way to the broker; None = not known before it is released.
        quantity, filled_quantity: units, positive; what busts took back is not filled.
        limit_price, reference_price: of one unit, in `currency`; None = market.
        order_value: quantity at the reference price, in the tenant's base currency.
        phase: 1 = at once; 2 = a buy that waits for the sells of its proposal.
        client_order_id: what we call it at the broker; never used for another order.
        raised_at: when a person was asked to decide about it; None = nobody has to.
        version: counts up with each change; who writes names the one they read.
    """

    order_id: UUID
    proposal_id: UUID | None
    run_id: UUID | None
    block_id: UUID | None
    account_id: str | None
    link_id: UUID | None
    asset_id: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    currency: str
    reference_price: Decimal
    order_value: Decimal
    phase: int
    lots: tuple[LotTaken, ...]
    state: OrderState
    version: int
    reason: str
    client_order_id: str
    broker_order_id: str | None
    filled_quantity: Decimal
    released_at: datetime | None
    sent_at: datetime | None
    due_at: datetime | None
    settle_until: datetime | None
    attempts: int
    cancel_asked_at: datetime | None
    raised_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    replaces: UUID | None
    made_at: datetime
    changed_at: datetime

    @property
    def open_quantity(self) -> Decimal:
        """Units not filled yet, 0 or more: more than was asked for may be filled."""
        return max(self.quantity - self.filled_quantity, Decimal(0))


def new_client_order_id(random: Callable[[int], bytes]) -> str:
    """Make what an order is called at its broker, which no other ever was.

    Args:
        random: gives that many random bytes.

    >>> new_client_order_id(lambda count: bytes(count))
    'sy-00000000000000000000000000000000'
    """
    return f"sy-{random(16).hex()}"
