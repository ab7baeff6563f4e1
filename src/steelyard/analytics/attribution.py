"""Attribution: which decisions made the difference to a benchmark (Brinson), exactly.

A side is the weights and returns of its groups in one period: floats [group], weights as fractions of the side's value
at the start of the period (signed; leverage and shorts are fine), returns as fractions. The effects are fractions too,
and sum to the return of the portfolio less that of the benchmark. `linking` joins periods.

Where a side's weight in a group is 0 its return there is not looked at. The benchmark is taken to have earned what the
portfolio did in a group that only the portfolio holds, and the portfolio what the benchmark did in one that only the
benchmark holds: being in the group, or out of it, is allocation alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from steelyard.analytics.observations import FloatArray, IntArray, divide
from steelyard.errors import InvalidInputError

BoolArray = NDArray[np.bool_]

WEIGHT_TOLERANCE = 1e-9
"""By how much the weights of two sides may differ in sum; the effects would miss the whole by it times a return."""


class Model(StrEnum):
    """What a weight above the benchmark's earns: the group's return, or the group's above the whole benchmark's.

    BRINSON_HOOD_BEEBOWER: Brinson, Hood and Beebower (1986). BRINSON_FACHLER: Brinson and Fachler (1985); more of a
    group that rose less than the benchmark is a bad decision.
    """

    BRINSON_FACHLER = "brinson_fachler"
    BRINSON_HOOD_BEEBOWER = "brinson_hood_beebower"


class UnknownGroupError(InvalidInputError):
    """A group has no known weight, or is held and has no known return."""

    def __init__(self, side: str, group: int, weight: float, group_return: float) -> None:
        """Name the side and the group, and show what is known."""
        super().__init__(
            f"The {side} has a weight of {weight:.12g} and a return of {group_return:.12g} in group {group}; give "
            "every weight, 0 for none, and the return wherever it is not 0."
        )


class CancellingWeightsError(InvalidInputError):
    """Long and short weights of a group cancel, so what they earned is no return on the group."""

    def __init__(self, side: str, group: int, contribution: float) -> None:
        """Name the side, the group and what it earned."""
        super().__init__(
            f"The weights of the {side} in group {group} cancel to 0 and earn {contribution:.12g}; put its long and "
            "its short part into groups of their own."
        )


class WeightSumsError(InvalidInputError):
    """The weights of the two sides have different sums."""

    def __init__(self, portfolio: float, benchmark: float) -> None:
        """Show both sums."""
        super().__init__(
            f"The weights of the portfolio sum to {portfolio:.12g}, those of the benchmark to {benchmark:.12g}; add "
            "what is missing as a group, cash for one."
        )


class GroupShapeError(InvalidInputError):
    """Weights, returns and groups are not one each."""

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Show the shapes."""
        super().__init__(
            f"Weights, returns and groups have the shapes {', '.join(map(str, shapes))}; give one number of each for "
            "every group."
        )


class LevelError(InvalidInputError):
    """A level of groups does not divide the one above it."""

    def __init__(self, level: int, group: int) -> None:
        """Name the level and the group."""
        super().__init__(
            f"Group {group} of level {level} lies in several groups of the level above; give each part a number of its "
            "own."
        )


@dataclass(frozen=True, slots=True)
class Side:
    """The weights and returns of the portfolio's groups, or of the benchmark's.

    Attributes:
        weights: [group], signed fractions of the side's value at the start of the period; all known.
        returns: [group], fractions; where the weight is 0 nobody looks at it, and it may be NaN.
    """

    weights: FloatArray
    returns: FloatArray

    @property
    def contributions(self) -> FloatArray:
        """Give what each group earned, as a fraction of the whole; 0 where the weight is 0."""
        return np.where(self.weights == 0, 0.0, self.weights * self.returns)

    @property
    def total(self) -> float:
        """Give the return of the whole side."""
        return float(np.sum(self.contributions))


@dataclass(frozen=True, slots=True)
class Effects:
    """What decisions brought, as fractions of value; positive = better than the benchmark.

    Attributes:
        allocation: [group], from weighting the groups otherwise.
        selection: [group], from other returns within the groups, at the benchmark's weights.
        interaction: [group], from other returns within the groups, on the weights above the benchmark's.
    """

    allocation: FloatArray
    selection: FloatArray
    interaction: FloatArray

    @property
    def total(self) -> FloatArray:
        """Sum the effects of each group."""
        return np.asarray(self.allocation + self.selection + self.interaction)


def brinson(portfolio: Side, benchmark: Side, *, model: Model) -> Effects:
    """Attribute the difference of the returns of two sides to the groups.

    Allocation (wp - wb) * (rb - reference), selection wb * (rp - rb), interaction (wp - wb) * (rp - rb); the reference
    is the benchmark's return (Brinson-Fachler) or 0 (Brinson-Hood-Beebower). Who counts interaction as selection adds
    the two. The sum over all groups is `portfolio.total - benchmark.total` to rounding.

    Raises:
        GroupShapeError: The sides do not have the same groups.
        UnknownGroupError: A weight is unknown, or a group with a weight has no return.
        WeightSumsError: The weights have different sums.

    >>> portfolio = Side(np.array([0.7, 0.3]), np.array([0.1, 0.02]))
    >>> benchmark = Side(np.array([0.5, 0.5]), np.array([0.08, 0.04]))
    >>> effects = brinson(portfolio, benchmark, model=Model.BRINSON_FACHLER)
    >>> effects.allocation.round(9).tolist(), effects.selection.round(9).tolist(), effects.interaction.round(9).tolist()
    ([0.004, 0.004], [0.01, -0.01], [0.004, 0.004])
    """
    _check_sides(portfolio, benchmark)
    own, market = _filled(portfolio, benchmark)
    reference = benchmark.total if model is Model.BRINSON_FACHLER else 0.0
    return Effects(
        allocation=(portfolio.weights - benchmark.weights) * (market - reference),
        selection=benchmark.weights * (own - market),
        interaction=(portfolio.weights - benchmark.weights) * (own - market),
    )


def grouped(assets: Side, groups: IntArray, *, side: str = "portfolio") -> Side:
    """Sum a side over groups: weights add up, and a group's return is what its assets earned on its weight.

    Args:
        assets: weights and returns [asset].
        groups: [asset], the number of the group that each lies in, 0 and up.
        side: what an error calls the side.

    Returns:
        Weights and returns [group], as many as the highest number says. The return of a group without assets, or
        with weights of 0 only, is NaN.

    Raises:
        GroupShapeError: Not one group an asset.
        UnknownGroupError: A weight is unknown, or an asset with a weight has no return; the sentence numbers the
            asset as a group.
        CancellingWeightsError: The weights of a group cancel and what they earned does not.

    >>> side = grouped(Side(np.array([0.5, 0.25, 0.25]), np.array([0.1, 0.0, 0.04])), np.array([0, 1, 1]))
    >>> side.weights.tolist(), side.returns.round(9).tolist()
    ([0.5, 0.5], [0.1, 0.02])
    """
    if not assets.weights.shape == assets.returns.shape == groups.shape:
        raise GroupShapeError([assets.weights.shape, assets.returns.shape, groups.shape])
    _check_known(assets, side)
    weights, earned, moved = (
        np.asarray(np.bincount(groups, weights=values), dtype=np.float64)
        for values in (assets.weights, assets.contributions, np.abs(assets.contributions))
    )
    gross = np.bincount(groups, weights=np.abs(assets.weights))
    is_cancelled = np.abs(weights) <= WEIGHT_TOLERANCE * gross
    for group in np.flatnonzero(is_cancelled & (np.abs(earned) > WEIGHT_TOLERANCE * moved)):
        raise CancellingWeightsError(side, int(group), float(earned[group]))
    return Side(weights, divide(earned, weights))


@dataclass(frozen=True, slots=True)
class NestedEffects:
    """Effects of decisions taken one within another, as fractions of value.

    Attributes:
        allocation: for each level, coarse to fine, [group of the level].
        selection: [group of the finest level].
        interaction: [group of the finest level].
    """

    allocation: tuple[FloatArray, ...]
    selection: FloatArray
    interaction: FloatArray

    @property
    def total(self) -> float:
        """Sum all effects."""
        return float(sum(np.sum(effects) for effects in (*self.allocation, self.selection, self.interaction)))


def nested_brinson(
    portfolio: Side, benchmark: Side, *, levels: Sequence[IntArray], model: Model
) -> NestedEffects:
    """Attribute the difference of two sides to levels of groups: countries, say, then the sectors within each.

    The first level is `brinson` of its groups. Each next one asks how the money of a group was spread over its parts:
    the benchmark's weights within the group are scaled to the portfolio's weight in it, and the reference is the
    benchmark's return in the group. What the allocations leave is selection and interaction in the finest groups.
    Within a group that the benchmark does not hold there is nothing left to attribute. Source: Bacon (2008), chapter
    on multi-level attribution.

    Args:
        portfolio: weights and returns [asset].
        benchmark: weights and returns of the same assets.
        levels: for each level, coarse to fine, the number of the group that each asset lies in.
        model: what a weight above the benchmark's earns.

    Raises:
        GroupShapeError: The sides and levels do not have the same assets.
        LevelError: A group lies in several groups of the level above.
        UnknownGroupError, CancellingWeightsError, WeightSumsError: as `grouped` and `brinson` say.

    >>> portfolio = Side(np.array([0.6, 0.2, 0.2]), np.array([0.08, 0.04, 0.02]))
    >>> benchmark = Side(np.array([0.25, 0.25, 0.5]), np.array([0.08, 0.04, 0.02]))
    >>> levels = [np.array([0, 0, 1]), np.array([0, 1, 2])]  # two assets in one country, one in another
    >>> effects = nested_brinson(portfolio, benchmark, levels=levels, model=Model.BRINSON_FACHLER)
    >>> [level.round(9).tolist() for level in effects.allocation]
    [[0.006, 0.006], [0.004, 0.004, 0.0]]
    """
    _check_sides(portfolio, benchmark)
    above, above_of_asset = _whole(benchmark), np.zeros(len(portfolio.weights), dtype=np.int64)
    allocation: list[FloatArray] = []
    for number, groups in enumerate(levels):
        own, market = (
            grouped(side, groups, side=name)
            for side, name in ((portfolio, "portfolio"), (benchmark, "benchmark"))
        )
        level = _Level.below(above, own, market, parents=_parents(groups, above_of_asset, number))
        allocation.append(level.excess * (level.market_returns - level.reference(model)))
        above, above_of_asset = level, groups
    within = above.own_returns - above.market_returns
    return NestedEffects(tuple(allocation), above.scaled * within, above.excess * within)


@dataclass(frozen=True, slots=True)
class _Level:
    """The groups of a level as the level above sees them.

    Attributes:
        held: [group], whether the benchmark holds the group above; its parts count only then.
        scaled: [group], the benchmark's weights, scaled to the portfolio's weight in the group above.
        excess: [group], the portfolio's weights less those.
        scale: [group], by which the benchmark's weights of the parts of each group are scaled.
        own_returns, market_returns: [group], filled in where one side's weight is 0.
        parent_returns: [group], the benchmark's return in the group above.
    """

    held: BoolArray
    scaled: FloatArray
    excess: FloatArray
    scale: FloatArray
    own_returns: FloatArray
    market_returns: FloatArray
    parent_returns: FloatArray

    @classmethod
    def below(cls, above: "_Level", own: Side, market: Side, *, parents: IntArray) -> "_Level":
        counts = above.held[parents]
        scaled = np.where(counts, market.weights * above.scale[parents], 0.0)
        own_returns, market_returns = _filled(own, market)
        return cls(
            held=counts & (market.weights != 0),
            scaled=scaled,
            excess=np.where(counts, own.weights - scaled, 0.0),
            scale=np.nan_to_num(divide(own.weights, market.weights)),
            own_returns=own_returns,
            market_returns=market_returns,
            parent_returns=above.market_returns[parents],
        )

    def reference(self, model: Model) -> FloatArray | float:
        return self.parent_returns if model is Model.BRINSON_FACHLER else 0.0


def _whole(benchmark: Side) -> _Level:
    """Give the level above the first: one group that holds everything."""
    one, returns = np.ones(1), np.array([benchmark.total])
    return _Level(np.ones(1, dtype=np.bool_), one, 0.0 * one, one, returns, returns, returns)


def _parents(groups: IntArray, above: IntArray, level: int) -> IntArray:
    """Give the group above of each group."""
    parents = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.int64)
    parents[groups] = above
    for asset in np.flatnonzero(parents[groups] != above):
        raise LevelError(level, int(groups[asset]))
    return parents


def _filled(portfolio: Side, benchmark: Side) -> tuple[FloatArray, FloatArray]:
    """Give the returns of both sides, where one side's weight is 0 those of the other, 0 where both are."""
    own_weights, weights = portfolio.weights, benchmark.weights
    own = np.where(own_weights == 0, np.where(weights == 0, 0.0, benchmark.returns), portfolio.returns)
    return own, np.where(weights == 0, own, benchmark.returns)


def _check_sides(portfolio: Side, benchmark: Side) -> None:
    shapes = [values.shape for side in (portfolio, benchmark) for values in (side.weights, side.returns)]
    if len(set(shapes)) != 1 or len(shapes[0]) != 1:
        raise GroupShapeError(shapes)
    _check_known(portfolio, "portfolio")
    _check_known(benchmark, "benchmark")
    sums = float(np.sum(portfolio.weights)), float(np.sum(benchmark.weights))
    if abs(sums[0] - sums[1]) > WEIGHT_TOLERANCE:
        raise WeightSumsError(*sums)


def _check_known(side: Side, name: str) -> None:
    is_unknown = np.isnan(side.weights) | (np.isnan(side.returns) & (side.weights != 0))
    for group in np.flatnonzero(is_unknown):
        raise UnknownGroupError(name, int(group), float(side.weights[group]), float(side.returns[group]))
