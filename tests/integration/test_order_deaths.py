"""Workers that die: at each point of their work, and whoever comes after them sends nothing twice and loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orders import read
from steelyard.brokers.paper_faults import Call, Fault
from steelyard.domain.order import OrderState
from steelyard.services.order_hand import no_fault
from steelyard.storage.connection import Pool
from workshop import FORGETS, KEEPS, QUICK, Workshop, holdings_at, ledger_of, opened_workshop, states

BEFORE_THE_CALL = ("intent committed",)
POINTS = (
    "claimed",
    *BEFORE_THE_CALL,
    "broker called",
    "outcome committed",
    "fill.order_locked",
    "fill.kept",
    "fill.order_moved",
    "fill.booked",
    "fill booked",
    "broker asked",
)


class DeathError(Exception):
    """A worker dies here."""


class Death:
    """Lets a worker die when it comes to a point for the first time, and stay dead."""

    def __init__(self, point: str) -> None:
        self._point, self.has_come = point, False

    def __call__(self, point: str) -> None:
        if point == self._point:
            self.has_come = True
        if self.has_come:
            raise DeathError(self._point)  # of whatever else it has in hand, too


@pytest.fixture(params=[KEEPS, FORGETS], ids=["keeps ids", "forgets ids"])
async def shop(request: pytest.FixtureRequest, store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    del store  # opening it is what matters
    # late, so that an order is asked for before it is filled
    late = replace(request.param, delay=timedelta(seconds=3))
    async with opened_workshop(tmp_path, late) as made:
        yield made


async def die_at(shop: Workshop, point: str) -> None:
    """Let workers work until one dies at a point."""
    shop.fault = Death(point)
    with pytest.raises(DeathError, match=point):
        await shop.work(seconds=1)
    shop.fault = no_fault


@pytest.mark.parametrize("point", POINTS)
async def test_whoever_comes_after_a_dead_worker_sends_nothing_twice_and_loses_nothing(
    shop: Workshop, point: str
) -> None:
    order = await shop.order()
    await die_at(shop, point)
    shop.clock.go_on(seconds=QUICK.lease.total_seconds())
    await shop.work(order)
    found, placed = await read(order.order_id), await shop.placed()
    if point in BEFORE_THE_CALL and not shop.broker.capabilities.keeps_client_ids:
        assert (found.state, placed) == (OrderState.UNKNOWN, [])
        assert found.raised_at is not None
    else:
        assert (found.state, len(placed)) == (OrderState.FILLED, 1)
    assert await ledger_of(shop.accounts[0]) == await holdings_at(shop.broker)


async def test_an_order_is_left_alone_as_long_as_its_worker_is_waited_for(shop: Workshop) -> None:
    order = await shop.order()
    await die_at(shop, "intent committed")
    held = await read(order.order_id)
    assert held.lease_until is not None
    shop.clock.now = held.lease_until - timedelta(microseconds=1)
    await shop.worker("another").work()
    assert (await read(order.order_id)).version == held.version
    shop.clock.now = held.lease_until
    await shop.worker("another").work()
    assert (await read(order.order_id)).version > held.version


async def test_a_worker_that_wakes_too_late_does_not_call(shop: Workshop) -> None:
    order = await shop.order()

    def sleep(point: str) -> None:
        if point == "intent committed":
            shop.clock.go_on(seconds=QUICK.lease.total_seconds() - 1)

    shop.fault = sleep
    await shop.worker().work()
    assert await shop.placed() == []
    found = await read(order.order_id)
    assert found.state is OrderState.SENDING, "certainly not sent, and nobody's: the next worker knows"
    assert (found.lease_owner, found.reason.partition(":")[0]) == (None, "paper was not reached")
    shop.fault = no_fault
    await shop.work(order)
    assert await states(order) == [OrderState.FILLED]
    assert len(await shop.placed()) == 1


async def test_an_answer_counts_though_its_worker_was_given_up(shop: Workshop) -> None:
    order = await shop.order()
    shop.fault = Death("broker called")
    worker = shop.worker("slow")
    with pytest.raises(DeathError):
        await worker.work()
    shop.fault = no_fault
    shop.clock.go_on(seconds=QUICK.lease.total_seconds())
    shop.go_wrong(
        (Call.READ, Fault.UNREACHABLE), (Call.READ, Fault.UNREACHABLE), (Call.PLACE, Fault.LOSE_REPLY)
    )
    await shop.worker("another").work()
    assert await states(order) == [OrderState.UNKNOWN]
    await shop.work(order)
    assert await states(order) == [OrderState.FILLED]
    assert len(await shop.placed()) == 1


async def test_workers_at_the_same_time_send_each_order_once(shop: Workshop) -> None:
    orders = [await shop.order() for _ in range(6)]
    team = [shop.worker(f"w{number}") for number in range(3)]
    for _ in range(4):
        await asyncio.gather(*(worker.work() for worker in team))
        shop.clock.go_on(seconds=5)
    assert await states(*orders) == [OrderState.FILLED] * 6
    assert len(await shop.placed()) == 6
    assert [(await read(order.order_id)).attempts for order in orders] == [1] * 6
