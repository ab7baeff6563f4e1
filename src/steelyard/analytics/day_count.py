"""Day counts: how long a period is in years, and what a return over it is a year."""

from enum import StrEnum
from typing import Final

import numpy as np

from steelyard.analytics.observations import DateArray, FloatArray, divide


class DayCount(StrEnum):
    """What makes a year."""

    ACT_365 = "ACT/365"
    """365 calendar days, as in spreadsheets' XIRR (ISDA "Actual/365 Fixed")."""
    ACT_365_25 = "ACT/365.25"
    """365.25 calendar days: the average of four years."""
    ACT_360 = "ACT/360"
    """360 calendar days, as on money markets."""
    SESSIONS_252 = "252 sessions"
    """252 rows of the price table, whatever days they are."""


_DAYS: Final = {DayCount.ACT_365: 365.0, DayCount.ACT_365_25: 365.25, DayCount.ACT_360: 360.0}


def elapsed_years(dates: DateArray, *, day_count: DayCount) -> FloatArray:
    """Count the years from the first date to each.

    Args:
        dates: [day], datetime64[D]; for SESSIONS_252 every session, in order.
        day_count: what makes a year.

    Returns:
        [day]; 0 for the first. Negative for a date before it.

    >>> elapsed_years(np.array(["2023-03-14", "2024-03-13"], dtype="datetime64[D]"), day_count=DayCount.ACT_365)
    array([0., 1.])
    """
    if day_count is DayCount.SESSIONS_252:
        return np.arange(len(dates)) / 252.0
    numbers = dates.astype("datetime64[D]").astype(np.int64)
    return np.asarray((numbers - numbers[:1]) / _DAYS[day_count], dtype=np.float64)


def annualise(total: FloatArray | float, *, years: FloatArray | float) -> FloatArray:
    """Take a return over a period to one a year: (1 + total)^(1 / years) − 1.

    Args:
        total: fractions, any shape; −1 is a total loss.
        years: how long, see `elapsed_years`.

    Returns:
        The same shape. NaN where years is 0, below −1, where nothing compounds, and where a year of such returns is
        beyond a float.

    >>> float(annualise(0.21, years=2.0).round(9))
    0.1
    """
    grown = 1.0 + np.asarray(total, dtype=np.float64)
    with np.errstate(over="ignore"):
        yearly = np.power(np.where(grown >= 0, grown, np.nan), divide(1.0, years)) - 1.0
    return np.where(np.isinf(yearly), np.nan, yearly)
