"""Trails of the returns of a period: how each follows from values and flows.

Names in formulas: see `trail`. `opening_value` and `closing_value` are parts, with trails of their own.
"""

from typing import Final

import numpy as np

from steelyard.analytics.day_count import elapsed_years
from steelyard.analytics.figures import Figure
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.performance import Performance
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.analytics.track_record import TrackRecord
from steelyard.analytics.trail import Convention, Trail, Unit, known, rows_of

_FACTOR: Final = {
    FlowTiming.START: "factor = value / (value_before + put_in - taken_out)",
    FlowTiming.END: "factor = (value - put_in + taken_out) / value_before",
    FlowTiming.IN_AT_START_OUT_AT_END: "factor = (value + taken_out) / (value_before + put_in)",
}


def return_figure(name: str, of: Performance) -> Figure:
    """Return a return of the whole period, or why there is none; `name` is that of its trail.

    >>> from steelyard.analytics.valuation import Unpriced, Valuation
    >>> from steelyard.analytics.performance import measure_performance
    >>> from steelyard.analytics.day_count import DayCount
    >>> nothing = Unpriced(*[np.empty(0, np.int64)] * 4)
    >>> days = np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]")
    >>> valued = Valuation(days, np.array([[100.0], [150.0]]), np.zeros((2, 1)), np.zeros((2, 1)),
    ...                    nothing, nothing, after_fees=True, after_taxes=True)
    >>> did = measure_performance(valued, at_previous_rates=None, timing=FlowTiming.START, day_count=DayCount.ACT_365)
    >>> return_figure("time_weighted_return", did).value, return_figure("annual_return", did).reason
    (0.5, 'the period is shorter than a year, and would only be extrapolated')
    """
    is_long = float(of.years[0]) >= 1
    value, reason = {
        "time_weighted_return": (of.time_weighted, "a value or a flow is not known, or there was no capital"),
        "annual_return": (of.time_weighted_annual, "the time-weighted return is not known"),
        "money_weighted_return": (
            of.money_weighted_annual if is_long else of.money_weighted,
            _no_rate(int(of.solutions[0])),
        ),
        "modified_dietz_return": (
            of.modified_dietz,
            "the average capital is not above 0, or a value is not known",
        ),
        "currency_effect": (of.currency_effect, "a value, or a rate of the day before, is not known"),
    }[name]
    if name == "annual_return" and not is_long:
        return Figure(
            None, Unit.FRACTION, "the period is shorter than a year, and would only be extrapolated"
        )
    found = known(value[0])
    return Figure(found, Unit.FRACTION, "" if found is not None else reason)


def time_weighted_trail(record: TrackRecord, of: Performance) -> Trail:
    """Return the trail of the time-weighted return: a row a day on which capital worked.

    >>> from steelyard.analytics.track_record import make_record
    >>> from steelyard.analytics.valuation import Unpriced, Valuation
    >>> from steelyard.analytics.performance import measure_performance
    >>> from steelyard.analytics.day_count import DayCount
    >>> nothing = Unpriced(*[np.empty(0, np.int64)] * 4)
    >>> days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    >>> valued = Valuation(days, np.array([[0.0], [100.0], [150.0]]), np.array([[0.0], [100.0], [0.0]]),
    ...                    np.zeros((3, 1)), nothing, nothing, after_fees=True, after_taxes=True)
    >>> record = make_record(valued, valued, 0, timing=FlowTiming.START, benchmark=np.ones(3), risk_free=np.zeros(3))
    >>> did = measure_performance(valued, at_previous_rates=None, timing=FlowTiming.START, day_count=DayCount.ACT_365)
    >>> trail = time_weighted_trail(record, did)
    >>> trail.value, trail.columns[1:], trail.rows[1][1:]
    (0.5, ('value_before', 'put_in', 'taken_out', 'value', 'factor'), (100.0, 0.0, 0.0, 150.0, 1.5))
    """
    now, before = record.worked, record.before
    came_in, went_out = (np.cumsum(flows) for flows in (record.flows_in, record.flows_out))
    figure = return_figure("time_weighted_return", of)
    return Trail(
        "time_weighted_return",
        figure.value,
        Unit.FRACTION,
        figure.reason or f"{_FACTOR[of.conventions.timing]}; product(factor) - 1",
        conventions=conventions_of(of),
        columns=("day", "value_before", "put_in", "taken_out", "value", "factor"),
        rows=rows_of(
            record.dates[now],
            record.values[before],
            came_in[now] - came_in[before],
            went_out[now] - went_out[before],
            record.values[now],
            1.0 + record.returns,
        ),
    )


def annual_trail(whole: Trail, of: Performance) -> Trail:
    """Return the trail of the time-weighted return a year; not known of less than a year, as GIPS asks."""
    figure = return_figure("annual_return", of)
    return Trail(
        "annual_return",
        figure.value,
        Unit.FRACTION,
        figure.reason or "(1 + time_weighted_return) ** (1 / years) - 1",
        conventions={"years": float(of.years[0]), "day_count": f"{of.conventions.day_count}"},
        parts=(whole,),
    )


def money_weighted_trail(record: TrackRecord, of: Performance) -> Trail:
    """Return the trail of the money-weighted return: of a year, or of the whole of a shorter period."""
    length = float(of.years[0])
    is_long = length >= 1
    solved = "solve(sum(amount / (1 + rate) ** years), rate)"
    figure = return_figure("money_weighted_return", of)
    days, amounts = pocket_amounts(record, timing=of.conventions.timing)
    years = elapsed_years(record.dates, day_count=of.conventions.day_count)
    rows = np.searchsorted(record.dates, days)
    return Trail(
        "money_weighted_return",
        figure.value,
        Unit.FRACTION,
        figure.reason or (solved if is_long else f"(1 + {solved}) ** length - 1"),
        conventions=conventions_of(of) | {"length": length, "annualised": "yes" if is_long else "no"},
        columns=("day", "years", "amount"),
        rows=rows_of(days, years[rows], amounts),
    )


def _no_rate(solutions: int) -> str:
    if not solutions:
        return "no rate solves the flows"
    return f"{solutions} rates solve the flows, and none of them alone makes sense of all"


def pocket_amounts(record: TrackRecord, *, timing: FlowTiming) -> tuple[DateArray, FloatArray]:
    """Return what went out of the investor's pocket (negative) and came back into it, and on which days.

    The opening value is put in and the closing value taken out; a flow at the start of a day is dated the day before.
    """
    amounts = np.zeros(len(record.dates))
    early_in, early_out = timing is not FlowTiming.END, timing is FlowTiming.START
    for flows, early, sign in ((record.flows_in, early_in, -1.0), (record.flows_out, early_out, 1.0)):
        amounts[slice(None, -1) if early else slice(1, None)] += sign * flows[1:]
    amounts[0] -= record.values[0]
    amounts[-1] += record.values[-1]
    moved = amounts != 0
    return record.dates[moved], amounts[moved]


def modified_dietz_trail(record: TrackRecord, of: Performance, parts: tuple[Trail, Trail]) -> Trail:
    """Return the trail of the modified Dietz return; `parts` are those of the opening and the closing value."""
    figure = return_figure("modified_dietz_return", of)
    years = elapsed_years(record.dates, day_count=of.conventions.day_count)
    rest = 1.0 - years / years[-1]
    timing = of.conventions.timing
    in_rest = rest[1:] if timing is FlowTiming.END else rest[:-1]
    out_rest = rest[:-1] if timing is FlowTiming.START else rest[1:]
    flows = np.stack([record.flows_in[1:], -record.flows_out[1:]], axis=1).ravel()
    rests = np.stack([in_rest, out_rest], axis=1).ravel()
    moved = np.flatnonzero(flows)
    return Trail(
        "modified_dietz_return",
        figure.value,
        Unit.FRACTION,
        figure.reason or "(closing_value - opening_value - sum(flow)) / (opening_value + sum(flow * rest))",
        conventions=conventions_of(of),
        columns=("day", "flow", "rest"),
        rows=rows_of(record.dates[1:][moved // 2], flows[moved], rests[moved]),
        parts=parts,
    )


def currency_effect_trail(record: TrackRecord, of: Performance) -> Trail:
    """Return the trail of what exchange rates added to the time-weighted return."""
    figure, now = return_figure("currency_effect", of), record.worked
    return Trail(
        "currency_effect",
        figure.value,
        Unit.FRACTION,
        figure.reason or "product(became / capital) / product(local_became / local_capital) - 1",
        conventions=conventions_of(of),
        columns=("day", "capital", "became", "local_capital", "local_became"),
        rows=rows_of(
            record.dates[now],
            record.growth.capital[now],
            record.growth.became[now],
            record.local.capital[now],
            record.local.became[now],
        ),
    )


def conventions_of(of: Performance) -> dict[str, Convention]:
    """Return the conventions of returns, as a trail names them."""
    by = of.conventions
    return {
        "flows": f"{by.timing}",
        "day_count": f"{by.day_count}",
        "fees": "lower the return" if by.after_fees else "count as money taken out",
        "taxes": "lower the return" if by.after_taxes else "count as money taken out",
    }
