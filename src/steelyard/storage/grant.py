"""Grants: what users may do with accounts, and with the accounts of households."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.errors import NotFoundError
from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query

_NO_SUCH_KEY: Final = "23503"


class UngrantableError(NotFoundError):
    """There is no such account or household, of which whoever grants it need not see anything."""

    def __init__(self, scope: str) -> None:
        """Name it."""
        super().__init__(f"There is no {scope} to grant. Write its id as the accounts of the store have it.")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user may do with an account, or with every account of a household; one of the two is None.

    Attributes:
        rights: READ, and any of PROPOSE, APPROVE, EXECUTE.
        granted_by: who granted it, as the audit says it.
    """

    user_id: UUID
    account_id: str | None
    household_id: str | None
    rights: list[str]
    granted_by: str
    granted_at: datetime


async def set_grant(
    db: WriteSession,
    user_id: UUID,
    *,
    account_id: str | None,
    household_id: str | None,
    rights: Collection[str],
    now: datetime,
) -> None:
    """Grant an account or a household, in place of what was granted of it before.

    Raises:
        UngrantableError: there is none of that id; the transaction can only be rolled back.
    """
    values = {
        "user_id": user_id,
        "account_id": account_id,
        "household_id": household_id,
        "rights": sorted(rights),
        "now": now,
    }
    try:
        await db.execute(query("set_grant"), values)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != _NO_SUCH_KEY:
            raise
        raise UngrantableError(
            f"account {account_id}" if account_id else f"household {household_id}"
        ) from error


async def end_grant(
    db: WriteSession, user_id: UUID, *, account_id: str | None, household_id: str | None
) -> bool:
    """End a grant; False = there was none."""
    values = {"user_id": user_id, "account_id": account_id, "household_id": household_id}
    return (await db.execute(query("end_grant"), values)).one_or_none() is not None


async def get_grants(db: AsyncSession, user_id: UUID | None = None) -> list[Grant]:
    """Return the grants of a user or of everybody."""
    return [Grant(**row) for row in (await db.execute(query("get_grants"), {"user_id": user_id})).mappings()]
