"""A refresh that something gets in the way of: it waits or tries again, and readers keep the last good version."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from small_book import DAYS, TODAY, load, small_book
from steelyard.services.asset_360 import Refresh, RefreshRunningError, get_portfolio_overview, refresh
from steelyard.services.retrying import Patience
from steelyard.storage import embedded
from steelyard.storage.asset_360 import get_versions
from steelyard.storage.connection import (
    close_connection_pool,
    get_db_session,
    init_connection_pool,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseLostError
from steelyard.storage.history import refreshing
from steelyard.storage.migration import migrate

QUICK = Patience(attempts=4, pause_seconds=0.05, wait_seconds=20)
IMPATIENT = Patience(attempts=2, pause_seconds=0.05, wait_seconds=0)

HOLD_THE_POINTER = "select from steelyard.asset_360_current for update"
BLOCKED = """
select pid from pg_stat_activity
where datname = current_database() and application_name = 'steelyard' and wait_event_type = 'Lock'
"""
LOCK = "lock table steelyard.performance_history in share row exclusive mode"
HALVES = """
select version from steelyard.asset_360_versions as v
where row_count <> (select count(*) from steelyard.asset_360_rows as r where r.version = v.version)
or not exists (select from steelyard.asset_360_documents as d where d.version = v.version)
union
select version from steelyard.asset_360_rows where version not in (select version from steelyard.asset_360_versions)
"""


async def publish_one_and_change(directory: Path) -> None:
    """Publish version 1, and give version 2 something to publish."""
    await load(directory, small_book())
    assert (await refresh(today=TODAY)).version == 1
    await load(directory / "corrected", {"market_data": [("B", DAYS[100], "101.5")]})


async def check_versions(*expected: int) -> None:
    """Check that these versions are kept, each whole, and that readers see the newest."""
    async with get_db_session() as db:
        kept = await get_versions(db)
        assert await (await raw_connection(db)).fetch(HALVES) == []
    assert [version.version for version in kept] == list(expected)
    assert [version.version for version in kept if version.is_current] == [expected[0]]
    assert (await get_portfolio_overview())["version"] == expected[0]


async def check_published(done: Refresh) -> None:
    """Check that version 2 stands, after 1, and is what a refresh makes in peace."""
    assert (done.version, done.published, done.previous_version) == (2, True, 1)
    await check_versions(2, 1)
    assert not (await refresh(today=TODAY)).published


@asynccontextmanager
async def superuser(database: EmbeddedServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        host=str(database.host),
        user=database.superuser.user,
        password=database.superuser.password,
        database=database.database,
    )
    yield connection
    connection.terminate()  # its server may be gone


async def backend_in_a_queue(other: asyncpg.Connection) -> int:
    """Wait until a session of ours waits for a lock; gives its process."""
    while (pid := await other.fetchval(BLOCKED)) is None:
        await asyncio.sleep(0.01)
        await other.execute(
            "select pg_stat_clear_snapshot()"
        )  # in a transaction it would see the same for ever
    return int(pid)


# ── Tried again ─────────────────────────────────────────────────────────────────────────────────────────


async def terminate(other: asyncpg.Connection, pid: int) -> None:
    await other.execute("select pg_terminate_backend($1)", pid)
    await other.execute("rollback")


async def overtake(other: asyncpg.Connection, pid: int) -> None:
    del pid
    await other.execute("update steelyard.asset_360_current set version = version")
    await other.execute("commit")


async def deadlock(other: asyncpg.Connection, pid: int) -> None:
    del pid
    await other.execute("set local deadlock_timeout = '1min'")  # so that the refresh is the one who finds out
    await other.execute(LOCK)
    await other.execute("rollback")


FAULTS = {
    "57P01": (terminate, "was lost during the work"),
    "40001": (overtake, "could not serialize access"),
    "40P01": (deadlock, "deadlock detected"),
}


@pytest.mark.usefixtures("own_store")
@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)
async def test_a_failed_attempt_is_made_again(
    own_database: EmbeddedServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[asyncpg.Connection, int], Awaitable[None]],
    reason: str,
) -> None:
    await publish_one_and_change(tmp_path)
    async with superuser(own_database) as other:
        await other.execute("begin")
        await other.execute(HOLD_THE_POINTER)
        work = asyncio.create_task(refresh(today=TODAY, patience=QUICK))
        await fault(other, await backend_in_a_queue(other))
        done = await work
    await check_published(done)
    failures = [record for record in caplog.records if record.message == "attempt failed"]
    assert [vars(record)["attempt"] for record in failures] == [1]
    assert reason in vars(failures[0])["reason"]


@pytest.mark.usefixtures("own_store")
async def test_after_the_last_attempt_the_last_good_version_stays(
    own_database: EmbeddedServer, tmp_path: Path
) -> None:
    await publish_one_and_change(tmp_path)
    async with superuser(own_database) as other:
        await other.execute("begin")
        await other.execute(HOLD_THE_POINTER)
        work = asyncio.create_task(refresh(today=TODAY, patience=IMPATIENT))
        for _ in range(IMPATIENT.attempts):
            await other.execute("select pg_stat_clear_snapshot()")
            await other.execute("select pg_terminate_backend($1, 5000)", await backend_in_a_queue(other))
        with pytest.raises(DatabaseLostError):
            await work
        await other.execute("rollback")
    await check_versions(1)
    await check_published(await refresh(today=TODAY))


@pytest.mark.usefixtures("own_store")
async def test_what_is_no_accident_is_not_tried_again(tmp_path: Path) -> None:
    await load(tmp_path, small_book())
    with pytest.raises(Exception, match="is before the first price") as refused:
        await refresh(as_of=date(1999, 1, 1), today=TODAY, patience=QUICK)
    assert not vars(type(refused.value)).get("is_temporary")


async def test_a_refresh_outlives_a_restart_of_the_server(
    home: Path, tmp_path: Path, kill_server: Callable[[EmbeddedServer], None]
) -> None:
    await init_connection_pool(data_dir=home)
    server = await embedded.start(home)
    await migrate()
    await publish_one_and_change(tmp_path)
    async with superuser(server) as other:
        await other.execute("begin")
        await other.execute(HOLD_THE_POINTER)
        work = asyncio.create_task(refresh(today=TODAY, patience=Patience(attempts=8, pause_seconds=0.1)))
        await backend_in_a_queue(other)
        kill_server(server)
    await asyncio.sleep(0.3)  # one attempt at least finds nobody
    await embedded.start(home)
    await check_published(await work)
    await close_connection_pool()


# ── An answer that does not arrive ──────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def line_that_breaks_at_commit(folder: Path, server: EmbeddedServer) -> AsyncIterator[asyncio.Event]:
    """Stand between client and server; once the event is set, the answer to the next COMMIT gets lost, once."""
    name = f".s.PGSQL.{server.port}"
    armed = asyncio.Event()

    async def pump(
        source: asyncio.StreamReader, target: asyncio.StreamWriter, watch: Callable[[bytes], bool]
    ) -> None:
        while (data := await source.read(65536)) and not watch(data):
            target.write(data)
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = asyncio.Event()
        back, forth = await asyncio.open_unix_connection(str(Path(server.host) / name))

        def sends_commit(data: bytes) -> bool:
            if armed.is_set() and b"COMMIT" in data:
                sent.set()
            return False

        def answers_commit(data: bytes) -> bool:
            lost = sent.is_set() and b"COMMIT" in data
            if lost:
                armed.clear()
            return lost

        async with asyncio.TaskGroup() as both:
            both.create_task(pump(reader, forth, sends_commit))
            both.create_task(pump(back, writer, answers_commit))

    async with await asyncio.start_unix_server(serve, str(folder / name)):
        yield armed


async def test_a_commit_whose_answer_is_lost_is_told_and_not_made_twice(
    own_database: EmbeddedServer,
    run_folder: Path,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    tmp_path: Path,
) -> None:
    folder = run_folder / "line"  # the path of a socket is short
    folder.mkdir()
    async with line_that_breaks_at_commit(folder, own_database) as armed:
        await init_connection_pool(urls(own_database)[0].replace(str(own_database.host), str(folder)))
        await publish_one_and_change(tmp_path)
        armed.set()
        done = await refresh(today=TODAY, patience=QUICK)
        assert not armed.is_set()
        await check_published(done)
        await close_connection_pool()


# ── Two at once ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("own_store")
async def test_of_two_at_once_one_publishes(tmp_path: Path) -> None:
    await publish_one_and_change(tmp_path)
    both = await asyncio.gather(*(refresh(today=TODAY, patience=QUICK) for _ in range(2)))
    assert sorted((done.version, done.published) for done in both) == [(2, False), (2, True)]
    await check_versions(2, 1)


@pytest.mark.usefixtures("own_store")
async def test_it_waits_for_another_and_then_goes_on(own_database: EmbeddedServer, tmp_path: Path) -> None:
    await publish_one_and_change(tmp_path)
    async with superuser(own_database) as other:
        async with other.transaction():
            await other.execute(LOCK)
            work = asyncio.create_task(refresh(today=TODAY, patience=QUICK))
            done, _ = await asyncio.wait([work], timeout=3)  # longer than one look takes
            assert not done
        await check_published(await work)


@pytest.mark.usefixtures("own_store")
async def test_it_sees_what_the_one_it_waited_for_has_done(own_database: EmbeddedServer) -> None:
    rate = "insert into steelyard.fx_rates (currency, rate_date, units_per_eur) values ('USD', '2024-01-02', 1.25)"

    async def read() -> int:
        async with refreshing(is_attached=False) as db:
            assert db is not None
            driver = await raw_connection(db)
            assert await driver.fetchval("show transaction_isolation") == "repeatable read"
            found: int = await driver.fetchval("select count(*) from steelyard.fx_rates")
            return found

    async with superuser(own_database) as other, superuser(own_database) as watcher:
        async with other.transaction():
            await other.execute(LOCK)
            work = asyncio.create_task(read())
            while not await watcher.fetch(BLOCKED):
                await asyncio.sleep(0.01)
            await other.execute(rate)
        assert await work == 1, "nothing was seen before the lock was had"


@pytest.mark.usefixtures("own_store")
async def test_it_says_at_once_that_another_is_running(
    own_database: EmbeddedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await publish_one_and_change(tmp_path)
    async with superuser(own_database) as other, other.transaction():
        await other.execute(LOCK)
        with pytest.raises(RefreshRunningError, match="did not end within 0 s") as running:
            await refresh(today=TODAY, patience=IMPATIENT)
    assert running.value.is_temporary
    assert "attempt failed" not in caplog.messages
    await check_versions(1)
