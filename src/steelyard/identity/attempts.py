"""How often one may try: per user and per address, counted before anything is computed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.errors import NotPermittedError


class TooManyTriesError(NotPermittedError):
    """Too many tries failed of late."""

    is_temporary = True

    def __init__(self, wait: timedelta) -> None:
        """Say how long to wait; not which of user and address it is, nor whether there is such a user."""
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


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries that failed, or are under way, since the period began.

    Attributes:
        count: how many.
        since: when the first was.
    """

    count: int
    since: datetime


def count_try(before: Tries | None, limit: TryLimit, now: datetime) -> Tries:
    """Count a try, before it is made; who succeeds forgets what was counted.

    Args:
        before: what is kept of this user or address; None = nothing.
        limit: what is allowed.
        now: the time, with its zone.

    Returns:
        What to keep, in a transaction of its own: counted first and tried then, so that many at once do not slip by.

    Raises:
        TooManyTriesError: the limit is reached. A refused try is not counted, so that the wait ends.

    >>> from datetime import UTC
    >>> noon, limit = datetime(2026, 1, 2, 12, tzinfo=UTC), TryLimit(5, timedelta(minutes=15))
    >>> count_try(Tries(4, noon), limit, noon + timedelta(minutes=1)).count
    5
    >>> count_try(Tries(5, noon), limit, noon + timedelta(minutes=1))
    Traceback (most recent call last):
    ...
    steelyard.identity.attempts.TooManyTriesError: Too many tries. Wait 14 minutes, then try again.
    """
    if before is None or now >= before.since + limit.period:
        return Tries(1, now)
    if before.count >= limit.tries:
        raise TooManyTriesError(before.since + limit.period - now)
    return Tries(before.count + 1, before.since)
