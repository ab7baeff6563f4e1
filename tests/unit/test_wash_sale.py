"""Wash sales: which purchase replaces which loss, and what the replacement carries."""

from datetime import date
from decimal import Decimal

import pytest

from steelyard.domain.lot import Lot, SaleExceedsLotsError
from steelyard.domain.wash_sale import Sale, match_wash_sales

MAY_2 = date(2024, 5, 2)


def lot(lot_id: str, quantity: int, cost: int, bought: date, *, account: str = "", asset: str = "VTI") -> Lot:
    return Lot(lot_id, asset, Decimal(quantity), Decimal(cost), bought, account)


def whole(*amounts: Decimal) -> list[int]:
    """Return amounts that are whole as whole numbers."""
    assert all(amount == int(amount) for amount in amounts)
    return [int(amount) for amount in amounts]


OLD = lot("old", 100, 1000, date(2020, 1, 2))
LOSS = Sale(OLD, MAY_2, Decimal(700))  # 3 a unit


def test_a_purchase_replaces_part_of_a_sale_and_is_split_by_it() -> None:
    bought = lot("new", 150, 1200, date(2024, 5, 20))

    answer = match_wash_sales(
        [Sale(lot("part", 60, 600, OLD.acquired), MAY_2, Decimal(420))], [bought], days=30
    )

    assert answer.disallowed == 180
    carrier, rest = answer.lots
    assert [carrier.lot_id, rest.lot_id] == ["new", "new~2"]
    assert whole(carrier.quantity, carrier.cost, carrier.carried_loss) == [60, 480, 180]
    assert whole(rest.quantity, rest.cost, rest.carried_loss) == [90, 720, 0]


def test_purchases_replace_in_the_order_they_were_made_not_named() -> None:
    later, earlier = lot("1", 80, 640, date(2024, 5, 21)), lot("2", 80, 640, date(2024, 4, 20))

    answer = match_wash_sales([LOSS], [later, earlier], days=30)

    assert [wash.replacement.lot_id for wash in answer.washed] == ["2", "1"]
    assert [whole(wash.replacement.quantity, wash.disallowed) for wash in answer.washed] == [
        [80, 240],
        [20, 60],
    ]


@pytest.mark.parametrize(
    ("bought", "disallowed"),
    [
        (date(2024, 4, 1), 0),
        (date(2024, 4, 2), 300),
        (date(2024, 6, 1), 300),
        (date(2024, 6, 2), 0),
    ],
)
def test_the_window_ends_on_its_thirtieth_day_before_and_after(bought: date, disallowed: int) -> None:
    assert match_wash_sales([LOSS], [lot("new", 100, 900, bought)], days=30).disallowed == disallowed


def test_any_account_of_the_household_and_any_identical_asset_replaces() -> None:
    elsewhere = lot("new", 100, 900, date(2024, 5, 20), account="IRA", asset="ITOT")

    assert match_wash_sales([LOSS], [elsewhere], days=30).disallowed == 0
    assert match_wash_sales([LOSS], [elsewhere], days=30, identical=[{"VTI", "ITOT"}]).disallowed == 300


def test_a_gain_is_never_washed() -> None:
    gain = Sale(OLD, MAY_2, Decimal(1100))

    assert match_wash_sales([gain], [lot("new", 100, 900, MAY_2)], days=30).gain == 100


def test_what_is_sold_the_same_day_replaces_nothing() -> None:
    recent = lot("new", 100, 900, date(2024, 4, 20))
    both = [LOSS, Sale(recent, MAY_2, Decimal(700))]

    answer = match_wash_sales(both, [recent], days=30)

    assert whole(answer.disallowed, answer.gain) == [0, -500]
    assert answer.lots == ()


def test_what_is_left_of_a_lot_does_not_replace_what_is_sold_of_it() -> None:
    """Rev. Rul. 56-602: shares bought as one lot and sold in part within 30 days."""
    recent = lot("new", 100, 900, date(2024, 4, 20))
    half = Sale(lot("new", 50, 450, date(2024, 4, 20)), MAY_2, Decimal(350))

    answer = match_wash_sales([half], [recent], days=30)

    assert whole(answer.disallowed, answer.gain) == [0, -100]
    assert [whole(left.quantity, left.cost) for left in answer.lots] == [[50, 450]]


def test_a_carried_loss_is_carried_on_when_the_replacement_is_sold_at_a_loss() -> None:
    """Bought at 800, carrying 300, sold at 700 and replaced again: the second carries 400 and all days since 2020."""
    first, second = lot("1", 100, 800, date(2024, 5, 10)), lot("2", 100, 750, date(2024, 6, 10))
    sold_again = Sale(first, date(2024, 6, 3), Decimal(700))

    answer = match_wash_sales([LOSS, sold_again], [first, second], days=30)

    assert [sale.gain for sale in answer.sales] == [-300, -400]
    assert whole(answer.disallowed, answer.gain) == [700, 0]
    (left,) = answer.lots
    held_days = (MAY_2 - OLD.acquired).days + (date(2024, 6, 3) - date(2024, 5, 10)).days
    assert left.basis == 1150
    assert (left.acquired - left.held_since).days == held_days


def test_a_sale_of_a_lot_that_replaces_in_part_stands_as_two() -> None:
    bought = lot("new", 100, 800, date(2024, 5, 20))
    first = Sale(lot("part", 40, 400, OLD.acquired), MAY_2, Decimal(280))
    later = Sale(bought, date(2024, 9, 2), Decimal(1000))

    answer = match_wash_sales([first, later], [bought], days=30)

    assert [whole(sale.lot.quantity, sale.proceeds, sale.gain) for sale in answer.sales] == [
        [40, 280, -120],
        [40, 400, -40],
        [60, 600, 120],
    ]
    assert answer.gain == 80


def test_more_sold_of_a_lot_than_was_bought_is_refused() -> None:
    bought = lot("new", 10, 80, date(2024, 4, 20))
    sale = Sale(lot("new", 11, 88, date(2024, 4, 20)), MAY_2, Decimal(70))

    with pytest.raises(SaleExceedsLotsError, match="11 of lot 'new' of VTI cannot be sold: the lots hold 10"):
        match_wash_sales([sale], [bought], days=30)


def test_units_beyond_28_digits_are_replaced_to_the_last() -> None:
    many, few = Decimal("10000000000000000000000.00000002"), Decimal("0.00000001")
    sold = Lot("old", "VTI", many, Decimal(500), date(2020, 1, 2))
    bought = [
        Lot("a", "VTI", few, Decimal(1), date(2024, 5, 20)),
        Lot("b", "VTI", many, Decimal(1), date(2024, 5, 21)),
    ]

    answer = match_wash_sales([Sale(sold, MAY_2, Decimal(100))], bought, days=30)

    assert answer.disallowed == 400
    assert [wash.replacement.quantity for wash in answer.washed] == [
        few,
        Decimal("10000000000000000000000.00000001"),
    ]
