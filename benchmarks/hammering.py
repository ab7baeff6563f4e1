"""Readers in processes of their own that ask again and again, what each read took, and processes that only spin.

A reader has its own process, with Python's garbage collector off: neither another reader nor a pause of Python is
taken for a wait for the store. Linux tells how long the reader and the server's process that answers it were ready
to run and had no processor: that part of a read is the machine's, the rest is the store's.
"""

import asyncio
import gc
import math
import multiprocessing
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from scratch import superuser

from steelyard.errors import SteelyardError
from steelyard.services.asset_360 import get_document
from steelyard.storage import embedded
from steelyard.storage.connection import (
    close_connection_pool,
    get_db_session,
    init_connection_pool,
    raw_connection,
)

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

READERS = 3
MEETING_SECONDS = 0.25  # after a commit, in which every reader meets the new rows for the first time

ReadOnce = Callable[[], Awaitable[bool]]
"""Reads once; tells whether the rows were of two versions."""
Opening = Callable[[Path], AbstractAsyncContextManager[tuple[ReadOnce, int]]]
"""Connects to the server of a folder; gives what reads, and the server's process that answers."""


@dataclass(frozen=True, slots=True)
class Read:
    """A read and what became of it.

    Attributes:
        started: seconds since 1970, which the server's clock tells too.
        seconds: how long it took.
        queued_seconds: how much of that it was ready and had no processor; NaN where the system does not tell.
    """

    started: float
    seconds: float
    queued_seconds: float
    mixed: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """When it began, when it first touched what readers read, and when it was committed."""

    started: float
    touched: float
    committed: float

    def computes_at(self, read: Read) -> bool:
        """Whether the read was over before anything was touched."""
        return self.started <= read.started and read.started + read.seconds < self.touched

    def publishes_at(self, read: Read) -> bool:
        """Whether the read overlaps the publishing, or is among the first of the new rows."""
        return (
            self.touched <= read.started + read.seconds and read.started <= self.committed + MEETING_SECONDS
        )


@dataclass(frozen=True, slots=True)
class Waits:
    """What reads took, in seconds, and how many of them were mixed or failed."""

    count: int
    median: float
    p99: float
    longest: float
    longest_unqueued: float
    mixed: int
    failed: int


def sum_up(reads: Sequence[Read]) -> Waits:
    """Sum up at least two reads."""
    seconds = [read.seconds for read in reads]
    return Waits(
        len(reads),
        statistics.median(seconds),
        statistics.quantiles(seconds, n=100)[98],
        max(seconds),
        max(read.seconds - read.queued_seconds for read in reads),
        sum(read.mixed for read in reads),
        sum(read.failed for read in reads),
    )


# ── What is read ────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def documents(home: Path) -> AsyncIterator[tuple[ReadOnce, int]]:
    """Read the tenant's document, each time in a session of its own; one row is never of two versions."""
    await init_connection_pool(data_dir=home)

    async def read() -> bool:
        await get_document()
        return False

    try:
        async with get_db_session() as db:
            pid = (await raw_connection(db)).get_server_pid()
        yield read, pid  # one reader leaves the pool at one connection
    finally:
        await close_connection_pool()


def rows(query: str) -> Opening:
    """Read by a query that gives the oldest and the newest version it saw, and the number of rows."""
    return partial(_rows, query)


@asynccontextmanager
async def _rows(query: str, home: Path) -> AsyncIterator[tuple[ReadOnce, int]]:
    server = await embedded.attach(home)
    assert server is not None
    async with superuser(server) as connection:

        async def read() -> bool:
            [(oldest, newest, _)] = await connection.fetch(query)
            return bool(oldest != newest)

        yield read, connection.get_server_pid()


# ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def hammered(home: Path, opening: Opening) -> AsyncIterator[list[Read]]:
    """Let the readers read for as long as the block runs; the list holds their reads when it has ended."""
    context = multiprocessing.get_context("spawn")
    lines, reads = [], list[Read]()
    for _ in range(READERS):
        ours, theirs = context.Pipe()
        context.Process(target=_hammer, args=(theirs, home, opening), daemon=True).start()
        theirs.close()  # so that the end of a reader is heard
        lines.append(ours)
    for line in lines:
        await asyncio.to_thread(line.recv)  # it has read once
    try:
        yield reads
    finally:
        for line in lines:
            line.send(None)
        for line in lines:
            reads += await asyncio.to_thread(line.recv)


def _hammer(line: "Connection[object, object]", home: Path, opening: Opening) -> None:
    gc.disable()
    line.send(asyncio.run(_read_until_told(line, home, opening)))


async def _read_until_told(line: "Connection[object, object]", home: Path, opening: Opening) -> list[Read]:
    async with opening(home) as (read, pid):
        await read()
        line.send(None)
        reads = []
        while not line.poll():
            reads.append(await _timed(read, pid))
        return reads


async def _timed(read: ReadOnce, pid: int) -> Read:
    queued = _queued_seconds(pid)
    started, ticks = time.time(), time.perf_counter()
    mixed = failed = False
    try:
        mixed = await read()
    except (asyncpg.PostgresError, SteelyardError):
        failed = True
    seconds = time.perf_counter() - ticks
    return Read(started, seconds, _queued_seconds(pid) - queued, mixed, failed)


def _queued_seconds(pid: int) -> float:
    """How long this process and another were ready to run and had no processor, up to now."""
    try:
        stats = [Path(f"/proc/{who}/schedstat").read_text("ascii") for who in ("self", pid)]
    except FileNotFoundError:  # not Linux
        return math.nan
    return sum(int(stat.split()[1]) for stat in stats) / 1e9


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Keep processes spinning that have nothing to do with the store."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_spin, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _spin() -> None:
    while True:
        pass
