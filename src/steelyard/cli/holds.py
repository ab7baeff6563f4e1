"""The commands about holds: what must not be sent now, and why."""

import asyncio
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.short_key import HOLD_KEY, ORDER_KEY
from steelyard.domain.short_key import AnyKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.services.hold import Hold

REASON: Final = click.option("--reason", required=True, help="Why; it is kept.")


@click.group(
    epilog=examples(
        "steelyard holds list",
        "steelyard holds place --account RIVERA-IRA --reason 'the client is moving'",
    )
)
def holds() -> None:
    """Hold orders back, and let them go: of an account, one order, or everybody.

    A difference between broker and ledger, and more executed than ordered, hold an account by themselves.
    """


@holds.command("list", epilog=examples("steelyard holds list", "steelyard holds list --all --json"))
@click.option("--account", "account_id", metavar="ACCOUNT", help="Of this account, and of every account.")
@click.option("--all", "with_released", is_flag=True, help="Those that were let go, too.")
@tenant_option
@as_json
@pass_shell
def list_(
    shell: Shell, *, account_id: str | None, with_released: bool, tenant_id: int, as_json: bool
) -> None:
    """Show what is held, the newest first."""
    from steelyard.cli.screens.holds import listed

    tell(
        asyncio.run(_list(shell, tenant_id, account_id, with_released=with_released)), listed, as_json=as_json
    )


@holds.command(
    epilog=examples(
        "steelyard holds place --account RIVERA-IRA --reason 'the client is moving'",
        "steelyard holds place --order 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e --kind compliance --reason 'ask first'",
    )
)
@click.option("--account", "account_id", metavar="ACCOUNT", help="Orders of this account.")
@click.option("--order", "order_id", type=ORDER_KEY, metavar="ORDER", help="This order.")
@click.option(
    "--kind", type=click.Choice(["manual", "compliance"]), default="manual", show_default=True, help="Whose."
)
@REASON
@tenant_option
@pass_shell
def place(
    shell: Shell,
    *,
    account_id: str | None,
    order_id: AnyKey | None,
    kind: str,
    reason: str,
    tenant_id: int,
) -> None:
    """Hold back an account or an order.

    Everything at once stops with: steelyard orders stop
    """
    if account_id is None and order_id is None:
        raise click.UsageError(
            "Name an --account or an --order; everything stops with: steelyard orders stop"
        )
    placed = asyncio.run(_place(shell, tenant_id, kind, reason, account_id=account_id, order_id=order_id))
    click.echo(f"Held, as {placed}." if placed else "A hold that says the same stands already.")


@holds.command(
    epilog=examples(
        "steelyard holds release 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e --reason 'settled by phone'"
    )
)
@click.argument("hold_id", type=HOLD_KEY, metavar="HOLD")
@REASON
@tenant_option
@pass_shell
def release(shell: Shell, *, hold_id: AnyKey, reason: str, tenant_id: int) -> None:
    """Let go of a hold: what it held is sent when its time comes."""
    asyncio.run(_release(shell, tenant_id, hold_id, reason))
    click.echo("Released.")


async def _list(
    shell: Shell, tenant_id: int, account_id: str | None, *, with_released: bool
) -> "Sequence[Hold]":
    from steelyard.services.hold import get_holds

    async with open_desk(shell, tenant_id) as desk:
        return await get_holds(desk.db, account_id=account_id, with_released=with_released)


async def _place(
    shell: Shell, tenant_id: int, kind: str, reason: str, *, account_id: str | None, order_id: AnyKey | None
) -> UUID | None:
    from steelyard.services.hold import HoldKind, place_hold
    from steelyard.services.short_key import whole_key

    async with open_desk(shell, tenant_id) as desk:
        whole = None if order_id is None else await whole_key(order_id, desk.db)
        return await place_hold(desk.db, HoldKind(kind), reason, account_id=account_id, order_id=whole)


async def _release(shell: Shell, tenant_id: int, hold_id: AnyKey, reason: str) -> None:
    from steelyard.services.hold import release_hold
    from steelyard.services.short_key import whole_key

    async with open_desk(shell, tenant_id) as desk:
        await release_hold(desk.db, await whole_key(hold_id, desk.db), reason)
