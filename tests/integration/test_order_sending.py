"""Sending in the store: what is committed before the call and after it, and what is said of it in the audit."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orders import read
from people import run
from steelyard.brokers.paper_faults import Call, Fault
from steelyard.brokers.port import BrokerOrder, OrderRequest, OutcomeUnknownError
from steelyard.domain.order import Order, OrderState
from steelyard.services import order_sending
from steelyard.services.order_worker import OrderWorker
from steelyard.services.retrying import Patience
from steelyard.storage.connection import Pool, WriteSession, get_write_session
from steelyard.storage.failures import DatabaseLostError
from workshop import FORGETS, KEEPS, QUICK, Workshop, opened_workshop, states


@pytest.fixture(params=[KEEPS, FORGETS], ids=["keeps ids", "forgets ids"])
async def shop(request: pytest.FixtureRequest, store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    del store  # opening it is what matters
    late = replace(
        request.param, delay=QUICK.lease + timedelta(seconds=5)
    )  # filled after a worker is given up
    async with opened_workshop(tmp_path, late) as made:
        yield made


async def told_of(order: Order, action: str) -> list[dict[str, Any]]:
    rows = await run(
        "select facts from steelyard.audit_events where action = :action and object_type = 'order' "
        "and object_id = :id order by sequence",
        action=action,
        id=str(order.order_id),
    )
    return [json.loads(str(facts)) for (facts,) in rows]


async def test_every_call_is_announced_in_the_audit_with_its_number(shop: Workshop) -> None:
    order = await shop.order()
    shop.go_wrong((Call.PLACE, Fault.UNREACHABLE))
    await shop.work(order, rounds=40)
    assert await states(order) == [OrderState.FILLED]
    assert await told_of(order, "order.send") == [
        {"attempt": "1", "client_order_id": order.client_order_id},
        {"attempt": "2", "client_order_id": order.client_order_id},
    ]


async def test_every_move_stands_in_the_audit(shop: Workshop) -> None:
    order = await shop.order()
    await shop.worker().work()
    assert {"from": "sending", "to": "sent", "reason": ""} in await told_of(order, "order.move")


async def test_an_answer_counts_though_its_order_was_given_up_meanwhile(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, place = await shop.order(), shop.broker.place_order
    seen: list[OrderState] = []

    async def place_slowly(request: OrderRequest) -> BrokerOrder:
        placed = await place(request)
        shop.clock.go_on(seconds=QUICK.lease.total_seconds())
        await shop.worker("another").work()
        seen.extend(await states(order))
        return placed

    monkeypatch.setattr(shop.broker, "place_order", place_slowly)
    await shop.worker().work()
    found = await read(order.order_id)
    assert seen == [OrderState.UNKNOWN]
    assert (found.state, found.reason) == (OrderState.SENT, "")
    assert found.broker_order_id is not None
    assert len(await shop.placed()) == 1


async def test_a_refusal_leaves_an_order_alone_that_was_given_up_meanwhile(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, place = await shop.order(), shop.broker.place_order
    shop.go_wrong((Call.PLACE, Fault.LOSE_REPLY))

    async def place_slowly(request: OrderRequest) -> BrokerOrder:
        try:
            return await place(request)
        finally:
            shop.clock.go_on(seconds=QUICK.lease.total_seconds())
            await shop.worker("another").work()

    monkeypatch.setattr(shop.broker, "place_order", place_slowly)
    await shop.worker().work()
    found = await read(order.order_id)
    assert (found.state, found.reason) == (OrderState.UNKNOWN, "Its worker was lost while it was sending it.")


async def test_an_intent_whose_commit_was_not_answered_is_called_once(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, commits = await shop.order(), 0

    @asynccontextmanager
    async def losing_an_answer() -> AsyncIterator[WriteSession]:
        nonlocal commits
        async with get_write_session() as db:
            yield db
        commits += 1
        if commits == 1:
            raise DatabaseLostError("the store")

    monkeypatch.setattr(order_sending, "get_write_session", losing_an_answer)
    hand = replace(shop.hand(), patience=Patience(attempts=2, pause_seconds=0))
    await OrderWorker(hand, "w1", token=lambda: "1").work()
    found = await read(order.order_id)
    assert commits == 2
    assert (found.state, found.attempts) == (OrderState.SENT, 1)
    assert len(await shop.placed()) == 1
    assert len(await told_of(order, "order.send")) == 1


async def test_a_broker_that_does_not_answer_is_not_waited_for_for_ever(shop: Workshop) -> None:
    hand = shop.hand(replace(QUICK, call=timedelta(milliseconds=1)))
    with pytest.raises(OutcomeUnknownError, match=r"paper.*no answer in time"):
        await hand.ask(shop.broker, asyncio.Event().wait())
