"""What is held of a person in the store, and legal holds on it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class LegalHold:
    """What must not be erased while it stands.

    Attributes:
        hold_id: key.
        user_id: whose data; None = everything of the tenant.
        reason: why.
        placed_by: who placed it, as the audit names them.
        placed_at: when.
        released_by, released_at: who released it, and when; None = it stands.
    """

    hold_id: UUID
    user_id: UUID | None
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None


async def get_names(db: AsyncSession, user_id: UUID) -> list[str]:
    """Return the keys that tell of a user: theirs, those of their tokens and sessions, as rows write them."""
    return list((await db.execute(query("get_names_of_user"), {"user_id": str(user_id)})).scalars())


async def get_rows(
    db: AsyncSession, table: str, columns: Sequence[str], found_by: Sequence[str], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return columns of the rows of a table that name somebody; bytes as PostgreSQL writes them."""
    values = {"table": table, "columns": [*columns], "found_by": [*found_by], "names": [*names]}
    return [json.loads(text) for text in (await db.execute(query("get_rows_of_person"), values)).scalars()]


async def delete_rows(db: WriteSession, table: str, found_by: Sequence[str], names: Sequence[str]) -> int:
    """Delete the rows of a table that are somebody's; returns how many there were."""
    values = {"table": table, "found_by": [*found_by], "names": [*names]}
    count: int = (await db.execute(query("delete_rows_of_person"), values)).scalar_one()
    return count


async def clear_columns(
    db: WriteSession, table: str, columns: Sequence[str], found_by: Sequence[str], names: Sequence[str]
) -> None:
    """Empty columns of the rows that are somebody's."""
    values = {"table": table, "columns": [*columns], "found_by": [*found_by], "names": [*names]}
    await db.execute(query("clear_columns_of_person"), values)


async def mark_erased(db: WriteSession, user_id: UUID) -> None:
    """Let only the key of a user stay."""
    await db.execute(query("mark_erased"), {"user_id": user_id})


async def get_last_act(db: AsyncSession, names: Sequence[str], *, besides: Sequence[str]) -> datetime | None:
    """Return when somebody last did something, of the actions whose noun is not among `besides`; None = never."""
    values = {"names": [*names], "besides": [*besides]}
    found: datetime | None = (await db.execute(query("get_last_act"), values)).scalar_one()
    return found


async def place_hold(db: WriteSession, user_id: UUID | None, reason: str) -> UUID:
    """Hold the data of a user, or of the tenant; returns the key of the hold."""
    hold_id: UUID = (
        await db.execute(query("place_hold"), {"user_id": user_id, "reason": reason})
    ).scalar_one()
    return hold_id


async def release_hold(db: WriteSession, hold_id: UUID) -> bool:
    """Let a hold go; False = none of that key stands."""
    return (await db.execute(query("release_hold"), {"hold_id": hold_id})).one_or_none() is not None


async def get_holds(
    db: AsyncSession, *, user_id: UUID | None = None, with_released: bool = False
) -> list[LegalHold]:
    """Return the holds of the tenant, the oldest first.

    Args:
        db: where.
        user_id: only those on this user and on the whole tenant.
        with_released: those that stand no more, too.
    """
    rows = await db.execute(query("get_holds"), {"user_id": user_id, "with_released": with_released})
    return [LegalHold(*row) for row in rows]
