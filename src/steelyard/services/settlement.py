"""When what is executed is traded and settled: the days of an asset's exchange."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

from steelyard.domain.calendar import TIME_ZONES, settlement_cycle, settlement_date, time_zone, weekdays
from steelyard.market.calendar import sessions_of

_AHEAD: Final = timedelta(days=31)  # no exchange is closed so long


def days_at(exchange: str | None) -> Callable[[datetime], tuple[date, date]]:
    """Return what tells trade date and settlement date of a moment at an exchange.

    Args:
        exchange: its MIC; None, or one that is not known: the day is that of UTC. Where its calendar is not known, or
            the extra `market` is not installed, every weekday counts as a session. The first time takes a second.

    >>> days_at(None)(datetime(2026, 11, 20, 23, tzinfo=UTC))
    (datetime.date(2026, 11, 20), datetime.date(2026, 11, 24))
    """
    mic = exchange or ""
    return partial(_days, mic, sessions_of(mic))


def _days(mic: str, sessions: Sequence[date], moment: datetime) -> tuple[date, date]:
    day = moment.astimezone(time_zone(mic) if mic in TIME_ZONES else UTC).date()
    last = day + _AHEAD
    if sessions and sessions[0] <= day and last <= sessions[-1]:
        ahead = sessions[bisect_left(sessions, day) :]
    else:
        ahead = list(weekdays(day, last))
    return day, settlement_date(day, ahead, days=settlement_cycle(mic, day))
