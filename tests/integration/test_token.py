"""API tokens in the store: what they open, how long, and for whom they are made."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from people import (
    NOON,
    OPERATOR_ACTOR,
    acting,
    actor_of,
    add_account,
    add_person,
    granted,
    later,
    person,
    random_bytes,
    run,
)
from steelyard.domain.scope import Scope
from steelyard.identity.permissions import (
    Actor,
    ForbiddenError,
    ObjectType,
    Right,
    Role,
    ScopeError,
    Verb,
    authorize,
)
from steelyard.identity.session import NotSignedInError, StepUpNeededError, require_recent
from steelyard.identity.token import NewToken, TokenLifeError
from steelyard.services.token import OthersTokenError, UnknownTokenError, create_token, end_token, get_tokens
from steelyard.services.user import change_role, disable_user
from steelyard.storage.connection import get_db_session

pytestmark = pytest.mark.usefixtures("store")

A = Scope.account("A")
READS = ["read:portfolio", "read:asset"]


@pytest.fixture(autouse=True)
async def accounts(store: object) -> None:
    del store  # opening it is what matters
    await add_account("A")


async def token_for(
    user_id: UUID,
    actor: Actor = OPERATOR_ACTOR,
    *,
    scopes: list[str] = READS,
    days: float = 30,
    name: str = "nightly",
) -> NewToken:
    async with acting(actor) as db:
        return await create_token(
            db,
            actor,
            user_id,
            name=name,
            scopes=scopes,
            expires_at=NOON + timedelta(days=days),
            now=NOON,
            random=random_bytes,
        )


async def opens(token: NewToken, **period: float) -> bool:
    try:
        await actor_of(token.text, now=later(**period))
    except NotSignedInError:
        return False
    return True


async def test_a_token_acts_as_its_user_within_its_scopes() -> None:
    user_id = await add_person(Role.SERVICE)
    await granted(user_id, A, Right.PROPOSE)
    token = await token_for(user_id)
    actor = await actor_of(token.text)

    assert (actor.user_id, actor.role, actor.token_id) == (user_id, Role.SERVICE, token.token_id)
    assert actor.acting.actor == f"token:{token.token_id}"
    authorize(actor, Verb.READ, ObjectType.PORTFOLIO, "A")
    with pytest.raises(ForbiddenError):
        authorize(actor, Verb.PROPOSE, ObjectType.ORDER, "A")
    with pytest.raises(StepUpNeededError):
        require_recent(actor, NOON)


async def test_a_token_has_a_form_that_scanners_find_and_is_kept_nowhere() -> None:
    token = await token_for(await add_person(Role.SERVICE))
    rows = await run("select t::text from steelyard.api_tokens as t")

    assert token.text.startswith(f"sy_{token.token_id.hex}_")
    assert len(token.text) == 79
    assert not any(token.text[-43:] in str(row) for row in rows)
    assert token.text not in repr(token)


async def test_a_token_ends_at_its_day_which_is_a_year_away_at_most() -> None:
    user_id = await add_person(Role.SERVICE)
    token = await token_for(user_id, days=365)

    assert await opens(token, days=365, microseconds=-1)
    assert not await opens(token, days=365)
    for days in (0, -1, 365.001):
        with pytest.raises(TokenLifeError):
            await token_for(user_id, days=days)


async def test_a_token_that_was_ended_opens_nothing() -> None:
    user_id = await add_person(Role.SERVICE)
    token, other = await token_for(user_id), await token_for(user_id)
    with pytest.raises(UnknownTokenError):
        async with acting() as db:  # it is not that user's
            await end_token(db, token.token_id, user_id=uuid4(), now=NOON)
    async with acting() as db:
        await end_token(db, token.token_id, now=NOON)
    async with get_db_session() as db:
        listed = [each.token_id for each in await get_tokens(db, user_id, now=NOON)]

    assert not await opens(token)
    assert await opens(other)
    assert listed == [other.token_id]
    with pytest.raises(UnknownTokenError):
        async with acting() as db:
            await end_token(db, token.token_id, now=NOON)


@pytest.mark.parametrize("change", ["role", "disable"])
async def test_tokens_end_with_the_role_and_with_the_user(change: str) -> None:
    user_id = await add_person(Role.VIEWER)
    token = await token_for(user_id)
    async with acting() as db:
        if change == "role":
            await change_role(db, OPERATOR_ACTOR, user_id, Role.ADVISOR)
        else:
            await disable_user(db, OPERATOR_ACTOR, user_id, now=NOON)

    assert not await opens(token)
    async with get_db_session() as db:
        assert await get_tokens(db, user_id, now=NOON) == []


async def test_when_a_token_was_used_is_written_once_a_minute() -> None:
    token = await token_for(await add_person(Role.SERVICE))
    used = "select last_used_at from steelyard.api_tokens where token_id = :id"
    assert await run(used, id=token.token_id) == [(None,)]
    for seconds, written in ((0, 0), (59.999, 0), (60, 60)):
        await actor_of(token.text, now=later(seconds=seconds))
        assert await run(used, id=token.token_id) == [(later(seconds=written),)]


async def test_a_token_cannot_be_made_for_more_than_its_user_may() -> None:
    user_id = await add_person(Role.VIEWER)
    with pytest.raises(ScopeError, match="propose:order"):
        await token_for(user_id, person(user_id, Role.VIEWER), scopes=["propose:order"])


async def test_a_token_that_acts_as_another_person_is_made_by_the_operator_alone() -> None:
    owner = person(await add_person(Role.OWNER), Role.OWNER)
    viewer_id, service_id = await add_person(Role.VIEWER), await add_person(Role.SERVICE)
    assert owner.user_id is not None
    with pytest.raises(OthersTokenError):
        await token_for(viewer_id, owner)

    assert await opens(await token_for(service_id, owner))
    assert await opens(await token_for(owner.user_id, owner))
    assert await opens(await token_for(viewer_id))


@pytest.mark.parametrize(
    "text", ["sy_", f"sy_{'0' * 32}_{'A' * 43}", f"sy_{'0' * 32}_{'A' * 42}", "SY_" + "0" * 76]
)
async def test_what_is_no_token_of_ours_opens_nothing(text: str) -> None:
    with pytest.raises(NotSignedInError):
        await actor_of(text)
