"""The command that shows a newcomer a whole book."""

import asyncio
import csv
import logging
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steelyard.cli.codes import INTERRUPTED
from steelyard.cli.data import LoadRequest, load_directory, publish
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import notes, tell
from steelyard.cli.serve import HOST, PORT, ServeRequest, serve_store
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


@click.command(
    epilog=examples(
        "steelyard demo",
        "STEELYARD_HOME=~/steelyard-demo steelyard demo",
        "steelyard demo --no-serve",
    )
)
@as_json
@click.option(
    "--serve/--no-serve",
    "serves",
    default=True,
    envvar="SERVE",
    help="Serve its pages to this machine, on port 8000 or another free one, until Ctrl-C.  "
    "[default: serve, or what SERVE says: SERVE=0 is --no-serve; --json serves nothing]",
)
@pass_shell
def demo(shell: Shell, *, as_json: bool, serves: bool) -> None:
    """Load the sample book of real prices and show it, analysed; then serve its pages.

    Starts the store, makes its schema, loads the book and publishes a version; what is there already stays. Run it
    again as often as you like.
    """
    from steelyard.cli.screens.demo import demonstration
    from steelyard.services.asset_360 import answer_overview

    document, did = asyncio.run(_prepare(shell))
    screen = partial(demonstration, document=document, book=shell.sample_book(), did=did)
    tell(answer_overview(document), screen, as_json=as_json)
    if serves and not as_json:
        _serve(shell)


def _serve(shell: Shell) -> None:
    """Serve the book with a worker, which sends its orders; where no key file can be made, say what is missing."""
    from steelyard.server.logs import logged
    from steelyard.services.key import KeyFileUnnamedError

    request = ServeRequest(HOST, PORT, with_worker=True, or_any_port=True)
    try:
        with logged(least=logging.WARNING):
            finished = asyncio.run(serve_store(shell, request))
    except KeyFileUnnamedError:
        notes().print("Its pages are not served; name a key file in STEELYARD_KEY_FILE and run it again.")
        return
    if not finished:
        click.get_current_context().exit(INTERRUPTED)


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
        steps.done("Broker", await _link_paper(shell, pool))
        await shell.keep_heads(pool)
        async with get_db_session() as db:
            return await get_document(db), await get_performance(db)


async def _link_paper(shell: Shell, pool: "Pool") -> str:
    """Let the orders of the sample accounts go to the paper broker; says what came of it."""
    from steelyard.cli.brokers import broker_tools
    from steelyard.identity.permissions import Actor
    from steelyard.services.broker_link import get_broker_links
    from steelyard.services.first_book import trade_on_paper
    from steelyard.services.key import KeyFileUnnamedError
    from steelyard.storage.connection import get_write_session

    try:
        vault = await shell.vault(pool)
    except KeyFileUnnamedError:
        return "not linked; name a key file in STEELYARD_KEY_FILE and run it again"
    async with broker_tools(shell, pool) as tools, get_write_session() as db:
        if await get_broker_links(db, with_ended=True):
            return "linked already"
        return f"{await trade_on_paper(db, vault, Actor(1), tools)} accounts trade on paper"


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
