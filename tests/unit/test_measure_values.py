"""The further measures against their definitions, written out with the standard library."""

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest

from steelyard.analytics import benchmark, distribution, downside, drawdown, ratios, risk
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.returns import annual_return

RISES = [0.01, -0.02, 0.03, 0.005, -0.01, 0.02]
MARKET = [0.008, -0.015, 0.02, 0.001, -0.012, 0.018]
REQUIRED = 0.002
MONTHS = 12
RISK_FREE = 0.01

RETURNS, MARKET_RETURNS = np.array(RISES), np.array(MARKET)
BETA = statistics.linear_regression(MARKET, RISES).slope
SPREAD, MARKET_SPREAD = statistics.pstdev(RISES), statistics.pstdev(MARKET)


def annual(values: list[float]) -> float:
    return float(math.prod(1 + value for value in values) ** (MONTHS / len(values)) - 1)


def shortfalls(values: list[float]) -> list[float]:
    return [max(REQUIRED - value, 0.0) for value in values]


def downside_risk(values: list[float]) -> float:
    return math.sqrt(statistics.fmean(fall**2 for fall in shortfalls(values)))


def depths() -> list[float]:
    value = peak = 1.0
    found = []
    for one in RISES:
        value *= 1 + one
        peak = max(peak, value)
        found.append(1 - value / peak)
    return found


def moment(order: int) -> float:
    mean = statistics.fmean(RISES)
    return statistics.fmean(((value - mean) / SPREAD) ** order for value in RISES)


EXCESS = annual(RISES) - RISK_FREE
MARKET_EXCESS = annual(MARKET) - RISK_FREE
JENSEN = EXCESS - BETA * MARKET_EXCESS
RESIDUALS = [one - BETA * market for one, market in zip(RISES, MARKET, strict=True)]
N = len(RISES)

SORTINO_YEAR = (statistics.fmean(RISES) - REQUIRED) * MONTHS / (downside_risk(RISES) * math.sqrt(MONTHS))
LOSSES = [-value for value in RISES if value < 0]
GAINS = [value for value in RISES if value > 0]

VALUES: dict[str, tuple[FloatArray, float]] = {
    "kappa of order 3": (
        ratios.kappa_ratio(RETURNS, required_return=REQUIRED, order=3),
        (statistics.fmean(RISES) - REQUIRED)
        / statistics.fmean(fall**3 for fall in shortfalls(RISES)) ** (1 / 3),
    ),
    "upside potential": (
        ratios.upside_potential_ratio(RETURNS, required_return=REQUIRED),
        statistics.fmean(max(value - REQUIRED, 0.0) for value in RISES) / downside_risk(RISES),
    ),
    "prospect": (
        ratios.prospect_ratio(RETURNS, required_return=REQUIRED),
        statistics.fmean((2.25 if value < 0 else 1) * value - REQUIRED for value in RISES)
        / downside_risk(RISES),
    ),
    "d": (ratios.d_ratio(RETURNS), len(LOSSES) * sum(LOSSES) / (len(GAINS) * sum(GAINS))),
    "burke": (
        ratios.burke_ratio(RETURNS, risk_free=RISK_FREE, periods_per_year=MONTHS),
        EXCESS / math.sqrt(sum(loss**2 for loss in LOSSES)),
    ),
    "pain": (
        ratios.pain_ratio(RETURNS, risk_free=RISK_FREE, periods_per_year=MONTHS),
        EXCESS / statistics.fmean(depths()),
    ),
    "martin": (
        ratios.martin_ratio(RETURNS, risk_free=RISK_FREE, periods_per_year=MONTHS),
        EXCESS / math.sqrt(statistics.fmean(depth**2 for depth in depths())),
    ),
    "treynor": (
        ratios.treynor_ratio(RETURNS, MARKET_RETURNS, risk_free=RISK_FREE, periods_per_year=MONTHS),
        EXCESS / BETA,
    ),
    "appraisal": (
        ratios.appraisal_ratio(RETURNS, MARKET_RETURNS, risk_free=RISK_FREE, periods_per_year=MONTHS, ddof=1),
        JENSEN / (statistics.stdev(RESIDUALS) * math.sqrt(MONTHS)),
    ),
    "m squared": (
        ratios.m_squared(RETURNS, MARKET_RETURNS, risk_free=RISK_FREE, periods_per_year=MONTHS),
        RISK_FREE + EXCESS * MARKET_SPREAD / SPREAD,
    ),
    "m squared of sortino": (
        ratios.m_squared_sortino(RETURNS, MARKET_RETURNS, required_return=REQUIRED, periods_per_year=MONTHS),
        annual(RISES) + SORTINO_YEAR * (downside_risk(MARKET) - downside_risk(RISES)) * math.sqrt(MONTHS),
    ),
    "systematic risk": (
        benchmark.systematic_risk(RETURNS, MARKET_RETURNS, periods_per_year=MONTHS, ddof=1),
        BETA * statistics.stdev(MARKET) * math.sqrt(MONTHS),
    ),
    "net selectivity": (
        benchmark.net_selectivity(RETURNS, MARKET_RETURNS, risk_free=RISK_FREE, periods_per_year=MONTHS),
        JENSEN - (SPREAD / MARKET_SPREAD - BETA) * MARKET_EXCESS,
    ),
    "skewness": (distribution.skewness(RETURNS, is_adjusted=False), moment(3)),
    "adjusted skewness": (
        distribution.skewness(RETURNS, is_adjusted=True),
        moment(3) * math.sqrt(N * (N - 1)) / (N - 2),
    ),
    "kurtosis": (distribution.excess_kurtosis(RETURNS, is_adjusted=False), moment(4) - 3),
    "adjusted kurtosis": (
        distribution.excess_kurtosis(RETURNS, is_adjusted=True),
        ((N + 1) * (moment(4) - 3) + 6) * (N - 1) / ((N - 2) * (N - 3)),
    ),
    "tail": (
        distribution.tail_ratio(RETURNS, confidence=0.9),
        abs(float(np.quantile(RISES, 0.9))) / abs(float(np.quantile(RISES, 0.1))),
    ),
    "volatility skewness": (
        distribution.volatility_skewness(RETURNS, required_return=REQUIRED),
        sum(max(value - REQUIRED, 0.0) ** 2 for value in RISES) / sum(fall**2 for fall in shortfalls(RISES)),
    ),
    "stability": (
        distribution.stability(RETURNS),
        statistics.correlation(
            range(N), [sum(math.log1p(value) for value in RISES[: place + 1]) for place in range(N)]
        )
        ** 2,
    ),
    "ulcer": (drawdown.ulcer_index(RETURNS), math.sqrt(statistics.fmean(depth**2 for depth in depths()))),
}


@pytest.mark.parametrize(("found", "expected"), VALUES.values(), ids=list(VALUES))
def test_a_measure_is_its_definition(found: FloatArray, expected: float) -> None:
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_kappa_is_omega_and_sortino() -> None:
    first, second = (ratios.kappa_ratio(RETURNS, required_return=REQUIRED, order=order) for order in (1, 2))
    omega = ratios.omega_ratio(RETURNS, required_return=REQUIRED)
    sortino = ratios.sortino_ratio(RETURNS, required_return=REQUIRED, periods_per_year=MONTHS)

    assert float(first) == pytest.approx(float(omega) - 1)
    assert float(second) * math.sqrt(MONTHS) == pytest.approx(float(sortino))


def test_systematic_and_specific_risk_make_up_the_whole() -> None:
    systematic = benchmark.systematic_risk(RETURNS, MARKET_RETURNS, periods_per_year=MONTHS, ddof=0)
    specific = benchmark.specific_risk(
        RETURNS, MARKET_RETURNS, risk_free=0.0, periods_per_year=MONTHS, ddof=0
    )

    whole = risk.volatility(RETURNS, periods_per_year=MONTHS, ddof=0)
    assert math.hypot(float(systematic), float(specific)) == pytest.approx(float(whole))


@pytest.mark.parametrize(
    "measure",
    [
        lambda r, b: ratios.treynor_ratio(r, b, risk_free=RISK_FREE, periods_per_year=MONTHS),
        lambda r, b: ratios.appraisal_ratio(r, b, risk_free=RISK_FREE, periods_per_year=MONTHS, ddof=1),
        lambda r, b: ratios.m_squared(r, b, risk_free=RISK_FREE, periods_per_year=MONTHS),
        lambda r, b: ratios.m_squared_sortino(r, b, required_return=REQUIRED, periods_per_year=MONTHS),
        lambda r, b: benchmark.systematic_risk(r, b, periods_per_year=MONTHS, ddof=1),
        lambda r, b: benchmark.net_selectivity(r, b, risk_free=RISK_FREE, periods_per_year=MONTHS),
    ],
    ids=["treynor", "appraisal", "m_squared", "m_squared_sortino", "systematic_risk", "net_selectivity"],
)
def test_only_common_days_count(measure: Callable[..., FloatArray]) -> None:
    nan = np.nan
    gaps = np.array([*RISES[:3], 0.5, nan, *RISES[3:]]), np.array([*MARKET[:3], nan, 0.5, *MARKET[3:]])

    np.testing.assert_allclose(measure(*gaps), measure(RETURNS, MARKET_RETURNS), rtol=1e-12)


def test_a_required_return_may_differ_from_day_to_day() -> None:
    required = MARKET_RETURNS

    np.testing.assert_allclose(
        ratios.kappa_ratio(RETURNS, required_return=required, order=2),
        ratios.kappa_ratio(RETURNS - required, required_return=0.0, order=2),
    )
    felt = np.where(RETURNS < 0, 2.25, 1.0) * RETURNS - required
    expected = felt.mean() / downside.downside_deviation(
        RETURNS, required_return=required, periods_per_year=1
    )
    np.testing.assert_allclose(ratios.prospect_ratio(RETURNS, required_return=required), expected)


GAINS_ONLY = np.array([0.01, 0.02, 0.03])


@pytest.mark.parametrize(
    "ratio",
    [
        ratios.kappa_ratio(GAINS_ONLY, required_return=0.0, order=2),
        ratios.upside_potential_ratio(GAINS_ONLY, required_return=0.0),
        ratios.prospect_ratio(GAINS_ONLY, required_return=0.0),
        ratios.burke_ratio(GAINS_ONLY, risk_free=0.0, periods_per_year=MONTHS),
        ratios.pain_ratio(GAINS_ONLY, risk_free=0.0, periods_per_year=MONTHS),
        ratios.martin_ratio(GAINS_ONLY, risk_free=0.0, periods_per_year=MONTHS),
        distribution.volatility_skewness(GAINS_ONLY, required_return=0.0),
        ratios.d_ratio(-GAINS_ONLY),
    ],
)
def test_a_ratio_to_nothing_is_unknown(ratio: FloatArray) -> None:
    assert np.isnan(ratio)


def test_without_losses_the_d_ratio_is_at_its_best() -> None:
    assert float(ratios.d_ratio(GAINS_ONLY)) == 0.0


def test_a_shape_needs_enough_returns_that_differ() -> None:
    for few in (RETURNS[:2], np.full(6, 0.01)):
        assert np.isnan(distribution.skewness(few, is_adjusted=True))
    for few in (RETURNS[:3], np.full(6, 0.01)):
        assert np.isnan(distribution.excess_kurtosis(few, is_adjusted=True))
    assert np.isnan(distribution.skewness(np.full(6, 0.01), is_adjusted=False))


def test_value_that_does_not_move_or_is_lost_has_no_stability() -> None:
    assert np.isnan(distribution.stability(np.zeros(5)))
    assert np.isnan(distribution.stability(RETURNS[:1]))
    assert np.isnan(distribution.stability(np.array([0.1, -1.0, 0.1])))


def test_a_day_without_a_return_is_no_time_to_stability() -> None:
    gaps = np.insert(RETURNS, [0, 3, 3, 6], np.nan)

    np.testing.assert_allclose(distribution.stability(gaps), distribution.stability(RETURNS), rtol=1e-12)


def test_value_that_is_lost_wholly_stays_lost() -> None:
    lost = np.array([0.1, -1.0, 0.5])

    assert float(annual_return(lost, periods_per_year=MONTHS)) == -1.0
    assert float(drawdown.max_drawdown(lost)) == 1.0
