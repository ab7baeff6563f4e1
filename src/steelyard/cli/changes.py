"""The command that compares two versions."""

import asyncio
from typing import TYPE_CHECKING

import click

from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from steelyard.services.changes import Changes

_VERSION = click.IntRange(min=1)


@click.command(epilog=examples("steelyard changes", "steelyard changes --from 3 --to 5 --json"))
@click.option(
    "--from", "before", type=_VERSION, metavar="N", help="A kept version.  [default: the one before]"
)
@click.option("--to", "after", type=_VERSION, metavar="N", help="A kept version.  [default: the current one]")
@click.option(
    "--most", type=click.IntRange(min=0), default=10, show_default=True, help="How many moves of value."
)
@as_json
@pass_shell
def changes(shell: Shell, *, before: int | None, after: int | None, most: int, as_json: bool) -> None:
    """Show what came, went and moved between two versions."""
    from steelyard.cli.screens.changes import changed

    tell(asyncio.run(_changes(shell, before, after, most)), changed, as_json=as_json)


async def _changes(shell: Shell, before: int | None, after: int | None, most: int) -> "Changes":
    from steelyard.services.changes import get_changes
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await get_changes(db, before=before, after=after, most=most)
