"""The search for a household's trades: where things should be, account by account in whole steps, then put right.

A linear programme says what each account should trade. Accounts are then solved exactly one after the other, each
given what the others do or should do, so that what rounding leaves in one is taken up by the next; and again, until no
account alone can do better. Several orders are tried. No answer is better than the bound, which is exact.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from typing import Final

from steelyard.rebalancing.household_bound import frame_of
from steelyard.rebalancing.household_problem import (
    Effect,
    HouseholdProblem,
    Trades,
    WashGroup,
    combined,
    effect_of,
    objective_of,
    problem_of_account,
    without_losses,
    without_purchases,
)
from steelyard.rebalancing.location import Located, locate
from steelyard.rebalancing.problem import Problem, Solution, Status
from steelyard.rebalancing.search import UndecidedError, solve

NODE_LIMIT: Final = 300
STATE_LIMIT: Final = 500
ORDERS: Final = 6

Solver = Callable[[Problem], Solution]
"""What solves one account."""


@dataclass(frozen=True, slots=True)
class HouseholdSolution:
    """An answer and what is known of it.

    Attributes:
        status: optimal only where objective and bound are the same number.
        trades: steps by account and asset; all 0 where infeasible.
        objective: exact.
        bound: no answer has a lower objective.
    """

    status: Status
    trades: Trades
    objective: int
    bound: int


def solve_account(problem: Problem) -> Solution:
    """Solve one account, to the limits that pay off where it is solved again and again."""
    return solve(problem, node_limit=NODE_LIMIT, state_limit=STATE_LIMIT)


def solve_household(problem: HouseholdProblem, solver: Solver = solve_account) -> HouseholdSolution:
    """Find good trades of a household, and a bound below all others.

    Args:
        problem: the household; every account and asset may stay untraded.
        solver: what solves one account.

    Returns:
        The trades; infeasible where not even mixes of trades keep the constraints.

    Raises:
        UndecidedError: there may be trades that keep the constraints, and none were found.
        HouseholdExtraMissingError: HiGHS is not installed.
    """
    frame = frame_of(problem)
    located = locate(frame)
    if located is None:
        return HouseholdSolution(Status.INFEASIBLE, _nothing(problem), 0, 0)
    chosen, start = _settle_washes(problem, located)
    answers = (_descend(chosen, start, order, solver) for order in _orders(chosen))
    found = [answer for answer in answers if answer is not None]
    if not found:
        raise UndecidedError(0)
    objective, trades = min(found)
    bound = frame.bound(located.prices)
    if len(problem.accounts) == 1 and not problem.groups:
        nothing = combined((), len(problem.low))
        bound = max(bound, solver(problem_of_account(problem, 0, nothing)).bound + problem.base_charge)
    status = Status.OPTIMAL if bound == objective else Status.WITHIN_GAP
    return HouseholdSolution(status, trades, objective, bound)


def _nothing(problem: HouseholdProblem) -> Trades:
    return ((0,) * len(problem.low),) * len(problem.accounts)


def _orders(problem: HouseholdProblem) -> Iterator[tuple[int, ...]]:
    """Give the orders in which accounts are solved, the smallest first: the largest can take up most."""
    sizes = [sum(account.values) + account.cash for account in problem.accounts]
    by_size = sorted(range(len(sizes)), key=sizes.__getitem__)
    return islice(permutations(by_size), ORDERS)


# ── Wash sales ──────────────────────────────────────────────────────────────────────────────────────────────


def _settle_washes(problem: HouseholdProblem, located: Located) -> tuple[HouseholdProblem, Located]:
    """Decide for each group whether it is bought or sold at a loss; where it would be both, what is better."""
    start = located
    for group in problem.groups:
        sells, buys = _is_sold_at_loss(problem, group, start), _is_bought(group, start)
        options = [] if sells and not buys else [without_losses(problem, group)]
        options += [without_purchases(problem, group)] if sells else []
        found = [(option, locate(frame_of(option)) if sells and buys else start) for option in options]
        solved = [(option, there) for option, there in found if there is not None]
        problem, start = min(solved, key=lambda pair: pair[1].objective, default=(options[0], start))
    return problem, start


def _is_sold_at_loss(problem: HouseholdProblem, group: WashGroup, located: Located) -> bool:
    return any(
        located.effects[place].traded[asset] < problem.accounts[place].prices[asset] * least
        for (place, asset), least in group.free_of_loss.items()
    )


def _is_bought(group: WashGroup, located: Located) -> bool:
    return any(effect.traded[asset] > 0 for effect in located.effects for asset in group.assets)


# ── Whole steps ─────────────────────────────────────────────────────────────────────────────────────────────


def _descend(
    problem: HouseholdProblem, located: Located, order: Sequence[int], solver: Solver
) -> tuple[int, Trades] | None:
    """Solve accounts in turn until none alone can do better; None where one had no answer."""
    effects: list[Effect] = list(located.effects)
    trades = list(_nothing(problem))
    for place in order:
        found = _resolve(problem, place, effects, solver)
        if found is None:
            return None
        trades[place], effects[place] = found
    best = objective_of(problem, tuple(trades))
    if best is None:
        return None
    at, unchanged = 0, 0
    while unchanged < len(order):
        place = order[at % len(order)]
        found = _resolve(problem, place, effects, solver)
        at, unchanged = at + 1, unchanged + 1
        if found is None:
            continue
        other = [*trades[:place], found[0], *trades[place + 1 :]]
        objective = objective_of(problem, tuple(other))
        if objective is not None and objective < best:
            best, trades, unchanged = objective, other, 0
            effects[place] = found[1]
    return best, tuple(trades)


def _resolve(
    problem: HouseholdProblem, place: int, effects: Sequence[Effect], solver: Solver
) -> tuple[tuple[int, ...], Effect] | None:
    """Solve one account, the others as they are; None where nothing was found."""
    others = combined([*effects[:place], *effects[place + 1 :]], len(problem.low))
    try:
        solution = solver(problem_of_account(problem, place, others))
    except UndecidedError:
        return None
    effect = effect_of(problem.accounts[place], solution.trades)
    return None if solution.status is Status.INFEASIBLE or effect is None else (solution.trades, effect)
