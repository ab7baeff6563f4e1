"""The search compiled: the very functions of `best_trades`, over arrays of 64 bits instead of lists.

numba (the extra `[book]`) compiles `best_trades.best_trades` and all it calls, and keeps the result on disk, so that a machine
compiles once. The answers are those of plain Python bit by bit, nodes included. A problem whose numbers could outgrow
64 bits is answered by plain Python.

`compiled_best_trades()` gives the compiled function for callers that are compiled themselves (`book`). Its arguments are
those of `best_trades.best_trades`:

    rows     `Rows` of int64 arrays: `value`, `price`, `low`, `high` by asset; `start` by asset, and one more; the rest
             by piece. Longer arrays than the account needs are fine: `account.assets` and `start` say what counts.
    account  `Account` of ints; `far` = `rows.FAR`, `highest` = what `highest_price` gives, not 0.
    tree     `Tree` of arrays, `room.tree_sizes(most assets)` long. After the call `tree.answer` holds k.
    states   `States` of arrays, all of one length; of length 1 there is no search in breadth.
    limit    nodes.

It returns (gap, bound, nodes, prices): the objective is root bound + gap, no answer is below root bound + bound, and it
is proven best where bound >= gap. Nothing else is read or written, no memory is allocated and the interpreter is not
held: threads may run it at once, each with rows and room of its own.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Thread, local
from types import FunctionType
from typing import Any

import numpy as np

from steelyard.rebalancing import best_trades, incumbent, relaxation, room, rows, states, tree
from steelyard.rebalancing.problem import Problem, Solution
from steelyard.rebalancing.room import States, Tree, tree_sizes
from steelyard.rebalancing.rows import Account, Rows
from steelyard.rebalancing.search import NODE_LIMIT, STATE_LIMIT, solve_with

SOURCES = (rows, relaxation, incumbent, tree, states, best_trades)


def solve(problem: Problem, *, node_limit: int = NODE_LIMIT, state_limit: int = STATE_LIMIT) -> Solution:
    """Find the best trades of a problem, as `search.solve` does, compiled.

    Raises:
        ModuleNotFoundError: numba, the extra `[book]`, is not installed.
    """
    return solve_with(compiled_best_trades(), arrays, problem, node_limit, state_limit)


def compile_in_background() -> Thread:
    """Compile, or load what was compiled before, while something else runs; return the thread that does."""
    thread = Thread(target=compiled, name="compile-rebalancing", daemon=True)
    thread.start()
    return thread


def compiled_best_trades() -> Callable[..., Any]:
    """Give the compiled `best_trades.best_trades`; see the top of this module for its arguments."""
    return compiled()["best_trades"]


@cache
def compiled() -> dict[str, Any]:
    """Give every function the search is made of, compiled, by name.

    Raises:
        ModuleNotFoundError: numba, the extra `[book]`, is not installed.
    """
    import numba  # noqa: PLC0415 - takes most of a second, and small accounts do without

    inner = numba.njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    found: dict[str, Any] = {}
    for module in SOURCES:
        world = {**vars(module), **found}
        for name, function in vars(module).items():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                copy = FunctionType(function.__code__, world, name, function.__defaults__)
                copy.__qualname__, copy.__module__ = f"{name}_{_digest()}", __name__
                world[name] = found[name] = (
                    numba.njit(cache=True, nogil=True, error_model="numpy")
                    if name == "best_trades"
                    else inner
                )(copy)
    return found


@cache
def _digest() -> str:
    """Name what was compiled by all its sources: numba's cache looks at the file of a function alone."""
    text = b"".join(Path(str(module.__file__)).read_bytes() for module in (*SOURCES, room))
    return hashlib.sha256(text).hexdigest()[:16]


# ── Room ────────────────────────────────────────────────────────────────────────────────────────────────────

_kept = local()


def arrays(columns: Rows, account: Account, state_limit: int) -> tuple[Rows, Tree, States]:
    """Make arrays of the rows, and room of arrays, kept for the next problem of the same size on this thread."""
    size = (account.assets, state_limit)
    if getattr(_kept, "size", None) != size:
        _kept.tree = Tree(*(np.zeros(length, np.int64) for length in tree_sizes(account.assets)))
        _kept.states = States(*(np.zeros(state_limit + 1, np.int64) for _ in States._fields))
        _kept.size = size
    return Rows(*(np.array(column, np.int64) for column in columns)), _kept.tree, _kept.states
