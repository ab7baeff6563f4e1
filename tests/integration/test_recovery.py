"""Recovery of users who lost their factors: one person asks, another approves."""

import asyncio
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from people import (
    NOON,
    OPERATOR_ACTOR,
    acting,
    actor_of,
    add_person,
    later,
    person,
    random_bytes,
    sign_in,
)
from steelyard.identity.link import LinkPurpose, NewLink
from steelyard.identity.permissions import (
    Actor,
    Role,
)
from steelyard.identity.session import NotSignedInError
from steelyard.identity.user import OneselfError, OwnersOnlyError
from steelyard.services.link import find_link
from steelyard.services.recovery import (
    FourEyesError,
    NoRecoveryError,
    RecoveryAskedError,
    approve_recovery,
    ask_recovery,
    get_recovery_requests,
)
from steelyard.services.user import UserStatusError
from steelyard.storage.connection import get_db_session

pytestmark = pytest.mark.usefixtures("store")


async def asked(actor: Actor, user_id: UUID) -> UUID:
    async with acting(actor) as db:
        return await ask_recovery(db, actor, user_id, now=NOON, random=random_bytes)


async def approved(actor: Actor, request_id: UUID, now: datetime = NOON) -> NewLink:
    async with acting(actor) as db:
        return await approve_recovery(db, actor, request_id, now=now, random=random_bytes)


async def admin() -> Actor:
    return person(await add_person(Role.ADMIN), Role.ADMIN)


async def test_factors_are_reset_when_one_asks_and_another_approves() -> None:
    user_id = await add_person(Role.VIEWER)
    secret = (await sign_in(user_id)).secret
    request_id = await asked(await admin(), user_id)
    assert (await actor_of(secret)).user_id == user_id  # nothing has happened
    link = await approved(await admin(), request_id)

    with pytest.raises(NotSignedInError):
        await actor_of(secret)
    assert (link.purpose, link.expires_at) == (LinkPurpose.RECOVERY, later(hours=24))
    async with get_db_session() as db:
        assert (await find_link(db, link.secret, now=NOON)).user_id == user_id
        assert request_id not in [each.request_id for each in await get_recovery_requests(db, now=NOON)]


async def test_who_asks_does_not_approve_be_it_an_admin_or_the_operator() -> None:
    one = await admin()
    for actor in (one, OPERATOR_ACTOR):
        user_id = await add_person(Role.VIEWER)
        request_id = await asked(actor, user_id)
        with pytest.raises(FourEyesError):
            await approved(actor, request_id)
        other = OPERATOR_ACTOR if actor is one else one

        assert (await approved(other, request_id)).purpose is LinkPurpose.RECOVERY


async def test_nobody_recovers_themselves_and_an_admin_no_owner() -> None:
    first, second = await admin(), await admin()
    owner_id = await add_person(Role.OWNER)
    assert first.user_id is not None
    assert second.user_id is not None
    with pytest.raises(OneselfError):
        await asked(first, first.user_id)
    with pytest.raises(OneselfError):
        await approved(second, await asked(first, second.user_id))
    with pytest.raises(OwnersOnlyError):
        await asked(first, owner_id)
    with pytest.raises(OwnersOnlyError):
        await approved(first, await asked(OPERATOR_ACTOR, owner_id))


async def test_a_recovery_is_approved_once_also_when_many_do_at_once() -> None:
    request_id = await asked(OPERATOR_ACTOR, await add_person(Role.VIEWER))
    admins = [await admin() for _ in range(4)]
    results = await asyncio.gather(*(approved(each, request_id) for each in admins), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["NewLink"] + ["NoRecoveryError"] * 3


async def test_a_recovery_is_asked_for_once_and_waits_a_day() -> None:
    user_id = await add_person(Role.VIEWER)
    request_id = await asked(OPERATOR_ACTOR, user_id)
    with pytest.raises(RecoveryAskedError):
        await asked(await admin(), user_id)
    with pytest.raises(NoRecoveryError):
        await approved(await admin(), request_id, later(hours=24))
    with pytest.raises(NoRecoveryError):
        await approved(await admin(), uuid4())


async def test_who_never_signed_in_or_is_disabled_is_invited_or_enabled_and_not_recovered() -> None:
    for status in ("invited", "disabled"):
        with pytest.raises(UserStatusError, match=status):
            await asked(OPERATOR_ACTOR, await add_person(Role.VIEWER, status=status))
