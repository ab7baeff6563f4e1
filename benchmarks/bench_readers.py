"""The eight answers from the document, against SQL over the rows; and what a reader waits while versions appear.

    python benchmarks/bench_readers.py [--small] [--rounds 500] [--publications 5] [--seed 360]

The second table shows three readers that ask again and again while versions are published, and while the
historical procedure drops and makes its table. A read is mixed when its rows are of two versions.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
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
HAMMERERS = 3
READ_OURS = "select min(version), max(version), count(*) from steelyard.asset_360"
READ_HISTORICAL = "select 0, 0, count(*) from historical.asset_360"

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


async def main(book: Book, rounds: int, publications: int) -> None:
    async with scratch_store() as server:
        await _store(server, book)
        eight = await _time_document(rounds)
        live = await _time_live_queries(server, book.as_of, max(rounds // 10, 1))
        alone = {reader.__name__: await _time(reader, rounds) for reader in READERS}
        _show_answers(eight, live, alone)
        ours = await _hammer(server, READ_OURS, lambda: _publish(server, book.as_of), publications)
        theirs = await _hammer(
            server, READ_HISTORICAL, lambda: _run_historical(server, book.as_of), publications
        )
        _show_waits({"version and pointer": ours, "DROP TABLE, CREATE TABLE": theirs})


async def _store(server: "EmbeddedServer", book: Book) -> None:
    await fill(server, book.tables)
    async with superuser(server) as connection:
        await connection.execute(
            "insert into steelyard.derivations_pending (asset_id) select asset_id from steelyard.asset_master"
        )
        await connection.execute("create schema historical")
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


@dataclass(slots=True)
class Hammering:
    """What the readers saw, and the seconds of each publication."""

    reads: Timing
    publications: Timing
    mixed: int = 0
    errors: int = 0


async def _hammer(
    server: "EmbeddedServer", query: str, publish: "Callable[[], Awaitable[None]]", publications: int
) -> Hammering:
    seen, done = Hammering(Timing([]), Timing([])), asyncio.Event()
    readers = [
        asyncio.create_task(_read_again_and_again(server, query, seen, done)) for _ in range(HAMMERERS)
    ]
    try:
        seen.publications = await _time(publish, publications)
    finally:
        done.set()
        await asyncio.gather(*readers)
    return seen


async def _read_again_and_again(
    server: "EmbeddedServer", query: str, seen: Hammering, done: asyncio.Event
) -> None:
    async with superuser(server) as connection:
        while not done.is_set():
            started = time.perf_counter()
            try:
                [(oldest, newest, _)] = await connection.fetch(query)
                seen.mixed += oldest != newest
            except asyncpg.PostgresError:
                seen.errors += 1
            seen.reads.seconds.append(time.perf_counter() - started)


async def _publish(server: "EmbeddedServer", as_of: date) -> None:
    async with superuser(server) as connection:  # or there would be nothing to publish
        await connection.execute(
            "update steelyard.asset_master set asset_name = asset_name || '.' where asset_id = 'A00007'"
        )
    async with get_write_session(isolation="REPEATABLE READ") as db:
        _, published = await create_and_run_procedure(db, as_of, universe=True)
    assert published


async def _run_historical(server: "EmbeddedServer", as_of: date) -> None:
    script = (FOLDER / "historical_procedure.sql").read_text("utf-8")
    async with superuser(server) as connection:
        await connection.execute(script % {"as_of": as_of})


def _show_waits(ways: dict[str, Hammering]) -> None:
    lines = [
        (
            name,
            str(len(seen.publications.seconds)),
            f"{len(seen.reads.seconds):,}",
            _milliseconds(seen.reads.median),
            _milliseconds(max(seen.reads.seconds)),
            str(seen.errors),
            str(seen.mixed),
        )
        for name, seen in ways.items()
    ]
    header = ("way", "publications", "reads", "median read", "longest read", "errors", "mixed")
    show("Three readers while versions appear", header, lines)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="1,000 assets, to try it out")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--publications", type=int, default=5)
    parser.add_argument("--seed", type=int, default=360)
    given = parser.parse_args()
    size = replace(SMALL if given.small else FULL, days=DAYS, transactions=TRANSACTIONS)
    print(f"{size}, seed {given.seed}")
    asyncio.run(main(make_book(size, given.seed), given.rounds, given.publications))
