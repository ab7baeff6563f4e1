"""Why: one sentence for each trade and for each asset that is not traded, and what stands in the way of an answer."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from steelyard.rebalancing.plan import Plan
from steelyard.rebalancing.position import PlanRow
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.trade import Bound
from steelyard.rebalancing.units import AMOUNT_PLACES, exact

_NO_MORE: Final = {
    Bound.CASH: "the cash is used up",
    Bound.CASH_TARGET: "cash would miss its target",
    Bound.NO_BUY: "it may not be bought",
    Bound.HOLD: "it is on hold",
    Bound.RESTRICTED: "it is on the restricted list",
    Bound.MODE: "this mode buys nothing",
    Bound.ZERO_TARGET: "its target is 0",
    Bound.MINIMUM_VALUE: "less than the minimum value is no trade",
    Bound.MINIMUM_QUANTITY: "less than the minimum quantity is no trade",
    Bound.MAXIMUM_WEIGHT: "its maximum weight allows no more",
    Bound.COST: "more would cost more than the drift it removes",
    Bound.WASH_SALE: "buying it would wash a loss",
    Bound.HARVEST: "it is sold for its loss",
}

_NO_LESS: Final = {
    Bound.CASH_TARGET: "more cash would lie idle",
    Bound.NO_SELL: "it may not be sold",
    Bound.HOLD: "it is on hold",
    Bound.RESTRICTED: "it is on the restricted list",
    Bound.MODE: "this mode sells nothing",
    Bound.BAND: "it is inside its band and only bought",
    Bound.NOTHING_HELD: "what is left of it is less than trades in one step",
    Bound.MINIMUM_VALUE: "less than the minimum value is no trade",
    Bound.MINIMUM_QUANTITY: "less than the minimum quantity is no trade",
    Bound.MAXIMUM_WEIGHT: "its maximum weight allows no more",
    Bound.COST: "selling more would cost more than the drift it removes",
    Bound.GAINS: "the gains budget is used up",
    Bound.SHORT_TERM_GAIN: "the rest of it has a short-term gain",
    Bound.WASH_SALE: "its loss would be a wash sale",
}


@dataclass(frozen=True, slots=True)
class Why:
    """What kept an asset from coming closer, and the sentence that says so."""

    bound: Bound | None
    reason: str


def explain(plan: Plan, row: PlanRow, steps: int, cash_left: int) -> Why:
    """Say why an asset is traded as it is.

    Args:
        plan: the plan.
        row: the asset.
        steps: traded, positive = bought.
        cash_left: above the floor after all trades, money units.
    """
    bound, wants_more = _bound(row, steps, cash_left, is_budgeted=plan.gain_limit is not None)
    now = _percent(row.value, plan.whole)
    because = (_NO_MORE if wants_more else _NO_LESS).get(bound) if bound else None
    if steps == 0:
        return Why(
            bound, f"{row.asset_id} is not traded: it is {now} of the whole, {_rest(row, plan, because)}."
        )
    quantity = exact(abs(steps) * row.counted.step, AMOUNT_PLACES)
    verb = "Buy" if steps > 0 else "Sell"
    then = _percent(row.value + steps * row.price, plan.whole)
    end = f"; {because}" if because else ""
    aim = f"its target is {_percent(row.target, plan.whole)}"
    return Why(
        bound,
        f"{verb} {quantity:f} {row.asset_id}: it is {now} of the whole and {aim}; it comes to {then}{end}.",
    )


def summarize(status: Status, trades: int, drift_before: Decimal, drift_after: Decimal) -> str:
    """Say what the plan does, and how good it is known to be.

    >>> summarize(Status.OPTIMAL, 1, Decimal("0.05"), Decimal("0.002"))
    '1 trade brings total drift from 5.00 % to 0.20 %. It is proven that no other trades come closer.'
    """
    if status is Status.INFEASIBLE:
        return "No trades keep every constraint."
    proof = {
        Status.OPTIMAL: "It is proven that no other trades come closer.",
        Status.WITHIN_GAP: "Others may come closer, by no more than the gap.",
    }[status]
    if not trades:
        return f"No trades: total drift is {drift_after:.2%}. {proof}".replace("%", " %")
    what = "1 trade brings" if trades == 1 else f"{trades} trades bring"
    return f"{what} total drift from {drift_before:.2%} to {drift_after:.2%}. {proof}".replace("%", " %")


def _rest(row: PlanRow, plan: Plan, because: str | None) -> str:
    aim = f"its target is {_percent(row.target, plan.whole)}"
    if because:
        return f"{aim}, and {because}"
    if row.low < row.high and not row.is_outside():
        return f"{aim}, and that is inside its band"
    return f"{aim}, and no step brings it closer"


def _bound(row: PlanRow, steps: int, cash_left: int, *, is_budgeted: bool) -> tuple[Bound | None, bool]:
    """Return what stopped it, and whether it would go up; one more step counts where it ends nearer than before."""
    after = row.value + steps * row.price
    missing, over = row.low - after, after - row.high
    if 2 * missing > row.price:
        return _stopped_below(row, steps, missing, cash_left), True
    if 2 * over > row.price:
        return _stopped_above(row, steps, over, is_budgeted=is_budgeted), False
    return (Bound.BAND if not steps and row.low < row.high else None if steps else Bound.STEP), False


def _stopped_below(row: PlanRow, steps: int, missing: int, cash_left: int) -> Bound:
    limits = row.limits
    if steps >= limits.last:
        return limits.last_bound
    if steps == 0 and missing < limits.least * row.price and limits.least > 1:
        return limits.least_bound
    needs = limits.least if steps == 0 else 1
    fee = row.cost.fee if steps == 0 else 0
    is_affordable = needs * (row.price + row.cost.per_step) + fee <= cash_left
    if not is_affordable or steps < 0:
        return Bound.CASH
    return Bound.COST if row.cost.fee or row.cost.per_step else Bound.CASH_TARGET


def _stopped_above(row: PlanRow, steps: int, over: int, *, is_budgeted: bool) -> Bound:
    limits = row.limits
    if steps <= limits.first:
        return limits.first_bound
    if steps in {0, limits.least} and over < limits.least * row.price and limits.least > 1:
        return limits.least_bound
    if row.sales is not None and is_budgeted:
        return Bound.GAINS
    return Bound.COST if row.cost.fee or row.cost.per_step or row.sales is not None else Bound.CASH_TARGET


def _percent(value: int, whole: int) -> str:
    """Print a fraction with one decimal, half up.

    >>> _percent(1, 3), _percent(-1, 8)
    ('33.3 %', '-12.5 %')
    """
    if whole <= 0:
        return "0.0 %"
    tenths = (2000 * abs(value) + whole) // (2 * whole)
    return f"{'-' if value < 0 and tenths else ''}{tenths // 10}.{tenths % 10} %"
