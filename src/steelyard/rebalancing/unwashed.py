"""The best trades of a plan in which nothing is bought that the same plan sells at a loss, under another name.

Within one asset a plan either buys or sells. Assets that are substantially identical may meet: one is sold at a loss,
the other bought. Then two plans are settled, one in which the second is not bought and one in which nothing like it is
sold at a loss; every answer without a wash sale is in one of them. The better one is the answer, the lower bound holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from steelyard.domain.wash_sale import identical_assets
from steelyard.rebalancing.currency import Exchange
from steelyard.rebalancing.outcome import Outcome, settle
from steelyard.rebalancing.plan import Plan
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.tax_plan import TaxPlan

Settled = tuple[Plan, Outcome]


def settle_unwashed(
    plan_with: Callable[[TaxPlan | None], Plan],
    tax: TaxPlan | None,
    cash: Mapping[str, Decimal],
    exchange: Exchange,
) -> Settled:
    """Find the best trades of a plan and settle them; no purchase of it washes a loss of it.

    Args:
        plan_with: states the plan under tax rules.
        tax: the rules; None = tax is not asked about.
        cash: by currency before the trades, exact.
        exchange: the currencies.
    """
    plan = plan_with(tax)
    outcome = settle(plan, cash, exchange)
    if tax is None or (washing := _washing_purchase(plan, outcome, tax)) is None:
        return plan, outcome
    without = replace(tax, not_bought=tax.not_bought | {washing})
    branches = (without, tax.after_buying(washing))
    return _better(*(settle_unwashed(plan_with, branch, cash, exchange) for branch in branches))


def _washing_purchase(plan: Plan, outcome: Outcome, tax: TaxPlan) -> str | None:
    """Return an asset that is bought while one that counts as it is sold at a loss; None where there is none."""
    traded = [(row, steps) for row, steps in zip(plan.rows, outcome.solved.steps, strict=True) if steps]
    bought = {row.asset_id for row, steps in traded if steps > 0}
    groups = tax.taxation.wash.identical
    for row, steps in traded:
        like = bought & identical_assets(row.asset_id, groups)
        if like and any(lot.gain < 0 for lot in plan.lots_sold(row, steps)):
            return min(like)
    return None


def _better(one: Settled, other: Settled) -> Settled:
    """Return the answer with the lower objective, under the lower of both bounds."""
    feasible = [found for found in (one, other) if found[1].solved.status is not Status.INFEASIBLE]
    if len(feasible) < len((one, other)):
        return feasible[0] if feasible else one
    plan, outcome = min(feasible, key=lambda found: found[1].solved.objective)
    bound = min(found[1].solved.bound for found in feasible)
    status = Status.OPTIMAL if bound == outcome.solved.objective else Status.WITHIN_GAP
    return plan, replace(outcome, solved=replace(outcome.solved, status=status, bound=bound))
