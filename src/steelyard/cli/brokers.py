"""The commands about brokers: where orders go, and whose."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.sources import price_sources

if TYPE_CHECKING:
    from steelyard.services.broker_link import BrokerTools
    from steelyard.storage.broker_link import BrokerLink
    from steelyard.storage.connection import Pool


@asynccontextmanager
async def broker_tools(shell: Shell, pool: "Pool") -> "AsyncIterator[BrokerTools]":
    """Open what brokers are given."""
    from steelyard.services.broker_link import make_tools

    settings = shell.settings
    async with price_sources(settings) as sources:
        tools = make_tools(
            settings.private_networks,
            settings.data_dir,
            pool,
            clock=lambda: datetime.now(UTC),
            market=sources.market,
        )
        try:
            yield tools
        finally:
            await tools.outbound.close()


@click.group(
    epilog=examples("steelyard brokers link paper practice", "steelyard brokers attach practice RIVERA-IRA")
)
def brokers() -> None:
    """Say where orders go: link brokers, and attach accounts to them."""


@brokers.command(
    epilog=examples(
        "steelyard brokers link paper practice --set slippage_bps 5",
        "steelyard brokers link alpaca trading --environment live",
        "steelyard brokers link file custodian --address /srv/custodian --environment live",
    )
)
@click.argument("broker", type=click.Choice(["paper", "alpaca", "file"]))
@click.argument("name")
@click.option(
    "--environment",
    type=click.Choice(["paper", "live"]),
    default="paper",
    show_default=True,
    help="Whether real money moves.",
)
@click.option("--address", help="Its file or folder; of Alpaca where it is asked.")
@click.option(
    "--set", "settings", multiple=True, nargs=2, metavar="NAME VALUE", help="A setting; repeatable."
)
@click.option("--oauth", is_flag=True, help="Of Alpaca: ask for an access token instead of keys.")
@tenant_option
@pass_shell
def link(
    shell: Shell,
    *,
    broker: str,
    name: str,
    environment: str,
    address: str | None,
    settings: tuple[tuple[str, str], ...],
    oauth: bool,
    tenant_id: int,
) -> None:
    """Link a broker.

    Keys are asked for, or read line by line from standard input: arguments are seen by everybody on the machine. They
    are kept encrypted and never shown again.
    """
    credentials = _ask_credentials(is_oauth=oauth) if broker == "alpaca" else {}
    link_id = asyncio.run(
        _link(
            shell,
            tenant_id,
            broker=broker,
            name=name,
            environment=environment,
            address=address,
            settings={key: _value(text) for key, text in settings},
            credentials=credentials,
        )
    )
    click.echo(
        f"{name} is linked, as {link_id}. Accounts are attached with: steelyard brokers attach {name} ACCOUNT"
    )


@brokers.command("list", epilog=examples("steelyard brokers list", "steelyard brokers list --all --json"))
@click.option("--all", "with_ended", is_flag=True, help="Ended ones too.")
@tenant_option
@as_json
@pass_shell
def list_(shell: Shell, *, with_ended: bool, tenant_id: int, as_json: bool) -> None:
    """Show the links, and the accounts whose orders go there."""
    from steelyard.cli.screens.brokers import listed

    tell(asyncio.run(_list(shell, tenant_id, with_ended=with_ended)), listed, as_json=as_json)


@brokers.command(epilog=examples("steelyard brokers attach practice RIVERA-IRA RIVERA-JOINT"))
@click.argument("name", metavar="LINK")
@click.argument("account_ids", metavar="ACCOUNT", nargs=-1, required=True)
@tenant_option
@pass_shell
def attach(shell: Shell, *, name: str, account_ids: tuple[str, ...], tenant_id: int) -> None:
    """Let the orders of accounts go by a link.

    A paper broker is told what each account holds; accounts without a number of their own share one there.
    """
    asyncio.run(_attach(shell, tenant_id, name, account_ids))
    click.echo(f"Orders of {', '.join(account_ids)} go by {name}.")


@brokers.command(epilog=examples("steelyard brokers end practice"))
@click.argument("name", metavar="LINK")
@tenant_option
@pass_shell
def end(shell: Shell, *, name: str, tenant_id: int) -> None:
    """End a link: nothing is sent there any more."""
    asyncio.run(_end(shell, tenant_id, name))
    click.echo(f"{name} has ended.")


def _value(text: str) -> Any:
    """Read the value of a setting: true, false, or a number or word as it stands."""
    return {"true": True, "false": False}.get(text, text)


def _ask_credentials(*, is_oauth: bool) -> dict[str, str]:
    # Without a terminal nothing is shown, and getpass would complain that it cannot hide it.
    hides = sys.stdin.isatty()
    if is_oauth:
        return {"access_token": click.prompt("Access token", hide_input=hides, err=True)}
    return {
        "key_id": click.prompt("Key id", err=True),
        "secret_key": click.prompt("Secret key", hide_input=hides, err=True),
    }


async def _link(
    shell: Shell,
    tenant_id: int,
    *,
    broker: str,
    name: str,
    environment: str,
    address: str | None,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str],
) -> UUID:
    from steelyard.services.broker_link import link_broker

    link_id = uuid4()
    async with open_desk(shell, tenant_id) as desk:
        await link_broker(
            desk.db,
            desk.vault,
            desk.actor,
            link_id,
            broker=broker,
            name=name,
            environment=environment,
            address=address,
            settings=settings,
            credentials=credentials,
            now=desk.now,
        )
    return link_id


async def _list(shell: Shell, tenant_id: int, *, with_ended: bool) -> "Sequence[BrokerLink]":
    from steelyard.services.broker_link import get_broker_links

    async with open_desk(shell, tenant_id) as desk:
        return await get_broker_links(desk.db, with_ended=with_ended)


async def _attach(shell: Shell, tenant_id: int, name: str, account_ids: Sequence[str]) -> None:
    from steelyard.services.broker_link import attach_account, find_broker_link

    async with open_desk(shell, tenant_id) as desk, broker_tools(shell, desk.pool) as tools:
        link = await find_broker_link(desk.db, name)
        for account_id in account_ids:
            await attach_account(desk.db, desk.vault, account_id, link.link_id, tools)


async def _end(shell: Shell, tenant_id: int, name: str) -> None:
    from steelyard.services.broker_link import end_broker_link, find_broker_link

    async with open_desk(shell, tenant_id) as desk:
        link = await find_broker_link(desk.db, name)
        await end_broker_link(desk.db, link.link_id, now=desk.now)
