"""Users in the store: added, invited, changed, disabled; nobody lifts themselves up, and somebody always manages."""

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from people import (
    NOON,
    OPERATOR_ACTOR,
    acting,
    actor_of,
    add_person,
    added,
    later,
    open_vault,
    person,
    random_bytes,
    run,
    sign_in,
)
from steelyard.domain.amount import AmountError
from steelyard.identity.link import LinkPurpose
from steelyard.identity.permissions import Actor, Role
from steelyard.identity.session import NotSignedInError
from steelyard.identity.user import OneselfError, OwnersOnlyError, UnusableNameError
from steelyard.identity.vault import Vault
from steelyard.services.user import (
    LastManagerError,
    LoginTakenError,
    ServiceRoleError,
    UnknownUserError,
    UserStatusError,
    change_role,
    disable_user,
    enable_user,
    find_user,
    invite_user,
    set_approval_limit,
)
from steelyard.storage.connection import Pool, get_db_session
from steelyard.storage.notice import list_notices

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return open_vault(tmp_path_factory.mktemp("vault"))


@pytest.fixture
async def nobody_else(store: Pool) -> None:
    """No user of other tests manages users."""
    del store  # opening it is what matters
    await run("update steelyard.users set status = 'disabled' where status = 'active'")


async def notices_of(user_id: UUID) -> list[str]:
    async with get_db_session() as db:
        return [notice.kind for notice in await list_notices(db, user_id)]


async def events_of(user_id: UUID) -> list[tuple[object, ...]]:
    return await run(
        "select actor, action from steelyard.audit_events where object_id = :id order by sequence",
        id=str(user_id),
    )


# ── Added ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_user_is_found_by_their_login_however_it_is_written(vault: Vault) -> None:
    user = await added(vault, " Ada@Example.org ", Role.ADVISOR, approval_limit=Decimal("1000.5"))
    async with get_db_session() as db:
        found = await find_user(db, vault, "ADA@EXAMPLE.ORG")

    assert found == user
    assert (user.login, user.name, user.role, user.status) == (
        "Ada@Example.org",
        "Ada@Example.Org",
        Role.ADVISOR,
        "invited",
    )
    assert (user.approval_limit, user.has_password, user.has_second_factor) == (
        Decimal("1000.5"),
        False,
        False,
    )
    assert await events_of(user.user_id) == [("operator", "user.create")]


async def test_names_are_kept_encrypted_alone(vault: Vault) -> None:
    user = await added(vault, "grace.hopper", Role.VIEWER)
    rows = await run(
        "select u::text from steelyard.users as u union all select e::text from steelyard.audit_events as e"
    )

    assert not any("hopper" in str(row).lower() or b"hopper".hex() in str(row) for row in rows)
    assert "hopper" not in repr(user).lower()


async def test_a_login_name_is_one_persons_whatever_the_tenant(vault: Vault) -> None:
    await added(vault, "unique", Role.VIEWER)
    with pytest.raises(LoginTakenError):
        await added(vault, "UNIQUE ", Role.ADMIN)

    async with get_db_session() as db:
        assert (await find_user(db, vault, "unique")).role is Role.VIEWER


@pytest.mark.parametrize("login", ["", " ", "a\0b", "a\u202eb", "a\nb", "x" * 255, "\ud800"])
async def test_a_login_that_nobody_could_type_is_refused(vault: Vault, login: str) -> None:
    with pytest.raises(UnusableNameError):
        await added(vault, login, Role.VIEWER)


@pytest.mark.parametrize("limit", ["-0.01", "NaN", "Infinity", "0.000000001", "1e16"])
async def test_a_limit_that_is_no_amount_is_refused(vault: Vault, limit: str) -> None:
    with pytest.raises(AmountError):
        await added(vault, f"limit {limit}", Role.ADVISOR, approval_limit=Decimal(limit))


async def test_a_service_is_active_at_once_and_signs_in_never(vault: Vault) -> None:
    user = await added(vault, "nightly", Role.SERVICE)

    assert user.status == "active"
    with pytest.raises(NotSignedInError):
        await sign_in(user.user_id)


# ── Invited ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_invitation_is_for_who_has_no_way_in(vault: Vault) -> None:
    user = await added(vault, "invited", Role.VIEWER)
    async with acting() as db:
        link = await invite_user(db, OPERATOR_ACTOR, user.user_id, now=NOON, random=random_bytes)
    await run("update steelyard.users set status = 'active' where user_id = :id", id=user.user_id)

    assert (link.purpose, link.expires_at) == (LinkPurpose.INVITATION, later(hours=72))
    with pytest.raises(UserStatusError):
        async with acting() as db:
            await invite_user(db, OPERATOR_ACTOR, user.user_id, now=NOON, random=random_bytes)


# ── Changed ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_role_ends_all_sessions_and_counts_at_the_next_request() -> None:
    user_id = await add_person(Role.VIEWER)
    secret = (await sign_in(user_id)).secret
    async with acting() as db:
        await change_role(db, OPERATOR_ACTOR, user_id, Role.COMPLIANCE)

    with pytest.raises(NotSignedInError):
        await actor_of(secret)
    assert (await actor_of((await sign_in(user_id, epoch=2)).secret)).role is Role.COMPLIANCE
    assert await notices_of(user_id) == ["user.change_role"]
    assert ("operator", "user.change_role") in await events_of(user_id)


async def test_a_role_that_they_have_changes_nothing() -> None:
    user_id = await add_person(Role.VIEWER)
    secret = (await sign_in(user_id)).secret
    async with acting() as db:
        await change_role(db, OPERATOR_ACTOR, user_id, Role.VIEWER)

    assert (await actor_of(secret)).user_id == user_id


async def test_a_person_does_not_become_a_service_nor_a_service_a_person() -> None:
    for before, after in ((Role.VIEWER, Role.SERVICE), (Role.SERVICE, Role.VIEWER)):
        with pytest.raises(ServiceRoleError):
            async with acting() as db:
                await change_role(db, OPERATOR_ACTOR, await add_person(before), after)


async def test_a_disabled_user_is_out_at_once_and_in_again_when_enabled() -> None:
    user_id = await add_person(Role.VIEWER)
    await run("update steelyard.users set password_hash = 'x' where user_id = :id", id=user_id)
    secret = (await sign_in(user_id)).secret
    async with acting() as db:
        await disable_user(db, OPERATOR_ACTOR, user_id, now=NOON)
    with pytest.raises(NotSignedInError):
        await sign_in(user_id, epoch=2)
    async with acting() as db:
        assert await enable_user(db, OPERATOR_ACTOR, user_id) == "active"

    with pytest.raises(NotSignedInError):
        await actor_of(secret)
    assert (await actor_of((await sign_in(user_id, epoch=3)).secret)).user_id == user_id
    assert sorted(await notices_of(user_id)) == ["user.disable", "user.enable"]


async def test_who_had_no_way_in_is_invited_again_when_enabled() -> None:
    user_id = await add_person(Role.VIEWER, status="invited")
    async with acting() as db:
        await disable_user(db, OPERATOR_ACTOR, user_id, now=NOON)
        assert await enable_user(db, OPERATOR_ACTOR, user_id) == "invited"
    with pytest.raises(UserStatusError):
        async with acting() as db:
            await enable_user(db, OPERATOR_ACTOR, user_id)


async def test_a_new_limit_counts_at_the_next_request() -> None:
    user_id = await add_person(Role.ADVISOR)
    secret = (await sign_in(user_id)).secret
    async with acting() as db:
        await set_approval_limit(db, OPERATOR_ACTOR, user_id, Decimal("2500.25"))

    assert (await actor_of(secret)).approval_limit == Decimal("2500.25")


async def test_a_user_who_is_not_there_is_named(vault: Vault) -> None:
    missing = uuid4()
    with pytest.raises(UnknownUserError, match=str(missing)):
        async with acting() as db:
            await change_role(db, OPERATOR_ACTOR, missing, Role.VIEWER)
    with pytest.raises(UnknownUserError, match="'ghost'"):
        async with get_db_session() as db:
            await find_user(db, vault, "ghost")


# ── Who changes whom ────────────────────────────────────────────────────────────────────────────────────


async def test_nobody_changes_their_own_access() -> None:
    user_id = await add_person(Role.OWNER)
    await add_person(Role.OWNER)
    myself = person(user_id, Role.OWNER)
    with pytest.raises(OneselfError):
        async with acting(myself) as db:
            await change_role(db, myself, user_id, Role.ADMIN)
    with pytest.raises(OneselfError):
        async with acting(myself) as db:
            await set_approval_limit(db, myself, user_id, Decimal(10**9))
    with pytest.raises(OneselfError):
        async with acting(myself) as db:
            await disable_user(db, myself, user_id, now=NOON)


async def test_only_an_owner_makes_or_changes_an_owner(vault: Vault) -> None:
    owner_id, viewer_id = await add_person(Role.OWNER), await add_person(Role.VIEWER)
    admin = person(await add_person(Role.ADMIN), Role.ADMIN)
    with pytest.raises(OwnersOnlyError):
        await added(vault, "puppet", Role.OWNER, admin)
    for user_id, role in ((owner_id, Role.VIEWER), (viewer_id, Role.OWNER)):
        with pytest.raises(OwnersOnlyError):
            async with acting(admin) as db:
                await change_role(db, admin, user_id, role)
    with pytest.raises(OwnersOnlyError):
        async with acting(admin) as db:
            await disable_user(db, admin, owner_id, now=NOON)
    other = person(await add_person(Role.OWNER), Role.OWNER)
    async with acting(other) as db:
        await change_role(db, other, owner_id, Role.VIEWER)

    assert ("user:" + str(other.user_id), "user.change_role") in await events_of(owner_id)


@pytest.mark.usefixtures("nobody_else")
@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
async def test_the_last_active_owner_or_admin_stays(role: Role) -> None:
    last = await add_person(role)
    await add_person(Role.OWNER, status="invited")
    with pytest.raises(LastManagerError):
        async with acting() as db:
            await disable_user(db, OPERATOR_ACTOR, last, now=NOON)
    with pytest.raises(LastManagerError):
        async with acting() as db:
            await change_role(db, OPERATOR_ACTOR, last, Role.VIEWER)
    async with acting() as db:  # who goes on managing may change
        await change_role(db, OPERATOR_ACTOR, last, Role.ADMIN if role is Role.OWNER else Role.OWNER)


@pytest.mark.usefixtures("nobody_else")
async def test_of_two_owners_who_disable_each_other_at_once_one_stays() -> None:
    for _ in range(5):
        first, second = [person(await add_person(Role.OWNER), Role.OWNER) for _ in range(2)]

        async def disabled(actor: Actor, other: Actor) -> None:
            assert other.user_id is not None
            async with acting(actor) as db:
                await disable_user(db, actor, other.user_id, now=NOON)

        results = await asyncio.gather(
            disabled(first, second), disabled(second, first), return_exceptions=True
        )

        assert {type(result) for result in results} == {LastManagerError, type(None)}
        await run("update steelyard.users set status = 'disabled' where status = 'active'")
