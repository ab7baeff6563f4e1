"""Grants in the store: given and taken back, effective at the next request."""

import pytest

from people import (
    OPERATOR_ACTOR,
    acting,
    actor_of,
    add_account,
    add_person,
    granted,
    person,
    sign_in,
)
from steelyard.domain.scope import TENANT, Scope
from steelyard.identity.permissions import (
    AccountHiddenError,
    ObjectType,
    Right,
    Role,
    Verb,
    authorize,
)
from steelyard.identity.user import OneselfError
from steelyard.services.grant import (
    NoGrantError,
    UselessGrantError,
    WholeTenantError,
    end_grant,
    get_grants,
)
from steelyard.storage.connection import get_db_session
from steelyard.storage.grant import UngrantableError

pytestmark = pytest.mark.usefixtures("store")

A, H = Scope.account("A"), Scope.household("H")


@pytest.fixture(autouse=True)
async def accounts(store: object) -> None:
    del store  # opening it is what matters
    await add_account("A")
    await add_account("H-1", "H")


async def test_a_grant_and_its_end_count_at_the_next_request() -> None:
    user_id = await add_person(Role.ADVISOR)
    secret = (await sign_in(user_id)).secret
    await granted(user_id, A, Right.PROPOSE)
    await granted(user_id, H)
    with_both = await actor_of(secret)
    async with acting() as db:
        await end_grant(db, OPERATOR_ACTOR, user_id, A)
    with_one = await actor_of(secret)

    assert with_both.grants == {"A": {Right.READ, Right.PROPOSE}, "H-1": {Right.READ}}
    authorize(with_both, Verb.PROPOSE, ObjectType.ORDER, "A")
    with pytest.raises(AccountHiddenError):
        authorize(with_one, Verb.PROPOSE, ObjectType.ORDER, "A")
    assert with_one.grants == {"H-1": {Right.READ}}


async def test_a_grant_takes_the_place_of_the_one_before() -> None:
    user_id = await add_person(Role.ADVISOR)
    await granted(user_id, A, Right.APPROVE, Right.PROPOSE)
    await granted(user_id, A)
    async with get_db_session() as db:
        assert [(each.account_id, each.rights) for each in await get_grants(db, user_id)] == [("A", ["READ"])]


async def test_an_account_that_comes_to_a_household_is_granted_with_it() -> None:
    user_id = await add_person(Role.VIEWER)
    secret = (await sign_in(user_id)).secret
    await granted(user_id, H)
    await add_account("H-2", "H")

    assert set((await actor_of(secret)).grants) == {"H-1", "H-2"}


@pytest.mark.parametrize("role", [Role.OWNER, Role.COMPLIANCE, Role.ADMIN])
async def test_a_grant_that_would_change_nothing_is_refused(role: Role) -> None:
    with pytest.raises(UselessGrantError, match=role.value):
        await granted(await add_person(role), A)


async def test_what_is_not_there_is_neither_granted_nor_taken_back() -> None:
    user_id = await add_person(Role.VIEWER)
    for scope in (Scope.account("nothing"), Scope.household("nothing")):
        with pytest.raises(UngrantableError, match=str(scope)):
            await granted(user_id, scope)
    with pytest.raises(NoGrantError):
        async with acting() as db:
            await end_grant(db, OPERATOR_ACTOR, user_id, Scope.account("H-1"))
    with pytest.raises(WholeTenantError):
        await granted(user_id, TENANT)


async def test_nobody_grants_to_themselves() -> None:
    admin = person(await add_person(Role.ADMIN), Role.ADMIN)
    assert admin.user_id is not None
    with pytest.raises(OneselfError):
        await granted(admin.user_id, A, actor=admin)
