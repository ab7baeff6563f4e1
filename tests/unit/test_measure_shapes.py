"""Every measure on the same five shapes, and against references outside the project."""

import statistics
from collections.abc import Callable

import numpy as np
import pytest

from steelyard.analytics import benchmark, distribution, downside, drawdown, ratios, returns, risk
from steelyard.analytics.observations import FloatArray, PanelShapeError, beside, deviation, mean

RISES = np.array([0.01, -0.02, 0.03, 0.005, -0.01, 0.02])
MARKET = np.array([0.008, -0.015, 0.02, 0.001, -0.012, 0.018])

MEASURES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "total_return": returns.total_return,
    "annual_return": lambda r: returns.annual_return(r, periods_per_year=12),
    "volatility": lambda r: risk.volatility(r, periods_per_year=252, ddof=1),
    "mean_absolute_deviation": risk.mean_absolute_deviation,
    "value_at_risk": lambda r: risk.value_at_risk(r, confidence=0.95),
    "expected_shortfall": lambda r: risk.expected_shortfall(r, confidence=0.95),
    "parametric_value_at_risk": lambda r: risk.parametric_value_at_risk(r, confidence=0.95, ddof=1),
    "parametric_expected_shortfall": lambda r: risk.parametric_expected_shortfall(r, confidence=0.95, ddof=1),
    "max_drawdown": drawdown.max_drawdown,
    "pain_index": drawdown.pain_index,
    "ulcer_index": drawdown.ulcer_index,
    "streak_risk": drawdown.streak_risk,
    "downside_deviation": lambda r: downside.downside_deviation(r, required_return=0.0, periods_per_year=252),
    "downside_potential": lambda r: downside.downside_potential(r, required_return=0.0),
    "downside_frequency": lambda r: downside.downside_frequency(r, required_return=0.0),
    "upside_risk": lambda r: downside.upside_risk(r, required_return=0.0, periods_per_year=252),
    "upside_potential": lambda r: downside.upside_potential(r, required_return=0.0),
    "upside_frequency": lambda r: downside.upside_frequency(r, required_return=0.0),
    "beta": lambda r: benchmark.beta(r, MARKET[: len(r)]),
    "alpha": lambda r: benchmark.alpha(r, MARKET[: len(r)], risk_free=0.0001, periods_per_year=12),
    "jensen_alpha": lambda r: benchmark.jensen_alpha(
        r, MARKET[: len(r)], risk_free=0.01, periods_per_year=12
    ),
    "specific_risk": lambda r: benchmark.specific_risk(
        r, MARKET[: len(r)], risk_free=0.0, periods_per_year=12, ddof=0
    ),
    "tracking_error": lambda r: benchmark.tracking_error(r, MARKET[: len(r)], periods_per_year=12, ddof=1),
    "capture_ratio": lambda r: benchmark.capture_ratio(r, MARKET[: len(r)], periods_per_year=12),
    "up_capture_ratio": lambda r: benchmark.up_capture_ratio(r, MARKET[: len(r)], periods_per_year=12),
    "down_capture_ratio": lambda r: benchmark.down_capture_ratio(r, MARKET[: len(r)], periods_per_year=12),
    "sharpe_ratio": lambda r: ratios.sharpe_ratio(r, risk_free=0.0001, periods_per_year=252, ddof=1),
    "sortino_ratio": lambda r: ratios.sortino_ratio(r, required_return=0.0, periods_per_year=252),
    "calmar_ratio": lambda r: ratios.calmar_ratio(r, periods_per_year=12),
    "omega_ratio": lambda r: ratios.omega_ratio(r, required_return=0.0),
    "treynor_ratio": lambda r: ratios.treynor_ratio(r, MARKET[: len(r)], risk_free=0.01, periods_per_year=12),
    "appraisal_ratio": lambda r: ratios.appraisal_ratio(
        r, MARKET[: len(r)], risk_free=0.01, periods_per_year=12, ddof=1
    ),
    "m_squared": lambda r: ratios.m_squared(r, MARKET[: len(r)], risk_free=0.01, periods_per_year=12),
    "m_squared_sortino": lambda r: ratios.m_squared_sortino(
        r, MARKET[: len(r)], required_return=0.001, periods_per_year=12
    ),
    "kappa_ratio": lambda r: ratios.kappa_ratio(r, required_return=0.001, order=3),
    "upside_potential_ratio": lambda r: ratios.upside_potential_ratio(r, required_return=0.001),
    "prospect_ratio": lambda r: ratios.prospect_ratio(r, required_return=0.001),
    "d_ratio": ratios.d_ratio,
    "burke_ratio": lambda r: ratios.burke_ratio(r, risk_free=0.01, periods_per_year=12),
    "pain_ratio": lambda r: ratios.pain_ratio(r, risk_free=0.01, periods_per_year=12),
    "martin_ratio": lambda r: ratios.martin_ratio(r, risk_free=0.01, periods_per_year=12),
    "systematic_risk": lambda r: benchmark.systematic_risk(r, MARKET[: len(r)], periods_per_year=12, ddof=1),
    "net_selectivity": lambda r: benchmark.net_selectivity(
        r, MARKET[: len(r)], risk_free=0.01, periods_per_year=12
    ),
    "skewness": lambda r: distribution.skewness(r, is_adjusted=True),
    "excess_kurtosis": lambda r: distribution.excess_kurtosis(r, is_adjusted=True),
    "tail_ratio": lambda r: distribution.tail_ratio(r, confidence=0.95),
    "volatility_skewness": lambda r: distribution.volatility_skewness(r, required_return=0.001),
    "stability": distribution.stability,
    "information_ratio": lambda r: ratios.information_ratio(r, MARKET[: len(r)], periods_per_year=12, ddof=1),
}

EVERY_MEASURE = pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))


def public_measures() -> set[str]:
    modules = (returns, risk, drawdown, downside, distribution, benchmark, ratios)
    names = {(name, module) for module in modules for name in vars(module) if not name.startswith("_")}
    return {
        name for name, module in names if getattr(vars(module)[name], "__module__", "") == module.__name__
    }


def test_no_measure_is_left_out() -> None:
    not_reductions = {
        "ConfidenceError", "Drawdown", "Period", "UnorderedDatesError", "ValuePeakError", "aggregate_returns",
        "cumulative_returns", "daily_returns", "deepest", "drawdowns", "find_drawdowns", "longest",
        "mean_loss_beyond", "paired", "period_number", "periodic_return", "slowest_recovery", "tail_probability",
    }  # fmt: skip
    assert set(MEASURES) == public_measures() - not_reductions


@EVERY_MEASURE
def test_one_series_gives_one_number(measure: Callable[[FloatArray], FloatArray]) -> None:
    value = measure(RISES)
    assert np.shape(value) == ()
    assert np.isfinite(value)


@EVERY_MEASURE
def test_one_column_gives_one_value(measure: Callable[[FloatArray], FloatArray]) -> None:
    np.testing.assert_allclose(measure(RISES[:, np.newaxis]), [measure(RISES)], rtol=1e-12)


@EVERY_MEASURE
def test_columns_are_measured_one_by_one(measure: Callable[[FloatArray], FloatArray]) -> None:
    columns = np.column_stack([RISES, RISES[::-1], RISES / 2, -RISES, RISES + 0.001, MARKET])  # days = assets
    expected = [float(measure(columns[:, asset])) for asset in range(6)]
    np.testing.assert_allclose(measure(columns), expected, rtol=1e-9, atol=1e-15)


@EVERY_MEASURE
def test_a_column_without_observations_is_unknown(measure: Callable[[FloatArray], FloatArray]) -> None:
    columns = np.column_stack([RISES, np.full(6, np.nan)])
    known, unknown = measure(columns)
    assert known == pytest.approx(float(measure(RISES)), rel=1e-9)
    assert np.isnan(unknown)


@EVERY_MEASURE
@pytest.mark.parametrize("shape", [(0,), (0, 3)], ids=["series", "panel"])
def test_no_days_are_unknown(measure: Callable[[FloatArray], FloatArray], shape: tuple[int, ...]) -> None:
    value = measure(np.empty(shape))
    assert np.shape(value) == shape[1:]
    assert np.isnan(value).all()


def test_mean_and_deviation_agree_with_the_standard_library() -> None:
    assert float(mean(RISES)) == pytest.approx(statistics.fmean(RISES), abs=1e-15)
    assert float(deviation(RISES, ddof=1)) == pytest.approx(statistics.stdev(RISES), abs=1e-15)
    assert float(deviation(RISES, ddof=0)) == pytest.approx(statistics.pstdev(RISES), abs=1e-15)


def test_beta_agrees_with_the_standard_library() -> None:
    slope = statistics.linear_regression(list(MARKET), list(RISES)).slope
    assert float(benchmark.beta(RISES, MARKET)) == pytest.approx(slope, rel=1e-12)


def test_a_quantile_on_an_observation_is_that_observation() -> None:
    for size in range(21, 2022, 20):
        for confidence, place in ((0.95, (size - 1) // 20), (0.9, (size - 1) // 10)):
            series = np.arange(size, dtype=np.float64) - place  # the wanted one is 0, its neighbours are far
            assert float(risk.value_at_risk(series, confidence=confidence)) == 0.0


def test_a_constant_series_has_no_spread_at_all() -> None:
    constant = np.full(6, 0.1)
    assert np.std(constant, ddof=1) > 0  # the noise that must not become a Sharpe ratio of 10^16
    assert float(deviation(constant, ddof=1)) == 0.0
    assert np.isnan(benchmark.beta(RISES, constant))
    assert np.isnan(ratios.sharpe_ratio(constant, risk_free=0.0, periods_per_year=252, ddof=1))


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, -0.05, float("nan")])
def test_a_confidence_in_percent_is_refused(confidence: float) -> None:
    with pytest.raises(risk.ConfidenceError, match=r"such as 0\.95"):
        risk.value_at_risk(RISES, confidence=confidence)


@pytest.mark.parametrize("shape", [(3,), (1,), (6, 3), (5, 2), (6, 2, 1)])
def test_a_series_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PanelShapeError, match=r"does not fit a panel of shape \(6, 2\)"):
        beside(np.zeros(shape), np.zeros((6, 2)))


def test_a_price_that_is_not_above_zero_has_no_return_after_it() -> None:
    prices = np.array([10.0, 0.0, 10.0, -1.0, 5.0, np.nan, 6.0])
    nan = np.nan
    np.testing.assert_allclose(returns.daily_returns(prices), [nan, -1.0, nan, -1.1, nan, nan, 0.2])


@pytest.mark.parametrize("dates", [["2024-01-02", "2024-01-01"], ["2024-01-01"] * 2, ["2024-01-01"]])
def test_dates_out_of_order_are_refused(dates: list[str]) -> None:
    with pytest.raises(returns.UnorderedDatesError, match="sort and deduplicate"):
        returns.aggregate_returns(
            RISES[:2], np.array(dates, dtype="datetime64[D]"), period=returns.Period.MONTH
        )


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (returns.Period.WEEK, [0.21, 0.1, np.nan]),
        (returns.Period.MONTH, [0.331, np.nan]),
        (returns.Period.QUARTER, [0.331, np.nan]),
        (returns.Period.YEAR, [0.331]),
    ],
)
def test_a_period_without_an_observation_is_unknown(period: returns.Period, expected: list[float]) -> None:
    days = np.array(["2024-01-06", "2024-01-07", "2024-01-08", "2024-04-01"], dtype="datetime64[D]")
    compounded = returns.aggregate_returns(np.array([0.1, 0.1, 0.1, np.nan]), days, period=period)[1]
    np.testing.assert_allclose(compounded, expected, rtol=1e-12)
