"""The figures of create_asset_360 as arrays: the statement of one truth against which the SQL is checked."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from steelyard.analytics.history import Convention, RiskFigures, risk_figures
from steelyard.analytics.observations import DateArray, FloatArray, beside, largest, mean, smallest
from steelyard.analytics.returns import total_return
from steelyard.analytics.windows import performance_window, risk_window


@dataclass(frozen=True, slots=True)
class Asset360Figures:
    """Performance of a year and risk of three months per asset [asset]; NaN = not known.

    Attributes:
        avg_daily_return: mean daily return of the year, a fraction; so the next three.
        max_daily_return: the best day.
        min_daily_return: the worst day.
        total_return: daily returns compounded.
        risk: the figures of the risk window; `risk.volatility` is the column avg_volatility.
    """

    avg_daily_return: FloatArray
    max_daily_return: FloatArray
    min_daily_return: FloatArray
    total_return: FloatArray
    risk: RiskFigures


def calculate_asset_360(
    dates: DateArray,
    returns: FloatArray,
    *,
    benchmark: FloatArray,
    risk_free: FloatArray | float,
    as_of: dt.date,
    convention: Convention,
) -> Asset360Figures:
    """Calculate the figures of asset 360 that come from returns.

    Args:
        dates: [day], datetime64[D], ascending.
        returns: [day, asset], fractions; NaN = no observation.
        benchmark: returns [day] or [day, asset]; NaN = none.
        risk_free: risk-free returns per day: a number, [day] or [day, asset]; NaN counts as 0.
        as_of: The last day of the windows.
        convention: the choices of finance.

    >>> days = np.array(["2022-12-30", "2023-12-28", "2023-12-29"], dtype="datetime64[D]")
    >>> figures = calculate_asset_360(
    ...     days, np.array([[0.9], [0.1], [0.1]]), benchmark=np.zeros(3), risk_free=0.0,
    ...     as_of=dt.date(2023, 12, 31),
    ...     convention=Convention(periods_per_year=252, confidence=0.95, ddof=1, minimum_observations=20))
    >>> figures.total_return.round(9).tolist(), figures.risk.volatility.tolist()
    ([0.21], [nan])
    """
    year = returns[performance_window(as_of).rows(dates)]
    rows = risk_window(as_of).rows(dates)
    rates = np.broadcast_to(beside(risk_free, returns), returns.shape)
    return Asset360Figures(
        avg_daily_return=mean(year),
        max_daily_return=largest(year),
        min_daily_return=smallest(year),
        total_return=total_return(year),
        risk=risk_figures(
            returns[rows],
            benchmark=beside(benchmark, returns)[rows],
            risk_free=rates[rows],
            convention=convention,
        ),
    )
