"""Asset 360 against the procedure it replaces, and against DuckDB over Parquet files, on one made book.

    python benchmarks/bench_refresh.py [--small] [--rounds 5] [--seed 360]

The contenders take turns, so that a noisy machine is noisy for all of them; seconds are medians of the rounds,
and only the ratios of one run mean anything. Before the clock starts, DuckDB's figures are held to ours. Each
round renames one asset, or there would be nothing to publish. At the end, a day of new prices arrives a few times.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from made_book import FULL, SMALL, Book, make_book
from numpy.typing import NDArray
from scratch import Timing, fill, measure, postmaster, scratch_store, settle, show, superuser

from steelyard.services.asset_360 import create_and_run_procedure, refresh
from steelyard.storage.connection import get_write_session
from steelyard.storage.copying import read_fixed_rows
from steelyard.storage.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

FOLDER = Path(__file__).parent
TODAY = date(2100, 1, 1)
DELTA_DAYS = 3
COMPARED = [
    "market_value",
    "avg_daily_return",
    "max_daily_return",
    "min_daily_return",
    "total_return",
    "avg_volatility",
    "value_at_risk",
    "expected_shortfall",
    "beta",
    "sharpe_ratio",
    "total_transactions",
    "total_purchases",
    "total_sales",
    "avg_transaction_cost",
    "active_violations",
]

Columns = dict[str, NDArray[Any]]


async def main(book: Book, rounds: int) -> None:
    async with scratch_store() as server:
        with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as folder:
            first = await _store(server, book)
            await _write_parquet(server, book, Path(folder))
            # a process of its own, whose memory can be told from ours
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as duck:
                timings = await _take_turns(server, book, rounds, duck, Path(folder))
        timings["one more day: derive and publish"] = await _add_days(server, book)
        _show(timings, first, await _count_rows(server))


async def _store(server: EmbeddedServer, book: Book) -> float:
    """Fill the tables, and return the seconds that deriving all history and publishing take."""
    await fill(server, book.tables)
    async with superuser(server) as connection:
        await connection.execute(
            "insert into steelyard.derivations_pending (asset_id) select asset_id from steelyard.asset_master"
        )
        await connection.execute("create schema historical")
    await settle(server)
    started = time.perf_counter()
    await refresh(today=TODAY, universe=True)
    seconds = time.perf_counter() - started
    await settle(server)
    return seconds


async def _take_turns(
    server: EmbeddedServer, book: Book, rounds: int, duck: ProcessPoolExecutor, folder: Path
) -> dict[str, Timing]:
    loop = asyncio.get_running_loop()

    async def ask_duckdb() -> Columns:
        return await loop.run_in_executor(duck, ask_duckdb_once, folder, book.as_of)

    await _hold_to_ours(server, await ask_duckdb())
    duck_pid = next(iter(duck._processes))  # noqa: SLF001 - there is no public way to its process
    contenders: dict[str, tuple[int, Callable[[], Awaitable[object]]]] = {
        "historical procedure": (postmaster(server), lambda: _run_historical(server, book.as_of)),
        "create_asset_360": (postmaster(server), lambda: _publish(book.as_of)),
        "DuckDB over Parquet": (duck_pid, ask_duckdb),
    }
    timings = {name: Timing([]) for name in contenders}
    for _ in range(rounds):
        for name, (pid, work) in contenders.items():
            await _rename_an_asset(server)
            await measure(timings[name], pid, work)
    return timings


async def _rename_an_asset(server: EmbeddedServer) -> None:
    async with superuser(server) as connection:
        await connection.execute(
            "update steelyard.asset_master set asset_name = asset_name || '.' where asset_id = 'A00007'"
        )
        await connection.execute("checkpoint")


async def _run_historical(server: EmbeddedServer, as_of: date) -> None:
    script = (FOLDER / "historical_procedure.sql").read_text("utf-8")
    async with superuser(server) as connection:
        await connection.execute(script % {"as_of": as_of})


async def _publish(as_of: date) -> None:
    async with get_write_session(isolation="REPEATABLE READ") as db:
        _, published = await create_and_run_procedure(db, as_of, universe=True)
    assert published


async def _add_days(server: EmbeddedServer, book: Book) -> Timing:
    """Time a refresh after each of a few days of new prices, as a load leaves them."""
    timing = Timing([])
    asset_ids = book.tables["asset_master"]["asset_id"].combine_chunks()
    for number in range(1, DELTA_DAYS + 1):
        prices = book.next_day(asset_ids, days_after=number, seed=number)
        day = prices["price_date"][0].as_py()
        await fill(server, {"market_data": prices})
        async with superuser(server) as connection:
            await connection.execute(
                "insert into steelyard.derivations_pending select asset_id, $1 from steelyard.asset_master",
                day,
            )
            await connection.execute("checkpoint")
        await measure(timing, postmaster(server), lambda: refresh(today=TODAY, universe=True))
    return timing


# ── DuckDB ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _write_parquet(server: EmbeddedServer, book: Book, folder: Path) -> None:
    """Write the tables the query reads; daily returns as they were derived."""
    for name, rows in book.tables.items():
        pq.write_table(rows, folder / f"{name}.parquet")
    async with superuser(server) as connection:
        returns = await read_fixed_rows(
            connection,
            "select a.place::integer, h.date - date '1970-01-01', h.daily_return "
            "from steelyard.performance_history as h "
            "inner join (select asset_id, row_number() over (order by asset_id) - 1 as place "
            "from steelyard.asset_master) as a using (asset_id)",
            {"place": ">i4", "date": ">i4", "daily_return": ">f8"},
        )
    asset_ids = book.tables["asset_master"]["asset_id"].combine_chunks()
    rows = pa.table(
        {
            "asset_id": pa.DictionaryArray.from_arrays(pa.array(returns["place"], pa.int32()), asset_ids),
            "date": pa.array(returns["date"], pa.int32()).cast(pa.date32()),
            "daily_return": pa.array(returns["daily_return"]),
        }
    )
    pq.write_table(rows, folder / "performance_history.parquet")


def ask_duckdb_once(folder: Path, as_of: date) -> Columns:
    """Compute asset 360 anew from the files; rows in the order of scope and asset."""
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        for path in folder.glob("*.parquet"):
            connection.execute(f"create view {path.stem} as from '{path}'")
        query = (FOLDER / "asset_360_duckdb.sql").read_text("utf-8")
        rows = connection.sql(query, params={"as_of": as_of}).to_arrow_table()
    return {name: _as_floats(rows[name]) for name in COMPARED}


async def _hold_to_ours(server: EmbeddedServer, theirs: Columns) -> None:
    async with superuser(server) as connection:
        records: list[asyncpg.Record] = await connection.fetch(
            f"select {', '.join(COMPARED)} from steelyard.asset_360_scoped order by scope_kind, scope_id, asset_id"
        )
    for name in COMPARED:
        ours = np.array([np.nan if r[name] is None else float(r[name]) for r in records])
        smallest = 1e-8 if name == "avg_transaction_cost" else 1e-12  # a small sum of money, kept to 8 places
        np.testing.assert_allclose(theirs[name], ours, rtol=1e-9, atol=smallest, err_msg=name)
        assert np.isfinite(ours).any(), name


def _as_floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return values


# ── The table ───────────────────────────────────────────────────────────────────────────────────────────────


async def _count_rows(server: EmbeddedServer) -> dict[str, int]:
    async with superuser(server) as connection:
        ours = await connection.fetchval("select count(*) from steelyard.asset_360_scoped")
        historical = await connection.fetchval("select count(*) from historical.asset_360")
    return {"historical procedure": historical, "DuckDB over Parquet": ours}


def _show(timings: dict[str, Timing], first: float, rows: dict[str, int]) -> None:
    base = timings["historical procedure"].median
    ours = rows["DuckDB over Parquet"]
    lines = [
        (
            name,
            f"{timing.median:.2f} s",
            f"{min(timing.seconds):.2f} – {max(timing.seconds):.2f} s",
            f"{timing.median / base:.2f}",
            f"{timing.peak_bytes >> 20:,} MiB",
            f"{rows.get(name, ours):,}",
        )
        for name, timing in timings.items()
    ]
    show("A refresh", ("work", "median", "range", "÷ historical", "peak memory", "rows"), lines)
    print(f"The first refresh, which derives all history: {first:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="1,000 assets, to try it out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=360)
    given = parser.parse_args()
    size = SMALL if given.small else FULL
    print(f"{size}, seed {given.seed}, {given.rounds} rounds")
    asyncio.run(main(make_book(size, given.seed), given.rounds))
