"""`steelyard report` at 20,000 assets, as a process of its own, against `steelyard overview` on the same store.

    python benchmarks/bench_report.py [--assets 20000] [--rounds 5] [--seed 1]

Both start Python, open the store and read one document; what the report takes longer is drawing and writing.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from made_book import Size, make_book
from scratch import fill, scratch_store, settle, show, superuser

from steelyard.services.asset_360 import refresh
from steelyard.storage.embedded import EmbeddedServer

DAYS = 130  # enough for risk; a report does not read history
TODAY = date(2100, 1, 1)


async def main(assets: int, rounds: int, seed: int) -> None:
    book = make_book(Size(assets, DAYS, transactions=5 * assets), seed)
    async with scratch_store() as server:
        await fill(server, book.tables)
        async with superuser(server) as connection:
            await connection.execute(
                "insert into steelyard.derivations_pending (asset_id) select asset_id from steelyard.asset_master"
            )
        await refresh(today=TODAY)
        await settle(server)
        with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as folder:
            page = Path(folder) / "report.html"
            _measure(server, page, assets, rounds)


def _measure(server: EmbeddedServer, page: Path, assets: int, rounds: int) -> None:
    commands = {"overview": ["overview"], "report": ["report", "--output", str(page)]}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, arguments in commands.items():
            seconds[name].append(_timed(server, arguments))
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    lines = [
        (name, f"{taken:.2f} s", f"{taken / medians['overview']:.2f}") for name, taken in medians.items()
    ]
    size = f"{page.stat().st_size / 1000:,.0f} kB"
    show(f"{assets:,} assets, page of {size}", ("command", "time", "time ÷ overview"), lines)


def _timed(server: EmbeddedServer, arguments: list[str]) -> float:
    environment = {**os.environ, "STEELYARD_HOME": str(server.home)}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "from steelyard.app import main; main()", *arguments],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assets", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(main(given.assets, given.rounds, given.seed))
