"""Laws of the price screen: smooth series pass, what is planted is found, and removing it heals the series."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steelyard.analytics.observations import FloatArray
from steelyard.analytics.quality import HOUSE_RULE, Findings, screen_prices

SMALL_RETURNS = arrays(
    np.float64, st.integers(30, 90), elements=st.integers(-30, 30).map(lambda bp: bp / 1000)
)
SMOOTH = SMALL_RETURNS.map(lambda returns: 50.0 * np.cumprod(1.0 + returns))
TICK = st.sampled_from([0.2, 0.45, 0.6, 1.6, 2.2, 5.0, 30.0])
UNIT = st.sampled_from([100.0, 0.01])


def screen(prices: FloatArray) -> Findings:
    days = np.arange(len(prices)).astype("datetime64[D]")
    return screen_prices(np.zeros(len(prices), dtype=np.int64), days, prices, rule=HOUSE_RULE)


@given(SMOOTH)
def test_smooth_prices_pass(prices: FloatArray) -> None:
    assert len(screen(prices).rows) == 0


@given(SMOOTH, TICK, st.data())
def test_a_planted_tick_is_found_and_its_removal_heals(
    prices: FloatArray, factor: float, data: st.DataObject
) -> None:
    place = data.draw(st.integers(1, len(prices) - 2))
    bad = prices.copy()
    bad[place] *= factor
    findings = screen(bad)
    assert (findings.rows.tolist(), findings.kinds.tolist()) == ([place], ["reversal"])
    assert len(screen(np.delete(bad, findings.rows[findings.quarantined])).rows) == 0


@given(SMOOTH, UNIT, st.data())
def test_a_run_in_the_wrong_unit_is_found_and_its_removal_heals(
    prices: FloatArray, unit: float, data: st.DataObject
) -> None:
    start = data.draw(st.integers(1, len(prices) - 2))
    stop = start + data.draw(st.integers(1, min(len(prices) - start, len(prices) // 2 - 1)))
    bad = prices.copy()
    bad[start:stop] *= unit
    findings = screen(bad)
    assert findings.rows.tolist() == list(range(start, stop))
    assert set(findings.kinds.tolist()) == {"unit_jump"}
    assert len(screen(np.delete(bad, findings.rows)).rows) == 0


@given(SMOOTH, st.sampled_from([0.35, 0.5, 0.6, 1.4, 1.8, 3.0]), st.data())
def test_a_lasting_jump_is_flagged_once_and_kept(
    prices: FloatArray, factor: float, data: st.DataObject
) -> None:
    start = data.draw(st.integers(1, len(prices) - 2))
    findings = screen(np.concatenate([prices[:start], prices[start:] * factor]))
    assert findings.rows.tolist() == [start]
    assert not findings.quarantined.any()


@given(SMOOTH, TICK, st.integers(2, 5))
def test_assets_do_not_see_each_other(prices: FloatArray, factor: float, copies: int) -> None:
    bad = prices.copy()
    bad[len(bad) // 2] *= factor
    days = np.tile(np.arange(len(bad)).astype("datetime64[D]"), copies)
    index = np.repeat(np.arange(copies), len(bad))
    findings = screen_prices(index, days, np.concatenate([bad] * copies), rule=HOUSE_RULE)
    assert findings.rows.tolist() == [len(bad) * copy + len(bad) // 2 for copy in range(copies)]


@given(SMOOTH, TICK, st.sampled_from([0.0625, 4.0, 1024.0]))
def test_the_currency_unit_of_a_whole_series_does_not_matter(
    prices: FloatArray, factor: float, scale: float
) -> None:
    bad = prices.copy()
    bad[len(bad) // 3] *= factor
    one, other = screen(bad), screen(bad * scale)
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.kinds, other.kinds)
