"""Keys: the key file of a store, the vault it opens, and the end of a tenant's keys."""

from dataclasses import replace
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity import Random
from steelyard.identity.key_file import (
    KeyFile,
    KeyFileMissingError,
    MasterKeyMissingError,
    make_key_file,
    read_key_file,
)
from steelyard.identity.vault import Vault
from steelyard.services.tenant import get_tenant, require_tenant
from steelyard.storage.acting import OPERATOR, acting_as, current_acting
from steelyard.storage.audit import record_event
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.personal_data import get_holds
from steelyard.storage.tenant_key import (
    TenantKey,
    destroy_keys,
    erase_all_users,
    find_keys,
)

if TYPE_CHECKING:
    from steelyard.storage.connection import Pool

KEY_FILE: Final = Path("keys", "master.key")  # in the folder of the embedded server


class KeyFileUnnamedError(InvalidInputError):
    """The store is on another server, and no key file is named for it."""

    def __init__(self, place: str) -> None:
        """Name the setting."""
        super().__init__(
            f"The store is {place}, and no key file is named for it: people's data in it is encrypted. Set "
            "STEELYARD_KEY_FILE to a file on this machine; `steelyard init` makes it where there is none."
        )


class KeyFileLostError(NotFoundError):
    """The store has keys, and the file that opens them is not there."""

    def __init__(self, path: Path, names: list[str]) -> None:
        """Name the file and the master keys it must hold."""
        super().__init__(
            f"The database holds keys encrypted with {', '.join(names)}, and there is no key file {path}. Put it back "
            "from where you keep its copy, or name it in STEELYARD_KEY_FILE. A new one would not open them."
        )


class TenantNameError(InvalidInputError):
    """What was typed is not the tenant's name."""

    def __init__(self, tenant_id: int) -> None:
        """Name the tenant by its number only: who erases it must know whom they erase."""
        super().__init__(
            f"That is not the name of tenant {tenant_id}; nothing was destroyed. Type its name as it is kept."
        )


class LegalHoldError(ConflictError):
    """A legal hold stands in the way."""

    def __init__(self, tenant_id: int, holds: int) -> None:
        """Count them."""
        super().__init__(
            f"{holds} legal hold{'s stand' if holds > 1 else ' stands'} on data of tenant {tenant_id}; nothing was "
            "destroyed. What is held may be erased when the hold is released."
        )


def find_key_file(named: Path | None, pool: "Pool") -> Path:
    """Return where the key file of a store is.

    Args:
        named: as the settings name it; None = beside the data of the embedded server.
        pool: on the store.

    Raises:
        KeyFileUnnamedError: the store is not the embedded one, and none is named.
    """
    if named is not None:
        return named.absolute()
    if pool.server is None:
        raise KeyFileUnnamedError(pool.place)
    return pool.server.home / KEY_FILE


async def open_vault(named: Path | None, pool: "Pool", *, random: Random = token_bytes) -> Vault:
    """Open the vault of the open store; the embedded one's key file is made where nothing needs an older one.

    Args:
        named: the key file as the settings name it.
        pool: on the store.
        random: gives keys and nonces.

    Raises:
        KeyFileUnnamedError, KeyFileMissingError, KeyFileError: there is no key file, or it breaks a rule.
        KeyFileLostError, MasterKeyMissingError: what opens the store's keys is not there.
    """
    path = find_key_file(named, pool)
    if named is None:
        await make_first_keys(named, pool, random=random)
    master = KeyFile(path, random)
    for name in await _needed_masters():
        if name not in master.names:
            raise MasterKeyMissingError(name, str(path))
    return Vault.open(master, random)


async def make_first_keys(named: Path | None, pool: "Pool", *, random: Random = token_bytes) -> Path | None:
    """Make the key file of the open store; returns where it was made, None where it was there.

    Raises:
        KeyFileUnnamedError: the store is not the embedded one, and none is named.
        KeyFileLostError: the store's keys need the file that is gone.
        KeyFileError: it cannot be made there.
    """
    path = find_key_file(named, pool)
    try:
        read_key_file(path)
    except KeyFileMissingError:
        needed = await _needed_masters()
        if needed:
            raise KeyFileLostError(path, needed) from None
        make_key_file(path, random)
        return path
    return None


async def list_keys() -> tuple[TenantKey, ...]:
    """Return the keys of every tenant, the destroyed ones included, without the keys themselves."""
    async with get_db_session() as db:
        return await find_keys(db)


async def destroy_tenant_keys(tenant_id: int, name: str) -> int:
    """Destroy the keys of a tenant, which erases for good what they encrypt; its users cannot sign in any more.

    What is not encrypted stays: accounts, transactions, the audit. Backups from before hold the keys, encrypted.

    Args:
        tenant_id: whose.
        name: the tenant's name, as somebody typed it who means it.

    Returns:
        How many keys were destroyed; 0 when they were before.

    Raises:
        UnknownTenantError: there is no such tenant.
        TenantNameError: it has another name.
        LegalHoldError: something of it is held.
    """
    with acting_as(replace(current_acting(OPERATOR), tenant_id=tenant_id)):
        async with get_write_session() as db:
            await require_tenant(db, tenant_id)
            if (await get_tenant(db)).tenant_name != name:
                raise TenantNameError(tenant_id)
            destroyed = await destroy_keys(db)
            await erase_all_users(db)
            await record_event(db, "tenant.erase", "tenant", str(tenant_id), {"keys_destroyed": destroyed})
            # Who places a hold records it, too, and one of us two waits for the other there: this sees every hold.
            if holds := await get_holds(db):
                raise LegalHoldError(tenant_id, len(holds))
            return destroyed


async def _needed_masters() -> list[str]:
    async with get_db_session() as db:
        return sorted({key.wrapped_by for key in await find_keys(db) if key.destroyed_at is None})
