"""The lots of a position: bought and sold short, in the order they came, and how lots join it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT
from steelyard.errors import InvalidInputError


class NoLotFitsError(InvalidInputError):
    """No lot has the cost or the day that is asked for."""

    def __init__(self, lots: Iterable[Lot], unit_cost: Decimal | None, acquired: date | None) -> None:
        """Name what is asked for, and the lots there are."""
        wanted = [f"costs {unit_cost} a unit"] if unit_cost is not None else []
        wanted += [f"is of {acquired}"] if acquired else []
        there = ", ".join(f"{lot.lot_id} of {lot.acquired}" for lot in lots)
        super().__init__(f"no lot {' and '.join(wanted)}: there are {there or 'no lots'}.")


@dataclass(frozen=True, slots=True)
class PositionLots:
    """What an account has of an asset.

    Attributes:
        lots: bought, by day and then by id.
        shorts: sold short and not yet covered, in the same order; `cost` of such a lot is what it brought.

    >>> bought = Lot("L1", "VTI", Decimal(10), Decimal(2000), date(2024, 3, 14))
    >>> shorted = Lot("S1", "VTI", Decimal(4), Decimal(900), date(2024, 3, 15))
    >>> PositionLots((bought,), (shorted,)).quantity
    Decimal('6')
    """

    lots: tuple[Lot, ...] = ()
    shorts: tuple[Lot, ...] = ()

    @property
    def quantity(self) -> Decimal:
        """Units bought less units sold short."""
        with localcontext(EXACT):
            return count_units(self.lots) - count_units(self.shorts)


def count_units(lots: Iterable[Lot]) -> Decimal:
    """Return the units of all lots; 0 without any."""
    total = Decimal(0)
    for lot in lots:
        total = EXACT.add(total, lot.quantity)
    return total


def add_lots(lots: tuple[Lot, ...], new: Iterable[Lot]) -> tuple[Lot, ...]:
    """Return lots with others among them, in order; parts of one lot that meet again are one lot.

    >>> bought = Lot("L1", "VTI", Decimal(10), Decimal(2000), date(2024, 3, 14))
    >>> part, rest = bought.split(Decimal(3))
    >>> [(str(lot.quantity), str(lot.cost)) for lot in add_lots((part,), [rest])]
    [('10', '2000.00000000')]
    """
    together = (*lots, *new)
    if all(_place(one) < _place(other) for one, other in pairwise(together[max(len(lots) - 1, 0) :])):
        return together
    by_place: dict[tuple[date, str], Lot] = {}
    for lot in together:
        place = _place(lot)
        by_place[place] = _join(by_place[place], lot) if place in by_place else lot
    return tuple(by_place[place] for place in sorted(by_place))


def _join(one: Lot, other: Lot) -> Lot:
    with localcontext(EXACT):
        return replace(
            one,
            quantity=one.quantity + other.quantity,
            cost=one.cost + other.cost,
            carried_loss=one.carried_loss + other.carried_loss,
            local_cost=one.local_cost + other.local_cost,
        )


def _place(lot: Lot) -> tuple[date, str]:
    return lot.acquired, lot.lot_id


def find_lots(
    lots: Sequence[Lot], *, unit_cost: Decimal | None = None, acquired: date | None = None
) -> tuple[str, ...]:
    """Return the ids of the lots that cost this much a unit, or are of this day.

    Args:
        lots: of one position.
        unit_cost: in the currency the lots were paid in; None = any.
        acquired: the day; None = any.

    Raises:
        NoLotFitsError: no lot fits both.

    >>> lots = [Lot("L1", "VTI", Decimal(4), Decimal(90), date(2024, 3, 14), local_cost=Decimal(100)),
    ...         Lot("L2", "VTI", Decimal(4), Decimal(90), date(2024, 3, 15), local_cost=Decimal(100))]
    >>> find_lots(lots, unit_cost=Decimal(25)), find_lots(lots, unit_cost=Decimal(25), acquired=date(2024, 3, 15))
    (('L1', 'L2'), ('L2',))
    """
    found = tuple(
        lot.lot_id
        for lot in lots
        if (unit_cost is None or Fraction(unit_cost) * Fraction(lot.quantity) == Fraction(lot.local_cost))
        and acquired in {None, lot.acquired}
    )
    if not found:
        raise NoLotFitsError(lots, unit_cost, acquired)
    return found
