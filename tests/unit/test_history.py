"""Risk history and asset 360 against the measures taken window by window, asset by asset."""

import datetime as dt
import statistics
from dataclasses import fields

import numpy as np
import pytest

from steelyard.analytics.asset_360 import calculate_asset_360
from steelyard.analytics.history import Convention, RiskFigures, risk_history
from steelyard.analytics.observations import FloatArray

CONVENTION = Convention(periods_per_year=252, confidence=0.95, ddof=1, minimum_observations=20)
DAYS = np.busday_offset("2023-01-02", np.arange(260), roll="forward").astype("datetime64[D]")
AS_OF = dt.date(2023, 12, 29)
FIGURES = [field.name for field in fields(RiskFigures) if field.name != "observations"]


@pytest.fixture(scope="module")
def returns() -> FloatArray:
    """Three assets: one whole, one with gaps and one with 19 returns in the last window."""
    panel: FloatArray = 0.02 * np.sin(np.outer(np.arange(260), [1.0, 1.7, 2.3])) + 0.001
    panel[::5, 1] = np.nan
    panel[:-19, 2] = np.nan
    return panel


@pytest.fixture(scope="module")
def market() -> FloatArray:
    return np.asarray(0.015 * np.sin(np.arange(260) * 1.1))


def last_figures(returns: FloatArray, market: FloatArray, risk_free: FloatArray | float = 0.0) -> RiskFigures:
    return risk_history(
        DAYS,
        returns,
        benchmark=market,
        risk_free=risk_free,
        calculation_dates=np.array([AS_OF], dtype="datetime64[D]"),
        convention=CONVENTION,
    )


def test_the_window_is_three_calendar_months(returns: FloatArray, market: FloatArray) -> None:
    inside = (np.datetime64("2023-09-29") < DAYS) & (np.datetime64(AS_OF) >= DAYS)
    expected = statistics.stdev(returns[inside, 0]) * 252**0.5
    figures = last_figures(returns, market)
    assert figures.volatility[0, 0] == pytest.approx(expected, rel=1e-12)
    assert figures.observations.tolist() == [[65, 52, 19]]


def test_fewer_than_twenty_returns_give_no_figure(returns: FloatArray, market: FloatArray) -> None:
    figures = last_figures(returns, market)
    for name in FIGURES:
        assert np.isfinite(getattr(figures, name)[0, :2]).all()
        assert np.isnan(getattr(figures, name)[0, 2])


def test_twenty_are_enough(returns: FloatArray, market: FloatArray) -> None:
    one_more = returns.copy()
    one_more[-20, 2] = 0.01
    assert np.isfinite(last_figures(one_more, market).sharpe_ratio[0, 2])


def test_each_asset_may_have_its_own_benchmark_or_none(returns: FloatArray, market: FloatArray) -> None:
    own = np.column_stack([returns[:, 0], np.full(260, np.nan), market])
    beta = last_figures(returns, own).beta[0]
    assert beta[0] == pytest.approx(1.0)
    assert np.isnan(beta[1])


def test_an_absent_risk_free_rate_is_zero(returns: FloatArray, market: FloatArray) -> None:
    absent = last_figures(returns, market, np.full(260, np.nan)).sharpe_ratio
    np.testing.assert_array_equal(absent, last_figures(returns, market, 0.0).sharpe_ratio)
    assert np.all(last_figures(returns, market, np.full(260, 0.001)).sharpe_ratio[0, :2] < absent[0, :2])


def test_drawdown_starts_anew_in_each_window(market: FloatArray) -> None:
    falls = np.full((260, 1), 0.001)
    falls[100] = -0.9  # in May, out of the last window
    falls[-1] = -0.1
    assert last_figures(falls, market).max_drawdown[0, 0] == pytest.approx(0.1)


def test_a_date_before_all_data_has_no_figures(returns: FloatArray, market: FloatArray) -> None:
    figures = risk_history(
        DAYS,
        returns,
        benchmark=market,
        risk_free=0.0,
        calculation_dates=np.array(["2020-01-31"], dtype="datetime64[D]"),
        convention=CONVENTION,
    )
    assert np.isnan(figures.volatility).all()
    assert figures.observations.tolist() == [[0, 0, 0]]


def test_no_dates_give_no_rows(returns: FloatArray, market: FloatArray) -> None:
    none = DAYS[:0]
    figures = risk_history(
        DAYS, returns, benchmark=market, risk_free=0.0, calculation_dates=none, convention=CONVENTION
    )
    assert figures.beta.shape == (0, 3)


def test_asset_360_is_the_last_row_of_the_history(returns: FloatArray, market: FloatArray) -> None:
    history = risk_history(
        DAYS,
        returns,
        benchmark=market,
        risk_free=0.0001,
        calculation_dates=np.array(["2023-06-30", AS_OF], dtype="datetime64[D]"),
        convention=CONVENTION,
    )
    figures = calculate_asset_360(
        DAYS, returns, benchmark=market, risk_free=0.0001, as_of=AS_OF, convention=CONVENTION
    )
    assert history.volatility.shape == (2, 3)
    for name in FIGURES:
        np.testing.assert_array_equal(getattr(figures.risk, name), getattr(history, name)[-1])


def test_performance_is_of_one_year(returns: FloatArray, market: FloatArray) -> None:
    as_of = dt.date(2024, 2, 1)
    inside = np.datetime64("2023-02-01") < DAYS
    figures = calculate_asset_360(
        DAYS, returns, benchmark=market, risk_free=0.0, as_of=as_of, convention=CONVENTION
    )
    own = returns[inside, 0]
    assert figures.avg_daily_return[0] == pytest.approx(statistics.fmean(own))
    assert figures.max_daily_return[0] == max(own)
    assert figures.min_daily_return[0] == min(own)
    assert figures.total_return[0] == pytest.approx(np.prod(1 + own) - 1)
