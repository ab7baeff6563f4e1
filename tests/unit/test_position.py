"""Lots of a position: how they join, and how a statement's cost or day finds them."""

from datetime import date
from decimal import Decimal

import pytest

from steelyard.domain.lot import Lot
from steelyard.domain.position import NoLotFitsError, PositionLots, add_lots, count_units, find_lots

FIRST, SECOND = date(2024, 3, 14), date(2024, 3, 15)


def lot(lot_id: str, day: date, units: str, cost: str, carried: str = "0") -> Lot:
    """Make a lot whose local cost is half of its cost."""
    local = Decimal(cost) / 2
    return Lot(lot_id, "VTI", Decimal(units), Decimal(cost), day, "A", Decimal(carried), 3, local, "EUR")


ONE, OTHER = lot("L1", FIRST, "10", "100", "5"), lot("L2", SECOND, "4", "60")


def test_lots_stand_by_day_and_then_by_id_whatever_they_came_after() -> None:
    same_day = lot("L0", SECOND, "1", "1")

    assert add_lots((), [OTHER, ONE]) == (ONE, OTHER)
    assert add_lots((ONE, OTHER), [same_day]) == (ONE, same_day, OTHER)
    assert add_lots((ONE,), [OTHER]) == (ONE, OTHER)
    assert add_lots((), []) == ()


def test_parts_of_a_lot_that_meet_are_the_lot() -> None:
    part, rest = ONE.split(Decimal(3))

    assert add_lots((part, OTHER), [rest]) == (ONE, OTHER)
    assert add_lots((part,), [rest]) == (ONE,)


def test_short_units_count_against_those_bought() -> None:
    assert [PositionLots((ONE,), (OTHER,)).quantity, PositionLots().quantity] == [6, 0]
    assert count_units([ONE, OTHER]) == 14


def test_a_lot_is_found_by_what_a_unit_cost_in_its_own_currency_or_by_its_day() -> None:
    lots = (ONE, OTHER)

    assert find_lots(lots, unit_cost=Decimal(5)) == ("L1",)
    assert find_lots(lots, acquired=SECOND) == ("L2",)
    assert find_lots(lots) == ("L1", "L2")
    assert find_lots(lots, unit_cost=Decimal("7.5"), acquired=SECOND) == ("L2",)


def test_where_no_lot_fits_the_lots_there_are_are_named() -> None:
    with pytest.raises(NoLotFitsError) as both:
        find_lots((ONE, OTHER), unit_cost=Decimal(5), acquired=SECOND)
    assert str(both.value) == (
        "no lot costs 5 a unit and is of 2024-03-15: there are L1 of 2024-03-14, L2 of 2024-03-15."
    )
    with pytest.raises(NoLotFitsError) as none:
        find_lots((), unit_cost=Decimal(0))
    assert str(none.value) == "no lot costs 0 a unit: there are no lots."
