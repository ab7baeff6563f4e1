"""What is asked of others is kept for an hour, and asked no more often than twice a minute, whatever strangers do."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from steelyard.identity.remembered import Remembered
from steelyard.network.outbound import UnreachableError

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Source:
    """Answers with the number of the question; fails while it is down."""

    def __init__(self) -> None:
        """Noon, and nothing was asked."""
        self.now = NOON
        self.asked = 0
        self.is_down = False

    async def ask(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_down:
            raise UnreachableError("source.example", "the connection failed")
        return self.asked

    def after(self, **time: float) -> "Source":
        self.now = NOON + timedelta(**time)
        return self


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def remembered(source: Source) -> Remembered[int]:
    return Remembered(source.ask, lambda: source.now)


async def test_an_answer_is_kept_for_an_hour(source: Source, remembered: Remembered[int]) -> None:
    assert [await remembered.get(), await remembered.get()] == [1, 1]
    source.after(hours=1, microseconds=-1)
    assert await remembered.get() == 1
    source.after(hours=1)
    assert [await remembered.get(), await remembered.get()] == [2, 2]


async def test_a_newer_one_is_had_twice_a_minute_at_most(source: Source, remembered: Remembered[int]) -> None:
    assert await remembered.get() == 1
    source.after(seconds=29)
    assert await remembered.get_newer() == 1
    source.after(seconds=30)
    assert [await remembered.get_newer(), await remembered.get_newer(), await remembered.get()] == [2, 2, 2]


async def test_who_asks_first_for_a_newer_one_gets_one(remembered: Remembered[int]) -> None:
    assert await remembered.get_newer() == 1


async def test_a_failure_is_kept_for_half_a_minute(source: Source, remembered: Remembered[int]) -> None:
    source.is_down = True
    for _ in range(3):
        with pytest.raises(UnreachableError):
            await remembered.get()
    assert source.asked == 1

    source.is_down = False
    with pytest.raises(UnreachableError):
        await remembered.get()
    source.after(seconds=30)
    assert await remembered.get() == 2


async def test_one_question_at_a_time(source: Source, remembered: Remembered[int]) -> None:
    assert await asyncio.gather(*[remembered.get() for _ in range(10)]) == [1] * 10
    assert source.asked == 1


async def test_who_gives_up_waiting_ends_no_question(source: Source) -> None:
    may_answer = asyncio.Event()

    async def ask_slowly() -> int:
        answer = await source.ask()
        await may_answer.wait()
        return answer

    remembered = Remembered(ask_slowly, lambda: source.now)
    for _ in range(5):
        waiting = asyncio.create_task(remembered.get())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    may_answer.set()
    assert await remembered.get() == 1
    assert source.asked == 1


async def test_a_bug_is_nobodys_answer(source: Source) -> None:
    async def fail_once() -> int:
        if await source.ask() == 1:
            raise ZeroDivisionError
        return source.asked

    remembered = Remembered(fail_once, lambda: source.now)
    with pytest.raises(ZeroDivisionError):
        await remembered.get()
    assert await remembered.get() == 2


async def test_a_clock_that_was_set_back_makes_nothing_last_for_ever(
    source: Source, remembered: Remembered[int]
) -> None:
    await remembered.get()
    source.after(days=-1)

    assert await remembered.get() == 2
