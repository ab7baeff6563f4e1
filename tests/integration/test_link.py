"""One-time links in the store: used once, ended, listed."""

import asyncio
from datetime import datetime
from uuid import UUID

import pytest

from people import (
    NOON,
    OPERATOR_ACTOR,
    acting,
    add_person,
    later,
    random_bytes,
    run,
)
from steelyard.identity.link import LinkEndedError, LinkPurpose, NewLink, hash_link
from steelyard.identity.permissions import (
    Role,
)
from steelyard.services.link import NoOpenLinkError, end_links, find_link, get_links, make_link, take_link
from steelyard.services.user import disable_user
from steelyard.storage.connection import get_db_session, get_write_session

pytestmark = pytest.mark.usefixtures("store")


async def made(user_id: UUID | None, purpose: LinkPurpose = LinkPurpose.INVITATION) -> NewLink:
    async with acting() as db:
        return await make_link(db, purpose, user_id, now=NOON, random=random_bytes)


async def taken(link: NewLink, now: datetime = NOON) -> None:
    async with acting() as db:
        await take_link(db, hash_link(link.secret), now=now)


async def is_open(link: NewLink, now: datetime = NOON) -> bool:
    async with get_write_session() as db:
        try:
            await find_link(db, link.secret, now=now)
        except LinkEndedError:
            return False
        return True


async def test_a_link_is_used_once_also_when_many_use_it_at_once() -> None:
    link = await made(await add_person(Role.VIEWER, status="invited"))
    results = await asyncio.gather(*(taken(link) for _ in range(6)), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["LinkEndedError"] * 5 + ["NoneType"]
    assert not await is_open(link)


async def test_a_link_ends_at_its_hour_by_looking_and_by_using() -> None:
    link = await made(await add_person(Role.VIEWER, status="invited"))

    assert await is_open(link, later(hours=72, microseconds=-1))
    assert not await is_open(link, later(hours=72))
    with pytest.raises(LinkEndedError):
        await taken(link, later(hours=72))


async def test_a_new_link_ends_the_ones_before_of_the_same_person() -> None:
    user_id = await add_person(Role.VIEWER, status="invited")
    other = await made(await add_person(Role.VIEWER, status="invited"))
    before, after = await made(user_id), await made(user_id)

    assert [await is_open(link) for link in (before, after, other)] == [False, True, True]


async def test_a_link_can_be_ended_and_is_listed_while_it_is_open() -> None:
    user_id = await add_person(Role.VIEWER, status="invited")
    link = await made(user_id)
    async with get_db_session() as db:
        listed = [each for each in await get_links(db, now=NOON) if each.user_id == user_id]
    async with acting() as db:
        await end_links(db, user_id, now=NOON)

    assert [(each.purpose, each.made_by, each.expires_at) for each in listed] == [
        ("invitation", "operator", link.expires_at)
    ]
    assert not await is_open(link)
    with pytest.raises(NoOpenLinkError):
        async with acting() as db:
            await end_links(db, user_id, now=NOON)


async def test_a_link_of_a_disabled_user_opens_nothing() -> None:
    user_id = await add_person(Role.VIEWER, status="invited")
    link = await made(user_id)
    async with acting() as db:
        await disable_user(db, OPERATOR_ACTOR, user_id, now=NOON)

    assert not await is_open(link)


async def test_the_secret_of_a_link_is_kept_nowhere() -> None:
    link = await made(None, LinkPurpose.SETUP)
    rows = await run("select l::text from steelyard.one_time_links as l")

    assert not any(link.secret in str(row) for row in rows)
    assert link.secret not in repr(link)
    assert link.address("https://book.example/") == f"https://book.example/setup#{link.secret}"


@pytest.mark.parametrize("secret", ["", "A" * 43, "A" * 42, "ä" * 43])
async def test_what_is_no_link_of_ours_opens_nothing(secret: str) -> None:
    with pytest.raises(LinkEndedError):
        async with get_write_session() as db:
            await find_link(db, secret, now=NOON)
