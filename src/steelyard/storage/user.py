"""Users as they are kept: their names encrypted, found by a keyed hash of the login name."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class StoredUser:
    """A user, with their names encrypted.

    Attributes:
        approval_limit: the largest order value they may approve alone; None = the tenant's.
        last_sign_in_at: None = never.
        has_second_factor: whether they have an authenticator app or a passkey.
    """

    user_id: UUID
    role: str
    status: str
    login_sealed: bytes = field(repr=False)
    name_sealed: bytes = field(repr=False)
    approval_limit: Decimal | None
    created_at: datetime
    last_sign_in_at: datetime | None
    has_password: bool
    has_second_factor: bool


async def add_user(
    db: WriteSession,
    user_id: UUID,
    *,
    role: str,
    status: str,
    login_index: bytes,
    login_sealed: bytes,
    name_sealed: bytes,
    approval_limit: Decimal | None,
    now: datetime,
) -> bool:
    """Add a user; False = the login name is somebody's."""
    values = {
        "user_id": user_id,
        "role": role,
        "status": status,
        "login_index": login_index,
        "login_sealed": login_sealed,
        "name_sealed": name_sealed,
        "approval_limit": approval_limit,
        "now": now,
    }
    return (await db.execute(query("add_user"), values)).one_or_none() is not None


async def get_users(
    db: AsyncSession, *, user_id: UUID | None = None, login_index: bytes | None = None
) -> list[StoredUser]:
    """Return the users of the tenant, or the one of an id or of a login name; the oldest first."""
    values = {"user_id": user_id, "login_index": login_index}
    return [StoredUser(**row) for row in (await db.execute(query("get_users"), values)).mappings()]


async def hold_managers(db: WriteSession, roles: Collection[str]) -> list[UUID]:
    """Return the active users of some roles; until this transaction ends nobody else changes them."""
    return list((await db.execute(query("hold_managers"), {"roles": sorted(roles)})).scalars())


async def hold_user(db: WriteSession, user_id: UUID) -> tuple[str, str] | None:
    """Return role and status of a user, whom nobody else changes meanwhile; None = there is no such user."""
    row = (await db.execute(query("hold_user"), {"user_id": user_id})).one_or_none()
    return None if row is None else (row.role, row.status)


async def set_role(db: WriteSession, user_id: UUID, role: str) -> None:
    """Give a user another role."""
    await db.execute(query("set_role"), {"user_id": user_id, "role": role})


async def disable_user(db: WriteSession, user_id: UUID) -> None:
    """Let a user in no more."""
    await db.execute(query("disable_user"), {"user_id": user_id})


async def enable_user(db: WriteSession, user_id: UUID) -> str:
    """Let a user in again; return the status, which is invited where they have no way in."""
    status: str = (await db.execute(query("enable_user"), {"user_id": user_id})).scalar_one()
    return status


async def set_approval_limit(db: WriteSession, user_id: UUID, limit: Decimal | None) -> None:
    """Let a user approve orders up to another value alone; None = the tenant's."""
    await db.execute(query("set_approval_limit"), {"user_id": user_id, "approval_limit": limit})
