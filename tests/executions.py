"""Orders at a broker and what it executes of them, for tests that need no broker."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from orders import add_asset, put_order, transaction
from people import run
from steelyard.brokers.port import BrokerFill
from steelyard.domain.order import Order, OrderState
from steelyard.services.fill import Recorded, record_fill

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
"""A Friday."""

_numbers = count(1)


async def add_link() -> UUID:
    """Add a way to a paper broker, under a name of its own."""
    rows = await run(
        "insert into steelyard.broker_links (tenant_id, broker, link_name, made_by) "
        "values (1, 'paper', :name, 'operator') returning link_id",
        name=f"link {next(_numbers)}",
    )
    link_id = rows[0][0]
    assert isinstance(link_id, UUID)
    return link_id


async def add_account(*, may_overdraw: bool = True, may_short: bool = True) -> str:
    """Add an account that the ledger keeps, under a name of its own."""
    account_id = f"A-{next(_numbers)}"
    await run(
        "insert into steelyard.accounts "
        "(tenant_id, account_id, account_name, base_currency, kept_by, may_overdraw, may_short) "
        "values (1, :id, :id, 'USD', 'ledger', :may_overdraw, :may_short)",
        id=account_id,
        may_overdraw=may_overdraw,
        may_short=may_short,
    )
    return account_id


async def add_order(
    link_id: UUID,
    account_id: str | None,
    quantity: str = "10",
    state: OrderState = OrderState.SENT,
    **what: Any,
) -> Order:
    """Add an order of VTI and bring it to a state; a name of it at the broker is put in at the end."""
    await add_asset(what.get("asset_id", "VTI"))
    then = {key: what.pop(key) for key in ("broker_order_id",) if key in what}
    async with transaction() as db:
        return await put_order(
            db,
            state,
            link_id=link_id,
            account_id=account_id,
            quantity=Decimal(quantity),
            then=then or None,
            **what,
        )


def fill_of(order: Order, quantity: str, price: str = "100", **others: Any) -> BrokerFill:
    """Make a fill of an order, a moment after the one before."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "execution_id": f"x-{number}",
        "broker_order_id": order.broker_order_id or "",
        "client_order_id": order.client_order_id,
        "symbol": order.asset_id,
        "side": order.side,
        "quantity": Decimal(quantity),
        "price": Decimal(price),
        "currency": order.currency,
        "executed_at": NOON + timedelta(milliseconds=number),
    }
    return BrokerFill(**values | others)


async def record(link_id: UUID, *fills: BrokerFill) -> Recorded:
    """Record fills, each in a transaction of its own; returns what became of the last."""
    for fill in fills:
        async with transaction() as db:
            recorded = await record_fill(db, link_id, fill, today=TODAY)
    return recorded


async def balances_of(account_id: str) -> dict[str, Decimal]:
    """What an account holds by the ledger."""
    rows = await run(
        "select commodity, quantity from steelyard.balances where account_id = :id and quantity <> 0",
        id=account_id,
    )
    return {str(name): Decimal(str(quantity)) for name, quantity in rows}
