"""Readers in processes of their own that ask again and again, what each read took, and processes that only spin.

A reader has its own process, with Python's garbage collector off: neither another reader nor a pause of Python is
taken for a wait for the store.
"""

import asyncio
import gc
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
from steelyard.storage.connection import close_connection_pool, init_connection_pool

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

READERS = 3
MEETING_SECONDS = 0.25  # after a commit, in which every reader meets the new rows for the first time

ReadOnce = Callable[[], Awaitable[bool]]
"""Reads once; tells whether the rows were of two versions."""
Opening = Callable[[Path], AbstractAsyncContextManager[ReadOnce]]
"""Connects to the server of a folder."""


@dataclass(frozen=True, slots=True)
class Read:
    """When a read began, in seconds since 1970 as the server's clock tells them too, and what became of it."""

    started: float
    seconds: float
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
        sum(read.mixed for read in reads),
        sum(read.failed for read in reads),
    )


# ── What is read ────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def documents(home: Path) -> AsyncIterator[ReadOnce]:
    """Read the tenant's document, each time in a session of its own; one row is never of two versions."""
    await init_connection_pool(data_dir=home)

    async def read() -> bool:
        await get_document()
        return False

    try:
        yield read
    finally:
        await close_connection_pool()


def rows(query: str) -> Opening:
    """Read by a query that gives the oldest and the newest version it saw, and the number of rows."""
    return partial(_rows, query)


@asynccontextmanager
async def _rows(query: str, home: Path) -> AsyncIterator[ReadOnce]:
    server = await embedded.attach(home)
    assert server is not None
    async with superuser(server) as connection:

        async def read() -> bool:
            [(oldest, newest, _)] = await connection.fetch(query)
            return bool(oldest != newest)

        yield read


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
    async with opening(home) as read:
        await read()
        line.send(None)
        reads = []
        while not line.poll():
            reads.append(await _timed(read))
        return reads


async def _timed(read: ReadOnce) -> Read:
    started, ticks = time.time(), time.perf_counter()
    mixed = failed = False
    try:
        mixed = await read()
    except (asyncpg.PostgresError, SteelyardError):
        failed = True
    return Read(started, time.perf_counter() - ticks, mixed, failed)


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
