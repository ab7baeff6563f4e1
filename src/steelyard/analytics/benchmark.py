"""Measures against a benchmark, over the days on which both have an observation.

`benchmark` is a series [day] or a panel [day, asset] of returns, as fractions per period; so is `risk_free`,
which may also be one number. Panels and NaN: see `observations`.
"""

import numpy as np

from steelyard.analytics.observations import FloatArray, beside, deviation, divide, mean
from steelyard.analytics.returns import annual_return


def paired(returns: FloatArray, benchmark: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Keep the days on which both sides have an observation; the others become NaN in both.

    Raises:
        PanelShapeError: `benchmark` does not fit `returns`.

    >>> [side.tolist() for side in paired(np.array([0.1, np.nan]), np.array([0.2, 0.3]))]
    [[0.1, nan], [0.2, nan]]
    """
    aligned = beside(benchmark, returns)
    missing = np.isnan(returns) | np.isnan(aligned)
    return np.where(missing, np.nan, returns), np.where(missing, np.nan, aligned)


def beta(returns: FloatArray, benchmark: FloatArray) -> FloatArray:
    """Take the slope of the returns on the benchmark's: covariance / variance (regr_slope in SQL).

    NaN with fewer than two common days or a constant benchmark. Source: Sharpe (1964).

    >>> round(float(beta(np.array([0.02, 0.04, np.nan]), np.array([0.01, 0.02, 0.5]))), 9)
    2.0
    """
    asset, market = paired(returns, benchmark)
    move = market - mean(market)
    covariance = np.nansum(move * (asset - mean(asset)), axis=0)
    variance = np.where(deviation(market, ddof=0) > 0, np.nansum(np.square(move), axis=0), np.nan)
    return divide(covariance, variance)


def alpha(
    returns: FloatArray, benchmark: FloatArray, *, risk_free: FloatArray | float, periods_per_year: float
) -> FloatArray:
    """Annualise, by compounding, the mean return that the benchmark does not explain.

    mean(r - rf - beta (b - rf)) per period; NaN where beta is.

    >>> round(float(alpha(np.array([0.3, 0.5]), np.array([0.1, 0.2]), risk_free=0, periods_per_year=1)), 9)
    0.1
    """
    return np.asarray(
        np.power(1.0 + mean(_unexplained(returns, benchmark, risk_free)), periods_per_year) - 1.0
    )


def jensen_alpha(
    returns: FloatArray, benchmark: FloatArray, *, risk_free: float, periods_per_year: float
) -> FloatArray:
    """Take Jensen's alpha of annualised returns: R - rf - beta (B - rf), rf the risk-free return a year.

    NaN where beta is. Source: Jensen (1968), with the annualised returns of Bacon (2008).

    >>> asset, market = np.array([0.0, 0.42]), np.array([0.0, 0.21])  # beta 2
    >>> round(float(jensen_alpha(asset, market, risk_free=0.02, periods_per_year=2)), 9)
    0.02
    """
    asset, market = paired(returns, benchmark)
    own, market_own = (annual_return(side, periods_per_year=periods_per_year) for side in (asset, market))
    return np.asarray(own - risk_free - beta(asset, market) * (market_own - risk_free))


def specific_risk(
    returns: FloatArray,
    benchmark: FloatArray,
    *,
    risk_free: FloatArray | float,
    periods_per_year: float,
    ddof: int,
) -> FloatArray:
    """Annualise the deviation of what the benchmark does not explain (residual risk); NaN where beta is.

    >>> asset, market = np.array([0.0, 0.02, 0.02, 0.0]), np.array([0.01, 0.01, 0.02, 0.02])  # beta 0
    >>> float(specific_risk(asset, market, risk_free=0, periods_per_year=4, ddof=0).round(9))
    0.02
    """
    residuals = _unexplained(returns, benchmark, risk_free)
    return np.asarray(deviation(residuals, ddof=ddof) * np.sqrt(periods_per_year))


def systematic_risk(
    returns: FloatArray, benchmark: FloatArray, *, periods_per_year: float, ddof: int
) -> FloatArray:
    """Annualise the deviation that the benchmark explains: beta * deviation of the benchmark, over the common days.

    Negative where beta is; NaN where beta is. Its square and that of `specific_risk` sum to the variance of the
    returns at one `ddof`. Source: Bacon (2008).

    >>> asset, market = np.array([0.02, 0.06]), np.array([0.01, 0.03])  # beta 2
    >>> float(systematic_risk(asset, market, periods_per_year=4, ddof=0).round(9))
    0.04
    """
    asset, market = paired(returns, benchmark)
    return np.asarray(beta(asset, market) * deviation(market, ddof=ddof) * np.sqrt(periods_per_year))


def net_selectivity(
    returns: FloatArray, benchmark: FloatArray, *, risk_free: float, periods_per_year: float
) -> FloatArray:
    """Take Jensen's alpha less what the risk taken for it should have brought (Fama's decomposition).

    alpha - (F - beta) (B - rf), F = deviation / deviation of the benchmark (Fama's beta), B and rf a year, over the
    common days; NaN where beta is. Source: Fama (1972), as in Bacon (2008).

    >>> asset, market = np.array([0.0, 0.42]), np.array([0.21, 0.0])  # beta -2, Fama's beta 2
    >>> round(float(net_selectivity(asset, market, risk_free=0.0, periods_per_year=2)), 9)
    0.0
    """
    asset, market = paired(returns, benchmark)
    diversification = divide(deviation(asset, ddof=0), deviation(market, ddof=0)) - beta(asset, market)
    premium = annual_return(market, periods_per_year=periods_per_year) - risk_free
    alpha_annual = jensen_alpha(asset, market, risk_free=risk_free, periods_per_year=periods_per_year)
    return np.asarray(alpha_annual - diversification * premium)


def tracking_error(
    returns: FloatArray, benchmark: FloatArray, *, periods_per_year: float, ddof: int
) -> FloatArray:
    """Annualise the deviation of the returns above the benchmark's; NaN with `ddof` common days or fewer.

    >>> market = np.array([0.01, 0.01])
    >>> float(tracking_error(np.array([0.02, 0.0]), market, periods_per_year=4, ddof=0).round(9))
    0.02
    """
    return np.asarray(deviation(returns - beside(benchmark, returns), ddof=ddof) * np.sqrt(periods_per_year))


def capture_ratio(returns: FloatArray, benchmark: FloatArray, *, periods_per_year: float) -> FloatArray:
    """Divide the annualised return by the benchmark's over their common days; NaN where that is 0 or unknown.

    >>> round(float(capture_ratio(np.array([0.1, 0.1]), np.array([0.2, 0.2]), periods_per_year=1)), 9)
    0.5
    """
    asset, market = paired(returns, benchmark)
    own, market_own = (annual_return(side, periods_per_year=periods_per_year) for side in (asset, market))
    return divide(own, market_own)


def up_capture_ratio(returns: FloatArray, benchmark: FloatArray, *, periods_per_year: float) -> FloatArray:
    """Take the capture ratio over the days on which the benchmark rose; NaN where it never did.

    >>> round(float(up_capture_ratio(np.array([0.1, 0.5]), np.array([0.2, -0.2]), periods_per_year=1)), 9)
    0.5
    """
    rises = np.where(np.greater(benchmark, 0), benchmark, np.nan)
    return capture_ratio(returns, rises, periods_per_year=periods_per_year)


def down_capture_ratio(returns: FloatArray, benchmark: FloatArray, *, periods_per_year: float) -> FloatArray:
    """Take the capture ratio over the days on which the benchmark fell; NaN where it never did.

    >>> round(float(down_capture_ratio(np.array([0.1, -0.1]), np.array([0.2, -0.2]), periods_per_year=1)), 9)
    0.5
    """
    falls = np.where(np.less(benchmark, 0), benchmark, np.nan)
    return capture_ratio(returns, falls, periods_per_year=periods_per_year)


def _unexplained(returns: FloatArray, benchmark: FloatArray, risk_free: FloatArray | float) -> FloatArray:
    rate = beside(risk_free, returns)
    asset, market = paired(returns - rate, beside(benchmark, returns) - rate)
    return np.asarray(asset - beta(asset, market) * market)
