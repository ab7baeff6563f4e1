"""The shape of returns: how lopsided, how heavy in the tails, how steady over time.

Panels and NaN: see `observations`.
"""

import numpy as np

from steelyard.analytics.downside import downside_deviation, upside_risk
from steelyard.analytics.observations import FloatArray, count, deviation, divide, mean, quantile
from steelyard.analytics.risk import tail_probability


def skewness(returns: FloatArray, *, is_adjusted: bool) -> FloatArray:
    """Take the third standardised moment: above 0 where the gains reach farther than the losses.

    mean(z^3) with z = (r - mean) / population deviation; where `is_adjusted`, times sqrt(n (n - 1)) / (n - 2), the
    estimate of a sample (Excel's SKEW). NaN where the returns are constant or none, and with two or fewer where it
    is adjusted. Source: Joanes and Gill (1998), g1 and G1.

    >>> returns = np.array([0.0, 0.0, 0.0, 0.04])  # z is -1/sqrt(3) three times and sqrt(3)
    >>> round(float(skewness(returns, is_adjusted=False)), 9), round(float(skewness(returns, is_adjusted=True)), 9)
    (1.154700538, 2.0)
    """
    moment = mean(np.power(_standardised(returns), 3))
    if not is_adjusted:
        return moment
    n = count(returns)
    return divide(moment * np.sqrt(np.maximum(n * (n - 1), 0)), np.maximum(n - 2, 0))


def excess_kurtosis(returns: FloatArray, *, is_adjusted: bool) -> FloatArray:
    """Take the fourth standardised moment less 3: above 0 where the tails are heavier than the normal one's.

    mean(z^4) - 3 with z = (r - mean) / population deviation; where `is_adjusted`, ((n + 1) of it + 6) (n - 1) /
    ((n - 2) (n - 3)), the estimate of a sample (Excel's KURT). NaN where the returns are constant or none, and with
    three or fewer where it is adjusted. Source: Joanes and Gill (1998), g2 and G2.

    >>> returns = np.array([-0.02, 0.0, 0.0, 0.0, 0.02])
    >>> round(float(excess_kurtosis(returns, is_adjusted=False)), 9)
    -0.5
    >>> round(float(excess_kurtosis(returns, is_adjusted=True)), 9)
    2.0
    """
    moment = np.asarray(mean(np.power(_standardised(returns), 4)) - 3.0)
    if not is_adjusted:
        return moment
    n = count(returns)
    return divide(((n + 1) * moment + 6.0) * (n - 1), np.maximum(n - 2, 0) * np.maximum(n - 3, 0))


def tail_ratio(returns: FloatArray, *, confidence: float) -> FloatArray:
    """Divide the size of the best returns by that of the worst: the quantiles at `confidence` and 1 - `confidence`.

    Both without their sign; NaN where the lower one is 0 or there are no returns. Source: empyrical, at 0.95.

    Raises:
        ConfidenceError: `confidence` is not above 0 and below 1.

    >>> float(tail_ratio(np.array([-0.02, 0.0, 0.03]), confidence=0.999999999999))
    1.5
    """
    tail = tail_probability(confidence)
    best, worst = (quantile(returns, probability=probability) for probability in (1.0 - tail, tail))
    return divide(np.abs(best), np.abs(worst))


def volatility_skewness(returns: FloatArray, *, required_return: FloatArray | float) -> FloatArray:
    """Divide the mean square above the required return by the one below it; NaN where nothing fell short.

    Its root is the variability skewness. Source: Bacon (2008).

    >>> round(float(volatility_skewness(np.array([-0.02, 0.04]), required_return=0)), 9)
    4.0
    """
    above = upside_risk(returns, required_return=required_return, periods_per_year=1)
    below = downside_deviation(returns, required_return=required_return, periods_per_year=1)
    return np.asarray(np.square(divide(above, below)))


def stability(returns: FloatArray) -> FloatArray:
    """Take how much of the way of compounded value a straight line explains: R² of cumulative log returns on time.

    1 where value grew, or shrank, at one rate; time counts observations. NaN with fewer than two of them, where value
    did not move, and where a return is -1 or below. Source: empyrical, stability_of_timeseries.

    >>> round(float(stability(np.array([0.1, 0.1, np.nan, 0.1]))), 9)
    1.0
    """
    is_ruined = np.any(returns <= -1, axis=0)
    known = ~np.isnan(returns)
    path = np.where(
        known, np.cumsum(np.log1p(np.where(known & (returns > -1), returns, 0.0)), axis=0), np.nan
    )
    time = np.where(known, np.cumsum(known, axis=0), np.nan)
    shared = np.square(mean((time - mean(time)) * (path - mean(path))))
    r_squared = divide(shared, np.square(deviation(time, ddof=0) * deviation(path, ddof=0)))
    return np.where(is_ruined, np.nan, r_squared)


def _standardised(returns: FloatArray) -> FloatArray:
    return divide(returns - mean(returns), deviation(returns, ddof=0))
