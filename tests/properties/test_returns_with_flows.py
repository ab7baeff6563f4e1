"""Laws of returns: flows do not move the time-weighted one, periods link, groups lie between their members."""

import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steelyard.analytics.day_count import DayCount
from steelyard.analytics.modified_dietz import modified_dietz
from steelyard.analytics.money_weighted import internal_rates, money_weighted_return, xirr, xnpv
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.time_weighted import FlowTiming, Growth, currency_effect, grow, link, local_growth

lawful = settings(max_examples=60, deadline=None)

Columns = tuple[FloatArray, FloatArray, FloatArray]
"""Values, flows in and flows out of one group."""

moves = st.integers(-500, 500).map(lambda thousandths: thousandths / 1000)
timings = st.sampled_from(FlowTiming)


def account(returns: list[float], relative: list[float], timing: FlowTiming) -> Columns:
    """Run 100 through daily returns; a relative flow of 0.5 puts in half, one of −0.5 takes half out."""
    value, rows = 100.0, [(100.0, 0.0, 0.0)]
    for move, share in zip(returns, relative, strict=True):
        flow = share * value * (1.0 if timing is not FlowTiming.END else 1.0 + move)
        at_start = timing is FlowTiming.START or (timing is not FlowTiming.END and flow > 0)
        if timing is not FlowTiming.START and not at_start:
            flow = share * value * (1.0 + move)
        value = (value + flow) * (1.0 + move) if at_start else value * (1.0 + move) + flow
        rows.append((value, max(flow, 0.0), max(-flow, 0.0)))
    values, came, went = np.array(rows, dtype=np.float64).T[:, :, np.newaxis]
    return values, came, went


shares = st.one_of(st.just(0.0), st.integers(-900, 2000).map(lambda thousandths: thousandths / 1000))
histories = st.lists(st.tuples(moves, shares), min_size=1, max_size=12)


@lawful
@given(histories, timings)
def test_flows_do_not_move_the_time_weighted_return(
    history: list[tuple[float, float]], timing: FlowTiming
) -> None:
    returns, relative = map(list, zip(*history, strict=True))
    expected = math.prod(1 + one for one in returns) - 1
    total = link(grow(*account(returns, relative, timing), timing=timing))
    np.testing.assert_allclose(total[0], expected, rtol=1e-9, atol=1e-12)


@lawful
@given(histories, timings, st.integers(-20, 30))
def test_scale_is_of_no_matter(history: list[tuple[float, float]], timing: FlowTiming, power: int) -> None:
    """By powers of two, which floats multiply exactly."""
    returns, relative = map(list, zip(*history, strict=True))
    small = account(returns, relative, timing)
    values, came, went = (each * 2.0**power for each in small)
    years = np.arange(len(values)) / 12.0
    np.testing.assert_array_equal(
        link(grow(values, came, went, timing=timing)), link(grow(*small, timing=timing))
    )
    np.testing.assert_array_equal(
        modified_dietz(values, came, went, years, timing=timing), modified_dietz(*small, years, timing=timing)
    )
    rates = money_weighted_return(values[:, 0], came[:, 0], went[:, 0], years, timing=timing)
    first = money_weighted_return(small[0][:, 0], small[1][:, 0], small[2][:, 0], years, timing=timing)
    assert rates == first


@lawful
@given(histories, timings, st.data())
def test_periods_link(history: list[tuple[float, float]], timing: FlowTiming, data: st.DataObject) -> None:
    returns, relative = map(list, zip(*history, strict=True))
    values, came, went = account(returns, relative, timing)
    cut = data.draw(st.integers(0, len(returns)))
    whole = link(grow(values, came, went, timing=timing))
    parts = [
        link(grow(values[rows], came[rows], went[rows], timing=timing))
        for rows in (slice(0, cut + 1), slice(cut, None))
    ]
    linked = np.nanprod([1 + part for part in parts]) - 1
    np.testing.assert_allclose(whole[0], linked, rtol=1e-9, atol=1e-12)


@lawful
@given(histories, timings)
def test_the_gains_of_days_add_up(history: list[tuple[float, float]], timing: FlowTiming) -> None:
    returns, relative = map(list, zip(*history, strict=True))
    values, came, went = account(returns, relative, timing)
    total = values[-1] - values[0] - (came - went).sum(axis=0)
    np.testing.assert_allclose(
        grow(values, came, went, timing=timing).gains.sum(axis=0),
        total,
        rtol=1e-9,
        atol=1e-9 * np.abs(values).max(),
    )


@lawful
@given(
    st.lists(st.tuples(moves, moves, st.floats(1, 1e6), st.floats(1, 1e6)), min_size=1, max_size=1), timings
)
def test_the_return_of_a_group_lies_between_those_of_its_members(
    members: list[tuple[float, float, float, float]], timing: FlowTiming
) -> None:
    [(one, other, first, second)] = members
    values = np.array([[first, second], [first * (1 + one), second * (1 + other)]])
    together = np.column_stack([values, values.sum(axis=1)])
    nothing = np.zeros_like(together)
    *each, whole = link(grow(together, nothing, nothing, timing=timing))
    assert min(each) - 1e-12 <= whole <= max(each) + 1e-12


@lawful
@given(st.floats(-0.99, 50), st.floats(1e-3, 1e6), st.integers(1, 20_000), timings)
def test_without_flows_every_return_is_the_same(
    total: float, value: float, length: int, timing: FlowTiming
) -> None:
    values = np.array([[value], [value * (1 + total)]])
    nothing, years = np.zeros((2, 1)), np.array([0.0, length / 365])
    found = money_weighted_return(values[:, 0], nothing[:, 0], nothing[:, 0], years, timing=timing)
    time_weighted = link(grow(values, nothing, nothing, timing=timing))[0]
    np.testing.assert_allclose(time_weighted, total, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.rate_over(length / 365), total, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        modified_dietz(values, nothing, nothing, years, timing=timing)[0], total, rtol=1e-9, atol=1e-12
    )


amounts = st.lists(
    st.tuples(st.integers(0, 3650), st.integers(-10_000, 10_000).filter(bool)),
    min_size=2,
    max_size=12,
    unique_by=lambda one: one[0],
)


@settings(max_examples=200, deadline=None)
@given(amounts)
def test_every_rate_found_solves_and_none_is_missed(flows: list[tuple[int, int]]) -> None:
    """Roots are where the sum changes its sign on a grid, dense near 0; Descartes: no more than signs change."""
    times, sums = np.array(sorted(flows), dtype=np.float64).T
    times /= 365
    found = internal_rates(sums, times)
    grid = np.sinh(np.linspace(-10, 10, 4001))

    def worth(x: FloatArray) -> FloatArray:
        exponents = -np.outer(x, times)
        return np.asarray((np.exp(exponents - exponents.max(axis=1, keepdims=True)) * sums).sum(axis=1))

    size = np.abs(sums).sum()
    roots = np.array(found.logarithms)
    assert np.all(np.abs(worth(roots)) <= 1e-13 * size * (1 + 100 * np.abs(roots)))
    for cell in np.flatnonzero(np.diff(np.sign(worth(grid))) != 0):
        near = 1e-6 * (1 + abs(grid[cell]))
        assert np.any((roots >= grid[cell] - near) & (roots <= grid[cell + 1] + near))
    assert len(roots) <= np.count_nonzero(np.diff(np.sign(sums)))


@lawful
@given(
    st.floats(-0.9, 9.0), st.lists(st.tuples(st.integers(1, 3000), st.floats(1, 1e5)), min_size=1, max_size=8)
)
def test_a_rate_is_found_again(rate: float, paid: list[tuple[int, float]]) -> None:
    """What is put in at first is what the later amounts are worth at the rate: one change of sign, one rate."""
    later = sum(amount * (1 + rate) ** (-day / 365) for day, amount in paid)
    assume(later > 1e-3)
    dates = np.datetime64("2020-01-01") + np.array([0, *(day for day, _ in paid)])
    sums = np.array([-later, *(amount for _, amount in paid)])
    found = xirr(dates, sums, day_count=DayCount.ACT_365)
    assert len(found.yearly) == 1
    np.testing.assert_allclose(found.rate, rate, rtol=1e-7, atol=1e-7)
    worth = xnpv(dates, sums, rate=found.rate, day_count=DayCount.ACT_365)
    assert abs(worth) <= 1e-7 * np.abs(sums).sum()


@lawful
@given(st.lists(st.tuples(moves, moves), min_size=1, max_size=10), timings)
def test_the_currency_effect_makes_the_whole_of_the_local_return(
    history: list[tuple[float, float]], timing: FlowTiming
) -> None:
    """A price and a rate that move apart, and a flow of half the value on every day."""
    price, rate = (np.cumprod([1.0, *(1 + move for move in column)]) for column in zip(*history, strict=True))
    quantity = 1.5 ** np.arange(len(price))
    before = np.concatenate([rate[:1], rate[:-1]])
    bought = np.diff(quantity, prepend=1.0) * price

    def columns(at: FloatArray) -> Columns:
        values, came = (quantity * price * at)[:, np.newaxis], (bought * at)[:, np.newaxis]
        return values, came, np.zeros_like(came)

    whole = grow(*columns(rate), timing=timing)
    values, came, went = columns(before)
    local = local_growth(
        columns(rate)[0], at_previous_rates=values, flows_in=came, flows_out=went, timing=timing
    )
    effect = currency_effect(whole, local)
    np.testing.assert_allclose((1 + link(local)) * (1 + effect), 1 + link(whole), rtol=1e-9)
    if timing is FlowTiming.END:  # bought at the day's price: the flow moves nothing
        np.testing.assert_allclose(1 + link(local), price[-1], rtol=1e-9)
        np.testing.assert_allclose(1 + effect, rate[-1], rtol=1e-9)


@lawful
@given(st.lists(st.floats(0, 10), min_size=1, max_size=6), st.permutations(range(6)))
def test_linking_is_associative_and_of_no_order(factors: list[float], order: list[int]) -> None:
    shuffled = [factors[place] for place in order if place < len(factors)]
    one, other = (
        link(Growth(np.ones((len(each), 1)), np.array(each)[:, np.newaxis])) for each in (factors, shuffled)
    )
    np.testing.assert_allclose(one, other, rtol=1e-12)
