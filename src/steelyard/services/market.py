"""Current prices, each with its source, its time and how far it is trusted.

By default they are the stored ones. With a market, its sources are asked in their order: what one does not have, or
has in doubt, the next one is asked for.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from math import prod
from typing import Final

from steelyard.domain.calendar import TIME_ZONES, time_zone
from steelyard.market.calendar import sessions_since
from steelyard.market.check import (
    Judge,
    Known,
    check_price,
    choose_price,
    day_of,
    missing_price,
    needs_history,
)
from steelyard.market.port import AssetKey, CheckedPrice, Market, PriceSource, Quote, SourceDownError, Told
from steelyard.services.portfolio import UnpricedError, read_day
from steelyard.storage import price as store
from steelyard.storage.connection import ReadSession, WriteSession, reading
from steelyard.storage.price import PriceAction, StoredClose

MAX_PRICE_AGE: Final = 3
"""Sessions a price may be old; a long weekend is no reason to refuse."""

SPREAD_DAYS: Final = timedelta(days=365)
"""The closes that say what is usual for an asset: those of a year, as a load sees it."""

A_DAY_AHEAD: Final = timedelta(hours=14)
"""How far the farthest exchange's day is ahead of UTC."""

Db = ReadSession | WriteSession


async def get_current_prices(
    asset_ids: Collection[str], db: ReadSession | None = None, *, as_of: date | None = None
) -> dict[str, CheckedPrice]:
    """Return the newest stored price of each asset on or before a day; None means the last price date.

    Raises:
        NoMarketPricesError: the store holds no price.
        UnpricedError: one of the assets has none; names it.
    """
    async with reading(db) as session:
        day = await read_day(session, as_of)
        found = await read_prices(asset_ids, session, now=datetime.combine(day, time.max, UTC), as_of=day)
    if unpriced := sorted(asset for asset, price in found.items() if price.price is None):
        raise UnpricedError(unpriced, day)
    return found


async def get_current_price(
    asset_id: str, db: ReadSession | None = None, *, as_of: date | None = None
) -> CheckedPrice:
    """Return the newest price of an asset; arguments and errors as for `get_current_prices`."""
    return (await get_current_prices([asset_id], db, as_of=as_of))[asset_id]


async def read_prices(
    asset_ids: Collection[str],
    db: Db | None = None,
    *,
    now: datetime,
    as_of: date | None = None,
    market: Market | None = None,
    max_age: int = MAX_PRICE_AGE,
) -> dict[str, CheckedPrice]:
    """Return a price of each asset and how far it is trusted; an asset without one is MISSING, never left out.

    Args:
        asset_ids: assets, cash left out.
        db: a session; None opens the default store, and not while sources are waited for: with a market give None.
        now: the caller's clock, with its offset.
        as_of: the day on which the age of prices counts, and after which stored ones are not seen; None = today, at
            each asset's exchange.
        market: the sources that are asked; None = the stored prices.
        max_age: sessions a price may be old.

    Raises:
        SteelyardError: the store cannot be read. What a source does wrong is said in the doubt of the price.
    """
    judge = Judge(now=now, as_of=as_of, max_age=max_age, age=_age)
    async with reading(db) as session:
        book = await _read_book(session, asset_ids, as_of or (now + A_DAY_AHEAD).date())
    asked = _Asked(db, book, judge)
    for source in market.sources if market else ():
        await _ask(asked, source)
    if market is None or market.then_stored:
        await _judge(asked, asked.open, book.newest)
    return {asset_id: asked.answer(asset_id) for asset_id in asset_ids}


async def get_priced_assets(db: Db | None = None) -> list[str]:
    """Return the assets that may have a price: all but cash."""
    async with reading(db) as session:
        return await store.get_priced_assets(session)


@dataclass(frozen=True, slots=True)
class _Book:
    """What the store knows of prices: the newest closes of each asset, the newest first, and the actions since."""

    assets: Mapping[str, AssetKey]
    closes: Mapping[str, Sequence[StoredClose]]
    actions: Mapping[str, Sequence[PriceAction]]

    @property
    def newest(self) -> Mapping[str, Quote]:
        """The newest closes as quotes."""
        return {asset: _as_quote(self.assets[asset], closes[0]) for asset, closes in self.closes.items()}

    def known(self, asset: AssetKey, quote: Quote, year: Mapping[date, Decimal]) -> Known:
        """Return what a price is compared with; a stored close with the one before it."""
        closes = self.closes.get(asset.asset_id, ())
        is_stored = bool(closes) and quote == _as_quote(asset, closes[0])
        before = closes[1:] if is_stored else closes
        if not before:
            return Known()
        last, day = before[0], day_of(asset, quote)
        actions = [
            one for one in self.actions.get(asset.asset_id, ()) if last.price_date < one.action_date <= day
        ]
        return Known(
            closes=(*(close for at, close in year.items() if at < last.price_date), last.closing_price),
            split=prod((one.ratio for one in actions if one.ratio), start=Decimal(1)),
            has_other_action=any(one.ratio is None for one in actions),
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """Prices as they come in, by asset, and why sources gave none."""

    db: Db | None
    book: _Book
    judge: Judge
    found: dict[str, list[CheckedPrice]] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)

    @property
    def open(self) -> list[AssetKey]:
        """The assets that have no good price yet."""
        return [
            asset
            for asset in self.book.assets.values()
            if not any(one.is_good for one in self.found.get(asset.asset_id, ()))
        ]

    def answer(self, asset_id: str) -> CheckedPrice:
        """Return the price that counts."""
        if asset_id not in self.book.assets:
            return missing_price(AssetKey(asset_id, asset_id, ""), "the store has no such asset")
        asset = self.book.assets[asset_id]
        none = missing_price(asset, "; ".join(self.faults.get(asset_id, ())) or "no source has one")
        return choose_price([*self.found.get(asset_id, ()), none])


async def _ask(asked: _Asked, source: PriceSource) -> None:
    """Ask a source for what is still open; where it does not answer, that is noted, and no more."""
    assets = asked.open
    told: Mapping[str, Told] = {}
    try:
        told = await source.get_quotes(assets) if assets else {}
    except SourceDownError as error:
        told = {asset.asset_id: error for asset in assets}
    for asset_id, one in told.items():
        if isinstance(one, SourceDownError):
            asked.faults.setdefault(asset_id, []).append(f"{one.source} gave no answer ({one.reason})")
    await _judge(asked, assets, {asset_id: one for asset_id, one in told.items() if isinstance(one, Quote)})


async def _judge(asked: _Asked, assets: Sequence[AssetKey], quotes: Mapping[str, Quote]) -> None:
    """Check quotes; those far from the last close beside what is usual for their asset."""
    pairs = [(asset, quotes[asset.asset_id]) for asset in assets if asset.asset_id in quotes]
    known = {asset.asset_id: asked.book.known(asset, quote, {}) for asset, quote in pairs}
    far = {asset: quote for asset, quote in pairs if needs_history(asset, quote, known[asset.asset_id])}
    if far:
        years = await _read_years(asked, [asset.asset_id for asset in far])
        for asset, quote in far.items():
            known[asset.asset_id] = asked.book.known(asset, quote, years.get(asset.asset_id, {}))
    checks = partial(_check_all, asked.judge, pairs, known)
    # Counting sessions may read the calendars of exchanges, which takes seconds.
    for price in await asyncio.to_thread(checks):
        asked.found.setdefault(price.asset_id, []).append(price)


def _check_all(
    judge: Judge, pairs: Sequence[tuple[AssetKey, Quote]], known: Mapping[str, Known]
) -> list[CheckedPrice]:
    return [check_price(asset, quote, known[asset.asset_id], judge) for asset, quote in pairs]


async def _read_book(db: Db, asset_ids: Collection[str], day: date) -> _Book:
    keys = await store.get_price_keys(db, asset_ids)
    closes = await store.get_newest_closes(db, [key.asset_id for key in keys], day, most=2)
    since = {asset: found[-1].price_date for asset, found in closes.items()}
    return _Book(
        assets={
            key.asset_id: AssetKey(key.asset_id, key.asset_id, key.currency, key.exchange) for key in keys
        },
        closes=closes,
        actions=await store.get_price_actions(db, since),
    )


async def _read_years(asked: _Asked, asset_ids: Sequence[str]) -> dict[str, dict[date, Decimal]]:
    """Return the closes that say what is usual for assets, by day."""
    newest = [asked.book.closes[asset][0].price_date for asset in asset_ids]
    async with reading(asked.db) as db:
        return await store.get_closes_between(db, asset_ids, min(newest) - SPREAD_DAYS, max(newest))


def _as_quote(asset: AssetKey, close: StoredClose) -> Quote:
    """Return a stored close as a quote; where only its day is known, of the beginning of that day at its exchange."""
    zone = time_zone(asset.mic) if asset.mic in TIME_ZONES else UTC
    return Quote(
        asset_id=asset.asset_id,
        price=close.closing_price,
        currency=asset.currency,
        made_at=close.price_time or datetime.combine(close.price_date, time(), zone),
        source=close.source,
        price_date=close.price_date,
    )


def _age(day: date, as_of: date, mic: str, at_most: int) -> int:
    return sessions_since(day, as_of, mic, at_most=at_most)
