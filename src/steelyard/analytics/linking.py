"""Linking: effects and contributions of several periods that sum to the compounded whole.

Fractions of one period add up, returns compound; a coefficient a period carries the one over to the other.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from steelyard.analytics.attribution import Effects
from steelyard.analytics.observations import FloatArray
from steelyard.errors import InvalidInputError

EQUAL = 1e-12
"""Returns that differ by no more than this in every period are equal: nothing is left to spread."""

SUM_TOLERANCE = 1e-9
"""By how much the effects of a period may miss the difference of its returns."""


class Linking(StrEnum):
    """How a difference of one period counts in the whole.

    CARINO: by the logarithm of what money grew by, Carino (1999). MENCHERO: by one factor for all periods, and what is
    left spread in proportion to each period's difference, Menchero (2000).
    """

    CARINO = "carino"
    MENCHERO = "menchero"


class UnlinkableReturnError(InvalidInputError):
    """A return is unknown, or a total loss: neither can be linked."""

    def __init__(self, period: int, value: float) -> None:
        """Name the period and its return."""
        super().__init__(
            f"The return of period {period} is {value:.12g}; only returns above -1 can be linked, so let the chain end "
            "before it."
        )


class PeriodsError(InvalidInputError):
    """Returns and effects are not one a period."""

    def __init__(self, periods: Sequence[int]) -> None:
        """Show the counts."""
        super().__init__(f"There are {', '.join(map(str, periods))} periods; give as many of each.")


class EffectSumError(InvalidInputError):
    """The effects of a period do not sum to the difference of its returns."""

    def __init__(self, period: int, effects: float, difference: float) -> None:
        """Name the period and both sums."""
        super().__init__(
            f"The effects of period {period} sum to {effects:.12g} and its returns differ by {difference:.12g}; link "
            "them with the returns that they were worked out from."
        )


class UnknownContributionError(InvalidInputError):
    """A contribution is not known."""

    def __init__(self, period: int, part: int) -> None:
        """Name the period and the part."""
        super().__init__(
            f"The contribution of part {part} in period {period} is unknown; give it, 0 where nothing was held."
        )


def linking_coefficients(portfolio: FloatArray, benchmark: FloatArray, *, linking: Linking) -> FloatArray:
    """Compute what a difference of each period counts in the difference of the compounded returns.

    Args:
        portfolio: [period], returns as fractions, above -1.
        benchmark: [period], likewise; zeros to link contributions to the return itself.
        linking: the method.

    Returns:
        [period], above 0 for Carino. Their sum with portfolio - benchmark is the difference of the compounded returns.

    Raises:
        PeriodsError: Not as many returns of one as of the other.
        UnlinkableReturnError: A return is not above -1.

    >>> market = np.zeros(2)
    >>> linking_coefficients(np.array([0.1, 0.1]), market, linking=Linking.CARINO).round(9).tolist()
    [1.05, 1.05]
    """
    if portfolio.shape != benchmark.shape:
        raise PeriodsError([len(portfolio), len(benchmark)])
    for returns in (portfolio, benchmark):
        for period in np.flatnonzero(~(returns > -1)):
            raise UnlinkableReturnError(int(period), float(returns[period]))
    if not len(portfolio):
        return np.empty(0)
    return _carino(portfolio, benchmark) if linking is Linking.CARINO else _menchero(portfolio, benchmark)


def link_effects(
    effects: Sequence[Effects], portfolio: FloatArray, benchmark: FloatArray, *, linking: Linking
) -> Effects:
    """Join the effects of consecutive periods; they sum to the difference of the compounded returns.

    Args:
        effects: for each period, of the same groups.
        portfolio: [period], the returns that the effects were worked out from.
        benchmark: [period], likewise.
        linking: the method.

    Raises:
        PeriodsError: Not as many effects as returns.
        EffectSumError: The effects of a period do not sum to the difference of its returns.
        UnlinkableReturnError: A return is not above -1.

    >>> once = Effects(np.array([0.06]), np.array([0.04]), np.array([0.0]))
    >>> both = link_effects([once, once], np.array([0.1, 0.1]), np.zeros(2), linking=Linking.CARINO)
    >>> both.allocation.round(9).tolist(), both.selection.round(9).tolist()
    ([0.126], [0.084])
    """
    if len(effects) != len(portfolio):
        raise PeriodsError([len(effects), len(portfolio)])
    coefficients = linking_coefficients(portfolio, benchmark, linking=linking)
    for period, one in enumerate(effects):
        whole, difference = float(np.sum(one.total)), float(portfolio[period] - benchmark[period])
        if not abs(whole - difference) <= SUM_TOLERANCE:
            raise EffectSumError(period, whole, difference)
    allocation, selection, interaction = (
        np.asarray(sum(coefficients[period] * values for period, values in enumerate(kind)))
        for kind in (
            [one.allocation for one in effects],
            [one.selection for one in effects],
            [one.interaction for one in effects],
        )
    )
    return Effects(allocation, selection, interaction)


def link_contributions(contributions: FloatArray, *, linking: Linking) -> FloatArray:
    """Join what parts contributed in consecutive periods; the parts sum to the compounded return of the whole.

    Args:
        contributions: [period, part], weight * return of each asset, sleeve or account: what it earned as a fraction
            of the whole's value at the start of the period, so that a period sums to the return of the whole.
        linking: the method.

    Returns:
        [part], fractions of the value at the start; 0 without periods.

    Raises:
        UnknownContributionError: A contribution is NaN.
        UnlinkableReturnError: The contributions of a period sum to -1 or less.

    >>> link_contributions(np.array([[0.06, 0.04], [0.1, 0.0]]), linking=Linking.CARINO).round(9).tolist()
    [0.168, 0.042]
    """
    for period, part in np.argwhere(np.isnan(contributions)):
        raise UnknownContributionError(int(period), int(part))
    whole = np.sum(contributions, axis=1)
    return np.asarray(linking_coefficients(whole, np.zeros_like(whole), linking=linking) @ contributions)


def _carino(portfolio: FloatArray, benchmark: FloatArray) -> FloatArray:
    """Divide the slope of the logarithm between the two returns of a period by the one of the whole."""
    return np.asarray(_slope(portfolio, benchmark) / _slope(_compound(portfolio), _compound(benchmark)))


def _slope(high: FloatArray | float, low: FloatArray | float) -> FloatArray:
    """Give (log(1 + high) - log(1 + low)) / (high - low), and its limit 1 / (1 + low) where both are equal."""
    step = np.asarray((np.asarray(high) - low) / (1.0 + np.asarray(low)))
    ratio = np.where(step == 0, 1.0, np.log1p(step) / np.where(step == 0, 1.0, step))
    return np.asarray(ratio / (1.0 + np.asarray(low)))


def _menchero(portfolio: FloatArray, benchmark: FloatArray) -> FloatArray:
    periods, differences = len(portfolio), portfolio - benchmark
    own, market = _compound(portfolio), _compound(benchmark)
    factor = 1.0 / (periods * _power_slope(own, market, power=1.0 / periods))
    if np.max(np.abs(differences)) <= EQUAL:
        return np.full(periods, factor)
    left = own - market - factor * np.sum(differences)
    return np.asarray(factor + left * differences / np.sum(np.square(differences)))


def _power_slope(high: float, low: float, *, power: float) -> float:
    """Give ((1 + high)^power - (1 + low)^power) / (high - low), and its limit where both are equal."""
    step = (high - low) / (1.0 + low)
    ratio = np.expm1(power * np.log1p(step)) / step if step else power
    return float((1.0 + low) ** (power - 1.0) * ratio)


def _compound(returns: FloatArray) -> float:
    return float(np.expm1(np.sum(np.log1p(returns))))
