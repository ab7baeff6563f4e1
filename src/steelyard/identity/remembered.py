"""A value from elsewhere: asked for once, kept for a while, and asked for anew no more often than agreed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar, cast

from steelyard.errors import SteelyardError
from steelyard.identity import Clock

T = TypeVar("T")
KEPT: Final = timedelta(hours=1)
PAUSE: Final = timedelta(seconds=30)
"""Between two requests for the same, whether the first succeeded or not: strangers can make us ask."""


class Remembered(Generic[T]):
    """A value from elsewhere, and when it came. One question is under way at a time, whoever waits or gives up."""

    def __init__(self, ask: Callable[[], Awaitable[T]], clock: Clock) -> None:
        """Ask nothing yet."""
        self._ask = ask
        self._clock = clock
        self._asking: asyncio.Task[None] | None = None
        self._answer: T | SteelyardError | None = None
        self._answered_at: datetime | None = None

    async def get(self) -> T:
        """Give what is kept, or ask; raises what asking raises, and again within the pause."""
        return await self._not_older_than(PAUSE if isinstance(self._answer, SteelyardError) else KEPT)

    async def get_newer(self) -> T:
        """As `get`, for who finds that what is kept does not do: asks unless that was done within the pause."""
        return await self._not_older_than(PAUSE)

    async def _not_older_than(self, age: timedelta) -> T:
        if self._asking is None and self._is_older_than(age):
            self._asking = asyncio.create_task(self._renew())
        if self._asking:
            await asyncio.shield(self._asking)
        if isinstance(self._answer, SteelyardError):
            raise self._answer.with_traceback(None)
        return cast("T", self._answer)  # never None: there was an answer, or it was waited for

    def _is_older_than(self, age: timedelta) -> bool:
        return self._answered_at is None or not timedelta(0) <= self._clock() - self._answered_at < age

    async def _renew(self) -> None:
        try:
            self._answer = await self._ask()
        except SteelyardError as error:
            self._answer = error
        finally:
            self._asking = None
        self._answered_at = self._clock()
