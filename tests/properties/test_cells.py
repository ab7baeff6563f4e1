"""Exact numbers stay exact on the way in, and declared rounding is the rounding of domain/money."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.money import round_half_up
from steelyard.statements.cells import Reading, read_cells
from steelyard.statements.columns import Column, Kind

PRICE = Column("closing_price", Kind.PRICE)
QUANTITY = Column("quantity", Kind.NUMBER)
TODAY = date(2018, 2, 7)


def numbers(most_places: int, *, whole: int = 15) -> st.SearchStrategy[Decimal]:
    """Draw numbers above 0 with up to `whole` digits before the point."""
    places = st.integers(0, most_places)
    return places.flatmap(lambda p: st.integers(1, 10 ** (whole + p) - 1).map(lambda n: Decimal(f"{n}E-{p}")))


@given(amounts=st.lists(numbers(12) | numbers(12).map(lambda amount: -amount), min_size=1))
def test_a_plain_number_is_read_as_it_stands(amounts: list[Decimal]) -> None:
    cells = read_cells(pa.array([f"{amount:f}" for amount in amounts]), QUANTITY, Reading(TODAY))
    assert cells.values.to_pylist() == amounts
    assert not cells.faults


@given(prices=st.lists(numbers(20, whole=14), min_size=1), places=st.integers(0, 12))
def test_declared_rounding_is_the_rounding_of_money(prices: list[Decimal], places: int) -> None:
    cells = read_cells(pa.array([f"{price:f}" for price in prices]), PRICE, Reading(TODAY, places))
    rounded = [round_half_up(price, places) for price in prices]
    assert cells.values.to_pylist() == [price or None for price in rounded]  # rounded to 0 = no price


@given(text=st.text(max_size=12))
def test_no_text_stops_the_reading(text: str) -> None:
    cells = read_cells(pa.array([text]), QUANTITY, Reading(TODAY))
    assert cells.values[0].is_valid != bool(cells.faults)
