"""A full disk: one clear sentence, nothing lost, and everything goes on once there is space again."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest

from small_book import TODAY, load, small_book
from steelyard.demo import book_path
from steelyard.errors import UpstreamError
from steelyard.services.asset_360 import get_portfolio_overview, refresh
from steelyard.services.loading import load_tables
from steelyard.storage import embedded
from steelyard.storage.cluster import open_cluster
from steelyard.storage.connection import Pool, close_connection_pool, init_connection_pool
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseFullError
from steelyard.storage.migration import migrate
from versions import check_versions, fingerprints

TABLES = (
    "asset_master",
    "market_data",
    "portfolio_allocation",
    "load_runs",
    "derivations_pending",
    "performance_history",
    "risk_metrics",
    "asset_360_current",
    "asset_360_versions",
    "asset_360_rows",
    "asset_360_documents",
)
LEFT = 4 << 20
"""Bytes left free: enough for a server to live, too few for the sample book."""


@pytest.fixture
def small_disk(run_folder: Path) -> Iterator[Path]:
    """A file system of its own, small enough to be filled."""
    folder = Path(tempfile.mkdtemp(prefix="disk-", dir=run_folder))
    command = ["mount", "-t", "tmpfs", "-o", "size=300m,mode=0711", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    asyncio.run(embedded.stop(folder / "home"))
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave hardly any space on a disk."""
    ballast, there = disk / "ballast", os.statvfs(disk)
    ballast.write_bytes(bytes(there.f_bavail * there.f_frsize - LEFT))
    yield
    ballast.unlink()


@asynccontextmanager
async def asking(server: EmbeddedServer) -> AsyncIterator[asyncpg.Connection]:
    login = server.superuser
    connection = await asyncpg.connect(
        host=str(server.host), user=login.user, password=login.password, database=server.database
    )
    try:
        yield connection
    finally:
        await connection.close()


async def state(server: EmbeddedServer) -> dict[str, str]:
    async with asking(server) as connection:
        await check_versions(connection)
        return await fingerprints(connection, *TABLES)


async def go_on(server: EmbeddedServer) -> None:
    """Load and refresh what did not fit before."""
    assert (await load_tables(book_path(), today=TODAY)).status == "loaded"
    assert (await refresh(today=TODAY)).version == 2
    await state(server)


@pytest.fixture
def small_tablespace(
    small_disk: Path, own_database: EmbeddedServer, as_superuser: Callable[[str], None]
) -> Iterator[Path]:
    """The small disk with the data of `own_database`; the log of the server stays where there is space."""
    folder, name = small_disk / "data", f"small_{os.getpid()}"
    folder.mkdir()
    open_cluster(own_database.home).account.own(folder)
    as_superuser(f"create tablespace {name} location '{folder}'")
    as_superuser(f"alter database {own_database.database} set tablespace {name}")
    yield small_disk
    as_superuser(f"alter database {own_database.database} set tablespace pg_default")
    as_superuser(f"drop tablespace {name}")


async def test_no_space_for_data(
    tmp_path: Path, small_tablespace: Path, own_database: EmbeddedServer, own_store: Pool
) -> None:
    del own_store  # opening it, on the small disk, is what matters
    await load(tmp_path, small_book())
    await refresh(today=TODAY)
    before, answer = await state(own_database), await get_portfolio_overview()

    with filled(small_tablespace):
        with pytest.raises(DatabaseFullError, match=r"is full; the work was rolled back. Free space and run"):
            await load_tables(book_path(), today=TODAY)
        assert await get_portfolio_overview() == answer

    assert await state(own_database) == before
    await go_on(own_database)


async def test_no_space_at_all(tmp_path: Path, small_disk: Path) -> None:
    home = small_disk / "home"
    await init_connection_pool(data_dir=home)
    await migrate()
    await load(tmp_path, small_book())
    await refresh(today=TODAY)
    server = await embedded.start(home)
    before = await state(server)

    with filled(small_disk), pytest.raises(UpstreamError, match=r"[Rr]un the (same )?command again"):
        await load_tables(book_path(), today=TODAY)

    await embedded.start(home)
    assert await state(server) == before
    await go_on(server)
    await close_connection_pool()
