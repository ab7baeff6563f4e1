"""The vault: seals and opens the fields of a session's tenant, and makes keyed hashes to find them by.

Each tenant has a key of its own, made when it is first needed. It rests in the store encrypted, and is read with
every call, so a key that is retired or destroyed is so at once, in every process; only its decryption is remembered.
"""

from collections.abc import Mapping
from functools import cached_property
from secrets import token_bytes
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.errors import ConflictError, NotFoundError, NotPermittedError
from steelyard.identity import Random
from steelyard.identity.field_encryption import KEY_LENGTH, DataKey, Field, encode, key_id_of, seal, unseal
from steelyard.identity.key_file import KeyWrapper, WrappedKey
from steelyard.storage.audit import record_event
from steelyard.storage.connection import MigratorSession, WriteSession
from steelyard.storage.tenant_key import (
    SEALED_COLUMNS,
    TenantKey,
    add_tenant_key,
    get_current_tenant,
    get_sealed,
    get_tenant_keys,
    hold_sealing_key,
    rewrap_key,
)

REMEMBERED: Final = 1000
"""Decrypted keys kept in memory."""

COLUMNS: Final = {(sealed.table, sealed.column): sealed for sealed in SEALED_COLUMNS}


class NoTenantError(NotPermittedError):
    """A field was to be sealed or opened for nobody."""

    def __init__(self) -> None:
        """Say what is missing."""
        super().__init__("It is not known for which tenant this works. Sign in first.")


class UnknownColumnError(NotFoundError):
    """A column is not among those that are sealed."""

    def __init__(self, table: str, column: str) -> None:
        """Name it."""
        super().__init__(f"{table}.{column} is not a sealed column. Add it to SEALED_COLUMNS.")


class KeyDestroyedError(NotFoundError):
    """The key is gone, and what it encrypted with it."""

    def __init__(self, tenant_id: int) -> None:
        """Name the tenant."""
        super().__init__(
            f"The keys of tenant {tenant_id} were destroyed: what they encrypted is erased for good, and nothing new "
            "can be encrypted for it. Make another tenant."
        )


class KeyAbsentError(NotFoundError):
    """A field names a key that the tenant does not have."""

    def __init__(self, place: Field, key_id: int) -> None:
        """Name the field and the key."""
        super().__init__(
            f"{place} was sealed with key {key_id}, which tenant {place.tenant_id} does not have. "
            "Restore the table tenant_keys from the backup that the row came from."
        )


class KeyRetiredError(ConflictError):
    """The key was replaced while we waited for it, again and again."""

    is_temporary = True

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("The tenant's keys are being rotated. Nothing was changed; try again.")


class Vault:
    """Seals and opens fields with the keys of the session's tenant."""

    def __init__(self, master: KeyWrapper, random: Random) -> None:
        """Use the keys that `master` can decrypt; `open` is how to make one."""
        self.master = master
        self._random = random
        self._opened: dict[tuple[int, int, bytes], DataKey] = {}
        self._index_keys: dict[str, bytes] = {}

    @classmethod
    def open(cls, master: KeyWrapper, random: Random = token_bytes) -> "Vault":
        """Open the vault.

        Args:
            master: encrypts and decrypts the tenants' keys.
            random: gives new keys and nonces.
        """
        return cls(master, random)

    async def seal(
        self, db: WriteSession | MigratorSession, table: str, column: str, row_id: str, text: str
    ) -> bytes:
        """Encrypt a text for one field of the session's tenant; makes the tenant's first key where it has none.

        Args:
            db: the session that will write it.
            table: a table of SEALED_COLUMNS.
            column: a column of it.
            row_id: the row's key within the tenant, as text.
            text: any text.

        Raises:
            NoTenantError: the session works for nobody.
            KeyDestroyedError: the tenant was erased.
            UnencodableTextError: the text holds a lone surrogate.
        """
        return (await self.seal_all(db, table, column, {row_id: text}))[row_id]

    async def seal_all(
        self, db: WriteSession | MigratorSession, table: str, column: str, texts: Mapping[str, str]
    ) -> dict[str, bytes]:
        """Encrypt a column of rows of the session's tenant, with one question to the store; see `seal`.

        Args:
            db: the session that will write them.
            table: a table of SEALED_COLUMNS.
            column: a column of it.
            texts: the row's key within the tenant, as text → its text.
        """
        key = await self._sealing_key(db)
        decrypted = await self._decrypted(key)
        return {
            row_id: seal(text, decrypted, _field(key.tenant_id, table, column, row_id), self._random)
            for row_id, text in texts.items()
        }

    async def unseal(self, db: AsyncSession, table: str, column: str, row_id: str, sealed: bytes) -> str:
        """Decrypt one field of the session's tenant; see `unseal_all`."""
        return (await self.unseal_all(db, table, column, {row_id: sealed}))[row_id]

    async def unseal_all(
        self, db: AsyncSession, table: str, column: str, sealed: Mapping[str, bytes]
    ) -> dict[str, str]:
        """Decrypt a column of rows of the session's tenant, with one question to the store.

        Args:
            db: the session that read them.
            table: a table of SEALED_COLUMNS.
            column: a column of it.
            sealed: the row's key within the tenant, as text → what the column holds.

        Raises:
            NoTenantError: the session works for nobody.
            SealedFieldError: a value was damaged, or is another field's.
            KeyDestroyedError: the tenant was erased.
        """
        keys = {key.key_id: key for key in await get_tenant_keys(db)}
        tenant_id = await _current_tenant(db) if not keys else next(iter(keys.values())).tenant_id
        places = {row_id: _field(tenant_id, table, column, row_id) for row_id in sealed}
        return {row_id: await self._open(db, keys, places[row_id], value) for row_id, value in sealed.items()}

    def index(self, kind: str, text: str) -> bytes:
        """Make the keyed hash by which a text is found without being kept: 32 bytes.

        Args:
            kind: what sort of text it is; equal texts of two kinds have different hashes.
            text: as it is compared; who wants case or width not to matter folds them before.

        Raises:
            UnencodableTextError: the text holds a lone surrogate.
        """
        if kind not in self._index_keys:
            self._index_keys[kind] = self._derive(f"index, {kind}")
        hashed = HMAC(self._index_keys[kind], SHA256())
        hashed.update(encode(text, kind))
        return hashed.finalize()

    @cached_property
    def cookie_key(self) -> bytes:
        """32 bytes to seal cookies with, the same in every process of a store."""
        return self._derive("cookies")

    def _derive(self, use: str) -> bytes:
        """Make a key for one use by HKDF (RFC 5869) from the secret that outlives every master key."""
        info = f"steelyard: {use}, 1".encode()
        return HKDF(SHA256(), KEY_LENGTH, salt=None, info=info).derive(self.master.index_key)

    async def _sealing_key(self, db: WriteSession | MigratorSession) -> TenantKey:
        for _ in range(3):  # a rotation or another first key may come between two looks
            held = await hold_sealing_key(db)
            if held is not None:
                return held
            keys = await get_tenant_keys(db)
            if not keys:
                await self._make_first_key(db)
            elif all(key.wrapped_key is None for key in keys):
                raise KeyDestroyedError(keys[0].tenant_id)
        raise KeyRetiredError

    async def _make_first_key(self, db: WriteSession | MigratorSession) -> None:
        if await self.add_key(db, 1):
            await record_event(db, "key.create", "key", "1")

    async def add_key(self, db: WriteSession | MigratorSession, key_id: int) -> bool:
        """Make a key of the session's tenant that encrypts from now on; False when another has that number."""
        wrapped = await self.master.wrap(self._random(KEY_LENGTH), await _current_tenant(db), key_id)
        return await add_tenant_key(db, key_id, wrapped.data, wrapped.name)

    async def rewrap_key(self, db: WriteSession, key: TenantKey) -> bool:
        """Encrypt a key of the session's tenant with the newest master key; False where it is, or was changed."""
        secret = (await self._decrypted(key)).secret
        wrapped = await self.master.wrap(secret, key.tenant_id, key.key_id)
        if key.wrapped_key is None or wrapped.name == key.wrapped_by:
            return False
        return await rewrap_key(db, key.key_id, key.wrapped_key, wrapped.data, wrapped.name)

    async def _open(
        self, db: AsyncSession, keys: Mapping[int, TenantKey], place: Field, sealed: bytes
    ) -> str:
        key = _key_of(keys, place, sealed)
        if key.wrapped_key is None and any(other.wrapped_key is not None for other in keys.values()):
            # A rotation passed between our reading of the row and of the keys: the row is sealed anew.
            sealed = await get_sealed(db, COLUMNS[place.table, place.column], place.row_id) or sealed
            key = _key_of(keys, place, sealed)
        return unseal(sealed, await self._decrypted(key), place)

    async def _decrypted(self, key: TenantKey) -> DataKey:
        """Decrypt a key; what it rests as is part of its name here, so a memory is never of another key."""
        if key.wrapped_key is None:
            raise KeyDestroyedError(key.tenant_id)
        name = key.tenant_id, key.key_id, key.wrapped_key
        if name not in self._opened:
            if len(self._opened) >= REMEMBERED:
                self._opened.clear()
            wrapped = WrappedKey(key.wrapped_by, key.wrapped_key)
            secret = await self.master.unwrap(wrapped, key.tenant_id, key.key_id)
            self._opened[name] = DataKey(key.key_id, secret)
        return self._opened[name]


async def _current_tenant(db: AsyncSession) -> int:
    tenant_id = await get_current_tenant(db)
    if tenant_id is None:
        raise NoTenantError
    return tenant_id


def _key_of(keys: Mapping[int, TenantKey], place: Field, sealed: bytes) -> TenantKey:
    key_id = key_id_of(sealed, place)
    if key_id not in keys:
        raise KeyAbsentError(place, key_id)
    return keys[key_id]


def _field(tenant_id: int, table: str, column: str, row_id: str) -> Field:
    if (table, column) not in COLUMNS:
        raise UnknownColumnError(table, column)
    return Field(tenant_id, table, column, row_id)
