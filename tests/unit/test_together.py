"""Questions of many that one look-up answers: none is answered by what was looked up before it was asked."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.services.together import Together


class Source:
    """Something that changes, and look-ups of it that take as long as a test lets them."""

    def __init__(self) -> None:
        self.value = 0
        self.asked: list[list[str]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def look_up(self, questions: Sequence[str]) -> dict[str, int]:
        self.asked.append(list(questions))
        seen = self.value
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return {one: seen for one in questions if one != "nobody"}


@pytest.fixture
async def source() -> Source:
    return Source()


async def test_many_who_ask_at_once_share_one_look_up(source: Source) -> None:
    together = Together(source.look_up, most=100)
    source.open.set()
    answers = await asyncio.gather(*(together.ask(name) for name in ("a", "b", "a", "nobody")))

    assert answers == [0, 0, 0, None]
    assert source.asked == [["a", "b", "nobody"]]


async def test_who_asks_while_one_looks_is_answered_by_the_next_look(source: Source) -> None:
    together = Together(source.look_up, most=100)
    first = asyncio.create_task(together.ask("a"))
    await asyncio.sleep(0.01)
    source.value = 1
    late = [asyncio.create_task(together.ask(name)) for name in ("a", "b")]
    await asyncio.sleep(0.01)
    assert source.asked == [["a"]]
    source.open.set()

    assert (await first, await late[0], await late[1]) == (0, 1, 1)
    assert source.asked == [["a"], ["a", "b"]]


async def test_a_look_up_has_so_many_questions_and_no_more(source: Source) -> None:
    together = Together(source.look_up, most=3)
    source.open.set()
    names = [f"{number}" for number in range(8)]
    await asyncio.gather(*(together.ask(name) for name in names))

    assert [len(asked) for asked in source.asked] == [3, 3, 2]
    assert [name for asked in source.asked for name in asked] == names


async def test_what_fails_is_told_to_all_who_share_it_and_to_nobody_later(source: Source) -> None:
    together = Together(source.look_up, most=100)
    source.error = ConnectionError("gone")
    source.open.set()
    ended = await asyncio.gather(together.ask("a"), together.ask("b"), return_exceptions=True)
    assert [type(one) for one in ended] == [ConnectionError] * 2
    source.error = None

    assert await together.ask("a") == 0


async def test_who_gives_up_takes_the_answer_from_nobody_else(source: Source) -> None:
    together = Together(source.look_up, most=100)
    impatient, patient = asyncio.create_task(together.ask("a")), asyncio.create_task(together.ask("a"))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    source.open.set()

    assert await patient == 0
    assert impatient.cancelled()


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), min_size=1, max_size=30))
def test_no_answer_is_older_than_its_question(asks: list[tuple[int, str]]) -> None:
    """However questions and look-ups fall: what was looked up was so at some moment after the question."""

    async def run() -> None:
        now = 0

        async def look_up(questions: Sequence[str]) -> dict[str, int]:
            seen = now
            await asyncio.sleep(0)
            return dict.fromkeys(questions, seen)

        async def ask(wait: int, name: str) -> None:
            nonlocal now
            for _ in range(wait):
                await asyncio.sleep(0)
            now += 1
            asked = now
            answer = await together.ask(name)
            assert answer is not None
            assert asked <= answer <= now

        together = Together(look_up, most=2)
        await asyncio.gather(*(ask(*one) for one in asks))

    asyncio.run(run())


async def test_a_look_up_works_for_nobody_who_asks() -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody")
    seen: list[str] = []

    async def look_up(questions: Sequence[str]) -> dict[str, int]:
        whose.set("the look-up's own")
        seen.append(whose.get())
        return dict.fromkeys(questions, 1)

    together = Together(look_up, most=10)
    whose.set("mine")
    await together.ask("a")

    assert (whose.get(), seen) == ("mine", ["the look-up's own"])
