"""Accounts, as people list them."""

from steelyard.services.portfolio import reading
from steelyard.storage import portfolio as store
from steelyard.storage.connection import ReadSession
from steelyard.storage.portfolio import StoredAccount


async def get_accounts(db: ReadSession | None = None) -> list[StoredAccount]:
    """Return the accounts that are seen, by id; `db` None opens the default store."""
    async with reading(db) as session:
        return await store.get_all_accounts(session)
