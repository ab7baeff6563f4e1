"""What no order may exceed: its value, the value of a day, the distance from the last valid price, the share of volume.

At a limit is within it. Practice follows SEC rule 15c3-5 (pre-trade controls of value, price and duplication).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Final

from steelyard.compliance.liquidity import usual_volume
from steelyard.compliance.measure import Measure, Unit, told_apart
from steelyard.domain.money import EXACT

DEFAULT_COLLAR: Final = Decimal("0.05")
"""5 %, as the band of the US limit up-limit down plan for its first tier above 3 USD."""

USUAL_SESSIONS: Final = 20
"""Sessions whose mean is the usual volume: about a month."""


class OrderCheck(StrEnum):
    """What an order is refused for, or left waiting."""

    ORDER_VALUE = "order_value"
    DAY_VALUE = "day_value"
    COLLAR = "price_collar"
    PARTICIPATION = "participation"
    PRICE = "price"
    HOLD = "hold"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class OrderRefusal:
    """Why an order is not sent now.

    Attributes:
        check: what said so.
        reason: one sentence that names limit and measure.
        waits: whether the same order may be sent later, when a hold is released or a price is good again; otherwise it
            is rejected.
    """

    check: OrderCheck
    reason: str
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimits:
    """Limits of a tenant, of an account, or the narrower of both.

    Attributes:
        max_order_value, max_day_value: in the tenant's base currency, 0 or above; None = none.
        price_collar: fraction of the last valid price, above 0 and below 1; None = `DEFAULT_COLLAR`, never none.
        max_participation: fraction of the usual volume, above 0 and at most 1; None = none.
    """

    max_order_value: Decimal | None = None
    max_day_value: Decimal | None = None
    price_collar: Decimal | None = None
    max_participation: Decimal | None = None


def narrower(limits: Iterable[OrderLimits]) -> OrderLimits:
    """Return the narrowest of each limit; None only where nobody sets one.

    >>> narrower([OrderLimits(max_order_value=Decimal(100)), OrderLimits(max_order_value=Decimal(90))]).max_order_value
    Decimal('90')
    """
    every = list(limits)

    def least(values: Iterable[Decimal | None]) -> Decimal | None:
        return min((value for value in values if value is not None), default=None)

    return OrderLimits(
        max_order_value=least(one.max_order_value for one in every),
        max_day_value=least(one.max_day_value for one in every),
        price_collar=least(one.price_collar for one in every),
        max_participation=least(one.max_participation for one in every),
    )


def check_order_value(limits: OrderLimits, value: Decimal, currency: str) -> OrderRefusal | None:
    """Refuse an order above the largest value of one."""
    most = limits.max_order_value
    if most is None or value <= most:
        return None
    shown, bound = _money(value, most, currency)
    return OrderRefusal(
        OrderCheck.ORDER_VALUE, f"The order is worth {shown}, above the {bound} that one order may be."
    )


def check_day_value(
    limits: OrderLimits, value: Decimal, sent_today: Decimal, account_id: str, currency: str
) -> OrderRefusal | None:
    """Refuse an order that takes what an account has sent on a day above the most it may."""
    most = limits.max_day_value
    with localcontext(EXACT):
        total = value + sent_today
    if most is None or total <= most:
        return None
    shown, bound = _money(total, most, currency)
    reason = (
        f"With it the orders of {account_id} on this day (UTC) are worth {shown}, above the {bound} of a day."
    )
    return OrderRefusal(OrderCheck.DAY_VALUE, reason)


def check_collar(limits: OrderLimits, price: Decimal, last: Decimal, asset_id: str) -> OrderRefusal | None:
    """Refuse a price too far from the last valid one, on either side.

    Args:
        limits: with the collar.
        price: the order's limit price; of a market order the price it was worked out at.
        last: the last valid price, above 0, in the same currency.
        asset_id: of which asset.
    """
    collar = Fraction(limits.price_collar or DEFAULT_COLLAR)
    away = abs(Fraction(price) - Fraction(last)) / Fraction(last)
    if away <= collar:
        return None
    shown, bound = _fraction(away, collar)
    reason = f"The price {price:f} of {asset_id} is {shown} from the last valid one, {last:f}; the collar is {bound}."
    return OrderRefusal(OrderCheck.COLLAR, reason)


def check_participation(
    limits: OrderLimits, quantity: Decimal, volumes: Sequence[Decimal], asset_id: str
) -> OrderRefusal | None:
    """Refuse an order that is too much of the usual volume; where that is not known, too.

    Args:
        limits: with the largest share.
        quantity: units, above 0.
        volumes: units traded in the last sessions, the newest first.
        asset_id: of which asset.
    """
    if limits.max_participation is None:
        return None
    most, usual = Fraction(limits.max_participation), usual_volume(volumes, USUAL_SESSIONS)
    known = f"the volume of {len(volumes)} of {USUAL_SESSIONS} sessions of {asset_id} is known"
    if not usual:
        none = f"nothing of {asset_id} was traded in {USUAL_SESSIONS} sessions"
        why = known if usual is None else none
        limit = _fraction(most, most)[0]
        reason = f"The order cannot be measured against the {limit} of the usual volume it may be: {why}."
        return OrderRefusal(OrderCheck.PARTICIPATION, reason)
    share = Fraction(quantity) / usual
    if share <= most:
        return None
    shown, bound = _fraction(share, most)
    reason = (
        f"The order is {shown} of the usual volume of {asset_id} ({USUAL_SESSIONS} sessions), above {bound}."
    )
    return OrderRefusal(OrderCheck.PARTICIPATION, reason)


def _money(value: Decimal, bound: Decimal, currency: str) -> tuple[str, str]:
    return told_apart(Fraction(value), Fraction(bound), _blank(Unit.MONEY, currency))


def _fraction(share: Fraction, bound: Fraction) -> tuple[str, str]:
    return told_apart(share, bound, _blank(Unit.FRACTION))


def _blank(unit: Unit, currency: str = "") -> Measure:
    return Measure(key="", subject="", amount=Fraction(0), of="", asset_ids=(), unit=unit, currency=currency)
