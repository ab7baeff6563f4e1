"""What is asked of the store once for many accounts: the same question gets the same answer until the block ends.

Inside `remembering` a function marked `remembered` reads once for each set of arguments; outside it reads every time.
What many accounts need can be read at once and put there before, under the question that each of them asks.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

Session = TypeVar("Session", bound=AsyncSession)
Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

Reads = Callable[Concatenate[Session, Asked], Coroutine[Any, Any, Answer]]

_memory: Final[ContextVar[dict[Any, Any] | None]] = ContextVar("memory", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Let what is read in this block be read once; nobody changes an answer that he is given."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def remembered(read: Reads[Session, Asked, Answer]) -> Reads[Session, Asked, Answer]:
    """Mark a function that reads; its arguments after the session can be put in order or are keys themselves."""

    async def ask(db: Session, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        memory = _memory.get()
        if memory is None:
            return await read(db, *args, **kwargs)
        key = _key(ask, args, kwargs)
        if key not in memory:
            memory[key] = await read(db, *args, **kwargs)
        answer: Answer = memory[key]
        return answer

    update_wrapper(ask, read)
    return ask


def remember(read: Callable[..., Any], *args: Any, answer: Any) -> None:
    """Put the answer to a question there before it is asked; does nothing outside `remembering`."""
    memory = _memory.get()
    if memory is not None:
        memory[_key(read, args, {})] = answer


def _key(read: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return read, *map(_frozen, args), *((name, _frozen(value)) for name, value in sorted(kwargs.items()))


def _frozen(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list | set | dict) else value
