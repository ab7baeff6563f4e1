"""The tenants' keys as they rest in the store, each encrypted, and the columns that hold what they encrypt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import MigratorSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of encrypted text.

    Attributes:
        table: its table, which has a column tenant_id.
        column: its name, which ends in _sealed.
        row_key: the column that names a row within the tenant.
    """

    table: str
    column: str
    row_key: str

    def named(self, **values: object) -> dict[str, object]:
        """Name it for a statement, beside other values."""
        return {"table_name": self.table, "column_name": self.column, "row_key": self.row_key, **values}


SEALED_COLUMNS: Final = (
    SealedColumn("users", "login_sealed", "user_id"),
    SealedColumn("users", "name_sealed", "user_id"),
    SealedColumn("users", "totp_seed_sealed", "user_id"),
    SealedColumn("users", "totp_new_seed_sealed", "user_id"),
    SealedColumn("accounts", "external_number_sealed", "account_id"),
    SealedColumn("broker_links", "credentials_sealed", "link_id"),
    SealedColumn("import_uploads", "key_sealed", "upload_id"),
)
"""Every column that the tenants' keys encrypt: what a rotation rewrites. A test compares it with the catalogue."""


@dataclass(frozen=True, slots=True)
class TenantKey:
    """A data key as it rests in the store.

    Attributes:
        tenant_id: whose.
        key_id: its number within the tenant.
        wrapped_key: the key, encrypted; None = destroyed, or not shown.
        wrapped_by: name of the key that encrypted it.
        created_at: when.
        retired_at: since when it only decrypts; None = it encrypts.
        destroyed_at: when it was destroyed; None = it is there.
    """

    tenant_id: int
    key_id: int
    wrapped_by: str
    created_at: datetime
    retired_at: datetime | None
    destroyed_at: datetime | None
    wrapped_key: bytes | None = field(default=None, repr=False)


async def get_current_tenant(db: AsyncSession) -> int | None:
    """Return the tenant the transaction works for; None = nobody's."""
    tenant: int | None = (await db.execute(query("get_current_tenant"))).scalar_one()
    return tenant


async def hold_sealing_key(db: WriteSession | MigratorSession) -> TenantKey | None:
    """Return the tenant's key that encrypts, and keep it from being retired until the transaction ends.

    None where there is none, or where it was retired while we waited for whoever retired it: ask again.
    """
    row = (await db.execute(query("hold_sealing_key"))).mappings().one_or_none()
    return None if row is None else TenantKey(**row)


async def get_tenant_keys(db: AsyncSession) -> tuple[TenantKey, ...]:
    """Return the tenant's keys, the oldest first, the retired and destroyed ones included."""
    rows = (await db.execute(query("get_tenant_keys"))).mappings()
    return tuple(TenantKey(**row) for row in rows)


async def add_tenant_key(
    db: WriteSession | MigratorSession, key_id: int, wrapped_key: bytes, wrapped_by: str
) -> bool:
    """Add a key that encrypts from now on; False when another transaction took the number first."""
    values = {"key_id": key_id, "wrapped_key": wrapped_key, "wrapped_by": wrapped_by}
    return (await db.execute(query("add_tenant_key"), values)).one_or_none() is not None


async def find_keys(db: AsyncSession) -> tuple[TenantKey, ...]:
    """Return every tenant's keys without the keys themselves; none where a user asks."""
    return tuple(TenantKey(**row) for row in (await db.execute(query("find_keys"))).mappings())


async def lock_keys(db: WriteSession) -> None:
    """Wait for who is sealing, and let nobody seal until the transaction ends."""
    await db.execute(query("lock_keys"))


async def lock_master_keys(db: WriteSession) -> None:
    """Wait until no other rotation of the master keys begins."""
    await db.execute(query("lock_master_keys"))


async def retire_keys(db: WriteSession) -> None:
    """Let the tenant's keys decrypt only; waits for who is sealing with one."""
    await db.execute(query("retire_keys"))


async def rewrap_key(db: WriteSession, key_id: int, was: bytes, wrapped_key: bytes, wrapped_by: str) -> bool:
    """Replace a key's encryption; False when it is no longer what it was."""
    values = {"key_id": key_id, "was": was, "wrapped_key": wrapped_key, "wrapped_by": wrapped_by}
    return (await db.execute(query("rewrap_key"), values)).one_or_none() is not None


async def destroy_key(db: WriteSession, key_id: int) -> bool:
    """Destroy a retired key; False when it is not retired, or destroyed already."""
    return (await db.execute(query("destroy_key"), {"key_id": key_id})).one_or_none() is not None


async def destroy_keys(db: WriteSession) -> int:
    """Destroy every key of the tenant; returns how many there were."""
    return len((await db.execute(query("destroy_keys"))).all())


async def erase_all_users(db: WriteSession) -> None:
    """Leave of the tenant's users what the record needs, and let none of them in again."""
    await db.execute(query("erase_all_users"))


async def read_sealed(
    db: AsyncSession, column: SealedColumn, key_id: int, *, after: str | None, most: int
) -> dict[str, bytes]:
    """Return the next rows of the tenant whose column was sealed with a key, in the order of their keys.

    Args:
        db: the session.
        column: which.
        key_id: the key.
        after: the last row of the call before; None = from the first.
        most: at most so many.
    """
    values = column.named(key_id=key_id, after=after, most=most)
    rows = await db.execute(query("read_sealed"), values)
    return {row.row_id: bytes(row.sealed) for row in rows}


async def replace_sealed(
    db: WriteSession, column: SealedColumn, was: Mapping[str, bytes], sealed: Mapping[str, bytes]
) -> int:
    """Write rows that still hold what they were read as; returns how many did.

    Args:
        db: the session.
        column: which.
        was: row → what was read.
        sealed: the same rows → what to write.
    """
    rows = list(was)
    values = column.named(row_ids=rows, was=[was[row] for row in rows], sealed=[sealed[row] for row in rows])
    return int((await db.execute(query("replace_sealed"), values)).scalar_one())


async def get_sealed(db: AsyncSession, column: SealedColumn, row_id: str) -> bytes | None:
    """Return what the column of a row holds now; None where it or the row is not there."""
    found: bytes | None = (
        await db.execute(query("get_sealed"), column.named(row_id=row_id))
    ).scalar_one_or_none()
    return found
