"""The pool and its sessions, on a real server."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from steelyard.errors import SteelyardError
from steelyard.storage import address, connection, embedded
from steelyard.storage.address import (
    DatabaseLoginError,
    DatabaseMissingError,
    DatabaseTlsError,
    DatabaseTooOldError,
    DatabaseUnreachableError,
    DatabaseUrlError,
)
from steelyard.storage.connection import (
    NoPoolError,
    Pool,
    PoolOpenError,
    ReadSession,
    WriteSession,
    close_connection_pool,
    get_db_session,
    get_migrator_session,
    get_write_session,
    init_connection_pool,
    raw_connection,
    set_default,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseBusyError, DatabaseLostError, RightMissingError

Urls = Callable[[EmbeddedServer], tuple[str, str]]
INSERT = text("insert into steelyard.minor_currencies values (:code, 'USD', 100)")
COUNT = text("select count(*) from steelyard.minor_currencies where currency = :code")


async def count(code: str) -> int:
    async with get_db_session() as db:
        found: int = (await db.execute(COUNT, {"code": code})).scalar_one()
        return found


async def insert(code: str, *, then_fail: bool = False) -> None:
    async with get_write_session() as db:
        await db.execute(INSERT, {"code": code})
        if then_fail:
            raise ZeroDivisionError


async def copy_and_fail(code: str) -> None:
    columns = ["currency", "major_currency", "units_per_major"]
    async with get_write_session() as db:
        driver = await raw_connection(db)
        await driver.copy_records_to_table(
            "minor_currencies", schema_name="steelyard", columns=columns, records=[(code, "USD", 100)]
        )
        assert (await db.execute(COUNT, {"code": code})).scalar_one() == 1
        raise ZeroDivisionError


async def lose_a_race() -> None:
    update = text("update steelyard.minor_currencies set units_per_major = 100 where currency = 'GBX'")
    async with get_write_session(isolation="REPEATABLE READ") as db:
        await db.execute(COUNT, {"code": "GBX"})
        async with get_write_session() as other:
            await other.execute(update)
        await db.execute(update)


async def drop_a_table() -> None:
    async with get_write_session() as db:
        await db.execute(text("drop table steelyard.minor_currencies"))


# ── The pool ────────────────────────────────────────────────────────────────────────────────────────────


async def test_one_pool_however_often_it_is_asked_for(database: EmbeddedServer, urls: Urls) -> None:
    app, migrator = urls(database)
    pools = await asyncio.gather(*(init_connection_pool(app, migrator_url=migrator) for _ in range(5)))
    assert all(pool is pools[0] for pool in pools)
    with pytest.raises(PoolOpenError, match="close_connection_pool"):
        await init_connection_pool(app)
    await close_connection_pool()
    await close_connection_pool()
    assert await init_connection_pool(app) is not pools[0]
    await close_connection_pool()


def test_each_asyncio_run_has_its_own_pool_and_leaves_none(database: EmbeddedServer, urls: Urls) -> None:
    loops = []

    async def use() -> Pool:
        loops.append(asyncio.get_running_loop())
        pool = await init_connection_pool(urls(database)[0])
        assert await count("GBX") == 1
        return pool

    first, second = asyncio.run(use()), asyncio.run(use())
    assert first is not second
    assert not [loop for loop in loops if loop in connection._slots]  # noqa: SLF001 - a server in another thread keeps its own


def test_a_child_process_does_not_use_its_parents_connections(database: EmbeddedServer, urls: Urls) -> None:
    script = """if True:
        import asyncio, os, sys
        from sqlalchemy import text
        from steelyard.storage.connection import NoPoolError, get_db_session, init_connection_pool

        async def ask():
            async with get_db_session() as db:
                return (await db.execute(text("select 1"))).scalar_one()

        async def main():
            await init_connection_pool(sys.argv[1])
            assert await ask() == 1
            child = os.fork()
            if child == 0:
                try:
                    asyncio.run(ask())
                except NoPoolError:
                    sys.exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            assert await ask() == 1

        asyncio.run(main())
    """
    answer = subprocess.run(
        [sys.executable, "-c", script, urls(database)[0]], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")


async def test_without_a_pool_the_default_store_is_opened(
    database: EmbeddedServer, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_openers", [])
    with pytest.raises(NoPoolError, match="init_connection_pool"):
        await count("GBX")
    set_default(lambda: init_connection_pool(urls(database)[0]))
    assert await count("GBX") == 1
    await close_connection_pool()


async def test_a_pool_survives_the_end_of_its_connections(
    store: Pool, database: EmbeddedServer, as_superuser: Callable[[str], None]
) -> None:
    assert await count("GBX") == 1
    mine = f"usename = 'steelyard_app' and datname = '{database.database}'"  # other tests are at work beside
    kill = f"select pg_terminate_backend(pid) from pg_stat_activity where {mine}"  # noqa: S608 - a name made here
    await asyncio.to_thread(as_superuser, kill)
    assert await count("GBX") == 1
    assert store.engine.pool.status()


async def test_the_embedded_server_is_opened_by_its_folder(server: EmbeddedServer) -> None:
    pool = await init_connection_pool(data_dir=server.home)
    assert pool.server == server
    async with get_migrator_session() as db:
        assert (await db.execute(text("select current_user::text"))).scalar_one() == "steelyard_migrator"
    await close_connection_pool()


# ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_read_session_sees_one_moment_and_changes_nothing(store: Pool) -> None:
    del store
    async with get_db_session() as db:
        before = (await db.execute(COUNT, {"code": "AAA"})).scalar_one()
        await insert("AAA")
        assert (await db.execute(COUNT, {"code": "AAA"})).scalar_one() == before == 0
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await db.execute(INSERT, {"code": "BBB"})
    assert await count("AAA") == 1


async def test_a_write_session_commits_at_the_end_and_rolls_back_on_an_error(store: Pool) -> None:
    del store
    await insert("CCC")
    assert await count("CCC") == 1
    with pytest.raises(ZeroDivisionError):
        await insert("DDD", then_fail=True)
    assert await count("DDD") == 0


async def test_sessions_are_of_different_types(
    read_session: ReadSession, write_session: WriteSession
) -> None:
    assert not isinstance(read_session, WriteSession)
    assert not isinstance(write_session, ReadSession)


async def test_values_keep_their_types(read_session: ReadSession) -> None:
    row = (
        await read_session.execute(text("select 1.50::numeric, 1.5::float8, '[1]'::jsonb, '[2]'::json"))
    ).one()
    assert tuple(row) == (Decimal("1.50"), 1.5, "[1]", "[2]")
    assert (await read_session.execute(text("show timezone"))).scalar_one() == "UTC"


async def test_the_drivers_connection_is_inside_the_transaction(store: Pool) -> None:
    del store
    with pytest.raises(ZeroDivisionError):
        await copy_and_fail("EEE")
    assert await count("EEE") == 0


async def test_a_powerful_login_works_as_the_app_role(database: EmbeddedServer) -> None:
    url = f"postgresql://postgres:{database.superuser.password}@/{database.database}?host={database.host}"
    await init_connection_pool(url)
    try:
        async with get_db_session() as db:
            assert (await db.execute(text("select current_user::text"))).scalar_one() == "steelyard_app"
        with pytest.raises(RightMissingError, match="steelyard init"):
            await drop_a_table()
    finally:
        await close_connection_pool()


# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_lost_server_is_said_in_one_sentence(
    home: Path, kill_server: Callable[[EmbeddedServer], None]
) -> None:
    await init_connection_pool(data_dir=home)
    server = await embedded.start(home)
    for work in (_sleep, _sleep_in_the_driver):
        lost = asyncio.create_task(work())
        await asyncio.sleep(0.2)
        kill_server(server)
        with pytest.raises(DatabaseLostError, match="Run the same command again"):
            await lost
        await embedded.start(home)
    await close_connection_pool()


async def _sleep() -> None:
    async with get_write_session() as db:
        await db.execute(text("select pg_sleep(20)"))


async def _sleep_in_the_driver() -> None:
    async with get_write_session() as db:
        await (await raw_connection(db)).execute("select pg_sleep(20)")


async def test_two_writers_in_each_others_way_are_told_to_try_again(store: Pool) -> None:
    del store
    with pytest.raises(DatabaseBusyError, match="Try again"):
        await lose_a_race()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("steelyard_app:", "steelyard_app:not"), DatabaseLoginError),
        (("steelyard_app:", "nobody_here:"), DatabaseLoginError),
        (("?host=", "_not?host="), DatabaseMissingError),
        (("/postgres", "/no-such-folder"), DatabaseUnreachableError),
        (("?host=", "?sslmode=bogus&host="), DatabaseUrlError),
    ],
    ids=["password", "user", "database", "socket", "sslmode"],
)
async def test_each_refusal_is_its_own_error_without_the_secret(
    database: EmbeddedServer, urls: Urls, change: tuple[str, str], error: type[SteelyardError]
) -> None:
    url = urls(database)[0]
    assert change[0] in url
    with pytest.raises(error) as refusal:
        await init_connection_pool(url.replace(*change))
    assert database.app.password not in str(refusal.value)


async def test_a_server_that_speaks_no_tls_is_told(unused_tcp_port: int) -> None:
    async def decline(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"N")  # PostgreSQL's answer to a request for TLS when it has none
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(decline, "127.0.0.1", unused_tcp_port):
        with pytest.raises(DatabaseTlsError, match="sslmode"):
            await init_connection_pool(f"postgresql://me@127.0.0.1:{unused_tcp_port}/book?sslmode=require")


async def test_nothing_at_the_address(unused_tcp_port: int) -> None:
    with pytest.raises(DatabaseUnreachableError, match=f"127.0.0.1:{unused_tcp_port}/book"):
        await init_connection_pool(f"postgresql://me@127.0.0.1:{unused_tcp_port}/book")


async def test_a_server_outside_the_tested_versions(
    database: EmbeddedServer, urls: Urls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(address, "SUPPORTED_MAJORS", range(30, 32))
    with pytest.raises(DatabaseTooOldError, match="needs 30 to 31"):
        await init_connection_pool(urls(database)[0])
    monkeypatch.setattr(address, "SUPPORTED_MAJORS", range(10, 12))
    await init_connection_pool(urls(database)[0])
    await close_connection_pool()
    assert "tested is up to 11" in caplog.text
