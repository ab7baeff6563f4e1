"""The supervisor of the embedded PostgreSQL, against real servers and real accidents."""

import asyncio
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from steelyard.storage import embedded
from steelyard.storage.binaries import find_binaries
from steelyard.storage.cluster import (
    DataFolderError,
    DataVersionError,
    InitdbError,
    ProgramsPrivateError,
    open_cluster,
)
from steelyard.storage.embedded import EmbeddedServer, Login, PasswordLostError, ServerFailedError
from steelyard.storage.postmaster import PID_FILE, SOCKET_FILE, find_postmaster, is_alive

KILLS = int(os.environ.get("STEELYARD_TEST_KILLS", "3"))
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="is about what root must do")


async def connect(server: EmbeddedServer, login: Login, database: str = "steelyard") -> asyncpg.Connection:
    return await asyncpg.connect(
        host=str(server.host), user=login.user, password=login.password, database=database, timeout=5
    )


async def ask(server: EmbeddedServer, login: Login, question: str) -> object:
    connection = await connect(server, login)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def postmaster_of(server: EmbeddedServer) -> int:
    pid = find_postmaster(server.home / "postgres")
    assert pid is not None
    return pid


def name_another_pid(server: EmbeddedServer, pid: int) -> None:
    """Make the files of a dead server name another process, as when the system gives its pid away again."""
    for path in (server.home / "postgres" / PID_FILE, server.host / f"{SOCKET_FILE}.lock"):
        path.write_text(path.read_text().replace(path.read_text().split("\n")[0], str(pid), 1))
    account = open_cluster(server.home).account
    account.own(server.home / "postgres" / PID_FILE)


@pytest.fixture(scope="module")
def shared_home(run_folder: Path) -> Iterator[Path]:
    home = run_folder / f"accidents-{os.getpid()}"  # of this worker: the others have accidents too
    yield home
    asyncio.run(embedded.stop(home))


@pytest.fixture
async def victim(shared_home: Path) -> EmbeddedServer:
    """A server to ill-treat; each test leaves it such that `start` repairs it."""
    return await embedded.start(shared_home)


# ── The ordinary life ───────────────────────────────────────────────────────────────────────────────────


async def test_starts_attaches_stops_and_starts_again(home: Path) -> None:
    assert await embedded.attach(home) is None
    first = await embedded.start(home)
    pid = postmaster_of(first)
    assert await embedded.start(home) == first == await embedded.attach(home)
    assert postmaster_of(first) == pid
    assert await embedded.stop(home)
    assert not is_alive(pid)
    assert not await embedded.stop(home)
    assert await embedded.start(home) == first
    assert postmaster_of(first) != pid


async def test_stopping_what_never_was_makes_nothing(home: Path) -> None:
    assert not await embedded.stop(home)
    assert not home.exists()


async def test_each_role_has_what_it_needs_and_no_more(victim: EmbeddedServer) -> None:
    owner = "select pg_get_userbyid(datdba)::text from pg_database where datname = 'steelyard'"
    powers = "select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user"
    auditor = "select rolcanlogin from pg_roles where rolname = 'steelyard_auditor'"
    assert await ask(victim, victim.migrator, owner) == "steelyard_migrator"
    assert [await ask(victim, login, powers) for login in (victim.migrator, victim.app)] == [False, False]
    assert await ask(victim, victim.app, auditor) is False
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(victim, victim.app, "create schema mine")


async def test_the_server_keeps_what_it_acknowledged(victim: EmbeddedServer) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await ask(victim, victim.app, f"show {setting}") == "on"


async def test_a_reader_compresses_no_page(victim: EmbeddedServer) -> None:
    assert await ask(victim, victim.app, "show wal_compression") == "off"


async def test_outlives_the_process_that_started_it(home: Path) -> None:
    script = (
        "import asyncio, sys, pathlib; from steelyard.storage import embedded\n"
        "asyncio.run(embedded.start(pathlib.Path(sys.argv[1])))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(home), start_new_session=True
    )
    assert await process.wait() == 0
    server = await embedded.attach(home)
    assert server is not None
    assert psutil.Process(postmaster_of(server)).ppid() != os.getpid()


async def test_eight_processes_share_one_server(home: Path) -> None:
    script = (
        "import asyncio, sys, pathlib; from steelyard.storage import embedded, postmaster\n"
        "home = pathlib.Path(sys.argv[1]); asyncio.run(embedded.start(home))\n"
        "print(postmaster.find_postmaster(home / 'postgres'))"
    )
    racers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(home), stdout=subprocess.PIPE)
        for _ in range(8)
    ]
    answers = [(await racer.communicate())[0].decode().strip() for racer in racers]
    assert len(set(answers)) == 1
    assert answers[0].isdigit()


# ── Who may come in ─────────────────────────────────────────────────────────────────────────────────────


def test_passwords_are_private_and_differ(victim: EmbeddedServer) -> None:
    files = list((victim.home / "passwords").iterdir())
    assert {path.name for path in files} == {"postgres", "steelyard_app", "steelyard_migrator"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len({path.read_text() for path in files}) == 3
    assert stat.S_IMODE((victim.home / "postgres").stat().st_mode) == 0o700
    assert not any(password in repr(victim) for password in (path.read_text() for path in files))


@pytest.mark.parametrize("role", ["postgres", "steelyard_migrator", "steelyard_app"])
async def test_nobody_comes_in_without_the_right_password(victim: EmbeddedServer, role: str) -> None:
    for password in ("", "wrong"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(victim, Login(role, password))


def test_nothing_listens_on_the_network(victim: EmbeddedServer) -> None:
    postmaster = psutil.Process(postmaster_of(victim))
    assert postmaster.net_connections(kind="inet") == []


# ── Accidents ───────────────────────────────────────────────────────────────────────────────────────────


async def test_acknowledged_rows_survive_kill_9(
    victim: EmbeddedServer, kill_server: Callable[[EmbeddedServer], None]
) -> None:
    chance = random.Random(20180207)  # noqa: S311 - moments of death, not secrets
    for _ in range(KILLS):
        connection = await connect(victim, victim.migrator)
        await connection.execute("drop table if exists written; create table written (n integer)")
        writer = asyncio.create_task(_write_until_killed(connection))
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        kill_server(victim)
        acknowledged = await writer
        await embedded.start(victim.home)
        kept = await ask(victim, victim.migrator, "select array_agg(n order by n) from written")
        assert acknowledged
        assert isinstance(kept, list)
        assert set(acknowledged) <= set(kept)


async def _write_until_killed(connection: asyncpg.Connection) -> list[int]:
    acknowledged: list[int] = []
    try:
        while True:
            await connection.execute("insert into written values ($1)", len(acknowledged))
            acknowledged.append(len(acknowledged))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return acknowledged


async def test_a_long_recovery_is_waited_for(
    victim: EmbeddedServer,
    kill_server: Callable[[EmbeddedServer], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """300 MB of log since the last checkpoint: a server that answers, but not yet."""
    monkeypatch.setattr(embedded, "REPORT_AFTER_SECONDS", 0)
    connection = await connect(victim, victim.migrator)
    await connection.execute("drop table if exists much; create table much (n integer, text text)")
    for _ in range(8):
        await connection.execute(
            "insert into much select n, repeat(md5(n::text), 8) from generate_series(1, 100000) as n"
        )
    kill_server(victim)
    said: list[str] = []
    await embedded.start(victim.home, report=said.append)
    assert any("recovery" in line or "redo" in line for line in said)
    assert await ask(victim, victim.migrator, "select count(*) from much") == 800_000
    assert await ask(victim, victim.migrator, "drop table much") is None


async def test_a_pid_given_to_another_program_does_not_block(
    victim: EmbeddedServer, kill_server: Callable[[EmbeddedServer], None]
) -> None:
    kill_server(victim)
    account = open_cluster(victim.home).account
    other = subprocess.Popen(["/bin/sleep", "60"], user=account.uid if account.borrowed else None)
    try:
        name_another_pid(victim, other.pid)
        await embedded.start(victim.home)
        assert other.poll() is None, "the other program must be left alone"
    finally:
        other.kill()
        other.wait()


async def test_a_zombie_does_not_block(
    victim: EmbeddedServer, kill_server: Callable[[EmbeddedServer], None]
) -> None:
    kill_server(victim)
    account = open_cluster(victim.home).account
    zombie = subprocess.Popen(["/bin/true"], user=account.uid if account.borrowed else None)
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(0.01)
    name_another_pid(victim, zombie.pid)
    await embedded.start(victim.home)
    zombie.wait()


async def test_a_half_dead_server_is_replaced(victim: EmbeddedServer) -> None:
    pid = postmaster_of(victim)
    busy = await connect(victim, victim.migrator)
    work = asyncio.create_task(busy.execute("select count(*) from generate_series(1, 3000000)"))
    await asyncio.sleep(0.05)
    os.kill(pid, signal.SIGKILL)  # the postmaster only: its processes still hold the shared memory
    await embedded.start(victim.home)
    assert postmaster_of(victim) != pid
    await asyncio.gather(work, return_exceptions=True)
    busy.terminate()


async def test_a_removed_socket_is_made_again(
    victim: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "UNREACHABLE_SECONDS", 0.2)
    pid = postmaster_of(victim)
    (victim.host / SOCKET_FILE).unlink()
    await embedded.start(victim.home)
    assert postmaster_of(victim) != pid


async def test_a_lost_password_is_told_apart_from_a_dead_server(victim: EmbeddedServer) -> None:
    kept = {path: path.read_text() for path in (victim.home / "passwords").iterdir()}
    try:
        for path in kept:
            path.write_text("wrong")
        with pytest.raises(PasswordLostError, match="passwords/postgres"):
            await embedded.start(victim.home)
    finally:
        for path, password in kept.items():
            path.write_text(password)


async def test_a_bootstrap_that_was_killed_is_completed(victim: EmbeddedServer) -> None:
    connection = await connect(victim, victim.superuser, "postgres")
    await connection.execute("drop database steelyard with (force)")
    await connection.execute("alter role steelyard_app nologin")
    await connection.close()
    server = await embedded.start(victim.home)
    assert await ask(server, server.app, "select current_user::text") == "steelyard_app"


async def test_a_broken_configuration_quotes_the_log(victim: EmbeddedServer) -> None:
    await embedded.stop(victim.home)
    settings = victim.home / "postgres" / "postgresql.conf"
    sound = settings.read_text()
    try:
        settings.write_text(sound + "shared_buffers = 'much'\n")
        with pytest.raises(ServerFailedError, match="shared_buffers"):
            await embedded.start(victim.home)
    finally:
        settings.write_text(sound)


async def test_data_of_another_version_is_refused_with_a_recipe(victim: EmbeddedServer) -> None:
    await embedded.stop(victim.home)
    recorded = victim.home / "postgres" / "PG_VERSION"
    sound = recorded.read_text()
    try:
        recorded.write_text("14\n")
        with pytest.raises(DataVersionError, match="holds data of PostgreSQL 14") as refusal:
            await embedded.start(victim.home)
        assert "STEELYARD_PG_BIN" in str(refusal.value)
        assert "steelyard db upgrade" in str(refusal.value)
    finally:
        recorded.write_text(sound)


async def test_a_killed_initdb_is_done_again(home: Path) -> None:
    half_made = home / "initdb-abandoned" / "data"
    half_made.mkdir(parents=True)
    home.chmod(0o711)
    (half_made / "PG_VERSION").write_text("18\n")
    server = await embedded.start(home)
    assert await ask(server, server.app, "select 1") == 1
    assert not list(home.glob("initdb-*"))


async def test_a_failing_initdb_leaves_nothing(home: Path) -> None:
    programs = home.parent / "bin"
    programs.mkdir()
    real = find_binaries()
    (programs / "postgres").symlink_to(real.program("postgres"))
    (programs / "initdb").write_text("#!/bin/sh\necho 'initdb: error: No space left on device' >&2\nexit 1\n")
    (programs / "initdb").chmod(0o755)
    with pytest.raises(InitdbError, match="No space left on device"):
        await embedded.start(home, postgres_bin=programs)
    assert not (home / "postgres").exists()
    assert not list(home.glob("initdb-*"))


# ── Folders and accounts ────────────────────────────────────────────────────────────────────────────────


async def test_a_path_too_long_for_a_socket(home: Path) -> None:
    deep = home / ("long" * 20) / "home"
    server = await embedded.start(deep)
    assert server.host.parent == Path("/tmp")  # noqa: S108 - the short folder is what is tested
    assert stat.S_IMODE(server.host.stat().st_mode) == 0o700
    assert await ask(server, server.app, "select 1") == 1
    assert await embedded.stop(deep)
    server.host.rmdir()


async def test_a_short_folder_made_by_another_is_refused(home: Path) -> None:
    deep = home / ("long" * 20) / "home"
    planted = open_cluster(deep).socket_folder
    planted.mkdir(mode=0o777)
    planted.chmod(0o777)
    try:
        with pytest.raises(DataFolderError, match="somebody else"):
            await embedded.start(deep)
    finally:
        planted.rmdir()


@ROOT_ONLY
async def test_root_serves_as_a_system_user(victim: EmbeddedServer) -> None:
    assert psutil.Process(postmaster_of(victim)).username() == "steelyard"


@ROOT_ONLY
async def test_programs_in_a_private_folder_are_copied(home: Path, tmp_path: Path) -> None:
    private = tmp_path / "venv"
    package = find_binaries().folder.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, private / part.name, symlinks=True)
    private.chmod(0o700)
    bundled = private / find_binaries().folder.relative_to(package.parent)
    server = await embedded.start(home, postgres_bin=bundled)
    assert Path(psutil.Process(postmaster_of(server)).exe()).is_relative_to(home)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE(tmp_path.parent.stat().st_mode) == 0o700


@ROOT_ONLY
async def test_a_private_folder_that_is_no_installation_is_not_copied(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("postgres", "initdb"):
        (tmp_path / "bin" / name).symlink_to(find_binaries().program(name))
    with pytest.raises(ProgramsPrivateError, match="cannot enter"):
        await embedded.start(home, postgres_bin=tmp_path / "bin")


@ROOT_ONLY
async def test_a_home_the_system_user_cannot_enter_is_refused(tmp_path: Path) -> None:
    mode = tmp_path.parent.stat().st_mode
    with pytest.raises(DataFolderError, match="STEELYARD_HOME"):
        await embedded.start(tmp_path / "home")
    assert tmp_path.parent.stat().st_mode == mode


@ROOT_ONLY
async def test_an_ordinary_user_has_a_server_too(home: Path) -> None:
    as_nobody = ["runuser", "-u", "nobody", "--", sys.executable]
    if (
        not shutil.which("runuser")
        or subprocess.run([*as_nobody, "-c", ""], capture_output=True, check=False).returncode
    ):
        pytest.skip("`nobody` cannot run this Python; run the suite as an ordinary user to test that path")
    home.mkdir()
    shutil.chown(home, "nobody")
    script = (
        "import asyncio, sys, pathlib; from steelyard.storage import embedded; home = pathlib.Path(sys.argv[1])\n"
        "async def main():\n"
        "    server = await embedded.start(home / 'own')\n"
        "    assert await embedded.attach(home / 'own') == server\n"
        "    assert await embedded.stop(home / 'own')\n"
        "asyncio.run(main())"
    )
    subprocess.run([*as_nobody, "-c", script, str(home)], check=True)
    assert (home / "own" / "passwords" / "postgres").owner() == "nobody"
