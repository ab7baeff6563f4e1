"""Comparing what a broker and the ledger say: units exactly, money to the cent, and what may be under way."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.reconciliation import Commodity, OnTheWay, compare

VTI = Commodity("VTI", is_cash=False)
BND = Commodity("BND", is_cash=False)
USD = Commodity("USD", is_cash=True)

amounts = st.decimals(min_value=-1000, max_value=1000, places=4)
holdings = st.dictionaries(st.sampled_from([VTI, BND, USD]), amounts)


@given(holdings)
def test_what_is_the_same_has_no_break(held: dict[Commodity, Decimal]) -> None:
    found = compare(held, held, {})
    assert not found.breaks
    assert not found.undecided


@given(holdings, holdings)
def test_the_two_sides_see_the_same_breaks(
    one: dict[Commodity, Decimal], other: dict[Commodity, Decimal]
) -> None:
    there, back = compare(one, other, {}).breaks, compare(other, one, {}).breaks
    assert {(a.commodity, a.units) for a in there} == {(b.commodity, -b.units) for b in back}


@pytest.mark.parametrize(("money", "breaks"), [("5.004", 0), ("5.005", 1), ("4.996", 0), ("4.995", 1)])
def test_money_is_compared_to_the_cent(money: str, breaks: int) -> None:
    assert len(compare({USD: Decimal(5)}, {USD: Decimal(money)}, {}).breaks) == breaks


def test_units_are_compared_exactly() -> None:
    tiny = Decimal("0.000000000001")
    [found] = compare({VTI: Decimal(5)}, {VTI: 5 + tiny}, {}).breaks
    assert found.units == tiny


@pytest.mark.parametrize(
    ("there", "is_undecided"),
    [("10", False), ("11", True), ("14", True), ("15", False), ("9", False), ("6", False)],
)
def test_what_an_open_purchase_may_explain_is_left_undecided(there: str, is_undecided: bool) -> None:  # noqa: FBT001 - a column of the table
    ledger, broker = {VTI: Decimal(10), USD: Decimal(100)}, {VTI: Decimal(there), USD: Decimal(1)}
    found = compare(ledger, broker, {"VTI": OnTheWay(Decimal(4), Decimal(0))})
    assert (VTI in found.undecided) is is_undecided
    assert (USD in found.undecided) is is_undecided  # money follows the units


def test_what_an_open_sale_may_explain_is_left_undecided_and_no_other_asset() -> None:
    ledger = {VTI: Decimal(10), BND: Decimal(3)}
    found = compare(ledger, {VTI: Decimal(8)}, {"VTI": OnTheWay(Decimal(0), Decimal(2))})
    assert found.undecided == {VTI}
    assert [one.commodity for one in found.breaks] == [BND]


def test_a_currency_is_no_asset_of_its_name() -> None:
    found = compare({USD: Decimal(5)}, {Commodity("USD", is_cash=False): Decimal(5)}, {})
    assert [(one.commodity.is_cash, int(one.units)) for one in found.breaks] == [(False, 5), (True, -5)]
