"""The numbers that accounts have at their bank or broker, sealed."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query

COLUMN: Final = "accounts", "external_number_sealed"


async def get_sealed_number(db: AsyncSession, account_id: str) -> tuple[bytes | None] | None:
    """Return what an account's number is sealed as, None where it has none; None where there is no account."""
    row = (await db.execute(query("get_account_number"), {"account_id": account_id})).one_or_none()
    return None if row is None else (row.external_number_sealed,)


async def set_sealed_number(db: WriteSession, account_id: str, sealed: bytes | None) -> bool:
    """Keep an account's number, or none; False where there is no account."""
    values = {"account_id": account_id, "sealed": sealed}
    return (await db.execute(query("set_account_number"), values)).one_or_none() is not None
