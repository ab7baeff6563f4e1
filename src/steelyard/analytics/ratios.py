"""Return per unit of risk.

`risk_free` and `required_return` are returns per period as fractions: one number, a series [day] or a panel
[day, asset]; a day on which they are NaN is no observation. Panels and NaN: see `observations`.
"""

import numpy as np

from steelyard.analytics.benchmark import tracking_error
from steelyard.analytics.downside import downside_deviation, downside_potential, upside_potential
from steelyard.analytics.observations import FloatArray, beside, count, deviation, divide, mean
from steelyard.analytics.returns import annual_return
from steelyard.analytics.risk import max_drawdown


def sharpe_ratio(
    returns: FloatArray, *, risk_free: FloatArray | float, periods_per_year: float, ddof: int
) -> FloatArray:
    """Annualise mean(r - rf) / deviation(r - rf).

    NaN with `ddof` observations or fewer, and where the excess return is constant. Source: Sharpe (1994).

    >>> round(float(sharpe_ratio(np.array([0.01, 0.03]), risk_free=0, periods_per_year=4, ddof=0)), 9)
    4.0
    """
    excess = returns - beside(risk_free, returns)
    return np.asarray(divide(mean(excess), deviation(excess, ddof=ddof)) * np.sqrt(periods_per_year))


def sortino_ratio(
    returns: FloatArray, *, required_return: FloatArray | float, periods_per_year: float
) -> FloatArray:
    """Divide the annual mean return above the required one by the downside deviation.

    NaN with fewer than two observations. Where nothing fell short the ratio has no bound: infinite, or NaN
    where nothing rose either. Source: Sortino and Price (1994).

    >>> returns = np.array([-0.02, 0.03, 0.03, 0.0])
    >>> float(sortino_ratio(returns, required_return=0, periods_per_year=4).round(9))
    2.0
    """
    excess = mean(returns - beside(required_return, returns)) * periods_per_year
    downside = downside_deviation(returns, required_return=required_return, periods_per_year=periods_per_year)
    unbounded = np.where((downside == 0) & (excess > 0), np.inf, divide(excess, downside))
    return np.where(count(returns - beside(required_return, returns)) > 1, unbounded, np.nan)


def calmar_ratio(returns: FloatArray, *, periods_per_year: float) -> FloatArray:
    """Divide the annual return by the deepest drawdown; NaN where value never fell. Source: Young (1991).

    >>> round(float(calmar_ratio(np.array([-0.5, 1.42]), periods_per_year=1)), 9)
    0.2
    """
    return divide(annual_return(returns, periods_per_year=periods_per_year), max_drawdown(returns))


def omega_ratio(returns: FloatArray, *, required_return: FloatArray | float) -> FloatArray:
    """Divide the gains above the required return by the shortfalls below it; NaN where nothing fell short.

    Source: Keating and Shadwick (2002). Less 1 it is the Omega-Sharpe ratio.

    >>> float(omega_ratio(np.array([-0.02, 0.03]), required_return=0))
    1.5
    """
    gains = upside_potential(returns, required_return=required_return)
    return divide(gains, downside_potential(returns, required_return=required_return))


def information_ratio(
    returns: FloatArray, benchmark: FloatArray, *, periods_per_year: float, ddof: int
) -> FloatArray:
    """Divide the annual mean return above the benchmark's by the tracking error.

    NaN with `ddof` common days or fewer, and where the difference is constant. Source: Grinold and Kahn
    (1999).

    >>> market = np.array([0.01, 0.01])
    >>> float(information_ratio(np.array([0.02, 0.04]), market, periods_per_year=4, ddof=0).round(9))
    4.0
    """
    active = mean(returns - beside(benchmark, returns)) * periods_per_year
    return divide(active, tracking_error(returns, benchmark, periods_per_year=periods_per_year, ddof=ddof))
