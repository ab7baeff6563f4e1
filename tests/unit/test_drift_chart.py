"""Bars of drift, and sparklines."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from steelyard.charts.drift import Drift, drift_bar, reach_of
from steelyard.charts.spark import sparkline


def D(text: str) -> Decimal:  # noqa: N802 - as people write it
    return Decimal(text)


def part(drawn: str, name: str) -> dict[str, str]:
    """The attributes of the part of a class."""
    [found] = re.findall(rf'<\w+ ([^>]*class="{name}"[^>]*)>', drawn)
    return dict(re.findall(r'(\S+)="([^"]*)"', found))


def test_a_bar_begins_at_the_target_and_goes_the_way_of_the_drift() -> None:
    over = part(drift_bar(Drift(D("0.02")), 0.04), "is-out")
    under = part(drift_bar(Drift(D("-0.02")), 0.04), "is-out")
    assert (over["x"], over["width"]) == ("50%", "25%")
    assert (under["x"], under["width"]) == ("25%", "25%")


@pytest.mark.parametrize(("drift", "name"), [("0.01", "is-in"), ("-0.01", "is-in"), ("0.0100001", "is-out")])
def test_on_the_edge_of_the_band_is_inside(drift: str, name: str) -> None:
    assert part(drift_bar(Drift(D(drift), D("-0.01"), D("0.01")), 0.04), name)


def test_the_band_and_where_trades_lead_are_drawn_on_the_same_scale() -> None:
    drawn = drift_bar(Drift(D("0.04"), D("-0.01"), D("0.03"), D("0.02")), 0.04)
    band = part(drawn, "band")
    assert (band["x"], band["width"]) == ("37.5%", "50%")
    assert part(drawn, "after")["cx"] == "75%"
    assert 'class="after"' not in drift_bar(Drift(D("0.04")), 0.04)


def test_what_is_beyond_the_cell_ends_at_it() -> None:
    assert part(drift_bar(Drift(D("9")), 0.04), "is-out")["width"] == "50%"


def test_the_reach_is_the_farthest_that_is_drawn_and_never_nothing() -> None:
    assert reach_of([Drift(D("0.01"), after=D("-0.07")), Drift(D("0.02"), D("-0.03"), D("0.03"))]) == 0.07
    assert reach_of([]) == reach_of([Drift(D("0"))]) > 0


def test_a_sparkline_rises_where_its_prices_do_and_says_so() -> None:
    closes = [(date(2026, 1, 5) + timedelta(weeks=week), Decimal(100 + week)) for week in range(3)]
    drawn = sparkline(closes)
    assert 'd="M2 22L44 12L86 2"' in drawn
    assert "From 100.00 to 102.00, 2.00\u202f%, in 3 weeks" in drawn


def test_a_sparkline_of_one_price_is_none_and_of_equal_ones_is_flat() -> None:
    day = date(2026, 1, 5)
    assert sparkline([(day, Decimal(1))]) == "–"
    assert 'd="M2 22L86 22"' in sparkline([(day, Decimal(1)), (day, Decimal(1))])
