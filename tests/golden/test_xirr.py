"""The published cases of pyxirr (Unlicense) and of Excel's XIRR (Microsoft KB Q116041).

Where several rates solve the flows pyxirr gives one of them, and Steelyard all: the published one must be among them.
Where pyxirr has none, none may be found.
"""

import math

import numpy as np
import pytest

from published import Case, Skip, load_suite
from steelyard.analytics.day_count import DayCount
from steelyard.analytics.money_weighted import xirr, xnpv

SUITE = load_suite("xirr")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}
SKIPPED: dict[str, Skip] = {}


@pytest.mark.parametrize("case_id", CASES)
def test_xirr(case_id: str) -> None:
    case = CASES[case_id]
    dates = np.array([day for day, _ in case["flows"]], dtype="datetime64[D]")
    amounts = np.array([amount for _, amount in case["flows"]], dtype=np.float64)
    found = xirr(dates, amounts, day_count=DayCount.ACT_365)
    expected = float(case["expected"])
    if math.isnan(expected):
        assert found.yearly == ()
        return
    solves = min(found.yearly, key=lambda rate: math.inf if math.isnan(rate) else abs(rate - expected))
    assert solves == pytest.approx(expected, abs=case["tol"])
    worth = xnpv(dates, amounts, rate=solves, day_count=DayCount.ACT_365)
    assert abs(worth) <= 1e-6 * np.abs(amounts).sum()
