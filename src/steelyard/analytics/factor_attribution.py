"""Factor attribution: how much of a portfolio's returns its exposures to known factors explain.

Returns are fractions per period. Everything has a day axis first; nothing looks ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steelyard.analytics.observations import FloatArray
from steelyard.errors import InvalidInputError


class FactorShapeError(InvalidInputError):
    """Weights, loadings and returns do not fit together."""

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Show the shapes."""
        returns, weights, loadings, factors = shapes
        super().__init__(
            f"Returns {returns}, weights {weights}, loadings {loadings} and factor returns {factors} do not fit; give "
            "[day], [day, asset], [day, asset, factor] and [day, factor]."
        )


class UnknownLoadingError(InvalidInputError):
    """An asset is held on a day on which a loading of it is unknown."""

    def __init__(self, day: int, asset: int, factor: int) -> None:
        """Name the place."""
        super().__init__(
            f"Asset {asset} is held on day {day} and its loading on factor {factor} is unknown; give it, 0 where the "
            "factor does not move the asset."
        )


@dataclass(frozen=True, slots=True)
class FactorEffects:
    """Returns explained by factors, day by day.

    Attributes:
        exposures: [day, factor], the loading of the whole portfolio.
        factors: [day, factor], what each factor brought: exposure * return of the factor.
        common: [day], what all factors brought.
        specific: [day], the rest of the portfolio's return.
        tilt: [day], what the average exposures would have brought.
        timing: [day], common - tilt: what changing the exposures brought.
    """

    exposures: FloatArray
    factors: FloatArray
    common: FloatArray
    specific: FloatArray
    tilt: FloatArray
    timing: FloatArray


def attribute_to_factors(
    returns: FloatArray, weights: FloatArray, loadings: FloatArray, factor_returns: FloatArray
) -> FactorEffects:
    """Split the portfolio's returns into what its factor exposures explain and the rest.

    Args:
        returns: [day], of the portfolio.
        weights: [day, asset], signed fractions of its value, at the start of the day; 0 where not held. Cash is an
            asset without loadings, or is left out.
        loadings: [day, asset, factor]; NaN where unknown, which is fine where the weight is 0.
        factor_returns: [day, factor].

    Returns:
        factors sum to common, and common + specific is the return, on every day. A day on which a return is NaN is
        NaN; tilt takes the average of the exposures over all days. Source: empyrical, perf_attrib.

    Raises:
        FactorShapeError: The shapes do not fit.
        UnknownLoadingError: A weight that is not 0 meets an unknown loading.

    >>> effects = attribute_to_factors(
    ...     np.array([0.05, 0.01]), np.ones((2, 1)), np.array([[[1.0]], [[0.0]]]), np.array([[0.04], [0.02]])
    ... )
    >>> effects.common.tolist(), effects.specific.round(9).tolist(), effects.tilt.tolist(), effects.timing.tolist()
    ([0.04, 0.0], [0.01, 0.01], [0.02, 0.01], [0.02, -0.01])
    """
    days, assets, count = (*loadings.shape, 0, 0, 0)[:3]
    shapes = [returns.shape, weights.shape, loadings.shape, factor_returns.shape]
    if shapes != [(days,), (days, assets), (days, assets, count), (days, count)]:
        raise FactorShapeError(shapes)
    for place in np.argwhere(np.isnan(loadings) & (weights != 0)[:, :, np.newaxis]):
        raise UnknownLoadingError(*map(int, place))
    known = np.where(np.isnan(loadings), 0.0, loadings)
    exposures = np.einsum("da,daf->df", weights, known)
    factors = exposures * factor_returns
    common = np.sum(factors, axis=1)
    average = np.sum(exposures, axis=0) / max(days, 1)
    tilt = np.sum(average * factor_returns, axis=1)
    return FactorEffects(exposures, factors, common, returns - common, tilt, common - tilt)
