"""When what is executed is traded and settled: the days of an asset's exchange."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

from steelyard.domain.calendar import TIME_ZONES, settlement_cycle, settlement_date, time_zone, weekdays

_AHEAD: Final = timedelta(days=31)  # no exchange is closed so long


def days_at(exchange: str | None) -> Callable[[datetime], tuple[date, date]]:
    """Return what tells trade date and settlement date of a moment at an exchange.

    Args:
        exchange: its MIC; None, or one that is not known: the day is that of UTC.

    >>> days_at("XTKS")(datetime(2024, 3, 14, 23, tzinfo=UTC))  # Friday morning in Tokyo
    (datetime.date(2024, 3, 15), datetime.date(2024, 3, 19))
    """
    return partial(_days, exchange or "")


def _days(mic: str, moment: datetime) -> tuple[date, date]:
    day = moment.astimezone(time_zone(mic) if mic in TIME_ZONES else UTC).date()
    sessions = list(weekdays(day, day + _AHEAD))
    return day, settlement_date(day, sessions, days=settlement_cycle(mic, day))
