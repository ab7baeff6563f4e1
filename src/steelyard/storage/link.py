"""One-time links as they are kept: by their hash."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link, whether it still counts or not, and its user as of now.

    Attributes:
        tenant_id: the tenant.
        user_id: whom it is for; None = whoever sets the installation up, and then there is no role.
        purpose: setup, invitation or recovery.
        made_by: who made it, as the audit says it.
        made_at: when.
        expires_at: until when.
        used_at: when it was used; None = it was not.
        role: the user's.
        status: the user's.
        user_epoch: the user's.
        requires_mfa: whether the tenant asks everybody for a second factor.
    """

    tenant_id: int
    user_id: UUID | None
    purpose: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    role: str | None
    status: str | None
    user_epoch: int | None
    requires_mfa: bool


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that nobody used yet, as lists show it; nothing in it opens it."""

    user_id: UUID | None
    purpose: str
    made_by: str
    made_at: datetime
    expires_at: datetime


async def find_link(db: AsyncSession, link_hash: bytes) -> FoundLink | None:
    """Return the link of a hash, before it is known who asks; None = there is none."""
    row = (await db.execute(query("find_link"), {"hash": link_hash})).mappings().one_or_none()
    return FoundLink(**row) if row else None


async def add_link(
    db: WriteSession,
    link_hash: bytes,
    purpose: str,
    user_id: UUID | None,
    *,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep the hash of a link."""
    values = {
        "hash": link_hash,
        "purpose": purpose,
        "user_id": user_id,
        "now": now,
        "expires_at": expires_at,
    }
    await db.execute(query("add_link"), values)


async def take_link(db: WriteSession, link_hash: bytes, *, now: datetime) -> bool:
    """Use a link of the tenant; False = it was used or has ended, of many at once for all but one."""
    return (await db.execute(query("take_link"), {"hash": link_hash, "now": now})).one_or_none() is not None


async def end_links(db: WriteSession, user_id: UUID | None, *, now: datetime) -> list[str]:
    """End the open links of a user, or those that set the installation up; return their purposes."""
    return list((await db.execute(query("end_links"), {"user_id": user_id, "now": now})).scalars())


async def get_links(db: AsyncSession, *, now: datetime) -> list[OpenLink]:
    """Return the links of the tenant that nobody used yet, the newest first."""
    return [OpenLink(**row) for row in (await db.execute(query("get_links"), {"now": now})).mappings()]
