"""The search for a household's trades: where things should be, account by account in whole steps, then put right.

A linear programme says what each account should trade. Accounts are then solved exactly one after the other, each
given what the others do or should do, so that what rounding leaves in one is taken up by the next; and again, until no
account alone can do better. Several orders are tried. No answer is better than the bound, which is exact.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from typing import Any, Final

from steelyard.rebalancing.household_bound import Frame, frame_of
from steelyard.rebalancing.household_exchange import exchanged, stretched
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

KERNEL: Final = "steelyard.rebalancing.kernel"
NODE_LIMIT: Final = 300
STATE_LIMIT: Final = 500
ORDERS: Final = 2
BRANCHES: Final = 16
STRIDE: Final = 2
EXCHANGES: Final = 60

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
    """Solve one account, to the limits that pay off where it is solved again and again.

    The compiled search is used where the process has it already: importing it takes longer than a small household.
    """
    kernel: Any = sys.modules.get(KERNEL)
    search = solve if kernel is None else kernel.solve
    found: Solution = search(problem, node_limit=NODE_LIMIT, state_limit=STATE_LIMIT)
    return found


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
    root = _branch(problem)
    settled = None if root is None else _settle_washes(root)
    if settled is None:
        return HouseholdSolution(Status.INFEASIBLE, _nothing(problem), 0, 0)
    branch, bound = settled
    ways = (_without_choice(branch), _without_purchases(problem))
    found = next(filter(None, (_Search(way, branch.located, solver).best() for way in ways)), None)
    if found is None:
        raise UndecidedError(0)
    objective, trades = found
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


@dataclass(frozen=True, slots=True)
class _Branch:
    """A household in which some wash groups are not bought and others not sold at a loss.

    Attributes:
        bound: no answer of it has a lower objective.
        problem: the household.
        frame: the same, laid out.
        located: where its programme puts things.
    """

    bound: int
    problem: HouseholdProblem
    frame: Frame
    located: Located


def _branch(problem: HouseholdProblem, like: Frame | None = None) -> _Branch | None:
    """Return a household with its programme solved; None where no mix of trades keeps its constraints."""
    frame = frame_of(problem, like)
    located = locate(frame)
    return None if located is None else _Branch(frame.bound(located.prices), problem, frame, located)


def _settle_washes(root: _Branch) -> tuple[_Branch, int] | None:
    """Branch on groups that are both bought and sold at a loss, the least bound first, until the best has none.

    Returns a branch without such a group, and a bound below all of them; None where no branch has an answer.
    """
    open_ = [root]
    for _ in range(BRANCHES):
        best = min(open_, key=lambda branch: branch.bound)
        if _washed(best) is None:
            return best, best.bound
        open_ = [branch for branch in open_ if branch is not best] + _split(best)
        if not open_:
            return None
    bound = min(branch.bound for branch in open_)
    while open_:
        best = min(open_, key=lambda branch: branch.bound)
        if _washed(best) is None:
            return best, bound
        open_ = _split(best) or [branch for branch in open_ if branch is not best]
    return None


def _split(branch: _Branch) -> list[_Branch]:
    """Return the two ways out of the first conflict of a branch, as far as they have an answer."""
    group = _washed(branch)
    if group is None:
        return [branch]
    ways = (without_losses(branch.problem, group), without_purchases(branch.problem, group))
    found = (_branch(way, branch.frame) for way in ways)
    return [each for each in found if each is not None]


def _washed(branch: _Branch) -> WashGroup | None:
    """Return the first group that is both bought and sold at a loss."""
    problem, located = branch.problem, branch.located
    return next(
        (
            group
            for group in problem.groups
            if _is_bought(group, located) and _is_sold_at_loss(problem, group, located)
        ),
        None,
    )


def _without_choice(branch: _Branch) -> HouseholdProblem:
    """Return the household in which each group does no more than it does in a branch without conflict."""
    problem = branch.problem
    for group in problem.groups:
        sells = _is_sold_at_loss(problem, group, branch.located)
        problem = without_purchases(problem, group) if sells else without_losses(problem, group)
    return problem


def _without_purchases(problem: HouseholdProblem) -> HouseholdProblem:
    """Return the household in which no group is bought: all may be sold then, as raising cash may need."""
    for group in problem.groups:
        problem = without_purchases(problem, group)
    return problem


def _is_sold_at_loss(problem: HouseholdProblem, group: WashGroup, located: Located) -> bool:
    return any(
        located.effects[place].traded[asset] < problem.accounts[place].prices[asset] * least
        for (place, asset), least in group.free_of_loss.items()
    )


def _is_bought(group: WashGroup, located: Located) -> bool:
    return any(effect.traded[asset] > 0 for effect in located.effects for asset in group.assets)


def _rank(answer: Answer) -> tuple[int, int, Trades]:
    """Of equally good answers the one with the fewest trades comes first."""
    objective, trades = answer
    return objective, sum(k != 0 for steps in trades for k in steps), trades


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
        still = objective_of(self._problem, _nothing(self._problem))
        answers = [self._rounded(order) for order in _orders(self._problem)]
        answers += [] if still is None else [(still, _nothing(self._problem))]
        found = min((answer for answer in answers if answer is not None), key=_rank, default=None)
        path: list[Answer] = []
        while found is not None and len(path) < EXCHANGES:
            path.append(self._settled(*found))
            found = exchanged(self._problem, path[-1][1], path[-1][0])
            if found is not None and len(path) % STRIDE == 0:
                found = stretched(self._problem, path[-STRIDE][1], found)
        return path[-1] if path else None

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
