"""The age of prices in sessions: by the exchange's calendar where it is known, stricter where it is not."""

import sys
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from steelyard.domain.portfolio import weekdays_since
from steelyard.market.calendar import sessions_since

EASTER = (date(2024, 3, 28), date(2024, 4, 2))
"""Maundy Thursday, and the Tuesday after: London has no session between them, New York one."""


@pytest.mark.parametrize(("mic", "sessions"), [("XLON", 1), ("XNYS", 2), ("XTKS", 3), ("", 3), ("XXXX", 3)])
def test_holidays_are_no_sessions(mic: str, sessions: int) -> None:
    assert sessions_since(*EASTER, mic) == sessions


def test_an_age_that_no_one_minds_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def sessions(mic: str) -> Sequence[date]:
        asked.append(mic)
        return ()

    monkeypatch.setattr("steelyard.market.calendar.sessions_of", sessions)

    assert sessions_since(*EASTER, "XLON", at_most=3) == 3
    assert asked == []
    assert sessions_since(*EASTER, "XLON", at_most=2) == 3
    assert asked == ["XLON"]


def test_without_the_calendars_every_weekday_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)  # as if the extra were not installed

    assert (
        sessions_since(*EASTER, "XDUB") == weekdays_since(*EASTER) == 3
    )  # an exchange no other test asks about


@pytest.mark.parametrize("mic", ["XNYS", "XLON", "XETR", "XTKS", "XHKG", "XASX"])
def test_weekdays_are_the_stricter_count(mic: str) -> None:
    days = [date(2022, 1, 3) + timedelta(number) for number in range(365)]

    for day in days[::7]:
        for later in range(15):
            assert sessions_since(day, day + timedelta(later), mic) <= weekdays_since(
                day, day + timedelta(later)
            )


def test_days_before_the_calendar_begins_are_weekdays() -> None:
    assert sessions_since(date(1990, 1, 1), date(1990, 1, 31), "XNYS") == 22
