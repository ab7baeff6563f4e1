"""From target weights to target values: shares of the whole, what a substitute takes over, what raises cash."""

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.domain.money import share_out
from steelyard.rebalancing.units import ONE_AMOUNT


@dataclass(frozen=True, slots=True)
class Shares:
    """Target values, money units; with `reserve` they sum to the whole, or to 0 where that is below the reserve.

    Attributes:
        assets: of each asset, in their order.
        reserve: what should be in cash.
    """

    assets: list[int]
    reserve: int


def share_whole(whole: int, weights: Sequence[int], cash: int, least: int) -> Shares:
    """Share the whole out by weight.

    Args:
        whole: money units to share; below 0 as 0.
        weights: target weights, units of 10^-12.
        cash: what should be in cash where it has no weight, money units.
        least: what is set aside in cash in any case.

    >>> share_whole(1000, [ONE_AMOUNT // 2, ONE_AMOUNT // 4], 0, 0)
    Shares(assets=[500, 250], reserve=250)
    >>> share_whole(1000, [ONE_AMOUNT // 2, ONE_AMOUNT // 4], 0, 400)
    Shares(assets=[400, 200], reserve=400)
    """
    invested = sum(weights)
    *assets, by_weight = share_out(max(whole, 0), [*weights, ONE_AMOUNT - invested], ONE_AMOUNT)
    reserve = max(by_weight, cash, least)
    if reserve != by_weight and invested:
        assets = share_out(max(whole - reserve, 0), weights, invested)
    return Shares(assets, reserve)


def hand_over(targets: list[int], values: Sequence[int], blocked: int, substitute: int) -> None:
    """Move to the substitute what an asset that may not be bought lacks to its target."""
    kept = min(targets[blocked], max(values[blocked], 0))
    targets[substitute] += targets[blocked] - kept
    targets[blocked] = kept


def levels_after_sale(
    targets: Sequence[int], values: Sequence[int], least: Sequence[int], amount: int
) -> list[int]:
    """Return the values after selling `amount`, what is furthest above its target first.

    They are min(value, target + λ), not below `least`, with one λ for all: of all ways to raise the amount the one
    with the least sum of squared drift.

    Args:
        targets: of each asset, money units.
        values: of each now.
        least: how far each may be sold, at most its value.
        amount: what is to be raised; above all there is, everything is sold.

    >>> levels_after_sale([50, 50, 0], [80, 60, 10], [0, 0, 10], 20)
    [60, 60, 10]
    """

    def levels(extra: int) -> list[int]:
        pairs = zip(targets, values, least, strict=True)
        return [max(min(value, target + extra), low) for target, value, low in pairs]

    kept = sum(values) - amount
    if amount <= 0 or not values:
        return list(values)
    low = min(end - target for end, target in zip(least, targets, strict=True)) - 1
    high = max(value - target for value, target in zip(values, targets, strict=True))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(levels(middle)) <= kept else (low, middle)
    below, above = levels(low), levels(high)
    missing = kept - sum(below)
    for index, (less, more) in enumerate(zip(below, above, strict=True)):
        if less < more and missing > 0:
            below[index] = more
            missing -= more - less
    return below


def levels_after_purchase(
    targets: Sequence[int], values: Sequence[int], most: Sequence[int], amount: int
) -> list[int]:
    """Return the values after buying for `amount`, what is furthest below its target first; the mirror of a sale.

    Args:
        targets: of each asset, money units.
        values: of each now.
        most: how far each may be bought, at least its value.
        amount: what is to be spent; above all that is missing, everything is bought.

    >>> levels_after_purchase([50, 50, 50], [20, 40, 60], [50, 50, 60], 20)
    [40, 40, 60]
    """
    mirrored = levels_after_sale(
        [-target for target in targets], [-value for value in values], [-level for level in most], amount
    )
    return [-level for level in mirrored]
