"""A store of our own for a benchmark, the clock, the memory of the server, and the printed table."""

import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import asyncpg
import psutil
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from steelyard.storage import embedded
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from steelyard.storage.copying import copy_rows
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.migration import migrate
from steelyard.storage.postmaster import find_postmaster


@asynccontextmanager
async def scratch_store() -> AsyncIterator[EmbeddedServer]:
    """An embedded server of this benchmark alone, migrated, with its pool open; removed at the end."""
    with _passable_folder() as folder:
        try:
            pool = await init_connection_pool(data_dir=folder / "home")
            await migrate()
            assert pool.server is not None
            yield pool.server
        finally:
            await close_connection_pool()
            await embedded.stop(folder / "home")


@contextmanager
def _passable_folder() -> Iterator[Path]:
    """A temporary folder; root's server runs as a system user, which must pass through."""
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@asynccontextmanager
async def superuser(server: EmbeddedServer) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection that may do everything: to fill tables, to vacuum, to run what is not ours."""
    connection = await asyncpg.connect(
        host=str(server.host),
        user=server.superuser.user,
        password=server.superuser.password,
        database=server.database,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def fill(server: EmbeddedServer, tables: Mapping[str, pa.Table]) -> None:
    """Copy made rows into empty tables; they refer to each other by construction, so nobody checks it again."""
    async with superuser(server) as connection:
        await connection.execute("set session_replication_role = replica")
        for name, rows in tables.items():
            await copy_rows(connection, name, rows, schema="steelyard")


async def settle(server: EmbeddedServer) -> None:
    """Do what autovacuum would do in time, and write out what is dirty, so that no round pays for the last."""
    async with superuser(server) as connection:
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")


@dataclass(slots=True)
class Timing:
    """Seconds of each round, and the most memory the server or worker had beside its shared buffers."""

    seconds: list[float]
    peak_bytes: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


async def measure(timing: Timing, pid: int, work: Callable[[], Awaitable[object]]) -> None:
    """Add one round of `work`, done by the process `pid` and its children."""
    with watched_memory(pid) as peak:
        started = time.perf_counter()
        await work()
        timing.seconds.append(time.perf_counter() - started)
    timing.peak_bytes = max(timing.peak_bytes, *peak)


def postmaster(server: EmbeddedServer) -> int:
    """The process whose children do the server's work."""
    pid = find_postmaster(server.home / "postgres")
    assert pid is not None
    return pid


@contextmanager
def watched_memory(pid: int) -> Iterator[list[int]]:
    """The private memory of a process and its children, read again and again for as long as the block lasts."""
    done = Event()
    peak = [0]

    def watch() -> None:
        while not done.wait(0.05):
            peak.append(private_bytes(pid))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def private_bytes(pid: int) -> int:
    """Memory that a process and its children do not share; where the system does not tell, all of it."""
    total = 0
    for process in _family(pid):
        with suppress(psutil.NoSuchProcess):
            memory = process.memory_info()
            total += memory.rss - getattr(memory, "shared", 0)
    return total


def _family(pid: int) -> list[psutil.Process]:
    """A process and its children; empty once it has ended."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: words to the left, numbers to the right."""
    table = Table(title=title, title_justify="left")
    table.add_column(header[0])
    for name in header[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)
