"""The commands that fill the store: its schema, its tables, its versions."""

import asyncio
import logging
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steelyard.cli.logs import log_format, logged
from steelyard.cli.options import DAY, TABLES, as_json, examples
from steelyard.cli.output import print_json, progress_bar, show, tell, working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from steelyard.services.asset_360 import Refresh
    from steelyard.services.changes import Changes
    from steelyard.services.loading import LoadSummary
    from steelyard.storage.asset_360 import Version
    from steelyard.storage.migration import MigrationResult

log = logging.getLogger(__name__)


@click.command(
    epilog=examples(
        "steelyard init", "DATABASE_URL=postgresql://me@db.example/book?sslmode=verify-full steelyard init"
    )
)
@as_json
@pass_shell
def init(shell: Shell, *, as_json: bool) -> None:
    """Make the schema, or bring it up to what this program needs."""
    from steelyard.cli.screens.data import migrated

    place, done, key_file = asyncio.run(_init(shell))
    tell(done, partial(migrated, place=place, key_file=key_file), as_json=as_json)


@click.command(
    epilog=examples(
        "steelyard load my-book/",
        "steelyard load my-book/ --only market_data,transactions",
        "steelyard load my-book/ --price-places 4 --no-refresh",
    )
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--only", metavar="TABLES", type=TABLES, help="Only these tables, separated by commas.")
@click.option(
    "--price-places", type=click.IntRange(0, 12), metavar="N", help="Round closing prices to N decimals."
)
@click.option(
    "--trust-prices", is_flag=True, help="Do not search prices for bad ticks, splits and wrong units."
)
@click.option(
    "--refresh/--no-refresh",
    "then_refresh",
    default=True,
    help="Publish a version afterwards.",
    show_default=True,
)
@as_json
@pass_shell
def load(
    shell: Shell,
    *,
    directory: Path,
    only: tuple[str, ...] | None,
    price_places: int | None,
    trust_prices: bool,
    then_refresh: bool,
    as_json: bool,
) -> None:
    """Load a folder of tables, all of it or nothing, and book its transactions.

    DIR holds files named like their tables: CSV, Parquet or JSON lines. The same files again change nothing. What is
    refused is listed by file, row and reason, and nothing is stored; what is suspicious is set aside or flagged.
    """
    from steelyard.cli.screens.data import loaded

    request = LoadRequest(directory, only, price_places, trust_prices, then_refresh)
    tell(asyncio.run(_load(shell, request)), loaded, as_json=as_json)


@click.command(
    epilog=examples(
        "steelyard refresh",
        "steelyard refresh --as-of 2022-06-30",
        "steelyard refresh --wait 0 --log-format json",
        "steelyard refresh --list",
    )
)
@click.option("--as-of", type=DAY, help="The day the figures are of.  [default: the last price date]")
@click.option(
    "--universe", is_flag=True, help="Every asset, not only those held, traded, targeted or checked."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=60,
    show_default=True,
    help="How long to wait for another refresh to end; 0 = only to find out.",
)
@click.option(
    "--attempts",
    type=click.IntRange(min=1),
    metavar="N",
    default=5,
    show_default=True,
    help="How often to try where the store is busy, restarts or is cut off.",
)
@log_format
@click.option("--list", "list_only", is_flag=True, help="Show the kept versions and make none.")
@as_json
@pass_shell
def refresh(
    shell: Shell,
    *,
    as_of: date | None,
    universe: bool,
    wait: float,
    attempts: int,
    log_format: str | None,
    list_only: bool,
    as_json: bool,
) -> None:
    """Derive what changed, publish a version of asset 360, and say what it changed.

    Safe to run from a scheduler, and twice at once: readers see the version before until the new one stands whole.
    Where nothing had changed, no version is made and the exit code is 0 too. 75 means that another run may succeed.
    """
    from steelyard.cli.screens import data as screens

    if list_only and (as_of or universe):
        raise click.UsageError("--list makes no version; leave --as-of and --universe out.")
    if list_only:
        tell(asyncio.run(_versions(shell)), screens.versions, as_json=as_json)
        return
    with logged(log_format):
        done, changes = asyncio.run(_refresh(shell, RefreshRequest(as_of, universe, wait, attempts)))
    if as_json:
        print_json({**asdict(done), "changes": changes})
    else:
        show(screens.published(done, changes))


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What `load` was asked; see its options."""

    directory: Path
    only: tuple[str, ...] | None = None
    price_places: int | None = None
    trust_prices: bool = False
    then_refresh: bool = True


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """What `refresh` was asked; see its options."""

    as_of: date | None
    universe: bool
    wait_seconds: float
    attempts: int


async def _load(shell: Shell, request: LoadRequest) -> "dict[str, LoadSummary | Refresh | None]":
    from steelyard.services.asset_360 import NoPricesError

    async with shell.store() as pool:
        summary = await load_directory(shell, request)
        published = None
        if request.then_refresh:
            with suppress(NoPricesError):  # the load stands; prices may come with the next one
                published = await publish(shell)
        await shell.keep_heads(pool)
    return {"load": summary, "refresh": published}


async def load_directory(shell: Shell, request: LoadRequest) -> "LoadSummary":
    """Load into the open store, with a progress bar on the terminal."""
    from steelyard.services.loading import load_tables

    with progress_bar() as progress:
        return await load_tables(
            request.directory,
            today=shell.today(),
            only=request.only,
            price_places=request.price_places,
            trust_prices=request.trust_prices,
            progress=progress,
            now=datetime.now(UTC),
        )


async def publish(shell: Shell) -> "Refresh":
    """Publish a version in the open store, with a note on the terminal while it takes."""
    from steelyard.services import asset_360

    with working("Deriving and publishing"):
        return await asset_360.refresh(today=shell.today(), keep_versions=shell.settings.keep_versions)


async def _init(shell: Shell) -> "tuple[str, MigrationResult, Path | None]":
    from steelyard.storage.migration import migrate

    async with shell.pool() as pool:
        with working("Making the schema"):
            done = await migrate()
        return pool.place, done, await shell.make_keys(pool)


async def _refresh(shell: Shell, request: RefreshRequest) -> "tuple[Refresh, Changes | None]":
    """Open the store, which may be away for a moment at the start too, publish, and compare."""
    from steelyard.services import asset_360
    from steelyard.services.retrying import Patience, retried

    patience = Patience(request.attempts, wait_seconds=request.wait_seconds)
    async with AsyncExitStack() as stack:
        pool = await retried(lambda _: stack.enter_async_context(shell.store()), patience)
        with working("Deriving and publishing"):
            done = await asset_360.refresh(
                as_of=request.as_of,
                today=shell.today(),
                universe=request.universe,
                keep_versions=shell.settings.keep_versions,
                patience=patience,
            )
        await shell.keep_heads(pool)
        return done, await _changes_of(done)


async def _changes_of(done: "Refresh") -> "Changes | None":
    """Return what a new version changed; None where it cannot be told, for the version stands in any case."""
    from steelyard.services.changes import get_changes
    from steelyard.storage.connection import get_db_session

    if not done.published or done.previous_version is None:
        return None
    try:
        async with get_db_session() as db:
            return await get_changes(db, before=done.previous_version, after=done.version)
    except SteelyardError as error:
        log.warning("changes unknown", extra={"error": type(error).__name__, "reason": str(error)})
        return None


async def _versions(shell: Shell) -> "list[Version]":
    from steelyard.storage.asset_360 import get_versions
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await get_versions(db)
