"""Figures of a track record: each with its formula, so that the number and its trail can never part.

A figure is worked out by the measure that its formula describes; a test makes every one again from the rows of its
trail. Names in formulas: see `trail`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from steelyard.analytics.benchmark import alpha, beta, down_capture_ratio, tracking_error, up_capture_ratio
from steelyard.analytics.day_count import DayCount, annualise, elapsed_years
from steelyard.analytics.drawdown import drawdowns, max_drawdown
from steelyard.analytics.money_weighted import Rates, internal_rates
from steelyard.analytics.observations import FloatArray, divide
from steelyard.analytics.ratios import information_ratio, omega_ratio, sharpe_ratio, sortino_ratio
from steelyard.analytics.returns import total_return
from steelyard.analytics.risk import volatility
from steelyard.analytics.time_weighted import FlowTiming, currency_effect, link
from steelyard.analytics.track_record import TrackRecord
from steelyard.analytics.trail import Convention, Trail, Unit, known, rows_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """The choices of finance behind the figures of a performance.

    Attributes:
        timing: when the flows of a day come and go.
        after_fees: whether fees lower the return; else they count as money taken out.
        after_taxes: the same of taxes.
        periods_per_year: days with a return in a year, to annualise measures of risk.
        day_count: calendar days in a year, to annualise returns.
        ddof: 1 = sample deviation, 0 = population.
        confidence: of value at risk and expected shortfall.
        required_return: return a day that Sortino and omega measure against, a fraction.
        minimum_observations: with fewer days no measure of risk is given.
    """

    timing: FlowTiming = FlowTiming.IN_AT_START_OUT_AT_END
    after_fees: bool = True
    after_taxes: bool = True
    periods_per_year: int = 252
    day_count: DayCount = DayCount.ACT_365
    ddof: int = 1
    confidence: float = 0.95
    required_return: float = 0.0
    minimum_observations: int = 20


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and what it is counted in, or why there is none.

    Attributes:
        value: None = not known.
        reason: why not; "" where it is known.
    """

    value: float | None
    unit: Unit
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """How a figure follows from the days of a record.

    Attributes:
        unit: what it is counted in.
        formula: over `columns`.
        columns: of the trail, after the day.
        calculate: the measure.
        is_relative: whether it needs a benchmark; then only days on which both have a return count.
        is_risk: whether it takes a least number of days.
    """

    unit: Unit
    formula: str
    columns: tuple[str, ...]
    calculate: Callable[["Days", Conventions], FloatArray | float]
    is_relative: bool = False
    is_risk: bool = True


@dataclass(frozen=True, slots=True)
class Days:
    """The days that measures are taken over [day]; fractions."""

    dates: FloatArray | np.ndarray[tuple[int], np.dtype[np.datetime64]]
    daily_return: FloatArray
    benchmark: FloatArray
    risk_free: FloatArray

    @classmethod
    def of(cls, record: TrackRecord, *, both: bool) -> "Days":
        """Take the days of a record on which capital worked, and the benchmark too where `both`."""
        market = record.benchmark_returns
        kept = ~np.isnan(market) if both else np.ones(len(market), np.bool_)
        worked = record.worked
        return cls(
            record.dates[worked][kept], record.returns[kept], market[kept], record.risk_free[worked][kept]
        )


def _sample(x: str) -> str:
    return f"sqrt(sum(({x} - mean({x})) ** 2) / (count({x}) - ddof))"


def _capture(side: str) -> str:
    kept = f"where(1 + {{}}, benchmark {side} 0)"
    grown = f"product({kept}) ** (periods_per_year / count(where(benchmark, benchmark {side} 0))) - 1"
    return f"({grown.format('daily_return')}) / ({grown.format('benchmark')})"


_WEALTH: Final = "wealth = running_product(1 + daily_return); peak = running_max(max(wealth, 1)); drawdown = 1 - wealth / peak"
_EXCESS: Final = "excess = daily_return - risk_free"
_SLOPE: Final = "sum((market - mean(market)) * (excess - mean(excess))) / sum((market - mean(market)) ** 2)"

MEASURES: Final[Mapping[str, Measure]] = {
    "volatility": Measure(
        Unit.FRACTION,
        f"{_sample('daily_return')} * sqrt(periods_per_year)",
        ("daily_return",),
        lambda days, by: volatility(
            days.daily_return, periods_per_year=by.periods_per_year, ddof=by.ddof
        ),
    ),
    "sharpe_ratio": Measure(
        Unit.RATIO,
        f"{_EXCESS}; mean(excess) / {_sample('excess')} * sqrt(periods_per_year)",
        ("daily_return", "risk_free", "excess"),
        lambda days, by: sharpe_ratio(
            days.daily_return,
            risk_free=days.risk_free,
            periods_per_year=by.periods_per_year,
            ddof=by.ddof,
        ),
    ),
    "sortino_ratio": Measure(
        Unit.RATIO,
        "shortfall = max(required_return - daily_return, 0); "
        "mean(daily_return - required_return) * sqrt(periods_per_year) / sqrt(mean(shortfall ** 2))",
        ("daily_return", "shortfall"),
        lambda days, by: sortino_ratio(
            days.daily_return, required_return=by.required_return, periods_per_year=by.periods_per_year
        ),
    ),
    "omega_ratio": Measure(
        Unit.RATIO,
        "shortfall = max(required_return - daily_return, 0); "
        "sum(daily_return - required_return + shortfall) / sum(shortfall)",
        ("daily_return", "shortfall"),
        lambda days, by: omega_ratio(days.daily_return, required_return=by.required_return),
    ),
    "max_drawdown": Measure(
        Unit.FRACTION,
        f"{_WEALTH}; max(drawdown)",
        ("daily_return", "wealth", "peak", "drawdown"),
        lambda days, _: max_drawdown(days.daily_return),
        is_risk=False,
    ),
    "benchmark_return": Measure(
        Unit.FRACTION,
        "product(1 + benchmark) - 1",
        ("benchmark",),
        lambda days, _: total_return(days.benchmark),
        is_relative=True,
        is_risk=False,
    ),
    "alpha": Measure(
        Unit.FRACTION,
        f"{_EXCESS}; market = benchmark - risk_free; "
        f"(1 + mean(excess) - {_SLOPE} * mean(market)) ** periods_per_year - 1",
        ("daily_return", "benchmark", "risk_free", "excess", "market"),
        lambda days, by: alpha(
            days.daily_return,
            days.benchmark,
            risk_free=days.risk_free,
            periods_per_year=by.periods_per_year,
        ),
        is_relative=True,
    ),
    "beta": Measure(
        Unit.RATIO,
        "sum((benchmark - mean(benchmark)) * (daily_return - mean(daily_return))) / "
        "sum((benchmark - mean(benchmark)) ** 2)",
        ("daily_return", "benchmark"),
        lambda days, _: beta(days.daily_return, days.benchmark),
        is_relative=True,
    ),
    "tracking_error": Measure(
        Unit.FRACTION,
        f"active = daily_return - benchmark; {_sample('active')} * sqrt(periods_per_year)",
        ("daily_return", "benchmark", "active"),
        lambda days, by: tracking_error(
            days.daily_return, days.benchmark, periods_per_year=by.periods_per_year, ddof=by.ddof
        ),
        is_relative=True,
    ),
    "information_ratio": Measure(
        Unit.RATIO,
        f"active = daily_return - benchmark; mean(active) / {_sample('active')} * sqrt(periods_per_year)",
        ("daily_return", "benchmark", "active"),
        lambda days, by: information_ratio(
            days.daily_return, days.benchmark, periods_per_year=by.periods_per_year, ddof=by.ddof
        ),
        is_relative=True,
    ),
    "up_capture": Measure(
        Unit.RATIO,
        _capture(">"),
        ("daily_return", "benchmark"),
        lambda days, by: up_capture_ratio(
            days.daily_return, days.benchmark, periods_per_year=by.periods_per_year
        ),
        is_relative=True,
    ),
    "down_capture": Measure(
        Unit.RATIO,
        _capture("<"),
        ("daily_return", "benchmark"),
        lambda days, by: down_capture_ratio(
            days.daily_return, days.benchmark, periods_per_year=by.periods_per_year
        ),
        is_relative=True,
    ),
}
"""Figures that follow from daily returns."""
