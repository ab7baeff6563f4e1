"""How many sessions old a price is: by the exchange's own calendar where it is known, by weekdays where not.

The calendars are those of exchange-calendars, in the extra `market`. They take seconds to read, so they are read
when the first price is older by weekdays than is allowed: an exchange has no more sessions than there are weekdays.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from warnings import catch_warnings, simplefilter

from steelyard.domain.portfolio import weekdays_since


def sessions_since(day: date, as_of: date, mic: str = "", *, at_most: int = 0) -> int:
    """Return how many sessions come after `day`, up to and including `as_of`; 0 where `as_of` is not later.

    Args:
        day: the exchange's day.
        as_of: the day until which they are counted.
        mic: ISO 10383 code of the exchange; where it is not known, or the extra is not installed, every weekday counts.
        at_most: an age that no one minds: where not even the weekdays are more, they are the answer.

    >>> sessions_since(date(2024, 3, 28), date(2024, 4, 2)), sessions_since(date(2024, 3, 28), date(2024, 4, 2), "XLON")
    (3, 1)
    """
    days = weekdays_since(day, as_of)
    sessions = sessions_of(mic) if days > at_most else ()
    if not sessions or day < sessions[0] or as_of > sessions[-1]:
        return days
    return bisect_right(sessions, as_of) - bisect_right(sessions, day)


@cache
def sessions_of(mic: str) -> Sequence[date]:
    """Return the sessions of an exchange of the last 20 years and the next; none where nobody knows them."""
    if not mic or find_spec("exchange_calendars") is None:
        return ()
    calendars = import_module("exchange_calendars")
    if mic not in calendars.get_calendar_names():
        return ()
    with catch_warnings():
        simplefilter("ignore")  # what pandas says to its callers is no news to ours
        found: list[date] = calendars.get_calendar(mic).sessions.date.tolist()
    return tuple(found)
