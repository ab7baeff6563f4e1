"""How a scope did: returns, gains, risk and what made them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from steelyard.analytics.record_trails import falls_of
from steelyard.analytics.time_weighted import grow, link
from steelyard.analytics.track_record import contributions
from steelyard.analytics.trail import Convention, Trail, known
from steelyard.analytics.windows import subtract_months
from steelyard.domain.transaction import Fault, describe_fault
from steelyard.services.figure import all_figures, conventions_of_all, part_trail_of, trail_of
from steelyard.services.held import quantity_trails
from steelyard.services.track_record import LEVELS, PerformanceCache, Question, Workings, read_workings
from steelyard.storage.booked import get_quantity_postings
from steelyard.storage.connection import ReadSession, reading
from steelyard.storage.valuation import ALWAYS

MOST_FALLS: Final = 5
"""Drawdowns that are listed."""

WINDOWS: Final = (252, 756)
"""Days of the rolling windows: about one year and three."""

_BACK: Final = {"one month": 1, "three months": 3, "one year": 12, "three years": 36, "five years": 60}


@dataclass(frozen=True, slots=True)
class PeriodReturn:
    """The return of a part of the period; fractions, None = not known.

    Attributes:
        name: "2021", or "one year" and the like up to the last day.
        first, last: its days.
    """

    name: str
    first: date
    last: date
    time_weighted_return: float | None
    benchmark_return: float | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a part of the whole did.

    Attributes:
        name: an asset or currency, a sector, an asset type, a country or an account.
        value: at the end, in the base currency.
        gain: over the period, in the base currency.
        time_weighted_return: of the part itself, a fraction.
        contribution: to the return of the whole, a fraction; those of a level add up to it.
    """

    name: str
    value: float | None
    gain: float | None
    time_weighted_return: float | None
    contribution: float | None


@dataclass(frozen=True, slots=True)
class RollingReturn:
    """A window of so many days with a return: the one that ends last, the worst and the best.

    Attributes:
        days: in the window.
        which: latest, lowest or highest.
        first, last: its days.
    """

    days: int
    which: str
    first: date
    last: date
    time_weighted_return: float


@dataclass(frozen=True, slots=True)
class Fall:
    """A drawdown: a fraction of the peak, and its days."""

    depth: float
    peak: date
    valley: date
    end: date
    is_recovered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopePerformance:
    """How a scope did over a period.

    Attributes:
        scope_kind, scope_id: whose.
        base_currency: of all money.
        begin: the day whose end is the beginning.
        last: the last day.
        conventions: the choices behind the figures, by name.
        benchmark: the asset compared with; None = none is known.
        figures: by name, see FIGURES; money exact, returns and risk as fractions a year where it says so. None = not
            known.
        reasons: why a figure is not known.
        periods: returns of years and of the time up to the last day.
        contributions: by asset, sector, asset_type, country and account; the largest first.
        rolling: returns over windows.
        falls: the deepest first.
        notes: what limits the figures.
    """

    scope_kind: str
    scope_id: str
    base_currency: str
    begin: date
    last: date
    conventions: Mapping[str, Convention]
    benchmark: str | None
    figures: Mapping[str, Decimal | float | None]
    reasons: Mapping[str, str]
    periods: tuple[PeriodReturn, ...]
    contributions: Mapping[str, tuple[Contribution, ...]]
    rolling: tuple[RollingReturn, ...]
    falls: tuple[Fall, ...]
    notes: tuple[str, ...]


async def get_performance(
    db: ReadSession | None = None, question: Question | None = None, *, cache: PerformanceCache | None = None
) -> ScopePerformance:
    """Return how a scope did.

    Args:
        db: a read session; None opens the default store.
        question: whose, when and how; None = the whole tenant since the first transaction.
        cache: what was read for earlier answers.

    Raises:
        SteelyardError: as `read_workings`.
    """
    async with reading(db) as session:
        return make_performance(await read_workings(session, question or Question(), cache))


def make_performance(workings: Workings) -> ScopePerformance:
    """Work out every figure."""
    scope = workings.question.scope
    figures = all_figures(workings)
    return ScopePerformance(
        scope_kind=scope.kind,
        scope_id=scope.id,
        base_currency=workings.ledger.base_currency,
        begin=workings.begin,
        last=workings.last,
        conventions=conventions_of_all(workings),
        benchmark=workings.ledger.benchmark,
        figures={name: value for name, (value, _) in figures.items()},
        reasons={name: reason for name, (value, reason) in figures.items() if value is None},
        periods=tuple(_periods(workings)),
        contributions={level: _contributions(workings, level) for level in LEVELS},
        rolling=tuple(_rolling(workings)),
        falls=tuple(_falls(workings)),
        notes=tuple(notes_of(workings)),
    )


async def explain_figure(
    name: str,
    db: ReadSession | None = None,
    question: Question | None = None,
    *,
    cache: PerformanceCache | None = None,
) -> Trail:
    """Return the trail of a figure; arguments as `get_performance`.

    The parts of a value are the quantities, with the postings behind them.

    Raises:
        UnknownFigureError: there is none of that name.
        SteelyardError: as `read_workings`.
    """
    async with reading(db) as session:
        workings = await read_workings(session, question or Question(), cache)
        trail = trail_of(workings, name)
        if name not in {"opening_value", "closing_value"}:
            return trail
        day = workings.begin if name == "opening_value" else workings.last
        own, known_at = workings.ledger.own_accounts, workings.question.known_at
        postings = await get_quantity_postings(session, own, day, known_at=known_at)
        return replace(trail, parts=quantity_trails(postings))


async def explain_contribution(
    level: str,
    name: str,
    db: ReadSession | None = None,
    question: Question | None = None,
    *,
    cache: PerformanceCache | None = None,
) -> Trail:
    """Return the trail of what an asset, sector, asset_type, country or account contributed.

    Raises:
        UnknownPartError: nothing of that name contributed.
        SteelyardError: as `read_workings`.
    """
    async with reading(db) as session:
        return part_trail_of(await read_workings(session, question or Question(), cache), level, name)


def _periods(workings: Workings) -> Iterator[PeriodReturn]:
    """Give the years, then the time up to the last day as far as the period reaches back."""
    first, last = workings.begin + timedelta(days=1), workings.last
    for year in range(first.year, last.year + 1):
        yield _period(workings, f"{year}", max(first, date(year, 1, 1)), min(last, date(year, 12, 31)))
    for name, months in _BACK.items():
        start = subtract_months(last, months) + timedelta(days=1)
        if start > first:
            yield _period(workings, name, start, last)


def _period(workings: Workings, name: str, first: date, last: date) -> PeriodReturn:
    record = workings.record
    days = record.dates[record.worked]
    bounds = np.array([first, last], dtype="datetime64[D]")
    rows = (days >= bounds[0]) & (days <= bounds[1])
    returns, market = record.returns[rows], record.benchmark_returns[rows]
    market = market[~np.isnan(market)]
    return PeriodReturn(
        name,
        first,
        last,
        known(np.prod(1.0 + returns) - 1.0) if len(returns) else None,
        known(np.prod(1.0 + market) - 1.0) if len(market) else None,
    )


def _contributions(workings: Workings, level: str) -> tuple[Contribution, ...]:
    names = workings.groups.names[level]
    part = workings.valued.columns(range(len(workings.valued.values[0]))[workings.groups.columns(level)])
    growth = grow(part.values, part.flows_in, part.flows_out, timing=workings.question.timing)
    gains = part.values[-1] - part.values[0] - part.flows[1:].sum(axis=0)
    added = contributions(workings.record, part)
    rows = [
        Contribution(name, known(value), known(gain), known(earned), known(share))
        for name, value, gain, earned, share in zip(
            names, part.values[-1], gains, link(growth), added, strict=True
        )
    ]
    return tuple(
        sorted(rows, key=lambda row: (row.contribution is None, -(row.contribution or 0.0), row.name))
    )


def _rolling(workings: Workings) -> Iterator[RollingReturn]:
    returns, dates = workings.days.daily_return, workings.days.dates.tolist()
    grown = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    for days in WINDOWS:
        if len(returns) < days or not np.all(grown[:-days]):
            continue
        windows = grown[days:] / grown[:-days] - 1.0
        for which, end in (
            ("latest", len(windows) - 1),
            ("lowest", int(np.argmin(windows))),
            ("highest", int(np.argmax(windows))),
        ):
            yield RollingReturn(days, which, dates[end], dates[end + days - 1], float(windows[end]))


def _falls(workings: Workings) -> Iterator[Fall]:
    falls = sorted(falls_of(workings.record), key=lambda fall: -fall.depth)
    for fall in falls[:MOST_FALLS]:
        yield Fall(fall.depth, fall.peak, fall.valley, fall.end, fall.is_recovered)


def notes_of(workings: Workings) -> Iterator[str]:
    """Say what limits the figures: what has no price, is old, is not booked, or is kept by snapshots."""
    yield from _unpriced(workings)
    ages = workings.priced.ages[-1]
    held = {one.commodity for one in workings.booked.closing}
    old = {
        c.name: int(age) for c, age in zip(workings.ledger.commodities, ages, strict=True) if c.name in held
    }
    oldest = max(old, key=lambda name: old[name], default=None)
    if oldest is not None and old[oldest]:
        yield f"The oldest price on {workings.last} is that of {oldest}, {old[oldest]} days."
    yield from _contradicted_splits(workings)
    if workings.question.known_at == ALWAYS:
        yield from _outside(workings)


def _contradicted_splits(workings: Workings) -> Iterator[str]:
    """Name splits that the prices around them contradict: values on one side of them are wrong."""
    for one in workings.priced.mismatches:
        basis, other = (
            ("raw", "adjusted for it") if one.looks_adjusted else ("split_adjusted", "not adjusted")
        )
        yield (
            f"{workings.ledger.commodities[one.commodity].name} was split {one.ratio:g} for 1 on {one.date}, and its "
            f"price went from {one.before:g} to {one.after:g}, which looks {other}: its price_basis is {basis}. Set "
            "it right, or the split; until then values before that day are wrong."
        )


def _outside(workings: Workings) -> Iterator[str]:
    """Say what is not in the ledger now; of what was not at another moment nothing is known."""
    for fault, count in workings.unposted.items():
        why = describe_fault(Fault(fault))
        number = "1 transaction" if count == 1 else f"{count:,} transactions"
        yield f"{number} not booked, because one {why}; `steelyard ledger` lists them."
    by_snapshots = [one.account_id for one in workings.ledger.accounts if one.kept_by != "ledger"]
    if by_snapshots:
        yield (
            f"Positions of {', '.join(by_snapshots)} are kept by snapshots, and these figures are of the ledger; "
            "`steelyard ledger reconcile` says where the two differ."
        )


def _unpriced(workings: Workings) -> Iterator[str]:
    """Name what was held without a price or rate, and when."""
    runs, own = workings.valued.unpriced, len(workings.ledger.accounts)
    dates = workings.valued.dates
    found = sorted(
        {
            (workings.ledger.commodities[commodity].name, dates[first].item(), dates[last].item())
            for account, commodity, first, last in zip(
                runs.account, runs.commodity, runs.first, runs.last, strict=True
            )
            if account < own
        }
    )
    for name, first, last in found:
        yield f"{name} has no price or rate from {first} to {last}; on these days nothing is valued."
