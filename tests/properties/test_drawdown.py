"""Laws of drawdowns, and the same found by walking the days one by one."""

import itertools
from datetime import date, timedelta
from math import prod, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steelyard.analytics.drawdown import (
    Drawdown,
    deepest,
    drawdowns,
    find_drawdowns,
    longest,
    max_drawdown,
    pain_index,
    slowest_recovery,
    streak_risk,
    ulcer_index,
)
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.returns import cumulative_returns

FIRST = date(2024, 1, 1)
VALUE = st.one_of(st.just(np.nan), st.integers(1, 12).map(float))
VALUES = st.lists(VALUE, max_size=40).filter(lambda values: not values or not np.isnan(values).all())
RETURN = st.integers(-9_000, 20_000).map(lambda basis_points: basis_points / 10_000)
GAPPY = arrays(np.float64, st.integers(1, 60), elements=st.one_of(st.just(np.nan), RETURN))


def days(count: int) -> DateArray:
    return np.datetime64(FIRST) + np.arange(count)


def walked(values: list[float]) -> list[Drawdown]:
    """Walk the days: a drawdown begins below the peak and ends back at it."""
    found: list[Drawdown] = []
    known = [(FIRST + timedelta(day), value) for day, value in enumerate(values) if not np.isnan(value)]
    peak_day, peak = known[0] if known else (FIRST, 0.0)
    valley_day, valley = peak_day, peak
    for day, value in known:
        if value >= peak:
            if valley < peak:
                found.append(Drawdown(1 - valley / peak, peak_day, valley_day, day, is_recovered=True))
            peak_day, peak, valley_day, valley = day, value, day, value
        elif value < valley:
            valley_day, valley = day, value
    if valley < peak:
        found.append(Drawdown(1 - valley / peak, peak_day, valley_day, known[-1][0], is_recovered=False))
    return found


@given(VALUES)
def test_drawdowns_are_those_that_a_walk_finds(values: list[float]) -> None:
    assert list(find_drawdowns(np.array(values), days(len(values)))) == walked(values)


@given(VALUES, st.sampled_from([0.001, 1 / 3, 1_000_000.0]))
def test_drawdowns_do_not_depend_on_the_scale_of_value(values: list[float], scale: float) -> None:
    plain, scaled = (find_drawdowns(np.array(values) * factor, days(len(values))) for factor in (1.0, scale))

    assert [(fall.peak, fall.valley, fall.end) for fall in plain] == [
        (fall.peak, fall.valley, fall.end) for fall in scaled
    ]
    np.testing.assert_allclose([fall.depth for fall in plain], [fall.depth for fall in scaled], rtol=1e-12)


@given(GAPPY)
def test_the_deepest_is_the_max_drawdown_of_the_returns(returns: FloatArray) -> None:
    index = np.concatenate([[1.0], 1.0 + cumulative_returns(returns)])
    falls = find_drawdowns(index, days(len(index)))

    worst = deepest(falls)

    expected = np.nan_to_num(max_drawdown(returns))
    assert (worst.depth if worst else 0.0) == pytest.approx(float(expected), abs=1e-11)


@given(GAPPY)
def test_drawdowns_are_disjoint_and_in_order(returns: FloatArray) -> None:
    index = np.concatenate([[1.0], 1.0 + cumulative_returns(returns)])
    falls = find_drawdowns(index, days(len(index)))

    for fall in falls:
        assert fall.peak < fall.valley <= fall.end
        assert fall.days >= fall.recovery_days >= 0
        assert fall.is_recovered <= (fall.valley < fall.end)
    for earlier, later in itertools.pairwise(falls):
        assert earlier.is_recovered
        assert earlier.end <= later.peak
    if falls:
        choices = deepest(falls), longest(falls), slowest_recovery(falls)
        assert choices == (
            min(falls, key=lambda fall: -fall.depth),
            min(falls, key=lambda fall: fall.peak - fall.end),
            min(falls, key=lambda fall: fall.valley - fall.end),
        )


@given(st.lists(RETURN.filter(lambda value: value < -1e-3), min_size=1, max_size=30))
def test_what_rose_by_as_much_as_it_fell_is_back_at_its_peak(losses: list[float]) -> None:
    """Compounded there and back, value misses its peak by rounding, which must not leave a drawdown open."""
    there_and_back = np.column_stack([losses, -np.array(losses) / (1 + np.array(losses))]).ravel()
    index = np.concatenate([[1.0], 1.0 + cumulative_returns(there_and_back)])

    falls = find_drawdowns(index, days(len(index)))

    assert len(falls) == len(losses)
    assert all(fall.is_recovered and fall.days == 2 for fall in falls)


@given(GAPPY)
def test_streaks_are_those_that_a_walk_finds(returns: FloatArray) -> None:
    streaks: list[list[float]] = [[]]
    known = [float(value) for value in returns if not np.isnan(value)]
    for value in known:
        if value < 0:
            streaks[-1].append(value)
        else:
            streaks.append([])

    losses = [1 - prod(1 + value for value in streak) for streak in streaks]

    expected = sqrt(sum(loss * loss for loss in losses)) if known else np.nan
    np.testing.assert_allclose(streak_risk(returns), expected, rtol=1e-9)


@given(GAPPY)
def test_pain_ulcer_and_depth_are_in_order(returns: FloatArray) -> None:
    depths = drawdowns(returns)
    if np.isnan(depths).all():
        return
    assert float(pain_index(returns)) <= float(ulcer_index(returns)) + 1e-12
    assert float(ulcer_index(returns)) <= float(max_drawdown(returns)) + 1e-12
    known = depths[~np.isnan(depths)]
    assert float(ulcer_index(returns)) == pytest.approx(sqrt(sum(known**2) / len(known)))
