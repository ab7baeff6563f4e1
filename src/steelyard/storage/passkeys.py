"""Users' passkeys, as they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class KeptPasskey:
    """A passkey of a user; none of it is secret.

    Attributes:
        credential_id: names it.
        public_key: verifies it (COSE).
        sign_count: how often it says it was used; 0 where it does not count.
        is_backed_up: whether it is on several devices.
        label: what the user calls it.
        created_at: when it was registered.
        last_used_at: when it last signed; None = never.
    """

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_backed_up: bool
    label: str
    created_at: datetime
    last_used_at: datetime | None


async def find_passkey(db: AsyncSession, credential_id: bytes) -> tuple[int, UUID] | None:
    """Find tenant and user of a passkey, before it is known who asks; None = nobody has it."""
    row = (await db.execute(query("find_passkey"), {"credential_id": credential_id})).one_or_none()
    return None if row is None else (row.tenant_id, row.user_id)


async def list_passkeys(db: ReadSession | WriteSession, user_id: UUID) -> Sequence[KeptPasskey]:
    """Return a user's passkeys, the oldest first."""
    return [KeptPasskey(*row) for row in await db.execute(query("list_passkeys"), {"user_id": user_id})]


async def add_passkey(
    db: WriteSession,
    user_id: UUID,
    credential_id: bytes,
    public_key: bytes,
    *,
    sign_count: int,
    is_backed_up: bool,
    label: str,
) -> bool:
    """Keep a new passkey; False = somebody has it already."""
    values = {
        "user_id": user_id,
        "credential_id": credential_id,
        "public_key": public_key,
        "sign_count": sign_count,
        "is_backed_up": is_backed_up,
        "label": label,
    }
    return (await db.execute(query("insert_passkey"), values)).first() is not None


async def use_passkey(
    db: WriteSession,
    credential_id: bytes,
    *,
    before: int,
    sign_count: int,
    is_backed_up: bool,
    now: datetime,
) -> bool:
    """Keep what a passkey says of itself; False = it was used since its count was `before`, or is gone."""
    values = {
        "credential_id": credential_id,
        "before": before,
        "sign_count": sign_count,
        "is_backed_up": is_backed_up,
        "now": now,
    }
    return (await db.execute(query("use_passkey"), values)).first() is not None


async def rename_passkey(db: WriteSession, user_id: UUID, credential_id: bytes, label: str) -> bool:
    """Call a passkey of a user something else; False = they have no such passkey."""
    values = {"user_id": user_id, "credential_id": credential_id, "label": label}
    return (await db.execute(query("rename_passkey"), values)).first() is not None


async def delete_passkey(db: WriteSession, user_id: UUID, credential_id: bytes) -> bool:
    """Forget a passkey of a user; False = they have no such passkey."""
    values = {"user_id": user_id, "credential_id": credential_id}
    return (await db.execute(query("delete_passkey"), values)).first() is not None


async def delete_passkeys(db: WriteSession, user_id: UUID) -> None:
    """Forget a user's passkeys."""
    await db.execute(query("delete_passkeys"), {"user_id": user_id})
