"""The commands about model portfolios: written in versions, offered to investors, followed by accounts."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.accounts import read_with
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.domain.profile import HORIZON_YEARS, RISK

if TYPE_CHECKING:
    from steelyard.domain.profile import Model
    from steelyard.services.model import Offer


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "steelyard models",
        "steelyard models set BALANCED --name Balanced --risk 3 --weight VTI 0.6 --weight BND 0.4",
        "steelyard models assign RIVERA-IRA BALANCED",
    ),
)
@as_json
@pass_shell
@click.pass_context
def models(ctx: click.Context, shell: Shell, *, as_json: bool) -> None:
    """List the model portfolios; see whom they suit, and let accounts follow them."""
    from steelyard.services.model import get_models

    if ctx.invoked_subcommand is None:
        from steelyard.cli.screens.profile import models as model_screen

        tell(asyncio.run(read_with(shell, get_models)), model_screen, as_json=as_json)


@models.command(epilog=examples("steelyard models show BALANCED"))
@click.argument("model_id", metavar="MODEL")
@as_json
@pass_shell
def show(shell: Shell, *, model_id: str, as_json: bool) -> None:
    """Show what a model holds."""
    from steelyard.cli.screens.profile import model
    from steelyard.services.model import get_model

    tell(asyncio.run(read_with(shell, partial(get_model, model_id))), model, as_json=as_json)


@models.command(
    "set",
    epilog=examples(
        "steelyard models set BALANCED --name Balanced --risk 3 --horizon 5 --weight VTI 0.6 --weight BND 0.4"
    ),
)
@click.argument("model_id", metavar="MODEL")
@click.option("--name", required=True, help="What people call it.")
@click.option(
    "--weight",
    "weights",
    multiple=True,
    required=True,
    nargs=2,
    metavar="ASSET FRACTION",
    help="Of each asset, money under its asset; together exactly 1.",
)
@click.option(
    "--risk", type=click.IntRange(RISK[0], RISK[-1]), help="1 least, 5 most; without it nobody is offered it."
)
@click.option(
    "--horizon",
    type=click.IntRange(HORIZON_YEARS[0], HORIZON_YEARS[-1]),
    metavar="YEARS",
    help="That an investor should have.",
)
@pass_shell
def set_(
    shell: Shell,
    *,
    model_id: str,
    name: str,
    weights: tuple[tuple[str, str], ...],
    risk: int | None,
    horizon: int | None,
) -> None:
    """Write a model, in place of the version there is.

    Accounts that follow it want the new weights from then on.
    """
    more = {"weights": read_weights(weights), "risk_level": risk, "min_horizon_years": horizon}
    written = asyncio.run(_write(shell, model_id, name=name, **more))
    click.echo(f"Version {written.version} of model {model_id} is kept.")


@models.command(epilog=examples("steelyard models offered RIVERA-IRA"))
@click.argument("account_id", metavar="ACCOUNT")
@as_json
@pass_shell
def offered(shell: Shell, *, account_id: str, as_json: bool) -> None:
    """Show which models suit the investor of an account, and why the others do not."""
    from steelyard.cli.screens.profile import offers
    from steelyard.services.model import get_offers

    read = partial(get_offers, account_id)
    tell(asyncio.run(read_with(shell, read)), partial(offers, account_id=account_id), as_json=as_json)


@models.command(epilog=examples("steelyard models assign RIVERA-IRA BALANCED"))
@click.argument("account_id", metavar="ACCOUNT")
@click.argument("model_id", metavar="MODEL")
@click.option(
    "--reason", default="", help="Why it follows a model that does not suit its investor; recorded."
)
@pass_shell
def assign(shell: Shell, *, account_id: str, model_id: str, reason: str) -> None:
    """Let an account follow a model that suits its investor.

    It follows another one for a reason, which is recorded.
    """
    asyncio.run(_assign(shell, account_id, model_id, reason))
    click.echo(f"{account_id} follows {model_id}. Next: steelyard rebalance --account {account_id}")


def read_weights(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Gather weights by asset; ends with the usage where one comes twice.

    >>> read_weights([("VTI", "0.6"), ("BND", "0.4")])
    {'VTI': '0.6', 'BND': '0.4'}
    """
    found: dict[str, str] = {}
    for asset_id, weight in pairs:
        if asset_id in found:
            raise click.UsageError(f"{asset_id} comes twice; give it one weight.")
        found[asset_id] = weight
    return found


async def _write(shell: Shell, model_id: str, **more: Any) -> "Model":
    from steelyard.services.model import write_model
    from steelyard.storage.connection import get_write_session
    from steelyard.storage.model import get_models

    async with shell.store(), get_write_session() as db:
        before = await get_models(db, model_id)
        expected = before[0].version if before else 0
        return await write_model(db, model_id, expected=expected, **more)


async def _assign(shell: Shell, account_id: str, model_id: str, reason: str) -> "Offer":
    from steelyard.services.model import assign_model
    from steelyard.storage.connection import get_write_session

    async with shell.store(), get_write_session() as db:
        return await assign_model(db, account_id, model_id, reason=reason)
