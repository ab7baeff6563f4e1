"""Partial moments: what happened below, or above, a required return.

`required_return` is a return per period, as a fraction: one number, a series [day] or a panel [day, asset].
All averages run over every observation, not only over those on one side (Bacon 2008, the "full" method).
Panels and NaN: see `observations`.
"""

import numpy as np

from steelyard.analytics.observations import FloatArray, beside, mean


def downside_deviation(
    returns: FloatArray, *, required_return: FloatArray | float, periods_per_year: float
) -> FloatArray:
    """Annualise the root mean square of the shortfalls below the required return (downside risk).

    A fraction a year, 0 where nothing fell short, NaN where there are no returns. Source: Sortino and Price
    (1994).

    >>> returns = np.array([-0.02, 0.03, 0.01, 0.0])
    >>> round(float(downside_deviation(returns, required_return=0, periods_per_year=4)), 9)
    0.02
    """
    return np.asarray(np.sqrt(mean(np.square(_shortfall(returns, required_return))) * periods_per_year))


def downside_potential(returns: FloatArray, *, required_return: FloatArray | float) -> FloatArray:
    """Average the shortfalls below the required return; a positive fraction, 0 where nothing fell short.

    >>> float(downside_potential(np.array([-0.02, 0.02]), required_return=0))
    0.01
    """
    return mean(_shortfall(returns, required_return))


def downside_frequency(returns: FloatArray, *, required_return: FloatArray | float) -> FloatArray:
    """Take the share of returns below the required return, 0 to 1.

    >>> float(downside_frequency(np.array([-0.02, 0.02, 0.0, np.nan, -0.01]), required_return=0))
    0.5
    """
    return mean(_happened(_shortfall(returns, required_return)))


def upside_risk(
    returns: FloatArray, *, required_return: FloatArray | float, periods_per_year: float
) -> FloatArray:
    """Annualise the root mean square of what exceeded the required return.

    The mirror of `downside_deviation`.

    >>> round(float(upside_risk(np.array([-0.03, 0.02, 0.0, 0.0]), required_return=0, periods_per_year=4)), 9)
    0.02
    """
    return np.asarray(np.sqrt(mean(np.square(_surplus(returns, required_return))) * periods_per_year))


def upside_potential(returns: FloatArray, *, required_return: FloatArray | float) -> FloatArray:
    """Average what exceeded the required return; a positive fraction, 0 where nothing did.

    >>> float(upside_potential(np.array([-0.02, 0.02]), required_return=0))
    0.01
    """
    return mean(_surplus(returns, required_return))


def upside_frequency(returns: FloatArray, *, required_return: FloatArray | float) -> FloatArray:
    """Take the share of returns above the required return, 0 to 1.

    >>> float(upside_frequency(np.array([-0.02, 0.02, 0.0, np.nan, -0.01]), required_return=0))
    0.25
    """
    return mean(_happened(_surplus(returns, required_return)))


def _shortfall(returns: FloatArray, required_return: FloatArray | float) -> FloatArray:
    return np.asarray(np.maximum(beside(required_return, returns) - returns, 0.0))


def _surplus(returns: FloatArray, required_return: FloatArray | float) -> FloatArray:
    return np.asarray(np.maximum(returns - beside(required_return, returns), 0.0))


def _happened(amounts: FloatArray) -> FloatArray:
    return np.where(np.isnan(amounts), np.nan, amounts > 0)
