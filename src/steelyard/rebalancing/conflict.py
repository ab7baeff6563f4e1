"""Constraints that exclude each other: which they are, and the smallest changes that would help."""

from collections.abc import Iterator, Sequence

from steelyard.rebalancing.plan import Plan
from steelyard.rebalancing.position import PlanRow
from steelyard.rebalancing.problem import AssetRow, Problem
from steelyard.rebalancing.solving import Part
from steelyard.rebalancing.trade import Bound, Conflict
from steelyard.rebalancing.units import AMOUNT_PLACES, exact

_LOCKS = {Bound.NO_SELL, Bound.HOLD, Bound.RESTRICTED, Bound.MODE, Bound.BAND}
_REMEDIES = {
    Bound.NO_SELL: "allow selling it",
    Bound.NO_BUY: "allow buying it",
    Bound.HOLD: "take the hold off it",
    Bound.RESTRICTED: "take it off the restricted list",
    Bound.MODE: "choose the mode rebalance",
    Bound.MAXIMUM_WEIGHT: "raise its maximum weight",
    Bound.MINIMUM_VALUE: "lower its minimum value",
    Bound.MINIMUM_QUANTITY: "lower its minimum quantity",
    Bound.NOTHING_HELD: "raise its maximum weight",
    Bound.WASH_SALE: "wait until the wash sale window has passed",
    Bound.SHORT_TERM_GAIN: "allow short-term gains",
    Bound.HARVEST: "raise the loss above which it is harvested",
}


def find_conflicts(plan: Plan, parts: Sequence[Part]) -> tuple[Conflict, ...]:
    """Name what excludes each other: in an asset, or in cash.

    Args:
        plan: a plan without an answer.
        parts: its problems.
    """
    of_assets = tuple(_of_asset(row) for row in plan.rows if not row.pieces())
    if of_assets:
        return of_assets
    return tuple(conflict for part in parts for conflict in _of_cash(plan, part))


def _of_asset(row: PlanRow) -> Conflict:
    names = row.limits.conflict() or (row.limits.first_bound, row.limits.last_bound)
    remedies = dict.fromkeys(_REMEDIES[name] for name in row.limits.conflict() if name in _REMEDIES)
    reason = (
        f"{row.asset_id} must be traded and may not: {' and '.join(dict.fromkeys(names))} exclude each other."
    )
    return Conflict(
        row.asset_id,
        tuple(dict.fromkeys(names)),
        reason,
        tuple(f"{row.asset_id}: {text}." for text in remedies),
    )


def _of_cash(plan: Plan, part: Part) -> Iterator[Conflict]:
    problem = part.problem
    reach = problem.cash + sum(most_cash(asset) for asset in problem.assets)
    missing = problem.cash_floor - reach
    if missing <= 0:
        return
    locked = [row for row in (plan.rows[place] for place in part.places) if row.limits.first_bound in _LOCKS]
    names = ("cash_floor", *dict.fromkeys(row.limits.first_bound.value for row in locked))
    purse = f" in {part.currency}" if part.currency else ""
    reason = (
        f"Cash{purse} must be {_money(plan, problem.cash_floor)} or more afterwards; before any trade it is "
        f"{_money(plan, problem.cash)}, and the sales that are allowed bring {_money(plan, reach - problem.cash)}: "
        f"{_money(plan, missing)} is missing."
    )
    yield Conflict(None, names, reason, tuple(_remedies(plan, problem, locked, missing)))


def most_cash(asset: AssetRow) -> int:
    """Return the most cash an asset can bring; below 0 where it must be bought."""
    ends = ((piece, k) for piece in asset.pieces for k in (piece.first, piece.last))
    return max(-piece.cash_fixed - piece.cash_per_step * k for piece, k in ends)


def _remedies(plan: Plan, problem: Problem, locked: Sequence[PlanRow], missing: int) -> Iterator[str]:
    if problem.cash_floor >= missing:
        yield f"Lower what must stay in cash by {_money(plan, missing)}."
    yield f"Bring in {_money(plan, missing)} more, or withdraw as much less."
    for row in locked:
        net = row.price - row.cost.per_step
        steps = -(-(missing + row.cost.fee) // net)
        if 0 < max(steps, row.limits.least) * row.counted.step <= row.counted.held:
            quantity = exact(max(steps, row.limits.least) * row.counted.step, AMOUNT_PLACES)
            yield f"Allow selling {quantity:f} {row.asset_id} ({row.limits.first_bound})."


def _money(plan: Plan, units: int) -> str:
    return f"{plan.unit.money(units):f}"
