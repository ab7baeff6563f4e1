"""The commands about tenants: firms or families whose data nobody else sees."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.user import LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.storage.tenant import Tenant


@click.group(epilog=examples("steelyard tenant list", "steelyard tenant add 'Rivera family' --currency EUR"))
def tenant() -> None:
    """Look after firms or families whose data nobody else sees."""


@tenant.command("list", epilog=examples("steelyard tenant list", "steelyard tenant list --json"))
@as_json
@pass_shell
def list_(shell: Shell, *, as_json: bool) -> None:
    """Show the tenants and their rules."""
    from steelyard.cli.screens.tenant import listed

    tell(asyncio.run(_list(shell)), listed, as_json=as_json)


@tenant.command(epilog=examples("steelyard tenant add 'Rivera family' --currency EUR"))
@click.argument("name")
@click.option("--currency", metavar="CODE", default="USD", show_default=True, help="Of its totals, ISO 4217.")
@pass_shell
def add(shell: Shell, *, name: str, currency: str) -> None:
    """Make a tenant, with the categories of the first one and nobody in it."""
    tenant_id = asyncio.run(_add(shell, name, currency))
    click.echo(
        f"{name} is tenant {tenant_id}. Next: steelyard user invite ada@example.org --role owner --tenant {tenant_id}"
    )


@tenant.command(
    "set",
    epilog=examples(
        "steelyard tenant set --second-factor",
        "steelyard tenant set --tenant 2 --limit 250000",
        "steelyard tenant set --no-limit",
    ),
)
@click.option(
    "--second-factor/--no-second-factor",
    "requires_mfa",
    default=None,
    help="Whether everybody needs a second factor; some roles always do.",
)
@click.option("--limit", type=LIMIT, help="Largest order value one person approves alone.")
@click.option("--no-limit", is_flag=True, help="Nobody approves alone, but who has a limit of their own.")
@tenant_option
@pass_shell
def set_(
    shell: Shell, *, requires_mfa: bool | None, limit: Decimal | None, no_limit: bool, tenant_id: int
) -> None:
    """Change the rules of a tenant; they count at everybody's next request."""
    if limit is not None and no_limit:
        raise click.UsageError("--limit and --no-limit exclude each other.")
    if requires_mfa is None and limit is None and not no_limit:
        raise click.UsageError(
            "Say what to change: --second-factor, --no-second-factor, --limit or --no-limit."
        )
    changes_limit = no_limit or limit is not None
    asyncio.run(_set(shell, tenant_id, requires_mfa=requires_mfa, limit=limit, changes_limit=changes_limit))
    click.echo(f"Changed for tenant {tenant_id}, from everybody's next request on.")


async def _list(shell: Shell) -> "Sequence[Tenant]":
    from steelyard.services.tenant import get_tenants
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await get_tenants(db)


async def _add(shell: Shell, name: str, currency: str) -> int:
    from steelyard.services.tenant import create_tenant
    from steelyard.storage.connection import get_write_session

    async with shell.store(), get_write_session() as db:
        return await create_tenant(db, name, currency)


async def _set(
    shell: Shell, tenant_id: int, *, requires_mfa: bool | None, limit: Decimal | None, changes_limit: bool
) -> None:
    from steelyard.services.tenant import set_approval_limit, set_requires_mfa

    async with open_desk(shell, tenant_id) as desk:
        if requires_mfa is not None:
            await set_requires_mfa(desk.db, requires_mfa=requires_mfa)
        if changes_limit:
            await set_approval_limit(desk.db, limit)
