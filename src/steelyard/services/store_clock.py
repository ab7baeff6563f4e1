"""The time by the store's clock: those who share a store agree about it, however their own clocks are set."""

from collections.abc import Callable
from datetime import datetime, timedelta

from steelyard.storage.connection import get_db_session
from steelyard.storage.health import tell_time


class StoreClock:
    """Goes on from what the store said last."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """Take what counts seconds meanwhile, from any beginning; `set` it before it is read."""
        self._seconds = seconds
        self._said: tuple[datetime, float] | None = None

    async def set(self) -> None:
        """Ask the store, half of whose answer's way is taken off."""
        began = self._seconds()
        async with get_db_session() as db:
            said = await tell_time(db)
        ended = self._seconds()
        self._said = said, (began + ended) / 2

    def __call__(self) -> datetime:
        """Tell the time.

        Raises:
            RuntimeError: it was never set.
        """
        if self._said is None:
            raise RuntimeError("a clock of the store is read before it was set")
        said, at = self._said
        return said + timedelta(seconds=self._seconds() - at)
