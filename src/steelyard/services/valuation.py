"""The ledger of a scope as columns, with the prices and rates that value it; read once and then only what is new.

What was read is kept in a `LedgerCache` that the caller holds, under what tells whether it is still so: the number of
entries and the newest of them, and the number of transactions that changed prices, rates or assets. Tables that are
attached tell nothing of their changes and are read every time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Final

import numpy as np

from steelyard.analytics.observations import DateArray, FloatArray, IntArray
from steelyard.analytics.price_table import (
    PriceTable,
    SplitMismatch,
    Splits,
    find_split_mismatches,
    quoted_prices,
)
from steelyard.analytics.valuation import PostingColumns
from steelyard.domain.scope import Scope
from steelyard.errors import NotFoundError
from steelyard.services.rate import PIVOT, RATE_DAYS, ExchangeRates, read_rates
from steelyard.services.scope import nearest, require_scope
from steelyard.storage import valuation as store
from steelyard.storage.connection import ReadSession
from steelyard.storage.valuation import (
    ALWAYS,
    Commodity,
    DescribedAsset,
    JournalRevision,
    Observed,
    ScopeAccount,
)

ANY_AGE: Final = 1_000_000
"""Days a price may be old: as asset 360, a valuation uses the last price there is, and says how old it is."""

LONG_WEEKEND: Final = 4
"""Days a transaction waits for the next day with prices; where none comes so soon, its own day is valued."""


class NoLedgerError(NotFoundError):
    """Nothing is booked of a scope."""

    def __init__(self, scope: Scope) -> None:
        """Name the scope and the way out."""
        super().__init__(
            f"Nothing is booked of {scope}, so there is no performance; load transactions with `steelyard load DIR`, "
            "and see `steelyard ledger` for what waits there."
        )


class UnknownBenchmarkError(NotFoundError):
    """There is no such asset to compare with."""

    def __init__(self, asset_id: str, near: list[str]) -> None:
        """Name the ids most like it."""
        hint = f"did you mean {' or '.join(near)}?" if near else "`steelyard assets` lists those of the book."
        super().__init__(f"There is no asset {asset_id} to compare with; {hint}")


@dataclass(frozen=True, slots=True)
class MarketColumns:
    """Prices and rates as they were observed.

    Attributes:
        assets: what was asked for, by id; those that do not exist are left out.
        places: asset → its column of `prices`.
        price_dates: [day], every day on which one of them has a price.
        prices: [day, asset], in whole currencies; NaN = none.
        rates: between the currencies that are posted and quoted.
        splits: asset, ex-date and ratio of those whose prices are adjusted for splits.
    """

    assets: dict[str, DescribedAsset]
    places: dict[str, int]
    price_dates: DateArray
    prices: FloatArray
    rates: ExchangeRates
    splits: list[tuple[str, date, float]]


@dataclass(frozen=True, slots=True)
class ScopeLedger:
    """What is booked of a scope, and what values it.

    Attributes:
        scope: whose.
        base_currency: of the scope.
        accounts: of the scope.
        account_ids: number → account; those of the scope first.
        commodities: number → commodity.
        postings: of every entry that touches an account of the scope.
        market: prices and rates.
        benchmark: the asset it is compared with; None = none is known.
    """

    scope: Scope
    base_currency: str
    accounts: tuple[ScopeAccount, ...]
    account_ids: tuple[str, ...]
    commodities: tuple[Commodity, ...]
    postings: PostingColumns
    market: MarketColumns
    benchmark: str | None

    @property
    def own_accounts(self) -> list[str]:
        """The accounts of the scope."""
        return [account.account_id for account in self.accounts]

    @property
    def first_day(self) -> date:
        """The day of the first entry."""
        day: date = self.postings.date.min().item()
        return day


@dataclass(slots=True)
class _Kept:
    ledger: ScopeLedger
    journal: JournalRevision
    market: int


@dataclass(slots=True)
class LedgerCache:
    """Ledgers that were read, by scope and benchmark; whoever holds it gives it along with every call."""

    kept: dict[tuple[Scope, str | None, str | None], _Kept] = field(default_factory=dict)


async def read_ledger(
    db: ReadSession,
    scope: Scope,
    *,
    benchmark: str | None = None,
    currency: str | None = None,
    known_at: datetime = ALWAYS,
    cache: LedgerCache | None = None,
) -> ScopeLedger:
    """Return the ledger of a scope as it stands.

    Args:
        db: a session; everything is of its one moment.
        scope: the tenant, a household or an account.
        benchmark: an asset; None = the one of the currency, where there is one.
        currency: to value everything in; None = the base currency of the scope.
        known_at: only what was recorded by then counts; nothing of the past is kept.
        cache: what was read before, and where this is kept.

    Raises:
        UnknownScopeError: there is no such household or account.
        UnknownBenchmarkError: there is no such asset.
        NoLedgerError: nothing is booked.
    """
    if known_at != ALWAYS:
        return await _read(db, scope, benchmark, currency, known_at)
    kept = cache.kept.get((scope, benchmark, currency)) if cache else None
    journal, market = await store.get_journal_revision(db), await store.get_market_revision(db)
    is_current = kept is not None and market is not None and kept.market == market
    if kept is None or not is_current or not (ledger := await _grown(db, kept, journal)):
        ledger = await _read(db, scope, benchmark, currency, known_at)
    if cache is not None and market is not None:
        cache.kept[scope, benchmark, currency] = _Kept(ledger, journal, market)
    return ledger


async def _read(
    db: ReadSession, scope: Scope, benchmark: str | None, currency: str | None, known_at: datetime
) -> ScopeLedger:
    await require_scope(db, scope)
    base_currency, accounts = await store.get_valuation_accounts(db, scope)
    base_currency = currency or base_currency
    own = [account.account_id for account in accounts]
    names = await store.get_scope_names(db, own, known_at=known_at)
    if not names.commodities:
        raise NoLedgerError(scope)
    account_ids = (*own, *(name for name in names.accounts if name not in set(own)))
    named, benchmark = benchmark, benchmark or await store.get_benchmark(db, base_currency)
    currencies = {base_currency, *(account.base_currency for account in accounts)}
    market = await _read_market(db, names.commodities, currencies, benchmark)
    if named and named not in market.assets:
        raise UnknownBenchmarkError(named, nearest(named, await store.get_asset_ids(db)))
    return ScopeLedger(
        scope=scope,
        base_currency=base_currency,
        accounts=tuple(accounts),
        account_ids=account_ids,
        commodities=tuple(names.commodities),
        postings=await store.get_postings(db, own, account_ids, names.commodities, known_at=known_at),
        market=market,
        benchmark=benchmark,
    )


async def _grown(db: ReadSession, kept: _Kept, journal: JournalRevision) -> ScopeLedger | None:
    """Return what was kept with the entries that are new; None where it has to be read anew."""
    ledger, after = kept.ledger, kept.journal.last_entry
    if journal == kept.journal:
        return ledger
    if await store.count_entries_after(db, after) != journal.entries_since(kept.journal):
        return None  # an older entry was committed late, or one was taken back
    own = [account.account_id for account in ledger.accounts]
    names = await store.get_scope_names(db, own, after_entry=after)
    known = set(ledger.commodities)
    if not known.issuperset(names.commodities) or not set(ledger.account_ids).issuperset(names.accounts):
        return None
    new = await store.get_postings(db, own, ledger.account_ids, ledger.commodities, after_entry=after)
    return replace(ledger, postings=_joined(ledger.postings, new))


def _joined(one: PostingColumns, other: PostingColumns) -> PostingColumns:
    names = [column.name for column in fields(PostingColumns)]
    return PostingColumns(
        **{name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in names}
    )


async def _read_market(
    db: ReadSession, commodities: Sequence[Commodity], bases: set[str], benchmark: str | None
) -> MarketColumns:
    asset_ids = sorted({c.name for c in commodities if not c.is_cash} | ({benchmark} if benchmark else set()))
    assets = {asset.asset_id: asset for asset in await store.get_described_assets(db, asset_ids)}
    quoted = [asset.currency for asset in assets.values()]
    currencies = {*bases, *quoted, *(c.name for c in commodities if c.is_cash)}
    observed = await store.get_all_prices(db, asset_ids)
    units = np.array([assets[name].units_per_major if name in assets else 1 for name in asset_ids], float)
    days, prices = _spread(observed, len(asset_ids))
    return MarketColumns(
        assets=assets,
        places={name: place for place, name in enumerate(asset_ids)},
        price_dates=days,
        prices=prices / units,
        rates=await read_rates(db, currencies),
        splits=await store.get_splits(db, list(assets)),
    )


def _spread(observed: Observed, columns: int) -> tuple[DateArray, FloatArray]:
    """Lay observations out as [day, name]."""
    if not len(observed.date):
        return observed.date, np.full((0, columns), np.nan)
    first = observed.date.min()
    numbers = (observed.date - first).astype(np.int64)
    is_day = np.zeros(numbers.max() + 1, np.bool_)
    is_day[numbers] = True  # days are few beside the observations: nothing has to be sorted
    days = first + np.flatnonzero(is_day)
    panel = np.full((len(days), columns), np.nan)
    panel[(np.cumsum(is_day) - 1)[numbers], observed.place] = observed.value
    return days, panel


# ── Prices on the days that are valued ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PricedDays:
    """The days that are valued, and what is known on them.

    Attributes:
        table: prices and rates of every commodity, in the order of the ledger; the last price there is.
        ages: [day, commodity], days since that price; 0 for money, and where there is none.
        benchmark: [day], what the benchmark was worth in the base currency; NaN = not known.
        mismatches: splits that the prices around them contradict.
    """

    table: PriceTable
    ages: IntArray
    benchmark: FloatArray
    mismatches: tuple[SplitMismatch, ...]


@dataclass(slots=True)
class PriceCache:
    """Prices on the days of earlier answers, by first and last day."""

    kept: dict[tuple[date, date], tuple[ScopeLedger, PricedDays]] = field(default_factory=dict)


def price_days(
    ledger: ScopeLedger, first: date, last: date, *, cache: PriceCache | None = None
) -> PricedDays:
    """Return prices and rates on every day between two that has a price, both included.

    A transaction waits for the next such day; where none comes within a long weekend, its own day is valued.
    """
    days = _valued_days(ledger, first, last)
    if cache is None:
        return _priced(ledger, days)
    before, priced = cache.kept.get((first, last), (None, None))
    is_same = before is not None and priced is not None and before.market is ledger.market
    if not is_same or priced is None or not np.array_equal(priced.table.dates, days):
        priced = _priced(ledger, days)
    cache.kept[first, last] = ledger, priced
    return priced


def _priced(ledger: ScopeLedger, days: DateArray) -> PricedDays:
    market, commodities = ledger.market, ledger.commodities
    columns = [_prices_of(market, commodity, days) for commodity in commodities]
    rates = _Rates(market, ledger.base_currency, days)
    table = PriceTable(
        days,
        np.stack([prices for prices, _ in columns], axis=1),
        np.stack([rates.of(_currency(market, commodity)) for commodity in commodities], axis=1),
    )
    splits, adjusted = _splits(market, commodities), _adjusted(market, commodities)
    return PricedDays(
        quoted_prices(table, splits, adjusted),
        np.stack([ages for _, ages in columns], axis=1),
        _benchmark(ledger, rates, days),
        find_split_mismatches(table, splits, adjusted),
    )


def _valued_days(ledger: ScopeLedger, first: date, last: date) -> DateArray:
    bounds = np.array([first, last], dtype="datetime64[D]")
    used = [ledger.market.places[c.name] for c in ledger.commodities if not c.is_cash]
    has_price = ~np.isnan(ledger.market.prices[:, used]).all(axis=1)
    priced = np.union1d(ledger.market.price_dates[has_price], bounds[1:])
    posted = np.unique(ledger.postings.date)
    following = np.append(priced, np.datetime64("9999-12-31", "D"))[np.searchsorted(priced, posted)]
    alone = posted[(following - posted).astype(np.int64) > LONG_WEEKEND]
    days = np.union1d(np.union1d(priced, alone), bounds)
    return np.asarray(days[(days >= bounds[0]) & (days <= bounds[1])])


def _prices_of(market: MarketColumns, commodity: Commodity, days: DateArray) -> tuple[FloatArray, IntArray]:
    """Return the last price on each day, and how old it is; 1 for money."""
    if commodity.is_cash:
        return np.ones(len(days)), np.zeros(len(days), np.int64)
    prices = market.prices[:, market.places[commodity.name]]
    known = ~np.isnan(prices)
    return _latest(market.price_dates[known], prices[known], days, most_days=ANY_AGE)


def _latest(
    dates: DateArray, values: FloatArray, days: DateArray, *, most_days: int
) -> tuple[FloatArray, IntArray]:
    """Return the last value on or before each day, NaN where it is older than allowed, and its age in days."""
    place = np.searchsorted(dates, days, side="right") - 1
    if not len(dates):
        return np.full(len(days), np.nan), np.zeros(len(days), np.int64)
    age = (days - dates[np.maximum(place, 0)]).astype(np.int64)
    is_known = (place >= 0) & (age <= most_days)
    return np.where(is_known, values[np.maximum(place, 0)], np.nan), np.where(is_known, age, 0)


class _Rates:
    """Units of the base currency for one of another, on some days."""

    def __init__(self, market: MarketColumns, base_currency: str, days: DateArray) -> None:
        self._market, self._days = market, days
        self._base_currency = base_currency
        self._known: dict[str, FloatArray] = {}

    def of(self, currency: str) -> FloatArray:
        if currency not in self._known:
            is_base = currency == self._base_currency
            self._known[currency] = (
                np.ones(len(self._days))
                if is_base
                else self._per_eur(self._base_currency) / self._per_eur(currency)
            )
        return self._known[currency]

    def _per_eur(self, currency: str) -> FloatArray:
        if currency == PIVOT:
            return np.ones(len(self._days))
        return _latest(*self._market.rates.columns(currency), self._days, most_days=RATE_DAYS)[0]


def _currency(market: MarketColumns, commodity: Commodity) -> str:
    return commodity.name if commodity.is_cash else market.assets[commodity.name].currency


def _benchmark(ledger: ScopeLedger, rates: _Rates, days: DateArray) -> FloatArray:
    name, market = ledger.benchmark, ledger.market
    if name is None or name not in market.assets:
        return np.full(len(days), np.nan)
    prices, _ = _prices_of(market, Commodity(is_cash=False, name=name), days)
    return prices * rates.of(market.assets[name].currency)


def _adjusted(
    market: MarketColumns, commodities: Sequence[Commodity]
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return np.array([not c.is_cash and market.assets[c.name].is_adjusted for c in commodities])


def _splits(market: MarketColumns, commodities: Sequence[Commodity]) -> Splits:
    places = {commodity.name: place for place, commodity in enumerate(commodities) if not commodity.is_cash}
    found = [split for split in market.splits if split[0] in places]
    return Splits(
        np.array([places[name] for name, _, _ in found], dtype=np.int64),
        np.array([day for _, day, _ in found], dtype="datetime64[D]"),
        np.array([ratio for _, _, ratio in found], dtype=np.float64),
    )
