"""The command that shows a newcomer a whole book."""

import asyncio
import csv
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steelyard.cli.data import LoadRequest, load_directory, publish
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import notes, tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.errors import ConflictError

if TYPE_CHECKING:
    from steelyard.services.asset_360 import Refresh
    from steelyard.services.loading import LoadSummary
    from steelyard.services.performance import ScopePerformance
    from steelyard.storage.asset_360 import Document
    from steelyard.storage.connection import Pool
    from steelyard.storage.migration import MigrationResult


class OtherBookError(ConflictError):
    """The store holds more than the sample book, which the demo would mix with it."""

    def __init__(self, place: str, others: list[str]) -> None:
        """Name some of what is there."""
        super().__init__(
            f"The store, {place}, holds another book ({', '.join(others)}), and the sample book would mix with it. "
            "Give the demo a store of its own: `env -u DATABASE_URL STEELYARD_HOME=~/steelyard-demo steelyard demo`."
        )


@click.command(epilog=examples("steelyard demo", "STEELYARD_HOME=~/steelyard-demo steelyard demo"))
@as_json
@pass_shell
def demo(shell: Shell, *, as_json: bool) -> None:
    """Load the sample book of real prices and show it, analysed.

    Starts the store, makes its schema, loads the book and publishes a version; what is there already stays. Run it
    again as often as you like.
    """
    from steelyard.cli.screens.demo import demonstration
    from steelyard.services.asset_360 import answer_overview

    document, did = asyncio.run(_prepare(shell))
    screen = partial(demonstration, document=document, book=shell.sample_book(), did=did)
    tell(answer_overview(document), screen, as_json=as_json)


async def _prepare(shell: Shell) -> "tuple[Document, ScopePerformance]":
    """Do what is still to be done; say of each step what came of it and how long it took."""
    from steelyard.services.asset_360 import get_document
    from steelyard.services.performance import get_performance
    from steelyard.storage.connection import get_db_session
    from steelyard.storage.migration import migrate

    directory, steps = shell.sample_book().directory, Steps()
    async with shell.pool() as pool:
        steps.done("Store", pool.place)
        steps.done("Schema", _made_schema(await migrate()))
        await shell.make_keys(pool)
        await _require_own_store(pool, directory)
        steps.done("Book", _loaded(await load_directory(shell, LoadRequest(directory))))
        steps.done("Asset 360", _published(await publish(shell)))
        await shell.keep_heads(pool)
        async with get_db_session() as db:
            return await get_document(db), await get_performance(db)


class Steps:
    """What was done, told line by line on standard error as it is done."""

    def __init__(self) -> None:
        """Start the clock."""
        self._console, self._since = notes(), time.perf_counter()

    def done(self, name: str, outcome: str) -> None:
        """Say that a step is through, and how long it took."""
        now = time.perf_counter()
        self._console.print(f"✓ {name:<9}  {outcome}, {now - self._since:.1f} s", soft_wrap=True)
        self._since = now


def _made_schema(done: "MigrationResult") -> str:
    return "made" if done.revisions else "brought up to date" if done.files else "there already"


def _loaded(summary: "LoadSummary") -> str:
    tables, read = len(summary.tables), sum(table.read for table in summary.tables)
    what = f"{read:,} rows of {tables} tables"
    return f"{what} loaded" if summary.status == "loaded" else f"{what} there already"


def _published(done: "Refresh") -> str:
    return f"version {done.version} as of {done.as_of} " + (
        "published" if done.published else "there already"
    )


async def _require_own_store(pool: "Pool", directory: Path) -> None:
    """End unless all assets and accounts of the store are of the sample book."""
    from steelyard.storage.connection import get_db_session
    from steelyard.storage.health import get_other_ids

    assets, accounts = (_keys(directory / f"{table}.csv") for table in ("asset_master", "accounts"))
    async with get_db_session() as db:
        others = await get_other_ids(db, assets=assets, accounts=accounts)
    if others:
        raise OtherBookError(pool.place, others)


def _keys(path: Path) -> list[str]:
    """Return the first column of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]
