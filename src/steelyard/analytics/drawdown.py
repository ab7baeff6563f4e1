"""Drawdowns: how far value stands below its peak, for how long, and until when.

Depths are positive fractions of the peak: 0.2 is a fifth of it lost. Panels and NaN: see `observations`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steelyard.analytics.observations import DateArray, FloatArray, count, divide, largest, mean
from steelyard.analytics.returns import UnorderedDatesError, cumulative_returns
from steelyard.errors import InvalidInputError

ROUNDING = 1e-12
"""A fall by less than this fraction of the peak is the rounding of compounded returns, and none."""


class ValuePeakError(InvalidInputError):
    """Value is not above 0 where drawdowns begin."""

    def __init__(self, value: float, day: object) -> None:
        """Show the value and its day."""
        super().__init__(
            f"Value is {value} on {day}, and a drawdown is a fraction of a peak above 0; begin on a day on which "
            "there is value."
        )


def drawdowns(returns: FloatArray) -> FloatArray:
    """Measure each day how far compounded value stands below its peak, as a fraction of that peak.

    Value starts at 1 before the first return, so a first loss counts. NaN on days without an observation.

    >>> drawdowns(np.array([-0.1, 0.5, -0.2])).round(9).tolist()
    [0.1, 0.0, 0.2]
    """
    value = 1.0 + cumulative_returns(returns)
    peak = np.maximum(np.maximum.accumulate(value, axis=0), 1.0)
    return np.where(np.isnan(returns), np.nan, 1.0 - divide(value, peak))


def max_drawdown(returns: FloatArray) -> FloatArray:
    """Take the deepest drawdown, a positive fraction of the peak; 0 without any loss, NaN without any return.

    >>> round(float(max_drawdown(np.array([-0.1, 0.5, -0.2]))), 9)
    0.2
    """
    return largest(drawdowns(returns))


def pain_index(returns: FloatArray) -> FloatArray:
    """Average the drawdowns over all days (Bacon 2008); NaN where there are no returns.

    >>> round(float(pain_index(np.array([-0.1, 0.5, -0.2]))), 9)
    0.1
    """
    return mean(drawdowns(returns))


def ulcer_index(returns: FloatArray) -> FloatArray:
    """Take the root mean square of the drawdowns over all days; NaN where there are no returns.

    Source: Martin and McCann, The Investor's Guide to Fidelity Funds (1989).

    >>> round(float(ulcer_index(np.array([-0.4, 1.0, -0.3, 0.0]))), 9)  # drawdowns 0.4, 0, 0.3 and 0.3
    0.291547595
    """
    return np.asarray(np.sqrt(mean(np.square(drawdowns(returns)))))


def streak_risk(returns: FloatArray) -> FloatArray:
    """Take the root of the summed squares of the losing streaks, as Burke's ratio does.

    A streak is a run of returns below 0 with none of 0 or above between; it loses 1 - prod(1 + r). A positive
    fraction, 0 without any loss, NaN without any return. Source: Burke (1994), streaks as in Bacon (2008).

    >>> round(float(streak_risk(np.array([-0.3, 0.1, -0.2, np.nan, -0.25]))), 9)  # streaks of 0.3 and 0.4
    0.5
    """
    left, squares = np.ones(returns.shape[1:]), np.zeros(returns.shape[1:])
    for today in returns:
        has_ended = today >= 0
        squares += np.where(has_ended, np.square(1.0 - left), 0.0)
        left = np.where(has_ended, 1.0, np.where(today < 0, left * (1.0 + today), left))
    return np.where(count(returns) > 0, np.sqrt(squares + np.square(1.0 - left)), np.nan)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """A fall of value below a peak, until the peak is reached again.

    Attributes:
        depth: the deepest fall, a positive fraction of the peak.
        peak: the last day at the peak.
        valley: the first day at the lowest value.
        end: the first day back at the peak; the last day known where value is still below it.
        is_recovered: whether value is back at the peak.
    """

    depth: float
    peak: dt.date
    valley: dt.date
    end: dt.date
    is_recovered: bool

    @property
    def days(self) -> int:
        """Count the calendar days from the peak to the end."""
        return (self.end - self.peak).days

    @property
    def recovery_days(self) -> int:
        """Count the calendar days from the valley to the end."""
        return (self.end - self.valley).days


def find_drawdowns(values: FloatArray, dates: DateArray) -> tuple[Drawdown, ...]:
    """Find every drawdown of a value or an index, in order.

    Args:
        values: [day], what there is at the end of each day, without flows: a price, or 1 and then
            1 + `cumulative_returns`. Days on which it is NaN are as if they were not.
        dates: [day], datetime64[D], strictly ascending.

    Returns:
        The drawdowns; none where value never fell. A fall within `ROUNDING` of the peak is none.

    Raises:
        UnorderedDatesError: The dates are not strictly ascending or not one a value.
        ValuePeakError: The first value is not above 0.

    >>> days = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
    >>> [fall] = find_drawdowns(np.array([8.0, 6.0, 7.0, 8.0]), days)
    >>> fall.depth, fall.peak.day, fall.valley.day, fall.end.day, fall.is_recovered
    (0.25, 1, 2, 4, True)
    """
    if len(dates) != len(values) or np.any(np.diff(dates).astype(np.int64) <= 0):
        raise UnorderedDatesError(len(dates), len(values))
    known = ~np.isnan(values)
    values, days = values[known], dates[known].astype("datetime64[D]").tolist()
    if len(values) and not values[0] > 0:
        raise ValuePeakError(float(values[0]), days[0])
    is_below = values < np.maximum.accumulate(values) * (1.0 - ROUNDING)
    edges = np.flatnonzero(np.diff(is_below, prepend=False, append=False))
    spans = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return tuple(_drawdown(values, days, start, stop) for start, stop in spans)


def deepest(falls: Sequence[Drawdown]) -> Drawdown | None:
    """Take the drawdown of the greatest depth, the first of equals; None where there is none.

    >>> deepest(()) is None
    True
    """
    return max(falls, key=lambda fall: fall.depth, default=None)


def longest(falls: Sequence[Drawdown]) -> Drawdown | None:
    """Take the drawdown of the most days, recovered or not, the first of equals; None where there is none.

    >>> longest(()) is None
    True
    """
    return max(falls, key=lambda fall: fall.days, default=None)


def slowest_recovery(falls: Sequence[Drawdown]) -> Drawdown | None:
    """Take the drawdown of the most days from valley to end, recovered or not; None where there is none.

    >>> slowest_recovery(()) is None
    True
    """
    return max(falls, key=lambda fall: fall.recovery_days, default=None)


def _drawdown(values: FloatArray, days: list[dt.date], start: int, stop: int) -> Drawdown:
    """Describe the drawdown over the rows from `start` to before `stop`, where value is below its peak."""
    valley = start + int(np.argmin(values[start:stop]))
    peak = float(np.max(values[:start]))
    return Drawdown(
        depth=1.0 - float(values[valley]) / peak,
        peak=days[start - 1],
        valley=days[valley],
        end=days[min(stop, len(days) - 1)],
        is_recovered=stop < len(days),
    )
