"""What Alpaca writes, as what we mean: orders, executions, activities, accounts. Pure.

Source of the words: Alpaca's Trading API, OpenAPI document of v2 (Order, OrderStatus, ActivityType, Position, Account).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from steelyard.brokers.port import (
    BrokerAccount,
    BrokerActivity,
    BrokerFill,
    BrokerOrder,
    BrokerOrderState,
    BrokerPosition,
    OrderRequest,
)
from steelyard.domain.order import Side

T = TypeVar("T")
Said = Mapping[str, Any]

DOLLAR: Final = "USD"
"""What everything at Alpaca is in."""

STATES: Final = {
    "pending_new": BrokerOrderState.PENDING,
    "accepted": BrokerOrderState.PENDING,
    "new": BrokerOrderState.WORKING,
    "accepted_for_bidding": BrokerOrderState.WORKING,
    "partially_filled": BrokerOrderState.WORKING,
    "stopped": BrokerOrderState.WORKING,
    "suspended": BrokerOrderState.WORKING,
    "calculated": BrokerOrderState.WORKING,
    "done_for_day": BrokerOrderState.WORKING,
    "pending_cancel": BrokerOrderState.WORKING,
    "pending_replace": BrokerOrderState.WORKING,
    "filled": BrokerOrderState.FILLED,
    "canceled": BrokerOrderState.CANCELLED,
    "expired": BrokerOrderState.CANCELLED,
    "rejected": BrokerOrderState.REJECTED,
    "replaced": BrokerOrderState.REPLACED,
}
"""OrderStatus → ours."""

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "CSD": ("DEPOSIT", ""),
    "CSW": ("", "WITHDRAWAL"),
    "TRANS": ("DEPOSIT", "WITHDRAWAL"),
    "JNLC": ("DEPOSIT", "WITHDRAWAL"),
    "ACATC": ("DEPOSIT", "WITHDRAWAL"),
    "DIV": ("DIVIDEND", ""),
    "DIVCGL": ("DIVIDEND", ""),
    "DIVCGS": ("DIVIDEND", ""),
    "DIVTXEX": ("DIVIDEND", ""),
    "DIVROC": ("RETURN_OF_CAPITAL", ""),
    "DIVFT": ("TAX_REFUND", "TAX"),
    "DIVNRA": ("TAX_REFUND", "TAX"),
    "DIVTW": ("TAX_REFUND", "TAX"),
    "INTNRA": ("TAX_REFUND", "TAX"),
    "INTTW": ("TAX_REFUND", "TAX"),
    "INT": ("INTEREST", "INTEREST_PAID"),
    "FEE": ("FEE_REFUND", "FEE"),
    "CFEE": ("FEE_REFUND", "FEE"),
    "DIVFEE": ("FEE_REFUND", "FEE"),
    "PTC": ("FEE_REFUND", "FEE"),
    "PTR": ("FEE_REFUND", "FEE"),
}
"""ActivityType → our kind where money comes in, and where it goes out; "" or absent = a person looks at it."""

FILLS: Final = frozenset({"fill", "partial_fill"})


class UnreadableError(ValueError):
    """What Alpaca wrote is not what its document says; what is missing is named, what was written is not."""


def order_of(said: Said) -> BrokerOrder:
    """Read an order; one for an amount of money instead of units has 0 units.

    Raises:
        UnreadableError: something is missing, or no such thing.
    """
    status = _text(said, "status")
    if status not in STATES:
        raise UnreadableError("status")
    return BrokerOrder(
        broker_order_id=_text(said, "id"),
        client_order_id=_text(said, "client_order_id"),
        symbol=_text(said, "symbol"),
        side=_side(said),
        quantity=Decimal(0) if said.get("qty") is None else number_of(said, "qty"),
        state=STATES[status],
        filled_quantity=number_of(said, "filled_qty"),
        submitted_at=None if said.get("submitted_at") is None else moment_of(said, "submitted_at"),
        reason=status if STATES[status] in {BrokerOrderState.CANCELLED, BrokerOrderState.REJECTED} else "",
    )


def body_of(request: OrderRequest) -> dict[str, Any]:
    """Write an order: for the day, in regular hours."""
    body: dict[str, Any] = {
        "symbol": request.symbol,
        "qty": f"{request.quantity:f}",
        "notional": None,
        "side": request.side.value,
        "type": request.order_type.value,
        "time_in_force": "day",
        "client_order_id": request.client_order_id,
    }
    if request.limit_price is not None:
        body["limit_price"] = f"{request.limit_price:f}"
    return body


def patch_of(request: OrderRequest) -> dict[str, Any]:
    """Write what changes of an order."""
    body = {"qty": f"{request.quantity:f}", "client_order_id": request.client_order_id}
    if request.limit_price is not None:
        body["limit_price"] = f"{request.limit_price:f}"
    return body


def is_fill(said: Said) -> bool:
    """Whether an activity is an execution as the document has it."""
    return said.get("activity_type") == "FILL" and said.get("type") in FILLS


def fill_of(said: Said) -> BrokerFill:
    """Read an execution."""
    return BrokerFill(
        execution_id=_text(said, "id"),
        broker_order_id=_text(said, "order_id"),
        client_order_id="",
        symbol=_text(said, "symbol"),
        side=_side(said),
        quantity=number_of(said, "qty"),
        price=number_of(said, "price"),
        currency=DOLLAR,
        executed_at=moment_of(said, "transaction_time"),
    )


def activity_of(said: Said) -> BrokerActivity:
    """Read what is no execution; what nobody can book by rule has the kind ""."""
    word, status = _text(said, "activity_type"), said.get("status") or "executed"
    amount = number_of(said, "net_amount") if said.get("net_amount") is not None else Decimal(0)
    comes_in, goes_out = KINDS.get(word, ("", ""))
    is_plain = status == "executed" and amount != 0
    detail = said.get("type") if word == "FILL" else None if status == "executed" else status
    quantity = said.get("qty")
    return BrokerActivity(
        activity_id=_text(said, "id") if status == "executed" else f"{_text(said, 'id')}:{status}",
        kind=(comes_in if amount > 0 else goes_out) if is_plain else "",
        said=f"{word} ({detail})" if detail else word,
        symbol=said.get("symbol") or "",
        quantity=None if quantity is None else number_of(said, "qty"),
        amount=abs(amount),
        currency=DOLLAR,
        booked_at=moment_of(said, "transaction_time") if word == "FILL" else moment_of(said, "date"),
    )


def account_of(said: Said, positions: Sequence[BrokerPosition], as_of: datetime) -> BrokerAccount:
    """Read the account, given what it holds."""
    flags = ("account_blocked", "trading_blocked", "trade_suspended_by_user")
    return BrokerAccount(
        number=_text(said, "account_number"),
        cash={_text(said, "currency"): number_of(said, "cash")},
        positions=positions,
        is_blocked=_text(said, "status") != "ACTIVE" or any(said.get(flag) is not False for flag in flags),
        as_of=as_of,
    )


def position_of(said: Said) -> BrokerPosition:
    """Read a position."""
    quantity, side = number_of(said, "qty"), _text(said, "side")
    if side not in {"long", "short"}:
        raise UnreadableError("side")
    return BrokerPosition(_text(said, "symbol"), -abs(quantity) if side == "short" else quantity)


def each(said: object, read: Callable[[Said], T]) -> list[T]:
    """Read every one of a list."""
    if not isinstance(said, list):
        raise UnreadableError("list")
    return [read(one_of(one)) for one in said]


def one_of(said: object) -> Said:
    """Take an object for one."""
    if not isinstance(said, dict):
        raise UnreadableError("object")
    return said


def number_of(said: Said, name: str) -> Decimal:
    """Read a number, which Alpaca writes as text, or as a whole number where it is one.

    >>> number_of({"qty": "1.50"}, "qty")
    Decimal('1.50')
    """
    value = said.get(name)
    try:
        number = Decimal(value) if isinstance(value, str | int | Decimal) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or isinstance(value, bool):
        raise UnreadableError(name)
    return number


def moment_of(said: Said, name: str) -> datetime:
    """Read a time, or a day for its beginning in UTC; beyond microseconds it is cut off.

    >>> moment_of({"date": "2022-04-19"}, "date").isoformat()
    '2022-04-19T00:00:00+00:00'
    """
    text = _text(said, name)
    try:
        if "T" not in text:
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableError(name) from None
    if moment.tzinfo is None:
        raise UnreadableError(name)
    return moment.astimezone(UTC)


def _side(said: Said) -> Side:
    """Read a side; a short sale is a sale."""
    word = _text(said, "side").removesuffix("_short")
    if word not in {"buy", "sell"}:
        raise UnreadableError("side")
    return Side(word)


def _text(said: Said, name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise UnreadableError(name)
    return value
