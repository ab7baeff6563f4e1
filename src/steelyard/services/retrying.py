"""Trying again what another transaction, a restart or a cut line undid.

Only what leaves nothing behind when it fails may be tried again: one transaction, from its first statement on.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeVar

from steelyard.errors import SteelyardError

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on before giving up.

    Attributes:
        attempts: how often something is tried where what is in the way is temporary, 1 or more.
        pause_seconds: about how long the pause before the second attempt is; each later one is twice as long.
        wait_seconds: how long to wait for another refresh to end, at least; 0 = the two seconds that finding out takes.

    >>> [Patience(pause_seconds=1.0).pause_after(attempt, chance=0.5) for attempt in (1, 2, 3, 4)]
    [1.0, 2.0, 4.0, 8.0]
    """

    attempts: int = 5
    pause_seconds: float = 1.0
    wait_seconds: float = 60.0

    def pause_after(self, attempt: int, *, chance: float) -> float:
        """Return the pause after an attempt, from half to one and a half of the plain one as `chance` goes from 0 to 1.

        Those whom one event threw out together thus don't all come back together.
        """
        return float(self.pause_seconds * 2 ** (attempt - 1) * (0.5 + chance))


PATIENT: Final = Patience()
"""Some fifteen seconds of pauses, which a restart of the server fits into, and a minute for another refresh."""


async def retried(
    work: Callable[[int], Awaitable[Result]],
    patience: Patience,
    *,
    chance: Callable[[], float] = random.random,
) -> Result:
    """Do `work`, and do it again where it ends in a temporary error.

    Args:
        work: takes the number of the attempt, from 1; must leave nothing behind when it fails.
        patience: how often, and how long the pauses are.
        chance: gives numbers from 0 to 1.

    Raises:
        SteelyardError: the last attempt's, or one that is not temporary.
    """
    for attempt in count(1):
        try:
            return await work(attempt)
        except SteelyardError as error:
            if not error.is_temporary or attempt >= patience.attempts:
                raise
            pause = patience.pause_after(attempt, chance=chance())
            facts = {"attempt": attempt, "error": type(error).__name__, "pause_seconds": round(pause, 3)}
            log.warning("attempt failed", extra={**facts, "reason": str(error)})
            await asyncio.sleep(pause)
    raise AssertionError("count() never ends")
