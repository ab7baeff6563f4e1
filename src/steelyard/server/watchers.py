"""Who watches at the moment: streams take a connection each for minutes, so there are only so many."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from steelyard.server.refusals import BusyError
from steelyard.server.wiring import Limits


class Watchers:
    """The streams that are open."""

    def __init__(self, limits: Limits) -> None:
        """Begin with none."""
        self._limits = limits
        self._open: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How many streams are open."""
        return self._open.total()

    def check(self, name: str) -> None:
        """See that somebody may watch one thing more.

        Raises:
            BusyError: they, or all together, watch as much as they may.
        """
        if self._open[name] >= self._limits.principal_streams or self.total >= self._limits.streams:
            raise BusyError

    @contextmanager
    def one_more(self, name: str) -> Iterator[None]:
        """Count a stream of somebody for as long as the block lasts."""
        self._open[name] += 1
        try:
            yield
        finally:
            self._open[name] -= 1
            self._open = +self._open  # forgets who watches nothing
