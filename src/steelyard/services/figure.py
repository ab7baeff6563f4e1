"""Every figure of a performance, and the trail it can be made again from."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from steelyard.analytics.figures import MEASURES, Figure, measure, measure_trail
from steelyard.analytics.performance import measure_performance
from steelyard.analytics.record_trails import part_trail, recovery_figure, recovery_trail
from steelyard.analytics.return_trails import (
    annual_trail,
    currency_effect_trail,
    modified_dietz_trail,
    money_weighted_trail,
    return_figure,
    time_weighted_trail,
)
from steelyard.analytics.track_record import TrackRecord, make_record
from steelyard.analytics.trail import Convention, Trail, Unit
from steelyard.analytics.valuation import Valuation
from steelyard.errors import NotFoundError
from steelyard.services.money_trails import MONEY_TRAILS, closing_trail, opening_trail
from steelyard.services.position_risk import (
    POSITION_RISKS,
    position_figure,
    position_trail,
    simulate_positions,
)
from steelyard.services.scope import nearest
from steelyard.services.track_record import Workings

Value = Decimal | float | None

RETURNS: Final = (
    "time_weighted_return",
    "annual_return",
    "money_weighted_return",
    "modified_dietz_return",
    "currency_effect",
)
MONEY: Final = tuple(MONEY_TRAILS)
RISK: Final = (
    "volatility",
    "max_drawdown",
    "recovery_days",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "omega_ratio",
    "value_at_risk",
    "expected_shortfall",
    "position_volatility",
)
RELATIVE: Final = (
    "benchmark_return",
    "alpha",
    "beta",
    "tracking_error",
    "information_ratio",
    "up_capture",
    "down_capture",
)
FIGURES: Final = (*RETURNS, *MONEY, *RISK, *RELATIVE)
"""In the order people read them."""


class UnknownFigureError(NotFoundError):
    """There is no such figure."""

    def __init__(self, name: str) -> None:
        """Name those most like it."""
        near = nearest(name, FIGURES)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(FIGURES)}."
        super().__init__(f"There is no figure {name}; {hint}")


class UnknownPartError(NotFoundError):
    """Nothing of that name contributed."""

    def __init__(self, level: str, name: str, near: list[str]) -> None:
        """Name those most like it."""
        hint = f"did you mean {' or '.join(near)}?" if near else "`steelyard performance` lists them."
        super().__init__(f"No {level.replace('_', ' ')} is called {name} here; {hint}")


def all_figures(workings: Workings) -> dict[str, tuple[Value, str]]:
    """Return every figure: its value, or None and why."""
    risk = simulate_positions(workings)
    figures = {name: return_figure(name, workings.whole) for name in RETURNS}
    figures |= {name: measure(name, workings.days, workings.convention) for name in MEASURES}
    figures |= {name: position_figure(name, risk, workings) for name in POSITION_RISKS}
    figures["recovery_days"] = recovery_figure(workings.record)
    figures["calmar_ratio"] = _calmar_figure(figures["annual_return"], figures["max_drawdown"])
    found: dict[str, tuple[Value, str]] = {}
    for name in FIGURES:
        if name in MONEY_TRAILS:
            trail = MONEY_TRAILS[name](workings.booked)
            found[name] = trail.value, "" if trail.value is not None else trail.formula
        else:
            found[name] = figures[name].value, figures[name].reason
    return found


def trail_of(workings: Workings, name: str) -> Trail:
    """Return the trail of a figure.

    Raises:
        UnknownFigureError: there is none of that name.
    """
    if name in MEASURES:
        return measure_trail(name, workings.days, workings.convention)
    if name in POSITION_RISKS:
        return position_trail(name, simulate_positions(workings), workings)
    if name in MONEY_TRAILS:
        return MONEY_TRAILS[name](workings.booked)
    if name not in _OTHERS:
        raise UnknownFigureError(name)
    return _OTHERS[name](workings)


def _annual(workings: Workings) -> Trail:
    return annual_trail(time_weighted_trail(workings.record, workings.whole), workings.whole)


def _dietz(workings: Workings) -> Trail:
    parts = opening_trail(workings.booked), closing_trail(workings.booked)
    return modified_dietz_trail(workings.record, workings.whole, parts)


def _calmar_figure(annual: Figure, fall: Figure) -> Figure:
    """Divide the return a year by the deepest fall."""
    if annual.value is None or fall.value is None:
        return Figure(None, Unit.RATIO, annual.reason or fall.reason)
    if not fall.value:
        return Figure(None, Unit.RATIO, "value never fell")
    return Figure(annual.value / fall.value, Unit.RATIO)


def _calmar(workings: Workings) -> Trail:
    annual = return_figure("annual_return", workings.whole)
    fall = measure("max_drawdown", workings.days, workings.convention)
    figure = _calmar_figure(annual, fall)
    return Trail(
        "calmar_ratio",
        figure.value,
        Unit.RATIO,
        figure.reason or "annual_return / max_drawdown",
        parts=(_annual(workings), trail_of(workings, "max_drawdown")),
    )


_OTHERS: Final[Mapping[str, Callable[[Workings], Trail]]] = {
    "time_weighted_return": lambda workings: time_weighted_trail(workings.record, workings.whole),
    "annual_return": _annual,
    "money_weighted_return": lambda workings: money_weighted_trail(workings.record, workings.whole),
    "modified_dietz_return": _dietz,
    "currency_effect": lambda workings: currency_effect_trail(workings.record, workings.whole),
    "recovery_days": lambda workings: recovery_trail(workings.record, workings.days),
    "calmar_ratio": _calmar,
}


def part_trail_of(workings: Workings, level: str, name: str) -> Trail:
    """Return the trail of what a part of the whole contributed, with its value, gain and return as parts.

    Args:
        workings: of the whole.
        level: one of LEVELS.
        name: of the part.

    Raises:
        UnknownPartError: nothing of that name contributed.
    """
    names = workings.groups.names[level]
    if name not in names:
        raise UnknownPartError(level, name, nearest(name, names))
    column = workings.groups.numbers[level] + names.index(name)
    valued = workings.valued.columns([column])
    record = part_record(workings, valued)
    did = measure_performance(
        valued,
        at_previous_rates=None,
        timing=workings.question.timing,
        day_count=workings.question.day_count,
    )
    return part_trail(workings.record, record, did, valued)


def part_named(trail: Trail, name: str) -> Trail:
    """Return the part of a trail that is about an asset, a currency or whatever it is split by.

    Raises:
        UnknownPartError: it has none of that name.

    >>> whole = Trail("value", 1.0, Unit.MONEY, "", parts=(Trail("quantity of VTI", 10.0, Unit.UNITS, ""),))
    >>> part_named(whole, "VTI").figure
    'quantity of VTI'
    """
    parts = {part.figure.rpartition(" of ")[2]: part for part in trail.parts}
    if name not in parts:
        raise UnknownPartError("part", name, nearest(name, parts))
    return parts[name]


def part_record(workings: Workings, valued: Valuation) -> TrackRecord:
    """Return the track record of a part; exchange rates are not told apart."""
    return make_record(
        valued,
        valued,
        0,
        timing=workings.question.timing,
        benchmark=workings.record.benchmark,
        risk_free=workings.record.risk_free,
    )


def conventions_of_all(workings: Workings) -> dict[str, Convention]:
    """Return the conventions behind all figures, by name."""
    question, by = workings.question, workings.convention
    return {
        "flows": f"{question.timing}",
        "day_count": f"{question.day_count}",
        "fees": _treated(after=question.after_fees),
        "taxes": _treated(after=question.after_taxes),
        "periods_per_year": by.periods_per_year,
        "ddof": by.ddof,
        "confidence": by.confidence,
        "minimum_observations": by.minimum_observations,
        "required_return": 0.0,
        "risk_free": workings.risk_free or "none is known; above 0",
        "scenarios": "one year of days, at their own exchange rates",
        "contributions": "linked by wealth",
    }


def _treated(*, after: bool) -> str:
    return "lower the return" if after else "count as money taken out"
