"""Prices at rest: how assets are asked for, their accepted closes, and what moved them besides the market."""

from collections.abc import Collection, Mapping
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
    price_basis: str
    is_cash: bool


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
