"""What rules ask of the store: what assets are, what was traded before, and how much of it usually is."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.compliance.holdings import Described
from steelyard.storage.memory import remembered
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class BookedTrade:
    """A trade as it was booked; `amount` is in `currency`, positive = bought."""

    asset_id: str
    trade_date: date
    currency: str
    amount: Decimal


@remembered
async def get_ruled_assets(db: AsyncSession, asset_ids: Collection[str]) -> dict[str, Described]:
    """Return what assets are, by id; those that do not exist are left out."""
    rows = await db.execute(query("get_ruled_assets"), {"asset_ids": sorted(asset_ids)})
    return {row.asset_id: Described(*row) for row in rows}


@remembered
async def get_volumes(
    db: AsyncSession, asset_ids: Collection[str], day: date, sessions: int
) -> dict[str, list[Decimal]]:
    """Return asset → units traded in its last sessions before a day, the newest first.

    Args:
        db: a session.
        asset_ids: which.
        day: before it.
        sessions: at most so many; none older than twice as many days and ten more, for holidays.
    """
    oldest = day - timedelta(days=2 * sessions + 10)
    values = {"asset_ids": sorted(asset_ids), "day": day, "oldest": oldest, "sessions": sessions}
    volumes: dict[str, list[Decimal]] = defaultdict(list)
    for asset_id, volume in await db.execute(query("get_volumes"), values):
        volumes[asset_id].append(volume)
    return volumes


async def get_past_trades(db: AsyncSession, account_id: str, since: date, until: date) -> list[BookedTrade]:
    """Return what an account bought and sold in some days, both included."""
    values = {"account_id": account_id, "since": since, "until": until}
    return [BookedTrade(*row) for row in await db.execute(query("get_past_trades"), values)]


async def has_transactions(db: AsyncSession, account_id: str) -> bool:
    """Whether any transaction of an account is known."""
    known: bool = (await db.execute(query("has_transactions"), {"account_id": account_id})).scalar_one()
    return known


async def sees_whole_household(db: AsyncSession, household_id: str) -> bool:
    """Whether every account of a household is seen."""
    seen: bool = (
        await db.execute(query("sees_whole_household"), {"household_id": household_id})
    ).scalar_one()
    return seen
