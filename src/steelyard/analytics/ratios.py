"""Return per unit of risk.

`risk_free` and `required_return` are returns per period as fractions: one number, a series [day] or a panel
[day, asset]; a day on which they are NaN is no observation. Where a docstring says so, `risk_free` is one number, a
year. Panels and NaN: see `observations`.
"""

import numpy as np

from steelyard.analytics.benchmark import beta, jensen_alpha, paired, specific_risk, tracking_error
from steelyard.analytics.downside import downside_deviation, downside_potential, upside_potential
from steelyard.analytics.drawdown import max_drawdown, pain_index, streak_risk, ulcer_index
from steelyard.analytics.observations import FloatArray, beside, count, deviation, divide, mean
from steelyard.analytics.returns import annual_return


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

    Source: Keating and Shadwick (2002). Less 1 it is the Omega-Sharpe ratio; at a required return of 0 it is the ratio
    of Bernardo and Ledoit (2000), gains to losses.

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


def kappa_ratio(returns: FloatArray, *, required_return: FloatArray | float, order: float) -> FloatArray:
    """Divide the mean return above the required one by the root of order `order` of the mean powered shortfall.

    (mean(r) - required) / mean(max(required - r, 0)^order)^(1 / order), per period: order 1 is `omega_ratio` less
    1, order 2 Sortino's ratio of one period. NaN where nothing fell short. Source: Kaplan and Knowles (2004).

    >>> float(kappa_ratio(np.array([-0.02, 0.04]), required_return=0, order=1))
    1.0
    """
    excess = returns - beside(required_return, returns)
    shortfall = mean(np.power(np.maximum(-excess, 0.0), order))
    return divide(mean(excess), np.power(shortfall, 1.0 / order))


def upside_potential_ratio(returns: FloatArray, *, required_return: FloatArray | float) -> FloatArray:
    """Divide the upside potential by the downside deviation, per period; NaN where nothing fell short.

    Source: Sortino, van der Meer and Plantinga (1999), both over all observations.

    >>> float(upside_potential_ratio(np.array([-0.02, 0.06, 0.0, 0.0]), required_return=0).round(9))
    1.5
    """
    downside = downside_deviation(returns, required_return=required_return, periods_per_year=1)
    return divide(upside_potential(returns, required_return=required_return), downside)


def prospect_ratio(returns: FloatArray, *, required_return: FloatArray | float) -> FloatArray:
    """Divide what a person feels of the returns, less the required one, by the downside deviation, per period.

    (mean(max(r, 0) + 2.25 min(r, 0)) - required) / downside deviation: a loss weighs 2.25 times a gain. NaN where
    nothing fell short. Source: Watanabe (2006), in Bacon (2008), with the weight of Tversky and Kahneman (1992).

    >>> float(prospect_ratio(np.array([-0.02, 0.065, 0.0, 0.0]), required_return=0).round(9))
    0.5
    """
    felt = np.where(returns < 0, 2.25 * returns, returns) - beside(required_return, returns)
    downside = downside_deviation(returns, required_return=required_return, periods_per_year=1)
    return divide(mean(felt), downside)


def d_ratio(returns: FloatArray) -> FloatArray:
    """Divide the number of losses times their sum by the number of gains times theirs; 0 without any loss.

    0 is the best, without bound the worst; NaN where nothing was gained. Source: Lavinio (1999), in Bacon (2008).

    >>> float(d_ratio(np.array([-0.01, 0.02, 0.02])))
    0.125
    """
    lost, gained = (mean(np.maximum(sign * returns, 0.0)) for sign in (-1.0, 1.0))
    losses, gains = (np.sum(sign * returns > 0, axis=0) for sign in (-1.0, 1.0))
    return divide(losses * lost, gains * gained)


def burke_ratio(returns: FloatArray, *, risk_free: float, periods_per_year: float) -> FloatArray:
    """Divide the annual return above the risk-free one by the root of the summed squares of losing streaks.

    `risk_free` is a return a year. NaN where there is no loss. Source: Burke (1994), as in Bacon (2008).

    >>> round(float(burke_ratio(np.array([-0.5, 1.42]), risk_free=0.11, periods_per_year=1)), 9)
    -0.02
    """
    return divide(_annual_excess(returns, risk_free, periods_per_year), streak_risk(returns))


def pain_ratio(returns: FloatArray, *, risk_free: float, periods_per_year: float) -> FloatArray:
    """Divide the annual return above the risk-free one by the pain index; NaN where value never fell.

    `risk_free` is a return a year. Source: Becker, in Bacon (2008).

    >>> round(float(pain_ratio(np.array([-0.5, 1.42]), risk_free=0.0, periods_per_year=1)), 9)
    0.4
    """
    return divide(_annual_excess(returns, risk_free, periods_per_year), pain_index(returns))


def martin_ratio(returns: FloatArray, *, risk_free: float, periods_per_year: float) -> FloatArray:
    """Divide the annual return above the risk-free one by the ulcer index (ulcer performance index).

    `risk_free` is a return a year. NaN where value never fell. Source: Martin and McCann (1989).

    >>> round(float(martin_ratio(np.array([-0.4, 1.4, -0.3, 0.0]), risk_free=0.0, periods_per_year=4)), 9)
    0.027439774
    """
    return divide(_annual_excess(returns, risk_free, periods_per_year), ulcer_index(returns))


def treynor_ratio(
    returns: FloatArray, benchmark: FloatArray, *, risk_free: float, periods_per_year: float
) -> FloatArray:
    """Divide the annual return above the risk-free one by beta, over the common days; NaN where beta is 0 or NaN.

    `risk_free` is a return a year. Source: Treynor (1965).

    >>> asset, market = np.array([0.0, 0.42]), np.array([0.0, 0.21])  # beta 2
    >>> round(float(treynor_ratio(asset, market, risk_free=0.02, periods_per_year=2)), 9)
    0.2
    """
    asset, market = paired(returns, benchmark)
    return divide(_annual_excess(asset, risk_free, periods_per_year), beta(asset, market))


def appraisal_ratio(
    returns: FloatArray, benchmark: FloatArray, *, risk_free: float, periods_per_year: float, ddof: int
) -> FloatArray:
    """Divide Jensen's alpha by the specific risk; NaN where the benchmark explains everything.

    `risk_free` is a return a year; it moves the level of the residuals and not their spread. Source: Treynor and
    Black (1973), as in Bacon (2008).

    >>> asset, market = np.array([0.0, 0.02, 0.02, 0.0]), np.array([0.01, 0.01, 0.02, 0.02])  # beta 0
    >>> round(float(appraisal_ratio(asset, market, risk_free=0, periods_per_year=4, ddof=0)), 9)
    2.02
    """
    alpha = jensen_alpha(returns, benchmark, risk_free=risk_free, periods_per_year=periods_per_year)
    risk = specific_risk(returns, benchmark, risk_free=0.0, periods_per_year=periods_per_year, ddof=ddof)
    return divide(alpha, risk)


def m_squared(
    returns: FloatArray, benchmark: FloatArray, *, risk_free: float, periods_per_year: float
) -> FloatArray:
    """Take the annual return that there would have been at the benchmark's risk, by borrowing or lending.

    rf + (R - rf) * deviation of the benchmark / deviation, rf and R a year, over the common days; NaN where the
    return is constant. Source: Modigliani and Modigliani (1997), with annualised returns as in Bacon (2008).

    >>> asset, market = np.array([0.0, 0.42]), np.array([0.0, 0.21])  # twice the risk
    >>> round(float(m_squared(asset, market, risk_free=0.02, periods_per_year=2)), 9)
    0.22
    """
    asset, market = paired(returns, benchmark)
    scale = divide(deviation(market, ddof=0), deviation(asset, ddof=0))
    return np.asarray(risk_free + _annual_excess(asset, risk_free, periods_per_year) * scale)


def m_squared_sortino(
    returns: FloatArray, benchmark: FloatArray, *, required_return: float, periods_per_year: float
) -> FloatArray:
    """Take the annual return that there would have been at the benchmark's downside risk.

    R + Sortino's ratio * (downside deviation of the benchmark - its own), all of a year, over the common days;
    `required_return` is per period. Not finite where Sortino's ratio is not. Source: Bacon (2008).

    >>> asset, market = np.array([-0.02, 0.02]), np.array([-0.01, 0.01])
    >>> round(float(m_squared_sortino(asset, market, required_return=-0.01, periods_per_year=2)), 9)
    -0.0204
    """
    asset, market = paired(returns, benchmark)
    own, markets = (
        downside_deviation(side, required_return=required_return, periods_per_year=periods_per_year)
        for side in (asset, market)
    )
    ratio = sortino_ratio(asset, required_return=required_return, periods_per_year=periods_per_year)
    return np.asarray(annual_return(asset, periods_per_year=periods_per_year) + ratio * (markets - own))


def _annual_excess(returns: FloatArray, risk_free: float, periods_per_year: float) -> FloatArray:
    return np.asarray(annual_return(returns, periods_per_year=periods_per_year) - risk_free)
