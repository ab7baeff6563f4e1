"""Suspense: a person says whose a fill is that nobody knows, and it is booked as if it had said so itself."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from executions import TODAY, add_account, add_link, add_order, balances_of, fill_of, record
from orders import read, transaction
from people import run
from steelyard.brokers.port import BrokerFill
from steelyard.domain.order import Order, OrderState, Side
from steelyard.services.fill import Outcome, try_suspended
from steelyard.services.suspense import (
    FillNotFoundError,
    FillOwnedError,
    WrongOwnerError,
    assign_to_account,
    assign_to_order,
    get_fill_page,
    get_suspense,
)
from steelyard.storage.connection import get_db_session
from trading_laws import check_trading

pytestmark = pytest.mark.usefixtures("store")


def foundling(order: Order, **others: str) -> BrokerFill:
    """A fill that names nothing of ours."""
    return fill_of(order, "10", **{"client_order_id": "", "broker_order_id": f"b-{uuid4()}"} | others)


async def test_a_fill_is_given_to_its_order() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = foundling(order, symbol="VTI US")
    await record(link, fill)
    async with get_db_session() as db:
        [waiting] = await get_suspense(db, link)
    assert (waiting.execution_id, waiting.asset_id) == (fill.execution_id, None)
    async with transaction() as db:
        done = await assign_to_order(db, link, fill.execution_id, order.order_id, today=TODAY)
    assert done.outcome is Outcome.BOOKED
    assert (await read(order.order_id)).state is OrderState.FILLED
    assert await balances_of(account) == {"VTI": Decimal(10), "USD": Decimal(-1000)}
    async with get_db_session() as db:
        assert not await get_suspense(db, link)
    events = await run(
        "select action from steelyard.audit_events where object_id = :id order by sequence",
        id=fill.execution_id,
    )
    assert events == [("fill.suspend",), ("fill.book",), ("fill.assign",)]
    await check_trading()


async def test_what_nobody_ordered_here_is_given_to_an_account() -> None:
    link, account = await add_link(), await add_account()
    fill = foundling(await add_order(link, await add_account()))
    await record(link, fill)
    async with get_db_session() as reading:
        assert [one.asset_id for one in await get_suspense(reading, link)] == ["VTI"]
    async with transaction() as db:
        await assign_to_account(db, link, fill.execution_id, account, "VTI", today=TODAY)
    assert await balances_of(account) == {"VTI": Decimal(10), "USD": Decimal(-1000)}
    assert (await record(link, replace(fill, is_bust=True))).outcome is Outcome.BUSTED
    assert await balances_of(account) == {}
    await check_trading()


async def test_what_was_given_to_an_account_moves_no_order_when_it_is_taken_back() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = foundling(order)
    await record(link, fill)
    async with transaction() as db:
        await assign_to_account(db, link, fill.execution_id, account, "VTI", today=TODAY)
    before = await read(order.order_id)
    named = replace(fill, is_bust=True, client_order_id=order.client_order_id)
    assert (await record(link, named)).outcome is Outcome.BUSTED
    assert await read(order.order_id) == before
    assert await balances_of(account) == {}


async def test_what_was_given_to_an_order_stays_its_own_whatever_its_bust_names() -> None:
    link, account = await add_link(), await add_account()
    order, other = await add_order(link, account), await add_order(link, account)
    fill = foundling(order)
    await record(link, fill)
    async with transaction() as db:
        await assign_to_order(db, link, fill.execution_id, order.order_id, today=TODAY)
    await record(link, replace(fill, is_bust=True, client_order_id=other.client_order_id))
    assert (await read(order.order_id)).state is OrderState.SENT
    assert (await read(other.order_id)).version == other.version


async def test_a_fill_has_one_owner() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill, taken_back = fill_of(order, "10"), foundling(order)
    await record(link, fill, taken_back, replace(taken_back, is_bust=True))
    async with transaction() as db:
        for execution_id in (fill.execution_id, taken_back.execution_id):
            with pytest.raises(FillOwnedError):
                await assign_to_account(db, link, execution_id, account, "VTI", today=TODAY)
        with pytest.raises(FillNotFoundError):
            await assign_to_account(db, link, "never", account, "VTI", today=TODAY)


async def test_a_fill_is_given_to_nobody_whose_it_cannot_be() -> None:
    link, other, account = await add_link(), await add_link(), await add_account()
    order = await add_order(link, account)
    sell, elsewhere = await add_order(link, account, side=Side.SELL), await add_order(other, account)
    fill = foundling(order)
    await record(link, fill)
    async with transaction() as db:
        for wrong in (sell.order_id, elsewhere.order_id, uuid4()):
            with pytest.raises(WrongOwnerError, match=fill.execution_id):
                await assign_to_order(db, link, fill.execution_id, wrong, today=TODAY)
        for account_id, asset_id in ((account, "XYZW"), ("nobody", "VTI")):
            with pytest.raises(WrongOwnerError, match="not there"):
                await assign_to_account(db, link, fill.execution_id, account_id, asset_id, today=TODAY)


async def test_a_fill_finds_its_order_when_the_brokers_key_becomes_known() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = foundling(order)
    await record(link, fill)
    await run(
        "update steelyard.orders set broker_order_id = :key, version = version + 1 where order_id = :id",
        key=fill.broker_order_id,
        id=order.order_id,
    )
    async with transaction() as db:
        await try_suspended(db, link, fill.broker_order_id, today=TODAY)
    assert (await read(order.order_id)).state is OrderState.FILLED


async def test_an_execution_that_comes_again_finds_its_order_too() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = fill_of(order, "10")
    await record(link, replace(fill, client_order_id="", broker_order_id="b-later"))
    assert (await record(link, fill)).outcome is Outcome.BOOKED
    assert await balances_of(account) == {"VTI": Decimal(10), "USD": Decimal(-1000)}


async def test_fills_are_shown_page_by_page_the_newest_first() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fills = [fill_of(order, "2") for _ in range(5)]
    await record(link, *fills)
    async with get_db_session() as db:
        first = await get_fill_page(db, account_id=account, limit=3)
        last = first[-1]
        rest = await get_fill_page(
            db, order_id=order.order_id, before=(last.executed_at, last.execution_id, last.link_id), limit=3
        )
    shown = [fill.execution_id for fill in [*first, *rest]]
    assert shown == [fill.execution_id for fill in reversed(fills)]
