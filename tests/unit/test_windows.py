"""Windows end where PostgreSQL ends them; a month ends on the last day that has a price."""

import datetime as dt

import numpy as np
import pytest

from steelyard.analytics.windows import (
    Window,
    compliance_window,
    month_ends,
    performance_window,
    risk_window,
    subtract_months,
)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2024-05-31", 3, "2024-02-29"),  # select date '2024-05-31' - interval '3 months'
        ("2023-05-31", 3, "2023-02-28"),
        ("2024-02-29", 12, "2023-02-28"),
        ("2024-01-31", 1, "2023-12-31"),
        ("2024-12-31", 6, "2024-06-30"),
        ("2024-03-15", 3, "2023-12-15"),
        ("2024-03-15", 0, "2024-03-15"),
    ],
)
def test_months_go_back_as_in_postgresql(day: str, months: int, expected: str) -> None:
    assert subtract_months(dt.date.fromisoformat(day), months) == dt.date.fromisoformat(expected)


def test_the_windows_of_asset_360() -> None:
    as_of = dt.date(2018, 2, 7)
    assert performance_window(as_of) == Window(dt.date(2017, 2, 7), as_of)
    assert risk_window(as_of) == Window(dt.date(2017, 11, 7), as_of)
    assert compliance_window(as_of) == Window(dt.date(2017, 8, 7), as_of)


def test_a_window_leaves_out_its_first_day_and_keeps_its_last() -> None:
    days = np.arange("2024-01-01", "2024-01-06", dtype="datetime64[D]")
    window = Window(dt.date(2024, 1, 2), dt.date(2024, 1, 4))
    assert days[window.rows(days)].astype(str).tolist() == ["2024-01-03", "2024-01-04"]
    assert window.rows(days[:0]) == slice(0, 0)


def test_a_month_ends_on_the_assets_own_last_day() -> None:
    days = np.array(["2024-01-30", "2024-01-31", "2024-02-14", "2024-04-02"], dtype="datetime64[D]")
    ends, following = month_ends(days, np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 1, 1]], dtype=bool))
    assert ends.T.tolist() == [
        [False, True, False, False],  # February is not complete without a later day
        [True, False, False, False],
        [False, False, True, False],
    ]
    assert following[:2].astype(str).tolist() == [
        ["2024-01-31", "2024-04-02", "2024-02-14"],
        ["2024-02-14", "2024-04-02", "2024-02-14"],
    ]


def test_no_days_end_no_month() -> None:
    ends, following = month_ends(np.empty(0, dtype="datetime64[D]"), np.empty((0, 2), dtype=bool))
    assert ends.shape == following.shape == (0, 2)
