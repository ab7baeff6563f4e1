"""The commands about accounts themselves."""

import asyncio

import click

from steelyard.cli.options import examples
from steelyard.cli.shell import Shell, pass_shell


@click.group()
def accounts() -> None:
    """Keep what an account is known by elsewhere."""


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


@number.command(epilog=examples("steelyard accounts number show RIVERA-IRA"))
@click.argument("account_id", metavar="ACCOUNT")
@pass_shell
def show(shell: Shell, *, account_id: str) -> None:
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
