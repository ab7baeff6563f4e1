"""The windows of asset 360, and the month ends on which risk is calculated.

Calendar months go back as `date - interval 'n months'` does in PostgreSQL: to the same day of the month, or
to the month's last day where it has fewer.
"""

import calendar
import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.analytics.observations import DateArray


@dataclass(frozen=True, slots=True)
class Window:
    """The days after `after`, up to and including `through`.

    >>> days = np.array(["2023-12-31", "2024-01-02"], dtype="datetime64[D]")
    >>> Window(dt.date(2023, 12, 31), dt.date(2024, 12, 31)).rows(days)
    slice(1, 2, None)
    """

    after: dt.date
    through: dt.date

    def rows(self, dates: DateArray) -> slice:
        """Give the rows of ascending `dates` that lie in the window."""
        bounds = np.array([self.after, self.through], dtype="datetime64[D]")
        start, stop = np.searchsorted(dates, bounds, side="right")
        return slice(int(start), int(stop))


def subtract_months(day: dt.date, months: int) -> dt.date:
    """Go back calendar months, to the month's last day where it is shorter.

    >>> subtract_months(dt.date(2024, 5, 31), 3)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def performance_window(as_of: dt.date) -> Window:
    """Give the year that ends with `as_of`; transactions use the same.

    >>> performance_window(dt.date(2024, 2, 29)).after
    datetime.date(2023, 2, 28)
    """
    return Window(subtract_months(as_of, 12), as_of)


def risk_window(as_of: dt.date) -> Window:
    """Give the three calendar months that end with `as_of`.

    >>> risk_window(dt.date(2018, 2, 7)).after
    datetime.date(2017, 11, 7)
    """
    return Window(subtract_months(as_of, 3), as_of)


def compliance_window(as_of: dt.date) -> Window:
    """Give the six calendar months that end with `as_of`.

    >>> compliance_window(dt.date(2018, 8, 31)).after
    datetime.date(2018, 2, 28)
    """
    return Window(subtract_months(as_of, 6), as_of)


def month_ends(dates: DateArray, has_day: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], DateArray]:
    """Find the last day of each asset in each of its complete months.

    Args:
        dates: [day], datetime64[D], ascending.
        has_day: [day, asset], whether the asset has a price or a return on the day. A month is complete when the
            asset has a day in a later one; so nothing here depends on which other assets stand beside it.

    Returns:
        Whether a day is such an end [day, asset], and the asset's next day [day, asset], NaT after its last.

    >>> days = np.array(["2024-01-30", "2024-01-31", "2024-02-01"], dtype="datetime64[D]")
    >>> ends, following = month_ends(days, np.array([[True, True], [True, False], [True, True]]))
    >>> ends.tolist(), following[:, 1].astype(str).tolist()
    ([[False, True], [True, False], [False, False]], ['2024-02-01', '2024-02-01', 'NaT'])
    """
    own = np.where(has_day, dates[:, np.newaxis], np.datetime64("NaT", "D"))
    following = np.full(own.shape, np.datetime64("NaT", "D"))
    following[:-1] = np.fmin.accumulate(own[::-1])[::-1][1:]
    is_later = following.astype("datetime64[M]") > dates[:, np.newaxis].astype("datetime64[M]")
    return has_day & is_later, following
