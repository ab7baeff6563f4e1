"""The commands that list assets and show one from all sides."""

import asyncio
from functools import partial
from typing import Any, Final

import click

from steelyard.cli.options import Reading, examples, reading_options
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell

SORTS: Final = ("value", "return", "risk", "violations", "name")
"""What `--sort` takes, as `AssetSort` says."""


@click.command(epilog=examples("steelyard assets --sort risk --limit 10", "steelyard assets --json"))
@click.option("--sort", type=click.Choice(SORTS), default="value", show_default=True, help="By which figure.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N.  [default: all]")
@reading_options
@pass_shell
def assets(shell: Shell, sort: str, limit: int | None, reading: Reading) -> None:
    """List every asset with its value, return and risk."""
    from steelyard.cli.screens.assets import listing
    from steelyard.services.asset import AssetSort, arrange

    rows = asyncio.run(_read_assets(shell, reading))
    chosen = arrange(rows, sort=AssetSort(sort))[:limit]
    tell(chosen, partial(listing, among=len(rows), scope=reading.scope), as_json=reading.as_json)


@click.command(epilog=examples("steelyard asset AAPL", "steelyard asset AAPL --household OKAFOR"))
@click.argument("asset_id", metavar="ID")
@reading_options
@pass_shell
def asset(shell: Shell, asset_id: str, reading: Reading) -> None:
    """Show one asset from all sides, and what limits its figures."""
    from steelyard.cli.screens.assets import page

    answer = asyncio.run(_read_asset(shell, asset_id, reading))
    tell(answer, partial(page, scope=reading.scope), as_json=reading.as_json)


async def _read_assets(shell: Shell, reading: Reading) -> list[dict[str, Any]]:
    from steelyard.services.asset import get_assets
    from steelyard.services.scope import require_scope
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        await require_scope(db, reading.scope)
        return await get_assets(db, **reading.which())


async def _read_asset(shell: Shell, asset_id: str, reading: Reading) -> dict[str, Any]:
    from steelyard.services.asset import get_asset
    from steelyard.services.scope import require_scope
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        await require_scope(db, reading.scope)
        return await get_asset(db, asset_id, **reading.which())
