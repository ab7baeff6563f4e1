"""What a scope was worth day by day, beside the same money in its benchmark; and what that says of return and risk.

It is the cheap half of a performance: one group, no lots, no contributions. `performance` has everything.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from steelyard.analytics.figures import Days
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.portfolio_risk import portfolio_value_at_risk, simulate
from steelyard.analytics.risk import volatility
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.analytics.track_record import TrackRecord, make_record
from steelyard.analytics.trail import known
from steelyard.analytics.valuation import PLACES, cells_of, value_groups
from steelyard.analytics.windows import performance_window, subtract_months
from steelyard.charts.columns import MONTHS
from steelyard.charts.line import lines_over_days
from steelyard.charts.numbers import money
from steelyard.domain.posting import Place
from steelyard.services.history import CONVENTION
from steelyard.services.valuation import LONG_WEEKEND, PricedDays, ScopeLedger, price_days

RANGES: Final = {"1M": 1, "6M": 6, "1Y": 12, "All": 0}
"""What is drawn: so many months; 0 = everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueHistory:
    """What a scope was worth, money in its base currency; None = not known.

    Attributes:
        benchmark: the asset it is compared with; None = none is known.
        days: [day], from the evening before the first transaction.
        values: [day], at the end of the day; NaN = something could not be valued.
        flows: [day], what came in net of what left; NaN = not known.
        levels: [day], what one unit of the benchmark was worth; NaN = not known.
        change: gain of the last day, flows left out.
        change_fraction: the same as a return.
        since: the evening from which the next two are counted: a year before, or the first day.
        time_weighted_return: since then, a fraction.
        benchmark_return: of the benchmark since then.
        volatility: of a year's returns, annual, a fraction.
        value_at_risk: of what is held on the last day, over the days of a year: one day, 95 %, a fraction.
        oldest: the asset held with the oldest price, and its days of age; "" = none is older than the last day.
    """

    base_currency: str
    benchmark: str | None
    days: DateArray
    values: FloatArray
    flows: FloatArray
    levels: FloatArray
    change: float | None
    change_fraction: float | None
    since: date
    time_weighted_return: float | None
    benchmark_return: float | None
    volatility: float | None
    value_at_risk: float | None
    oldest: tuple[str, int]

    @property
    def last(self) -> date:
        """The last day."""
        day: date = self.days[-1].item()
        return day


def make_value_history(ledger: ScopeLedger, last: date) -> ValueHistory:
    """Value a ledger on every day up to the last one, which is not before its first."""
    priced = price_days(ledger, ledger.first_day - timedelta(days=1), last)
    record = _record(ledger, priced)
    since = max(performance_window(last).after, record.dates[0].item())
    days = _after(Days.of(record), since)
    held = _held(ledger, last)
    return ValueHistory(
        base_currency=ledger.base_currency,
        benchmark=ledger.benchmark,
        days=record.dates,
        values=record.values,
        flows=record.flows_in - record.flows_out,
        levels=record.benchmark,
        change=_change(record),
        change_fraction=known(record.growth.returns[-1]) if len(record.values) > 1 else None,
        since=since,
        time_weighted_return=_grown(days.daily_return),
        benchmark_return=_grown(days.benchmark[~np.isnan(days.benchmark)]),
        volatility=_volatility(days.daily_return),
        value_at_risk=_value_at_risk(ledger, held, last),
        oldest=_oldest(ledger, priced, held),
    )


def _record(ledger: ScopeLedger, priced: PricedDays) -> TrackRecord:
    cells = cells_of(ledger.postings)
    whole = np.where(cells.account < len(ledger.own_accounts), 0, -1)[np.newaxis, :].astype(np.int64)
    valued = value_groups(
        ledger.postings, priced.table, cells=cells, groups=whole, after_fees=True, after_taxes=True
    )
    return make_record(
        valued,
        valued,
        0,
        timing=FlowTiming.IN_AT_START_OUT_AT_END,
        benchmark=priced.benchmark,
        risk_free=np.zeros(len(valued.dates)),
    )


def _after(days: Days, since: date) -> Days:
    kept = days.dates > np.datetime64(since, "D")
    return Days(days.dates[kept], days.daily_return[kept], days.benchmark[kept], days.risk_free[kept])


def _grown(returns: FloatArray) -> float | None:
    return known(float(np.prod(1.0 + returns)) - 1.0) if len(returns) else None


def _volatility(returns: FloatArray) -> float | None:
    if len(returns) < CONVENTION.minimum_observations:
        return None
    return known(volatility(returns, periods_per_year=CONVENTION.periods_per_year, ddof=CONVENTION.ddof))


def _change(record: TrackRecord) -> float | None:
    if len(record.values) < 2:  # noqa: PLR2004  a change is between two days
        return None
    flow = record.flows_in[-1] - record.flows_out[-1]
    return known(float(record.values[-1] - record.values[-2] - flow))


def _held(ledger: ScopeLedger, last: date) -> FloatArray:
    """Return how much of each commodity the accounts of the scope held at the end of a day [commodity]."""
    postings = ledger.postings
    is_own = (postings.account < len(ledger.own_accounts)) & (postings.place == PLACES[Place.HELD])
    kept = is_own & (postings.date <= np.datetime64(last, "D"))
    count = len(ledger.commodities)
    held = np.bincount(postings.commodity[kept], postings.quantity[kept], minlength=count)
    moved = np.bincount(postings.commodity[kept], np.abs(postings.quantity[kept]), minlength=count)
    return np.where(np.abs(held) > 1e-9 * moved, held, 0.0)  # else it is what rounding left


def _value_at_risk(ledger: ScopeLedger, held: FloatArray, last: date) -> float | None:
    year = performance_window(last)
    past = price_days(ledger, year.after - timedelta(days=LONG_WEEKEND), last).table
    kept = np.flatnonzero(held)
    worth = past.worth[:, kept]
    values = worth[-1] * held[kept] if len(kept) else np.empty(0)
    whole = float(values.sum())
    if not len(kept) or not whole > 0 or np.isnan(values).any():
        return None
    within = past.dates[1:] > np.datetime64(year.after, "D")
    scenarios = simulate(values / whole, (worth[1:] / worth[:-1] - 1.0)[within])
    if len(scenarios.rows) < CONVENTION.minimum_observations:
        return None
    return known(portfolio_value_at_risk(scenarios, confidence=CONVENTION.confidence).whole)


def _oldest(ledger: ScopeLedger, priced: PricedDays, held: FloatArray) -> tuple[str, int]:
    kept = np.flatnonzero(held)
    ages = priced.ages[-1][kept]
    if not len(kept) or not ages.max():
        return "", 0
    place = int(np.argmax(ages))
    return ledger.commodities[kept[place]].name, int(ages[place])


# ── The same as a figure ────────────────────────────────────────────────────────────────────────────────────


def _day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def value_figure(
    history: ValueHistory, months: int, name: str = "Value", *, day: Callable[[date], str] = _day
) -> dict[str, Any]:
    """Return the value of each day beside the same money in the benchmark; the rows are ends of months.

    The benchmark begins with what the scope was worth on the first day shown, and what came in or left came into and
    left it on the same days.

    Args:
        history: what is shown.
        months: how many of them, up to the last day; 0 = all.
        name: of the line of values.
        day: writes a day of the sentence and of the rows.
    """
    first = _first(history, months)
    days = list(history.days[first:].tolist())
    lines = {name: _listed(history.values[first:])}
    same = _same_money(history, first)
    if history.benchmark is not None and not np.isnan(same).all():
        lines[history.benchmark] = _listed(same)
    rows: list[dict[str, str | float | None]] = [
        {"Day": day(days[row]), **{label: values[row] for label, values in lines.items()}}
        for row in _ends(days)
    ]
    return lines_over_days(
        "Value over time",
        days,
        lines,
        sentence=_told(history, first, lines, day),
        rows=rows,
        filled=True,
        unit=history.base_currency,
    )


def _first(history: ValueHistory, months: int) -> int:
    """Return the row to begin with: the evening so many months ago, and never before there was something."""
    there = np.flatnonzero((history.values != 0) & ~np.isnan(history.values))
    begin = int(there[0]) if len(there) else 0
    if not months:
        return begin
    bound = np.datetime64(subtract_months(history.last, months), "D")
    return max(begin, int(np.searchsorted(history.days, bound, side="right")) - 1)


def _same_money(history: ValueHistory, first: int) -> FloatArray:
    """Put what there was on the first day into the benchmark, and what came later too; NaN once that is not known."""
    levels, flows = history.levels[first:], history.flows[first:].copy()
    flows[0] = history.values[first]
    bought = np.divide(flows, levels, out=np.where(flows == 0, 0.0, np.nan), where=levels > 0)
    return np.asarray(np.cumsum(bought) * levels)


def _ends(days: list[date]) -> list[int]:
    """Return the rows that end a month, the last one too; of years, the rows that end one."""
    by_year = (days[-1] - days[0]).days > 3 * 366
    return [
        row
        for row, day in enumerate(days)
        if row + 1 == len(days)
        or (day.year if by_year else day.month) != (days[row + 1].year if by_year else days[row + 1].month)
    ]


def _told(
    history: ValueHistory, first: int, lines: dict[str, list[float | None]], day: Callable[[date], str]
) -> str:
    """Say what came out."""
    now, then = (known(history.values[row]) for row in (-1, first))
    if now is None:
        return f"What it was worth on {day(history.last)} is not known."
    unit = history.base_currency
    said = f"{money(now)} {unit} on {day(history.last)}"
    if then:
        said += f", from {money(then)} on {day(history.days[first].item())}"
        said += _gained(now - then, known(history.flows[first + 1 :].sum()))
    said += "."
    beside = lines.get(history.benchmark or "")
    if beside and beside[-1] is not None and beside[-1] > 0:
        differs = f"{money(abs(now - beside[-1]))} {'less' if beside[-1] <= now else 'more'}"
        said += f" The same money in {history.benchmark} would be {money(beside[-1])}, {differs}."
    return said


def _gained(change: float, moved: float | None) -> str:
    """Say how much of a change is gain; `moved` is what was paid in, negative = out."""
    if moved is None:
        return "; how much of that was paid in or out is not known"
    gain = change - moved
    said = f": {'a gain' if gain >= 0 else 'a loss'} of {money(abs(gain))}"
    if round(moved, 2):
        said += f" and {money(abs(moved))} {'paid in' if moved > 0 else 'paid out'}, net"
    return said


def _listed(values: FloatArray) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 2) for value in values.tolist()]
