"""What people and rules do about orders on their way: kill switches, holds, cash, cancelling, replacing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_bytes
from uuid import UUID, uuid4

import pytest

from orders import read, transaction
from people import run
from steelyard.brokers.paper_faults import Call, Fault
from steelyard.domain.order import Order, OrderState, Side
from steelyard.services.hold import HoldKind, place_hold, release_hold
from steelyard.services.order import (
    InBlockError,
    NotExecutedError,
    OrderEndedError,
    Replacement,
    ReplacementError,
    UnknownOrderError,
    cancel_order,
    replace_order,
)
from steelyard.services.trading_stop import (
    AlreadyStoppedError,
    NotStoppedError,
    StopReasonError,
    get_stops,
    resume_trading,
    stop_trading,
)
from steelyard.storage.connection import Pool
from steelyard.storage.order import OrderMovedError
from workshop import KEEPS, Workshop, holdings_at, ledger_of, opened_workshop, states, timing

SLOW = replace(KEEPS, delay=timedelta(hours=1))


@pytest.fixture
async def shop(store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path, accounts=2) as made:
        yield made


@pytest.fixture
async def slow(store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    """A workshop whose broker takes an hour to fill anything."""
    del store  # as above
    async with opened_workshop(tmp_path, SLOW) as made:
        yield made


async def stop(*, of_all: bool = False) -> None:
    async with transaction() as db:
        await stop_trading(db, "a wrong price", of_all=of_all)


async def go(shop: Workshop, *, of_all: bool = False) -> None:
    async with transaction() as db:
        await resume_trading(db, "it is right again", now=shop.clock(), of_all=of_all)


async def cancel(order: Order, shop: Workshop, version: int | None = None) -> Order:
    async with transaction() as db:
        return await cancel_order(db, order.order_id, now=shop.clock(), version=version)


async def substitute(order: Order, shop: Workshop, **wanted: Decimal) -> Order:
    async with transaction() as db:
        return await replace_order(
            db, order.order_id, Replacement(**wanted), now=shop.clock(), random=token_bytes
        )


async def proposal_of(shop: Workshop) -> UUID:
    rows = await run(
        "insert into steelyard.proposals (tenant_id, account_id, author, document, content_hash, made_at, expires_at, "
        "order_value, outcome, state) values (1, :account, 'operator', '{}', :hash, :now, :now, 0, 'pass', 'executed') "
        "returning proposal_id",
        account=shop.accounts[0],
        hash=bytes(32),
        now=shop.clock(),
    )
    proposal_id = rows[0][0]
    assert isinstance(proposal_id, UUID)
    return proposal_id


# ── Kill switches and holds ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("of_all", [False, True])
async def test_with_the_kill_switch_pulled_nothing_is_sent_and_what_was_sent_is_followed(
    shop: Workshop, *, of_all: bool
) -> None:
    sent = await shop.order()
    await shop.worker().work()
    waits = await shop.order(side=Side.SELL)
    await stop(of_all=of_all)
    await shop.work(rounds=10, seconds=10)
    assert await states(sent, waits) == [OrderState.FILLED, OrderState.APPROVED]
    assert "a wrong price" in (await read(waits.order_id)).reason
    assert len(await shop.placed()) == 1
    await go(shop, of_all=of_all)
    await shop.work(waits, seconds=10)
    assert await states(waits) == [OrderState.FILLED]


async def test_an_unknown_order_is_looked_for_and_not_sent_again_while_trading_is_stopped(
    shop: Workshop,
) -> None:
    lost, taken = await shop.order(), await shop.order(side=Side.SELL)
    shop.go_wrong((Call.PLACE, Fault.LOSE_REQUEST), (Call.PLACE, Fault.LOSE_REPLY))
    await shop.worker().work()
    await stop()
    await shop.work(rounds=6, seconds=10)
    assert sorted(await states(lost, taken)) == sorted([OrderState.UNKNOWN, OrderState.FILLED])
    assert len(await shop.placed()) == 1
    await go(shop)
    await shop.work(lost, taken, seconds=10)
    assert await states(lost, taken) == [OrderState.FILLED] * 2


async def test_a_switch_is_pulled_before_an_intent_or_after_it_and_never_in_between(shop: Workshop) -> None:
    """Whoever pulls it waits for the transaction that looked at it."""
    from steelyard.storage.trading_stop import list_obstacles  # noqa: PLC0415 - beside what it is about

    order = await shop.order()
    async with transaction() as db:
        assert await list_obstacles(db, order) == []
        pulling = asyncio.create_task(stop())
        await asyncio.sleep(0.2)
        assert not pulling.done()
    await pulling
    await go(shop)


async def test_a_kill_switch_is_pulled_once_for_a_reason_and_is_seen(shop: Workshop) -> None:
    with pytest.raises(StopReasonError):
        async with transaction() as db:
            await stop_trading(db, " ")
    await stop()
    with pytest.raises(AlreadyStoppedError):
        await stop()
    async with transaction() as db:
        [found] = await get_stops(db)
    assert (found.is_of_all, found.reason, found.made_by) == (False, "a wrong price", "operator")
    await go(shop)
    with pytest.raises(NotStoppedError):
        await go(shop)


async def test_a_hold_of_an_account_holds_its_orders_and_no_others(shop: Workshop) -> None:
    held, other = await shop.order(), await shop.order(account_id=shop.accounts[1])
    async with transaction() as db:
        hold_id = await place_hold(db, HoldKind.MANUAL, "a question", account_id=shop.accounts[0])
    await shop.work(other, seconds=10)
    assert await states(held, other) == [OrderState.APPROVED, OrderState.FILLED]
    assert hold_id is not None
    async with transaction() as db:
        await release_hold(db, hold_id, "answered")
    await shop.work(held, seconds=10)
    assert await states(held) == [OrderState.FILLED]


# ── Before sending ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_without_a_price_waits_and_one_beyond_its_collar_is_rejected(shop: Workshop) -> None:
    order = await shop.order()
    price = shop.prices.pop("VTI")
    await shop.work(rounds=2, seconds=10)
    found = await read(order.order_id)
    assert (found.state, "VTI has no price" in found.reason) == (OrderState.APPROVED, True)
    shop.prices["VTI"] = price * 2
    await shop.work(order, seconds=10)
    assert await states(order) == [OrderState.REJECTED]
    assert await shop.placed() == []


async def test_what_could_not_be_sent_in_its_day_is_cancelled(shop: Workshop) -> None:
    order = await shop.order()
    shop.prices.clear()
    await shop.work(order, rounds=4, seconds=9 * 3600)
    found = await read(order.order_id)
    assert (found.state, found.reason) == (
        OrderState.CANCELLED,
        "Its day was over before it could be sent.",
    )


async def test_what_reaches_nobody_is_tried_again_later_and_later(shop: Workshop) -> None:
    order = await shop.order()
    shop.go_wrong(*[(Call.PLACE, Fault.UNREACHABLE)] * 4)
    began, tries = shop.clock(), []
    for _ in range(60):
        before = (await read(order.order_id)).attempts
        await shop.worker(timing=timing(retry=2, longest_retry=10)).work()
        if (await read(order.order_id)).attempts > before:
            tries.append((shop.clock() - began).total_seconds())
        shop.clock.go_on(seconds=1)
    assert tries == [0, 2, 6, 14, 24], "2, 4, 8 seconds, and then 10 at most"
    assert await states(order) == [OrderState.FILLED]


async def test_buys_that_need_the_cash_of_sells_wait_until_they_brought_it(
    store: Pool, tmp_path: Path
) -> None:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path, SLOW, cash=Decimal(500)) as shop:
        proposal_id = await proposal_of(shop)
        sells = [
            await shop.order(proposal_id=proposal_id, side=Side.SELL, quantity=Decimal(10)) for _ in range(2)
        ]
        first = await shop.order(proposal_id=proposal_id, phase=2, quantity=Decimal(15))
        second = await shop.order(proposal_id=proposal_id, phase=2, quantity=Decimal(15))
        await shop.work(rounds=3)
        assert await states(first, second) == [OrderState.APPROVED] * 2
        for sell in sells:
            key = (await read(sell.order_id)).broker_order_id
            assert key is not None
            await shop.broker.execute(key, Decimal(10), Decimal(100))
            await shop.work(rounds=4)
        # 2,500 are there: for one of the two, and not for both
        assert sorted(await states(first, second)) == [OrderState.REJECTED, OrderState.SENT]
        reasons = {(await read(one.order_id)).reason for one in (first, second)}
        assert "The sells of its proposal have ended; it takes 1500 USD, and 1000 are free." in reasons


# ── Cancelling and replacing ────────────────────────────────────────────────────────────────────────────


async def test_what_was_not_sent_is_cancelled_at_once_and_never_sent(slow: Workshop) -> None:
    order = await slow.order()
    assert (await cancel(order, slow)).state is OrderState.CANCELLED
    await slow.work(rounds=2)
    assert await slow.placed() == []
    with pytest.raises(OrderEndedError, match="is cancelled"):
        await cancel(order, slow)


async def test_what_is_at_the_broker_is_cancelled_there_and_its_fills_stay(slow: Workshop) -> None:
    order = await slow.order()
    await slow.worker().work()
    key = (await read(order.order_id)).broker_order_id
    assert key is not None
    await slow.broker.execute(key, Decimal(4), Decimal(100))
    asked = await cancel(order, slow)
    assert (asked.state, asked.cancel_asked_at) == (OrderState.SENT, slow.clock())
    await slow.work(order)
    found = await read(order.order_id)
    assert (found.state, found.filled_quantity) == (OrderState.CANCELLED, Decimal(4))
    assert await ledger_of(slow.accounts[0]) == await holdings_at(slow.broker)


async def test_a_fill_that_is_faster_than_cancelling_counts(slow: Workshop) -> None:
    order = await slow.order()
    await slow.worker().work()
    key = (await read(order.order_id)).broker_order_id
    assert key is not None
    await cancel(order, slow)
    await slow.broker.execute(key, Decimal(10), Decimal(100))
    await slow.work(order)
    assert await states(order) == [OrderState.FILLED]


async def test_a_fill_that_comes_after_the_cancellation_is_booked_and_moves_the_order(slow: Workshop) -> None:
    order = await slow.order()
    await slow.worker().work()
    await cancel(order, slow)
    await slow.work(order)
    assert await states(order) == [OrderState.CANCELLED]
    key = (await read(order.order_id)).broker_order_id
    assert key is not None
    await slow.broker.execute(key, Decimal(3), Decimal(100))
    await slow.work(rounds=10, seconds=15)
    found = await read(order.order_id)
    assert (found.state, found.filled_quantity) == (OrderState.CANCELLED, Decimal(3))
    assert await ledger_of(slow.accounts[0]) == await holdings_at(slow.broker)


async def test_an_order_that_is_being_sent_while_it_is_cancelled_is_cancelled_at_the_broker(
    slow: Workshop,
) -> None:
    order = await slow.order()

    def race(point: str) -> None:
        if point == "intent committed":
            races.append(asyncio.create_task(cancel(order, slow)))

    races: list[asyncio.Task[Order]] = []
    slow.fault = race
    await slow.worker().work()
    assert (await races[0]).cancel_asked_at is not None
    await slow.work(order)
    assert await states(order) == [OrderState.CANCELLED]
    placed = await slow.broker.find_order(order.client_order_id)
    assert placed is None or placed.state.value == "cancelled"


async def test_what_replaces_an_order_is_sent_when_it_has_ended(slow: Workshop) -> None:
    order = await slow.order()
    await slow.worker().work()
    other = await substitute(order, slow, quantity=Decimal(6), limit_price=Decimal(99))
    assert (other.replaces, other.quantity, other.order_value) == (order.order_id, Decimal(6), Decimal(600))
    with pytest.raises(ReplacementError, match="another order is to take its place"):
        await substitute(order, slow)
    await slow.work(rounds=6)
    assert await states(order, other) == [OrderState.CANCELLED, OrderState.SENT]
    assert await slow.placed() == [order.client_order_id, other.client_order_id]


async def test_what_was_filled_meanwhile_is_not_bought_twice(slow: Workshop) -> None:
    order = await slow.order()
    await slow.worker().work()
    other = await substitute(order, slow)
    key = (await read(order.order_id)).broker_order_id
    assert key is not None
    await slow.broker.execute(key, Decimal(1), Decimal(100))
    await slow.work(order, other)
    assert await states(order, other) == [OrderState.CANCELLED, OrderState.REJECTED]
    assert "1 of 10 were filled meanwhile" in (await read(other.order_id)).reason
    assert await slow.placed() == [order.client_order_id]


async def test_nothing_replaces_an_order_that_was_not_approved_with_it(slow: Workshop) -> None:
    order = await slow.order()
    with pytest.raises(ReplacementError, match="10 are open"):
        await substitute(order, slow, quantity=Decimal("10.5"))
    with pytest.raises(ReplacementError, match="above 0"):
        await substitute(order, slow, limit_price=Decimal(0))
    assert await states(order) == [OrderState.APPROVED]


async def test_what_is_not_executed_or_in_a_block_is_not_cancelled_alone(slow: Workshop) -> None:
    proposed = await slow.order(then={"released_at": None, "due_at": None})
    with pytest.raises(NotExecutedError, match="withdraw its proposal"):
        await cancel(proposed, slow)
    block = await slow.order()
    member = await slow.order(block_id=block.order_id)
    with pytest.raises(InBlockError, match="is sent as part of block"):
        await cancel(member, slow)
    with pytest.raises(UnknownOrderError):
        await cancel(replace(block, order_id=uuid4()), slow)


async def test_an_order_that_has_changed_since_it_was_seen_is_not_cancelled(slow: Workshop) -> None:
    order = await slow.order()
    await slow.worker().work()
    with pytest.raises(OrderMovedError, match="no longer at version"):
        await cancel(order, slow, order.version)
