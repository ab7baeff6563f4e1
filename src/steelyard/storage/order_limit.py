"""Limits of orders as they rest in the store, and what an order is held against."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.compliance.order_limits import OrderLimits
from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query

_NAMES = tuple(field.name for field in fields(OrderLimits))


MOST_LOCKED: Final = 50
"""Accounts that are locked one by one: a server has room for some thousands of locks, and a block may be of as many."""


@dataclass(frozen=True, slots=True)
class StoredLimits:
    """The limits of an account, or of the tenant.

    Attributes:
        account_id: None = each account of the tenant.
        limits: what no order may exceed.
        changed_by, changed_at: who wrote them, as in the audit, and when, UTC.
    """

    account_id: str | None
    limits: OrderLimits
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderBehind:
    """An order of an account that is sent, by itself or in a block.

    Attributes:
        order_value: in the tenant's base currency.
        takes_stale: whether its proposal says why old prices will do.
    """

    order_id: UUID
    account_id: str
    order_value: Decimal
    takes_stale: bool


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold that was not released, and why it was placed."""

    kind: str
    reason: str


async def get_order_limits(db: AsyncSession) -> list[StoredLimits]:
    """Return every limit that is seen, the tenant's first."""
    return [
        StoredLimits(
            row["account_id"],
            OrderLimits(**{name: row[name] for name in _NAMES}),
            row["changed_by"],
            row["changed_at"],
        )
        for row in (await db.execute(query("get_order_limits"))).mappings()
    ]


async def get_order_limits_of(
    db: AsyncSession, account_ids: Collection[str]
) -> dict[str | None, OrderLimits]:
    """Return the limits of the tenant, under None, and of accounts; who has none is left out."""
    rows = await db.execute(query("get_order_limits_of"), {"account_ids": sorted(account_ids)})
    return {row["account_id"]: OrderLimits(**{name: row[name] for name in _NAMES}) for row in rows.mappings()}


async def set_order_limits(db: WriteSession, account_id: str | None, limits: OrderLimits) -> None:
    """Write the limits of an account, or of the tenant, in place of what they were."""
    values = {name: getattr(limits, name) for name in _NAMES}
    await db.execute(query("set_order_limits"), {"account_id": account_id, **values})


async def end_order_limits(db: WriteSession, account_id: str | None) -> bool:
    """Take away the limits of an account, or of the tenant; returns whether there were any."""
    rows = await db.execute(query("end_order_limits"), {"account_id": account_id})
    return rows.one_or_none() is not None


async def lock_day_values(db: WriteSession, account_ids: Collection[str]) -> None:
    """Wait for whoever else is about to send an order of the same accounts; who has many of them locks all at once."""
    if len(account_ids) > MOST_LOCKED:
        await db.execute(query("lock_all_day_values"))
        return
    await db.execute(query("share_day_values"))
    await db.execute(query("lock_day_values"), {"account_ids": sorted(set(account_ids))})


async def get_day_values(
    db: AsyncSession, account_ids: Collection[str], *, left_out: Collection[UUID] = ()
) -> dict[str, Decimal]:
    """Return account → what its orders that were given to a broker on this day (UTC) are worth; 0 is left out.

    Args:
        db: a session.
        account_ids: whose orders.
        left_out: orders that are not counted.
    """
    values = {"account_ids": sorted(set(account_ids)), "left_out": list(left_out)}
    rows = await db.execute(query("get_day_values"), values)
    return {row.account_id: row.order_value for row in rows}


async def get_orders_behind(db: AsyncSession, order_id: UUID) -> list[OrderBehind]:
    """Return the orders that an order stands for: itself, or those that a block is sent for."""
    rows = await db.execute(query("get_orders_behind"), {"order_id": order_id})
    return [OrderBehind(*row) for row in rows]


async def get_holds_on(
    db: AsyncSession, account_ids: Collection[str], order_ids: Collection[UUID]
) -> list[OpenHold]:
    """Return what keeps orders of accounts from being sent, the oldest first."""
    values = {"account_ids": sorted(set(account_ids)), "order_ids": list(order_ids)}
    return [OpenHold(*row) for row in await db.execute(query("get_holds_on"), values)]


async def get_open_stops(db: AsyncSession) -> list[str]:
    """Return the reasons why nothing is sent for anybody, the oldest first."""
    return list(await db.scalars(query("get_open_stops")))
