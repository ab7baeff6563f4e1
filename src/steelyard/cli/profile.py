"""The commands about investor profiles: what the investor of an account wants and bears."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from steelyard.cli.accounts import read_with
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.domain.profile import EXCLUSIONS, HORIZON_YEARS, PREFERENCES, RISK, Investor

if TYPE_CHECKING:
    from steelyard.domain.profile import InvestorProfile


@click.group(
    epilog=examples(
        "steelyard profile show RIVERA-IRA",
        "steelyard profile set RIVERA-IRA --risk 3 --horizon 12 --exclude sectors Energy",
    )
)
def profile() -> None:
    """Write down what the investor of an account wants and bears.

    It bounds the models that are offered, and what is excluded is never bought.
    """


@profile.command(epilog=examples("steelyard profile show RIVERA-IRA"))
@click.argument("account_id", metavar="ACCOUNT")
@as_json
@pass_shell
def show(shell: Shell, *, account_id: str, as_json: bool) -> None:
    """Show the profile of an account."""
    from steelyard.cli.screens.profile import shown
    from steelyard.services.profile import get_profile

    tell(asyncio.run(read_with(shell, partial(get_profile, account_id))), shown, as_json=as_json)


@profile.command(
    "set",
    epilog=examples(
        "steelyard profile set RIVERA-IRA --risk 3 --horizon 12 --goal 'A house' --exclude sectors Energy"
    ),
)
@click.argument("account_id", metavar="ACCOUNT")
@click.option(
    "--risk", type=click.IntRange(RISK[0], RISK[-1]), required=True, help="What is borne: 1 least, 5 most."
)
@click.option(
    "--horizon",
    type=click.IntRange(HORIZON_YEARS[0], HORIZON_YEARS[-1]),
    required=True,
    metavar="YEARS",
    help="Until the money is needed.",
)
@click.option("--goal", "goals", multiple=True, help="What it is for; may come several times.")
@click.option(
    "--prefer",
    "preferred",
    multiple=True,
    nargs=2,
    metavar="KIND NAME",
    help=f"Models with more of it come first; {' or '.join(PREFERENCES)}.",
)
@click.option(
    "--exclude",
    "excluded",
    multiple=True,
    nargs=2,
    metavar="KIND NAME",
    help=f"Never bought; {', '.join(EXCLUSIONS)}.",
)
@pass_shell
def set_(
    shell: Shell,
    *,
    account_id: str,
    risk: int,
    horizon: int,
    goals: tuple[str, ...],
    preferred: tuple[tuple[str, str], ...],
    excluded: tuple[tuple[str, str], ...],
) -> None:
    """Write the profile of an account, in place of the one there is."""
    investor = Investor(risk, horizon, goals, by_kind(preferred), by_kind(excluded))
    written = asyncio.run(_write(shell, account_id, investor))
    click.echo(f"Version {written.version} of the profile of {account_id} is kept.")


def by_kind(pairs: Sequence[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    """Gather names by kind.

    >>> by_kind([("sectors", "Energy"), ("sectors", "Coal")])
    {'sectors': ['Energy', 'Coal']}
    """
    found: dict[str, list[str]] = defaultdict(list)
    for kind, name in pairs:
        found[kind].append(name)
    return dict(found)


async def _write(shell: Shell, account_id: str, investor: Investor) -> "InvestorProfile":
    from steelyard.services.profile import write_profile
    from steelyard.storage.connection import get_write_session
    from steelyard.storage.profile import get_profile

    async with shell.store(), get_write_session() as db:
        before = await get_profile(db, account_id)
        expected = 0 if before is None else before.version
        return await write_profile(db, account_id, investor, expected=expected, now=datetime.now(UTC))
