"""`steelyard load` against a bare COPY of the same CSV file into the same table, with its indexes and foreign keys.

    python benchmarks/bench_load.py [--assets 20000] [--days 520] [--rounds 1] [--seed 1]

Three loads follow each bare COPY: onto an empty table, the same files again, and one more day.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
from made_book import FULL, Book, Size, make_book
from scratch import scratch_store, settle, show, superuser

from steelyard.services.loading import LoadSummary, load_tables
from steelyard.storage.embedded import EmbeddedServer

TODAY = date(2026, 12, 31)
SHARED = ("asset_master", "market_data")


async def main(size: Size, seed: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as folder:
        book, directory = make_book(size, seed), Path(folder)
        for name in SHARED:
            _write(book.tables[name], directory / name)
        async with scratch_store() as server:
            await _store_assets(directory)
            for number in range(1, rounds + 1):
                await _round(server, book, directory, number)


async def _round(server: EmbeddedServer, book: Book, directory: Path, number: int) -> None:
    rows = book.tables["market_data"].num_rows
    bare = await _timed(server, _bare_copy(server, directory / "market_data.csv"))
    await _empty(server)
    load = await _timed(server, _load(directory))
    again = await _timed(server, _load(directory))
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as folder:
        ids = book.tables["asset_master"]["asset_id"].combine_chunks()
        _write(book.next_day(ids, days_after=number, seed=number), Path(folder) / "market_data")
        day = await _timed(server, _load(Path(folder)))
    await _empty(server)
    work = [("bare COPY", bare), ("load", load), ("the same files again", again), ("one more day", day)]
    lines = [(name, f"{seconds:.1f} s", f"{bare / seconds:.2f}") for name, seconds in work]
    show(f"Round {number}: {rows:,} prices", ("work", "time", "bare COPY ÷ time"), lines)


def _write(rows: pa.Table, path: Path) -> None:
    plain = {name: _plain(rows[name]) for name in rows.column_names}
    pacsv.write_csv(pa.table(plain), path.with_suffix(".csv"))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


async def _store_assets(directory: Path) -> None:
    await load_tables(directory, today=TODAY, only=["asset_master"])


def _load(directory: Path) -> Awaitable[LoadSummary]:
    return load_tables(directory, today=TODAY, only=["market_data"])


async def _bare_copy(server: EmbeddedServer, path: Path) -> None:
    async with superuser(server) as connection:
        columns = ["asset_id", "price_date", "closing_price"]
        await connection.copy_to_table(
            "market_data", schema_name="steelyard", columns=columns, source=path, format="csv", header=True
        )


async def _empty(server: EmbeddedServer) -> None:
    async with superuser(server) as connection:
        await connection.execute("truncate steelyard.market_data, steelyard.derivations_pending")


async def _timed(server: EmbeddedServer, work: Awaitable[object]) -> float:
    await settle(server)
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assets", type=int, default=FULL.assets)
    parser.add_argument("--days", type=int, default=520)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(
        main(replace(FULL, assets=given.assets, days=given.days, transactions=1), given.seed, given.rounds)
    )
    sys.stdout.write(
        f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:,} MiB\n"
    )
