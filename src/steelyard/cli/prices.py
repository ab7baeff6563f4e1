"""The commands about prices: what they are now and how far they are trusted, and their history brought in."""

import asyncio
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from steelyard.cli.options import DAY, as_json, examples
from steelyard.cli.output import progress_bar, tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.sources import price_sources

if TYPE_CHECKING:
    from steelyard.market.port import CheckedPrice
    from steelyard.services.backfill import Backfill


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "steelyard prices",
        "steelyard prices --asset AAPL --asset VTI",
        "steelyard prices --stored --as-of 2022-06-30",
        "steelyard prices backfill --source ecb --from 2020-01-01",
    ),
)
@click.option("--asset", "asset_ids", metavar="ID", multiple=True, help="Only this asset; may be said again.")
@click.option("--stored", is_flag=True, help="The stored closes, whatever STEELYARD_PRICE_SOURCES says.")
@click.option("--as-of", type=DAY, help="Stored closes, their age counted on this day.  [default: today]")
@click.option("--limit", type=click.IntRange(min=1), default=40, show_default=True, help="Lines shown.")
@as_json
@pass_shell
@click.pass_context
def prices(
    context: click.Context,
    shell: Shell,
    *,
    asset_ids: tuple[str, ...],
    stored: bool,
    as_of: date | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show current prices, those in doubt first, each with its source and its age.

    STEELYARD_PRICE_SOURCES says where they are asked for: the stored closes where it is not set.
    """
    if context.invoked_subcommand is not None:
        return
    from steelyard.cli.screens.prices import current

    found = asyncio.run(_prices(shell, asset_ids, stored=stored, as_of=as_of))
    tell(found, lambda answer: current(answer, limit=limit), as_json=as_json)


@prices.command(
    epilog=examples(
        "steelyard prices backfill --source alpaca --from 2020-01-01",
        "steelyard prices backfill --source files --from 2024-01-01 --asset AAPL",
        "steelyard prices backfill --source ecb --from 1999-01-04",
    )
)
@click.option(
    "--source",
    type=click.Choice(["alpaca", "files", "ecb"]),
    required=True,
    help="Where it comes from; ecb brings exchange rates.",
)
@click.option("--from", "first", type=DAY, required=True, help="The first day.")
@click.option("--to", "last", type=DAY, help="The last day.  [default: the last that is over]")
@click.option("--asset", "asset_ids", metavar="ID", multiple=True, help="Only this asset; may be said again.")
@as_json
@pass_shell
def backfill(
    shell: Shell,
    *,
    source: str,
    first: date,
    last: date | None,
    asset_ids: tuple[str, ...],
    as_json: bool,
) -> None:
    """Bring history into the store: closes and volumes, or exchange rates.

    Stopped at any moment, it goes on where it stopped when it is run again. Days that a file or another source has
    brought stay as they are. `steelyard refresh` derives what follows from the new prices.
    """
    if source == "ecb" and asset_ids:
        raise click.UsageError("exchange rates are of currencies; leave --asset out.")
    from steelyard.cli.screens.prices import brought_in

    done = asyncio.run(_backfill(shell, source, first, last, asset_ids))
    tell(done, brought_in, as_json=as_json)


async def _prices(
    shell: Shell, asset_ids: tuple[str, ...], *, stored: bool, as_of: date | None
) -> "list[CheckedPrice]":
    from steelyard.services.market import get_priced_assets, read_prices

    now = datetime.now(UTC)
    async with shell.store(), price_sources(shell.settings) as sources:
        wanted = asset_ids or await get_priced_assets()
        market = None if stored or as_of else sources.market
        found = await read_prices(wanted, now=now, as_of=as_of, market=market)
    return sorted(found.values(), key=lambda price: (price.is_good, price.asset_id))


async def _backfill(
    shell: Shell, source: str, first: date, last: date | None, asset_ids: tuple[str, ...]
) -> "Backfill":
    from steelyard.services.backfill import backfill_prices, backfill_rates

    now = datetime.now(UTC)
    async with shell.store() as pool, price_sources(shell.settings) as sources:
        if source == "ecb":
            done = await backfill_rates(sources.rates(), first=first, last=last, now=now)
        else:
            with progress_bar() as progress:
                done = await backfill_prices(
                    sources.source(source),
                    first=first,
                    last=last,
                    now=now,
                    asset_ids=asset_ids,
                    progress=progress,
                )
        await shell.keep_heads(pool)
    return done
