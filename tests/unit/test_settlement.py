"""Trade and settlement dates: the exchange's day, its own holidays, and the cycle in force that day."""

from datetime import UTC, date, datetime

import pytest

from steelyard.domain.calendar import settlement_cycle
from steelyard.services.settlement import days_at


@pytest.mark.parametrize(
    ("exchange", "moment", "traded", "settles"),
    [
        ("XNYS", "2026-11-25T18:00", "2026-11-25", "2026-11-27"),  # Thanksgiving is between
        ("XNYS", "2026-11-28T01:00", "2026-11-27", "2026-11-30"),  # still Friday in New York
        (
            "XNYS",
            "2024-05-24T18:00",
            "2024-05-24",
            "2024-05-29",
        ),  # the last day of two sessions, over Memorial Day
        ("XNYS", "2024-05-28T18:00", "2024-05-28", "2024-05-29"),
        ("XLON", "2024-03-28T12:00", "2024-03-28", "2024-04-03"),  # Good Friday and Easter Monday
        ("XTKS", "2024-03-14T23:00", "2024-03-15", "2024-03-19"),  # Friday morning in Tokyo
        (None, "2026-11-20T23:00", "2026-11-20", "2026-11-24"),
        ("NOWHERE", "2026-11-20T23:00", "2026-11-20", "2026-11-24"),
        ("XNYS", "2150-01-05T18:00", "2150-01-05", "2150-01-06"),  # later than any calendar knows
    ],
)
def test_a_trade_settles_by_its_exchange(
    exchange: str | None, moment: str, traded: str, settles: str
) -> None:
    days = days_at(exchange)(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert days == (date.fromisoformat(traded), date.fromisoformat(settles))


@pytest.mark.parametrize(
    ("mic", "day", "sessions"),
    [
        ("XNAS", "2024-05-27", 2),
        ("XNAS", "2024-05-28", 1),
        ("XTSE", "2024-05-27", 1),
        ("XTSE", "2024-05-24", 2),
        ("XNSE", "2023-01-27", 1),
        ("XSHG", "2020-01-06", 1),
        ("XETR", "2026-11-20", 2),
        ("NOWHERE", "2026-11-20", 2),
    ],
)
def test_the_cycle_is_the_one_in_force(mic: str, day: str, sessions: int) -> None:
    assert settlement_cycle(mic, date.fromisoformat(day)) == sessions
