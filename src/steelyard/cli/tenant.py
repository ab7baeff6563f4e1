"""The commands about tenants: firms or families whose data nobody else sees."""

import asyncio
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import AmountType, as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.user import LIMIT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from steelyard.storage.connection import WriteSession
    from steelyard.storage.tenant import Tenant

    Change = Callable[[WriteSession], Awaitable[None]]


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
        "steelyard tenant set --no-limit --code-limit 10000",
        "steelyard tenant set --price-tolerance 0.005 --proposal-minutes 30",
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
@click.option("--code-limit", type=LIMIT, help="Largest order value that a code of an app approves.")
@click.option("--no-code-limit", is_flag=True, help="A code of an app approves nothing.")
@click.option(
    "--price-tolerance",
    type=AmountType(),
    metavar="FRACTION",
    help="How far a live price may move until execution; 0.005 is half a percent.",
)
@click.option(
    "--proposal-minutes",
    type=click.IntRange(1, 1440),
    help="How long a proposal can be approved and executed.",
)
@tenant_option
@pass_shell
def set_(shell: Shell, /, *, tenant_id: int, **asked: Any) -> None:
    """Change the rules of a tenant; they count at everybody's next request."""
    for name in ("limit", "code_limit"):
        if asked[name] is not None and asked[f"no_{name}"]:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} and --no-{option[2:]} exclude each other.")
    changes = _changes(**asked)
    if not changes:
        raise click.UsageError("Say what to change; `steelyard tenant set --help` lists the rules.")
    asyncio.run(_set(shell, tenant_id, changes))
    click.echo(f"Changed for tenant {tenant_id}, from everybody's next request on.")


def _changes(
    *,
    requires_mfa: bool | None,
    limit: Decimal | None,
    no_limit: bool,
    code_limit: Decimal | None,
    no_code_limit: bool,
    price_tolerance: Decimal | None,
    proposal_minutes: int | None,
) -> "list[Change]":
    """Return what is to be changed, as calls of services."""
    from steelyard.services import tenant

    changes: list[Change] = []
    if requires_mfa is not None:
        changes.append(partial(tenant.set_requires_mfa, requires_mfa=requires_mfa))
    if no_limit or limit is not None:
        changes.append(partial(tenant.set_approval_limit, limit=limit))
    if no_code_limit or code_limit is not None:
        changes.append(partial(tenant.set_code_limit, limit=code_limit))
    if price_tolerance is not None:
        changes.append(partial(tenant.set_price_tolerance, tolerance=price_tolerance))
    if proposal_minutes is not None:
        changes.append(partial(tenant.set_proposal_minutes, minutes=proposal_minutes))
    return changes


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


async def _set(shell: Shell, tenant_id: int, changes: "Sequence[Change]") -> None:
    async with open_desk(shell, tenant_id) as desk:
        for change in changes:
            await change(desk.db)
