"""What users sign in with: passwords, authenticator apps, recovery codes, and who they are at providers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What a user signs in with.

    Attributes:
        tenant_id: of which tenant.
        user_id: who.
        role: what they may do.
        status: invited, active, disabled or erased.
        epoch: sessions of an older one are dead.
        login_sealed: the login name, encrypted.
        name_sealed: the person's name, encrypted.
        password_hash: None = they have no password.
        totp_seed_sealed: of the authenticator app, encrypted; None = they have none.
        totp_new_seed_sealed: of one that no code has confirmed yet.
        totp_last_step: of the last code that counted.
        requires_mfa: whether the tenant asks everybody for a second factor.
        tenant_name: what people call the tenant.
        passkeys: how many.
        identities: at how many providers they are known.
        recovery_codes: how many are left.
    """

    tenant_id: int
    user_id: UUID
    role: str
    status: str
    epoch: int
    login_sealed: bytes | None = field(repr=False)
    name_sealed: bytes | None = field(repr=False)
    password_hash: str | None = field(repr=False)
    totp_seed_sealed: bytes | None = field(repr=False)
    totp_new_seed_sealed: bytes | None = field(repr=False)
    totp_last_step: int | None
    requires_mfa: bool
    tenant_name: str
    passkeys: int
    identities: int
    recovery_codes: int

    @property
    def has_second(self) -> bool:
        """Whether there is a second factor to show; recovery codes only stand in for one."""
        return self.totp_seed_sealed is not None or self.passkeys > 0

    @property
    def ways_in(self) -> int:
        """In how many ways the user can begin to sign in."""
        return (self.password_hash is not None) + self.passkeys + self.identities


@dataclass(frozen=True, slots=True)
class FoundLogin:
    """The user of a login name.

    Attributes:
        tenant_id: of which tenant.
        user_id: who.
        password_hash: what a password is compared with; None = they have none.
        status: invited, active, disabled or erased.
        epoch: goes up when the password changes.
    """

    tenant_id: int
    user_id: UUID
    password_hash: str | None = field(repr=False)
    status: str
    epoch: int


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """Who a user is at a provider."""

    issuer: str
    subject: str
    linked_at: datetime


async def find_login(db: AsyncSession, login_index: bytes) -> FoundLogin | None:
    """Find the user of a login name, before it is known who asks; None = there is none."""
    row = (await db.execute(query("find_login"), {"login_index": login_index})).one_or_none()
    return None if row is None else FoundLogin(*row)


async def find_identity(db: AsyncSession, issuer: str, subject: str) -> tuple[int, UUID] | None:
    """Find tenant and user whom a provider calls so, before it is known who asks; None = there is none."""
    row = (await db.execute(query("find_identity"), {"issuer": issuer, "subject": subject})).one_or_none()
    return None if row is None else (row.tenant_id, row.user_id)


async def get_factors(db: WriteSession, user_id: UUID) -> Factors | None:
    """Return what a user of the tenant signs in with, held until the transaction ends; None = there is no such user."""
    row = (await db.execute(query("get_factors"), {"user_id": user_id})).one_or_none()
    return None if row is None else Factors(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


async def set_password_hash(db: WriteSession, user_id: UUID, password_hash: str | None) -> None:
    """Keep what a password is compared with; None = the user has no password any more."""
    await db.execute(query("set_password_hash"), {"user_id": user_id, "password_hash": password_hash})


async def set_new_seed(db: WriteSession, user_id: UUID, seed_sealed: bytes) -> None:
    """Keep the seed of an app that a code is to confirm."""
    await db.execute(query("set_new_seed"), {"user_id": user_id, "seed_sealed": seed_sealed})


async def set_seed(db: WriteSession, user_id: UUID, seed_sealed: bytes | None, last_step: int | None) -> None:
    """Let an app count from a step on; None = the user has none any more."""
    values = {"user_id": user_id, "seed_sealed": seed_sealed, "last_step": last_step}
    await db.execute(query("set_seed"), values)


async def use_step(db: WriteSession, user_id: UUID, step: int) -> bool:
    """Let a code count; False = one of its step or a later one has."""
    return (await db.execute(query("use_step"), {"user_id": user_id, "step": step})).first() is not None


async def activate_user(db: WriteSession, user_id: UUID) -> None:
    """Let a user who was invited be one."""
    await db.execute(query("activate_user"), {"user_id": user_id})


async def get_recovery_hashes(db: ReadSession | WriteSession, user_id: UUID) -> Sequence[bytes]:
    """Return the hashes of the recovery codes that are left."""
    rows = await db.execute(query("get_recovery_hashes"), {"user_id": user_id})
    return [bytes(code_hash) for code_hash in rows.scalars()]


async def use_recovery_code(db: WriteSession, user_id: UUID, code_hash: bytes, now: datetime) -> bool:
    """Let a recovery code count; False = it was used."""
    values = {"user_id": user_id, "code_hash": code_hash, "now": now}
    return (await db.execute(query("use_recovery_code"), values)).first() is not None


async def replace_recovery_codes(db: WriteSession, user_id: UUID, hashes: Collection[bytes]) -> None:
    """Forget a user's recovery codes, and keep the hashes of others in their place."""
    await db.execute(query("delete_recovery_codes"), {"user_id": user_id})
    await db.execute(query("insert_recovery_codes"), {"user_id": user_id, "code_hashes": list(hashes)})


async def list_identities(db: ReadSession | WriteSession, user_id: UUID) -> Sequence[LinkedIdentity]:
    """Return who a user is at providers."""
    return [LinkedIdentity(*row) for row in await db.execute(query("list_identities"), {"user_id": user_id})]


async def add_identity(db: WriteSession, user_id: UUID, issuer: str, subject: str) -> bool:
    """Say who a user is at a provider; False = somebody is that already."""
    values = {"user_id": user_id, "issuer": issuer, "subject": subject}
    return (await db.execute(query("insert_identity"), values)).first() is not None


async def delete_identity(db: WriteSession, user_id: UUID, issuer: str, subject: str) -> bool:
    """No longer let a provider say that this is the user; False = it did not."""
    values = {"user_id": user_id, "issuer": issuer, "subject": subject}
    return (await db.execute(query("delete_identity"), values)).first() is not None


async def delete_identities(db: WriteSession, user_id: UUID) -> None:
    """No longer let any provider say that this is the user."""
    await db.execute(query("delete_identities"), {"user_id": user_id})


async def has_users(db: WriteSession) -> bool:
    """Return whether the tenant has a user; whoever else asks waits until this transaction ends."""
    await db.execute(query("hold_tenant"))
    has: bool = (await db.execute(query("has_users"))).scalar_one()
    return has
