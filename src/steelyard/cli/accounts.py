"""The commands about accounts themselves: which there are, what they are, have, did, and should hold."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from typing import Final, TypeVar

import click

from steelyard.cli.options import DAY, as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell

Answer = TypeVar("Answer")

MOST_TRANSACTIONS: Final = 1_000


@click.group(
    invoke_without_command=True, epilog=examples("steelyard accounts", "steelyard accounts show RIVERA-IRA")
)
@as_json
@pass_shell
@click.pass_context
def accounts(ctx: click.Context, shell: Shell, *, as_json: bool) -> None:
    """List the accounts; show what one is, has and did."""
    from steelyard.services.account import get_accounts

    if ctx.invoked_subcommand is None:
        from steelyard.cli.screens.accounts import listed

        tell(asyncio.run(read_with(shell, get_accounts)), listed, as_json=as_json)


@accounts.command(epilog=examples("steelyard accounts show RIVERA-IRA"))
@click.argument("account_id", metavar="ACCOUNT")
@as_json
@pass_shell
def show(shell: Shell, *, account_id: str, as_json: bool) -> None:
    """Show what an account follows, what keeps it, and where its orders go."""
    from steelyard.cli.screens.accounts import information
    from steelyard.services.account import get_account_information

    read = partial(get_account_information, account_id)
    tell(asyncio.run(read_with(shell, read)), information, as_json=as_json)


@accounts.command(epilog=examples("steelyard accounts balances RIVERA-IRA --as-of 2024-03-28"))
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--as-of", type=DAY, help="Prices and rates of this day.  [default: the last price date]")
@as_json
@pass_shell
def balances(shell: Shell, *, account_id: str, as_of: date | None, as_json: bool) -> None:
    """Show the cash of an account and the value of what it holds, by currency."""
    from steelyard.cli.screens.accounts import balances as balance_screen
    from steelyard.services.account import get_balances

    read = partial(get_balances, account_id, as_of=as_of)
    tell(asyncio.run(read_with(shell, read)), balance_screen, as_json=as_json)


@accounts.command(epilog=examples("steelyard accounts transactions RIVERA-IRA --limit 50"))
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--limit", type=click.IntRange(1, MOST_TRANSACTIONS), default=20, show_default=True)
@as_json
@pass_shell
def transactions(shell: Shell, *, account_id: str, limit: int, as_json: bool) -> None:
    """Show what was booked in an account, the newest first."""
    from steelyard.cli.screens.accounts import transactions as transaction_screen
    from steelyard.services.account import get_transactions

    read = partial(get_transactions, account_id, limit=limit)
    tell(
        asyncio.run(read_with(shell, read)),
        partial(transaction_screen, account_id=account_id),
        as_json=as_json,
    )


@click.command(epilog=examples("steelyard targets RIVERA-IRA"))
@click.argument("account_id", metavar="ACCOUNT")
@as_json
@pass_shell
def targets(shell: Shell, *, account_id: str, as_json: bool) -> None:
    """Show what an account should hold: the weights of the model that it follows."""
    from steelyard.cli.screens.accounts import targets as target_screen
    from steelyard.services.account import get_target_allocation

    read = partial(get_target_allocation, account_id)
    tell(asyncio.run(read_with(shell, read)), partial(target_screen, account_id=account_id), as_json=as_json)


async def read_with(shell: Shell, read: Callable[[], Awaitable[Answer]]) -> Answer:
    """Read something of the open store."""
    async with shell.store():
        return await read()


@accounts.group()
def number() -> None:
    """The number of an account at its bank or broker, kept encrypted."""


@number.command("set", epilog=examples("steelyard accounts number set RIVERA-IRA"))
@click.argument("account_id", metavar="ACCOUNT")
@pass_shell
def set_(shell: Shell, *, account_id: str) -> None:
    """Keep the number of an account.

    It is asked for, or read from standard input: arguments are seen by everybody on the machine.
    """
    asyncio.run(_set(shell, account_id, click.prompt("Number", err=True)))
    click.echo(f"The number of {account_id} is kept.")


@number.command(epilog=examples("steelyard accounts number remove RIVERA-IRA"))
@click.argument("account_id", metavar="ACCOUNT")
@pass_shell
def remove(shell: Shell, *, account_id: str) -> None:
    """Keep the number of an account no more."""
    asyncio.run(_set(shell, account_id, None))
    click.echo(f"No number of {account_id} is kept.")


@number.command("show", epilog=examples("steelyard accounts number show RIVERA-IRA"))
@click.argument("account_id", metavar="ACCOUNT")
@pass_shell
def show_number(shell: Shell, *, account_id: str) -> None:
    """Show the number of an account."""
    found = asyncio.run(_get(shell, account_id))
    click.echo(f"No number of {account_id} is kept." if found is None else found)


async def _set(shell: Shell, account_id: str, text: str | None) -> None:
    from steelyard.services.account_number import set_account_number
    from steelyard.storage.connection import get_write_session

    async with shell.store() as pool:
        vault = await shell.vault(pool)
        async with get_write_session() as db:
            await set_account_number(db, vault, account_id, text)


async def _get(shell: Shell, account_id: str) -> str | None:
    from steelyard.services.account_number import get_account_number
    from steelyard.storage.connection import get_db_session

    async with shell.store() as pool:
        vault = await shell.vault(pool)
        async with get_db_session() as db:
            return await get_account_number(db, vault, account_id)
