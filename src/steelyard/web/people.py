"""People of the tenant by their names, for who may know them; everybody else sees their keys."""

from collections.abc import Mapping

from steelyard.identity.vault import Vault
from steelyard.services.user import get_users
from steelyard.storage.connection import ReadSession, get_db_session
from steelyard.web.shell import Shell


async def names_of(db: ReadSession, shell: Shell, vault: Vault) -> Mapping[str, str]:
    """Return the names of users, by their key; empty for who may not read users."""
    if not shell.may("read", "user"):
        return {}
    return {f"{one.user_id}": one.name for one in await get_users(db, vault)}


async def people_of(shell: Shell) -> Mapping[str, str]:
    """Return the same for a page that has no session of its own."""
    if not shell.may("read", "user"):
        return {}
    async with get_db_session() as db:
        return await names_of(db, shell, shell.request.app.state.entrance.vault)
