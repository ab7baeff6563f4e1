"""Backups and their return, on a real store: the same rows come back, whatever was killed in between."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from steelyard.demo import book_path
from steelyard.errors import SteelyardError
from steelyard.services.asset_360 import refresh
from steelyard.services.loading import load_tables
from steelyard.storage import backup as backups
from steelyard.storage import embedded, restore
from steelyard.storage.address import address_of_url
from steelyard.storage.backup import (
    DUMP,
    MANIFEST,
    AttachedStoreError,
    BackupDamagedError,
    BackupMissingError,
    BackupPathError,
    BackupUnfaithfulError,
    Manifest,
    RowsWithheldError,
    back_up,
    back_up_other,
    read_backup,
)
from steelyard.storage.binaries import find_binaries
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from steelyard.storage.contents import read_contents
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.migration import SchemaMissingError, SchemaNewerError, migrate
from steelyard.storage.programs import ProgramsMissingError, find_programs
from steelyard.storage.restore import (
    BackupNewerError,
    RolesMissingError,
    StoreInUseError,
    StoreSetAsideError,
    describe_loss,
    restore_backup,
)
from steelyard.storage.scratch import MaintenanceUnderWayError, connected, maintenance
from steelyard.storage.status import get_status

KILLS = int(os.environ.get("STEELYARD_TEST_KILLS", "3"))
AT_ONCE = 0.001  # seconds
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
DESTROY = """
delete from steelyard.asset_360_current; delete from steelyard.market_data where asset_id = 'AAPL';
update steelyard.transactions set total_amount = total_amount + 0.01; drop view steelyard.positions cascade;
"""
RIGHTS = """
select c.relname::text, c.relkind::text, pg_get_userbyid(c.relowner)::text, c.relacl::text
from pg_class c where c.relnamespace = 'steelyard'::regnamespace
union all select p.oid::regprocedure::text, 'function', pg_get_userbyid(p.proowner)::text, p.proacl::text
from pg_proc p where p.pronamespace = 'steelyard'::regnamespace
union all select 'default', d.defaclobjtype::text, pg_get_userbyid(d.defaclrole)::text, d.defaclacl::text
from pg_default_acl d
union all select n.nspname, 'schema', pg_get_userbyid(n.nspowner)::text, n.nspacl::text
from pg_namespace n where n.nspname = 'steelyard'
union all select c.relname, format('%s %s', c.relrowsecurity, c.relforcerowsecurity), p.polname::text,
format('%s %s %s', array(select r::regrole::text from unnest(p.polroles) as r order by 1),
pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid))
from pg_policy p join pg_class c on c.oid = p.polrelid
order by 1, 2, 3
"""
SCRIPT = """if True:
    import asyncio, os, signal, sys, threading
    from datetime import UTC, datetime
    from pathlib import Path
    from steelyard.storage import embedded
    from steelyard.storage.backup import back_up
    from steelyard.storage.restore import restore_backup

    what, home, path, fatal_step, delay = sys.argv[1:]

    def report(step):
        if step == fatal_step:
            threading.Timer(float(delay), os.kill, (os.getpid(), signal.SIGKILL)).start()

    async def main():
        server = await embedded.start(Path(home))
        if what == "back_up":
            now = datetime.now(UTC)
            await back_up(server, Path(path), postgres_bin=None, taken_at=now, report=report)
        else:
            await restore_backup(server, Path(path), postgres_bin=None, keep_old=False, report=report)

    asyncio.run(main())
"""


def silent(_: str) -> None:
    """Take no notice of the steps."""


@pytest.fixture(scope="module")
def filled(run_folder: Path) -> Iterator[EmbeddedServer]:
    """A server of this module alone, with the sample book."""
    home = run_folder / f"filled-{os.urandom(4).hex()}"
    yield asyncio.run(_fill(home))
    asyncio.run(embedded.stop(home))
    shutil.rmtree(home)


async def _fill(home: Path) -> EmbeddedServer:
    pool = await init_connection_pool(data_dir=home)
    await migrate()
    await load_tables(book_path(), today=date(2026, 1, 1))
    await refresh(today=date(2026, 1, 1))
    await close_connection_pool()
    assert pool.server is not None
    return pool.server


@pytest.fixture(scope="module")
def saved(filled: EmbeddedServer) -> Iterator[Path]:
    """A backup of the sample book."""
    folder = Path(tempfile.mkdtemp())
    asyncio.run(make(filled, folder / "saved"))
    yield folder / "saved"
    shutil.rmtree(folder)


@pytest.fixture
async def store(filled: EmbeddedServer, saved: Path) -> AsyncIterator[EmbeddedServer]:
    """The server with the sample book in it, whatever the tests before have done to it."""
    server = await embedded.start(filled.home)
    if (await contents(server)) != (await read_backup(saved)).tables:
        await put_back(server, saved)
    yield server
    await embedded.start(filled.home)


async def make(server: EmbeddedServer, path: Path) -> Manifest:
    return await back_up(server, path, postgres_bin=None, taken_at=NOW, report=silent)


async def put_back(server: EmbeddedServer, path: Path, *, keep_old: bool = False) -> Manifest:
    return await restore_backup(server, path, postgres_bin=None, keep_old=keep_old, report=silent)


async def contents(server: EmbeddedServer, database: str = "steelyard") -> object:
    async with connected(server, server.superuser, database) as connection:
        return await read_contents(connection, "steelyard")


async def run(server: EmbeddedServer, statement: str, database: str = "steelyard") -> None:
    async with connected(server, server.superuser, database) as connection:
        await connection.execute(statement)


async def rights(server: EmbeddedServer) -> list[tuple[str, ...]]:
    async with connected(server, server.superuser, "steelyard") as connection:
        return [tuple(row) for row in await connection.fetch(RIGHTS)]


async def databases(server: EmbeddedServer) -> list[str]:
    statement = "select datname::text from pg_database where not datistemplate order by 1"
    async with connected(server, server.superuser, "postgres") as connection:
        return [row[0] for row in await connection.fetch(statement)]


async def killed(what: str, server: EmbeddedServer, path: Path, step: str, delay: float) -> int:
    """Run a backup or a restore in a process that is killed a moment after it began a step."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, what, str(server.home), str(path), step, str(delay)
    )
    return await process.wait()


def moments(*steps: str) -> list[tuple[str, float]]:
    """A moment early in each step, and others by chance when more rounds are asked for."""
    chance = random.Random(20221228)  # noqa: S311 - moments of death, not secrets
    rest = [(chance.choice(steps), chance.uniform(0, 3)) for _ in range(KILLS - 3)]
    return [*((step, AT_ONCE) for step in steps), *rest]


# ── The drill ───────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_changed_and_destroyed_comes_back(store: EmbeddedServer, saved: Path) -> None:
    before, granted = await contents(store), await rights(store)
    await run(store, DESTROY)
    assert await contents(store) != before

    manifest = await put_back(store, saved)

    assert await contents(store) == before == manifest.tables
    assert await rights(store) == granted
    assert await databases(store) == ["postgres", "steelyard"]
    version = manifest.versions[0]
    async with connected(store, store.app, "steelyard") as connection:
        await connection.execute("set app.tenant = '1'")
        assert await connection.fetchval(
            "select content_hash from steelyard.asset_360_versions where version = $1", version.version
        ) == (version.content_hash)


async def test_a_backup_holds_one_moment_while_others_write(store: EmbeddedServer, tmp_path: Path) -> None:
    insert = (
        "insert into steelyard.load_runs (tenant_id, source, status, summary) values (1, 'x', 'loaded', '{}')"
    )
    making = asyncio.create_task(make(store, tmp_path / "busy"))
    async with connected(store, store.app, "steelyard") as connection:
        await connection.execute("set app.tenant = '1'")
        written = 0
        while not making.done():
            await connection.execute(insert)
            written += 1
    manifest = await making
    assert 1 <= manifest.tables["steelyard.load_runs"].rows <= 1 + written
    await put_back(store, tmp_path / "busy")
    assert await contents(store) == manifest.tables


async def test_a_restore_ends_open_sessions_and_keeps_the_old_store_when_told(
    store: EmbeddedServer, saved: Path
) -> None:
    async with connected(store, store.app, "steelyard") as reader:
        await run(store, DESTROY)
        changed = await contents(store)
        await put_back(store, saved, keep_old=True)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await asyncpg.Connection.fetchval(reader, "select 1")
    assert await contents(store, "steelyard_before_restore") == changed
    await put_back(store, saved, keep_old=True)  # as a run killed after the swap would be finished
    await run(store, "delete from steelyard.asset_360_current")
    with pytest.raises(StoreSetAsideError, match="without --keep-old"):
        await put_back(store, saved, keep_old=True)
    await put_back(store, saved)
    assert await databases(store) == ["postgres", "steelyard"]


async def test_a_restore_says_what_would_be_lost(store: EmbeddedServer, saved: Path) -> None:
    manifest = await read_backup(saved)
    long_ago = replace(manifest, taken_at=datetime(2000, 1, 1, tzinfo=UTC))
    await run(store, "create table mine (n integer)")
    loss = await describe_loss(store, long_ago)
    assert (loss.loads, loss.versions, loss.other_tables) == (1, 1, ("public.mine",))
    said = str(restore.NotConfirmedError(store, saved, long_ago, loss))
    assert "1 loads, 1 versions of asset 360, and the tables public.mine" in said
    assert "--yes" in said
    await run(store, "drop table mine")


async def test_status_knows_the_last_backup(store: EmbeddedServer, tmp_path: Path) -> None:
    await make(store, tmp_path / "last")
    async with connected(store, store.app, "steelyard"):
        found = await get_status(store.home)
    assert found.running
    assert found.version == find_binaries().version
    assert (found.connections or 0) >= 1
    assert found.size_bytes > 20_000_000
    assert found.last_backup is not None
    assert (found.last_backup.path, found.last_backup.taken_at) == (str(tmp_path / "last"), NOW)


# ── A store on another server ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def theirs(store: EmbeddedServer) -> AsyncIterator[str]:
    """The URL of a store whose schema belongs to a role that only that server has."""
    await run(
        store, "create role me login password 'mine' in role steelyard_migrator, steelyard_app", "postgres"
    )
    await run(store, "create database book owner me", "postgres")
    url = f"postgresql://me:mine@/book?host={quote(str(store.host))}"
    await init_connection_pool(url)
    await migrate()
    await close_connection_pool()
    yield url
    await run(store, "drop database if exists book with (force)", "postgres")
    await run(store, "drop role if exists me", "postgres")


async def other(url: str, path: Path, home: Path) -> Manifest:
    source = address_of_url(url, adopts_role=False)
    return await back_up_other(source, path, data_dir=home, postgres_bin=None, taken_at=NOW, report=silent)


async def test_a_store_by_url_is_verified_elsewhere_and_restored_into_our_roles(
    store: EmbeddedServer, theirs: str, home: Path, tmp_path: Path
) -> None:
    granted = await rights(store)
    before = await databases(store)

    manifest = await other(theirs, tmp_path / "book", home)

    assert manifest.tables["steelyard.category_thresholds"].rows == 9, (
        "its owner is no superuser, and sees all"
    )
    assert "mine" not in (tmp_path / "book" / MANIFEST).read_text()
    assert await databases(store) == before
    assert not (home / "verifying").exists()
    await run(store, "drop database book with (force)", "postgres")
    await run(store, "drop role me", "postgres")
    await put_back(store, tmp_path / "book")
    assert await contents(store) == manifest.tables
    assert await rights(store) == granted


async def test_a_login_that_does_not_see_every_row_makes_no_backup(
    store: EmbeddedServer, theirs: str, home: Path, tmp_path: Path
) -> None:
    await run(store, "create role peek login password 'mine' in role steelyard_auditor", "postgres")
    try:
        with pytest.raises(
            RowsWithheldError, match="may not see every row of account_grants, account_names, accounts"
        ):
            await other(theirs.replace("me:mine", "peek:mine"), tmp_path / "book", home)
    finally:
        await run(store, "drop role peek", "postgres")
    assert list(tmp_path.iterdir()) == []


async def test_a_store_that_reads_the_tables_of_others_is_refused(
    store: EmbeddedServer, tmp_path: Path
) -> None:
    await run(
        store, "create table prices (n integer); create view steelyard.borrowed as select n from prices"
    )
    with pytest.raises(AttachedStoreError, match=r"public\.prices"):
        await make(store, tmp_path / "attached")
    await run(store, "drop table prices cascade")


def test_a_version_without_programs_prints_the_recipe() -> None:
    with pytest.raises(ProgramsMissingError, match="pg_dump --format=custom"):
        find_programs(14)


# ── Bad backups ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    return shutil.copytree(saved, tmp_path / "copied")


def rewrite(path: Path, old: str, new: str) -> None:
    manifest = path / MANIFEST
    changed = manifest.read_text().replace(old, new)
    assert changed != manifest.read_text()
    manifest.write_text(changed)


async def test_a_backup_that_is_not_as_it_was_made_is_refused(store: EmbeddedServer, copied: Path) -> None:
    before = await contents(store)
    damaged = bytearray((copied / DUMP).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (copied / DUMP).write_bytes(damaged)
    with pytest.raises(BackupDamagedError, match="not the one the manifest names"):
        await put_back(store, copied)
    (copied / MANIFEST).write_text((copied / MANIFEST).read_text()[:-40])
    with pytest.raises(BackupDamagedError, match="cannot be read"):
        await put_back(store, copied)
    (copied / DUMP).unlink()
    with pytest.raises(BackupMissingError, match=r"no store\.dump"):
        await put_back(store, copied)
    assert await contents(store) == before


async def test_a_manifest_of_other_rows_is_refused_after_the_restore(
    store: EmbeddedServer, copied: Path
) -> None:
    before = await contents(store)
    rows = (await read_backup(copied)).tables["steelyard.market_data"].rows
    rewrite(copied, f'"rows": {rows},', f'"rows": {rows + 1},')
    with pytest.raises(BackupUnfaithfulError, match=r"steelyard\.market_data"):
        await put_back(store, copied)
    assert await contents(store) == before
    assert await databases(store) == ["postgres", "steelyard"]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('"form": 1', '"form": 2', BackupDamagedError),
        ('"postgres": "18', '"postgres": "99', BackupNewerError),
        ('"revision": "', '"revision": "9', SchemaNewerError),
        ('"steelyard_auditor"', '"their_auditor"', RolesMissingError),
    ],
)
async def test_a_backup_that_does_not_fit_is_refused(
    store: EmbeddedServer, copied: Path, old: str, new: str, error: type[SteelyardError]
) -> None:
    rewrite(copied, old, new)
    with pytest.raises(error):
        await put_back(store, copied)


async def test_a_path_that_exists_or_cannot_be_made_is_refused(store: EmbeddedServer, tmp_path: Path) -> None:
    with pytest.raises(BackupPathError, match="it exists"):
        await make(store, tmp_path)
    with pytest.raises(BackupPathError, match="No such file"):
        await make(store, tmp_path / "absent" / "backup")


async def test_a_store_without_a_schema_is_refused(store: EmbeddedServer, tmp_path: Path) -> None:
    with pytest.raises(SchemaMissingError):
        await make(replace(store, database="postgres"), tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


async def test_one_at_a_time(store: EmbeddedServer, tmp_path: Path) -> None:
    with maintenance(store.home), pytest.raises(MaintenanceUnderWayError):
        await make(store, tmp_path / "second")


async def test_a_store_that_is_never_left_alone_is_not_swapped(
    store: EmbeddedServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "SWAP_TRIES", 0)
    await run(store, "delete from steelyard.asset_360_current")
    before = await contents(store)
    with pytest.raises(StoreInUseError):
        await put_back(store, saved)
    assert await contents(store) == before


# ── Killed ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_killed_backup_leaves_none(store: EmbeddedServer, tmp_path: Path) -> None:
    path = tmp_path / "killed"
    for step, delay in moments("dumping", "verifying by a restore"):
        code = await killed("back_up", store, path, step, delay)
        assert code == -signal.SIGKILL or delay > AT_ONCE
        if path.exists():  # whole, though it may have been killed as it ended
            await read_backup(path)
            shutil.rmtree(path)
        else:
            assert code != 0
    manifest = await make(store, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["killed"]
    assert await contents(store) == manifest.tables
    assert await databases(store) == ["postgres", "steelyard"]


async def test_a_killed_restore_leaves_one_store_or_the_other(store: EmbeddedServer, saved: Path) -> None:
    wanted = (await read_backup(saved)).tables
    steps = ("restoring beside the store", "swapping it in", "dropping what was replaced")
    for step, delay in moments(*steps):
        await run(store, "delete from steelyard.asset_360_current")
        changed = await contents(store)
        code = await killed("restore", store, saved, step, delay)
        assert code == -signal.SIGKILL or delay > AT_ONCE
        assert await contents(store) in (changed, wanted)
    await put_back(store, saved)
    assert await contents(store) == wanted
    assert await databases(store) == ["postgres", "steelyard"]


async def test_a_server_killed_during_a_restore_keeps_the_store(
    store: EmbeddedServer, saved: Path, kill_server: Callable[[EmbeddedServer], None]
) -> None:
    await run(store, "delete from steelyard.asset_360_current")
    changed = await contents(store)
    restoring = asyncio.create_task(put_back(store, saved))
    while "steelyard_scratch" not in await databases(store):
        await asyncio.sleep(0.02)
    kill_server(store)
    with pytest.raises(SteelyardError):
        await restoring
    await embedded.start(store.home)
    assert await contents(store) == changed
    await put_back(store, saved)
    assert await contents(store) == (await read_backup(saved)).tables


# ── In the terminal ─────────────────────────────────────────────────────────────────────────────────────


def steelyard(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from steelyard.app import main; main()", *arguments],
        env={**os.environ, "STEELYARD_HOME": str(home), "COLUMNS": "200", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_commands(store: EmbeddedServer, tmp_path: Path) -> None:
    path = str(tmp_path / "by-hand")
    made = steelyard(store.home, "db", "backup", path)
    assert made.returncode == 0, made.stderr
    assert "made and verified" in made.stdout
    refused = steelyard(store.home, "db", "restore", path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Nothing was changed" in refused.stderr
    assert steelyard(store.home, "db", "restore", path, "--yes").returncode == 0
    looked = steelyard(store.home, "db", "status")
    assert looked.returncode == 0
    assert path in looked.stdout
    assert "Nothing was to be done" in steelyard(store.home, "db", "upgrade").stdout


def test_a_stopped_server_is_told_by_exit_code_3(tmp_path: Path) -> None:
    looked = steelyard(tmp_path / "nowhere", "db", "status", "--json")
    assert looked.returncode == 3
    assert '"running": false' in looked.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["db", "restore", "saved", "--yes"], "pg_restore --no-owner"),
        (["db", "upgrade"], "does not upgrade"),
        (["db", "status"], "does not look after"),
        (["db", "backup", "saved"], "No PostgreSQL answers at 127.0.0.1:1/book"),
    ],
)
def test_a_server_that_is_not_ours(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = steelyard(tmp_path / "home", *arguments, DATABASE_URL="postgresql://me@127.0.0.1:1/book")
    assert done.returncode != 0
    assert sentence in done.stderr


def test_the_note_of_the_last_backup_may_be_broken(tmp_path: Path) -> None:
    (tmp_path / backups.LAST_BACKUP).write_text("{")
    assert backups.last_backup(tmp_path) is None
