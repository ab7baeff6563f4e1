"""Fills in the store: each execution once, with its postings, its order and its account's hold in one transaction."""

from decimal import Decimal
from uuid import UUID

import pytest

from executions import TODAY, add_link, add_order, add_traded_account
from people import run
from steelyard.brokers.port import BrokerFill
from steelyard.services.fill import Outcome, Recorded, record_fill
from steelyard.storage.connection import get_write_session

pytestmark = pytest.mark.usefixtures("store")


async def record(link_id: UUID, fill: BrokerFill) -> Recorded:
    async with get_write_session() as db:
        return await record_fill(db, link_id, fill, today=TODAY)


async def balances(account_id: str) -> dict[str, Decimal]:
    rows = await run(
        "select commodity, quantity from steelyard.balances where account_id = :id and quantity <> 0",
        id=account_id,
    )
    return {str(name): Decimal(str(quantity)) for name, quantity in rows}


async def state_of(order_id: UUID) -> tuple[object, ...]:
    [row] = await run("select state, filled_quantity from steelyard.orders where order_id = :id", id=order_id)
    return row


async def test_a_fill_is_booked_with_its_order() -> None:
    link, account = await add_link(), await add_traded_account()
    order = await add_order(link, account)
    recorded = await record(link, order.fill("4", "100.25", fees=Decimal("0.35")))
    assert recorded.outcome is Outcome.BOOKED
    assert await state_of(order.order_id) == ("partially_filled", 4)
    assert await balances(account) == {"VTI": Decimal(4), "USD": Decimal("-401.35")}
