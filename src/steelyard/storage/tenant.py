"""Tenants: firms or families whose data nobody else sees."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant.

    Attributes:
        tenant_id: key; 1 is the default one.
        tenant_name: name shown to people.
        base_currency: of its totals.
        requires_mfa: whether everybody needs a second factor; some roles always do.
        approval_limit: largest order value one person may approve alone; None = none.
        code_limit: largest one that a code of an authenticator app approves; None = none.
        price_tolerance: how far a live price may move between review and execution, a fraction.
        proposal_minutes: how long a proposal can be approved and executed.
    """

    tenant_id: int
    tenant_name: str
    base_currency: str
    requires_mfa: bool
    approval_limit: Decimal | None
    code_limit: Decimal | None
    price_tolerance: Decimal
    proposal_minutes: int


async def get_tenants(db: AsyncSession) -> list[Tenant]:
    """Return every tenant of the store; the operator alone may."""
    return [Tenant(**row) for row in (await db.execute(query("get_tenants"))).mappings()]


async def get_tenant(db: AsyncSession) -> Tenant:
    """Return the tenant of the session."""
    return Tenant(**(await db.execute(query("get_own_tenant"))).mappings().one())


async def create_tenant(db: WriteSession, name: str, base_currency: str) -> int:
    """Make a tenant; return its key. The operator alone may."""
    values = {"tenant_name": name, "base_currency": base_currency}
    tenant_id: int = (await db.execute(query("create_tenant"), values)).scalar_one()
    return tenant_id


async def set_requires_mfa(db: WriteSession, *, requires_mfa: bool) -> None:
    """Say whether everybody of the tenant needs a second factor."""
    await db.execute(query("set_requires_mfa"), {"requires_mfa": requires_mfa})


async def set_approval_limit(db: WriteSession, limit: Decimal | None) -> None:
    """Say up to which order value one person approves alone; None = none."""
    await db.execute(query("set_tenant_limit"), {"approval_limit": limit})


async def set_code_limit(db: WriteSession, limit: Decimal | None) -> None:
    """Say up to which order value a code of an authenticator app approves; None = none."""
    await db.execute(query("set_code_limit"), {"code_limit": limit})


async def set_price_tolerance(db: WriteSession, tolerance: Decimal) -> None:
    """Say how far a live price may move between review and execution, a fraction."""
    await db.execute(query("set_price_tolerance"), {"price_tolerance": tolerance})


async def set_proposal_minutes(db: WriteSession, minutes: int) -> None:
    """Say how long a proposal can be approved and executed."""
    await db.execute(query("set_proposal_minutes"), {"proposal_minutes": minutes})
