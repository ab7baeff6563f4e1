"""The drawdown of Portfolio Performance (EPL-1.0, facts only), math/RiskTest: when value was back at its peak."""

from datetime import date

import numpy as np

from published import load_suite, numbers, runs
from steelyard.analytics.drawdown import deepest, find_drawdowns, longest, slowest_recovery

SUITE = load_suite("portfolio_performance_math")
CASES = {case["id"]: case for case in SUITE["cases"]}


@runs("drawdown_recovery")
def test_the_published_recovery() -> None:
    case = CASES["drawdown_recovery"]
    first = np.datetime64(case["first_date"])

    falls = find_drawdowns(numbers(case["values"]), first + np.arange(len(case["values"])))

    slowest = slowest_recovery(falls)
    assert slowest is not None
    assert slowest.valley == date.fromisoformat(case["expected"]["from"])
    assert slowest.end == date.fromisoformat(case["expected"]["to"])
    assert slowest.is_recovered
    assert slowest is longest(falls) is deepest(falls)
    assert (slowest.peak, slowest.days) == (date(2015, 1, 2), 10)
