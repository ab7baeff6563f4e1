"""How often one may try: per account and per address, counted before anything is computed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from steelyard.errors import NotPermittedError


class TooManyTriesError(NotPermittedError):
    """Too many tries failed of late."""

    is_temporary = True

    def __init__(self, wait: timedelta) -> None:
        """Say how long to wait; not which of account and address it is, nor whether there is such an account."""
        minutes = -(-wait // timedelta(minutes=1))
        super().__init__(
            f"Too many tries. Wait {minutes} {'minute' if minutes == 1 else 'minutes'}, then try again."
        )
        self.wait = wait


@dataclass(frozen=True, slots=True)
class TryLimit:
    """How many tries may fail in how long."""

    tries: int
    period: timedelta


PASSWORD_PERIOD: Final = timedelta(minutes=15)
OF_AN_ACCOUNT: Final = TryLimit(10, PASSWORD_PERIOD)
OF_AN_ADDRESS: Final = TryLimit(100, PASSWORD_PERIOD)
"""An office of many people has one address."""

OF_CODES: Final = TryLimit(20, timedelta(hours=1))
"""Codes of one account, whichever sign-in they belong to: 480 of a million a day, by who knows the password."""

OF_A_SIGN_IN: Final = 5
"""Codes of one sign-in."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries that failed, or are under way, since the period began.

    Attributes:
        count: how many, the present one included.
        since: when the first was.
    """

    count: int
    since: datetime


def check_tries(tries: Tries, limit: TryLimit, now: datetime) -> None:
    """Return where a try that was counted may be made.

    Whoever calls it counts in a transaction that this error undoes: a refused try is not kept, so that the wait ends.
    Counted first and tried then, many at once do not slip by; who succeeds takes back what was counted.

    Args:
        tries: of one account or address, the present try included.
        limit: what is allowed.
        now: the time, with its zone.

    Raises:
        TooManyTriesError: the limit was reached before.

    >>> from datetime import UTC
    >>> noon, limit = datetime(2026, 1, 2, 12, tzinfo=UTC), TryLimit(5, timedelta(minutes=15))
    >>> check_tries(Tries(5, noon), limit, noon + timedelta(minutes=1))
    >>> check_tries(Tries(6, noon), limit, noon + timedelta(minutes=1))
    Traceback (most recent call last):
    ...
    steelyard.identity.attempts.TooManyTriesError: Too many tries. Wait 14 minutes, then try again.
    """
    if tries.count > limit.tries:
        raise TooManyTriesError(tries.since + limit.period - now)


def counted_address(address: str) -> str:
    """Give what tries from an address are counted under: of IPv6 the network, which one customer has as a whole.

    >>> counted_address("192.0.2.7"), counted_address("2001:db8:1:2:3:4:5:6"), counted_address("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8:1:2::/64', '192.0.2.7')
    >>> counted_address("a unix socket")
    'a unix socket'
    """
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or ip_network((known, 64), strict=False))
    return str(known)
