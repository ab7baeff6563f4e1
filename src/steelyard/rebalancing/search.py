"""The best trades of a problem, with the proof that none are better, in plain Python."""

from collections.abc import Callable
from typing import Final, TypeAlias

from steelyard.errors import InvalidInputError
from steelyard.rebalancing.best_trades import QUICK, best_trades, furthest_of
from steelyard.rebalancing.cells import ANSWER, ASSET, WIDE, Account, Cells, Sections
from steelyard.rebalancing.certificate import objective_of
from steelyard.rebalancing.layout import flatten, sections_of
from steelyard.rebalancing.problem import Problem, Solution, Status
from steelyard.rebalancing.relaxation import Prices

NODE_LIMIT: Final = 20_000
STATE_LIMIT: Final = 10_000
WIDEST_PRICE: Final = 1 << 150

Found: TypeAlias = tuple[int, int, int, Prices]
"""Gap, bound, nodes and prices, as `best_trades` gives them."""

Trades: TypeAlias = tuple[int, ...]
Run: TypeAlias = Callable[[Cells, Account, Sections, int], tuple[Found, Trades]]
"""`best_trades` over cells that have no room yet but for assets and pieces."""


class UndecidedError(InvalidInputError):
    """Neither an answer nor the proof that there is none was found within the limits."""

    def __init__(self, nodes: int) -> None:
        """Say how far the search went, answers in part."""
        super().__init__(
            f"No trades that keep both cash and gains within their limits were found in {nodes:,} steps, and none are "
            "ruled out: loosen the gain limit or the cash floor, or search longer"
        )


def solve(problem: Problem, *, node_limit: int = NODE_LIMIT, state_limit: int = STATE_LIMIT) -> Solution:
    """Find the best trades of a problem.

    Args:
        problem: one account.
        node_limit: how many answers in part the tree may look at.
        state_limit: how many the search in breadth may hold.

    Returns:
        The best trades; `Status.WITHIN_GAP` and the best bound proven where the limits were too low to show that they
        are. Infeasible is proven.
    """
    return solve_with(_run, problem, node_limit, state_limit)


def _run(cells: Cells, account: Account, at: Sections, node_limit: int) -> tuple[Found, Trades]:
    room = cells + [0] * (at.end - len(cells))
    found = best_trades(room, account, at, node_limit)
    return found, tuple(room[ANSWER : account.assets_end : ASSET])


def solve_with(run: Run, problem: Problem, node_limit: int, state_limit: int) -> Solution:
    """Solve a problem by `run`, or in plain Python where its numbers outgrow 64 bits."""
    flat = flatten(problem)
    if flat is None:
        return infeasible(problem, 0)
    cells, account = flat
    if account.highest > 0:
        found, trades = _search(run, cells, account, node_limit, state_limit)
        if not is_cramped(account, found):
            return solution_of(problem, account, found, trades)
    account = account._replace(far=WIDE, highest=WIDEST_PRICE)
    found, trades = _search(_run, cells, account, node_limit, state_limit)
    return solution_of(problem, account, found, trades)


def _search(
    run: Run, cells: Cells, account: Account, node_limit: int, state_limit: int
) -> tuple[Found, Trades]:
    """Search without room for states first: to make it takes longer than most searches."""
    quick = node_limit if state_limit == 0 else min(node_limit, QUICK)
    found, trades = run(cells, account, sections_of(cells, account, 0), quick)
    gap, bound, nodes, _ = found
    if state_limit == 0 or (bound >= gap and nodes < quick):  # else another, equally good, may come first
        return found, trades
    found, trades = run(cells, account, sections_of(cells, account, state_limit), node_limit)
    return (*found[:2], nodes + found[2], found[3]), trades


def is_cramped(account: Account, found: Found) -> bool:
    """Whether a search might have found more, had its numbers more room."""
    gap, bound, _, prices = found
    is_cut_short = bound < gap and bound > furthest_of(account)
    return gap == account.far or is_cut_short or max(abs(prices.cash), prices.gain) >= account.highest


def solution_of(problem: Problem, account: Account, found: Found, trades: Trades) -> Solution:
    """Put what a search found into words.

    Raises:
        UndecidedError: it found neither an answer nor that there is none.
    """
    gap, bound, nodes = (int(number) for number in found[:3])
    prices = found[3]
    if gap == account.far:
        if bound < account.far:
            raise UndecidedError(nodes)
        return infeasible(problem, nodes)
    objective = objective_of(problem, trades)
    status = Status.OPTIMAL if bound >= gap else Status.WITHIN_GAP
    return Solution(status, trades, objective, objective - (gap - bound), nodes, *map(int, prices))


def infeasible(problem: Problem, nodes: int) -> Solution:
    """Give the answer of a problem that has none."""
    return Solution(Status.INFEASIBLE, (0,) * len(problem.assets), 0, 0, nodes)
