"""Taking a book away: `export_book` of transactions in each format, beside `COPY … TO STDOUT` of the same rows as CSV.

    python benchmarks/bench_export.py [--size 300000] [--rounds 3] [--seed 1]

Both are read by this process; the bare copy keeps nothing. Memory is what this process takes beyond what it had before.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
from bench_ledger_store import fill_ledger
from scratch import scratch_store, settle, show

from steelyard.domain.scope import TENANT
from steelyard.services.book_export import ExportFormat, export_book
from steelyard.services.ledger import post_transactions
from steelyard.storage.connection import get_db_session, raw_connection
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.queries import query

NOW = datetime(2026, 12, 31, tzinfo=UTC)
MOST_EXTRA_BYTES = 64 << 20
"""The bar: whatever the size."""


@dataclass(slots=True)
class Measured:
    """What one kind of work took, round by round."""

    seconds: list[float] = field(default_factory=list)
    extra_bytes: list[int] = field(default_factory=list)


async def main(size: int, rounds: int, seed: int) -> None:
    work = {name: Measured() for name in ("bare COPY", *ExportFormat)}
    async with scratch_store() as server:
        await fill_ledger(server, size, seed)
        await post_transactions(today=date(2026, 12, 31))
        for number in range(-1, rounds):  # the first warms up
            measured = work if number >= 0 else {name: Measured() for name in work}
            await _round(server, measured)
    bare = work["bare COPY"].seconds
    show(
        f"{size:,} transactions, {rounds} rounds",
        ("work", "time", "rows a second", "bare COPY ÷ time", "memory"),
        [
            (
                name,
                f"{statistics.median(one.seconds):.2f} s",
                f"{size / statistics.median(one.seconds):,.0f}",
                f"{statistics.median(b / s for b, s in zip(bare, one.seconds, strict=True)):.2f}",
                f"{max(one.extra_bytes) / 2**20:,.0f} MiB",
            )
            for name, one in work.items()
        ],
    )
    most = max(max(one.extra_bytes) for one in work.values())
    if most > MOST_EXTRA_BYTES:
        raise SystemExit(f"{most:,} bytes of memory, more than {MOST_EXTRA_BYTES:,}")


async def _round(server: EmbeddedServer, work: dict[str, Measured]) -> None:
    await _measure(server, work["bare COPY"], _bare_copy())
    for as_ in ExportFormat:
        folder = Path(tempfile.mkdtemp(prefix="steelyard-bench-"))
        only = None if as_ is ExportFormat.BEANCOUNT else ["transactions"]
        try:
            await _measure(server, work[as_], export_book(folder / "taken", as_=as_, now=NOW, only=only))
        finally:
            shutil.rmtree(folder)


async def _measure(server: EmbeddedServer, measured: Measured, doing: Awaitable[object]) -> None:
    await settle(server)
    with _watched_memory() as peak:
        started = time.perf_counter()
        await doing
        measured.seconds.append(time.perf_counter() - started)
    measured.extra_bytes.append(peak[0])


async def _bare_copy() -> None:
    async def nothing(part: bytes) -> None:
        del part

    async with get_db_session() as db:
        connection = await raw_connection(db)
        statement = query("export_transactions").text
        await connection.copy_from_query(
            statement, TENANT.kind, TENANT.id, [], output=nothing, format="csv", header=True
        )


@contextmanager
def _watched_memory() -> Iterator[list[int]]:
    """Give a list whose one number becomes the most memory that was taken beyond that of the beginning."""
    process, peak, ended = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not ended.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss - before)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peak
    finally:
        ended.set()
        watching.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(main(given.size, given.rounds, given.seed))
