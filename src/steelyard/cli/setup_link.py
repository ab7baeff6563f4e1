"""The command that prints the link for the first user: from the terminal alone, where the machine is trusted."""

import asyncio
from datetime import UTC, datetime
from secrets import token_bytes

import click

from steelyard.cli.desk import PrintedLink, url_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell


@click.command(
    "setup-link",
    epilog=examples("steelyard user setup-link", "steelyard user setup-link --url https://book.example.org"),
)
@url_option
@as_json
@pass_shell
def setup_link(shell: Shell, *, url: str, as_json: bool) -> None:
    """Print the link that makes whoever opens it the first owner, once.

    `steelyard serve` prints one too, while there is no user. A new link ends the one before.
    """
    from steelyard.cli.screens.user import link

    tell(asyncio.run(_make(shell, url)), link, as_json=as_json)


async def _make(shell: Shell, url: str) -> PrintedLink:
    from steelyard.services.set_up import make_set_up_link

    async with shell.store():
        made = await make_set_up_link(now=datetime.now(UTC), random=token_bytes)
    return PrintedLink("the first owner", "set-up", made.address(url), made.expires_at)
