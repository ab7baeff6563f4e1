"""Money-weighted returns: the rates at which what was put in and what came back are worth the same.

Amounts are seen from the investor's pocket: put in is negative, got back is positive. A rate r solves
Σ a / (1 + r)^t = 0, and with x = ln(1 + r) it is a root of Σ a·e^(−t·x). There may be one solution, none or several;
which it is is proven (see `exponential_roots`), not guessed. Source: the XIRR of spreadsheets (actual/365).
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from steelyard.analytics.day_count import DayCount, elapsed_years
from steelyard.analytics.exponential_roots import find_roots
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.errors import InvalidInputError

_DUST: Final = 1e-12
"""Sums below this fraction of the largest amount are rounding noise."""

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
        amounts: [amount]; 0 is none, and so is a sum of one time that is rounding noise. NaN: nothing is found.
        years: [amount], when; from any day on, in any order.

    Returns:
        All of them.

    >>> several = internal_rates(np.array([-100.0, 230.0, -132.0]), np.array([0.0, 1.0, 2.0]))
    >>> [round(rate, 9) for rate in several.yearly]
    [0.1, 0.2]
    """
    paid = amounts != 0
    times, which = np.unique(years[paid], return_inverse=True)
    terms = np.bincount(which, weights=amounts[paid], minlength=len(times))
    counts = ~(np.abs(terms) <= _DUST * np.abs(amounts).max(initial=0.0))
    times, terms = times[counts], terms[counts]
    if np.isnan(terms).any() or not terms.min(initial=0.0) < 0.0 < terms.max(initial=0.0):
        return Rates(())
    return Rates(find_roots(terms, times))


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
    before, after = years[:-1], years[1:]
    amounts = np.concatenate([-values[:1], -flows_in[1:], flows_out[1:], values[-1:]])
    came = after if timing is FlowTiming.END else before
    went = before if timing is FlowTiming.START else after
    return internal_rates(amounts, np.concatenate([years[:1], came, went, years[-1:]]))


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
