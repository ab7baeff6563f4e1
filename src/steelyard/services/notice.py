"""What users are told: a password, factor, role or token of theirs changed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from steelyard.storage import notice as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.notice import Notice


async def get_notices(db: ReadSession, user_id: UUID) -> Sequence[Notice]:
    """Return the last hundred things a user was told, the newest first."""
    return await stored.list_notices(db, user_id)


async def read_notices(db: WriteSession, user_id: UUID, *, until: datetime, now: datetime) -> None:
    """Note that a user has seen what they were told.

    Args:
        db: acting as the user.
        user_id: the user.
        until: when the newest they saw was made.
        now: the time, with its zone.
    """
    await stored.read_notices(db, user_id, until=until, now=now)
    await record_event(db, "notice.read", "user", str(user_id))
