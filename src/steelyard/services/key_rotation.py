"""New keys for old: a tenant's fields are sealed anew while everybody works on, and so are the tenants' keys.

Each step is a transaction of its own and the store says how far a rotation came, so one that was killed goes on
where it stood. A key is destroyed when no row needs it any more:

1. retire the old key and add a new one; that waits for whoever is sealing with the old one at that moment
2. seal the rows anew, some at a time, each only where it still holds what was read
3. see that no row is left, and destroy the old key
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from steelyard.errors import ConflictError
from steelyard.identity.key_file import KeyFile
from steelyard.identity.vault import Vault
from steelyard.services.retrying import PATIENT, Patience, retried
from steelyard.storage.acting import OPERATOR, acting_as, current_acting
from steelyard.storage.audit import record_event
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.tenant_key import (
    SEALED_COLUMNS,
    SealedColumn,
    destroy_key,
    find_keys,
    get_tenant_keys,
    lock_keys,
    lock_master_keys,
    read_sealed,
    replace_sealed,
    retire_keys,
)

ROWS_AT_ONCE: Final = 200


class KeyInUseError(ConflictError):
    """Rows came back to a key that was to be destroyed."""

    is_temporary = True

    def __init__(self, key_id: int, column: SealedColumn) -> None:
        """Name the key and the column."""
        super().__init__(
            f"Rows of {column.table}.{column.column} still need key {key_id}; it was not destroyed. Run "
            "`steelyard keys rotate` again."
        )


class MasterKeyElsewhereError(ConflictError):
    """The master key is in a service, which rotates it by its own means."""

    def __init__(self) -> None:
        """Say who does it."""
        super().__init__("The master key is in no key file. Rotate it where it is kept.")


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did for one tenant.

    Attributes:
        tenant_id: whose keys.
        key_id: the key that encrypts now.
        resumed: whether an earlier rotation was taken to its end, and no key made.
        resealed: fields sealed anew.
        destroyed: the old keys, in their order.
    """

    tenant_id: int
    key_id: int
    resumed: bool
    resealed: int
    destroyed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MasterRotation:
    """What a rotation of the master key did.

    Attributes:
        name: of the master key that encrypts now.
        resumed: whether an earlier rotation was taken to its end, and no key made.
        rewrapped: keys of tenants encrypted anew.
    """

    name: str
    resumed: bool
    rewrapped: int


async def rotate_keys(
    vault: Vault, *, tenant_id: int | None = None, patience: Patience = PATIENT
) -> tuple[Rotation, ...]:
    """Give tenants new keys, and destroy the old ones; many transactions, to be run again after a failure.

    Args:
        vault: of the store.
        tenant_id: whose; None = every tenant that has a key which is not destroyed.
        patience: how often to try what another transaction was in the way of.

    Raises:
        SealedFieldError: a field was damaged; nothing of it is lost, and the old key stays.
        SteelyardError: the store was away for too long.
    """
    chosen = [tenant for tenant in await _tenants_with_keys() if tenant_id in {None, tenant}]
    return tuple([await _rotate(vault, tenant, patience) for tenant in chosen])


async def rotate_master_key(
    vault: Vault, *, only_add: bool = False, patience: Patience = PATIENT
) -> MasterRotation:
    """Add a master key to the key file, and encrypt the tenants' keys with it; the old one stays in the file.

    Where a tenant's key is not encrypted with the newest master key, none is added: that rotation is taken to its
    end. Backups from before need the old master key.

    Args:
        vault: of the store; its keys are in a key file.
        only_add: add the master key and encrypt nothing, so that the file can be copied to other machines first.
        patience: how often to try what another transaction was in the way of.

    Raises:
        MasterKeyElsewhereError: the master keys are in no file.
        KeyFileError: the key file cannot be written.
    """
    key_file = vault.master
    if not isinstance(key_file, KeyFile):
        raise MasterKeyElsewhereError
    resumed = not await retried(partial(_add_master, key_file), patience)
    rewrapped = 0
    if not only_add:
        for tenant_id in await _tenants_with_keys():
            with _acting_for(tenant_id):
                rewrapped += await retried(partial(_rewrap, vault), patience)
    return MasterRotation(key_file.read_names()[-1], resumed, rewrapped)


async def _rotate(vault: Vault, tenant_id: int, patience: Patience) -> Rotation:
    with _acting_for(tenant_id):
        resumed = not await retried(partial(_begin, vault), patience)
        async with get_db_session() as db:
            keys = [key for key in await get_tenant_keys(db) if key.wrapped_key is not None]
        resealed, destroyed = 0, []
        for old in (key.key_id for key in keys if key.retired_at is not None):
            for column in SEALED_COLUMNS:
                resealed += await _reseal_column(vault, column, old, patience)
            if await retried(partial(_destroy, old), patience):
                destroyed.append(old)
        return Rotation(tenant_id, keys[-1].key_id, resumed, resealed, tuple(destroyed))


async def _begin(vault: Vault, attempt: int) -> bool:
    """Retire the key and add a new one; False where an earlier rotation is to be taken to its end."""
    del attempt
    async with get_write_session() as db:
        await lock_keys(db)
        keys = await get_tenant_keys(db)
        if any(key.retired_at is not None and key.wrapped_key is not None for key in keys):
            return False
        await retire_keys(db)
        await vault.add_key(db, keys[-1].key_id + 1)
        await record_event(db, "key.rotate", "key", str(keys[-1].key_id + 1))
        return True


async def _reseal_column(vault: Vault, column: SealedColumn, key_id: int, patience: Patience) -> int:
    """Seal every row of a column anew that a key sealed; returns how many."""
    after, resealed = None, 0
    while True:
        last, done = await retried(partial(_reseal_some, vault, column, key_id, after), patience)
        if last is None:
            return resealed
        after, resealed = last, resealed + done


async def _reseal_some(
    vault: Vault, column: SealedColumn, key_id: int, after: str | None, attempt: int
) -> tuple[str | None, int]:
    """Seal the next rows anew; returns the last of them and how many were, None where no row is left."""
    del attempt
    place = column.table, column.column
    async with get_write_session() as db:
        was = await read_sealed(db, column, key_id, after=after, most=ROWS_AT_ONCE)
        if not was:
            return None, 0
        texts = await vault.unseal_all(db, *place, was)
        return list(was)[-1], await replace_sealed(db, column, was, await vault.seal_all(db, *place, texts))


async def _destroy(key_id: int, attempt: int) -> bool:
    """Destroy a retired key that no row needs; False where another rotation did."""
    del attempt
    async with get_write_session() as db:
        for column in SEALED_COLUMNS:
            if await read_sealed(db, column, key_id, after=None, most=1):
                raise KeyInUseError(key_id, column)
        destroyed = await destroy_key(db, key_id)
        if destroyed:
            await record_event(db, "key.destroy", "key", str(key_id))
        return destroyed


async def _add_master(key_file: KeyFile, attempt: int) -> bool:
    """Add a master key; False where an earlier rotation is to be taken to its end."""
    del attempt
    async with get_write_session() as db:
        await lock_master_keys(db)
        newest = key_file.read_names()[-1]
        if any(key.wrapped_by != newest for key in await find_keys(db) if key.destroyed_at is None):
            return False
        await record_event(db, "master_key.create", "master_key", key_file.add_master_key())
        return True


async def _rewrap(vault: Vault, attempt: int) -> int:
    """Encrypt the tenant's keys with the newest master key; returns how many."""
    del attempt
    async with get_write_session() as db:
        await lock_keys(db)
        keys = [key for key in await get_tenant_keys(db) if key.wrapped_key is not None]
        rewrapped = [key.key_id for key in keys if await vault.rewrap_key(db, key)]
        if rewrapped:
            await record_event(db, "key.rewrap", "key", ",".join(f"{key_id}" for key_id in rewrapped))
        return len(rewrapped)


async def _tenants_with_keys() -> list[int]:
    async with get_db_session() as db:
        return sorted({key.tenant_id for key in await find_keys(db) if key.destroyed_at is None})


def _acting_for(tenant_id: int) -> AbstractContextManager[None]:
    """Work for a tenant, as whoever works now."""
    return acting_as(replace(current_acting(OPERATOR), tenant_id=tenant_id))
