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
from steelyard.rebalancing.household_exchange import exchanged
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

Answer = tuple[int, Trades]
"""Trades behind their objective."""


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
    found = _Search(chosen, start, solver).best()
    if found is None:
        raise UndecidedError(0)
    objective, trades = found
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


class _Search:
    """Trades of a household in whole steps; an account is solved once for the same of the others."""

    def __init__(self, problem: HouseholdProblem, located: Located, solver: Solver) -> None:
        self._problem = problem
        self._located = located
        self._solver = solver
        self._solved: dict[tuple[int, Effect], tuple[int, ...] | None] = {}

    def best(self) -> Answer | None:
        """Return the best trades found; None where none were."""
        rounded = [self._rounded(order) for order in _orders(self._problem)]
        found = min((answer for answer in rounded if answer is not None), default=None)
        while found is not None:
            better = self._settled(*found)
            more = exchanged(self._problem, better[1], better[0])
            if more is None:
                return better
            found = more
        return None

    def _rounded(self, order: Sequence[int]) -> Answer | None:
        """Solve accounts in turn, those that wait as the programme has them; None where one has no answer."""
        effects = list(self._located.effects)
        trades = list(_nothing(self._problem))
        for place in order:
            steps = self._resolved(place, effects)
            effect = None if steps is None else effect_of(self._problem.accounts[place], steps)
            if steps is None or effect is None:
                return None
            trades[place], effects[place] = steps, effect
        objective = objective_of(self._problem, tuple(trades))
        return None if objective is None else (objective, tuple(trades))

    def _settled(self, objective: int, trades: Trades) -> Answer:
        """Solve accounts in turn until none alone can do better."""
        best, place, unchanged = (objective, trades), 0, 0
        while unchanged < len(trades):
            effects = [
                effect
                for account, steps in zip(self._problem.accounts, best[1], strict=True)
                if (effect := effect_of(account, steps)) is not None
            ]
            steps = self._resolved(place, effects)
            other = best[1] if steps is None else (*best[1][:place], steps, *best[1][place + 1 :])
            reached = objective_of(self._problem, other)
            unchanged += 1
            if reached is not None and reached < best[0]:
                best, unchanged = (reached, other), 0
            place = (place + 1) % len(trades)
        return best

    def _resolved(self, place: int, effects: Sequence[Effect]) -> tuple[int, ...] | None:
        """Solve one account, the others as they are; None where nothing was found."""
        others = combined([*effects[:place], *effects[place + 1 :]], len(self._problem.low))
        key = (place, others)
        if key not in self._solved:
            self._solved[key] = self._solve(problem_of_account(self._problem, place, others))
        return self._solved[key]

    def _solve(self, problem: Problem) -> tuple[int, ...] | None:
        try:
            solution = self._solver(problem)
        except UndecidedError:
            return None
        return None if solution.status is Status.INFEASIBLE else solution.trades
