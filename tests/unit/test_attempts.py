"""Tries are counted in a period, refused at the limit, and allowed again when it is over."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from steelyard.identity.attempts import TooManyTriesError, Tries, TryLimit, count_try

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LIMIT = TryLimit(5, timedelta(minutes=15))


def test_five_tries_and_no_sixth() -> None:
    tries = None
    for minute in range(5):
        tries = count_try(tries, LIMIT, NOON + timedelta(minutes=minute))

    assert tries == Tries(5, NOON)
    with pytest.raises(TooManyTriesError) as refused:
        count_try(tries, LIMIT, NOON + timedelta(minutes=15, microseconds=-1))
    assert refused.value.wait == timedelta(microseconds=1)
    assert str(refused.value) == "Too many tries. Wait 1 minute, then try again."


def test_the_wait_ends_however_often_one_tries_meanwhile() -> None:
    over = NOON + LIMIT.period

    assert count_try(Tries(5, NOON), LIMIT, over) == Tries(1, over)


def test_ten_thousand_tries_make_few() -> None:
    """One a second for hours: five each quarter of an hour."""
    made, tries = [], None
    for second in range(10_000):
        with suppress(TooManyTriesError):
            tries = count_try(tries, LIMIT, NOON + timedelta(seconds=second))
            made.append(second)

    assert made == [quarter * 900 + second for quarter in range(12) for second in range(5)]
