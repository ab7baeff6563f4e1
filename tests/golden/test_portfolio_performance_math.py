"""The published cases of Portfolio Performance's mathematics (EPL-1.0, facts only): IRR, volatility, recovery."""

from datetime import date

import numpy as np
import pytest

from published import Case, Reason, Skip, load_suite, numbers, runs
from steelyard.analytics.day_count import DayCount
from steelyard.analytics.downside import downside_deviation
from steelyard.analytics.drawdown import find_drawdowns, slowest_recovery
from steelyard.analytics.money_weighted import xirr
from steelyard.analytics.risk import volatility

SUITE = load_suite("portfolio_performance_math")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}
BY_CONSTRAINTS = Skip(
    Reason.OUT_OF_SCOPE, "solves for amounts under weights of classes; targets here are those of assets"
)
SKIPPED = {case_id: BY_CONSTRAINTS for case_id in CASES if case_id.startswith("rebalance_")}


@pytest.mark.parametrize("case_id", [case_id for case_id in CASES if case_id.startswith("irr_")])
def test_irr(case_id: str) -> None:
    case = CASES[case_id]
    dates = np.array(case["dates"], dtype="datetime64[D]")
    found = xirr(dates, numbers(case["amounts"]), day_count=DayCount.ACT_365)
    tolerance = case.get("tol") or 10.0 ** -case["places"]
    assert found.yearly == pytest.approx((case["expected"],), abs=tolerance)


@pytest.mark.parametrize("case_id", ["volatility", "volatility_skip_first"])
def test_volatility(case_id: str) -> None:
    """Theirs is of logarithms of the returns, over the whole period, and of a sample on both sides of the mean."""
    case = CASES[case_id]
    returns = np.log1p(numbers(case["returns"][case.get("skip_first", 0) :]))
    expected = case["expected"]
    periods = len(returns)
    deviation = volatility(returns, periods_per_year=periods, ddof=1)
    assert float(deviation) == pytest.approx(expected["standard_deviation"], abs=case["tol"])
    below = downside_deviation(
        returns, required_return=float(returns.mean()), periods_per_year=periods * periods / (periods - 1)
    )
    assert float(below) == pytest.approx(expected["semi_deviation"], abs=case["tol"])


@runs("drawdown_recovery")
def test_longest_recovery() -> None:
    case = CASES["drawdown_recovery"]
    first = date.fromisoformat(case["first_date"])
    days = np.datetime64(first) + np.arange(len(case["values"]))
    slowest = slowest_recovery(find_drawdowns(numbers(case["values"]), days))
    assert slowest is not None
    assert slowest.valley == date.fromisoformat(case["expected"]["from"])
    assert slowest.end == date.fromisoformat(case["expected"]["to"])
