"""What users are told: a password, factor, role or token of theirs changed, or trading needs somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class Notice:
    """What a user was told.

    Attributes:
        notice_id: key.
        kind: what happened, as the audit calls it.
        made_at: when.
        read_at: when they saw it; None = not yet.
    """

    notice_id: UUID
    kind: str
    made_at: datetime
    read_at: datetime | None


async def add_notice(db: WriteSession, user_id: UUID, kind: str) -> None:
    """Tell a user what happened, in the transaction in which it does.

    Args:
        db: the session of the change.
        user_id: who is told.
        kind: what happened, as the audit calls it: password.change.
    """
    await db.execute(query("add_notice"), {"user_id": user_id, "kind": kind})


async def notify_owners(db: WriteSession, kind: str) -> None:
    """Tell every active owner of the tenant what happened, in the transaction in which it does."""
    await db.execute(query("notify_owners"), {"kind": kind})


async def list_notices(db: ReadSession | WriteSession, user_id: UUID) -> Sequence[Notice]:
    """Return the last hundred things a user was told, the newest first."""
    return [Notice(*row) for row in await db.execute(query("list_notices"), {"user_id": user_id})]


async def read_notices(db: WriteSession, user_id: UUID, *, until: datetime, now: datetime) -> None:
    """Note that a user has seen what they were told up to a moment."""
    await db.execute(query("read_notices"), {"user_id": user_id, "until": until, "now": now})
