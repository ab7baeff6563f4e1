"""What a user allows and forbids, laid on each asset: locks, modes, bands, sizes of trades and of positions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from steelyard.rebalancing.account import of_asset, read_fraction, read_positive
from steelyard.rebalancing.drift import Tolerance
from steelyard.rebalancing.limits import Limits
from steelyard.rebalancing.options import Band, BandRule, Locks, Mode, Trading
from steelyard.rebalancing.position import PlanRow
from steelyard.rebalancing.targets import levels_after_purchase
from steelyard.rebalancing.tax_plan import TaxPlan
from steelyard.rebalancing.trade import Bound
from steelyard.rebalancing.units import ONE_AMOUNT, ONE_RATE, scaled

_NO_LIMIT: Final = 1 << 62


def limit_sales(row: PlanRow, mode: Mode, locks: Locks) -> Limits:
    """Say how far an asset may be sold, and whether it may be bought at all.

    What is held may be sold, in whole steps; a short position is opened only towards a target below 0, and at most one
    step past it.
    """
    steps = max(row.counted.held, 0) // row.counted.step
    if row.target < 0:
        steps = max((row.value - row.target) // row.price + 1, 0)
    limits = Limits(-steps, Bound.NOTHING_HELD, _NO_LIMIT, Bound.CASH)
    limits = limits.held(Bound.HOLD) if row.asset_id in locks.hold else limits
    limits = limits.held(Bound.RESTRICTED) if row.asset_id in locks.restricted else limits
    limits = limits.at_least(0, Bound.NO_SELL) if row.asset_id in locks.no_sell else limits
    limits = limits.at_most(0, Bound.NO_BUY) if row.asset_id in locks.no_buy else limits
    limits = limits.at_least(0, Bound.MODE) if mode is Mode.BUY_ONLY else limits
    return limits.at_most(0, Bound.MODE) if mode is Mode.RAISE_CASH else limits


def limit_by_tax(row: PlanRow, limits: Limits, tax: TaxPlan | None) -> Limits:
    """Say how far an asset may be sold and bought with regard to its lots and to wash sales."""
    if tax is None or row.sales is None:
        return limits
    if row.sales.bound is not None:
        limits = limits.at_least(-row.sales.most_steps, row.sales.bound)
    if row.asset_id in tax.harvested:
        limits = limits.at_most(-(tax.harvested_units(row.asset_id) // row.counted.step), Bound.HARVEST)
    return limits.at_most(0, Bound.WASH_SALE) if row.asset_id in tax.barred else limits


def limit_purchases(row: PlanRow, limits: Limits, trading: Trading, whole: int) -> Limits:
    """Say how far an asset may be bought, and how small a trade may be.

    What has a target of 0 or below is only bought back. A position above its maximum must be sold down to it.

    Raises:
        AmountError, RangeError: a size or a maximum is no such number.
    """
    asset_id, counted = row.asset_id, row.counted
    if row.target <= 0:
        limits = limits.at_most(max(-counted.held // counted.step, 0), Bound.ZERO_TARGET)
    weight = of_asset(trading.maximum_weight, asset_id)
    if weight is not None:
        most = scaled(read_fraction(f"maximum_weight of {asset_id}", weight)) * whole // ONE_AMOUNT
        limits = limits.at_most((most - row.value) // row.price, Bound.MAXIMUM_WEIGHT)
    quantity, worth = of_asset(trading.minimum_quantity, asset_id), of_asset(trading.minimum_value, asset_id)
    if quantity:
        least = scaled(read_positive(f"minimum_quantity of {asset_id}", quantity))
        limits = limits.not_under(-(-least // counted.step), Bound.MINIMUM_QUANTITY)
    if worth:
        least = scaled(read_positive(f"minimum_value of {asset_id}", worth)) * ONE_AMOUNT * ONE_RATE
        limits = limits.not_under(-(-least // counted.price), Bound.MINIMUM_VALUE)
    return limits


def apply_band(
    rows: Sequence[PlanRow], band: Band, whole: int, idle: int, *, is_deposit: bool
) -> list[PlanRow]:
    """Measure drift from bands: inside there is none, outside it counts to the target or to the edge.

    Where a plan is due, for a deposit, an asset out of its band or one that must be sold, and there is more cash than
    those ask for, the others are only bought, and aim at what that cash buys of them: it does not lie idle.

    Args:
        rows: the assets, with targets and limits.
        band: how much is tolerated.
        whole: the value weights are fractions of, money units.
        idle: cash above what should be kept, money units.
        is_deposit: whether money came in.

    Raises:
        AmountError, RangeError: a tolerance is no fraction.
    """
    tolerance = Tolerance.read(band)
    banded = [_banded(row, tolerance, whole) for row in rows]
    due = [row.is_outside() or row.limits.last < 0 for row in banded]
    back = _to_target if band.rule is BandRule.TARGET else _to_edge
    banded = [back(row) if row.is_outside() else row for row in banded]
    freed = sum(row.value - min(max(_at_most(row), row.low), row.high) for row in banded)
    if idle + freed <= 0 or not (is_deposit or any(due)):
        return banded
    inside = iter(_bought([row for row, is_due in zip(banded, due, strict=True) if not is_due], idle + freed))
    return [row if is_due else next(inside) for row, is_due in zip(banded, due, strict=True)]


def _at_most(row: PlanRow) -> int:
    """Return the value of an asset after what must be sold of it."""
    return row.value + row.price * min(row.limits.last, 0)


def _bought(rows: Sequence[PlanRow], amount: int) -> list[PlanRow]:
    """Aim at what an amount buys, the assets furthest below their targets first."""
    most = [row.value + row.price * max(row.limits.last, 0) for row in rows]
    most = [max(row.value, min(row.target, reach)) for row, reach in zip(rows, most, strict=True)]
    levels = levels_after_purchase([row.target for row in rows], [row.value for row in rows], most, amount)
    return [
        replace(row, low=level, high=level, limits=row.limits.at_least(0, Bound.BAND))
        for row, level in zip(rows, levels, strict=True)
    ]


def _banded(row: PlanRow, tolerance: Tolerance, whole: int) -> PlanRow:
    low, high = tolerance.edges(row.target, whole)
    return replace(row, low=low, high=high)


def _to_target(row: PlanRow) -> PlanRow:
    return replace(row, low=row.target, high=row.target)


def _to_edge(row: PlanRow) -> PlanRow:
    """Aim at the first step inside the band: short of it the asset would be outside still, beyond it is not asked."""
    if row.value > row.high:
        inside = max(row.value - -(-(row.value - row.high) // row.price) * row.price, row.low)
    else:
        inside = min(row.value + -(-(row.low - row.value) // row.price) * row.price, row.high)
    return replace(row, low=inside, high=inside)
