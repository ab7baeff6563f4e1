"""The history of an asset's risk: trailing figures on each calculation date."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from steelyard.analytics.benchmark import beta, paired
from steelyard.analytics.drawdown import max_drawdown
from steelyard.analytics.observations import DateArray, FloatArray, IntArray, beside, count
from steelyard.analytics.ratios import sharpe_ratio
from steelyard.analytics.risk import (
    mean_loss_beyond,
    parametric_expected_shortfall,
    parametric_value_at_risk,
    value_at_risk,
    volatility,
)
from steelyard.analytics.windows import risk_window


@dataclass(frozen=True, slots=True)
class Convention:
    """How risk is measured; nothing here has a default, because each is a choice of finance.

    Attributes:
        periods_per_year: how many returns make a year, for volatility and Sharpe.
        confidence: of value at risk and expected shortfall, such as 0.95.
        ddof: 1 for the deviation of a sample, 0 of a population.
        minimum_observations: with fewer returns in the window every figure is NaN; so is beta with fewer days
            on which the benchmark has one too.
    """

    periods_per_year: float
    confidence: float
    ddof: int
    minimum_observations: int


@dataclass(frozen=True, slots=True)
class RiskFigures:
    """Risk over one window per asset [asset], or over several [date, asset]; NaN = not known.

    Attributes:
        volatility: annual, a fraction.
        value_at_risk: historical, of one period; a fraction of value, positive = loss; so the next three.
        expected_shortfall: historical.
        parametric_value_at_risk: of the normal distribution with the same mean and deviation.
        parametric_expected_shortfall: of that distribution.
        max_drawdown: positive fraction of the peak, value being 1 at the window's start.
        beta: slope on the benchmark's returns.
        sharpe_ratio: annual.
        observations: returns in the window; known also where the figures are not.
    """

    volatility: FloatArray
    value_at_risk: FloatArray
    expected_shortfall: FloatArray
    parametric_value_at_risk: FloatArray
    parametric_expected_shortfall: FloatArray
    max_drawdown: FloatArray
    beta: FloatArray
    sharpe_ratio: FloatArray
    observations: IntArray


def risk_figures(
    returns: FloatArray, *, benchmark: FloatArray, risk_free: FloatArray | float, convention: Convention
) -> RiskFigures:
    """Measure the risk of every asset over all rows of a panel.

    Args:
        returns: [day, asset], fractions; NaN = no observation.
        benchmark: returns [day] for all assets or [day, asset] for each its own; NaN = none.
        risk_free: risk-free returns per day: a number, [day] or [day, asset]; NaN counts as 0.
        convention: the choices of finance.

    >>> figures = risk_figures(
    ...     np.array([[0.0], [0.02]]), benchmark=np.array([0.0, 0.01]), risk_free=0.0,
    ...     convention=Convention(periods_per_year=4, confidence=0.95, ddof=0, minimum_observations=2))
    >>> figures.volatility.round(9).tolist(), figures.beta.round(9).tolist()
    ([0.02], [2.0])
    """
    observations = count(returns)
    enough = observations >= convention.minimum_observations
    years, ddof, confidence = convention.periods_per_year, convention.ddof, convention.confidence
    rates = np.nan_to_num(beside(risk_free, returns))
    loss = value_at_risk(returns, confidence=confidence)
    common = count(paired(returns, benchmark)[0])

    def known(figure: FloatArray) -> FloatArray:
        return np.where(enough, figure, np.nan)

    return RiskFigures(
        volatility=known(volatility(returns, periods_per_year=years, ddof=ddof)),
        value_at_risk=known(loss),
        expected_shortfall=known(mean_loss_beyond(returns, loss)),
        parametric_value_at_risk=known(parametric_value_at_risk(returns, confidence=confidence, ddof=ddof)),
        parametric_expected_shortfall=known(
            parametric_expected_shortfall(returns, confidence=confidence, ddof=ddof)
        ),
        max_drawdown=known(max_drawdown(returns)),
        beta=np.where(common >= convention.minimum_observations, beta(returns, benchmark), np.nan),
        sharpe_ratio=known(sharpe_ratio(returns, risk_free=rates, periods_per_year=years, ddof=ddof)),
        observations=observations,
    )


def risk_history(
    dates: DateArray,
    returns: FloatArray,
    *,
    benchmark: FloatArray,
    risk_free: FloatArray | float,
    calculation_dates: DateArray,
    convention: Convention,
) -> RiskFigures:
    """Measure the risk of every asset over the three calendar months before each calculation date.

    Args:
        dates: [day], datetime64[D], ascending.
        returns: [day, asset], fractions; NaN = no observation.
        benchmark: returns [day] or [day, asset]; NaN = none.
        risk_free: risk-free returns per day: a number, [day] or [day, asset]; NaN counts as 0.
        calculation_dates: [date], the last day of each window; see `windows.calculation_dates`.
        convention: the choices of finance.

    Returns:
        Figures [date, asset], in the order of `calculation_dates`.

    >>> days = np.array(["2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    >>> risk_history(
    ...     days, np.array([[0.0], [0.02]]), benchmark=np.zeros(2), risk_free=0.0, calculation_dates=days,
    ...     convention=Convention(periods_per_year=4, confidence=0.95, ddof=0, minimum_observations=2),
    ... ).volatility.round(9).tolist()
    [[nan], [0.02]]
    """
    market, rates = beside(benchmark, returns), np.broadcast_to(beside(risk_free, returns), returns.shape)
    figures = []
    for day in calculation_dates.astype("datetime64[D]").astype(dt.date):
        rows = risk_window(day).rows(dates)
        figures.append(
            risk_figures(returns[rows], benchmark=market[rows], risk_free=rates[rows], convention=convention)
        )
    return RiskFigures(
        **{
            name: np.array([getattr(one, name) for one in figures]).reshape(-1, returns.shape[1])
            for name in RiskFigures.__slots__
        }
    )
