"""The engine beside the event loop: working trades out may take seconds, and others need the loop meanwhile."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_threads: Final = ThreadPoolExecutor(2, thread_name_prefix="engine")
"""No more answers are worked out at once than this: more would not be quicker, for one interpreter runs them."""


async def run_beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what some work returns, done in a thread with the context of who asks; raises what it raises."""
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        _threads, lambda: context.run(work, *args, **kwargs)
    )
