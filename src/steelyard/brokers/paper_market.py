"""How the paper broker trades: at what price, how much at a time, and what an account can pay for. Pure."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final

from steelyard.brokers.port import BrokerOrderState
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.order import Side

PRICE_PLACES: Final = 12
BPS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """What kind of broker it is.

    Attributes:
        keeps_client_ids: True = a client id placed again is the same order, and is found; False = it knows none.
        has_fractions: whether less than one unit is traded.
        slippage_bps: how much worse than the price an order is filled, basis points.
        most_parts: an order is filled in 1 to so many parts, by chance.
        delay: from taking an order to its first part, and from part to part.
        lateness: how late it is in what a fault makes late.
        settle_window: how long after a call its order may still appear.
    """

    keeps_client_ids: bool = True
    has_fractions: bool = True
    slippage_bps: Decimal = Decimal(0)
    most_parts: int = 1
    delay: timedelta = timedelta()
    lateness: timedelta = timedelta(seconds=5)
    settle_window: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOrder:
    """An order as the paper broker keeps it; see `BrokerOrder`.

    Attributes:
        reserved_price: what one unit is expected to cost at worst.
        parts: in how many parts it is filled.
        appears_at: when it arrived, or will.
        due_at: when its next part may be executed.
    """

    number: int
    client_order_id: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    currency: str
    reserved_price: Decimal
    parts: int
    state: BrokerOrderState
    filled_quantity: Decimal
    reason: str
    appears_at: datetime
    due_at: datetime

    @property
    def remaining(self) -> Decimal:
        """Units not filled."""
        return self.quantity - self.filled_quantity


def slipped(price: Decimal, side: Side, slippage_bps: Decimal) -> Decimal:
    """Return what an order gets when the price is so: buyers pay more, sellers get less.

    >>> slipped(Decimal(100), Side.BUY, Decimal(5)), slipped(Decimal(100), Side.SELL, Decimal(5))
    (Decimal('100.05'), Decimal('99.95'))
    """
    worse = slippage_bps if side is Side.BUY else -slippage_bps
    with localcontext(EXACT):
        return round_half_up(price * (BPS + worse) / BPS, PRICE_PLACES).normalize()


def price_of(order: PaperOrder, price: Decimal, slippage_bps: Decimal) -> Decimal | None:
    """Return the price at which an order trades when the market is at `price`; None = its limit forbids it."""
    got = slipped(price, order.side, slippage_bps)
    limit = order.limit_price
    if limit is None:
        return got
    if order.side is Side.BUY:
        return min(got, limit) if price <= limit else None
    return max(got, limit) if price >= limit else None


def part_of(order: PaperOrder) -> Decimal:
    """Return how many units the next part has: equal parts in the steps the quantity is written in, the last the rest.

    Of 2.5 units in 2 parts: 1.2, then 1.3.
    """
    exponent = order.quantity.normalize(EXACT).as_tuple().exponent
    step = Decimal(1).scaleb(min(int(exponent), 0))
    with localcontext(EXACT):
        usual = max(order.quantity / order.parts // step * step, step)
    return usual if order.remaining >= 2 * usual else order.remaining


def draw_parts(settings: PaperSettings, chance: random.Random) -> int:
    """Draw in how many parts an order is filled."""
    return chance.randint(1, settings.most_parts)


def cash_of(quantity: Decimal, price: Decimal) -> Decimal:
    """Return the money that changes hands, as exact as a ledger keeps it.

    >>> cash_of(Decimal("0.5"), Decimal("10.01"))
    Decimal('5.00500000')
    """
    with localcontext(EXACT):
        return round_half_up(quantity * price, MONEY_PLACES)


def reserved_cash(orders: Iterable[PaperOrder], currency: str) -> Decimal:
    """Return the money that open buys keep back."""
    buys = (order for order in orders if order.side is Side.BUY and order.currency == currency)
    return sum((cash_of(order.remaining, order.reserved_price) for order in buys), Decimal(0))


def reserved_units(orders: Iterable[PaperOrder], symbol: str) -> Decimal:
    """Return the units that open sales keep back."""
    sales = (order for order in orders if order.side is Side.SELL and order.symbol == symbol)
    return sum((order.remaining for order in sales), Decimal(0))
