"""The published cases of PerformanceAnalytics on Bacon's portfolio (2008).

Monthly returns; the risk-free rate is 0 throughout; deviations are of the population, as in Bacon. Where we compute
otherwise, the case is skipped and a test shows what the published figure is made of.
"""

import csv
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from books import shared
from published import Case, Reason, Skip, assert_published, load_suite, numbers
from steelyard.analytics.benchmark import alpha as benchmark_alpha
from steelyard.analytics.benchmark import jensen_alpha, net_selectivity, specific_risk, systematic_risk
from steelyard.analytics.distribution import volatility_skewness
from steelyard.analytics.downside import (
    downside_deviation,
    downside_frequency,
    downside_potential,
    upside_frequency,
    upside_potential,
    upside_risk,
)
from steelyard.analytics.drawdown import pain_index
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.ratios import appraisal_ratio, kappa_ratio, omega_ratio, prospect_ratio
from steelyard.analytics.returns import annual_return
from steelyard.analytics.risk import mean_absolute_deviation, volatility

SUITE = load_suite("performanceanalytics_bacon")
MONTHS = 12
MINIMUM_ACCEPTABLE_RETURN = 0.005

IMPOSSIBLE_VALUE = Skip(Reason.CONTEXT_LOST, "publishes a value that its own inputs contradict")

SKIPPED = {
    "BurkeRatio:27": Skip(
        Reason.OTHER_CONVENTION, "adds the returns of a losing streak; ours compounds them"
    ),
    "CAPM.epsilon:25": Skip(Reason.OTHER_CONVENTION, "takes an alpha of a month from one of a year"),
    "M2Sortino:26": Skip(Reason.OTHER_CONVENTION, "multiplies a ratio of a month by deviations of a year"),
    "ProspectRatio:23": Skip(
        Reason.OTHER_CONVENTION, "takes the required return off once, ours off every return as in Bacon"
    ),
    "SystematicRisk:29": IMPOSSIBLE_VALUE,
    "TotalRisk:23": IMPOSSIBLE_VALUE,
    "UpsideRisk:50": IMPOSSIBLE_VALUE,
}


@cache
def column(file: str, place: int, year: str = "") -> FloatArray:
    """Read a column of monthly returns, of one year where given."""
    with shared(f"vectors/inputs/performanceanalytics_{file}.csv").open(encoding="utf-8") as text:
        rows = list(csv.reader(text))[1:]
    return numbers([row[place] or np.nan for row in rows if row[0].startswith(year)])


def portfolio() -> FloatArray:
    return column("portfolio_bacon", 1)


def benchmark() -> FloatArray:
    return column("portfolio_bacon", 2)


def ham1_of_1996() -> FloatArray:
    return column("managers", 1, "1996")


def alpha() -> FloatArray:
    return jensen_alpha(portfolio(), benchmark(), risk_free=0.0, periods_per_year=MONTHS)


def residual_risk() -> FloatArray:
    return specific_risk(portfolio(), benchmark(), risk_free=0.0, periods_per_year=MONTHS, ddof=0)


MEASURES: dict[str, Callable[[], FloatArray]] = {
    "AppraisalRatio:36": lambda: appraisal_ratio(
        portfolio(), benchmark(), risk_free=0.0, periods_per_year=MONTHS, ddof=0
    ),
    "CAPM.jensenAlpha:35": alpha,
    "DownsideDeviation:90": lambda: downside_potential(
        portfolio(), required_return=MINIMUM_ACCEPTABLE_RETURN
    ),
    "DownsideFrequency:27": lambda: downside_frequency(
        portfolio(), required_return=MINIMUM_ACCEPTABLE_RETURN
    ),
    "DownsideFrequency:31": lambda: downside_frequency(ham1_of_1996(), required_return=0.0),
    "MeanAbsoluteDeviation:21": lambda: mean_absolute_deviation(portfolio()),
    "NetSelectivity:27": lambda: net_selectivity(
        portfolio(), benchmark(), risk_free=0.0, periods_per_year=MONTHS
    ),
    "OmegaSharpeRatio:29": lambda: omega_ratio(portfolio(), required_return=MINIMUM_ACCEPTABLE_RETURN) - 1,
    "OmegaSharpeRatio:34": lambda: omega_ratio(ham1_of_1996(), required_return=0.0) - 1,
    "PainIndex:29": lambda: pain_index(portfolio()),
    "Selectivity:24": alpha,
    "SpecificRisk:20": residual_risk,
    "UpsideFrequency:27": lambda: upside_frequency(portfolio(), required_return=MINIMUM_ACCEPTABLE_RETURN),
    "UpsideFrequency:31": lambda: upside_frequency(ham1_of_1996(), required_return=0.0),
    "UpsideRisk:43": lambda: upside_risk(
        portfolio(), required_return=MINIMUM_ACCEPTABLE_RETURN, periods_per_year=1
    ),
    "UpsideRisk:45": lambda: upside_potential(portfolio(), required_return=MINIMUM_ACCEPTABLE_RETURN),
    "VolatilitySkewness:31": lambda: volatility_skewness(
        portfolio(), required_return=MINIMUM_ACCEPTABLE_RETURN
    ),
}

COVERED = [case for case in SUITE["cases"] if case["id"] not in SKIPPED]


@pytest.mark.parametrize("case", COVERED, ids=lambda case: case["id"])
def test_published_value(case: Case) -> None:
    assert_published(MEASURES[case["id"]](), case["expected"], places=case["places"])


PUBLISHED = {case["id"]: case["expected"] for case in SUITE["cases"]}


def test_published_values_that_are_impossible() -> None:
    """The first two are ten times too small: 0.013 and 0.0134 for 0.130 and 0.134."""
    assert PUBLISHED["TotalRisk:23"] < PUBLISHED["SpecificRisk:20"]
    assert PUBLISHED["SystematicRisk:29"] < np.std(benchmark())  # annual, and beta is 1
    assert PUBLISHED["UpsideRisk:50"] > np.max(ham1_of_1996())

    ours = systematic_risk(portfolio(), benchmark(), periods_per_year=MONTHS, ddof=0)
    assert_published(ours / 10, PUBLISHED["SystematicRisk:29"], places=3)
    total = volatility(portfolio(), periods_per_year=MONTHS, ddof=0)
    assert_published(total / 10, PUBLISHED["TotalRisk:23"], places=4)
    np.testing.assert_allclose(np.square(ours) + np.square(residual_risk()), np.square(total), rtol=1e-12)


def test_published_values_of_other_conventions() -> None:
    returns, year = portfolio(), annual_return(portfolio(), periods_per_year=MONTHS)
    streaks = [-0.01, -0.014, -0.005, -0.098, -0.071, -0.065, -0.014]  # sums of neighbouring losses
    assert_published(year / np.linalg.norm(streaks), PUBLISHED["BurkeRatio:27"], places=2)

    monthly_alpha = benchmark_alpha(returns, benchmark(), risk_free=0.0, periods_per_year=1)
    assert_published(alpha() - monthly_alpha, PUBLISHED["CAPM.epsilon:25"], places=3)

    monthly_ratio = kappa_ratio(returns, required_return=MINIMUM_ACCEPTABLE_RETURN, order=2)
    own, markets = (
        downside_deviation(side, required_return=MINIMUM_ACCEPTABLE_RETURN, periods_per_year=MONTHS)
        for side in (returns, benchmark())
    )
    assert_published(year + monthly_ratio * (markets - own), PUBLISHED["M2Sortino:26"], places=4)

    required = 0.05
    ours = prospect_ratio(returns, required_return=required)
    saved = required * (1 - 1 / len(returns))
    downside = downside_deviation(returns, required_return=required, periods_per_year=1)
    assert_published(ours + saved / downside, PUBLISHED["ProspectRatio:23"], places=3)
