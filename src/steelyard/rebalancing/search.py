"""The best trades of a problem, with the proof that none are better, in plain Python."""

from collections.abc import Callable
from typing import Final, TypeAlias

from steelyard.errors import InvalidInputError
from steelyard.rebalancing.best_trades import best_trades, furthest_of
from steelyard.rebalancing.cells import ANSWER, ASSET, WIDE, Account, Cells, Sections
from steelyard.rebalancing.certificate import objective_of
from steelyard.rebalancing.layout import flatten
from steelyard.rebalancing.problem import Problem, Solution, Status
from steelyard.rebalancing.relaxation import Prices

NODE_LIMIT: Final = 20_000
STATE_LIMIT: Final = 50_000
WIDEST_PRICE: Final = 1 << 150

Found: TypeAlias = tuple[int, int, int, Prices]
"""Gap, bound, nodes and prices, as `best_trades` gives them."""


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
    return solve_with(best_trades, problem, node_limit, state_limit)


def solve_with(
    run: Callable[[Cells, Account, Sections, int], Found], problem: Problem, node_limit: int, state_limit: int
) -> Solution:
    """Solve a problem by `run`, or in plain Python where its numbers outgrow 64 bits."""
    flat = flatten(problem, state_limit)
    if flat is None:
        return infeasible(problem, 0)
    cells, at, account = flat
    if account.highest > 0:
        found = run(cells, account, at, node_limit)
        if not is_cramped(account, found):
            return solution_of(problem, account, found, cells)
    account = account._replace(far=WIDE, highest=WIDEST_PRICE)
    return solution_of(problem, account, best_trades(cells, account, at, node_limit), cells)


def is_cramped(account: Account, found: Found) -> bool:
    """Whether a search might have found more, had its numbers more room."""
    gap, bound, _, prices = found
    is_cut_short = bound < gap and bound > furthest_of(account)
    return gap == account.far or is_cut_short or max(abs(prices.cash), prices.gain) >= account.highest


def solution_of(problem: Problem, account: Account, found: Found, cells: Cells) -> Solution:
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
    trades = tuple(cells[asset + ANSWER] for asset in range(0, account.assets_end, ASSET))
    objective = objective_of(problem, trades)
    status = Status.OPTIMAL if bound >= gap else Status.WITHIN_GAP
    return Solution(status, trades, objective, objective - (gap - bound), nodes, *map(int, prices))


def infeasible(problem: Problem, nodes: int) -> Solution:
    """Give the answer of a problem that has none."""
    return Solution(Status.INFEASIBLE, (0,) * len(problem.assets), 0, 0, nodes)
