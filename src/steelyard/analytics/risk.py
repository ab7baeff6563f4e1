"""Risk of one asset: spread and tail losses.

Losses are positive: a value at risk of 0.02 is two percent of value lost; a negative one is a gain. Panels
and NaN: see `observations`.
"""

from statistics import NormalDist

import numpy as np

from steelyard.analytics.observations import FloatArray, deviation, mean, quantile
from steelyard.errors import InvalidInputError


class ConfidenceError(InvalidInputError):
    """A confidence is not a fraction between 0 and 1."""

    def __init__(self, confidence: float) -> None:
        """Show the value."""
        super().__init__(f"confidence is {confidence}; give a fraction above 0 and below 1, such as 0.95.")


def volatility(returns: FloatArray, *, periods_per_year: float, ddof: int) -> FloatArray:
    """Annualise the standard deviation of the returns: deviation * sqrt(periods_per_year).

    A fraction a year; NaN with `ddof` observations or fewer.

    >>> round(float(volatility(np.array([0.01, 0.03]), periods_per_year=4, ddof=0)), 9)
    0.02
    """
    return np.asarray(deviation(returns, ddof=ddof) * np.sqrt(periods_per_year))


def mean_absolute_deviation(returns: FloatArray) -> FloatArray:
    """Average the distance of each return from their mean (Bacon 2008); NaN where there are no returns.

    >>> round(float(mean_absolute_deviation(np.array([0.01, 0.03]))), 9)
    0.01
    """
    return mean(np.abs(returns - mean(returns)))


def tail_probability(confidence: float) -> float:
    """Turn a confidence into the probability of the tail beyond it: 0.95 into 0.05.

    Rounded to 12 places: 1 - 0.95 is 0.050000000000000044 in binary, which would interpolate past an
    observation that percentile_cont(0.05) hits.

    Raises:
        ConfidenceError: `confidence` is not above 0 and below 1.

    >>> tail_probability(0.95)
    0.05
    """
    if not 0.0 < confidence < 1.0:
        raise ConfidenceError(confidence)
    return round(1.0 - confidence, 12)


def value_at_risk(returns: FloatArray, *, confidence: float) -> FloatArray:
    """Take the historical value at risk: minus the linear quantile of the returns at 1 - confidence.

    One period's loss as a positive fraction of value, not exceeded with probability `confidence`. NaN where
    there are no returns. Source: Jorion, Value at Risk (2006), historical simulation.

    Raises:
        ConfidenceError: `confidence` is not above 0 and below 1.

    >>> float(value_at_risk(np.array([-0.03, 0.01, 0.02]), confidence=0.5))
    -0.01
    """
    return np.asarray(0.0 - quantile(returns, probability=tail_probability(confidence)))


def mean_loss_beyond(returns: FloatArray, value_at_risk: FloatArray) -> FloatArray:
    """Average the losses at or beyond a known value at risk [asset]; positive = loss, NaN where it is NaN.

    >>> float(mean_loss_beyond(np.array([-0.04, -0.02, 0.01]), np.array(0.02)))
    0.03
    """
    return np.asarray(0.0 - mean(np.where(returns <= -value_at_risk, returns, np.nan)))


def expected_shortfall(returns: FloatArray, *, confidence: float) -> FloatArray:
    """Average the losses at or beyond the historical value at risk; never below it.

    One period's loss as a positive fraction of value. NaN where there are no returns. Source: Acerbi and
    Tasche, On the coherence of expected shortfall (2002), tail mean of the sample.

    Raises:
        ConfidenceError: `confidence` is not above 0 and below 1.

    >>> float(expected_shortfall(np.array([-0.04, -0.02, 0.01]), confidence=0.5))
    0.03
    """
    return mean_loss_beyond(returns, value_at_risk(returns, confidence=confidence))


def parametric_value_at_risk(returns: FloatArray, *, confidence: float, ddof: int) -> FloatArray:
    """Take the value at risk of a normal distribution: -(mean + z * deviation).

    z is the standard normal quantile at 1 - confidence.

    One period's loss as a positive fraction of value; NaN with `ddof` returns or fewer. Source: Jorion
    (2006).

    Raises:
        ConfidenceError: `confidence` is not above 0 and below 1.

    >>> round(float(parametric_value_at_risk(np.array([-0.01, 0.01]), confidence=0.95, ddof=0)), 5)
    0.01645
    """
    z = NormalDist().inv_cdf(tail_probability(confidence))
    return np.asarray(-(mean(returns) + z * deviation(returns, ddof=ddof)))


def parametric_expected_shortfall(returns: FloatArray, *, confidence: float, ddof: int) -> FloatArray:
    """Take the expected shortfall of a normal distribution: -(mean - deviation * phi(z) / tail).

    z is the standard normal quantile at tail = 1 - confidence, phi its density.

    One period's loss as a positive fraction of value; NaN with `ddof` returns or fewer. Source: McNeil, Frey
    and Embrechts, Quantitative Risk Management (2015), example 2.14.

    Raises:
        ConfidenceError: `confidence` is not above 0 and below 1.

    >>> round(float(parametric_expected_shortfall(np.array([-0.01, 0.01]), confidence=0.95, ddof=0)), 5)
    0.02063
    """
    tail, normal = tail_probability(confidence), NormalDist()
    tail_mean = normal.pdf(normal.inv_cdf(tail)) / tail
    return np.asarray(-(mean(returns) - deviation(returns, ddof=ddof) * tail_mean))
