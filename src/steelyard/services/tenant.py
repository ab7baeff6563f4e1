"""Tenants: made and listed by the operator, and their rules, which count at everybody's next request."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from steelyard.domain.amount import read_amount
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity.user import check_limit, check_name
from steelyard.storage import tenant as stored
from steelyard.storage.acting import OPERATOR, Acting, act_as
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.tenant import Tenant

MOST_MINUTES: Final = 24 * 60
"""No proposal lives for longer than a day."""


class UnknownTenantError(NotFoundError):
    """There is no such tenant."""

    def __init__(self, tenant_id: int) -> None:
        """Name it."""
        super().__init__(f"There is no tenant {tenant_id}. List those there are: `steelyard tenant list`.")


class TenantTakenError(ConflictError):
    """There is a tenant of that name."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"There is a tenant {name!r} already. Take another name.")


class TenantCurrencyError(InvalidInputError):
    """A currency is no code."""

    def __init__(self, currency: str) -> None:
        """Name it and the rule."""
        super().__init__(
            f"The base currency {currency!r} is no code of ISO 4217: write three capitals, such as EUR."
        )


class TradingRuleError(InvalidInputError):
    """A rule about proposals is out of its range."""

    def __init__(self, rule: str, value: Decimal | int, allowed: str) -> None:
        """Name the rule, what was given and what may be."""
        super().__init__(f"The {rule} is {value}: it is {allowed}.")


async def create_tenant(db: WriteSession, name: str, base_currency: str = "USD") -> int:
    """Make a tenant, with the thresholds of the first one and no user.

    Args:
        db: acting as the operator; acts as the operator in the new tenant afterwards.
        name: shown to people; no other tenant's.
        base_currency: of its totals, ISO 4217.

    Returns:
        Its key.

    Raises:
        UnusableNameError: the name is empty, too long, or cannot be typed.
        TenantCurrencyError: the currency is no code.
        TenantTakenError: there is a tenant of that name.
    """
    name = check_name("name of the tenant", name)
    if not re.fullmatch("[A-Z]{3}", base_currency):
        raise TenantCurrencyError(base_currency)
    if any(tenant.tenant_name == name for tenant in await stored.get_tenants(db)):
        raise TenantTakenError(name)
    tenant_id = await stored.create_tenant(db, name, base_currency)
    await act_as(db, Acting(tenant_id, OPERATOR.actor))
    await record_event(db, "tenant.create", "tenant", str(tenant_id), {"base_currency": base_currency})
    return tenant_id


async def get_tenants(db: ReadSession | WriteSession) -> Sequence[Tenant]:
    """Return every tenant of the store, for the operator."""
    return await stored.get_tenants(db)


async def get_tenant(db: ReadSession | WriteSession) -> Tenant:
    """Return the tenant of the session."""
    return await stored.get_tenant(db)


async def require_tenant(db: ReadSession | WriteSession, tenant_id: int) -> None:
    """End unless there is a tenant of this key, for the operator.

    Raises:
        UnknownTenantError: there is none.
    """
    if all(tenant.tenant_id != tenant_id for tenant in await stored.get_tenants(db)):
        raise UnknownTenantError(tenant_id)


async def set_requires_mfa(db: WriteSession, *, requires_mfa: bool) -> None:
    """Say whether everybody of the session's tenant needs a second factor; some roles always do."""
    await stored.set_requires_mfa(db, requires_mfa=requires_mfa)
    await record_event(db, "tenant.require_mfa", "tenant", "", {"requires_mfa": requires_mfa})


async def set_approval_limit(db: WriteSession, limit: Decimal | None) -> None:
    """Say up to which order value one person of the session's tenant approves alone.

    Args:
        db: acting as who says it.
        limit: in the tenant's currency; users may have their own. None = nobody approves alone.

    Raises:
        AmountError: the limit is below 0, or no amount that is kept exactly.
    """
    check_limit(limit)
    await stored.set_approval_limit(db, limit)
    facts = {"limit": None if limit is None else str(limit)}
    await record_event(db, "tenant.change_limit", "tenant", "", facts)


async def set_code_limit(db: WriteSession, limit: Decimal | None) -> None:
    """Say up to which order value a code of an authenticator app approves in the session's tenant.

    Args:
        db: acting as who says it.
        limit: in the tenant's currency; None = a code approves nothing, as it binds to nothing.

    Raises:
        AmountError: the limit is below 0, or no amount that is kept exactly.
    """
    check_limit(limit)
    await stored.set_code_limit(db, limit)
    facts = {"limit": None if limit is None else str(limit)}
    await record_event(db, "tenant.change_code_limit", "tenant", "", facts)


async def set_price_tolerance(db: WriteSession, tolerance: Decimal) -> None:
    """Say how far a live price may move between review and execution in the session's tenant.

    Args:
        db: acting as who says it.
        tolerance: a fraction of the price, 0 or above and below 1; at most 12 decimals.

    Raises:
        TradingRuleError: it is out of range.
        AmountError: it is no number that is kept exactly.
    """
    read_amount("price tolerance", tolerance)
    if not 0 <= tolerance < 1:
        raise TradingRuleError("price tolerance", tolerance, "a fraction, 0 or above and below 1")
    await stored.set_price_tolerance(db, tolerance)
    await record_event(db, "tenant.change_tolerance", "tenant", "", {"tolerance": f"{tolerance:f}"})


async def set_proposal_minutes(db: WriteSession, minutes: int) -> None:
    """Say how long a proposal can be approved and executed in the session's tenant.

    Args:
        db: acting as who says it.
        minutes: 1 to 1440.

    Raises:
        TradingRuleError: it is out of range.
    """
    if not 1 <= minutes <= MOST_MINUTES:
        raise TradingRuleError("life of a proposal", minutes, f"1 to {MOST_MINUTES} minutes")
    await stored.set_proposal_minutes(db, minutes)
    await record_event(db, "tenant.change_minutes", "tenant", "", {"minutes": minutes})
