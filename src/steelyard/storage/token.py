"""API tokens as they are kept: by their hash."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession, look_up
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A token, whether it still counts or not, and its user as of now; see `FoundSession`."""

    tenant_id: int
    user_id: UUID
    token_id: UUID
    epoch: int
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
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
class Token:
    """A token, as lists show it; nothing in it opens anything.

    Attributes:
        token_id: what lists and audits call it.
        user_id: whom it acts as.
        token_name: what the user calls it.
        scopes: what it may do of what its user may.
        created_at: when it was made.
        expires_at: when it ends.
        last_used_at: when it was last used, to the minute; None = never.
    """

    token_id: UUID
    user_id: UUID
    token_name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None


async def find_tokens(hashes: Sequence[bytes]) -> dict[bytes, FoundToken]:
    """Return the token of each hash, whosever it is; a hash of none is left out."""
    rows = await look_up("find_tokens", {"asked_hashes": hashes})
    found = ({**row, "grants": json.loads(row["grants"])} for row in rows)
    return {row.pop("hash"): FoundToken(**row) for row in found}


async def touch_token(db: WriteSession, token_id: UUID, *, now: datetime, before: datetime) -> None:
    """Note that a token was used now, unless it was used after `before`."""
    await db.execute(query("touch_token"), {"token_id": token_id, "now": now, "before": before})


async def add_token(
    db: WriteSession,
    token_id: UUID,
    token_hash: bytes,
    user_id: UUID,
    *,
    name: str,
    scopes: Collection[str],
    now: datetime,
    expires_at: datetime,
) -> bool:
    """Keep the hash of a token; False = the user is not active."""
    values = {
        "token_id": token_id,
        "hash": token_hash,
        "user_id": user_id,
        "token_name": name,
        "scopes": sorted(scopes),
        "now": now,
        "expires_at": expires_at,
    }
    return (await db.execute(query("add_token"), values)).one_or_none() is not None


async def get_tokens(db: AsyncSession, user_id: UUID | None, *, now: datetime) -> list[Token]:
    """Return the tokens that open something still, of one user or of all; the newest first."""
    rows = (await db.execute(query("get_tokens"), {"user_id": user_id, "now": now})).mappings()
    return [Token(**row) for row in rows]


async def end_token(db: WriteSession, token_id: UUID, *, user_id: UUID | None, now: datetime) -> UUID | None:
    """End a token, of one user or of any; return its user, None = there is none that had not ended."""
    values = {"token_id": token_id, "user_id": user_id, "now": now}
    ended: UUID | None = (await db.execute(query("end_token"), values)).scalar_one_or_none()
    return ended
