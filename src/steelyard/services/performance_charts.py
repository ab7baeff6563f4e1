"""Figures of a performance: cumulative returns beside the benchmark's, and drawdowns."""

from datetime import date
from typing import Any

import numpy as np

from steelyard.analytics.observations import FloatArray
from steelyard.charts.columns import MONTHS
from steelyard.charts.line import lines_over_days
from steelyard.charts.numbers import percent
from steelyard.services.performance import ScopePerformance
from steelyard.services.track_record import Workings


def cumulative_figure(workings: Workings, did: ScopePerformance, name: str) -> dict[str, Any]:
    """Return the time-weighted return up to each day, beside the benchmark's; the rows are its periods."""
    days = [workings.begin, *workings.days.dates.tolist()]
    lines = {name: _cumulative(workings.days.daily_return)}
    market = workings.days.benchmark
    if did.benchmark and not np.isnan(market).all():
        lines[did.benchmark] = _cumulative(market)
    rows: list[dict[str, str | float | None]] = []
    for period in did.periods:
        row: dict[str, str | float | None] = {"Period": period.name.capitalize()}
        row["Return"] = period.time_weighted_return
        if did.benchmark:
            row[did.benchmark] = period.benchmark_return
        rows.append(row)
    return lines_over_days("Return", days, lines, sentence=_told(workings, did), rows=rows)


def drawdown_figure(workings: Workings, did: ScopePerformance) -> dict[str, Any]:
    """Return how far value stood below its peak each day, below 0; the rows are the deepest falls."""
    days = [workings.begin, *workings.days.dates.tolist()]
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + workings.days.daily_return)])
    below = wealth / np.maximum.accumulate(wealth) - 1.0
    rows: list[dict[str, str | float | None]] = [
        {
            "Peak": f"{fall.peak}",
            "Lowest": f"{fall.valley}",
            "Back": f"{fall.end}" if fall.is_recovered else "",
            "Depth": fall.depth,
        }
        for fall in did.falls
    ]
    return lines_over_days(
        "Drawdown", days, {"Drawdown": below.tolist()}, sentence=_fallen(did), rows=rows, filled=True
    )


def _cumulative(returns: FloatArray) -> list[float | None]:
    """Compound returns from 0; what is unknown keeps the value before, and is a gap until the first known."""
    known = ~np.isnan(returns)
    grown = np.cumprod(np.where(known, 1.0 + returns, 1.0)) - 1.0
    first = int(np.argmax(known)) if known.any() else len(known)
    return [0.0 if first == 0 else None, *(None if i < first - 1 else float(v) for i, v in enumerate(grown))]


def _told(workings: Workings, did: ScopePerformance) -> str:
    """Say what came out."""
    whole, annual = did.figures["time_weighted_return"], did.figures["annual_return"]
    if whole is None:
        return f"The return is not known: {did.reasons['time_weighted_return']}."
    first = workings.question.first or workings.ledger.first_day
    yearly = f", {percent(float(annual))} a year" if annual is not None else ""
    market = did.figures["benchmark_return"]
    beside = f" {did.benchmark} made {percent(float(market))}." if market is not None else ""
    return f"{percent(float(whole))} from {_day(first)} to {_day(did.last)}{yearly}, time-weighted.{beside}"


def _fallen(did: ScopePerformance) -> str:
    if not did.falls:
        return "Value never fell below its peak."
    fall = did.falls[0]
    back = f"back on {_day(fall.end)}" if fall.is_recovered else "not back yet"
    return f"Deepest {percent(fall.depth)}: from {_day(fall.peak)} down to {_day(fall.valley)}, {back}."


def _day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
