"""Laws that the measures obey on any returns."""

from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from steelyard.analytics.benchmark import beta
from steelyard.analytics.categories import Thresholds, performance_categories, position_sizes, risk_categories
from steelyard.analytics.drawdown import drawdowns, max_drawdown
from steelyard.analytics.observations import FloatArray, largest, mean, quantile, smallest
from steelyard.analytics.ratios import sharpe_ratio
from steelyard.analytics.returns import (
    Period,
    aggregate_returns,
    cumulative_returns,
    daily_returns,
    total_return,
)
from steelyard.analytics.risk import expected_shortfall, value_at_risk, volatility

RETURN = st.integers(-9_000, 20_000).map(lambda basis_points: basis_points / 10_000)
MAYBE = st.one_of(st.just(np.nan), RETURN)
SERIES = arrays(np.float64, st.integers(1, 80), elements=RETURN)
GAPPY = arrays(np.float64, st.integers(1, 80), elements=MAYBE)
PANEL = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=30), elements=MAYBE)
CONFIDENCE = st.sampled_from([0.5, 0.9, 0.95, 0.975, 0.99])


def annual_volatility(returns: FloatArray) -> FloatArray:
    return volatility(returns, periods_per_year=252, ddof=1)


@given(SERIES, st.sampled_from([0.25, 2.0, 8.0]))
def test_risk_scales_with_returns(returns: FloatArray, scale: float) -> None:
    np.testing.assert_allclose(
        annual_volatility(returns * scale), annual_volatility(returns) * scale, rtol=1e-9
    )
    for measure in (value_at_risk, expected_shortfall):
        expected = measure(returns, confidence=0.95) * scale
        np.testing.assert_allclose(measure(returns * scale, confidence=0.95), expected, rtol=1e-9, atol=1e-12)


@given(SERIES, st.data())
def test_the_order_of_days_matters_to_drawdown_alone(returns: FloatArray, data: st.DataObject) -> None:
    shuffled = returns[data.draw(st.permutations(range(len(returns))))]
    np.testing.assert_allclose(total_return(shuffled), total_return(returns), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(annual_volatility(shuffled), annual_volatility(returns), rtol=1e-9, atol=1e-12)
    for measure in (value_at_risk, expected_shortfall):
        shuffled_loss, loss = (measure(r, confidence=0.9) for r in (shuffled, returns))
        np.testing.assert_allclose(shuffled_loss, loss, rtol=1e-9, atol=1e-12)


@given(GAPPY, CONFIDENCE)
def test_expected_shortfall_is_no_less_than_value_at_risk(returns: FloatArray, confidence: float) -> None:
    loss, mean_loss = (m(returns, confidence=confidence) for m in (value_at_risk, expected_shortfall))
    assert np.isnan(mean_loss) == np.isnan(loss)
    assert not mean_loss < loss - 1e-12


@given(GAPPY)
def test_value_at_risk_grows_with_confidence(returns: FloatArray) -> None:
    losses = [value_at_risk(returns, confidence=c) for c in (0.5, 0.9, 0.95, 0.99)]
    assert np.isnan(losses).all() or np.all(np.diff(losses) >= -1e-12)


@given(GAPPY, st.integers(0, 1000).map(lambda per_mille: per_mille / 1000))
def test_quantiles_are_numpys(returns: FloatArray, probability: float) -> None:
    assume(not np.isnan(returns).all())
    expected = np.nanquantile(returns, probability)
    np.testing.assert_allclose(quantile(returns, probability=probability), expected, rtol=1e-12, atol=1e-12)


@given(PANEL)
def test_a_panel_is_its_columns(panel: FloatArray) -> None:
    for measure in (
        total_return,
        annual_volatility,
        max_drawdown,
        mean,
        lambda r: expected_shortfall(r, confidence=0.95),
        lambda r: beta(r, panel[:, 0]),
        lambda r: sharpe_ratio(r, risk_free=panel[:, 0], periods_per_year=252, ddof=1),
    ):
        by_column = [measure(np.ascontiguousarray(column)) for column in panel.T]
        np.testing.assert_allclose(measure(panel), by_column, rtol=1e-6, atol=1e-9)


@given(GAPPY)
def test_missing_days_are_as_if_they_were_not(returns: FloatArray) -> None:
    whole = returns[~np.isnan(returns)]
    for measure in (total_return, annual_volatility, max_drawdown, mean, largest, smallest):
        np.testing.assert_allclose(measure(returns), measure(whole), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        value_at_risk(returns, confidence=0.95), value_at_risk(whole, confidence=0.95), rtol=1e-12
    )


@given(st.lists(st.integers(-9_000, 20_000), min_size=1, max_size=30))
def test_total_return_is_exact_compounding(basis_points: list[int]) -> None:
    exact = prod((1 + Fraction(bp, 10_000) for bp in basis_points), start=Fraction(1)) - 1
    assert float(total_return(np.array(basis_points) / 10_000)) == pytest.approx(
        float(exact), rel=1e-9, abs=1e-12
    )


@given(SERIES)
def test_prices_and_returns_tell_the_same_story(returns: FloatArray) -> None:
    prices = 50.0 * np.concatenate([[1.0], 1.0 + cumulative_returns(returns)])
    np.testing.assert_allclose(daily_returns(prices)[1:], returns, rtol=1e-6, atol=1e-9)


@given(SERIES, st.sampled_from(Period))
def test_periods_compound_to_the_total(returns: FloatArray, period: Period) -> None:
    days = np.arange(len(returns)).astype("datetime64[D]")
    starts, compounded = aggregate_returns(returns, days, period=period)
    assert np.all(np.isin(starts, days))
    np.testing.assert_allclose(total_return(compounded), total_return(returns), rtol=1e-9, atol=1e-12)


@given(GAPPY)
def test_drawdowns_are_fractions(returns: FloatArray) -> None:
    depths = drawdowns(returns)
    assert np.array_equal(np.isnan(depths), np.isnan(returns))
    known = depths[~np.isnan(depths)]
    assert np.all((known >= 0) & (known <= 1))


@given(GAPPY)
def test_a_series_has_beta_one_to_itself_and_two_to_its_half(returns: FloatArray) -> None:
    spread = largest(returns) - smallest(returns)
    if not spread > 0:
        assert np.isnan(beta(returns, returns))
        return
    assert float(beta(returns, returns)) == pytest.approx(1.0)
    assert float(beta(returns, returns / 2 + 0.01)) == pytest.approx(2.0)


@given(SERIES, st.integers(-100, 100).map(lambda bp: bp / 10_000))
def test_sharpe_sees_only_the_excess(returns: FloatArray, rate: float) -> None:
    assume(float(largest(returns) - smallest(returns)) > 0)
    above = sharpe_ratio(returns + rate, risk_free=rate, periods_per_year=252, ddof=1)
    expected = sharpe_ratio(returns, risk_free=0.0, periods_per_year=252, ddof=1)
    np.testing.assert_allclose(above, expected, rtol=1e-6, atol=1e-9)


@given(arrays(np.float64, st.integers(0, 30), elements=st.floats(allow_nan=True)))
def test_categories_are_total_and_never_turn_back(values: FloatArray) -> None:
    for name, order in (
        (risk_categories, ["LOW", "MEDIUM", "HIGH", "UNKNOWN"]),
        (performance_categories, ["UNDERPERFORMING", "NEUTRAL", "OUTPERFORMING", "UNKNOWN"]),
        (position_sizes, ["SMALL", "MEDIUM", "LARGE", "UNKNOWN"]),
    ):
        ranks = [order.index(label) for label in name(np.sort(values), Thresholds()).tolist()]
        assert ranks == sorted(ranks)
        assert ranks.count(3) == np.isnan(values).sum()
