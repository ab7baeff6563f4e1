"""Resets of users' factors that one person asks for and another approves."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class RecoveryRequest:
    """What waits for a second person.

    Attributes:
        request_id: key.
        user_id: who lost the factors.
        asked_by: who asks, as the audit says it.
        asked_at: when.
        expires_at: until when it can be approved.
    """

    request_id: UUID
    user_id: UUID
    asked_by: str
    asked_at: datetime
    expires_at: datetime


async def ask_recovery(
    db: WriteSession, request_id: UUID, user_id: UUID, *, now: datetime, expires_at: datetime
) -> bool:
    """Ask; False = somebody did, and it waits."""
    values = {"request_id": request_id, "user_id": user_id, "now": now, "expires_at": expires_at}
    return (await db.execute(query("ask_recovery"), values)).one_or_none() is not None


async def approve_recovery(db: WriteSession, request_id: UUID, *, now: datetime) -> bool:
    """Approve; False = whoever acts asked for it themselves, or it waits no more."""
    values = {"request_id": request_id, "now": now}
    return (await db.execute(query("approve_recovery"), values)).one_or_none() is not None


async def get_recovery_requests(db: AsyncSession, *, now: datetime) -> list[RecoveryRequest]:
    """Return what waits, the oldest first."""
    rows = (await db.execute(query("get_recovery_requests"), {"now": now})).mappings()
    return [RecoveryRequest(**row) for row in rows]
