"""The exchange's day of a moment, near midnight, near the date line and where clocks change; settlement by sessions."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.calendar import (
    TIME_ZONES,
    FutureMomentError,
    NoOffsetError,
    SessionsEndError,
    UnknownExchangeError,
    exchange_day,
    offsets_at,
    settlement_date,
    time_zone,
    weekdays,
)

NOW = datetime(2024, 12, 31, 12, tzinfo=UTC)


def day_of(moment: str, mic: str) -> str:
    return str(exchange_day(datetime.fromisoformat(moment), mic, now=NOW))


@pytest.mark.parametrize(
    ("moment", "mic", "day"),
    [
        ("2024-03-12T01:30:00Z", "XNYS", "2024-03-11"),
        ("2024-03-12T01:30:00Z", "XTKS", "2024-03-12"),
        ("2024-03-11T20:30:00-04:00", "XTKS", "2024-03-12"),  # Monday evening in New York, Tuesday in Tokyo
        ("2024-03-12T08:00:00+09:00", "XNYS", "2024-03-11"),
        ("2024-03-12T00:30:00+13:00", "XNYS", "2024-03-11"),  # an hour after midnight in Auckland
        ("2024-03-11T23:59:59.999999-04:00", "XNYS", "2024-03-11"),
        ("2024-03-12T00:00:00-04:00", "XNYS", "2024-03-12"),
        ("2024-07-01T23:30:00Z", "XLON", "2024-07-02"),  # summer time
        ("2024-01-01T23:30:00Z", "XLON", "2024-01-01"),
        ("2024-01-01T18:29:59Z", "XNSE", "2024-01-01"),  # half an hour off
        ("2024-01-01T18:30:00Z", "XNSE", "2024-01-02"),
    ],
)
def test_a_moment_is_of_the_exchanges_day(moment: str, mic: str, day: str) -> None:
    assert day_of(moment, mic) == day


@pytest.mark.parametrize(
    ("wall", "mic", "says"),
    [
        ("2024-07-01T09:30:00", "XNYS", "write 2024-07-01T09:30:00-04:00."),
        ("2024-01-02T09:30:00", "XNYS", "write 2024-01-02T09:30:00-05:00."),
        ("2024-01-02T09:30:00", "XNSE", "write 2024-01-02T09:30:00+05:30."),
        ("2024-03-10T02:30:00", "XNYS", "never was: the clocks of XNYS skipped it"),
        ("2024-03-31T01:30:00", "XLON", "never was: the clocks of XLON skipped it"),
        ("2024-11-03T01:30:00", "XNYS", "write 2024-11-03T01:30:00-04:00 or 2024-11-03T01:30:00-05:00."),
        ("2024-10-06T02:15:00", "XASX", "never was"),  # spring is in October there
    ],
)
def test_a_moment_without_offset_is_refused_and_the_way_to_write_it_is_said(
    wall: str, mic: str, says: str
) -> None:
    with pytest.raises(NoOffsetError) as caught:
        day_of(wall, mic)
    assert says in str(caught.value)


def test_the_same_wall_time_twice_is_an_hour_apart_and_both_are_taken() -> None:
    first, second = (datetime.fromisoformat(f"2024-11-03T01:30:00-0{hours}:00") for hours in (4, 5))
    assert second - first == timedelta(hours=1)
    assert {exchange_day(moment, "XNYS", now=NOW) for moment in (first, second)} == {date(2024, 11, 3)}


@pytest.mark.parametrize(
    ("skew", "is_taken"), [(-10 * 60, True), (0, True), (5 * 60, True), (5 * 60 + 1, False), (10 * 60, False)]
)
def test_a_moment_may_be_five_minutes_ahead_of_our_clock(*, skew: int, is_taken: bool) -> None:
    moment = (NOW + timedelta(seconds=skew)).astimezone(timezone(timedelta(hours=9)))
    if is_taken:
        assert exchange_day(moment, "XNYS", now=NOW) == date(2024, 12, 31)
        return
    with pytest.raises(FutureMomentError, match=r"lies in the future \(it is 2024-12-31T12:00:00\+00:00\)"):
        exchange_day(moment, "XNYS", now=NOW)


def test_an_exchange_that_is_not_known_is_not_guessed() -> None:
    with pytest.raises(UnknownExchangeError, match="exchange 'NYSE' is no MIC known here"):
        day_of("2024-03-12T01:30:00Z", "NYSE")


def test_every_exchange_has_a_time_zone_that_exists() -> None:
    assert len(TIME_ZONES) > 100
    assert all(len(mic) == 4 and mic.isupper() for mic in TIME_ZONES)
    assert all(time_zone(mic).key == zone for mic, zone in TIME_ZONES.items())


def test_time_zones_are_there_on_a_machine_without_any() -> None:
    """The database comes with the package tzdata, which is looked up where the system's own is missing."""
    program = (
        "import zoneinfo; zoneinfo.reset_tzpath(to=[]);"
        "from steelyard.domain.calendar import TIME_ZONES, time_zone;"
        "print(len({time_zone(mic).key for mic in TIME_ZONES}))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(found.stdout) == len(set(TIME_ZONES.values()))


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2024, 12, 30)),  # noqa: DTZ001 -- wall time on purpose
    st.sampled_from(sorted(TIME_ZONES)),
)
def test_a_wall_time_with_one_of_its_offsets_is_of_its_own_day(wall: datetime, mic: str) -> None:
    for offset in offsets_at(wall, mic):
        assert exchange_day(wall.replace(tzinfo=timezone(offset)), mic, now=NOW) == wall.date()


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2024, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 -- the zone is added
    st.sampled_from(sorted(TIME_ZONES)),
)
def test_a_moment_is_read_back_from_the_wall_time_it_has_there(moment: datetime, mic: str) -> None:
    local = moment.astimezone(time_zone(mic))
    assert local.utcoffset() in offsets_at(local.replace(tzinfo=None), mic)


# ── Settlement ──────────────────────────────────────────────────────────────────────────────────────────

EASTER = {date(2024, 3, 29), date(2024, 4, 1)}
SESSIONS = [day for day in weekdays(date(2024, 3, 25), date(2024, 4, 5)) if day not in EASTER]


@pytest.mark.parametrize(
    ("traded", "days", "settles"),
    [
        (date(2024, 3, 26), 0, date(2024, 3, 26)),
        (date(2024, 3, 26), 1, date(2024, 3, 27)),
        (date(2024, 3, 28), 1, date(2024, 4, 2)),  # over Good Friday, a weekend and Easter Monday
        (date(2024, 3, 28), 2, date(2024, 4, 3)),
        (date(2024, 3, 30), 0, date(2024, 4, 2)),  # a Saturday: of the next session
        (date(2024, 3, 30), 2, date(2024, 4, 4)),
        (date(2024, 4, 5), 0, date(2024, 4, 5)),
    ],
)
def test_settlement_counts_sessions(traded: date, days: int, settles: date) -> None:
    assert settlement_date(traded, SESSIONS, days=days) == settles


def test_sessions_that_end_too_early_are_said() -> None:
    with pytest.raises(SessionsEndError, match=r"settlement of 2024-04-05 T\+1"):
        settlement_date(date(2024, 4, 5), SESSIONS, days=1)


def test_weekdays_leave_out_saturday_and_sunday() -> None:
    days = list(weekdays(date(2024, 1, 1), date(2024, 12, 31)))
    assert len(days) == 262
    assert {day.weekday() for day in days} == set(range(5))
    assert list(weekdays(date(2024, 3, 9), date(2024, 3, 10))) == []
    assert list(weekdays(date(2024, 3, 11), date(2024, 3, 8))) == []
