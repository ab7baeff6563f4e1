"""Money-weighted returns: the rates at which what was put in and what came back are worth the same.

Amounts are seen from the investor's pocket: put in is negative, got back is positive. A rate r solves
Σ a / (1 + r)^t = 0. Such an equation may have one solution, none or several; which it is is proven, not guessed: with
x = ln(1 + r) the sum is Σ a·e^(−t·x), every term is monotone in x, and so bounds of the sum and of its slope over an
interval are exact. Intervals are halved until each holds no root or one. Sources: the XIRR of spreadsheets
(actual/365); Moore, Kearfott and Cloud, Introduction to Interval Analysis (2009), ch. 8, for the bounds.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from steelyard.analytics.day_count import DayCount, elapsed_years
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.errors import InvalidInputError

_NARROWEST: Final = 1e-9
"""Width of x below which an interval is not halved: what it holds is a root that is touched, not crossed."""

_SAME: Final = 1e-6
"""Distance of x below which two roots are one: near a root that is touched, sums of floats are noise."""

_NOISE: Final = 1e-14
"""What the sum of a few thousand floats may be off by, of the sum of their sizes."""

_STILL: Final = 1e-16
"""A root that moves by less is found."""

_LARGEST: Final = 709.0
"""e to more than this is beyond a float."""


class CashFlowShapeError(InvalidInputError):
    """Amounts and their times are not one each."""

    def __init__(self, amounts: int, times: int) -> None:
        """Say how many there are of each."""
        super().__init__(f"{amounts} amounts for {times} times; give every amount one date.")


class RateError(InvalidInputError):
    """A rate of −100 % or less discounts nothing."""

    def __init__(self, rate: float) -> None:
        """Name the rate."""
        super().__init__(
            f"A yearly rate of {rate} discounts nothing; give a fraction above -1, such as 0.05."
        )


@dataclass(frozen=True, slots=True)
class Rates:
    """Every rate that solves a series of amounts.

    Attributes:
        logarithms: ln(1 + yearly rate) of each, ascending; empty where there is no solution.
    """

    logarithms: tuple[float, ...]

    @property
    def yearly(self) -> tuple[float, ...]:
        """The rates a year, fractions, ascending; NaN where a year of it is beyond a float."""
        return tuple(self.over(1.0))

    @property
    def rate(self) -> float:
        """The yearly rate where there is exactly one solution; NaN where there is none or several.

        Where money stays invested throughout at a rate, no other solves: D. Teichroew, A. Robichek, M. Montalbano,
        "An Analysis of Criteria for Investment and Financing Decisions under Certainty", Management Science 12 (1965).
        """
        return self.rate_over(1.0)

    def rate_over(self, years: float) -> float:
        """Compound `rate` over a period; it may be known where a year of it is beyond a float."""
        return self.over(years)[0] if len(self.logarithms) == 1 else math.nan

    def over(self, years: float) -> tuple[float, ...]:
        """Compound each over a period: (1 + rate)^years − 1.

        >>> [round(rate, 9) for rate in Rates((math.log(1.1),)).over(2)]
        [0.21]
        """
        exponents = [logarithm * years for logarithm in self.logarithms]
        return tuple(math.expm1(one) if one < _LARGEST else math.nan for one in exponents)


def xnpv(dates: DateArray, amounts: FloatArray, *, rate: float, day_count: DayCount) -> float:
    """Discount amounts to the first date: Σ a / (1 + rate)^t.

    Args:
        dates: [amount], datetime64[D], the first one first; the others in any order.
        amounts: [amount], in one currency; got back is positive. NaN makes the result NaN.
        rate: a year, a fraction above −1.
        day_count: what makes a year.

    Raises:
        RateError: the rate is −1 or below, or NaN.
        CashFlowShapeError: there are more of one than of the other.

    >>> days = np.array(["2023-03-14", "2024-03-13"], dtype="datetime64[D]")
    >>> round(xnpv(days, np.array([-100.0, 121.0]), rate=0.1, day_count=DayCount.ACT_365), 9)
    10.0
    """
    if not rate > -1.0:
        raise RateError(rate)
    if len(amounts) != len(dates):
        raise CashFlowShapeError(len(amounts), len(dates))
    return float(np.sum(amounts * np.power(1.0 + rate, -elapsed_years(dates, day_count=day_count))))


def xirr(dates: DateArray, amounts: FloatArray, *, day_count: DayCount) -> Rates:
    """Find the rates at which dated amounts are worth 0.

    Args:
        dates: [amount], datetime64[D], in any order; but for SESSIONS_252 see `elapsed_years`.
        amounts: [amount], in one currency; got back is positive.
        day_count: what makes a year.

    Returns:
        All of them, proven; none where an amount is NaN.

    Raises:
        CashFlowShapeError: there are more of one than of the other.

    >>> days = np.array(["2023-03-14", "2024-03-13"], dtype="datetime64[D]")
    >>> round(xirr(days, np.array([-100.0, 110.0]), day_count=DayCount.ACT_365).rate, 9)
    0.1
    """
    if len(amounts) != len(dates):
        raise CashFlowShapeError(len(amounts), len(dates))
    return internal_rates(amounts, elapsed_years(dates, day_count=day_count))


def internal_rates(amounts: FloatArray, years: FloatArray) -> Rates:
    """Find the yearly rates at which amounts are worth 0.

    Args:
        amounts: [amount]; 0 is no amount. NaN: nothing is found.
        years: [amount], when; from any day on, in any order.

    Returns:
        All of them.

    >>> several = internal_rates(np.array([-100.0, 230.0, -132.0]), np.array([0.0, 1.0, 2.0]))
    >>> [round(rate, 9) for rate in several.yearly]
    [0.1, 0.2]
    """
    times, which = np.unique(years[amounts != 0], return_inverse=True)
    terms = np.bincount(which, weights=amounts[amounts != 0], minlength=len(times))
    times, terms = times[terms != 0], terms[terms != 0]
    if np.isnan(terms).any() or not terms.min(initial=0.0) < 0.0 < terms.max(initial=0.0):
        return Rates(())
    return Rates(_roots(terms, times))


def _roots(terms: FloatArray, times: FloatArray) -> tuple[float, ...]:
    """Find every x with Σ terms·e^(−times·x) = 0, ascending; no term is 0, times ascend, and both signs occur."""
    low, high = _outer_bounds(terms, times)
    if np.count_nonzero(np.diff(np.sign(terms))) == 1:
        return (_solve(terms, times, low, high),)  # Descartes' rule of signs: one change, one root
    lows, highs = np.array([low]), np.array([high])
    found: list[float] = []
    while len(lows):
        holds_one, is_open = _classify(terms, times, lows, highs)
        found += [_solve(terms, times, *ends) for ends in zip(lows[holds_one], highs[holds_one], strict=True)]
        lows, highs = lows[is_open], highs[is_open]
        middles = (lows + highs) / 2.0
        wide = highs - lows >= _NARROWEST * (1.0 + np.abs(middles))
        found += middles[~wide].tolist()  # touched, or crossed twice within a float's sight
        lows = np.concatenate([lows[wide], middles[wide]])
        highs = np.concatenate([middles[wide], highs[wide]])
    return _apart(sorted(found))


def _outer_bounds(terms: FloatArray, times: FloatArray) -> tuple[float, float]:
    """Return x below which the last term outweighs all others, and x above which the first does."""
    sizes = np.abs(terms)
    low = -np.log(sizes[:-1].sum() / sizes[-1]) / (times[-1] - times[-2])
    high = np.log(sizes[1:].sum() / sizes[0]) / (times[1] - times[0])
    return min(0.0, float(low)) - 1.0, max(0.0, float(high)) + 1.0


def _classify(
    terms: FloatArray, times: FloatArray, lows: FloatArray, highs: FloatArray
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell of each interval whether it holds exactly one root, and whether that is still open; neither = no root.

    Each term is largest or smallest at an end, so the sums of those bound the whole; the same of its slope.
    """
    middles = (lows + highs)[:, np.newaxis] / 2.0
    largest = np.argmax(np.log(np.abs(terms)) - middles * times, axis=1)
    since = times - times[largest, np.newaxis]  # moves no root, and lets the largest term stand still
    ends = _scaled_exp(-np.stack([lows, highs])[:, :, np.newaxis] * since) * terms
    noise = _NOISE * np.abs(ends).sum(axis=(0, 2))
    may_be_zero = (ends.min(axis=0).sum(axis=1) <= noise) & (ends.max(axis=0).sum(axis=1) >= -noise)
    slopes = ends * -since
    noise = _NOISE * np.abs(slopes).sum(axis=(0, 2))
    one_way = (slopes.min(axis=0).sum(axis=1) > noise) | (slopes.max(axis=0).sum(axis=1) < -noise)
    low, high = ends.sum(axis=2)
    crosses = np.sign(low) * np.sign(high) <= 0
    return may_be_zero & one_way & crosses, may_be_zero & ~one_way


def _scaled_exp(exponents: FloatArray) -> FloatArray:
    """Raise e to exponents [end, interval, term], each interval's divided by its largest: nothing overflows."""
    return np.asarray(np.exp(exponents - exponents.max(axis=(0, 2), keepdims=True)))


def _solve(terms: FloatArray, times: FloatArray, low: float, high: float) -> float:
    """Find the root between ends of different signs: C. Ridders' method, which at least halves them every time.

    IEEE Transactions on Circuits and Systems 26 (1979). Ends when the root moves no more or the ends are neighbours.
    """
    at_low, at_high = _relative_sum(terms, times, low), _relative_sum(terms, times, high)
    root, before = low if at_low == 0 else high, math.inf
    while at_low * at_high < 0 and abs(root - before) > _STILL * (1.0 + abs(root)):
        middle, before = (low + high) / 2.0, root
        at_middle = _relative_sum(terms, times, middle)
        step = (middle - low) * at_middle / math.sqrt(at_middle * at_middle - at_low * at_high)
        root = middle + math.copysign(1.0, at_low - at_high) * step
        ends = [
            (low, at_low),
            (middle, at_middle),
            (root, _relative_sum(terms, times, root)),
            (high, at_high),
        ]
        (low, at_low), (high, at_high) = _narrowest(sorted(ends))
    return root


def _narrowest(points: list[tuple[float, float]]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the neighbours among points between which the sign changes."""
    return next(pair for pair in pairwise(points) if pair[0][1] * pair[1][1] <= 0)


def _relative_sum(terms: FloatArray, times: FloatArray, x: float) -> float:
    """Return the sum as a fraction of the largest of its terms' powers: it has the same sign, and never overflows."""
    exponents = -times * x
    return float(np.dot(terms, np.exp(exponents - exponents.max())))


def _apart(roots: list[float]) -> tuple[float, ...]:
    """Keep one of roots that a float cannot tell apart."""
    kept: list[float] = []
    for root in roots:
        if not kept or root - kept[-1] > _SAME * (1.0 + abs(root)):
            kept.append(root)
    return tuple(kept)


def money_weighted_return(
    values: FloatArray,
    flows_in: FloatArray,
    flows_out: FloatArray,
    years: FloatArray,
    *,
    timing: FlowTiming,
) -> Rates:
    """Find the yearly rate at which the start value and all flows grow to the end value.

    Args:
        values: [day], at the end of the day; only the first and the last are read. NaN there: nothing is found.
        flows_in: [day], 0 or above; row 0 is before the period and not read.
        flows_out: [day], 0 or above.
        years: [day], see `day_count.elapsed_years`.
        timing: a flow at the start of a day counts when the row before ends, one at the end when its own does.

    >>> rates = money_weighted_return(np.array([100.0, 0.0, 242.0]), np.array([0.0, 110.0, 0.0]), np.zeros(3),
    ...                               np.array([0.0, 1.0, 2.0]), timing=FlowTiming.END)
    >>> round(rates.rate, 9)
    0.1
    """
    early_in = timing is not FlowTiming.END
    early_out = timing is FlowTiming.START
    amounts = np.zeros(len(values))
    for flows, early, sign in ((flows_in, early_in, -1.0), (flows_out, early_out, 1.0)):
        amounts[slice(None, -1) if early else slice(1, None)] += sign * flows[1:]
    amounts[:1] -= values[:1]
    amounts[-1:] += values[-1:]
    return internal_rates(amounts, years)


def linked_internal_return(
    values: FloatArray,
    flows_in: FloatArray,
    flows_out: FloatArray,
    years: FloatArray,
    *,
    timing: FlowTiming,
) -> float:
    """Link the money-weighted returns between the days that have a value: nearly time-weighted with few valuations.

    Between two days with a value and without flows it is V1 / V0 − 1; with flows, the rate that solves them. Source:
    Bank Administration Institute, Measuring the Investment Performance of Pension Funds (1968); Bacon, ch. 2.

    Args:
        values: [day], at the end of the day; NaN = not valued. The first and the last must be.
        flows_in: [day], 0 or above; row 0 is before the period and not read.
        flows_out: [day], 0 or above.
        years: [day], see `day_count.elapsed_years`.
        timing: see `money_weighted_return`.

    Returns:
        A fraction. Where nothing was there at the start and nothing solves (all flows come as it ends), the return
        between is left out; NaN where no rate solves another, or several do.

    >>> round(linked_internal_return(np.array([100.0, np.nan, 231.0]), np.array([0.0, 100.0, 0.0]), np.zeros(3),
    ...                              np.array([0.0, 1.0, 2.0]), timing=FlowTiming.END), 9)
    0.21
    """
    known = np.flatnonzero(~np.isnan(values))
    if not (len(values) and known.size and known[0] == 0 and known[-1] == len(values) - 1):
        return math.nan
    total = 1.0
    for first, last in pairwise(known):
        rows = slice(first, last + 1)
        rates = money_weighted_return(
            values[rows], flows_in[rows], flows_out[rows], years[rows], timing=timing
        )
        if values[first] == 0 and not rates.logarithms:
            continue
        total *= 1.0 + rates.rate_over(float(years[last] - years[first]))
    return total - 1.0
