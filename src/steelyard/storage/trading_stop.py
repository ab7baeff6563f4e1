"""Kill switches: of a tenant, a hold of that kind; of the whole installation, a row that no tenant owns.

Who sends an order shares a lock of the database with all who do, from the look at the switches to the commit of the
intent; who pulls one takes it alone. So a switch is pulled before an intent or after it, and never in between.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.order import Order
from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query

EVERY_TENANT: Final = 0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What holds an order back now.

    Attributes:
        kind: stop (of the installation), or the kind of a hold.
        reason: why, in the words of who placed it.
    """

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class PulledStop:
    """A kill switch that is pulled.

    Attributes:
        is_of_all: whether it is of the whole installation, or of the tenant.
        reason: why.
        made_by: who pulled it, as the audit names them.
        made_at: when, UTC.
    """

    is_of_all: bool
    reason: str
    made_by: str
    made_at: datetime


async def list_obstacles(db: WriteSession, order: Order) -> list[Obstacle]:
    """Return what holds an order back; nothing is pulled after it until this transaction ends."""
    await db.execute(query("share_kill_switches"))
    values = {"account_id": order.account_id, "order_id": order.order_id}
    return [Obstacle(*row) for row in await db.execute(query("list_obstacles"), values)]


async def pull_kill_switch(db: WriteSession, tenant_id: int, reason: str) -> UUID | None:
    """Let nothing of the session's tenant be sent; None = it is so already."""
    await db.execute(query("take_kill_switch"), {"tenant_id": tenant_id})
    return (await db.execute(query("pull_kill_switch"), {"reason": reason})).scalar_one_or_none()


async def release_kill_switch(db: WriteSession, reason: str, *, now: datetime) -> UUID | None:
    """Let the orders of the session's tenant be sent again; None = they are."""
    values = {"reason": reason, "now": now}
    return (await db.execute(query("release_kill_switch"), values)).scalar_one_or_none()


async def pull_stop(db: WriteSession, reason: str) -> UUID | None:
    """Let nothing of any tenant be sent; None = it is so already."""
    await db.execute(query("take_kill_switch"), {"tenant_id": EVERY_TENANT})
    return (await db.execute(query("pull_stop"), {"reason": reason})).scalar_one_or_none()


async def release_stop(db: WriteSession, *, now: datetime) -> UUID | None:
    """Let orders be sent again, as far as the tenants let them; None = they are."""
    return (await db.execute(query("release_stop"), {"now": now})).scalar_one_or_none()


async def list_stops(db: AsyncSession) -> list[PulledStop]:
    """Return the kill switches that are pulled: of the installation first, then of the session's tenant."""
    return [PulledStop(*row) for row in await db.execute(query("list_stops"))]
