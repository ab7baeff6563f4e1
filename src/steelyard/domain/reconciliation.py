"""Reconciling with a broker: where it and the ledger say different things of an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from steelyard.domain.money import EXACT, round_half_up

CENTS: Final = 2
_NOTHING: Final = Decimal(0)


class Commodity(NamedTuple):
    """An asset, or where `is_cash` a currency."""

    name: str
    is_cash: bool


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """Units of an asset that orders at the broker may have moved there already.

    Attributes:
        bought: open units of purchases, 0 or more.
        sold: open units of sales, 0 or more.
    """

    bought: Decimal
    sold: Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    """What the ledger and a broker say of a commodity: units or money."""

    commodity: Commodity
    ledger: Decimal
    broker: Decimal

    @property
    def units(self) -> Decimal:
        """What the ledger lacks; negative = has too much."""
        with localcontext(EXACT):
            return self.broker - self.ledger


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing an account.

    Attributes:
        breaks: where the two differ and nothing under way explains it, by commodity.
        undecided: what orders at the broker may explain: neither a break nor none.
    """

    breaks: tuple[Difference, ...]
    undecided: frozenset[Commodity]


def compare(
    ledger: Mapping[Commodity, Decimal],
    broker: Mapping[Commodity, Decimal],
    on_the_way: Mapping[str, OnTheWay],
) -> Comparison:
    """Compare what the ledger and a broker say: units exactly, money to the cent.

    An order at the broker may have executed more than it told yet. A difference of its asset, in its direction and not
    larger than what is open, is left undecided, and with it the money; it is judged when the order has ended.

    Args:
        ledger: what it holds; what is missing is 0.
        broker: the same.
        on_the_way: asset → what orders at the broker have open.

    >>> vti, usd = Commodity("VTI", is_cash=False), Commodity("USD", is_cash=True)
    >>> found = compare({vti: Decimal(10), usd: Decimal("5.001")}, {vti: Decimal(12), usd: Decimal(5)}, {})
    >>> [(one.commodity.name, int(one.units)) for one in found.breaks]
    [('VTI', 2)]
    """
    differences = [
        Difference(one, ledger.get(one, _NOTHING), broker.get(one, _NOTHING))
        for one in sorted({*ledger, *broker}, key=lambda one: (one.is_cash, one.name))
    ]
    differing = [one for one in differences if _differs(one)]
    moving = {one.commodity for one in differing if _may_be_on_the_way(one, on_the_way)}
    if moving:
        moving |= {one.commodity for one in differing if one.commodity.is_cash}
    breaks = tuple(one for one in differing if one.commodity not in moving)
    return Comparison(breaks, frozenset(moving))


def _differs(one: Difference) -> bool:
    return bool(round_half_up(one.units, CENTS) if one.commodity.is_cash else one.units)


def _may_be_on_the_way(one: Difference, on_the_way: Mapping[str, OnTheWay]) -> bool:
    open_units = on_the_way.get(one.commodity.name)
    if one.commodity.is_cash or open_units is None:
        return False
    return -open_units.sold <= one.units <= open_units.bought
