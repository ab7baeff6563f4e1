"""Tenants in the store: made by the operator alone, empty, and with rules that count at the next request."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from people import NOON, acting, actor_of, add_person, person, run, sign_in
from steelyard.domain.amount import AmountError
from steelyard.identity.permissions import Actor, Role, Standing
from steelyard.identity.user import UnusableNameError
from steelyard.services.tenant import (
    TenantCurrencyError,
    TenantTakenError,
    UnknownTenantError,
    create_tenant,
    get_tenant,
    get_tenants,
    require_tenant,
    set_approval_limit,
    set_requires_mfa,
)
from steelyard.storage.connection import Pool, get_db_session
from steelyard.storage.failures import RightMissingError


@pytest.fixture
async def rules(store: Pool) -> AsyncIterator[None]:
    """The rules of the first tenant as they were, afterwards."""
    del store  # opening it is what matters
    yield
    async with acting() as db:
        await set_requires_mfa(db, requires_mfa=False)
        await set_approval_limit(db, None)


async def made(name: str, currency: str = "EUR", actor: Actor | None = None) -> int:
    async with acting(actor or Actor(1)) as db:
        return await create_tenant(db, name, currency)


async def test_a_new_store_has_no_account_that_somebody_could_sign_in_with(own_store: Pool) -> None:
    del own_store
    for table in ("users", "one_time_links", "api_tokens", "sessions", "passkeys"):
        assert await run(f"select count(*) from steelyard.{table}") == [(0,)]  # noqa: S608 - names of the line above


@pytest.mark.usefixtures("store")
async def test_a_tenant_is_made_with_categories_and_without_people() -> None:
    tenant_id = await made("Rivera family")
    async with acting(Actor(tenant_id)) as db:
        tenant = await get_tenant(db)
    async with acting() as db:
        tenants = await get_tenants(db)

    assert (tenant.tenant_id, tenant.tenant_name, tenant.base_currency) == (tenant_id, "Rivera family", "EUR")
    assert (tenant.requires_mfa, tenant.approval_limit) == (False, None)
    assert [each.tenant_id for each in tenants] == [1, tenant_id]


@pytest.mark.usefixtures("store")
async def test_two_tenants_have_two_names_and_each_a_currency() -> None:
    await made("Twice")
    for name, currency, error in (
        (" Twice ", "EUR", TenantTakenError),
        ("", "EUR", UnusableNameError),
        ("Other", "eur", TenantCurrencyError),
        ("Other", "EURO", TenantCurrencyError),
    ):
        with pytest.raises(error):
            await made(name, currency)
    with pytest.raises(UnknownTenantError, match="no tenant 99"):
        async with get_db_session() as db:
            await require_tenant(db, 99)


@pytest.mark.usefixtures("store")
async def test_an_owner_neither_makes_tenants_nor_sees_others() -> None:
    owner = person(await add_person(Role.OWNER), Role.OWNER)
    with pytest.raises(RightMissingError):
        await made("Mine", actor=owner)
    with pytest.raises(RightMissingError):
        async with acting(owner) as db:
            await get_tenants(db)


@pytest.mark.usefixtures("rules")
async def test_a_rule_of_the_tenant_counts_at_the_next_request() -> None:
    owner = person(await add_person(Role.OWNER), Role.OWNER)
    viewer_id = await add_person(Role.VIEWER)
    secret = (await sign_in(viewer_id, ["password"])).secret
    before = await actor_of(secret)
    async with acting(owner) as db:
        await set_requires_mfa(db, requires_mfa=True)
        await set_approval_limit(db, Decimal("5000.5"))
    after = await actor_of(secret)

    assert (before.standing, before.approval_limit) == (Standing.FULL, None)
    assert (after.standing, after.approval_limit) == (Standing.MUST_ENROL, Decimal("5000.5"))
    with pytest.raises(AmountError):
        async with acting(owner) as db:
            await set_approval_limit(db, Decimal(-1))
    assert (await actor_of(secret, now=NOON)).approval_limit == Decimal("5000.5")
