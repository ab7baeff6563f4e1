"""What the best trades of a plan lead to: cash in every currency, conversions, costs; checked against the floor."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.money import EXACT, units_per_major
from steelyard.rebalancing.conversion import Converted, convert
from steelyard.rebalancing.currency import Exchange
from steelyard.rebalancing.plan import Plan
from steelyard.rebalancing.problem import L1_SCALE, Norm, Status
from steelyard.rebalancing.solving import Solved, solve_parts, split
from steelyard.rebalancing.units import AMOUNT_PLACES, RAW_PLACES, exact, plain

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a plan and what it leads to.

    Attributes:
        solved: the steps traded, and what is known of them.
        converted: conversions, and cash by currency after them.
        cash_after: all cash, money units; what conversions cost, rounded up, is taken off.
    """

    solved: Solved
    converted: Converted
    cash_after: int


def settle(plan: Plan, cash: Mapping[str, Decimal], exchange: Exchange) -> Outcome:
    """Find the best trades of a plan and settle them.

    Where cash is converted at a cost, the search does not see the cost. The answer without it gives the bound; the
    floor is then raised by what the conversions cost, until the cash that is left covers it.

    Args:
        plan: the plan.
        cash: by currency before the trades, exact.
        exchange: the currencies.
    """
    outcome = _settle_once(plan, cash, exchange)
    bound, extra = outcome.solved.bound, 0
    while outcome.solved.status is not Status.INFEASIBLE and outcome.cash_after < plan.floor:
        extra = max(2 * extra, plan.floor - outcome.cash_after)
        outcome = _settle_once(replace(plan, floor=plan.floor + extra), cash, exchange)
    if not outcome.converted.cost or outcome.solved.status is Status.INFEASIBLE:
        return outcome
    objective = outcome.solved.objective + _conversion_objective(plan, outcome)
    status = Status.OPTIMAL if objective == bound else Status.WITHIN_GAP
    return replace(outcome, solved=replace(outcome.solved, status=status, objective=objective, bound=bound))


def _settle_once(plan: Plan, cash: Mapping[str, Decimal], exchange: Exchange) -> Outcome:
    solved = solve_parts(split(plan, exchange), len(plan.rows))
    left = _cash_after(plan, solved, cash)
    converted = convert(left, exchange) if exchange.converts else Converted((), left, ZERO)
    used = sum(row.cash_used(steps) for row, steps in zip(plan.rows, solved.steps, strict=True))
    return Outcome(solved, converted, sum(plan.cash.values()) - used - _units_up(plan, converted.cost))


def _cash_after(plan: Plan, solved: Solved, cash: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the cash of each currency after the trades, exact in that currency."""
    left = dict(cash)
    with localcontext(EXACT):
        for row, steps in zip(plan.rows, solved.steps, strict=True):
            if steps:
                raw = row.cash_used(steps) * plan.unit.size // plan.unit.fineness // row.counted.rate
                used = exact(raw, 2 * AMOUNT_PLACES) / units_per_major(row.counted.quoted_in)
                left[row.currency] = left.get(row.currency, ZERO) - used
    return {code: plain(amount) for code, amount in left.items()}


def _conversion_objective(plan: Plan, outcome: Outcome) -> int:
    """Return what the cost of conversions adds to the objective: as a charge, and as cash that misses its target."""
    cost = _units_up(plan, outcome.converted.cost)
    added = plan.charge_rate * cost
    if plan.cash_target is not None:
        added += _distance(plan, outcome.cash_after) - _distance(plan, outcome.cash_after + cost)
    return added


def _distance(plan: Plan, cash: int) -> int:
    off = abs(cash - (plan.cash_target or 0))
    return off * off if plan.norm is Norm.L2 else off * L1_SCALE


def _units_up(plan: Plan, amount: Decimal) -> int:
    return plan.unit.up(int(EXACT.scaleb(amount, RAW_PLACES).to_integral_value())) if amount else 0
