"""Trails of what one part of a whole did: its value, gain, return and contribution; and of falls and recoveries.

Names in formulas: see `trail`.
"""

from typing import Final

import numpy as np

from steelyard.analytics.drawdown import ROUNDING, Drawdown, deepest, find_drawdowns
from steelyard.analytics.figures import Days, Figure
from steelyard.analytics.performance import Performance
from steelyard.analytics.return_trails import time_weighted_trail
from steelyard.analytics.track_record import TrackRecord, contributions, daily_gains
from steelyard.analytics.trail import Trail, Unit, known, rows_of
from steelyard.analytics.valuation import Valuation


def part_trail(whole: TrackRecord, part: TrackRecord, did: Performance, valued: Valuation) -> Trail:
    """Return the trail of a contribution, with those of the part's value, gain and return among its parts.

    Args:
        whole: of all.
        part: of the part.
        did: performance of the part alone.
        valued: values and flows of the part alone.
    """
    value = known(contributions(whole, valued)[0])
    now = whole.worked
    return Trail(
        "contribution",
        value,
        Unit.FRACTION,
        "wealth = running_product(1 + whole_return); sum(gain / capital * before(wealth, 1))"
        if value is not None
        else "a value is not known",
        columns=("day", "gain", "capital", "whole_return", "wealth"),
        rows=rows_of(
            whole.dates[now],
            daily_gains(whole, valued)[:, 0],
            whole.growth.capital[now],
            whole.returns,
            np.cumprod(1.0 + whole.returns),
        ),
        parts=(_end_trail(part), _gain_trail(part), time_weighted_trail(part, did)),
    )


def _end_trail(part: TrackRecord) -> Trail:
    return Trail(
        "value",
        known(part.values[-1]),
        Unit.MONEY,
        "last(value)",
        columns=("day", "value"),
        rows=rows_of(part.dates[-1:], part.values[-1:]),
    )


def _gain_trail(part: TrackRecord) -> Trail:
    before = np.concatenate([[np.nan], part.values[:-1]])
    gains = part.values - before - part.flows_in + part.flows_out
    moved = np.flatnonzero(np.nan_to_num(gains[1:], nan=1.0)) + 1
    value = known(gains[1:].sum())
    return Trail(
        "gain",
        value,
        Unit.MONEY,
        "gain = value - value_before - put_in + taken_out; sum(gain)"
        if value is not None
        else "a value is not known",
        columns=("day", "value_before", "put_in", "taken_out", "value", "gain"),
        rows=rows_of(
            part.dates[moved],
            before[moved],
            part.flows_in[moved],
            part.flows_out[moved],
            part.values[moved],
            gains[moved],
        ),
    )


def falls_of(record: TrackRecord) -> tuple[Drawdown, ...]:
    """Return every drawdown of a record, from the day it begins on."""
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + record.returns)])
    return find_drawdowns(wealth, np.concatenate([record.dates[:1], record.dates[record.worked]]))


_FALL: Final = (
    "wealth = running_product(1 + daily_return); "
    "peak = running_max(max(wealth, 1)); "
    "drawdown = 1 - wealth / peak; "
)
_VALLEY: Final = "first(where(elapsed, drawdown == max(drawdown)))"


def recovery_figure(record: TrackRecord) -> Figure:
    """Return the days from the lowest point of the deepest fall until value was back at its peak, or why not."""
    worst = deepest(falls_of(record))
    if worst is None:
        return Figure(None, Unit.DAYS, "value never fell")
    if not worst.is_recovered:
        return Figure(None, Unit.DAYS, f"value is not back at its peak of {worst.peak} yet")
    return Figure(worst.recovery_days, Unit.DAYS)


def recovery_trail(record: TrackRecord, days: Days) -> Trail:
    """Return the trail of `recovery_figure`."""
    figure = recovery_figure(record)
    wealth = np.cumprod(1.0 + days.daily_return)
    peak = np.maximum.accumulate(np.maximum(wealth, 1.0))
    elapsed = (days.dates - record.dates[0]).astype(np.int64)
    return Trail(
        "recovery_days",
        figure.value,
        Unit.DAYS,
        figure.reason
        or f"{_FALL}first(where(elapsed, (drawdown < rounding) * (elapsed > {_VALLEY}))) - {_VALLEY}",
        conventions={"rounding": ROUNDING},
        columns=("day", "elapsed", "daily_return", "wealth", "peak", "drawdown"),
        rows=rows_of(days.dates, elapsed, days.daily_return, wealth, peak, 1.0 - wealth / peak),
    )
