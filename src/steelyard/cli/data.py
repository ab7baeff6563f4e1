"""The commands that fill the store: its schema, its tables, its versions."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steelyard.cli.options import DAY, TABLES, as_json, examples
from steelyard.cli.output import progress_bar, tell, working
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from steelyard.services.asset_360 import Refresh
    from steelyard.services.loading import LoadSummary
    from steelyard.storage.asset_360 import Version
    from steelyard.storage.migration import MigrationResult


@click.command(
    epilog=examples("steelyard init", "DATABASE_URL=postgresql://me@db.example/steelyard steelyard init")
)
@as_json
@pass_shell
def init(shell: Shell, *, as_json: bool) -> None:
    """Make the schema, or bring it up to what this program needs."""
    from steelyard.cli.screens.data import migrated

    place, done = asyncio.run(_init(shell))
    tell(done, partial(migrated, place=place), as_json=as_json)


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
    """Load a folder of tables, all of it or nothing.

    DIR holds CSV or Parquet files named like their tables. The same files again change nothing. What is refused is
    listed by file, row and reason, and nothing is stored; what is suspicious is set aside or flagged.
    """
    from steelyard.cli.screens.data import loaded

    request = LoadRequest(directory, only, price_places, trust_prices, then_refresh)
    tell(asyncio.run(_load(shell, request)), loaded, as_json=as_json)


@click.command(
    epilog=examples("steelyard refresh", "steelyard refresh --as-of 2022-06-30", "steelyard refresh --list")
)
@click.option("--as-of", type=DAY, help="The day the figures are of.  [default: the last price date]")
@click.option(
    "--universe", is_flag=True, help="Every asset, not only those held, traded, targeted or checked."
)
@click.option("--list", "list_only", is_flag=True, help="Show the kept versions and make none.")
@as_json
@pass_shell
def refresh(shell: Shell, *, as_of: date | None, universe: bool, list_only: bool, as_json: bool) -> None:
    """Derive what changed and publish a version of asset 360."""
    from steelyard.cli.screens import data as screens

    if list_only and (as_of or universe):
        raise click.UsageError("--list makes no version; leave --as-of and --universe out.")
    if list_only:
        tell(asyncio.run(_versions(shell)), screens.versions, as_json=as_json)
    else:
        tell(asyncio.run(_refresh(shell, as_of, universe=universe)), screens.refreshed, as_json=as_json)


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What `load` was asked; see its options."""

    directory: Path
    only: tuple[str, ...] | None = None
    price_places: int | None = None
    trust_prices: bool = False
    then_refresh: bool = True


async def _load(shell: Shell, request: LoadRequest) -> "dict[str, LoadSummary | Refresh | None]":
    from steelyard.services.asset_360 import NoPricesError

    async with shell.store():
        summary = await load_directory(shell, request)
        published = None
        if request.then_refresh:
            with suppress(NoPricesError):  # the load stands; prices may come with the next one
                published = await publish(shell)
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
        )


async def publish(shell: Shell, as_of: date | None = None, *, universe: bool = False) -> "Refresh":
    """Publish a version in the open store, with a note on the terminal while it takes."""
    from steelyard.services import asset_360

    with working("Deriving and publishing"):
        return await asset_360.refresh(
            as_of=as_of, today=shell.today(), universe=universe, keep_versions=shell.settings.keep_versions
        )


async def _init(shell: Shell) -> "tuple[str, MigrationResult]":
    from steelyard.storage.migration import migrate

    async with shell.pool() as pool:
        with working("Making the schema"):
            return pool.place, await migrate()


async def _refresh(shell: Shell, as_of: date | None, *, universe: bool) -> "Refresh":
    async with shell.store():
        return await publish(shell, as_of, universe=universe)


async def _versions(shell: Shell) -> "list[Version]":
    from steelyard.storage.asset_360 import get_versions
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await get_versions(db)
