"""The search compiled: the very functions of `best_trades`, over arrays of 64 bits instead of lists.

numba (the extra `[book]`) compiles `best_trades.best_trades` and all it calls, and keeps the result on disk, so that a
machine compiles once. The answers are those of plain Python bit by bit, nodes included. A problem whose numbers could
outgrow 64 bits is answered by plain Python.

`compiled()` gives the compiled functions for callers that are compiled themselves (`book`):

    best_trades(cells, account, at, node_limit) -> (gap, bound, nodes, prices)

with `cells` an int64 array laid out as `cells` says, `account` an `Account` (`far` = `cells.FAR`, `highest` = what
`highest_price` gives, not 0) and `at` the `Sections` of the array, which may be made once for the largest account: only
the assets up to `account.assets_end` count, and the pieces they name. Afterwards the cell `ANSWER` of each asset holds
the steps to trade. Root bound + gap is their objective, no answer is below root bound + bound, and they are proven best
where bound >= gap. No memory is allocated and the interpreter is not held: threads may run it at once, each with cells
of its own.
"""

import hashlib
from functools import cache
from pathlib import Path
from threading import Thread
from types import FunctionType
from typing import Any

import numpy as np

from steelyard.rebalancing import best_trades, cells, incumbent, relaxation, states, tree
from steelyard.rebalancing.cells import ANSWER, ASSET, Account, Cells, Sections
from steelyard.rebalancing.problem import Norm, Problem, Solution
from steelyard.rebalancing.search import NODE_LIMIT, STATE_LIMIT, Found, Trades, solve_with

SOURCES = (cells, relaxation, incumbent, tree, states, best_trades)
ENTRY = "best_trades"


def solve(problem: Problem, *, node_limit: int = NODE_LIMIT, state_limit: int = STATE_LIMIT) -> Solution:
    """Find the best trades of a problem, as `search.solve` does, compiled.

    Raises:
        ModuleNotFoundError: numba, the extra `[book]`, is not installed.
    """
    return solve_with(_run, problem, node_limit, state_limit)


def _run(given: Cells, account: Account, at: Sections, node_limit: int) -> tuple[Found, Trades]:
    array = np.zeros(at.end, np.int64)
    array[: len(given)] = given
    found: Found = compiled()[ENTRY](array, account, at, node_limit)
    return found, tuple(array[ANSWER : account.assets_end : ASSET].tolist())


def compile_in_background() -> Thread:
    """Compile, or load what was compiled before, while something else runs; return the thread that does."""
    nothing = Problem(Norm.L2, (), cash=0, cash_floor=0)
    thread = Thread(target=solve, args=(nothing,), name="compile-rebalancing", daemon=True)
    thread.start()
    return thread


@cache
def compiled() -> dict[str, Any]:
    """Give every function the search is made of, compiled, by name.

    Raises:
        ModuleNotFoundError: numba, the extra `[book]`, is not installed.
    """
    import numba  # noqa: PLC0415 - takes most of a second, and small accounts do without

    # error_model: no division here has a divisor of 0, which is not checked then.
    entry = numba.njit(cache=True, nogil=True, error_model="numpy")
    inside: dict[str, Any] = {
        "no_cpython_wrapper": True,
        "no_cfunc_wrapper": True,
    }  # Python calls the entry alone
    found: dict[str, Any] = {}
    for module in SOURCES:
        world = {**vars(module), **found}
        for name, function in vars(module).items():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                copy = FunctionType(function.__code__, world, name, function.__defaults__)
                copy.__qualname__, copy.__module__ = f"{name}_{_digest()}", __name__
                jit = entry if name == ENTRY else numba.njit(nogil=True, error_model="numpy", **inside)
                world[name] = found[name] = jit(copy)
    return found


@cache
def _digest() -> str:
    """Name what was compiled by all its sources: numba's cache looks at the file of a function alone."""
    text = b"".join(Path(str(module.__file__)).read_bytes() for module in SOURCES)
    return hashlib.sha256(text).hexdigest()[:16]
