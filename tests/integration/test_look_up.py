"""Look-ups on connections of their own: they outlive a lost connection, and work for nobody."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from people import add_person, as_user, random_bytes, sign_in
from steelyard.identity.permissions import Role
from steelyard.identity.session import hash_secret
from steelyard.services.reception import Reception
from steelyard.storage.acting import acting_as
from steelyard.storage.connection import Pool, close_connection_pool, current_pool, look_up
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseFailedError
from steelyard.storage.session import find_sessions

NAME = "find_sessions"


async def backends(server: EmbeddedServer) -> list[int]:
    """The processes of the store that wait with a look-up of sessions as the last thing they did."""
    connection = await asyncpg.connect(
        host=str(server.host),
        user=server.superuser.user,
        password=server.superuser.password,
        database=server.database,
    )
    try:
        rows = await connection.fetch(
            "select pid from pg_stat_activity where datname = current_database() and query like '%find_session(%' "
            "and pid <> pg_backend_pid()"
        )
        return [row["pid"] for row in rows]
    finally:
        await connection.close()


@pytest.mark.usefixtures("store")
async def test_a_look_up_finds_what_is_there_and_leaves_out_what_is_not() -> None:
    opened = await sign_in(await add_person(Role.VIEWER))
    there, not_there = hash_secret(opened.secret), random_bytes(32)

    found = await find_sessions([there, not_there])
    assert set(found) == {there}
    assert found[there].session_id == opened.session.session_id
    assert await find_sessions([not_there]) == {}


async def test_a_lost_connection_is_made_anew_and_nobody_notices(
    store: Pool, database: EmbeddedServer, as_superuser: Callable[[str], None]
) -> None:
    opened = await sign_in(await add_person(Role.VIEWER))
    wanted = [hash_secret(opened.secret)]
    await find_sessions(wanted)
    [pid] = await backends(database)
    await asyncio.to_thread(as_superuser, f"select pg_terminate_backend({pid}, 5000)")

    assert set(await find_sessions(wanted)) == set(wanted)
    assert await backends(database) != [pid]
    assert store is await current_pool()


@pytest.mark.usefixtures("store")
async def test_what_the_server_refuses_is_raised_and_the_next_one_works() -> None:
    with pytest.raises(DatabaseFailedError):
        await look_up(NAME, {"asked_hashes": ["not bytes"]})

    assert await look_up(NAME, {"asked_hashes": []}) == []


@pytest.mark.usefixtures("store")
async def test_many_at_once_take_turns_on_one_connection(database: EmbeddedServer) -> None:
    await asyncio.gather(*(find_sessions([random_bytes(32)]) for _ in range(20)))

    assert len(await backends(database)) == 1


async def test_a_pool_that_closes_lets_go_of_them(database: EmbeddedServer, store: Pool) -> None:
    del store  # opening it is what matters
    await find_sessions([random_bytes(32)])
    assert await backends(database)
    await close_connection_pool()

    assert await backends(database) == []


@pytest.mark.usefixtures("store")
async def test_who_asks_is_found_whoever_the_caller_works_for() -> None:
    opened = await sign_in(await add_person(Role.VIEWER))
    stranger = await add_person(Role.ADMIN)
    reception = Reception(lambda: opened.session.created_at)
    with acting_as(as_user(stranger)):
        actor = await reception(opened.secret, "r-7")

    assert (actor.user_id, actor.request_id) == (opened.session.user_id, "r-7")
