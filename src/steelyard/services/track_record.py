"""The track record of a scope over a period: read, valued and measured, with everything an answer is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from steelyard.analytics.day_count import DayCount
from steelyard.analytics.figures import Days
from steelyard.analytics.history import Convention
from steelyard.analytics.observations import IntArray
from steelyard.analytics.performance import Performance, measure_performance
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.analytics.track_record import TrackRecord, make_record
from steelyard.analytics.valuation import Valuation, cells_of, value_groups
from steelyard.analytics.windows import performance_window
from steelyard.domain.posting import Place
from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import InvalidInputError
from steelyard.services.held import value_held
from steelyard.services.history import CONVENTION, daily_rate
from steelyard.services.lot import ReplayCache, replay_accounts
from steelyard.services.money_trails import Booked, first_valued_day
from steelyard.services.portfolio import read_day
from steelyard.services.valuation import (
    LONG_WEEKEND,
    LedgerCache,
    PriceCache,
    PricedDays,
    ScopeLedger,
    price_days,
    read_ledger,
)
from steelyard.storage import booked as store
from steelyard.storage.booked import BookedAmount, ExternalFlow
from steelyard.storage.connection import ReadSession
from steelyard.storage.history import get_risk_free_rates
from steelyard.storage.valuation import (
    ALWAYS,
    JournalRevision,
    count_entries_after,
    get_journal_revision,
)

LEVELS: Final = ("asset", "sector", "asset_type", "country", "account")
"""By what a contribution is split."""

CASH: Final = "Cash"


class EmptyPeriodError(InvalidInputError):
    """A period ends before it begins."""

    def __init__(self, first: date, last: date) -> None:
        """Name both days."""
        super().__init__(
            f"The period from {first} to {last} has no day; let --from be on or before --to, and --to on or after "
            "the first transaction."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whose performance is asked for, over which days, and by which conventions.

    Attributes:
        scope: the tenant, a household or an account.
        first: the first day; None = that of the first transaction.
        last: the last day; None = the last price date.
        currency: of all money; None = the base currency of the scope.
        benchmark: an asset; None = the one of the currency.
        timing: when the flows of a day come and go.
        day_count: what makes a year.
        after_fees: whether fees lower the return; else they count as money taken out.
        after_taxes: the same of taxes.
        known_at: only what was recorded by then counts.
    """

    scope: Scope = TENANT
    first: date | None = None
    last: date | None = None
    currency: str | None = None
    benchmark: str | None = None
    timing: FlowTiming = FlowTiming.IN_AT_START_OUT_AT_END
    day_count: DayCount = DayCount.ACT_365
    after_fees: bool = True
    after_taxes: bool = True
    known_at: datetime = ALWAYS


@dataclass(frozen=True, slots=True)
class Moves:
    """What flowed in a period, and its income, fees and taxes."""

    flows: list[ExternalFlow]
    amounts: list[BookedAmount]


@dataclass(slots=True)
class MoveCache:
    """Moves of earlier answers, by what was asked, and the revision of the journal they are of."""

    kept: dict[tuple[object, ...], tuple[JournalRevision, Moves]] = field(default_factory=dict)


@dataclass(slots=True)
class PerformanceCache:
    """What was read for earlier answers, and is read again only where it has changed. Whoever asks often holds one."""

    ledgers: LedgerCache = field(default_factory=LedgerCache)
    prices: PriceCache = field(default_factory=PriceCache)
    moves: MoveCache = field(default_factory=MoveCache)
    replays: ReplayCache = field(default_factory=ReplayCache)


@dataclass(frozen=True, slots=True)
class Groups:
    """How cells are grouped: the whole is number 0, and each name of a level has a number of its own.

    Attributes:
        names: level → its names, in the order of their numbers.
        numbers: level → the number of the first.
        of_cells: [level, cell], the whole first.
    """

    names: Mapping[str, Sequence[str]]
    numbers: Mapping[str, int]
    of_cells: IntArray

    def columns(self, level: str) -> slice:
        """Return the columns of a level."""
        return slice(self.numbers[level], self.numbers[level] + len(self.names[level]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Workings:
    """A track record and all it was worked out from.

    Attributes:
        question: what was asked.
        ledger: what is booked, and what values it.
        begin: the day whose end is the beginning.
        last: the last day.
        priced: prices and rates on the days of the period.
        past: the same on the days of the year up to the last day, which are the scenarios of risk.
        groups: how contributions are split.
        valued: values and flows of all groups.
        whole: the performance of the whole.
        record: its track record.
        days: its days with a return.
        convention: how risk is measured.
        risk_free: name of the series of the currency; "" = none, and returns are measured above 0.
        booked: the exact figures.
        unposted: transactions that are not booked, by fault.
    """

    question: Question
    ledger: ScopeLedger
    begin: date
    last: date
    priced: PricedDays
    past: PricedDays
    groups: Groups
    valued: Valuation
    whole: Performance
    record: TrackRecord
    days: Days
    convention: Convention
    risk_free: str
    booked: Booked
    unposted: Mapping[str, int]


async def read_workings(
    db: ReadSession, question: Question, cache: PerformanceCache | None = None
) -> Workings:
    """Read what a question needs, value it and measure it.

    Args:
        db: a session; everything is of its one moment.
        question: what is asked.
        cache: what was read for earlier questions.

    Raises:
        UnknownScopeError, UnknownAssetError: there is no such household, account or benchmark.
        NoLedgerError: nothing is booked of the scope.
        EmptyPeriodError: the period has no day.
        NoMarketPricesError: the store holds no price, and no last day was given.
    """
    cache = cache or PerformanceCache()
    last = await read_day(db, question.last)
    ledger = await read_ledger(
        db,
        question.scope,
        benchmark=question.benchmark,
        currency=question.currency,
        known_at=question.known_at,
        cache=cache.ledgers,
    )
    begin = max(question.first or ledger.first_day, ledger.first_day) - timedelta(days=1)
    if last <= begin:
        raise EmptyPeriodError(begin + timedelta(days=1), last)
    priced = price_days(ledger, begin, last, cache=cache.prices)
    year = performance_window(last)
    past = price_days(ledger, year.after - timedelta(days=LONG_WEEKEND), last, cache=cache.prices)
    groups = _groups(ledger)
    valued, at_previous_rates = _valuations(ledger, priced, groups, question)
    rates = (await get_risk_free_rates(db)).get(ledger.base_currency, [])
    record = make_record(
        valued,
        at_previous_rates,
        0,
        timing=question.timing,
        benchmark=priced.benchmark,
        risk_free=daily_rate(priced.table.dates, rates),
    )
    return Workings(
        question=question,
        ledger=ledger,
        begin=begin,
        last=last,
        priced=priced,
        past=past,
        groups=groups,
        valued=valued,
        whole=measure_performance(
            valued.columns([0]),
            at_previous_rates=at_previous_rates,
            timing=question.timing,
            day_count=question.day_count,
        ),
        record=record,
        days=Days.of(record),
        convention=CONVENTION,
        risk_free=f"risk-free rate of {ledger.base_currency}" if rates else "",
        booked=await _read_booked(db, question, ledger, priced, cache),
        unposted=await store.count_unposted(db, ledger.own_accounts),
    )


def _valuations(
    ledger: ScopeLedger, priced: PricedDays, groups: Groups, question: Question
) -> tuple[Valuation, Valuation]:
    """Value all groups, and the whole at each day's rates of the day before."""
    cells = cells_of(ledger.postings)
    how = {"after_fees": question.after_fees, "after_taxes": question.after_taxes}
    valued = value_groups(ledger.postings, priced.table, cells=cells, groups=groups.of_cells, **how)
    table = priced.table.at_previous_rates()
    local = value_groups(ledger.postings, table, cells=cells, groups=groups.of_cells[:1], **how)
    return valued, local


def _groups(ledger: ScopeLedger) -> Groups:
    """Number the whole, and the groups of every level; accounts outside the scope belong to none."""
    cells = cells_of(ledger.postings)
    is_own = cells.account < len(ledger.own_accounts)
    labels = {
        level: [_label(ledger, level, c) for c in range(len(ledger.commodities))] for level in LEVELS[:-1]
    }
    names: dict[str, Sequence[str]] = {}
    numbers: dict[str, int] = {}
    rows, following = [np.where(is_own, 0, -1)], 1
    for level in LEVELS:
        of_cell = (
            [ledger.account_ids[account] for account in cells.account]
            if level == "account"
            else [labels[level][commodity] for commodity in cells.commodity]
        )
        known = sorted({name for name, own in zip(of_cell, is_own, strict=True) if own})
        places = {name: following + place for place, name in enumerate(known)}
        names[level], numbers[level], following = known, following, following + len(known)
        rows.append(np.array([places.get(name, -1) for name in of_cell]))
        rows[-1] = np.where(is_own, rows[-1], -1)
    return Groups(names, numbers, np.stack(rows).astype(np.int64))


def _label(ledger: ScopeLedger, level: str, number: int) -> str:
    """Return the group of a commodity; what a firm does not classify stands under a dash."""
    commodity = ledger.commodities[number]
    if level == "asset":
        return commodity.name
    if commodity.is_cash:
        return CASH
    asset = ledger.market.assets[commodity.name]
    return {"sector": asset.sector, "asset_type": asset.asset_type, "country": asset.issuing_country}[
        level
    ] or "–"


async def _read_booked(
    db: ReadSession, question: Question, ledger: ScopeLedger, priced: PricedDays, cache: PerformanceCache
) -> Booked:
    begin, last = priced.table.dates[0].item(), priced.table.dates[-1].item()
    own, rates = ledger.own_accounts, ledger.market.rates
    places = (
        [Place.OUTSIDE]
        + [Place.FEES] * (not question.after_fees)
        + [Place.TAXES] * (not question.after_taxes)
    )
    known_at = question.known_at
    outside = [f"{place}" for place in places]
    moves = await _read_moves(db, own, outside, begin=begin, last=last, known_at=known_at, cache=cache.moves)
    flows = moves.flows
    counted_on = first_valued_day(priced.table.dates)
    in_kind = {(flow.commodity, counted_on(flow.trade_date)) for flow in flows if not flow.is_cash}
    quoted = await store.get_prices_on_days(db, in_kind) if in_kind else []
    opening, closing = [
        await value_held(
            db,
            await store.get_held(db, own, day, known_at=known_at) if day >= ledger.first_day else [],
            base_currency=ledger.base_currency,
            as_of=day,
            rates=rates,
        )
        for day in (begin, last)
    ]
    return Booked(
        base_currency=ledger.base_currency,
        begin=begin,
        last=last,
        opening=opening,
        closing=closing,
        flows=flows,
        amounts=moves.amounts,
        prices={(price.asset_id, price.day): price for price in quoted},
        counted_on=counted_on,
        replayed=await replay_accounts(db, ledger.accounts, last, known_at=known_at, cache=cache.replays),
        account_currencies={account.account_id: account.base_currency for account in ledger.accounts},
        rates=rates,
    )


async def _read_moves(
    db: ReadSession,
    own: list[str],
    outside: list[str],
    *,
    begin: date,
    last: date,
    known_at: datetime,
    cache: MoveCache,
) -> Moves:
    """Read what moved, or what of it is new."""
    asked = (tuple(own), tuple(outside), begin, last, known_at)
    journal = await get_journal_revision(db)
    before, kept = cache.kept.get(asked, (JournalRevision(0, 0, ""), Moves([], [])))
    if before != journal:
        after = before.last_entry
        if await count_entries_after(db, after) != journal.entries_since(before):
            after, kept = 0, Moves([], [])  # an older entry was committed late, or one was taken back
        flows = await store.get_external_flows(
            db, own, outside, begin, last, after_entry=after, known_at=known_at
        )
        amounts = await store.get_booked_amounts(db, own, begin, last, after_entry=after, known_at=known_at)
        kept = Moves(
            sorted([*kept.flows, *flows], key=lambda one: (one.trade_date, one.entry_id)),
            sorted([*kept.amounts, *amounts], key=lambda one: (one.trade_date, one.entry_id)),
        )
        cache.kept[asked] = journal, kept
    return kept
