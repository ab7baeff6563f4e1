"""Tries are refused beyond the limit, and an address is counted as what one customer has."""

from datetime import UTC, datetime, timedelta

import pytest

from steelyard.identity.attempts import TooManyTriesError, Tries, TryLimit, check_tries, counted_address

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LIMIT = TryLimit(5, timedelta(minutes=15))


def test_five_tries_and_no_sixth() -> None:
    late = NOON + timedelta(minutes=15, microseconds=-1)

    check_tries(Tries(5, NOON), LIMIT, late)
    with pytest.raises(TooManyTriesError) as refused:
        check_tries(Tries(6, NOON), LIMIT, late)

    assert refused.value.wait == timedelta(microseconds=1)
    assert str(refused.value) == "Too many tries. Wait 1 minute, then try again."
    assert refused.value.is_temporary


def test_the_wait_is_said_in_whole_minutes() -> None:
    with pytest.raises(TooManyTriesError, match=r"Wait 15 minutes"):
        check_tries(Tries(6, NOON), LIMIT, NOON + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_is_counted_as_what_one_customer_has(address: str, counted: str) -> None:
    assert counted_address(address) == counted
