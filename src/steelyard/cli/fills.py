"""The commands about fills: what brokers executed, and whose it is."""

import asyncio
from typing import TYPE_CHECKING

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.short_key import ORDER_KEY
from steelyard.domain.short_key import AnyKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.domain.fill import Fill
    from steelyard.services.fill import Recorded


@click.group(epilog=examples("steelyard fills list --account RIVERA-IRA", "steelyard fills suspense"))
def fills() -> None:
    """Look at what brokers executed, and say whose it is where nobody else can."""


@fills.command("list", epilog=examples("steelyard fills list --account RIVERA-IRA --limit 20"))
@click.option("--account", "account_id", metavar="ACCOUNT", help="Of this account.")
@click.option("--order", "order_id", type=ORDER_KEY, metavar="ORDER", help="Of this order.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="The newest so many."
)
@tenant_option
@as_json
@pass_shell
def list_(
    shell: Shell,
    *,
    account_id: str | None,
    order_id: AnyKey | None,
    limit: int,
    tenant_id: int,
    as_json: bool,
) -> None:
    """Show fills, the newest first."""
    from steelyard.cli.screens.fills import listed

    tell(asyncio.run(_list(shell, tenant_id, account_id, order_id, limit)), listed, as_json=as_json)


@fills.command(epilog=examples("steelyard fills suspense", "steelyard fills suspense --json"))
@tenant_option
@as_json
@pass_shell
def suspense(shell: Shell, *, tenant_id: int, as_json: bool) -> None:
    """Show the fills that the ledger does not say as it should, and why.

    The oldest come first. Those that the ledger refused are tried again with each fill of their account, and by:
    steelyard reconcile. Those that nobody knows are given to whose they are with: steelyard fills assign
    """
    from steelyard.cli.screens.fills import suspended

    tell(asyncio.run(_suspense(shell, tenant_id)), suspended, as_json=as_json)


@fills.command(
    epilog=examples(
        "steelyard fills assign trading 20261120-7 --order 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e",
        "steelyard fills assign trading 20261120-7 --account RIVERA-IRA --asset VTI",
    )
)
@click.argument("link", metavar="LINK")
@click.argument("execution_id", metavar="FILL")
@click.option("--order", "order_id", type=ORDER_KEY, metavar="ORDER", help="The order that it is of.")
@click.option("--account", "account_id", metavar="ACCOUNT", help="The account, of what nobody ordered here.")
@click.option("--asset", "asset_id", metavar="ASSET", help="The asset, with --account.")
@tenant_option
@pass_shell
def assign(
    shell: Shell,
    *,
    link: str,
    execution_id: str,
    order_id: AnyKey | None,
    account_id: str | None,
    asset_id: str | None,
    tenant_id: int,
) -> None:
    """Say whose a fill in suspense is: an order's, or an account's.

    It is booked as if it had said so itself.
    """
    if (order_id is None) == (account_id is None) or (account_id is None) != (asset_id is None):
        raise click.UsageError("Name an --order; or an --account and an --asset.")
    recorded = asyncio.run(
        _assign(shell, tenant_id, link, execution_id, order_id=order_id, owner=(account_id, asset_id))
    )
    click.echo(f"It is {recorded.outcome.value}{f': {recorded.why}' if recorded.why else ''}.")


async def _list(
    shell: Shell, tenant_id: int, account_id: str | None, order_id: AnyKey | None, limit: int
) -> "Sequence[Fill]":
    from steelyard.services.short_key import whole_key
    from steelyard.services.suspense import get_fill_page

    async with open_desk(shell, tenant_id) as desk:
        whole = None if order_id is None else await whole_key(order_id, desk.db)
        return await get_fill_page(desk.db, account_id=account_id, order_id=whole, limit=limit)


async def _suspense(shell: Shell, tenant_id: int) -> "Sequence[Fill]":
    from steelyard.services.suspense import get_suspense

    async with open_desk(shell, tenant_id) as desk:
        return await get_suspense(desk.db)


async def _assign(
    shell: Shell,
    tenant_id: int,
    link: str,
    execution_id: str,
    *,
    order_id: AnyKey | None,
    owner: tuple[str | None, str | None],
) -> "Recorded":
    from steelyard.services.broker_link import find_broker_link
    from steelyard.services.short_key import whole_key
    from steelyard.services.suspense import assign_to_account, assign_to_order

    async with open_desk(shell, tenant_id) as desk:
        link_id = (await find_broker_link(desk.db, link)).link_id
        today = desk.now.date()
        if order_id is not None:
            whole = await whole_key(order_id, desk.db)
            return await assign_to_order(desk.db, link_id, execution_id, whole, today=today)
        account_id, asset_id = (name or "" for name in owner)
        return await assign_to_account(desk.db, link_id, execution_id, account_id, asset_id, today=today)
