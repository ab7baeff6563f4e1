"""Fixtures for the plumbing itself; those every test uses are described in `tests/conftest.py`.

home             a folder for an embedded server of this test alone; stopped and removed at the end
blank_database   a database with no schema in it, on the server of the run
hasher           hashes passwords at small cost, and counts how often
entrance         what signing in needs, on `database`, where nobody has said yet who they are
own_entrance     as entrance, on `own_database`
postgres_15      the programs of PostgreSQL 15, the oldest version promised
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from entrances import CountingHasher, opened_entrance
from steelyard.services.entrance import Entrance
from steelyard.storage import embedded
from steelyard.storage.embedded import EmbeddedServer

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def home(run_folder: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=run_folder))
    folder.chmod(0o711)
    yield folder / "home"
    asyncio.run(embedded.stop(folder / "home"))
    shutil.rmtree(folder)


@pytest.fixture
def blank_database(server: EmbeddedServer, as_superuser: Callable[[str], None]) -> Iterator[EmbeddedServer]:
    name = f"blank_{os.urandom(6).hex()}"
    as_superuser(f"create database {name} owner steelyard_migrator")
    yield replace(server, database=name)
    as_superuser(f"drop database {name} with (force)")


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")  # as long as the database that its keys belong to


@pytest.fixture
async def entrance(
    database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    key_folder: Path,
    hasher: CountingHasher,
) -> AsyncIterator[Entrance]:
    async with opened_entrance(urls(database), key_folder, hasher) as made:
        yield made


@pytest.fixture
async def own_entrance(
    own_database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    tmp_path: Path,
    hasher: CountingHasher,
) -> AsyncIterator[Entrance]:
    async with opened_entrance(urls(own_database), tmp_path, hasher) as made:
        yield made


@pytest.fixture
def postgres_15() -> Path:
    if (POSTGRES_15 / "postgres").exists():
        return POSTGRES_15
    if os.environ.get("CI") == "true":
        pytest.fail(f"{POSTGRES_15} is missing; the oldest version promised must be tested")
    pytest.skip(f"{POSTGRES_15} is missing; `apt install postgresql-15` to test the oldest version promised")
