"""The screen of a performance."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import (
    UNKNOWN,
    Listing,
    bars,
    change_of,
    facts,
    money,
    note,
    percent,
    ratio,
    title,
)
from steelyard.cli.screens.trail import conventions
from steelyard.domain.scope import Scope
from steelyard.services.performance import Contribution, Fall, ScopePerformance

_RETURNS: Final = (
    ("Time-weighted", "time_weighted_return"),
    ("a year", "annual_return"),
    ("Money-weighted, a year", "money_weighted_return"),
    ("Modified Dietz", "modified_dietz_return"),
    ("Made by exchange rates", "currency_effect"),
)
_MONEY: Final = (
    ("At the beginning", "opening_value"),
    ("Put in, net", "net_flows"),
    ("Gain", "gain"),
    ("At the end", "closing_value"),
    ("Income", "income"),
    ("Fees", "fees"),
    ("Taxes", "taxes"),
    ("Gains realised", "realised_gain"),
    ("Gains not realised", "unrealised_gain"),
)
_RISK: Final = (
    ("Volatility, a year", "volatility"),
    ("Deepest drawdown", "max_drawdown"),
    ("Days to recover", "recovery_days"),
    ("Sharpe", "sharpe_ratio"),
    ("Sortino", "sortino_ratio"),
    ("Calmar", "calmar_ratio"),
    ("Omega", "omega_ratio"),
)
_POSITIONS: Final = (
    ("Value at risk, one day", "value_at_risk"),
    ("Expected shortfall", "expected_shortfall"),
    ("Volatility, a year", "position_volatility"),
)
_RELATIVE: Final = (
    ("Its return", "benchmark_return"),
    ("Alpha, a year", "alpha"),
    ("Beta", "beta"),
    ("Tracking error", "tracking_error"),
    ("Information ratio", "information_ratio"),
    ("Capture, up", "up_capture"),
    ("Capture, down", "down_capture"),
)
_SIGNED: Final = {
    "time_weighted_return",
    "annual_return",
    "money_weighted_return",
    "modified_dietz_return",
    "currency_effect",
    "benchmark_return",
    "alpha",
}
_RATIOS: Final = {
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "omega_ratio",
    "beta",
    "information_ratio",
    "up_capture",
    "down_capture",
}


def screen(did: ScopePerformance, *, by: str, limit: int) -> Group:
    """Show a performance; contributions by one level, so many lines."""
    sides = [
        _side(did, "Return", _RETURNS),
        _side(did, f"Money, {did.base_currency}", _MONEY),
        _side(did, "Risk, of the daily returns", _RISK),
        _side(did, "Risk, of the positions held", _POSITIONS),
        _side(did, f"Against {did.benchmark}" if did.benchmark else "Against a benchmark", _RELATIVE),
    ]
    return Group(
        title("Performance"),
        note(f"{did.begin + timedelta(days=1)} to {did.last}"),
        "",
        Columns(sides, padding=(1, 4)),
        "",
        *_periods(did),
        *_contributions(did.contributions[by], by.replace("_", " "), limit, did.base_currency),
        *_falls(did.falls),
        *_rolling(did),
        *_unknown(did),
        *(note(f"Note: {said}") for said in did.notes),
        note(conventions(did.conventions)),
        note(
            f"money in {did.base_currency} · {_scope(did)} · steelyard explain FIGURE shows what each is made of"
        ),
    )


def _side(did: ScopePerformance, name: str, pairs: Sequence[tuple[str, str]]) -> Group:
    return Group(title(name), facts([(label, _shown(did, figure)) for label, figure in pairs]))


def _shown(did: ScopePerformance, name: str) -> RenderableType:
    value = did.figures[name]
    if value is None:
        return Text(UNKNOWN, "dim")
    if isinstance(value, Decimal):
        return money(value)
    if name in _SIGNED:
        return change_of(float(value))
    if name in _RATIOS:
        return ratio(float(value))
    return f"{value:,}" if name == "recovery_days" else percent(float(value))


def _periods(did: ScopePerformance) -> list[RenderableType]:
    listing = Listing("Period", ">Return", ">Benchmark", "?From", "?To")
    for period in did.periods:
        listing.add_row(
            period.name,
            change_of(period.time_weighted_return),
            change_of(period.benchmark_return),
            f"{period.first}",
            f"{period.last}",
        )
    return [title("Period by period"), listing, ""]


def _contributions(
    rows: Sequence[Contribution], what: str, limit: int, currency: str
) -> list[RenderableType]:
    """Show the largest contributions, and the smallest, where not all fit."""
    if not rows:
        return []
    listing = Listing(what.capitalize(), ">Contribution", "?=", ">Return", f">Gain {currency}", "?>Value")
    chosen = list(rows) if len(rows) <= limit else [*rows[: limit - limit // 2], *rows[-(limit // 2) :]]
    lengths = bars([abs(row.contribution or 0.0) for row in chosen])
    for row, bar in zip(chosen, lengths, strict=True):
        listing.add_row(
            row.name,
            change_of(row.contribution),
            bar,
            change_of(row.time_weighted_return),
            money(row.gain),
            money(row.value),
        )
    left = len(rows) - len(chosen)
    rest = [note(f"{left:,} more between them are not shown; --limit or --json has all.")] if left > 0 else []
    return [title(f"What made the return, by {what}"), listing, *rest, ""]


def _falls(falls: Sequence[Fall]) -> list[RenderableType]:
    if not falls:
        return []
    listing = Listing("Peak", "Lowest", "Back at the peak", ">Drawdown", "?=")
    for fall, bar in zip(falls, bars([fall.depth for fall in falls]), strict=True):
        back = f"{fall.end}" if fall.is_recovered else "not yet"
        listing.add_row(f"{fall.peak}", f"{fall.valley}", back, percent(fall.depth), bar)
    return [title("Deepest drawdowns"), listing, ""]


def _rolling(did: ScopePerformance) -> list[RenderableType]:
    if not did.rolling:
        return []
    listing = Listing("Window", "Which", ">Return", "From", "To")
    for window in did.rolling:
        listing.add_row(
            f"{window.days} days",
            window.which,
            change_of(window.time_weighted_return),
            f"{window.first}",
            f"{window.last}",
        )
    return [title("Rolling windows"), listing, ""]


def _unknown(did: ScopePerformance) -> list[RenderableType]:
    """Say why figures are not known, each reason once."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in did.reasons.items():
        by_reason.setdefault(reason, []).append(name.replace("_", " "))
    return [note(f"Not known: {', '.join(names)}: {reason}.") for reason, names in by_reason.items()]


def _scope(did: ScopePerformance) -> str:
    return f"{Scope(did.scope_kind, did.scope_id)}"  # type: ignore[arg-type]  # kinds as asked
