"""Weights, drift from target, and when it is enough to act."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.model_portfolio import Branch, ModelPortfolio, walk_model
from steelyard.domain.money import EXACT, round_half_up
from steelyard.rebalancing.account import read_fraction
from steelyard.rebalancing.options import Band
from steelyard.rebalancing.units import ONE_AMOUNT, plain, scaled

ZERO: Final = Decimal(0)

WEIGHT_PLACES: Final = 12
"""Decimals of a weight, which is a quotient and seldom exact."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A band in numbers: how far from its target an asset may be, as fractions of 10^-12.

    Attributes:
        absolute: of the whole; None = no such limit.
        relative: of the target; None = no such limit.
    """

    absolute: int | None
    relative: int | None

    @classmethod
    def read(cls, band: Band | None) -> "Tolerance":
        """Read a band as a user states it.

        Raises:
            AmountError, RangeError: a tolerance is no fraction from 0 to 1.
        """
        if band is None:
            return cls(None, None)
        absolute = None if band.absolute is None else scaled(read_fraction("band.absolute", band.absolute))
        relative = None if band.relative is None else scaled(read_fraction("band.relative", band.relative))
        return cls(absolute, relative)

    def edges(self, target: int, whole: int) -> tuple[int, int]:
        """Return between which values there is no drift; both the target where it is 0 or there is no band.

        Args:
            target: target value, any unit.
            whole: the value weights are fractions of, same unit.

        >>> Tolerance(absolute=None, relative=25 * 10**10).edges(400, 1000)
        (300, 500)
        """
        sides = ((self.absolute, whole), (self.relative, abs(target)))
        halves = [fraction * of // ONE_AMOUNT for fraction, of in sides if fraction is not None]
        half = min(halves, default=0) if target else 0
        return target - half, target + half


def calculate_weights(values: Mapping[str, Decimal], whole: Decimal) -> dict[str, Decimal]:
    """Return value ÷ whole of each, with 12 decimals, half up; all 0 where the whole is 0.

    >>> calculate_weights({"A": Decimal(1), "B": Decimal(2)}, Decimal(3))["B"]
    Decimal('0.666666666667')
    """
    if not whole:
        return dict.fromkeys(values, ZERO)
    return {
        name: plain(round_half_up(EXACT.divide(value, whole), WEIGHT_PLACES))
        for name, value in values.items()
    }


def calculate_drift(weights: Mapping[str, Decimal], targets: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return weight − target weight of each name that either mentions; positive = overweight.

    >>> calculate_drift({"A": Decimal("0.7"), "B": Decimal("0.3")}, {"A": Decimal("0.6"), "C": Decimal("0.4")})
    {'A': Decimal('0.1'), 'B': Decimal('0.3'), 'C': Decimal('-0.4')}
    """
    names = sorted(weights.keys() | targets.keys())
    return {name: plain(weights.get(name, ZERO) - targets.get(name, ZERO)) for name in names}


def calculate_total_drift(drift: Mapping[str, Decimal]) -> Decimal:
    """Return Σ |drift| / 2: the fraction of the whole that must change hands to be on target.

    What the names leave to the whole, cash, drifts too: by what makes the sum 0.

    >>> calculate_total_drift({"A": Decimal("0.1"), "B": Decimal("-0.1")})
    Decimal('0.1')
    >>> calculate_total_drift({"A": Decimal("-0.1")})  # the tenth is in cash
    Decimal('0.1')
    """
    total = sum(drift.values(), ZERO)
    return plain(sum(map(abs, drift.values()), abs(total)) / 2)


def is_outside(drift: Decimal, target: Decimal, band: Band) -> bool:
    """Whether an asset has drifted out of its band; on the edge is inside.

    Args:
        drift: weight − target weight.
        target: its target weight; a target of 0 has no band.
        band: how much is tolerated; the narrower of absolute and relative holds.

    >>> is_outside(Decimal("0.05"), Decimal("0.4"), Band(absolute="0.05"))
    False
    >>> is_outside(Decimal("0.05"), Decimal("0.1"), Band(absolute="0.05", relative="0.2"))
    True
    """
    tolerance = Tolerance.read(band)
    low, high = tolerance.edges(scaled(target), ONE_AMOUNT)
    return not low <= scaled(target) + scaled(drift) <= high


@dataclass(frozen=True, slots=True)
class ModelDrift:
    """Drift of one model inside another, as fractions of the whole.

    Attributes:
        path: names of the models from the outermost in.
        target: its target weight.
        weight: its weight.
        drift: weight − target.
        total_drift: Σ |drift| / 2 of what stands directly in it.
    """

    path: tuple[str, ...]
    target: Decimal
    weight: Decimal
    drift: Decimal
    total_drift: Decimal


def calculate_model_drift(
    models: Mapping[str, ModelPortfolio], name: str, weights: Mapping[str, Decimal], *, cash: Decimal
) -> tuple[ModelDrift, ...]:
    """Return the drift of a model and of every model in it, the outermost first.

    An asset that stands in several models counts in each in proportion to its target there; where all its targets are
    0, evenly. Weights of assets that no model holds are left out.

    Args:
        models: the models by name.
        name: the outermost.
        weights: asset → weight in the account.
        cash: weight of cash; as an asset.

    Raises:
        InvalidInputError: as `domain.model_portfolio.walk_model`.
    """
    branches = list(walk_model(models, name))
    shares = _shares(branches, {**weights, "": cash})
    found = []
    for branch in branches:
        if branch.asset_id is None:
            inside = [other for other in branches if other.path[:-1] == branch.path]
            total = plain(sum((abs(shares[other.path] - other.weight) for other in inside), ZERO) / 2)
            weight = plain(shares[branch.path])
            found.append(
                ModelDrift(branch.path, plain(branch.weight), weight, plain(weight - branch.weight), total)
            )
    return tuple(found)


def _shares(branches: Sequence[Branch], weights: Mapping[str, Decimal]) -> dict[tuple[str, ...], Decimal]:
    """Return the weight of each branch: an asset's where it stands, a model's as the sum of what is in it."""
    places: dict[str, list[Branch]] = {}
    for branch in branches:
        if branch.asset_id is not None:
            places.setdefault(branch.asset_id, []).append(branch)
    shares = {branch.path: ZERO for branch in branches}
    with localcontext(EXACT):
        for asset_id, found in places.items():
            target = sum((branch.weight for branch in found), ZERO)
            for branch in found:
                part = branch.weight / target if target else Decimal(1) / len(found)
                share = round_half_up(weights.get(asset_id, ZERO) * part, 2 * WEIGHT_PLACES)
                for depth in range(1, len(branch.path) + 1):
                    shares[branch.path[:depth]] += share
    return shares
