"""The commands about orders: where each is, and what a person does about it."""

import asyncio
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from decimal import Decimal
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import AmountType, as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.short_key import ORDER_KEY, PROPOSAL_KEY
from steelyard.domain.short_key import AnyKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.domain.order import Order
    from steelyard.services.order import ShownOrder
    from steelyard.storage.trading_stop import PulledStop

MOST: Final = 1000
STATES: Final = (
    "draft",
    "reviewed",
    "approved",
    "sending",
    "sent",
    "partially_filled",
    "filled",
    "rejected",
    "cancelled",
    "unknown",
)
ORDER: Final = click.argument("order_id", type=ORDER_KEY, metavar="ORDER")


@dataclass(frozen=True, slots=True)
class ListedOrders:
    """A page of orders, and what stops them.

    Attributes:
        orders: the newest first.
        stops: the kill switches that are pulled.
    """

    orders: "Sequence[Order]"
    stops: "Sequence[PulledStop]"


@click.group(epilog=examples("steelyard orders list", "steelyard orders stop --reason 'a wrong price'"))
def orders() -> None:
    """See orders; cancel, replace or resolve one; stop them all.

    Files of orders for a custodian are written by: steelyard rebalance --orders FILE.
    """


@orders.command(
    "list",
    epilog=examples(
        "steelyard orders list --account RIVERA-IRA",
        "steelyard orders list --state unknown --json",
        "steelyard orders list --proposal 0d5c1c32-6f0c-4b0e-9d55-0a7e4a3f5b11",
    ),
)
@click.option("--account", "account_id", metavar="ACCOUNT", help="Of this account.")
@click.option("--proposal", "proposal_id", type=PROPOSAL_KEY, metavar="PROPOSAL", help="Of this proposal.")
@click.option(
    "--state", "states", type=click.Choice(STATES), multiple=True, help="In this state; repeatable."
)
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="The newest so many."
)
@tenant_option
@as_json
@pass_shell
def list_(
    shell: Shell,
    *,
    account_id: str | None,
    proposal_id: AnyKey | None,
    states: tuple[str, ...],
    limit: int,
    tenant_id: int,
    as_json: bool,
) -> None:
    """Show orders, the newest first, and the kill switches that are pulled."""
    from steelyard.cli.screens.orders import listed
    from steelyard.domain.order import OrderState
    from steelyard.storage.order import OrderFilter

    wanted = OrderFilter(account_id=account_id, states=[OrderState(state) for state in states] or None)
    tell(asyncio.run(_list(shell, tenant_id, wanted, proposal_id, limit)), listed, as_json=as_json)


@orders.command(epilog=examples("steelyard orders show 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e"))
@ORDER
@tenant_option
@as_json
@pass_shell
def show(shell: Shell, *, order_id: AnyKey, tenant_id: int, as_json: bool) -> None:
    """Show an order with every state it was in and its fills."""
    from steelyard.cli.screens.orders import shown

    tell(asyncio.run(_show(shell, tenant_id, order_id)), shown, as_json=as_json)


@orders.command(epilog=examples("steelyard orders cancel 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e"))
@ORDER
@tenant_option
@pass_shell
def cancel(shell: Shell, *, order_id: AnyKey, tenant_id: int) -> None:
    """Cancel an order: at once where nothing was sent, else its broker is asked to."""
    order = asyncio.run(_cancel(shell, tenant_id, order_id))
    click.echo(
        "Cancelled."
        if order.state == "cancelled"
        else "Its broker is asked to; what is filled before that stays."
    )


@orders.command(
    epilog=examples(
        "steelyard orders replace 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e --limit-price 81.50",
        "steelyard orders replace 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e --quantity 40",
    )
)
@ORDER
@click.option("--quantity", type=AmountType(), help="Units; without it all that is open.")
@click.option("--limit-price", type=AmountType(), help="Worst price of one unit; without it at the market.")
@tenant_option
@pass_shell
def replace(
    shell: Shell, *, order_id: AnyKey, quantity: Decimal | None, limit_price: Decimal | None, tenant_id: int
) -> None:
    """Cancel an order and send another in its place.

    Of the same asset and side, and at most what is open of it: anything more is proposed anew.
    """
    made = asyncio.run(_replace(shell, tenant_id, order_id, quantity, limit_price))
    click.echo(f"Order {made.order_id} is sent when {made.replaces} has ended.")


@orders.command(
    epilog=examples(
        "steelyard orders resolve 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e found --as 9041 --reason 'on their screen'",
        "steelyard orders resolve 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e never --reason 'the desk says so'",
        "steelyard orders resolve 2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e again --reason 'never arrived'",
    )
)
@ORDER
@click.argument("resolution", type=click.Choice(["found", "never", "again"]))
@click.option("--as", "broker_order_id", metavar="KEY", help="What the broker calls it, where it has it.")
@click.option("--reason", required=True, help="How you know.")
@tenant_option
@pass_shell
def resolve(
    shell: Shell,
    *,
    order_id: AnyKey,
    resolution: str,
    broker_order_id: str | None,
    reason: str,
    tenant_id: int,
) -> None:
    """Say of an unknown order what you found out at its broker.

    found: it has it, as its order KEY. never: it never had it, and the order is cancelled. again: it never had it, and
    it is sent as a new order.
    """
    whole, answer = asyncio.run(
        _resolve(shell, tenant_id, order_id, resolution, broker_order_id=broker_order_id, reason=reason)
    )
    if answer.order_id != whole:
        click.echo(f"{whole} is cancelled, and order {answer.order_id} is sent in its place.")
    else:
        click.echo(f"{whole} is {answer.state.value}.")


REASON: Final = click.option("--reason", required=True, help="Why; it is kept.")
EVERYTHING: Final = click.option(
    "--everything", "of_all", is_flag=True, help="Of every tenant, and not of one alone."
)


@orders.command(
    epilog=examples(
        "steelyard orders stop --reason 'a wrong price'",
        "steelyard orders stop --everything --reason 'an outage'",
    )
)
@REASON
@EVERYTHING
@tenant_option
@pass_shell
def stop(shell: Shell, *, reason: str, of_all: bool, tenant_id: int) -> None:
    """Pull the kill switch: nothing more is sent.

    What is at a broker stays there and is followed; cancel it one by one.
    """
    asyncio.run(_stop(shell, tenant_id, reason, of_all=of_all))
    click.echo("Stopped: nothing more is sent. What is at a broker can be cancelled: steelyard orders list")


@orders.command(epilog=examples("steelyard orders go --reason 'the price is right again'"))
@REASON
@EVERYTHING
@tenant_option
@pass_shell
def go(shell: Shell, *, reason: str, of_all: bool, tenant_id: int) -> None:
    """Release the kill switch: what waited is sent, unless its day is over."""
    asyncio.run(_go(shell, tenant_id, reason, of_all=of_all))
    click.echo("Orders are sent again.")


async def _list(
    shell: Shell, tenant_id: int, wanted: Any, proposal_id: AnyKey | None, limit: int
) -> ListedOrders:
    from steelyard.services.order import list_orders
    from steelyard.services.short_key import whole_key
    from steelyard.services.trading_stop import get_stops

    async with open_desk(shell, tenant_id) as desk:
        if proposal_id is not None:
            wanted = replace_fields(wanted, proposal_id=await whole_key(proposal_id, desk.db))
        return ListedOrders(await list_orders(desk.db, wanted, limit=limit), await get_stops(desk.db))


async def _show(shell: Shell, tenant_id: int, order_id: AnyKey) -> "ShownOrder":
    from steelyard.services.order import get_order
    from steelyard.services.short_key import whole_key

    async with open_desk(shell, tenant_id) as desk:
        return await get_order(desk.db, await whole_key(order_id, desk.db))


async def _cancel(shell: Shell, tenant_id: int, order_id: AnyKey) -> "Order":
    from steelyard.services.order import cancel_order
    from steelyard.services.short_key import whole_key

    async with open_desk(shell, tenant_id) as desk:
        return await cancel_order(desk.db, await whole_key(order_id, desk.db), now=desk.now)


async def _replace(
    shell: Shell, tenant_id: int, order_id: AnyKey, quantity: Decimal | None, limit_price: Decimal | None
) -> "Order":
    from steelyard.services.order import Replacement, replace_order
    from steelyard.services.short_key import whole_key

    wanted = Replacement(quantity=quantity, limit_price=limit_price)
    async with open_desk(shell, tenant_id) as desk:
        whole = await whole_key(order_id, desk.db)
        return await replace_order(desk.db, whole, wanted, now=desk.now, random=token_bytes)


async def _resolve(
    shell: Shell,
    tenant_id: int,
    order_id: AnyKey,
    resolution: str,
    *,
    broker_order_id: str | None,
    reason: str,
) -> tuple[UUID, "Order"]:
    from steelyard.services.order import Resolution, resolve_order
    from steelyard.services.short_key import whole_key

    async with open_desk(shell, tenant_id) as desk:
        whole = await whole_key(order_id, desk.db)
        return whole, await resolve_order(
            desk.db,
            whole,
            Resolution(resolution),
            reason=reason,
            broker_order_id=broker_order_id,
            now=desk.now,
            random=token_bytes,
        )


async def _stop(shell: Shell, tenant_id: int, reason: str, *, of_all: bool) -> None:
    from steelyard.services.trading_stop import stop_trading

    async with open_desk(shell, tenant_id) as desk:
        await stop_trading(desk.db, reason, of_all=of_all)


async def _go(shell: Shell, tenant_id: int, reason: str, *, of_all: bool) -> None:
    from steelyard.services.trading_stop import resume_trading

    async with open_desk(shell, tenant_id) as desk:
        await resume_trading(desk.db, reason, now=desk.now, of_all=of_all)
