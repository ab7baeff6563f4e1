"""Laws of rolling windows, for measures of every kind."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from steelyard.analytics import rolling as module
from steelyard.analytics.benchmark import beta
from steelyard.analytics.drawdown import max_drawdown
from steelyard.analytics.observations import FloatArray, PanelShapeError
from steelyard.analytics.ratios import sharpe_ratio
from steelyard.analytics.returns import total_return
from steelyard.analytics.risk import volatility
from steelyard.analytics.rolling import WindowLengthError, rolling

RETURN = st.integers(-9_000, 20_000).map(lambda basis_points: basis_points / 10_000)
MAYBE = st.one_of(st.just(np.nan), RETURN, RETURN)
SHAPES = st.one_of(
    array_shapes(min_dims=1, max_dims=1, max_side=20), array_shapes(min_dims=2, max_dims=2, max_side=12)
)
PANEL = SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=MAYBE))

Measure = Callable[[FloatArray, FloatArray], FloatArray]
MEASURES: dict[str, Measure] = {
    "return": lambda r, _: total_return(r),
    "volatility": lambda r, _: volatility(r, periods_per_year=252, ddof=1),
    "sharpe": lambda r, rate: sharpe_ratio(r, risk_free=rate, periods_per_year=252, ddof=1),
    "beta": beta,
    "drawdown": lambda r, _: max_drawdown(r),
}
EVERY_MEASURE = pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))


def other(panel: FloatArray) -> FloatArray:
    """A series to measure against."""
    return np.sin(np.arange(len(panel), dtype=np.float64)) / 100


def same(actual: FloatArray, expected: FloatArray) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


@EVERY_MEASURE
@given(panel=PANEL, window=st.integers(1, 25))
def test_every_day_has_the_measure_of_its_window(measure: Measure, panel: FloatArray, window: int) -> None:
    market = other(panel)

    result = rolling(measure, panel, market, window=window)

    assert result.shape == panel.shape
    for day, value in enumerate(result):
        if day + 1 < window:
            assert np.isnan(value).all()
        else:
            rows = slice(day + 1 - window, day + 1)
            same(value, measure(panel[rows], market[rows]))


@EVERY_MEASURE
@given(panel=PANEL)
def test_a_window_of_the_whole_is_the_measure(measure: Measure, panel: FloatArray) -> None:
    market = other(panel)

    same(rolling(measure, panel, market, window=len(panel))[-1], measure(panel, market))


@EVERY_MEASURE
@given(panel=PANEL, window=st.integers(1, 6), data=st.data())
def test_nothing_looks_ahead(measure: Measure, panel: FloatArray, window: int, data: st.DataObject) -> None:
    day = data.draw(st.integers(0, len(panel)))
    changed = panel.copy()
    changed[day:] = 0.5
    market, later = other(panel), other(panel)
    later[day:] = -0.5

    before, after = (
        rolling(measure, *pair, window=window)[:day] for pair in ((panel, market), (changed, later))
    )

    assert np.array_equal(before, after, equal_nan=True)


def test_panels_too_large_for_one_layout_are_measured_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = np.random.default_rng(360).normal(0, 0.01, (50, 3))
    at_once = rolling(total_return, panel, window=7)

    monkeypatch.setattr(module, "CELLS_AT_ONCE", 60)

    assert np.array_equal(rolling(total_return, panel, window=7), at_once, equal_nan=True)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (4, 0)])
def test_nothing_gives_nothing(shape: tuple[int, ...]) -> None:
    assert rolling(total_return, np.empty(shape), window=2).shape == shape


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_without_a_day_is_refused(window: int) -> None:
    with pytest.raises(WindowLengthError, match=f"A window of {window} days holds none; give 1 or more"):
        rolling(total_return, np.zeros(3), window=window)


def test_a_benchmark_of_other_days_is_refused() -> None:
    with pytest.raises(PanelShapeError):
        rolling(beta, np.zeros((5, 2)), np.zeros(4), window=2)
