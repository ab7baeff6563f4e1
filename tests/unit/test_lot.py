"""Lots: what one is, how a holding period counts, and which lots each method takes."""

from datetime import date
from decimal import Decimal

import pytest

from steelyard.domain.lot import (
    MORE_THAN_ONE_YEAR,
    ChosenQuantityError,
    HoldingRule,
    Lot,
    LotError,
    LotMethod,
    LotMethodError,
    MixedLotsError,
    SaleExceedsLotsError,
    SaleTerms,
    TaxRates,
    UnknownLotError,
    match_lots,
)

TODAY = date(2024, 6, 3)
RATES = TaxRates(Decimal("0.40"), Decimal("0.20"), MORE_THAN_ONE_YEAR)


def lot(lot_id: str, quantity: int, unit_cost: int, bought: date = date(2020, 1, 2)) -> Lot:
    return Lot(lot_id, "VTI", Decimal(quantity), Decimal(quantity * unit_cost), bought)


LOTS = [
    lot("b", 5, 111, date(2023, 10, 2)),
    lot("a", 4, 100, date(2021, 10, 1)),
    lot("c", 6, 130, date(2024, 3, 4)),
    lot("d", 5, 135, date(2020, 3, 4)),
]


def taken(method: LotMethod, quantity: int, terms: SaleTerms | None = None) -> str:
    match = match_lots(LOTS, Decimal(quantity), method, terms=terms)
    return " ".join(f"{part.lot_id}{part.quantity}" for part in match.taken)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (LotMethod.FIFO, "d5 a4 b1"),
        (LotMethod.LIFO, "c6 b4"),
        (LotMethod.HIFO, "d5 c5"),
        (LotMethod.AVERAGE, "d5 a4 b1"),
    ],
)
def test_each_method_takes_its_lots(method: LotMethod, expected: str) -> None:
    assert taken(method, 10) == expected


def test_minimum_tax_weighs_the_rate_of_each_lot() -> None:
    """At 140: c 10 short = 4.00, d 5 long = 1.00, a 40 long = 8.00, b 29 short = 11.60 of tax a unit."""
    terms = SaleTerms(Decimal(140), TODAY, RATES)

    assert taken(LotMethod.MINIMUM_TAX, 16, terms) == "d5 c6 a4 b1"


def test_a_short_term_loss_goes_before_a_larger_long_term_one() -> None:
    """At 120: c loses 10 at 40 % = 4.00, d loses 15 at 20 % = 3.00."""
    assert taken(LotMethod.MINIMUM_TAX, 11, SaleTerms(Decimal(120), TODAY, RATES)) == "c6 d5"
    assert taken(LotMethod.HIFO, 11) == "d5 c6"


def test_lots_of_one_day_go_by_their_id_first_in_or_last_in() -> None:
    same = [lot("2", 1, 10), lot("1", 1, 10)]

    assert [part.lot_id for part in match_lots(same, Decimal(1), LotMethod.FIFO).taken] == ["1"]
    assert [part.lot_id for part in match_lots(same, Decimal(1), LotMethod.LIFO).taken] == ["1"]


def test_chosen_lots_are_sold_in_the_order_they_are_named() -> None:
    chosen = {"c": Decimal(2), "a": Decimal(4)}

    match = match_lots(LOTS, Decimal(6), LotMethod.SPECIFIC, chosen=chosen)

    assert [f"{part.lot_id}{part.quantity}" for part in match.taken] == ["c2", "a4"]
    assert sorted(f"{part.lot_id}{part.quantity}" for part in match.left) == ["b5", "c4", "d5"]


def test_average_spreads_the_cost_and_keeps_the_whole() -> None:
    lots = [lot("a", 1, 100), lot("b", 2, 50), lot("c", 4, 0)]

    match = match_lots(lots, Decimal(3), LotMethod.AVERAGE)

    assert sum(part.cost for part in match.taken) == Decimal("85.71428571")
    assert sum(part.cost for part in (*match.taken, *match.left)) == 200


def test_a_carried_loss_is_split_with_its_lot_and_moves_the_holding_period() -> None:
    whole = Lot("a", "VTI", Decimal(4), Decimal(400), date(2024, 1, 10), "", Decimal(100), 9)

    match = match_lots([whole], Decimal(1), LotMethod.FIFO)

    assert [part.basis for part in (*match.taken, *match.left)] == [125, 375]
    assert {part.held_since for part in (*match.taken, *match.left)} == {date(2024, 1, 1)}


def test_a_large_position_is_sold_to_the_last_unit() -> None:
    units = Decimal("10000000000000000000000.00000002")  # two of them have more than Decimal's own 28 digits
    lots = [Lot(name, "VTI", units, Decimal(1), TODAY) for name in "ab"]

    match = match_lots(lots, Decimal("20000000000000000000000.00000004"), LotMethod.FIFO)

    assert [part.quantity for part in match.taken] == [units, units]
    assert match.left == ()


def test_average_keeps_a_cost_and_a_loss_finer_than_money() -> None:
    lots = [
        Lot(name, "VTI", Decimal(1), Decimal("1.0000000011"), TODAY, "", Decimal("0.0000000011"), 1)
        for name in "ab"
    ]

    match = match_lots(lots, Decimal(1), LotMethod.AVERAGE)

    assert sum(part.cost for part in (*match.taken, *match.left)) == Decimal("2.0000000022")
    assert sum(part.carried_loss for part in (*match.taken, *match.left)) == Decimal("0.0000000022")


def test_selling_nothing_takes_nothing() -> None:
    assert match_lots(LOTS, Decimal(0), LotMethod.FIFO).taken == ()
    assert match_lots([], Decimal(0), LotMethod.AVERAGE).left == ()


# ── Holding periods ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("bought", "first_long_term_day"),
    [
        (date(2023, 6, 3), date(2024, 6, 4)),
        (date(2023, 2, 28), date(2024, 3, 1)),
        (date(2024, 2, 28), date(2025, 3, 1)),
        (date(2024, 2, 29), date(2025, 3, 1)),
        (date(2023, 12, 31), date(2025, 1, 1)),
    ],
)
def test_long_term_starts_the_day_after_the_anniversary(bought: date, first_long_term_day: date) -> None:
    assert MORE_THAN_ONE_YEAR.long_term_from(bought) == first_long_term_day


def test_another_rule_counts_other_years() -> None:
    rule = HoldingRule(years=2)

    assert not rule.is_long_term(date(2022, 6, 3), sold=date(2024, 6, 3))
    assert rule.is_long_term(date(2022, 6, 3), sold=date(2024, 6, 4))


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_sale_of_more_than_there_is_names_asset_and_quantities() -> None:
    with pytest.raises(SaleExceedsLotsError, match=r"^21 of VTI cannot be sold: the lots hold 20\.$"):
        match_lots(LOTS, Decimal(21), LotMethod.FIFO)


def test_a_sale_below_nothing_is_refused() -> None:
    with pytest.raises(SaleExceedsLotsError, match=r"^-1 of VTI"):
        match_lots(LOTS, Decimal(-1), LotMethod.FIFO)


def test_an_unknown_lot_is_named_with_those_there_are() -> None:
    with pytest.raises(
        UnknownLotError, match=r"^lot 'x' is chosen and not there: choose among a, b, c, d\.$"
    ):
        match_lots(LOTS, Decimal(1), LotMethod.SPECIFIC, chosen={"x": Decimal(1)})


def test_more_of_a_lot_than_it_holds_names_the_lot() -> None:
    with pytest.raises(SaleExceedsLotsError, match=r"^5 of lot 'a' of VTI cannot be sold: the lots hold 4"):
        match_lots(LOTS, Decimal(5), LotMethod.SPECIFIC, chosen={"a": Decimal(5)})


def test_chosen_lots_must_make_up_the_sale() -> None:
    with pytest.raises(ChosenQuantityError, match=r"^5 are sold and 4 chosen"):
        match_lots(LOTS, Decimal(5), LotMethod.SPECIFIC, chosen={"a": Decimal(4)})


@pytest.mark.parametrize("method", [LotMethod.MINIMUM_TAX, LotMethod.SPECIFIC])
def test_a_method_says_what_it_lacks(method: LotMethod) -> None:
    with pytest.raises(LotMethodError, match=rf"^lot method '{method}' needs the "):
        match_lots(LOTS, Decimal(1), method)


def test_lots_of_two_positions_are_refused() -> None:
    other = Lot("z", "BND", Decimal(1), Decimal(1), TODAY)

    with pytest.raises(MixedLotsError, match=r"^lot 'z' is of BND in account '', lot 'b' of VTI"):
        match_lots([*LOTS, other], Decimal(1), LotMethod.FIFO)


def test_one_id_for_two_lots_is_refused() -> None:
    with pytest.raises(LotError, match=r"^lot 'a' of VTI stands twice"):
        match_lots([lot("a", 1, 1), lot("a", 2, 1)], Decimal(1), LotMethod.FIFO)


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity"])
def test_a_quantity_no_lot_can_have(quantity: str) -> None:
    with pytest.raises(LotError, match=r"^lot 'a' of VTI has .*quantity"):
        Lot("a", "VTI", Decimal(quantity), Decimal(1), TODAY)


@pytest.mark.parametrize(("cost", "carried", "days"), [("-1", "0", 0), ("1", "-1", 0), ("1", "0", -1)])
def test_nothing_of_a_lot_is_below_nothing(cost: str, carried: str, days: int) -> None:
    with pytest.raises(LotError, match="below 0"):
        Lot("a", "VTI", Decimal(1), Decimal(cost), TODAY, "", Decimal(carried), days)


def test_a_cost_that_is_no_number_is_refused() -> None:
    with pytest.raises(LotError, match="has no finite cost"):
        Lot("a", "VTI", Decimal(1), Decimal("NaN"), TODAY)
