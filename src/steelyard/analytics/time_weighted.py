"""Time-weighted returns: what a unit of money did, whatever was put in and taken out on the way.

Between two days without flows the return is V1 / V0 − 1. A flow makes it a question when the money was there:
`FlowTiming` answers. Returns of sub-periods are linked by multiplying. Source of the form: CFA Institute, Global
Investment Performance Standards (GIPS) 2020, and C. Bacon, Practical Portfolio Performance Measurement, ch. 2.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from steelyard.analytics.observations import FloatArray, IntArray, divide

_DUST: Final = 1e-12
"""Capital below this fraction of the most a group ever held or moved is rounding noise: there was none."""


class FlowTiming(StrEnum):
    """When the flows of a day come and go."""

    START = "start"
    """Before the day's return: V1 / (V0 + F) − 1."""
    END = "end"
    """After it: (V1 − F) / V0 − 1."""
    IN_AT_START_OUT_AT_END = "in at start, out at end"
    """What comes works all day, and so does what goes: (V1 + out) / (V0 + in) − 1."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What the capital of each sub-period became; a sub-period ends on each day that has a value.

    Both are 0 on days without a value and while there is no capital. Where there is a gain without capital (a dividend
    after the last unit is sold, a short position alone), capital is 0 and `became` is the gain: it belongs to the
    gain in money and to no return. NaN = not known.

    Attributes:
        capital: [day, group], in the base currency, 0 or above; row 0 is 0.
        became: [day, group].
    """

    capital: FloatArray
    became: FloatArray

    @property
    def returns(self) -> FloatArray:
        """Fractions [day, group]; NaN where there was no capital or something is not known."""
        return divide(self.became, self.capital) - 1.0

    @property
    def gains(self) -> FloatArray:
        """Gain in money [day, group]; NaN where not known."""
        return self.became - self.capital

    @property
    def gain_without_capital(self) -> FloatArray:
        """Sum of the gains that no return tells of [group]."""
        return np.asarray(np.where(self.capital == 0, self.became, 0.0).sum(axis=0))

    @property
    def days_without_capital(self) -> IntArray:
        """On how many days there were such gains [group]."""
        return np.asarray(((self.capital == 0) & (self.became != 0)).sum(axis=0), dtype=np.int64)


def grow(
    values: FloatArray,
    flows_in: FloatArray,
    flows_out: FloatArray,
    *,
    timing: FlowTiming,
    end_values: FloatArray | None = None,
) -> Growth:
    """Work out the capital of each day and what it became.

    A day without a value ends no sub-period: its flows count on the next day that has one. A group without a value
    in the first row or the last is not known on the first or last day that it has one. A flow that is not known
    makes its day not known. Capital of 0 or below is none.

    Args:
        values: [day, group], at the end of the day; NaN = not known. Row 0 is what the period begins with.
        flows_in: [day, group], 0 or above; row 0 is before the period and not read.
        flows_out: [day, group], 0 or above.
        timing: when flows come and go within their day.
        end_values: [day, group], what each day ends with where the next begins with something else; NaN is not known.
            None = values.

    >>> grow(np.array([[100.0], [220.0]]), np.array([[0.0], [100.0]]), np.zeros((2, 1)),
    ...      timing=FlowTiming.START).returns[1].round(9).tolist()
    [0.1]
    """
    came_in, went_out = _carry(flows_in, values), _carry(flows_out, values)
    start = np.concatenate([np.zeros_like(values[:1]), _last_known(values)[:-1]])
    end = values if end_values is None else end_values
    base, became = _by_timing(start, end, came_in, went_out, timing)
    most = np.fmax(np.fmax(np.abs(values), came_in), went_out)
    dust = _DUST * np.fmax.reduce(most, axis=0, initial=0.0)
    gain = np.where(np.abs(became - base) <= dust, 0.0, became - base)
    idle = base <= dust
    no_period = np.isnan(values)
    no_period[:1] = True
    no_period[1:][-1:] = False  # without a last value the period has no known end
    capital = np.where(idle, 0.0, base)
    capital = np.where(no_period, 0.0, np.where(np.isnan(gain), np.nan, capital))
    return Growth(capital, np.where(no_period, 0.0, np.where(idle, gain, became)))


def _by_timing(
    start: FloatArray, end: FloatArray, came_in: FloatArray, went_out: FloatArray, timing: FlowTiming
) -> tuple[FloatArray, FloatArray]:
    if timing is FlowTiming.START:
        return start + came_in - went_out, end
    if timing is FlowTiming.END:
        return start, end - came_in + went_out
    return start + came_in, end + went_out


def _carry(flows: FloatArray, values: FloatArray) -> FloatArray:
    """Move the flows of days without a value to the next day."""
    carried = flows.copy()
    carried[:1] = 0.0
    unvalued = np.isnan(values)
    for day in np.flatnonzero(unvalued[:-1].any(axis=1)):
        groups = unvalued[day]
        carried[day + 1, groups] += carried[day, groups]
        carried[day, groups] = 0.0
    return carried


def _last_known(values: FloatArray) -> FloatArray:
    """Put the last known value where there is none; NaN before the first."""
    rows = np.where(np.isnan(values), 0, np.arange(len(values))[:, np.newaxis])
    return np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)


def invested_span(
    values: FloatArray, flows_in: FloatArray, flows_out: FloatArray, years: FloatArray, *, timing: FlowTiming
) -> tuple[FloatArray, FloatArray]:
    """Return when each group first had something, and when it last had: the time over which its return was earned.

    Args:
        values: [day, group], at the end of the day; 0 = nothing, NaN = something whose value is not known.
        flows_in: [day, group], 0 or above; row 0 is not read.
        flows_out: [day, group], 0 or above; row 0 is not read.
        years: [day], see `day_count.elapsed_years`.
        timing: a flow at the start of a day comes when the row before ends.

    Returns:
        Begin and end [group], of `years`; both the first of them where there never was anything.

    >>> values = np.array([[0.0], [0.0], [50.0], [0.0]])
    >>> came, went = np.array([[0.0], [0.0], [50.0], [0.0]]), np.array([[0.0], [0.0], [0.0], [50.0]])
    >>> times = np.array([0.0, 1.0, 2.0, 3.0])
    >>> [each.tolist() for each in invested_span(values, came, went, times, timing=FlowTiming.END)]
    [[2.0], [3.0]]
    """
    came, went = flows_in != 0, flows_out != 0
    came[:1] = went[:1] = False
    at_start = (came & (timing is not FlowTiming.END)) | (went & (timing is FlowTiming.START))
    at_end = (came & (timing is FlowTiming.END)) | (went & (timing is not FlowTiming.START))
    active = (values != 0) | at_end
    active[:-1] |= at_start[1:]
    groups = np.arange(values.shape[1])
    first = np.argmax(active, axis=0)
    last = len(years) - 1 - np.argmax(active[::-1], axis=0)
    last = np.where(active[first, groups], last, first)
    return years[first], years[last]


def link(growth: Growth) -> FloatArray:
    """Link sub-periods: Π (became / capital) − 1, the time-weighted return of the whole [group].

    Sub-periods without capital are left out. NaN where one is not known, and where there never was any capital.

    >>> round(float(link(Growth(np.array([0.0, 100.0, 50.0]), np.array([0.0, 110.0, 55.0])))), 9)
    0.21
    """
    worked = growth.capital != 0
    total = np.prod(_factors(growth), axis=0) - 1.0
    return np.where(worked.any(axis=0), total, np.nan)


def cumulate(growth: Growth) -> FloatArray:
    """Link sub-periods up to each day [day, group]; 0 in row 0, NaN from a day that is not known on.

    >>> cumulate(Growth(np.array([0.0, 100.0, 50.0]), np.array([0.0, 110.0, 55.0]))).round(9).tolist()
    [0.0, 0.1, 0.21]
    """
    return np.asarray(np.cumprod(_factors(growth), axis=0) - 1.0)


def _factors(growth: Growth) -> FloatArray:
    return np.where(growth.capital == 0, 1.0, divide(growth.became, growth.capital))


def keep_flow_days(values: FloatArray, flows: FloatArray) -> FloatArray:
    """Forget the values of days without a flow, the first and last row apart.

    The variant of firms that value a portfolio when money comes or goes: with `FlowTiming.END` the returns then
    link to the same whole, as they telescope, and prices are needed on those days only.

    Args:
        values: [day, group].
        flows: net flows [day, group]; NaN counts as a flow.

    >>> keep_flow_days(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[0.0], [0.0], [9.0], [0.0]])).ravel().tolist()
    [1.0, nan, 3.0, 4.0]
    """
    kept = np.where(flows == 0, np.nan, values)
    kept[:1], kept[-1:] = values[:1], values[-1:]
    return kept


def currency_effect(growth: Growth, local: Growth) -> FloatArray:
    """Say what exchange rates added to the time-weighted return: (1 + r) / (1 + r_local) − 1 [group].

    So (1 + local) × (1 + effect) = 1 + whole. NaN where either is not known or all was lost.

    Args:
        growth: of the values as they were.
        local: `local_growth` of the same period.

    >>> whole = Growth(np.array([0.0, 100.0]), np.array([0.0, 121.0]))
    >>> round(float(currency_effect(whole, Growth(np.array([0.0, 100.0]), np.array([0.0, 110.0])))), 9)
    0.1
    """
    return divide(1.0 + link(growth), 1.0 + link(local)) - 1.0


def local_growth(
    values: FloatArray,
    *,
    at_previous_rates: FloatArray,
    flows_in: FloatArray,
    flows_out: FloatArray,
    timing: FlowTiming,
) -> Growth:
    """Work out what the capital of each day would have become had no exchange rate moved that day.

    Args:
        values: [day, group], as they were.
        at_previous_rates: [day, group], values of the same positions by `PriceTable.at_previous_rates`.
        flows_in: [day, group], at those rates too.
        flows_out: the same.
        timing: when flows come and go within their day.

    Returns:
        Not known on a day after one without a value: the rates between are not apart.

    >>> growth = local_growth(np.array([[110.0], [126.0]]), at_previous_rates=np.array([[110.0], [115.5]]),
    ...     flows_in=np.zeros((2, 1)), flows_out=np.zeros((2, 1)), timing=FlowTiming.END)
    >>> growth.returns[1].round(9).tolist()
    [0.05]
    """
    after_gap = np.zeros(values.shape, dtype=np.bool_)
    after_gap[1:] = np.isnan(values[:-1])
    ends = np.where(after_gap, np.nan, at_previous_rates)
    return grow(values, flows_in, flows_out, timing=timing, end_values=ends)
