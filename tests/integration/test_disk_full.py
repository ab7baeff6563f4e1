"""A disk that is full: what was acknowledged stays, the sentence says what to do, and with space the work goes on."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from steelyard.demo import book_path
from steelyard.services.loading import load_tables
from steelyard.storage import embedded
from steelyard.storage.backup import back_up, read_backup
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from steelyard.storage.contents import read_contents
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseFullError, DatabaseLostError
from steelyard.storage.migration import migrate
from steelyard.storage.programs import NoSpaceError
from steelyard.storage.restore import restore_backup
from steelyard.storage.scratch import connected

MEGABYTE = 1 << 20
TODAY = date(2026, 1, 1)
FIRST = ("asset_master", "benchmarks", "fx_rates")


class Disk:
    """A file system of a few megabytes, in memory."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "steelyard-test", str(folder))

    def fill_up(self, *, leaving: int) -> None:
        with (self.folder / "filler").open("wb") as filler:
            left = shutil.disk_usage(self.folder).free - leaving * MEGABYTE
            filler.write(bytes(max(0, left)))

    def free(self) -> None:
        (self.folder / "filler").unlink()

    def remove(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)
        self.folder.rmdir()

    @staticmethod
    def _mount(*arguments: str) -> None:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(run_folder: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small disk that is to be filled")
    folder = Path(tempfile.mkdtemp(prefix="disk-", dir=run_folder))
    small = Disk(folder, 220)
    yield small
    asyncio.run(embedded.stop(folder / "home"))
    small.remove()


@pytest.fixture
async def store(disk: Disk) -> AsyncIterator[EmbeddedServer]:
    """A store on the small disk, with a part of the sample book."""
    pool = await init_connection_pool(data_dir=disk.folder / "home")
    await migrate()
    await load_tables(book_path(), today=TODAY, only=FIRST)
    assert pool.server is not None
    yield pool.server
    await close_connection_pool()


async def contents(server: EmbeddedServer) -> object:
    async with connected(server, server.superuser, server.database) as connection:
        return await read_contents(connection)


def silent(_: str) -> None:
    """Take no notice of the steps."""


async def test_a_load_that_finds_no_space_keeps_what_there_was(disk: Disk, store: EmbeddedServer) -> None:
    before = await contents(store)
    disk.fill_up(leaving=4)

    with pytest.raises((DatabaseFullError, DatabaseLostError), match=r"[Rr]un the (same )?command"):
        await load_tables(book_path(), today=TODAY)

    await close_connection_pool()
    disk.free()
    again = await embedded.start(store.home)
    assert await contents(again) == before
    await init_connection_pool(data_dir=store.home)
    assert (await load_tables(book_path(), today=TODAY)).status == "loaded"


async def test_a_backup_that_finds_no_space_leaves_none(disk: Disk, store: EmbeddedServer) -> None:
    await load_tables(book_path(), today=TODAY)
    before = await contents(store)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    path = disk.folder / "backup"
    disk.fill_up(leaving=1)

    with pytest.raises((NoSpaceError, DatabaseFullError, DatabaseLostError)) as full:
        await back_up(store, path, postgres_bin=None, taken_at=now, report=silent)

    assert "space" in str(full.value)
    assert sorted(entry.name for entry in disk.folder.iterdir()) == ["filler", "home"]
    disk.free()
    again = await embedded.start(store.home)
    assert await contents(again) == before
    await back_up(again, path, postgres_bin=None, taken_at=now, report=silent)
    disk.fill_up(leaving=8)
    with pytest.raises((NoSpaceError, DatabaseFullError, DatabaseLostError)):
        await restore_backup(again, path, postgres_bin=None, keep_old=False, report=silent)
    disk.free()
    again = await embedded.start(store.home)
    assert await contents(again) == before
    assert (await read_backup(path)).rows > 0
