"""Sessions in the store: limits at their boundaries, new secrets, ends, and many at once. The clock is passed in."""

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from people import NOON, actor_of, add_account, add_person, as_user, later, random_bytes, run, sign_in
from steelyard.identity.permissions import Actor, Right, Role, Standing
from steelyard.identity.session import NotSignedInError
from steelyard.services.session import (
    OpenedSession,
    UnknownSessionError,
    end_everything,
    end_everything_else,
    end_other_sessions,
    end_session,
    get_sessions,
    start_session,
    step_up,
)
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import get_db_session, get_write_session

pytestmark = pytest.mark.usefixtures("store")


async def is_signed_in(secret: str, **period: float) -> bool:
    try:
        await actor_of(secret, now=later(**period))
    except NotSignedInError:
        return False
    return True


async def stepped_up(actor: Actor, **period: float) -> OpenedSession:
    with acting_as(actor.acting):
        async with get_write_session() as db:
            return await step_up(db, actor, ["passkey"], now=later(**period), random=random_bytes)


async def changed(actor: Actor) -> OpenedSession:
    with acting_as(actor.acting):
        async with get_write_session() as db:
            return await end_everything_else(db, actor, now=NOON, random=random_bytes)


async def test_a_session_says_who_asks() -> None:
    user_id = await add_person(Role.OWNER)
    opened = await sign_in(user_id)
    actor = await actor_of(opened.secret)

    assert (actor.tenant_id, actor.user_id, actor.role) == (1, user_id, Role.OWNER)
    assert actor.session_id == opened.session.session_id
    assert actor.factors == {"password", "totp"}
    assert (actor.auth_time, actor.standing) == (NOON, Standing.FULL)
    assert actor.acting == Acting(1, f"user:{user_id}", user_id, "r-1")


async def test_the_secret_is_kept_nowhere() -> None:
    opened = await sign_in(await add_person(Role.VIEWER))
    rows = await run("select s::text, encode(session_hash, 'escape') from steelyard.sessions as s")

    assert len(opened.secret) == 43
    assert opened.secret not in repr(opened)
    assert not any(opened.secret in str(row) for row in rows)


@pytest.mark.parametrize(
    "secret", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 43 + "\n", "Ä" * 43, "A" * 43]
)
async def test_what_is_no_secret_of_ours_signs_nobody_in(secret: str) -> None:
    with pytest.raises(NotSignedInError):
        await actor_of(secret)


@pytest.mark.parametrize(
    ("role", "minutes"),
    [(Role.VIEWER, 30), (Role.OWNER, 30), (Role.ADVISOR, 15), (Role.COMPLIANCE, 15), (Role.ADMIN, 15)],
)
async def test_a_session_ends_when_it_is_idle_for_as_long_as_its_role_says(role: Role, minutes: int) -> None:
    secret = (await sign_in(await add_person(role))).secret

    assert not await is_signed_in(secret, minutes=minutes)
    assert await is_signed_in(secret, minutes=minutes, microseconds=-1)  # and is seen then
    assert await is_signed_in(secret, minutes=2 * minutes, microseconds=-2)
    assert not await is_signed_in(secret, minutes=3 * minutes)


async def test_a_session_ends_after_twelve_hours_however_busy() -> None:
    secret = (await sign_in(await add_person(Role.OWNER))).secret
    for minutes in range(20, 12 * 60, 20):
        assert await is_signed_in(secret, minutes=minutes)

    assert await is_signed_in(secret, hours=12, microseconds=-1)
    assert not await is_signed_in(secret, hours=12)


async def test_stepping_up_does_not_lengthen_a_session() -> None:
    opened = await sign_in(await add_person(Role.OWNER))
    secret = opened.secret
    for minutes in range(20, 12 * 60, 20):
        actor = await actor_of(secret, now=later(minutes=minutes))
        secret = (await stepped_up(actor, minutes=minutes)).secret

    assert not await is_signed_in(secret, hours=12)


async def test_that_somebody_was_seen_is_written_once_a_minute() -> None:
    opened = await sign_in(await add_person(Role.VIEWER))
    seen = "select last_seen_at from steelyard.sessions where session_id = :id"
    for seconds, written in ((59.999, 0), (60, 60), (119, 60), (120, 120)):
        await actor_of(opened.secret, now=later(seconds=seconds))
        assert await run(seen, id=opened.session.session_id) == [(later(seconds=written),)]


# ── New secrets ─────────────────────────────────────────────────────────────────────────────────────────


async def test_each_sign_in_is_a_session_of_its_own() -> None:
    user_id = await add_person(Role.VIEWER)
    first, second = await sign_in(user_id), await sign_in(user_id)

    assert first.secret != second.secret
    assert first.session.session_id != second.session.session_id


async def test_after_a_step_up_the_old_secret_is_dead_at_once() -> None:
    user_id = await add_person(Role.OWNER)
    before = await sign_in(user_id, ["password"])
    after = await stepped_up(await actor_of(before.secret), minutes=7)

    assert not await is_signed_in(before.secret)
    actor = await actor_of(after.secret)
    assert (actor.session_id, actor.auth_time) == (before.session.session_id, later(minutes=7))
    assert actor.factors == {"password", "passkey"}
    assert actor.standing is Standing.FULL


async def test_of_many_who_rotate_a_session_at_once_one_does() -> None:
    opened = await sign_in(await add_person(Role.OWNER))
    actor = await actor_of(opened.secret)
    results = await asyncio.gather(*(stepped_up(actor) for _ in range(8)), return_exceptions=True)
    winners = [result for result in results if isinstance(result, OpenedSession)]

    assert len(winners) == 1
    assert {type(result) for result in results} == {OpenedSession, NotSignedInError}
    assert await is_signed_in(winners[0].secret)
    assert not await is_signed_in(opened.secret)


# ── What ends them ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_session_that_was_ended_is_dead_and_the_others_live() -> None:
    user_id = await add_person(Role.VIEWER)
    ended, other = await sign_in(user_id), await sign_in(user_id)
    with acting_as(as_user(user_id)):
        async with get_write_session() as db:
            await end_session(db, user_id, ended.session.session_id, now=NOON)

    assert not await is_signed_in(ended.secret)
    assert await is_signed_in(other.secret)
    with acting_as(as_user(user_id)), pytest.raises(UnknownSessionError):
        async with get_write_session() as db:
            await end_session(db, user_id, ended.session.session_id, now=NOON)


async def test_nobody_ends_a_session_of_somebody_else() -> None:
    victim, other = await add_person(Role.VIEWER), await add_person(Role.VIEWER)
    opened = await sign_in(victim)
    with acting_as(as_user(other)), pytest.raises(UnknownSessionError):
        async with get_write_session() as db:
            await end_session(db, other, opened.session.session_id, now=NOON)

    assert await is_signed_in(opened.secret)


async def test_ending_all_others_leaves_the_one_it_was_asked_in() -> None:
    user_id = await add_person(Role.VIEWER)
    mine, *others = [await sign_in(user_id) for _ in range(4)]
    actor = await actor_of(mine.secret)
    with acting_as(actor.acting):
        async with get_write_session() as db:
            assert await end_other_sessions(db, actor, now=NOON) == 3

    assert await is_signed_in(mine.secret)
    assert not any([await is_signed_in(other.secret) for other in others])


async def test_a_list_shows_the_sessions_that_are_live() -> None:
    user_id = await add_person(Role.VIEWER)
    idle, live = await sign_in(user_id), await sign_in(user_id, now=later(minutes=10))
    await sign_in(await add_person(Role.VIEWER))
    async with get_db_session() as db:
        assert [each.session_id for each in await get_sessions(db, user_id, now=later(minutes=11))] == [
            live.session.session_id,
            idle.session.session_id,
        ]
        assert await get_sessions(db, user_id, now=later(minutes=30)) == (live.session,)


async def test_a_new_epoch_ends_every_session_of_the_user_and_of_nobody_else() -> None:
    user_id, other_id = await add_person(Role.VIEWER), await add_person(Role.VIEWER)
    mine, others = [await sign_in(user_id) for _ in range(2)], await sign_in(other_id)
    async with get_write_session() as db:
        await end_everything(db, user_id)

    assert not any([await is_signed_in(each.secret) for each in mine])
    assert await is_signed_in(others.secret)
    async with get_db_session() as db:
        assert await get_sessions(db, user_id, now=NOON) == ()


async def test_who_changes_a_factor_goes_on_with_a_new_secret_and_ends_the_others() -> None:
    user_id = await add_person(Role.OWNER)
    mine, other = await sign_in(user_id), await sign_in(user_id)
    after = await changed(await actor_of(mine.secret))

    assert not await is_signed_in(mine.secret)
    assert not await is_signed_in(other.secret)
    assert (await actor_of(after.secret)).session_id == mine.session.session_id


async def test_of_two_who_change_a_factor_in_two_sessions_at_once_one_goes_on() -> None:
    user_id = await add_person(Role.OWNER)
    actors = [await actor_of((await sign_in(user_id)).secret) for _ in range(2)]
    results = await asyncio.gather(*map(changed, actors), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["NotSignedInError", "OpenedSession"]
    assert await run("select epoch from steelyard.users where user_id = :id", id=user_id) == [(2,)]


async def test_a_sign_in_that_a_change_overtook_is_none() -> None:
    """Whoever checked a password before it was changed has no session after."""
    user_id = await add_person(Role.OWNER)
    async with get_write_session() as db:
        await end_everything(db, user_id)
    with pytest.raises(NotSignedInError):
        await sign_in(user_id, epoch=1)

    assert await is_signed_in((await sign_in(user_id, epoch=2)).secret)


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, "invited"), (Role.OWNER, "disabled"), (Role.SERVICE, "active")]
)
async def test_who_is_not_active_and_what_is_no_person_has_no_session(role: Role, status: str) -> None:
    user_id = await add_person(role, status=status)
    with pytest.raises(NotSignedInError):
        await sign_in(user_id)
    with acting_as(as_user(user_id)), pytest.raises(NotSignedInError):
        async with get_write_session() as db:
            await start_session(db, uuid4(), ["password"], epoch=1, now=NOON, random=random_bytes)


# ── Effective at the next request ───────────────────────────────────────────────────────────────────────


async def test_a_new_role_a_grant_and_a_rule_of_the_tenant_count_at_the_next_request() -> None:
    user_id = await add_person(Role.VIEWER)
    secret = (await sign_in(user_id, ["password"])).secret
    await add_account("A")
    await add_account("H-1", "H")
    await add_account("H-2", "H")
    before = await actor_of(secret)
    await run(
        "insert into steelyard.account_grants (tenant_id, user_id, account_id, household_id, rights, granted_by) "
        "values (1, :id, 'A', null, array['READ', 'PROPOSE'], 'operator'), "
        "(1, :id, null, 'H', array['READ'], 'operator'), "
        "(1, :id, 'H-1', null, array['READ', 'APPROVE'], 'operator')",
        id=user_id,
    )
    granted = await actor_of(secret)
    await run(
        "update steelyard.users set role = 'advisor', approval_limit = 7 where user_id = :id", id=user_id
    )
    promoted = await actor_of(secret)
    await run("update steelyard.tenants set requires_mfa = true where tenant_id = 1")
    try:
        asked = await actor_of((await sign_in(await add_person(Role.VIEWER), ["password"])).secret)
    finally:
        await run("update steelyard.tenants set requires_mfa = false where tenant_id = 1")

    assert before.grants == {}
    assert granted.grants == {
        "A": {Right.READ, Right.PROPOSE},
        "H-1": {Right.READ, Right.APPROVE},
        "H-2": {Right.READ},
    }
    assert (granted.standing, promoted.standing) == (Standing.FULL, Standing.MUST_ENROL)
    assert (promoted.role, promoted.approval_limit) == (Role.ADVISOR, Decimal(7))
    assert asked.standing is Standing.MUST_ENROL


async def test_who_has_a_second_factor_must_show_it() -> None:
    user_id = await add_person(Role.VIEWER)
    secret = (await sign_in(user_id, ["password"])).secret
    await run("update steelyard.users set totp_seed_sealed = '\\x00' where user_id = :id", id=user_id)

    assert (await actor_of(secret)).standing is Standing.MUST_SHOW


async def test_a_session_of_a_user_who_is_disabled_is_dead() -> None:
    user_id = await add_person(Role.VIEWER)
    secret = (await sign_in(user_id)).secret
    await run("update steelyard.users set status = 'disabled' where user_id = :id", id=user_id)

    assert not await is_signed_in(secret)
