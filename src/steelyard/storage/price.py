"""Prices at rest: how assets are asked for, their accepted closes, and what moved them besides the market."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class PriceKey:
    """What of an asset matters to who asks for its price; `currency` may be a unit such as GBX."""

    asset_id: str
    currency: str
    exchange: str


@dataclass(frozen=True, slots=True)
class StoredClose:
    """A row of `market_data`, in the asset's quotation unit."""

    asset_id: str
    price_date: date
    closing_price: Decimal
    source: str
    price_time: datetime | None


@dataclass(frozen=True, slots=True)
class PriceAction:
    """A corporate action: `ratio` units became of one, None where it is no split."""

    asset_id: str
    action_date: date
    kind: str
    ratio: Decimal | None


async def get_price_keys(db: ReadSession | WriteSession, asset_ids: Collection[str]) -> list[PriceKey]:
    """Return the assets that there are of those asked for."""
    rows = await db.execute(query("get_price_keys"), {"asset_ids": list(asset_ids)})
    return [PriceKey(*row) for row in rows]


async def get_priced_assets(db: ReadSession | WriteSession) -> list[str]:
    """Return the assets that may have a price: all but cash."""
    return list(await db.scalars(query("get_priced_assets")))


async def get_newest_closes(
    db: ReadSession | WriteSession, asset_ids: Collection[str], as_of: date, *, most: int
) -> dict[str, list[StoredClose]]:
    """Return the newest closes of each asset on or before a day, the newest first; assets without one are left out."""
    values = {"asset_ids": list(asset_ids), "as_of": as_of, "most": most}
    found: dict[str, list[StoredClose]] = {}
    for row in await db.execute(query("get_newest_closes"), values):
        found.setdefault(row.asset_id, []).append(StoredClose(*row))
    return found


async def get_closes_between(
    db: ReadSession | WriteSession, asset_ids: Collection[str], first: date, last: date
) -> dict[str, dict[date, Decimal]]:
    """Return asset → day → close of a period, both days included, oldest first; assets without one are left out."""
    values = {"asset_ids": list(asset_ids), "first": first, "last": last}
    found: dict[str, dict[date, Decimal]] = {}
    for row in await db.execute(query("get_closes_between"), values):
        found.setdefault(row.asset_id, {})[row.price_date] = row.closing_price
    return found


async def get_price_actions(
    db: ReadSession | WriteSession, since: Mapping[str, date]
) -> dict[str, list[PriceAction]]:
    """Return the corporate actions of each asset after a day of its own, those of the session's tenant."""
    values = {"asset_ids": list(since), "since": list(since.values())}
    found: dict[str, list[PriceAction]] = {}
    for row in await db.execute(query("get_price_actions"), values):
        ratio = row.ratio if row.transaction_type == "SPLIT" else None
        found.setdefault(row.asset_id, []).append(
            PriceAction(row.asset_id, row.transaction_date, row.transaction_type, ratio)
        )
    return found


@dataclass(frozen=True, slots=True)
class StoredBackfill:
    """An asset, and how far its history was brought in from a source: from `first_date` to `done_through`."""

    asset_id: str
    currency: str
    exchange: str
    price_basis: str
    first_date: date | None
    done_through: date | None


@dataclass(frozen=True, slots=True)
class BackfillNote:
    """How far the history of an asset is now, and why it stopped; "" = it did not."""

    asset_id: str
    first_date: date
    done_through: date | None
    fault: str = ""


async def get_backfills(db: ReadSession, source: str, asset_ids: Collection[str]) -> list[StoredBackfill]:
    """Return the assets named, or all but cash, each with how far its history was brought in from a source."""
    rows = await db.execute(query("get_backfills"), {"source": source, "asset_ids": list(asset_ids)})
    return [StoredBackfill(*row) for row in rows]


async def note_backfills(
    db: WriteSession, source: str, last_date: date, notes: Sequence[BackfillNote], *, now: datetime
) -> None:
    """Write down how far histories are now."""
    values = {
        "source": source,
        "last_date": last_date,
        "now": now,
        "asset_ids": [note.asset_id for note in notes],
        "first_dates": [note.first_date for note in notes],
        "done_through": [note.done_through for note in notes],
        "faults": [note.fault for note in notes],
    }
    await db.execute(query("note_backfills"), values)


async def get_days_of_others(
    db: WriteSession, source: str, asset_ids: Collection[str], first: date, last: date
) -> set[tuple[str, date]]:
    """Return asset and day of prices in a period that are of another source."""
    values = {"source": source, "asset_ids": list(asset_ids), "first": first, "last": last}
    return {(row.asset_id, row.price_date) for row in await db.execute(query("get_days_of_others"), values)}


async def get_rate_days_of_others(
    db: WriteSession, source: str, first: date, last: date
) -> set[tuple[str, date]]:
    """Return currency and day of exchange rates in a period that are of another source."""
    values = {"source": source, "first": first, "last": last}
    return {
        (row.currency, row.rate_date) for row in await db.execute(query("get_rate_days_of_others"), values)
    }


async def get_currencies_in_use(db: WriteSession) -> set[str]:
    """Return the currencies that the store's assets and the tenant's totals are in."""
    return set(await db.scalars(query("get_currencies_in_use")))
