"""The commands that keep the ledger in step with brokers."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from steelyard.cli.brokers import broker_tools
from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import AmountType, as_json, examples
from steelyard.cli.output import tell, working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.short_key import BREAK_KEY
from steelyard.domain.short_key import AnyKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.services.broker_reconciliation import Break
    from steelyard.services.opening import Costs
    from steelyard.services.sync import SyncedLink


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "steelyard reconcile",
        "steelyard reconcile --link trading --json",
        "steelyard reconcile breaks",
        "steelyard reconcile open custodian RIVERA-IRA --at-market",
    ),
)
@click.option("--link", metavar="LINK", help="This link alone; without it all that have accounts.")
@tenant_option
@as_json
@pass_shell
@click.pass_context
def reconcile(
    context: click.Context, shell: Shell, *, link: str | None, tenant_id: int, as_json: bool
) -> None:
    """Bring in what brokers did, and compare what they hold with the ledger.

    A difference is a break: its account is held until both say the same again, or somebody explains it. Run it as
    often as you like, nothing is booked twice; a cron job once an hour will do. Exit code 1: a link failed, or
    breaks stand.
    """
    if context.invoked_subcommand is not None:
        return
    from steelyard.cli.screens.reconcile import reconciled
    from steelyard.services.sync import require_agreement

    with working("Asking brokers"):
        done = asyncio.run(_reconcile(shell, tenant_id, link))
    tell(done, reconciled, as_json=as_json)
    require_agreement(done)


@reconcile.command(
    epilog=examples("steelyard reconcile breaks", "steelyard reconcile breaks --account RIVERA-IRA --all")
)
@click.option("--account", "account_id", metavar="ACCOUNT", help="Of this account.")
@click.option("--all", "with_resolved", is_flag=True, help="Those that are gone or explained, too.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="The newest so many."
)
@tenant_option
@as_json
@pass_shell
def breaks(
    shell: Shell, *, account_id: str | None, with_resolved: bool, limit: int, tenant_id: int, as_json: bool
) -> None:
    """Show where a broker and the ledger say different things, the newest first."""
    from steelyard.cli.screens.reconcile import listed

    found = asyncio.run(_breaks(shell, tenant_id, account_id, limit, with_resolved=with_resolved))
    tell(found, listed, as_json=as_json)


@reconcile.command(
    epilog=examples(
        "steelyard reconcile explain 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e --reason 'their rounding, see mail of May 2'"
    )
)
@click.argument("break_id", type=BREAK_KEY, metavar="BREAK")
@click.option("--reason", required=True, help="What it is; it is kept.")
@tenant_option
@pass_shell
def explain(shell: Shell, *, break_id: AnyKey, reason: str, tenant_id: int) -> None:
    """Say what a break is, so that its account is let go.

    It is no new break as long as the difference stays what it is.
    """
    asyncio.run(_explain(shell, tenant_id, break_id, reason))
    click.echo("Explained; its account is let go.")


@reconcile.command(
    "open",
    epilog=examples(
        "steelyard reconcile open custodian RIVERA-IRA --cost VTI 12034.50 --cost BND 4100",
        "steelyard reconcile open trading RIVERA-JOINT --at-market",
    ),
)
@click.argument("link", metavar="LINK")
@click.argument("account_ids", metavar="ACCOUNT", nargs=-1, required=True)
@click.option(
    "--cost",
    "costs",
    type=(str, AmountType()),
    multiple=True,
    metavar="ASSET AMOUNT",
    help="What all units of an asset cost; repeatable.",
)
@click.option("--at-market", is_flag=True, help="What has no --cost cost its newest stored price.")
@tenant_option
@pass_shell
def open_(
    shell: Shell,
    *,
    link: str,
    account_ids: tuple[str, ...],
    costs: tuple[tuple[str, Decimal], ...],
    at_market: bool,
    tenant_id: int,
) -> None:
    """Open empty accounts with what a broker holds.

    Its positions are booked as opening lots, and the accounts attached to its link. Each has its number there:
    steelyard accounts number set. What cost is unknown is not guessed: gains are counted from it.
    """
    from steelyard.services.opening import Costs

    booked = asyncio.run(_open(shell, tenant_id, link, account_ids, Costs(dict(costs), at_market=at_market)))
    click.echo(
        f"{len(booked)} opening positions are booked. Orders of {', '.join(account_ids)} go by {link}."
    )


async def _reconcile(shell: Shell, tenant_id: int, name: str | None) -> "list[SyncedLink]":
    from steelyard.services.broker_link import Brokers, find_broker_link, get_broker_links
    from steelyard.services.sync import sync_links

    async with open_desk(shell, tenant_id) as desk, broker_tools(shell, desk.pool) as tools:
        if name is not None:
            links = [await find_broker_link(desk.db, name)]
        else:
            links = [link for link in await get_broker_links(desk.db) if link.accounts]
        brokers = Brokers(desk.vault, tools)
        try:
            return await sync_links(brokers, desk.vault, links, clock=tools.clock)
        finally:
            await brokers.close()


async def _breaks(
    shell: Shell, tenant_id: int, account_id: str | None, limit: int, *, with_resolved: bool
) -> "Sequence[Break]":
    from steelyard.services.broker_reconciliation import get_breaks

    async with open_desk(shell, tenant_id) as desk:
        return await get_breaks(desk.db, account_id=account_id, with_resolved=with_resolved, limit=limit)


async def _explain(shell: Shell, tenant_id: int, break_id: AnyKey, reason: str) -> None:
    from steelyard.services.broker_reconciliation import explain_break
    from steelyard.services.short_key import whole_key

    async with open_desk(shell, tenant_id) as desk:
        await explain_break(desk.db, await whole_key(break_id, desk.db), reason, now=desk.now)


async def _open(
    shell: Shell, tenant_id: int, name: str, account_ids: "Sequence[str]", costs: "Costs"
) -> list[str]:
    from steelyard.services.broker_link import find_broker_link
    from steelyard.services.opening import open_accounts

    async with open_desk(shell, tenant_id) as desk, broker_tools(shell, desk.pool) as tools:
        link = await find_broker_link(desk.db, name)
        return await open_accounts(
            desk.db, desk.vault, link.link_id, account_ids, tools, costs=costs, now=desk.now
        )
