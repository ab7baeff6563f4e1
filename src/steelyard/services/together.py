"""Questions of many, asked together: one look-up answers everybody who asked before it began.

Who asks while a look-up is under way is answered by the next one, so that no answer is older than its question. The
busier it gets, the more share a look-up, and the less each costs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)
Found = TypeVar("Found")


@dataclass(slots=True)
class _Batch(Generic[Question, Found]):
    """Questions that are asked together, and the look-up that answers them."""

    questions: dict[Question, None] = field(default_factory=dict)
    look_up: "asyncio.Task[Mapping[Question, Found]] | None" = None


class Together(Generic[Question, Found]):
    """Look-ups of one kind, one after the other, in one event loop."""

    def __init__(
        self, look_up: Callable[[Sequence[Question]], Awaitable[Mapping[Question, Found]]], *, most: int
    ) -> None:
        """Begin with nobody asking.

        Args:
            look_up: answers some questions, each once; what it leaves out has no answer. It says itself for whom it
                works: whoever happens to ask first is not the one.
            most: how many questions a look-up has at most.
        """
        self._look_up, self._most = look_up, most
        self._gathering: _Batch[Question, Found] | None = None
        self._last: asyncio.Task[Mapping[Question, Found]] | None = None

    async def ask(self, question: Question) -> Found | None:
        """Return the answer of a look-up that begins after this call; None = there is none.

        Raises:
            BaseException: what the look-up raises, to all who share it.
        """
        look_up = self._join(question)
        return (await asyncio.shield(look_up)).get(question)  # who gives up takes it from nobody else

    def _join(self, question: Question) -> "asyncio.Task[Mapping[Question, Found]]":
        batch = self._gathering
        if batch is None or batch.look_up is None or len(batch.questions) >= self._most:
            batch = self._gathering = _Batch()
            batch.look_up = self._last = asyncio.create_task(self._answer(batch, self._last))
            batch.look_up.add_done_callback(_heed)
        batch.questions[question] = None
        return batch.look_up

    async def _answer(
        self, batch: _Batch[Question, Found], before: "asyncio.Task[Mapping[Question, Found]] | None"
    ) -> Mapping[Question, Found]:
        if before is not None and not before.done():
            await asyncio.wait([before])
        if self._gathering is batch:
            self._gathering = None
        return await self._look_up(list(batch.questions))


def _heed(look_up: "asyncio.Task[Mapping[Question, Found]]") -> None:
    """Look at how a look-up ended, where nobody waits for it any more."""
    if not look_up.cancelled():
        look_up.exception()
