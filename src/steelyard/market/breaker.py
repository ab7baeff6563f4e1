"""A circuit breaker: a source that failed again and again is left alone for a while, then tried once.

Pure: who asks says what time it is.
"""

from dataclasses import dataclass
from enum import StrEnum


class Circuit(StrEnum):
    """Whether a source is asked."""

    CLOSED = "closed"
    """It is."""
    OPEN = "open"
    """It is not: it failed too often just now."""
    TRIED = "tried"
    """One request is under way to see whether it is back."""


@dataclass(slots=True)
class Breaker:
    """Counts failures in a row.

    Attributes:
        faults_to_open: failures in a row after which the source is left alone.
        open_seconds: for how long.
        faults: failures in a row so far.
        opened_at: when it was last opened, or a request let through to try; None = it is closed.

    >>> breaker = Breaker(faults_to_open=2, open_seconds=30)
    >>> breaker.fail(0.0), breaker.may_pass(0.5), breaker.fail(1.0), breaker.may_pass(2.0)
    (None, True, None, False)
    >>> breaker.may_pass(31.0), breaker.may_pass(31.5)  # one is let through to try
    (True, False)
    >>> breaker.succeed(), breaker.may_pass(31.6)
    (None, True)
    """

    faults_to_open: int
    open_seconds: float
    faults: int = 0
    opened_at: float | None = None
    is_tried: bool = False

    def circuit(self, now: float) -> Circuit:
        """Return whether the source is asked now."""
        if self.opened_at is None:
            return Circuit.CLOSED
        return Circuit.TRIED if self.is_tried and self._is_fresh(now) else Circuit.OPEN

    def may_pass(self, now: float) -> bool:
        """Whether a request may be made; after a while of rest one is let through to try."""
        if self.opened_at is None:
            return True
        if self._is_fresh(now):
            return False
        self.opened_at, self.is_tried = now, True
        return True

    def succeed(self) -> None:
        """Take in that a request was answered."""
        self.faults, self.opened_at, self.is_tried = 0, None, False

    def fail(self, now: float) -> None:
        """Take in that a request was not."""
        self.faults += 1
        if self.is_tried or self.faults >= self.faults_to_open:
            self.opened_at, self.is_tried = now, False

    def _is_fresh(self, now: float) -> bool:
        return self.opened_at is not None and now - self.opened_at < self.open_seconds
