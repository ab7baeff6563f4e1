"""One embedded server per test run, shared by all workers, and a database of its own for each module.

Fixtures for every test that needs the store:

    server           the EmbeddedServer of the run, started when the first test asks for it
    database         the same with a fresh, migrated database for the module (a copy of a template)
    store            the pool of this test on that database; functions called without `db` use it too
    own_database     as database, for this test alone
    other_database   another one, for this test alone
    shared_database  as database, for every test of the worker that asks for it
    own_store        as store, on own_database
    read_session     a ReadSession on the store
    write_session    a WriteSession on the store; rolled back at the end, so the module's data stays as it was
    urls             urls(server): the URLs of the app and of the migrator, as an operator would set them
    as_superuser     as_superuser(statement): run it on the server of the run
    kill_server      kill_server(server): kill -9 of the whole server, as a power cut does

Tests that need committed rows open `get_write_session()` themselves; the rows stay for the module.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil
import pytest
from hypothesis import HealthCheck, Phase, settings

from steelyard.rebalancing import kernel, search
from steelyard.storage import embedded
from steelyard.storage.connection import (
    Pool,
    ReadSession,
    WriteSession,
    close_connection_pool,
    get_db_session,
    get_write_session,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer, Login
from steelyard.storage.migration import migrate
from steelyard.storage.postmaster import find_postmaster, is_alive

RUN_FOLDER = "STEELYARD_TEST_RUN_FOLDER"  # set by the process that starts the run, inherited by its workers
KEPT_FOLDER = "STEELYARD_TEST_KEPT_FOLDER"
"""Names the folder of many runs, one after the other: whoever set it ends the server and removes the folder."""
TEMPLATE = "template_steelyard"
UNSYNCED = (
    "alter system set fsync = off",
    "alter system set full_page_writes = off",
    "select pg_reload_conf()",
)
"""The server of the run is ended and never killed, so nothing waits for its disk; those that are killed, or asked what
they keep, are a test's own and as people have them."""

MUTATE = "mutate"
"""The profile of `make mutate`, which asks whether a test fails and not for the smallest case in which it does."""

PATIENT = "patient"
"""The profile of every other run: how long an example takes says nothing of the code, on a machine that others use."""

settings.register_profile(
    PATIENT, settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(PATIENT)
settings.register_profile(
    MUTATE, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate]
)


def pytest_configure(config: pytest.Config) -> None:
    if kept := os.environ.get(KEPT_FOLDER):
        os.environ[RUN_FOLDER] = kept
    elif not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="steelyard-tests-"))
        folder.chmod(0o711)  # root's server runs as a system user, which must pass through
        os.environ[RUN_FOLDER] = str(folder)
    if config.getoption("--hypothesis-profile") == MUTATE:
        kernel.solve = search.solve  # the same functions; numba cannot compile a switch between mutants


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and KEPT_FOLDER not in os.environ:
        folder = Path(os.environ.pop(RUN_FOLDER))
        asyncio.run(embedded.stop(folder / "home"))
        shutil.rmtree(folder)


def kill_whole_server(server: EmbeddedServer) -> None:
    """kill -9 of the postmaster and of every process it made."""
    pid = find_postmaster(server.home / "postgres")
    assert pid is not None, "no server to kill"
    postmaster = psutil.Process(pid)
    doomed = [postmaster, *postmaster.children(recursive=True)]
    for process in doomed:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    while any(
        is_alive(process.pid) for process in doomed
    ):  # a zombie is dead: the system buries it when it likes
        time.sleep(0.005)


def urls_of(server: EmbeddedServer) -> tuple[str, str]:
    """DATABASE_URL and DATABASE_MIGRATOR_URL, as an operator would write them."""
    return _url(server, server.app), _url(server, server.migrator)


def _url(server: EmbeddedServer, login: Login) -> str:
    return f"postgresql://{login.user}:{login.password}@/{server.database}?host={quote(str(server.host))}"


@pytest.fixture(scope="session")
def run_folder() -> Path:
    return Path(os.environ[RUN_FOLDER])


@pytest.fixture(scope="session")
def server(run_folder: Path) -> EmbeddedServer:
    running = asyncio.run(embedded.start(run_folder / "home"))
    with _alone(run_folder / "template.lock"):
        asyncio.run(_make_template(running))
    return running


@pytest.fixture(scope="session")
def urls() -> Callable[[EmbeddedServer], tuple[str, str]]:
    return urls_of


@pytest.fixture(scope="session")
def as_superuser(server: EmbeddedServer) -> Callable[[str], None]:
    return lambda statement: asyncio.run(run_as_superuser(server, statement))


@pytest.fixture(scope="module")
def database(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    with copy_of_template(server) as copy:
        yield copy


@pytest.fixture(scope="session")
def shared_database(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    with copy_of_template(server) as copy:
        yield copy


@pytest.fixture
def own_database(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    with copy_of_template(server) as copy:
        yield copy


@pytest.fixture
def other_database(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    with copy_of_template(server) as copy:
        yield copy


@pytest.fixture
async def store(database: EmbeddedServer) -> AsyncIterator[Pool]:
    yield await _open_pool(database)
    await close_connection_pool()


@pytest.fixture
async def own_store(own_database: EmbeddedServer) -> AsyncIterator[Pool]:
    yield await _open_pool(own_database)
    await close_connection_pool()


@pytest.fixture
async def read_session(store: Pool) -> AsyncIterator[ReadSession]:
    del store  # opening it is what matters
    async with get_db_session() as db:
        yield db


@pytest.fixture
async def write_session(store: Pool) -> AsyncIterator[WriteSession]:
    del store  # opening it is what matters
    async with get_write_session() as db:
        yield db
        await db.rollback()


@pytest.fixture
def kill_server() -> Callable[[EmbeddedServer], None]:
    return kill_whole_server


async def run_as_superuser(server: EmbeddedServer, statement: str) -> None:
    connection = await asyncpg.connect(
        host=str(server.host),
        user=server.superuser.user,
        password=server.superuser.password,
        database="postgres",
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _make_template(server: EmbeddedServer) -> None:
    for statement in UNSYNCED:
        await run_as_superuser(server, statement)
    await init_connection_pool(data_dir=server.home)
    result = await migrate()
    await close_connection_pool()
    if result.revisions:  # the first worker of the run: the next ones find it migrated, and the template made
        statement = f"create database {TEMPLATE} template {server.database} owner steelyard_migrator"
        await run_as_superuser(server, statement)


@contextmanager
def copy_of_template(server: EmbeddedServer) -> Iterator[EmbeddedServer]:
    name = f"copy_{os.urandom(6).hex()}"
    asyncio.run(
        run_as_superuser(server, f"create database {name} template {TEMPLATE} owner steelyard_migrator")
    )
    yield replace(server, database=name)
    asyncio.run(run_as_superuser(server, f"drop database {name} with (force)"))


async def _open_pool(database: EmbeddedServer) -> Pool:
    app, migrator = urls_of(database)
    return await init_connection_pool(app, migrator_url=migrator, pool_size=4)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
