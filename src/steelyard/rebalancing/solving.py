"""From a plan to its best trades: one problem where all cash is one, one for each currency where it is not."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from steelyard.errors import InvalidInputError
from steelyard.rebalancing.certificate import check
from steelyard.rebalancing.currency import Exchange
from steelyard.rebalancing.plan import Plan
from steelyard.rebalancing.problem import Problem, Solution, Status
from steelyard.rebalancing.search import solve

_KERNEL: Final = "steelyard.rebalancing.kernel"
_WORST_FIRST: Final = (Status.INFEASIBLE, Status.WITHIN_GAP, Status.OPTIMAL)


class BudgetError(InvalidInputError):
    """A gains budget is shared by currencies that are solved apart."""

    def __init__(self) -> None:
        """Say what makes it one plan."""
        super().__init__(
            "A gains budget needs one purse of cash: let cash be converted (currencies.convert), or leave it out."
        )


@dataclass(frozen=True, slots=True)
class Part:
    """A problem of the plan: the rows that one purse of cash pays for.

    Attributes:
        currency: of the purse; "" where all cash is one.
        places: which rows of the plan.
        problem: the problem.
    """

    currency: str
    places: tuple[int, ...]
    problem: Problem


@dataclass(frozen=True, slots=True)
class Solved:
    """The answer to a plan.

    Attributes:
        status: what is known of it.
        steps: steps traded of each row.
        objective: exact.
        bound: no answer has a lower objective.
    """

    status: Status
    steps: tuple[int, ...]
    objective: int
    bound: int


def split(plan: Plan, exchange: Exchange) -> list[Part]:
    """Return the problems of a plan: cash that may not be converted pays only for trades in its own currency.

    The rules for cash are about cash in base currency; in another there may be none, but no debt.

    Raises:
        BudgetError: a gains budget would have to be shared out among them.
    """
    if exchange.converts or len({row.currency for row in plan.rows} | plan.cash.keys()) == 1:
        return [Part("", tuple(range(len(plan.rows))), plan.problem())]
    if plan.gain_limit is not None:
        raise BudgetError
    currencies = sorted({row.currency for row in plan.rows} | plan.cash.keys())
    return [_part(plan, currency, is_base=currency == exchange.base) for currency in currencies]


def _part(plan: Plan, currency: str, *, is_base: bool) -> Part:
    places = tuple(place for place, row in enumerate(plan.rows) if row.currency == currency)
    problem = Problem(
        norm=plan.norm,
        assets=tuple(plan.rows[place].problem_row() for place in places),
        cash=plan.cash.get(currency, 0),
        cash_floor=plan.floor if is_base else 0,
        cash_target=plan.cash_target if is_base else None,
        charge_rate=plan.charge_rate,
    )
    return Part(currency, places, problem)


def solve_parts(parts: Sequence[Part], size: int) -> Solved:
    """Solve each and put the answers together; `size` is how many rows the plan has.

    Raises:
        CertificateError: an answer is not what it claims.
    """
    solutions = [_solve(part.problem) for part in parts]
    steps = [0] * size
    for part, solution in zip(parts, solutions, strict=True):
        for place, traded in zip(part.places, solution.trades, strict=True):
            steps[place] = traded
    status = next(worst for worst in _WORST_FIRST if any(found.status is worst for found in solutions))
    objective, bound = sum(found.objective for found in solutions), sum(found.bound for found in solutions)
    return Solved(status, tuple(steps), objective, bound)


def _solve(problem: Problem) -> Solution:
    """Solve a problem and check the proof; without a trade for an asset that may not stay there is no answer."""
    if not all(asset.pieces for asset in problem.assets):
        return Solution(Status.INFEASIBLE, (0,) * len(problem.assets), objective=0, bound=0, nodes=0)
    solution = _search()(problem)
    check(problem, solution)
    return solution


def _search() -> Callable[[Problem], Solution]:
    """Use the compiled search where the process has it ready: to compile takes longer than a small account."""
    kernel: Any = sys.modules.get(_KERNEL)
    return kernel.solve if kernel is not None and kernel.compiled.cache_info().currsize else solve
