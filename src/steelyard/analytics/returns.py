"""Returns: from prices to days, from days to longer periods.

Returns are simple and fractions: 0.01 is one percent. Panels and NaN: see `observations`.
"""

from enum import StrEnum

import numpy as np

from steelyard.analytics.observations import DateArray, FloatArray, IntArray, count, divide
from steelyard.errors import InvalidInputError


class UnorderedDatesError(InvalidInputError):
    """The dates of a panel are not strictly ascending, or not one a row."""

    def __init__(self, dates: int, rows: int) -> None:
        """Say how many dates met how many rows."""
        super().__init__(
            f"{dates} dates for {rows} rows are not one strictly ascending date a row; "
            "sort and deduplicate them."
        )


class Period(StrEnum):
    """A calendar period; weeks begin on Monday (ISO 8601)."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


def daily_returns(prices: FloatArray) -> FloatArray:
    """Compute each price's return against the same asset's previous available price.

    Args:
        prices: [day] or [day, asset], in the asset's currency; NaN = no price.

    Returns:
        The same shape. NaN where there is no price, at the first one, and after a price that is not above 0.

    >>> daily_returns(np.array([100.0, np.nan, 110.0])).round(9).tolist()
    [nan, nan, 0.1]
    """
    returns = np.full(prices.shape, np.nan)
    previous = np.full(prices.shape[1:], np.nan)
    for day, price in enumerate(prices):
        returns[day] = divide(price, np.where(previous > 0, previous, np.nan)) - 1.0
        previous = np.where(np.isnan(price), previous, price)
    return returns


def total_return(returns: FloatArray) -> FloatArray:
    """Compound the returns of each column: prod(1 + r) - 1; NaN where there are none.

    >>> round(float(total_return(np.array([0.1, np.nan, 0.1]))), 9)
    0.21
    """
    compounded = np.nanprod(1.0 + returns, axis=0) - 1.0
    return np.where(count(returns) > 0, compounded, np.nan)


def cumulative_returns(returns: FloatArray) -> FloatArray:
    """Compound the returns so far, day by day; a day without an observation keeps the day before's.

    >>> cumulative_returns(np.array([0.1, np.nan, 0.1])).round(9).tolist()
    [0.1, 0.1, 0.21]
    """
    return np.asarray(np.nancumprod(1.0 + returns, axis=0) - 1.0)


def annual_return(returns: FloatArray, *, periods_per_year: float) -> FloatArray:
    """Annualise the total return by the number of observations (compound annual growth rate).

    (1 + total)^(periods_per_year / observations) - 1; NaN where there are no observations.

    >>> round(float(annual_return(np.array([0.1, 0.1]), periods_per_year=1)), 9)
    0.1
    """
    years = count(returns) / periods_per_year
    return np.asarray(np.power(1.0 + total_return(returns), divide(1.0, years)) - 1.0)


def periodic_return(annual: float, *, periods_per_year: float) -> float:
    """Take an annual return to one period by compounding: (1 + annual)^(1 / periods_per_year) - 1.

    NaN at -1 and below: what is lost wholly in a year has no rate a day.

    >>> round(periodic_return(0.21, periods_per_year=2), 9)
    0.1
    """
    if annual <= -1.0:
        return float("nan")
    return float((1.0 + annual) ** (1.0 / periods_per_year) - 1.0)


def aggregate_returns(
    returns: FloatArray, dates: DateArray, *, period: Period
) -> tuple[DateArray, FloatArray]:
    """Compound daily returns into calendar periods.

    Args:
        returns: [day] or [day, asset].
        dates: [day], datetime64[D], strictly ascending.
        period: The calendar period.

    Returns:
        The first date seen in each period and its returns [period] or [period, asset]; NaN where a period has
        no observation. Periods without any row do not appear.

    Raises:
        UnorderedDatesError: The dates are not strictly ascending or not one a row.

    >>> days = np.array(["2024-01-30", "2024-01-31", "2024-02-01"], dtype="datetime64[D]")
    >>> aggregate_returns(np.array([0.1, 0.1, 0.2]), days, period=Period.MONTH)[1].round(9).tolist()
    [0.21, 0.2]
    """
    if len(dates) != len(returns) or np.any(np.diff(dates).astype(np.int64) <= 0):
        raise UnorderedDatesError(len(dates), len(returns))
    if not len(dates):
        return dates, returns
    numbers = period_number(dates, period=period)
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    known = ~np.isnan(returns)
    compounded = np.multiply.reduceat(np.where(known, 1.0 + returns, 1.0), starts, axis=0) - 1.0
    return dates[starts], np.where(np.logical_or.reduceat(known, starts, axis=0), compounded, np.nan)


def period_number(dates: DateArray, *, period: Period) -> IntArray:
    """Number the calendar periods that `dates` fall in, one up from each period to the next.

    >>> days = np.array(["2024-03-31", "2024-04-01"], dtype="datetime64[D]")
    >>> np.diff(period_number(days, period=Period.QUARTER)).tolist()
    [1]
    """
    if period is Period.WEEK:
        return (dates.astype("datetime64[D]").astype(np.int64) + 3) // 7  # day 0, 1970-01-01, was a Thursday
    months = dates.astype("datetime64[M]").astype(np.int64)
    return months // {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}[period]
