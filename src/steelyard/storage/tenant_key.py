"""The tenants' keys as they rest in the store, each encrypted, and the columns that hold what they encrypt."""

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


SEALED_COLUMNS: Final = (
    SealedColumn("users", "login_sealed", "user_id"),
    SealedColumn("users", "name_sealed", "user_id"),
    SealedColumn("users", "totp_seed_sealed", "user_id"),
    SealedColumn("accounts", "external_number_sealed", "account_id"),
)
"""Every column that the tenants' keys encrypt: what a rotation rewrites. A test compares it with the catalogue."""


@dataclass(frozen=True, slots=True)
class TenantKey:
    """A data key as it rests in the store.

    Attributes:
        tenant_id: whose.
        key_id: its number within the tenant.
        wrapped_key: the key, encrypted; None = destroyed.
        wrapped_by: name of the key that encrypted it.
        created_at: when.
        retired_at: since when it only decrypts; None = it encrypts.
        destroyed_at: when it was destroyed; None = it is there.
    """

    tenant_id: int
    key_id: int
    wrapped_key: bytes | None = field(repr=False)
    wrapped_by: str
    created_at: datetime
    retired_at: datetime | None
    destroyed_at: datetime | None


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


async def find_key_holders(db: AsyncSession) -> tuple[tuple[int, str], ...]:
    """Return each tenant with a key that is not destroyed, and the name of the master key that encrypts it."""
    rows = await db.execute(query("find_key_holders"))
    return tuple((row.tenant_id, row.wrapped_by) for row in rows)
