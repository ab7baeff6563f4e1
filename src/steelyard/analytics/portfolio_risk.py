"""Risk of a portfolio as it stands, by historical simulation, and each asset's part in it.

Every past day is a scenario: what would the positions of today have gained on it? Risks are money in the currency of
the exposures, positive = loss; value at risk and expected shortfall are those of one period.

An exposure is what a position is worth, signed: below 0 for a short one. A day on which an asset that is held has no
return is no scenario, for nobody knows what the portfolio would have gained; `Scenarios.rows` says which days count.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from steelyard.analytics.observations import FloatArray, IntArray, divide
from steelyard.analytics.risk import expected_shortfall, tail_probability, value_at_risk, volatility
from steelyard.errors import InvalidInputError


class ExposureShapeError(InvalidInputError):
    """There is not one exposure an asset."""

    def __init__(self, exposures: tuple[int, ...], returns: tuple[int, ...]) -> None:
        """Show both shapes."""
        super().__init__(
            f"Exposures of shape {exposures} do not fit returns of shape {returns}; give [asset] and [day, asset]."
        )


class UnknownExposureError(InvalidInputError):
    """What a position is worth is not known."""

    def __init__(self, asset: int) -> None:
        """Name the asset."""
        super().__init__(
            f"The exposure to asset {asset} is unknown; value the position, or give 0 and say what is left out."
        )


@dataclass(frozen=True, slots=True)
class Scenarios:
    """What the portfolio would have gained on the days that are known.

    Attributes:
        exposures: [asset], money.
        rows: [scenario], the days that count: rows of the returns that were given, ascending.
        returns: [scenario, asset], fractions; NaN where unknown, only in assets that are not held.
        profits: [scenario, asset], exposure * return, money; 0 in assets that are not held.
        totals: [scenario], what the whole would have gained.
    """

    exposures: FloatArray
    rows: IntArray
    returns: FloatArray
    profits: FloatArray
    totals: FloatArray


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A risk of the whole and each asset's part in it, money; positive = loss.

    Attributes:
        whole: the risk of the portfolio; NaN without scenarios.
        marginal: [asset], what one more unit of money in the asset adds; NaN where its returns are unknown.
        component: [asset], exposure * marginal, 0 where nothing is held. They sum to the whole (Euler).
        incremental: [asset], the whole less the risk without the position. They need not sum to it.
        rows: [n], the days that the risk is made of, worst first; rows of the returns that were given.
        row_weights: [n], by which the profits of those days make up minus the whole; they sum to 1. None where every
            scenario counts by its distance from the mean.
    """

    whole: float
    marginal: FloatArray
    component: FloatArray
    incremental: FloatArray
    rows: IntArray
    row_weights: FloatArray | None


def simulate(exposures: FloatArray, returns: FloatArray) -> Scenarios:
    """Apply the returns of past days to the positions of today.

    Args:
        exposures: [asset], what each position is worth in the base currency, signed; 0 where nothing is held.
        returns: [day, asset], fractions in the base currency, so with that of the exchange rate; NaN where unknown.

    Returns:
        A scenario for every day on which all assets that are held have a return; with nothing held, for every day.

    Raises:
        ExposureShapeError: Not one exposure an asset.
        UnknownExposureError: An exposure is NaN.

    >>> days = np.array([[0.01, np.nan, np.nan], [-0.02, 0.01, np.nan]])
    >>> scenarios = simulate(np.array([100.0, 200.0, 0.0]), days)
    >>> scenarios.rows.tolist(), scenarios.profits.tolist(), scenarios.totals.tolist()
    ([1], [[-2.0, 2.0, 0.0]], [0.0])
    """
    if exposures.ndim != 1 or returns.ndim != 2 or len(exposures) != returns.shape[1]:  # noqa: PLR2004 - [day, asset]
        raise ExposureShapeError(exposures.shape, returns.shape)
    for asset in np.flatnonzero(np.isnan(exposures)):
        raise UnknownExposureError(int(asset))
    is_held = exposures != 0
    rows = np.flatnonzero(~np.isnan(returns[:, is_held]).any(axis=1))
    known = returns[rows]
    profits = np.where(is_held, known * exposures, 0.0)
    return Scenarios(exposures, rows, known, profits, np.sum(profits, axis=1))


def portfolio_volatility(scenarios: Scenarios, *, periods_per_year: float, ddof: int) -> Decomposition:
    """Annualise the deviation of what the portfolio would have gained.

    marginal = covariance of the asset's return with the portfolio's profit / its deviation. NaN with `ddof` scenarios
    or fewer. Where the profit never varies, no part has any: components are 0 and marginals unknown. Source: Litterman,
    Hot Spots and Hedges (1996).

    >>> scenarios = simulate(np.array([100.0, -50.0]), np.array([[0.01, 0.0], [0.03, 0.02], [0.02, 0.01]]))
    >>> risk = portfolio_volatility(scenarios, periods_per_year=4, ddof=1)
    >>> round(risk.whole, 9), risk.component.round(9).tolist(), risk.incremental.round(9).tolist()
    (1.0, [2.0, -1.0], [0.0, -1.0])
    """

    def measure(profits: FloatArray) -> FloatArray:
        return volatility(profits, periods_per_year=periods_per_year, ddof=ddof)

    whole = float(measure(scenarios.totals))
    moves = scenarios.totals - (np.mean(scenarios.totals) if len(scenarios.totals) else 0.0)
    variance_share = moves @ scenarios.returns * periods_per_year / max(len(moves) - ddof, 1)
    marginal = divide(variance_share, whole)
    worst_first = scenarios.rows[np.argsort(scenarios.totals, kind="stable")]
    risk = _decomposition(scenarios, measure, marginal, worst_first, None)
    return replace(risk, component=np.where(whole == 0, 0.0, risk.component))


def portfolio_value_at_risk(scenarios: Scenarios, *, confidence: float) -> Decomposition:
    """Take the loss of one period that is not exceeded with probability `confidence`.

    The quantile lies on one scenario or, by interpolation, between two; a component is what the asset lost in them,
    with their weights. That sums to the whole and can be looked up, and moves more from day to day than the component
    of an expected shortfall. Of scenarios with the same profit the earliest counts. Source: Hallerbach, Decomposing
    Portfolio Value-at-Risk (2003), the conditional expectation over the sample.

    Raises:
        ConfidenceError: `confidence` is not above 0 and below 1.

    >>> days = np.array([[-0.04, 0.01], [0.02, -0.03], [0.01, 0.02]])
    >>> risk = portfolio_value_at_risk(simulate(np.array([100.0, 100.0]), days), confidence=0.75)
    >>> round(risk.whole, 9), risk.component.round(9).tolist(), risk.rows.tolist(), risk.row_weights.tolist()
    (2.0, [1.0, 1.0], [0, 1], [0.5, 0.5])
    """
    tail = tail_probability(confidence)
    count = len(scenarios.totals)
    position = tail * max(count - 1, 0)
    lower = int(position)
    order = np.argsort(scenarios.totals, kind="stable")
    weights = np.array([1.0 - (position - lower), position - lower])[:count]
    places = order[lower : lower + 2][weights > 0]

    def measure(profits: FloatArray) -> FloatArray:
        return value_at_risk(profits, confidence=confidence)

    return _decomposition_of_rows(scenarios, measure, places, weights[weights > 0])


def portfolio_expected_shortfall(scenarios: Scenarios, *, confidence: float) -> Decomposition:
    """Average the losses of one period at or beyond the value at risk; never below it.

    A component is what the asset lost on average in those scenarios. Source: Acerbi and Tasche (2002); Tasche, Risk
    Contributions and Performance Measurement (1999).

    Raises:
        ConfidenceError: `confidence` is not above 0 and below 1.

    >>> days = np.array([[-0.04, 0.01], [0.02, -0.03], [0.01, 0.02]])
    >>> risk = portfolio_expected_shortfall(simulate(np.array([100.0, 100.0]), days), confidence=0.75)
    >>> round(risk.whole, 9), risk.component.round(9).tolist(), risk.rows.tolist()
    (3.0, [4.0, -1.0], [0])
    """
    totals = scenarios.totals
    tail = np.flatnonzero(totals <= -value_at_risk(totals, confidence=confidence))
    places = tail[np.argsort(totals[tail], kind="stable")]

    def measure(profits: FloatArray) -> FloatArray:
        return expected_shortfall(profits, confidence=confidence)

    return _decomposition_of_rows(scenarios, measure, places, np.full(len(places), 1.0 / max(len(places), 1)))


def _decomposition_of_rows(
    scenarios: Scenarios, measure: Callable[[FloatArray], FloatArray], places: IntArray, weights: FloatArray
) -> Decomposition:
    """Decompose a risk that is a weighted mean of the losses in a few scenarios."""
    marginal = (
        -(weights @ scenarios.returns[places]) if len(places) else np.full(len(scenarios.exposures), np.nan)
    )
    return _decomposition(scenarios, measure, marginal, scenarios.rows[places], weights)


def _decomposition(
    scenarios: Scenarios,
    measure: Callable[[FloatArray], FloatArray],
    marginal: FloatArray,
    rows: IntArray,
    row_weights: FloatArray | None,
) -> Decomposition:
    whole = float(measure(scenarios.totals))
    without = scenarios.totals[:, np.newaxis] - scenarios.profits
    is_held = scenarios.exposures != 0
    component = np.where(is_held, scenarios.exposures * marginal, 0.0)
    incremental = np.where(is_held, whole - measure(without), 0.0)
    return Decomposition(whole, marginal, component, incremental, rows, row_weights)
