"""Laws of the risk of a portfolio: its parts sum to it, and it can be recomputed from the days that it names."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steelyard.analytics.observations import FloatArray
from steelyard.analytics.portfolio_risk import (
    Decomposition,
    Scenarios,
    portfolio_expected_shortfall,
    portfolio_value_at_risk,
    portfolio_volatility,
    simulate,
)
from steelyard.analytics.risk import expected_shortfall, value_at_risk, volatility

RETURN = st.integers(-3_000, 3_000).map(lambda basis_points: basis_points / 10_000)
EXPOSURE = st.one_of(st.just(0.0), st.integers(-1_000, 1_000).map(float))
CONFIDENCE = st.sampled_from([0.5, 0.9, 0.95, 0.99])

Measure = Callable[[Scenarios], Decomposition]
MEASURES: dict[str, Measure] = {
    "volatility": lambda s: portfolio_volatility(s, periods_per_year=252, ddof=1),
    "value_at_risk": lambda s: portfolio_value_at_risk(s, confidence=0.9),
    "expected_shortfall": lambda s: portfolio_expected_shortfall(s, confidence=0.9),
}
EVERY_MEASURE = pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))


@st.composite
def books(draw: st.DrawFn, *, has_gaps: bool = True) -> tuple[FloatArray, FloatArray]:
    days, assets = draw(st.integers(1, 40)), draw(st.integers(1, 6))
    element = st.one_of(RETURN, RETURN, RETURN, st.just(np.nan)) if has_gaps else RETURN
    exposures = draw(arrays(np.float64, assets, elements=EXPOSURE))
    return exposures, draw(arrays(np.float64, (days, assets), elements=element))


@EVERY_MEASURE
@given(book=books())
def test_components_sum_to_the_whole(measure: Measure, book: tuple[FloatArray, FloatArray]) -> None:
    risk = measure(simulate(*book))

    if np.isnan(risk.whole):
        assert np.isnan(risk.component).any() or not book[0].any()
        return
    assert float(np.sum(risk.component)) == pytest.approx(risk.whole, abs=1e-9)


@given(books(), CONFIDENCE)
def test_what_the_named_days_say_is_the_risk(book: tuple[FloatArray, FloatArray], confidence: float) -> None:
    exposures, returns = book
    scenarios = simulate(exposures, returns)
    for measure, single in (
        (portfolio_value_at_risk, value_at_risk),
        (portfolio_expected_shortfall, expected_shortfall),
    ):
        risk = measure(scenarios, confidence=confidence)
        assert risk.row_weights is not None
        if not len(scenarios.rows):
            assert len(risk.rows) == 0
            continue
        gained = [
            sum(exposure * returns[row, asset] for asset, exposure in enumerate(exposures) if exposure)
            for row in risk.rows
        ]
        assert risk.whole == pytest.approx(-float(np.dot(risk.row_weights, gained)), abs=1e-9)
        assert float(np.sum(risk.row_weights)) == pytest.approx(1.0)
        assert gained == sorted(gained) or np.allclose(gained, sorted(gained))
        assert risk.whole == pytest.approx(float(single(scenarios.totals, confidence=confidence)), abs=1e-9)


@given(books(), CONFIDENCE)
def test_expected_shortfall_is_no_less_than_value_at_risk(
    book: tuple[FloatArray, FloatArray], confidence: float
) -> None:
    scenarios = simulate(*book)
    loss = portfolio_value_at_risk(scenarios, confidence=confidence).whole
    mean_loss = portfolio_expected_shortfall(scenarios, confidence=confidence).whole

    assert np.isnan(mean_loss) == np.isnan(loss)
    assert not mean_loss < loss - 1e-9


@given(books())
def test_volatility_is_that_of_the_profits(book: tuple[FloatArray, FloatArray]) -> None:
    scenarios = simulate(*book)

    risk = portfolio_volatility(scenarios, periods_per_year=252, ddof=1)

    expected = volatility(scenarios.totals, periods_per_year=252, ddof=1)
    np.testing.assert_allclose(risk.whole, expected, rtol=1e-12)
    assert sorted(risk.rows.tolist()) == scenarios.rows.tolist()
    assert np.all(np.diff([scenarios.totals[scenarios.rows.tolist().index(row)] for row in risk.rows]) >= 0)


@EVERY_MEASURE
@given(book=books(), scale=st.sampled_from([0.5, 3.0]))
def test_risk_grows_with_the_positions(
    measure: Measure, book: tuple[FloatArray, FloatArray], scale: float
) -> None:
    exposures, returns = book
    once, scaled = measure(simulate(exposures, returns)), measure(simulate(exposures * scale, returns))

    np.testing.assert_allclose(scaled.whole, once.whole * scale, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scaled.incremental, once.incremental * scale, rtol=1e-9, atol=1e-9)


@EVERY_MEASURE
@given(book=books(has_gaps=False))
def test_incremental_is_what_goes_with_the_position(
    measure: Measure, book: tuple[FloatArray, FloatArray]
) -> None:
    exposures, returns = book
    risk = measure(simulate(exposures, returns))
    for asset in range(len(exposures)):
        others = np.where(np.arange(len(exposures)) == asset, 0.0, exposures)
        without = measure(simulate(others, returns)).whole
        np.testing.assert_allclose(
            risk.incremental[asset], risk.whole - without if exposures[asset] else 0.0, atol=1e-9
        )


@EVERY_MEASURE
def test_marginal_is_what_a_little_more_adds(measure: Measure) -> None:
    chance = np.random.default_rng(360)
    exposures, returns = np.array([100.0, -40.0, 0.0, 250.0]), chance.normal(0, 0.01, (250, 4))
    risk = measure(simulate(exposures, returns))
    step = 1e-6
    for asset in range(4):
        more = exposures + step * (np.arange(4) == asset)
        slope = (measure(simulate(more, returns)).whole - risk.whole) / step
        assert risk.marginal[asset] == pytest.approx(slope, rel=1e-4, abs=1e-7)
    np.testing.assert_allclose(risk.component, exposures * risk.marginal)


@given(books())
def test_scenarios_are_the_days_that_everything_held_has(book: tuple[FloatArray, FloatArray]) -> None:
    exposures, returns = book

    scenarios = simulate(exposures, returns)

    known = [
        day
        for day, row in enumerate(returns)
        if not any(np.isnan(value) for value, exposure in zip(row, exposures, strict=True) if exposure)
    ]
    assert scenarios.rows.tolist() == known
    assert not np.isnan(scenarios.profits).any()
    np.testing.assert_allclose(scenarios.totals, scenarios.profits.sum(axis=1))
