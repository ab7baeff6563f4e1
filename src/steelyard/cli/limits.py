"""The commands about what no order may exceed."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from steelyard.cli.desk import open_book, tenant_option
from steelyard.cli.options import AmountType, as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.compliance.order_limits import OrderLimits
    from steelyard.storage.order_limit import StoredLimits

AMOUNT = AmountType()

account_option = click.option(
    "--account", "account_id", metavar="ID", help="Of this account.  [default: of each account of the tenant]"
)


@click.group(
    epilog=examples("steelyard limits list", "steelyard limits set --order-value 250000 --day-value 1000000")
)
def limits() -> None:
    """Say what no order may exceed: value, price, share of volume."""


@limits.command("list", epilog=examples("steelyard limits list", "steelyard limits list --json"))
@tenant_option
@as_json
@pass_shell
def list_(shell: Shell, *, tenant_id: int, as_json: bool) -> None:
    """Show the limits of the tenant and of accounts; the narrower of the two holds."""
    from steelyard.cli.screens.rules import limits_listed

    tell(asyncio.run(_list(shell, tenant_id)), limits_listed, as_json=as_json)


@limits.command(
    "set",
    epilog=examples(
        "steelyard limits set --order-value 250000 --day-value 1000000",
        "steelyard limits set --account RIVERA-IRA --collar 0.03 --participation 0.1",
    ),
)
@account_option
@click.option("--order-value", type=AMOUNT, help="Largest value of one order, in the tenant's currency.")
@click.option("--day-value", type=AMOUNT, help="Largest value of an account's orders in a day (UTC).")
@click.option("--collar", type=AMOUNT, help="How far a price may be from the last one, 0.05 for 5 %.")
@click.option("--participation", type=AMOUNT, help="Largest share of the usual volume, 0.1 for 10 %.")
@tenant_option
@pass_shell
def set_(
    shell: Shell,
    *,
    account_id: str | None,
    order_value: Decimal | None,
    day_value: Decimal | None,
    collar: Decimal | None,
    participation: Decimal | None,
    tenant_id: int,
) -> None:
    """Write limits in place of what they were.

    What is not named is no limit; the collar is 5 % then.
    """
    from steelyard.compliance.order_limits import OrderLimits

    if order_value is day_value is collar is participation is None:
        raise click.UsageError("Name at least one limit, or take all away: `steelyard limits end`.")
    written = OrderLimits(
        max_order_value=order_value,
        max_day_value=day_value,
        price_collar=collar,
        max_participation=participation,
    )
    asyncio.run(_set(shell, tenant_id, account_id, written))
    click.echo(f"Written for {_whose(account_id)}, and true for the next order that is sent.")


@limits.command(
    epilog=examples("steelyard limits end --account RIVERA-IRA", "steelyard limits end --tenant 2")
)
@account_option
@tenant_option
@pass_shell
def end(shell: Shell, *, account_id: str | None, tenant_id: int) -> None:
    """Take limits away."""
    asyncio.run(_end(shell, tenant_id, account_id))
    click.echo(f"Taken away for {_whose(account_id)}.")


def _whose(account_id: str | None) -> str:
    return "each account of the tenant" if account_id is None else f"account {account_id}"


async def _list(shell: Shell, tenant_id: int) -> "Sequence[StoredLimits]":
    from steelyard.services.order_limit import get_order_limits

    async with open_book(shell, tenant_id) as db:
        return await get_order_limits(db)


async def _set(shell: Shell, tenant_id: int, account_id: str | None, written: "OrderLimits") -> None:
    from steelyard.services.order_limit import set_order_limits

    async with open_book(shell, tenant_id) as db:
        await set_order_limits(db, account_id, written)


async def _end(shell: Shell, tenant_id: int, account_id: str | None) -> None:
    from steelyard.services.order_limit import end_order_limits

    async with open_book(shell, tenant_id) as db:
        await end_order_limits(db, account_id)
