"""Causes of differences, one by one, and the page that shows them."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from steelyard.cli.screens.comparison_page import comparison_page
from steelyard.services.comparison import Cause, Comparison, Difference, Fault, compare_rows

OURS: dict[str, Any] = {
    "current_price": Decimal(10),
    "currency": "USD",
    "base_currency": "USD",
    "market_value": Decimal(500),
    "avg_daily_return": Decimal("0.001"),
    "total_return": Decimal("0.2"),
    "value_at_risk": Decimal("0.03"),
    "total_purchases": Decimal(0),
    "risk_category": "HIGH",
    "performance_category": "OUTPERFORMING",
    "beta": None,
}
CASES: dict[str, tuple[str, Any, dict[str, Any], Cause | None]] = {
    "the same": ("avg_daily_return", Decimal("0.00100000000000001"), {}, None),
    "percent": ("avg_daily_return", Decimal("0.1"), {}, Cause.UNITS),
    "a first day more": ("avg_daily_return", Decimal(3), {"avg_daily_return": Decimal(3)}, Cause.WINDOW_EDGE),
    "a first day more, in percent": (
        "avg_daily_return", Decimal(300), {"avg_daily_return": Decimal(3)}, Cause.WINDOW_EDGE),
    "averaged": ("total_return", Decimal("0.11"), {"total_return_within": Decimal("0.11")}, Cause.AVERAGED_RETURN),
    "a share of a price": (
        "market_value", Decimal("2.5"), {"market_values": [Decimal("0.025")]}, Cause.PRICE_TIMES_SHARE),
    "no share": ("market_value", None, {}, Cause.PRICE_TIMES_SHARE),
    "nothing": ("total_purchases", None, {}, Cause.NOTHING_AS_NULL),
    "a gap": ("avg_daily_return", None, {}, Cause.OTHER),
    "an amount at risk": ("value_at_risk", Decimal(2610), {"amounts_at_risk": [Decimal(2610), None]}, Cause.UNITS),
    "an amount of nothing known": ("value_at_risk", Decimal(2611), {"amounts_at_risk": [Decimal(2610)]}, Cause.OTHER),
    "a category of another bound": ("risk_category", "LOW", {}, Cause.THRESHOLDS),
    "unlike anything": ("avg_daily_return", Decimal(7), {"avg_daily_return": Decimal(3)}, Cause.OTHER),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_difference_has_its_cause(name: str) -> None:
    column, figure, historical, cause = CASES[name]
    theirs = {**OURS, "asset_id": "A", column: figure}
    names = sorted({column, "value_at_risk", "total_return"})

    found, _ = compare_rows([theirs], {"A": OURS}, {"A": historical}, names)

    assert [d.cause for d in found] == ([] if cause is None else [cause])


def test_amounts_in_another_currency_are_not_a_window_edge() -> None:
    theirs = {"asset_id": "A", "total_purchases": Decimal(90)}

    found, _ = compare_rows(
        [theirs],
        {"A": {**OURS, "currency": "EUR"}},
        {"A": {"total_purchases": Decimal(90)}},
        ["total_purchases"],
    )

    assert [d.cause for d in found] == [Cause.UNCONVERTED]


def test_rows_that_are_surplus_or_missing_are_counted() -> None:
    ours = {"A": OURS, "B": {**OURS, "current_price": None}, "C": OURS}
    theirs = [
        {"asset_id": "A", "beta": None},
        {"asset_id": "A", "beta": None},
        {"asset_id": "X", "beta": None},
    ]

    found, columns = compare_rows(theirs, ours, {}, ["beta"])

    assert {(d.asset_id, d.cause) for d in found} == {
        ("A", Cause.DUPLICATED_JOIN),
        ("B", Cause.UNPRICED_DROPPED),
        ("C", Cause.OTHER),
        ("X", Cause.NOT_CONCERNED),
    }
    assert [(c.same, c.different) for c in columns] == [(2, {})]


def test_the_page_escapes_every_text() -> None:
    evil = "<img src=x onerror=alert(1)>"
    difference = Difference(evil, evil, evil, evil, Cause.OTHER)
    comparison = Comparison(
        evil, 1, date(2018, 2, 7), evil, 1, 1, 1, Decimal(1), Decimal(1),
        (Fault(Cause.OTHER, evil, 1, 1, difference),), (), (difference,),
    )  # fmt: skip

    page = comparison_page(comparison)

    assert "<img" not in page
    assert page.count("&lt;img") >= 8
