"""The history of one asset: its prices, returns and risk, what was traded of it, and what checks said."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from steelyard.analytics.drawdown import drawdowns, max_drawdown
from steelyard.analytics.returns import cumulative_returns
from steelyard.analytics.windows import subtract_months
from steelyard.domain.scope import Scope
from steelyard.domain.transaction import TransactionKind
from steelyard.storage import asset as store
from steelyard.storage.asset import AssetRecord, DayReturn, RiskOfDay
from steelyard.storage.booked import JournalEntry, get_newest_entries
from steelyard.storage.connection import ReadSession
from steelyard.storage.price import (
    PriceAction,
    StoredClose,
    get_closes_between,
    get_newest_closes,
    get_price_actions,
    get_price_keys,
)
from steelyard.storage.valuation import get_valuation_accounts

BEGINNING: Final = date(1900, 1, 1)
"""Before any price there is."""

MONTHS_BACK: Final = {
    "one month": 1,
    "three months": 3,
    "six months": 6,
    "one year": 12,
    "three years": 36,
    "five years": 60,
}
TRADES: Final = (TransactionKind.BUY, TransactionKind.SELL, TransactionKind.SHORT, TransactionKind.COVER)
MOST_TRADES: Final = 10_000
MOST_RECORDS: Final = 500


@dataclass(frozen=True, slots=True)
class AssetTrade:
    """A trade of an asset: `is_buy` = units came in."""

    day: date
    is_buy: bool
    kind: str
    account_id: str
    quantity: Decimal
    price: Decimal | None
    currency: str
    entry_id: int


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """The accepted closes of an asset in a period, and what happened to it.

    Attributes:
        closes: day and price in the asset's currency, oldest first.
        newest: the newest close of all, with its source; None = there is none.
        trades: of a scope, oldest first.
        actions: oldest first.
    """

    closes: tuple[tuple[date, Decimal], ...]
    newest: StoredClose | None
    trades: tuple[AssetTrade, ...]
    actions: tuple[PriceAction, ...]


@dataclass(frozen=True, slots=True)
class WindowReturn:
    """Daily returns of a period, compounded; fractions, None = its beginning is not known.

    Attributes:
        name: "one year" and the like up to the last day, or "2021".
        after: the day whose close the period begins with.
        last: its last day.
        days: daily returns in it.
    """

    name: str
    after: date
    last: date
    total_return: float | None
    benchmark_return: float | None
    days: int


@dataclass(frozen=True, slots=True)
class ReturnHistory:
    """The returns of an asset, compounded from its first day.

    Attributes:
        days: with a return.
        total: of the asset, compounded, one a day; fractions.
        benchmark: the same of the benchmark, None where it has no return yet; empty = there is none.
        falls: how far below its peak, one a day; negative fractions.
        windows: returns of periods.
        max_drawdown: the deepest fall, a positive fraction; None = no return.
        origins: loaded or derived, or both.
    """

    days: tuple[date, ...]
    total: tuple[float, ...]
    benchmark: tuple[float | None, ...]
    falls: tuple[float, ...]
    windows: tuple[WindowReturn, ...]
    max_drawdown: float | None
    origins: tuple[str, ...]


async def is_known(db: ReadSession, asset_id: str) -> bool:
    """Whether there is such an asset, in whatever portfolio."""
    return bool(await get_price_keys(db, [asset_id]))


async def get_price_history(
    db: ReadSession, asset_id: str, *, scope: Scope, first: date, last: date
) -> PriceHistory:
    """Return the prices of an asset in a period, both days included, with the trades of a scope.

    Args:
        db: a read session.
        asset_id: the asset.
        scope: whose trades.
        first: the first day.
        last: the last day.
    """
    closes = (await get_closes_between(db, [asset_id], first, last)).get(asset_id, {})
    newest = (await get_newest_closes(db, [asset_id], last, most=1)).get(asset_id, [])
    actions = (await get_price_actions(db, {asset_id: first - timedelta(days=1)})).get(asset_id, [])
    _, accounts = await get_valuation_accounts(db, scope)
    entries = await get_newest_entries(
        db,
        [one.account_id for one in accounts],
        before=(date.max, 0),
        most=MOST_TRADES,
        asset_id=asset_id,
        first=first,
        last=last,
    )
    return PriceHistory(
        closes=tuple(closes.items()),
        newest=newest[0] if newest else None,
        trades=tuple(_trades(reversed(entries), asset_id)),
        actions=tuple(
            sorted((one for one in actions if one.action_date <= last), key=lambda one: one.action_date)
        ),
    )


def _trades(entries: Iterable[JournalEntry], asset_id: str) -> Iterator[AssetTrade]:
    for one in entries:
        if one.kind in TRADES and one.asset_id == asset_id:
            is_buy = one.kind in {TransactionKind.BUY, TransactionKind.COVER}
            yield AssetTrade(
                one.trade_date,
                is_buy,
                one.kind,
                one.account_id,
                one.quantity,
                one.price,
                one.currency,
                one.entry_id,
            )


async def get_returns(db: ReadSession, asset_id: str, *, benchmark: str | None, last: date) -> ReturnHistory:
    """Return the returns of an asset up to a day, beside those of its benchmark.

    Args:
        db: a read session.
        asset_id: the asset.
        benchmark: the asset it is compared with; None = none.
        last: the last day.
    """
    wanted = [asset_id, benchmark] if benchmark and benchmark != asset_id else [asset_id]
    found: dict[str, list[DayReturn]] = defaultdict(list)
    for one in await store.get_return_history(db, wanted, BEGINNING, last):
        found[one.asset_id].append(one)
    return measure_returns(found[asset_id], found[benchmark] if len(wanted) > 1 and benchmark else [], last)


def measure_returns(own: Sequence[DayReturn], others: Sequence[DayReturn], last: date) -> ReturnHistory:
    """Compound daily returns.

    Args:
        own: of the asset, oldest first.
        others: of its benchmark, oldest first; those after the asset's first day count.
        last: the last day.

    >>> days = [DayReturn("A", date(2024, 3, day), 0.1, "derived") for day in (14, 15)]
    >>> measured = measure_returns(days, [], date(2024, 3, 15))
    >>> [round(one, 9) for one in measured.total], measured.windows[0].total_return
    ([0.1, 0.21], None)
    """
    days = tuple(one.day for one in own)
    returns = np.array([one.daily_return for one in own])
    beside = _beside(days, others)
    return ReturnHistory(
        days=days,
        total=tuple(cumulative_returns(returns).tolist()) if days else (),
        benchmark=beside,
        falls=tuple((-drawdowns(returns)).tolist()) if days else (),
        windows=tuple(_windows(own, others, last)),
        max_drawdown=float(max_drawdown(returns)) if days else None,
        origins=tuple(sorted({one.origin for one in own})),
    )


def _beside(days: Sequence[date], others: Sequence[DayReturn]) -> tuple[float | None, ...]:
    """Compound the benchmark's returns on the asset's days, from the asset's first."""
    if not days or not others:
        return ()
    found: list[float | None] = []
    grown, place = 1.0, 0
    while place < len(others) and others[place].day < days[0]:
        place += 1
    begun = place < len(others) and others[place].day == days[0]
    for day in days:
        while place < len(others) and others[place].day <= day:
            grown *= 1.0 + others[place].daily_return
            place += 1
        found.append(grown - 1.0 if begun else None)
    return tuple(found) if begun else ()


def _windows(own: Sequence[DayReturn], others: Sequence[DayReturn], last: date) -> Iterator[WindowReturn]:
    for name, months in MONTHS_BACK.items():
        yield _window(name, own, others, subtract_months(last, months), last)
    for year in sorted({one.day.year for one in own}, reverse=True):
        end = min(date(year, 12, 31), last)
        yield _window(f"{year}", own, others, date(year - 1, 12, 31), end)


def _window(
    name: str, own: Sequence[DayReturn], others: Sequence[DayReturn], after: date, last: date
) -> WindowReturn:
    inside = [one.daily_return for one in own if after < one.day <= last]
    return WindowReturn(
        name, after, last, _compounded(own, after, last), _compounded(others, after, last), len(inside)
    )


LONGEST_GAP: Final = timedelta(days=7)
"""A window whose first return comes later than this after its beginning is not covered."""


def _compounded(returns: Sequence[DayReturn], after: date, last: date) -> float | None:
    inside = [one for one in returns if after < one.day <= last]
    if not inside or inside[0].day - after > LONGEST_GAP:
        return None
    return float(np.prod([1.0 + one.daily_return for one in inside]) - 1.0)


async def get_risk(db: ReadSession, asset_id: str, *, last: date) -> list[RiskOfDay]:
    """Return the risk of an asset at the days it was measured, oldest first."""
    return await store.get_risk_history(db, asset_id, last)


async def get_records(db: ReadSession, asset_id: str, *, scope: Scope) -> list[AssetRecord]:
    """Return what checks said of an asset in a scope, newest first, at most MOST_RECORDS."""
    _, accounts = await get_valuation_accounts(db, scope)
    return await store.get_asset_records(db, asset_id, [one.account_id for one in accounts], MOST_RECORDS)
