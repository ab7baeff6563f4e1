"""Risk of the positions of a day: what they would have gained on each day of a year, and each one's part in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from steelyard.analytics.figures import Figure
from steelyard.analytics.history import Convention
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.portfolio_risk import (
    Decomposition,
    Scenarios,
    portfolio_expected_shortfall,
    portfolio_value_at_risk,
    portfolio_volatility,
    simulate,
)
from steelyard.analytics.trail import Trail, Unit, known, rows_of
from steelyard.analytics.windows import performance_window
from steelyard.services.held import total_value, unvalued
from steelyard.services.track_record import Workings


@dataclass(frozen=True, slots=True)
class PositionRisk:
    """The scenarios of a day's positions; `reason` says why there are none.

    Attributes:
        names: [asset], what is held.
        weights: [asset], share of the value of all, signed.
        dates: [scenario], its day.
        scenarios: what the positions would have gained, as fractions of their value.
    """

    names: tuple[str, ...]
    weights: FloatArray
    dates: DateArray
    scenarios: Scenarios
    reason: str = ""


def simulate_positions(workings: Workings) -> PositionRisk:
    """Apply the days of the year up to the last day to the positions of that day, at the rates of those days."""
    closing = [one for one in workings.booked.closing if one.quantity]
    total = total_value(closing)
    names = tuple(one.commodity for one in closing)
    reason = unvalued(closing) or ("" if total and total > 0 else "what is held is worth nothing")
    if reason or not total:
        nothing = np.empty(0)
        return PositionRisk(
            (), nothing, workings.record.dates[:0], simulate(nothing, np.empty((0, 0))), reason
        )
    weights = np.array([float((one.value or 0) / total) for one in closing])
    dates, returns = _past_returns(workings, names)
    scenarios = simulate(weights, returns)
    least = workings.convention.minimum_observations
    count = len(scenarios.rows)
    reason = (
        "" if count >= least else f"{count} days have a return of everything that is held; {least} are needed"
    )
    return PositionRisk(names, weights, dates[scenarios.rows], scenarios, reason)


def _past_returns(workings: Workings, names: tuple[str, ...]) -> tuple[DateArray, FloatArray]:
    window = performance_window(workings.last)
    worth, dates = workings.past.table.worth, workings.past.table.dates
    is_within = dates[1:] > np.datetime64(window.after, "D")
    places = {one.name: place for place, one in enumerate(workings.ledger.commodities)}
    held = worth[:, [places[name] for name in names]]
    return dates[1:][is_within], (held[1:] / held[:-1] - 1.0)[is_within]


def _volatility(scenarios: Scenarios, workings: Workings) -> Decomposition:
    by = workings.convention
    return portfolio_volatility(scenarios, periods_per_year=by.periods_per_year, ddof=by.ddof)


def _value_at_risk(scenarios: Scenarios, workings: Workings) -> Decomposition:
    return portfolio_value_at_risk(scenarios, confidence=workings.convention.confidence)


def _expected_shortfall(scenarios: Scenarios, workings: Workings) -> Decomposition:
    return portfolio_expected_shortfall(scenarios, confidence=workings.convention.confidence)


POSITION_RISKS: Final[Mapping[str, tuple[str, Callable[[Scenarios, Workings], Decomposition]]]] = {
    "value_at_risk": ("-quantile(profit, 1 - confidence)", _value_at_risk),
    "expected_shortfall": (
        "-mean(where(profit, profit <= quantile(profit, 1 - confidence)))",
        _expected_shortfall,
    ),
    "position_volatility": (
        "sqrt(sum((profit - mean(profit)) ** 2) / (count(profit) - ddof)) * sqrt(periods_per_year)",
        _volatility,
    ),
}
"""The formula of each figure, and what works it out."""


def position_figure(name: str, risk: PositionRisk, workings: Workings) -> Figure:
    """Return a risk of positions as a fraction of their value, or why there is none."""
    if risk.reason:
        return Figure(None, Unit.FRACTION, risk.reason)
    return Figure(known(POSITION_RISKS[name][1](risk.scenarios, workings).whole), Unit.FRACTION)


def position_trail(name: str, risk: PositionRisk, workings: Workings) -> Trail:
    """Return the trail of a risk of positions: a row a scenario, and each position's part."""
    figure = position_figure(name, risk, workings)
    formula, decompose = POSITION_RISKS[name]
    by = workings.convention
    return Trail(
        name,
        figure.value,
        Unit.FRACTION,
        figure.reason or formula,
        conventions={
            "confidence": by.confidence,
            "ddof": by.ddof,
            "periods_per_year": by.periods_per_year,
            "scenarios": "days of the year up to the last day, at their own exchange rates",
            "last": workings.last,
        },
        columns=("day", "profit"),
        rows=rows_of(risk.dates, risk.scenarios.totals),
        parts=() if risk.reason else _components(name, risk, decompose(risk.scenarios, workings), by),
    )


def _components(name: str, risk: PositionRisk, parts: Decomposition, by: Convention) -> tuple[Trail, ...]:
    """Return what each position adds: its loss on the days that the risk is made of, or its covariance."""
    if parts.row_weights is None:
        return tuple(_covariance_part(name, risk, parts, place, by) for place in range(len(risk.names)))
    rows = np.searchsorted(risk.scenarios.rows, parts.rows)
    return tuple(
        Trail(
            f"{name} of {asset}",
            known(parts.component[place]),
            Unit.FRACTION,
            "-sum(row_weight * weight * daily_return)",
            columns=("day", "row_weight", "weight", "daily_return"),
            rows=rows_of(
                risk.dates[rows],
                parts.row_weights,
                np.full(len(rows), risk.weights[place]),
                risk.scenarios.returns[rows, place],
            ),
        )
        for place, asset in enumerate(risk.names)
    )


def _covariance_part(
    name: str, risk: PositionRisk, parts: Decomposition, place: int, by: Convention
) -> Trail:
    return Trail(
        f"{name} of {risk.names[place]}",
        known(parts.component[place]),
        Unit.FRACTION,
        "sum((whole - mean(whole)) * profit) / sqrt(sum((whole - mean(whole)) ** 2) * (count(whole) - ddof)) "
        "* sqrt(periods_per_year)",
        conventions={"ddof": by.ddof, "periods_per_year": by.periods_per_year},
        columns=("day", "whole", "profit"),
        rows=rows_of(risk.dates, risk.scenarios.totals, risk.scenarios.profits[:, place]),
    )
