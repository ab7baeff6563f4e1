"""Sessions as they are kept: by the hash of what opens them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession, look_up
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session, whether it still counts or not, and its user as of now.

    Attributes:
        epoch: the user's when it began; it is dead when `user_epoch` has moved on.
        revoked_at: when it was ended; None = nobody did.
        approval_limit: the user's, else the tenant's.
        grants: account → rights, those over a household by account.
    """

    tenant_id: int
    user_id: UUID
    session_id: UUID
    epoch: int
    factors: list[str]
    auth_time: datetime
    created_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None
    role: str
    status: str
    user_epoch: int
    approval_limit: Decimal | None
    requires_mfa: bool
    has_password: bool
    has_totp: bool
    has_passkey: bool
    grants: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session, as lists show it."""

    session_id: UUID
    user_id: UUID
    factors: list[str]
    auth_time: datetime
    created_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str


async def find_sessions(hashes: Sequence[bytes]) -> dict[bytes, FoundSession]:
    """Return the session of each hash, whosever it is; a hash of none is left out."""
    rows = await look_up("find_sessions", {"asked_hashes": hashes})
    found = ({**row, "grants": json.loads(row["grants"])} for row in rows)
    return {row.pop("hash"): FoundSession(**row) for row in found}


async def add_session(
    db: WriteSession,
    session_hash: bytes,
    user_id: UUID,
    factors: Collection[str],
    *,
    epoch: int,
    now: datetime,
    address: str,
    user_agent: str,
) -> StoredSession | None:
    """Begin a session; None = there is no such user who may sign in, or their epoch is another by now."""
    values = {
        "hash": session_hash,
        "user_id": user_id,
        "epoch": epoch,
        "factors": sorted(factors),
        "now": now,
        "address": address,
        "user_agent": user_agent,
    }
    row = (await db.execute(query("add_session"), values)).mappings().one_or_none()
    return StoredSession(**row) if row else None


async def rotate_session(
    db: WriteSession,
    old_hash: bytes,
    new_hash: bytes,
    factors: Collection[str],
    *,
    auth_time: datetime,
    behind: int,
) -> StoredSession | None:
    """Give a session another hash.

    Args:
        db: of the session's tenant.
        old_hash: what opens it now.
        new_hash: what is to open it.
        factors: what it has shown.
        auth_time: when a factor was last shown.
        behind: how many epochs it is behind its user, whose it then has.

    Returns:
        The session; None = somebody else rotated or ended it before.
    """
    values = {
        "hash": old_hash,
        "new_hash": new_hash,
        "factors": sorted(factors),
        "auth_time": auth_time,
        "behind": behind,
    }
    row = (await db.execute(query("rotate_session"), values)).mappings().one_or_none()
    return StoredSession(**row) if row else None


async def touch_session(db: WriteSession, session_id: UUID, *, now: datetime, before: datetime) -> None:
    """Note that a session was seen now, unless it was seen after `before`."""
    await db.execute(query("touch_session"), {"session_id": session_id, "now": now, "before": before})


async def get_sessions(db: AsyncSession, user_id: UUID) -> list[tuple[StoredSession, str]]:
    """Return the sessions of a user that nobody ended, with the user's role; the last seen first."""
    rows = (await db.execute(query("get_sessions"), {"user_id": user_id})).mappings()
    return [(_stored(row), row["role"]) for row in rows]


async def end_session(db: WriteSession, user_id: UUID, session_id: UUID, *, now: datetime) -> bool:
    """End a session of a user; False = they have none of that id that had not ended."""
    values = {"user_id": user_id, "session_id": session_id, "now": now}
    return (await db.execute(query("end_session"), values)).one_or_none() is not None


async def end_other_sessions(db: WriteSession, user_id: UUID, session_id: UUID, *, now: datetime) -> int:
    """End the sessions of a user but for one; return how many."""
    values = {"user_id": user_id, "session_id": session_id, "now": now}
    return len((await db.execute(query("end_other_sessions"), values)).all())


async def raise_epoch(db: WriteSession, user_id: UUID) -> int | None:
    """End all sessions and tokens of a user; return the new epoch, None = there is no such user."""
    epoch: int | None = (await db.execute(query("raise_epoch"), {"user_id": user_id})).scalar_one_or_none()
    return epoch


def _stored(row: RowMapping) -> StoredSession:
    return StoredSession(**{name: row[name] for name in StoredSession.__slots__})
