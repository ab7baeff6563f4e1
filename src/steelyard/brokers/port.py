"""What every broker does for us, in one vocabulary; each broker is a file beside this one.

What an error means is the whole point: after `RefusedError` and `NotReceivedError` the broker certainly has nothing,
after `OutcomeUnknownError` nobody can say, and such an order is looked up and never blindly sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from steelyard.domain.order import OrderType, Side
from steelyard.errors import ConflictError, InvalidInputError, UpstreamError


class RefusedError(InvalidInputError):
    """The broker has the request and will not do it."""

    def __init__(self, broker: str, reason: str) -> None:
        """Name the broker and its reason, in its words."""
        super().__init__(f"{broker} refused: {reason}")
        self.reason = reason


class NotReceivedError(UpstreamError):
    """The broker certainly never got the request: nothing was sent, or it said so before taking it."""

    is_temporary = True

    def __init__(self, broker: str, reason: str) -> None:
        """Name the broker and what happened."""
        super().__init__(f"{broker} was not reached: {reason}. Nothing was sent; it is tried again.")


class OutcomeUnknownError(UpstreamError):
    """The request may have arrived, and its answer did not."""

    def __init__(self, broker: str, reason: str) -> None:
        """Name the broker and what happened."""
        super().__init__(f"{broker} may have taken the request, but its answer is missing: {reason}.")


class NotSupportedError(ConflictError):
    """This broker does not do that."""

    def __init__(self, broker: str, what: str) -> None:
        """Name both."""
        super().__init__(f"{broker} does not {what}.")


class BrokerOrderState(StrEnum):
    """Where an order is at the broker."""

    PENDING = "pending"
    """It has the order, and has not said yes."""
    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    """By us, by itself, or because its day ended."""
    REJECTED = "rejected"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a broker can do.

    Attributes:
        keeps_client_ids: whether placing the same client id twice makes one order.
        finds_client_ids: whether an order can be looked up by its client id.
        replaces: whether an order can be changed where it is.
        has_fractions: whether less than one unit can be traded.
        is_live: whether real money moves.
        settle_window: how long after a call its order may still appear; until then "not found" proves nothing.
    """

    keeps_client_ids: bool
    finds_client_ids: bool
    replaces: bool
    has_fractions: bool
    is_live: bool
    settle_window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What is asked of a broker.

    Attributes:
        client_order_id: what we call it, for good.
        symbol: what the broker calls the asset.
        quantity: units, positive.
        limit_price: worst price of one unit, in `currency`; None = market.
        currency: ISO 4217.
        account_number: the account at the broker; "" where the link has only one.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    currency: str
    account_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOrder:
    """An order as the broker has it.

    Attributes:
        broker_order_id: its key.
        client_order_id: ours; "" where it keeps none.
        filled_quantity: units.
        submitted_at: when it took the order, UTC; None where it does not say.
        reason: why it is rejected or cancelled, in its words.
    """

    broker_order_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    state: BrokerOrderState
    filled_quantity: Decimal
    submitted_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFill:
    """An execution, or that one is taken back.

    Attributes:
        execution_id: the broker's key; a bust has that of what it takes back.
        quantity: units, positive.
        price: of one unit, in `currency`.
        fees: in `currency`.
        is_bust: whether the execution is taken back.
    """

    execution_id: str
    broker_order_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    currency: str
    executed_at: datetime
    fees: Decimal = Decimal(0)
    is_bust: bool = False


@dataclass(frozen=True, slots=True)
class FillPage:
    """Some fills, in the broker's order.

    Attributes:
        fills: them.
        next: where to go on; the same as before where there was nothing new.
        is_last: whether there is nothing more for now.
    """

    fills: Sequence[BrokerFill]
    next: str
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerActivity:
    """Something booked at the broker that is no trade: a dividend, a fee, a deposit.

    Attributes:
        activity_id: the broker's key.
        kind: a word of transaction_kinds: DIVIDEND, FEE, DEPOSIT, WITHDRAWAL, INTEREST …; "" = none of ours.
        said: the broker's word for it.
        symbol: the asset; "" = cash alone.
        quantity: units; None = none.
        amount: money, positive; the kind gives the direction.
        account_number: the account at the broker; "" where the link has only one.
    """

    activity_id: str
    kind: str
    said: str
    symbol: str
    quantity: Decimal | None
    amount: Decimal
    currency: str
    booked_at: datetime
    account_number: str = ""


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """What an account holds at the broker: units, negative = short."""

    symbol: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """An account at the broker.

    Attributes:
        number: its number.
        cash: currency → money, settled and unsettled.
        positions: what it holds.
        is_blocked: whether the broker lets nothing be traded.
        as_of: when it was so, UTC.
    """

    number: str
    cash: dict[str, Decimal]
    positions: Sequence[BrokerPosition]
    is_blocked: bool
    as_of: datetime


class Broker(Protocol):
    """A broker, by one link to it."""

    @property
    def name(self) -> str:
        """What the link is called."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    async def place_order(self, request: OrderRequest) -> BrokerOrder:
        """Place an order.

        Raises:
            RefusedError: it will not, and has nothing.
            NotReceivedError: it certainly has nothing.
            OutcomeUnknownError: it may have it.
        """

    async def find_order(
        self, client_order_id: str, broker_order_id: str | None = None
    ) -> BrokerOrder | None:
        """Look an order up by our id, or by the broker's; None = it has none of that id now.

        Raises:
            NotReceivedError, OutcomeUnknownError: it did not say.
        """

    async def list_orders(self, since: datetime) -> Sequence[BrokerOrder]:
        """Return every order taken at or after a moment, in any state."""

    async def cancel_order(self, broker_order_id: str) -> None:
        """Ask to cancel; whether it was is seen in the order's state.

        Raises:
            RefusedError: it is filled, ended or unknown there.
        """

    async def replace_order(self, broker_order_id: str, request: OrderRequest) -> BrokerOrder:
        """Put another order in an order's place; what of the old one is filled stays.

        Raises:
            NotSupportedError, RefusedError: the old one stands.
        """

    async def list_fills(self, after: str) -> FillPage:
        """Return fills and busts after a place, "" = from the beginning."""

    async def list_activities(self, after: str) -> tuple[Sequence[BrokerActivity], str]:
        """Return what else was booked after a place, and the next place."""

    async def get_account(self, account_number: str = "") -> BrokerAccount:
        """Return what an account holds there now."""

    async def close(self) -> None:
        """Let go of connections and files."""
