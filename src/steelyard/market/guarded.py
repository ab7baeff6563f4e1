"""How a source is asked: so often, so long, again with jitter where that may help, and not at all while it is down."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

import stamina
from aiolimiter import AsyncLimiter
from stamina.instrumentation import set_on_retry_hooks

from steelyard.market.breaker import Breaker, Circuit
from steelyard.market.port import (
    AssetKey,
    BarPage,
    PriceSource,
    Quote,
    SourceBusyError,
    SourceDownError,
    Told,
)

T = TypeVar("T")

set_on_retry_hooks(())  # by default it prints each retry to the standard output, in the middle of our answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """How a source is asked.

    Attributes:
        requests, period_seconds: at most so many requests in so many seconds.
        attempts: how often a request is made until it is given up.
        wait_seconds, most_wait_seconds: before the second attempt and before any; each next waits twice as long.
        jitter_seconds: up to so much longer, by chance.
        total_seconds: for a request, its waiting and its other attempts included.
        cache_seconds: how long a price is given out again.
        faults_to_open, open_seconds: failures in a row after which the source is left alone, and for how long.
    """

    requests: int
    period_seconds: float = 60.0
    attempts: int = 3
    wait_seconds: float = 0.1
    most_wait_seconds: float = 2.0
    jitter_seconds: float = 0.2
    total_seconds: float = 8.0
    cache_seconds: float = 5.0
    faults_to_open: int = 5
    open_seconds: float = 30.0


class Guard:
    """Asks one source; one for a process and an event loop."""

    def __init__(self, name: str, care: Care, *, clock: Callable[[], float]) -> None:
        """Ask nothing yet.

        Args:
            name: the source, for the sentences.
            care: how it is asked.
            clock: seconds that never go back.
        """
        self._name, self._care, self._clock = name, care, clock
        self._limiter = AsyncLimiter(care.requests, care.period_seconds)
        self._breaker = Breaker(care.faults_to_open, care.open_seconds)

    @property
    def circuit(self) -> Circuit:
        """Whether the source is asked now."""
        return self._breaker.circuit(self._clock())

    async def call(self, request: Callable[[], Awaitable[T]]) -> T:
        """Make a request, and again where it fails for a passing reason.

        Raises:
            SourceDownError: no answer in the time there is, or the source is left alone just now.
            SourceRefusedError: it refuses; that is no failure of the source, and not tried again.
        """
        turn = _Turn()
        try:
            async with asyncio.timeout(self._care.total_seconds):
                return await self._tried(request, turn)
        except TimeoutError as error:
            if turn.is_waited_for:  # that is our own doing, and no failure of the source
                raise SourceBusyError(self._name, None) from error
            self._breaker.fail(self._clock())
            raise SourceDownError(
                self._name, f"it took more than {self._care.total_seconds:g} seconds"
            ) from error

    async def _tried(self, request: Callable[[], Awaitable[T]], turn: "_Turn") -> T:
        care = self._care
        attempts = stamina.retry_context(
            on=self._pause,
            attempts=care.attempts,
            timeout=None,
            wait_initial=care.wait_seconds,
            wait_max=care.most_wait_seconds,
            wait_jitter=care.jitter_seconds,
        )
        async for attempt in attempts:
            with attempt:
                return await self._once(request, turn)
        raise AssertionError  # the last attempt returns or raises

    async def _once(self, request: Callable[[], Awaitable[T]], turn: "_Turn") -> T:
        if not self._breaker.may_pass(self._clock()):
            raise LeftAloneError(self._name)
        turn.is_waited_for = True
        await self._limiter.acquire()
        turn.is_waited_for = False
        try:
            answer = await request()
        except SourceDownError as error:
            if error.is_temporary:
                self._breaker.fail(self._clock())
            else:
                self._breaker.succeed()
            raise
        self._breaker.succeed()
        return answer

    def _pause(self, error: Exception) -> bool | float:
        """Say whether, or after how many seconds, it is worth another attempt."""
        if isinstance(error, SourceBusyError) and error.seconds is not None:
            return error.seconds if error.seconds < self._care.total_seconds else False
        return (
            isinstance(error, SourceDownError)
            and error.is_temporary
            and not isinstance(error, LeftAloneError)
        )


class LeftAloneError(SourceDownError):
    """A source failed so often that it is not asked for a while."""

    def __init__(self, source: str) -> None:
        """Name it."""
        super().__init__(source, "it failed again and again, and is left alone for a while")


@dataclass(slots=True)
class _Turn:
    """Whether a request waits for the rate limit to let it through."""

    is_waited_for: bool = False


@dataclass(slots=True)
class CachedSource:
    """A source whose prices are given out again for some seconds.

    Attributes:
        source: it.
        seconds: for how long.
        clock: seconds that never go back.
    """

    source: PriceSource
    seconds: float
    clock: Callable[[], float]
    _kept: dict[str, tuple[float, Quote]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the source is called."""
        return self.source.name

    async def get_quotes(self, assets: Sequence[AssetKey]) -> Mapping[str, Told]:
        """Return what is kept, and ask for the rest."""
        now = self.clock()
        self._kept = {asset: kept for asset, kept in self._kept.items() if now - kept[0] < self.seconds}
        fresh = await self._ask([asset for asset in assets if asset.asset_id not in self._kept], now)
        kept = {
            asset.asset_id: self._kept[asset.asset_id][1] for asset in assets if asset.asset_id in self._kept
        }
        return {**kept, **fresh}

    async def _ask(self, assets: Sequence[AssetKey], now: float) -> Mapping[str, Told]:
        found = await self.source.get_quotes(assets) if assets else {}
        self._kept |= {asset: (now, told) for asset, told in found.items() if isinstance(told, Quote)}
        return found

    async def get_bars(self, asset: AssetKey, first: date, last: date, page: str = "") -> BarPage:
        """Ask the source; sessions that are over are asked for once."""
        return await self.source.get_bars(asset, first, last, page)

    async def close(self) -> None:
        """Close the source."""
        await self.source.close()
