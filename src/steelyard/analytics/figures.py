"""Figures of a track record: each with its formula, so that the number and its trail can never part.

A figure is worked out by the measure that its formula describes; a test makes every one again from the rows of its
trail. Names in formulas: see `trail`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from steelyard.analytics.benchmark import alpha, beta, down_capture_ratio, tracking_error, up_capture_ratio
from steelyard.analytics.drawdown import max_drawdown
from steelyard.analytics.history import Convention
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.ratios import information_ratio, omega_ratio, sharpe_ratio, sortino_ratio
from steelyard.analytics.returns import total_return
from steelyard.analytics.risk import volatility
from steelyard.analytics.track_record import TrackRecord
from steelyard.analytics.trail import Trail, Unit, known, rows_of

REQUIRED_RETURN: Final = 0.0
"""Return a day that Sortino and omega measure against, a fraction."""


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
    calculate: Callable[["Days", Convention], FloatArray]
    is_relative: bool = False
    is_risk: bool = True


@dataclass(frozen=True, slots=True)
class Days:
    """The days that measures are taken over [day]; fractions."""

    dates: DateArray
    daily_return: FloatArray
    benchmark: FloatArray
    risk_free: FloatArray

    @classmethod
    def of(cls, record: TrackRecord) -> "Days":
        """Take the days of a record on which capital worked; the benchmark is NaN where it is not known."""
        worked = record.worked
        return cls(record.dates[worked], record.returns, record.benchmark_returns, record.risk_free[worked])

    def with_benchmark(self) -> "Days":
        """Keep the days on which the benchmark has a return."""
        kept = ~np.isnan(self.benchmark)
        return Days(self.dates[kept], self.daily_return[kept], self.benchmark[kept], self.risk_free[kept])


def _sample(x: str) -> str:
    return f"sqrt(sum(({x} - mean({x})) ** 2) / (count({x}) - ddof))"


def _capture(side: str) -> str:
    kept = f"where(1 + {{}}, benchmark {side} 0)"
    grown = f"product({kept}) ** (periods_per_year / count(where(benchmark, benchmark {side} 0))) - 1"
    return f"({grown.format('daily_return')}) / ({grown.format('benchmark')})"


_WEALTH: Final = (
    "wealth = running_product(1 + daily_return); "
    "peak = running_max(max(wealth, 1)); "
    "drawdown = 1 - wealth / peak"
)
_EXCESS: Final = "excess = daily_return - risk_free"
_SLOPE: Final = "sum((market - mean(market)) * (excess - mean(excess))) / sum((market - mean(market)) ** 2)"

MEASURES: Final[Mapping[str, Measure]] = {
    "volatility": Measure(
        Unit.FRACTION,
        f"{_sample('daily_return')} * sqrt(periods_per_year)",
        ("daily_return",),
        lambda days, by: volatility(days.daily_return, periods_per_year=by.periods_per_year, ddof=by.ddof),
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
            days.daily_return, required_return=REQUIRED_RETURN, periods_per_year=by.periods_per_year
        ),
    ),
    "omega_ratio": Measure(
        Unit.RATIO,
        "shortfall = max(required_return - daily_return, 0); "
        "sum(daily_return - required_return + shortfall) / sum(shortfall)",
        ("daily_return", "shortfall"),
        lambda days, _: omega_ratio(days.daily_return, required_return=REQUIRED_RETURN),
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


def measure(name: str, days: Days, convention: Convention) -> Figure:
    """Return a figure of daily returns, or why there is none.

    Args:
        name: one of MEASURES.
        days: as `Days.of` takes them.
        convention: the choices of finance.

    >>> days = Days(np.arange("2024-01-01", "2024-01-03", dtype="datetime64[D]"), np.array([-0.5, 0.5]),
    ...             np.full(2, np.nan), np.zeros(2))
    >>> by = Convention(periods_per_year=252, confidence=0.95, ddof=1, minimum_observations=20)
    >>> measure("max_drawdown", days, by).value, measure("volatility", days, by).reason
    (0.5, '2 days have a return, and 20 are needed')
    >>> measure("beta", days, by).reason
    'no day has a return of the benchmark'
    """
    how, used = MEASURES[name], _used(name, days)
    count = len(used.dates)
    if how.is_relative and not count:
        return Figure(None, how.unit, "no day has a return of the benchmark")
    least = convention.minimum_observations if how.is_risk else 1
    if count < least:
        return Figure(None, how.unit, f"{_days(count)} a return, and {least} {_needed(least)} needed")
    value = known(how.calculate(used, convention))
    return Figure(value, how.unit, "" if value is not None else "it would divide by 0")


def measure_trail(name: str, days: Days, convention: Convention) -> Trail:
    """Return the trail of a figure of daily returns; the formula of one that is not known is its reason."""
    how, used = MEASURES[name], _used(name, days)
    figure = measure(name, days, convention)
    return Trail(
        name,
        figure.value,
        how.unit,
        figure.reason or how.formula,
        conventions={
            "periods_per_year": convention.periods_per_year,
            "ddof": convention.ddof,
            "required_return": REQUIRED_RETURN,
        },
        columns=("day", *how.columns),
        rows=rows_of(used.dates, *(_column(column, used) for column in how.columns)),
    )


def _used(name: str, days: Days) -> Days:
    return days.with_benchmark() if MEASURES[name].is_relative else days


def _column(name: str, days: Days) -> FloatArray:
    """Return what a row of a trail shows: what was observed, or a step of the formula."""
    steps: dict[str, Callable[[], Any]] = {
        "daily_return": lambda: days.daily_return,
        "benchmark": lambda: days.benchmark,
        "risk_free": lambda: days.risk_free,
        "excess": lambda: days.daily_return - days.risk_free,
        "market": lambda: days.benchmark - days.risk_free,
        "active": lambda: days.daily_return - days.benchmark,
        "shortfall": lambda: np.maximum(REQUIRED_RETURN - days.daily_return, 0.0),
        "wealth": lambda: np.cumprod(1.0 + days.daily_return),
        "peak": lambda: np.maximum.accumulate(np.maximum(_column("wealth", days), 1.0)),
        "drawdown": lambda: 1.0 - _column("wealth", days) / _column("peak", days),
    }
    return np.asarray(steps[name](), dtype=np.float64)


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'} {'has' if count == 1 else 'have'}"


def _needed(count: int) -> str:
    return "is" if count == 1 else "are"
