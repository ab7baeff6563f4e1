"""The eight answers from the document, against SQL over the rows; and what a reader waits while versions appear.

    python benchmarks/bench_readers.py [--small] [--rounds 500] [--publications 5] [--seconds 20] [--seed 360]

The second table shows three readers that ask again and again: for the document, and for a count of the rows. They
do so alone, beside processes that only take processor time (the control: one as when a version is published, three
as when it is computed), while versions are made, and while the historical procedure drops and makes its table. A
read is mixed when its rows are of two versions. Unqueued is the longest read, less the time for which it was ready
to run and had no processor.
"""

import argparse
import asyncio
import time
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hammering import (
    MEETING_SECONDS,
    Opening,
    Publication,
    Read,
    busy_processes,
    documents,
    hammered,
    rows,
    sum_up,
)
from made_book import FULL, SMALL, Book, make_book
from scratch import Timing, fill, scratch_store, settle, show, superuser

from steelyard.services import asset_360
from steelyard.services.asset_360 import create_and_run_procedure, get_document, refresh
from steelyard.storage.connection import get_db_session, get_write_session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steelyard.storage.asset_360 import Document
    from steelyard.storage.embedded import EmbeddedServer

FOLDER = Path(__file__).parent
TODAY = date(2100, 1, 1)
DAYS, TRANSACTIONS = 80, 200_000  # enough for every figure; answers depend on the number of assets
CONTROLS = {"nothing else": 0, "one process spins": 1, "three processes spin": 3}
READ_OURS = "select min(version), max(version), count(*) from steelyard.asset_360"
READ_HISTORICAL = "select 0, 0, count(*) from historical.asset_360"

RENAME = "update steelyard.asset_master set asset_name = asset_name || '.' where asset_id = 'A00007'"
NOTE_MOMENTS = """
create schema benchmark;
create table benchmark.moments (inserted_at timestamptz not null);
create function benchmark.note_moment() returns trigger language plpgsql security definer as $$
begin
    insert into benchmark.moments (inserted_at) values (clock_timestamp());
    return null;
end
$$;
create trigger note_moment before insert on steelyard.asset_360_rows
for each statement execute function benchmark.note_moment();
"""
"""Notes when a version first touches what readers read."""

READERS: "dict[Callable[[], Awaitable[object]], Callable[[Document], object]]" = {
    asset_360.get_portfolio_overview: asset_360.answer_overview,
    asset_360.get_asset_allocation: asset_360.answer_allocation,
    asset_360.get_risk_metrics: asset_360.answer_risk,
    asset_360.get_performance_dashboard: asset_360.answer_performance,
    asset_360.get_compliance_summary: asset_360.answer_compliance,
    asset_360.get_transaction_analysis: asset_360.answer_transactions,
    asset_360.get_sector_exposure: asset_360.answer_sectors,
    asset_360.get_geographic_distribution: asset_360.answer_countries,
}
"""Each reader, and how it answers from a document."""


async def main(book: Book, rounds: int, publications: int, seconds: float) -> None:
    async with scratch_store() as server:
        await _store(server, book)
        eight = await _time_document(rounds)
        live = await _time_live_queries(server, book.as_of, max(rounds // 10, 1))
        alone = {reader.__name__: await _time(reader, rounds) for reader in READERS}
        _show_answers(eight, live, alone)
        await _show_waits(server, book.as_of, publications, seconds)


async def _store(server: "EmbeddedServer", book: Book) -> None:
    await fill(server, book.tables)
    async with superuser(server) as connection:
        await connection.execute(
            "insert into steelyard.derivations_pending (asset_id) select asset_id from steelyard.asset_master"
        )
        await connection.execute("create schema historical")
        await connection.execute(NOTE_MOMENTS)
    await refresh(today=TODAY, universe=True)
    await _run_historical(server, book.as_of)
    await settle(server)


# ── The answers ─────────────────────────────────────────────────────────────────────────────────────────────


async def _time(work: "Callable[[], Awaitable[object]]", rounds: int) -> Timing:
    timing = Timing([])
    for _ in range(rounds):
        started = time.perf_counter()
        await work()
        timing.seconds.append(time.perf_counter() - started)
    return timing


async def _time_document(rounds: int) -> Timing:
    """Read and decode the document and give all eight answers, in one session."""
    async with get_db_session() as db:

        async def answer_all() -> None:
            document = await get_document(db)
            for answer in READERS.values():
                answer(document)

        return await _time(answer_all, rounds)


async def _time_live_queries(server: "EmbeddedServer", as_of: date, rounds: int) -> Timing:
    """Ask all eight queries on one connection of the driver, without turning rows into answers."""
    script = (FOLDER / "live_answers.sql").read_text("utf-8") % {"as_of": as_of}
    async with superuser(server) as connection:

        async def ask_all() -> None:
            for query in script.rstrip().rstrip(";").split(";\n"):
                await connection.fetch(query)

        return await _time(ask_all, rounds)


def _show_answers(eight: Timing, live: Timing, alone: dict[str, Timing]) -> None:
    lines = [
        ("eight answers from the document", _milliseconds(eight.median), "1"),
        (
            "eight queries over the rows",
            _milliseconds(live.median),
            f"{live.median / eight.median:.0f}",
        ),
        *(
            (f"{name}()", _milliseconds(timing.median), f"{timing.median / eight.median:.1f}")
            for name, timing in alone.items()
        ),
    ]
    show("Answers", ("work", "median", "÷ eight answers"), lines)


# ── Reading while versions appear ───────────────────────────────────────────────────────────────────────────


async def _hammer_controls(home: Path, opening: Opening, seconds: float) -> dict[str, list[Read]]:
    """Reads with nothing beside them, and beside processes that only take processor time."""
    seen = {}
    for name, count in CONTROLS.items():
        with busy_processes(count):
            async with hammered(home, opening) as reads:
                await asyncio.sleep(seconds)
        seen[name] = reads
    return seen


async def _hammer(
    home: Path, opening: Opening, publish: "Callable[[], Awaitable[Publication]]", publications: int
) -> dict[str, list[Read]]:
    """Reads while publications compute, and while they publish."""
    async with hammered(home, opening) as reads:
        made = []
        for _ in range(publications):
            made.append(await publish())
            await asyncio.sleep(MEETING_SECONDS)
    return {
        "it computes": [read for read in reads if any(one.computes_at(read) for one in made)],
        "it publishes": [read for read in reads if any(one.publishes_at(read) for one in made)],
    }


async def _publish(server: "EmbeddedServer", as_of: date, *, checkpoint: bool = False) -> Publication:
    """Publish a version; with a checkpoint before the commit, after which each page is logged whole."""
    async with superuser(server) as connection:
        await connection.execute(RENAME)  # or there would be nothing to publish
        started = time.time()
        async with get_write_session(isolation="REPEATABLE READ") as db:
            _, published = await create_and_run_procedure(db, as_of, universe=True)
            assert published
            if checkpoint:
                await connection.execute("checkpoint")
        committed = time.time()
        touched = await connection.fetchval("select max(inserted_at) from benchmark.moments")
        return Publication(started, touched.timestamp(), committed)


async def _run_historical(server: "EmbeddedServer", as_of: date) -> Publication:
    """Run the historical procedure; from the moment it drops the table, nobody reads it."""
    script = (FOLDER / "historical_procedure.sql").read_text("utf-8") % {"as_of": as_of}
    computing, dropped, publishing = script.partition("drop table")
    async with superuser(server) as connection:
        started = time.time()
        await connection.execute(computing)
        touched = time.time()
        await connection.execute(dropped + publishing)
        return Publication(started, touched, time.time())


async def _show_waits(server: "EmbeddedServer", as_of: date, publications: int, seconds: float) -> None:
    rows_of_ours, rows_of_theirs = rows(READ_OURS), rows(READ_HISTORICAL)
    ours = partial(_publish, server, as_of)
    harder = partial(_publish, server, as_of, checkpoint=True)
    theirs = partial(_run_historical, server, as_of)
    home = server.home
    seen = {
        "document": await _hammer_controls(home, documents, seconds)
        | await _hammer(home, documents, ours, publications),
        "rows": await _hammer_controls(home, rows_of_ours, seconds)
        | await _hammer(home, rows_of_ours, ours, publications),
        "rows, checkpoint": await _hammer(home, rows_of_ours, harder, publications),
        "historical rows": await _hammer(home, rows_of_theirs, theirs, publications),
    }
    lines = [_line(f"{what}: {when}", reads) for what, cases in seen.items() for when, reads in cases.items()]
    header = (
        "three readers: while",
        "reads",
        "median",
        "99 of 100",
        "longest",
        "unqueued",
        "errors",
        "mixed",
    )
    show("Reading while versions appear", header, lines)


def _line(name: str, reads: list[Read]) -> tuple[str, ...]:
    waits = sum_up(reads)
    times = (
        _milliseconds(seconds) for seconds in (waits.median, waits.p99, waits.longest, waits.longest_unqueued)
    )
    return (name, f"{waits.count:,}", *times, str(waits.failed), str(waits.mixed))


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="1,000 assets, to try it out")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--publications", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="of each control")
    parser.add_argument("--seed", type=int, default=360)
    given = parser.parse_args()
    size = replace(SMALL if given.small else FULL, days=DAYS, transactions=TRANSACTIONS)
    print(f"{size}, seed {given.seed}")
    asyncio.run(main(make_book(size, given.seed), given.rounds, given.publications, given.seconds))
