"""A value from elsewhere: asked for once, kept for a while, and asked for anew no more often than agreed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar, cast

from steelyard.errors import SteelyardError

T = TypeVar("T")
Clock = Callable[[], datetime]
"""Gives the time, with its time zone."""

KEPT: Final = timedelta(hours=1)
PAUSE: Final = timedelta(seconds=30)
"""Between two requests for the same, whether the first succeeded or not: strangers can make us ask."""


class Remembered(Generic[T]):
    """A value from elsewhere, and when it was asked for. One request is under way at a time."""

    def __init__(self, ask: Callable[[], Awaitable[T]], clock: Clock) -> None:
        """Ask nothing yet."""
        self._ask = ask
        self._clock = clock
        self._lock = asyncio.Lock()
        self._answer: T | SteelyardError | None = None
        self._asked_at: datetime | None = None

    async def get(self) -> T:
        """Give what is kept, or ask; raises what asking raises, and again within the pause."""
        async with self._lock:
            failed = self._answer is None or isinstance(self._answer, SteelyardError)
            if self._is_older_than(PAUSE if failed else KEPT):
                await self._renew()
            return self._give()

    async def get_newer(self) -> T:
        """As `get`, for who finds that what is kept does not do: asks unless that was done within the pause."""
        async with self._lock:
            if self._is_older_than(PAUSE):
                await self._renew()
            return self._give()

    def _is_older_than(self, age: timedelta) -> bool:
        return self._asked_at is None or not timedelta(0) <= self._clock() - self._asked_at < age

    async def _renew(self) -> None:
        self._asked_at = self._clock()
        try:
            self._answer = await self._ask()
        except SteelyardError as error:
            self._answer = error

    def _give(self) -> T:
        if isinstance(self._answer, SteelyardError):
            raise self._answer.with_traceback(None)
        return cast("T", self._answer)  # never None: whoever gives has asked
