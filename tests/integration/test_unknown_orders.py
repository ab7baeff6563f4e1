"""Orders of which nobody can say whether the broker has them: looked up, raised, resolved; never blindly sent again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest

from orders import NOON, read, transaction
from people import add_person, run
from steelyard.brokers.paper_faults import Call, Fault
from steelyard.brokers.port import BrokerFill, OrderRequest
from steelyard.domain.order import Order, OrderState, Side
from steelyard.identity.permissions import Role
from steelyard.services.fill import record_fill
from steelyard.services.order import (
    BrokerOrderTakenError,
    NotInDoubtError,
    Resolution,
    ResolutionError,
    StillSettlingError,
    resolve_order,
)
from steelyard.services.order_hand import keep
from steelyard.storage.connection import Pool
from steelyard.storage.order import hold_order
from workshop import FORGETS, KEEPS, WINDOW, Workshop, holdings_at, ledger_of, opened_workshop, states

LOST = (Call.PLACE, Fault.LOSE_REQUEST)


@pytest.fixture
async def forgets(store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path, FORGETS) as made:
        yield made


@pytest.fixture
async def keeps(store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    del store  # as above
    async with opened_workshop(tmp_path, KEEPS) as made:
        yield made


async def resolve(order: Order, resolution: Resolution, shop: Workshop, key: str | None = None) -> Order:
    async with transaction() as db:
        return await resolve_order(
            db,
            order.order_id,
            resolution,
            reason="the desk says so",
            broker_order_id=key,
            now=shop.clock(),
            random=token_bytes,
        )


async def unknown(shop: Workshop, **what: Any) -> Order:
    """Lose an order on its way."""
    order = await shop.order(**what)
    shop.go_wrong(LOST)
    await shop.worker().work()
    assert await states(order) == [OrderState.UNKNOWN]
    return order


async def test_inside_the_settle_window_nothing_is_sent_again_and_nothing_is_decided(
    forgets: Workshop,
) -> None:
    order = await unknown(forgets)
    found = await read(order.order_id)
    assert found.settle_until == forgets.clock() + WINDOW
    await forgets.work(rounds=4)
    assert await forgets.placed() == []
    found = await read(order.order_id)
    assert (found.state, found.raised_at, found.attempts) == (OrderState.UNKNOWN, None, 1)


async def test_what_never_arrived_stays_unknown_and_a_person_is_asked_once(forgets: Workshop) -> None:
    owner = await add_person(Role.OWNER)
    order = await unknown(forgets)
    await forgets.work(rounds=30, seconds=60)
    found = await read(order.order_id)
    assert (found.state, found.attempts) == (OrderState.UNKNOWN, 1)
    assert found.raised_at is not None
    assert found.reason == "Nobody can say whether the broker has it: look there, and resolve it."
    assert await forgets.placed() == []
    notices = await run("select kind from steelyard.notices where user_id = :id", id=owner)
    assert notices.count(("order.raise",)) == 1
    raised = await run(
        "select facts ->> 'reason' from steelyard.audit_events "
        "where action = 'order.raise' and object_type = 'order' and object_id = :id",
        id=str(order.order_id),
    )
    assert raised == [(found.reason,)]


async def test_what_arrives_after_the_window_is_still_found(forgets: Workshop) -> None:
    late = timedelta(minutes=1)
    forgets.broker._settings = replace(FORGETS, lateness=late)  # noqa: SLF001 - later than the window promises
    order = await forgets.order()
    forgets.go_wrong((Call.PLACE, Fault.EXECUTE_LATE))
    await forgets.work(order)
    assert (await read(order.order_id)).raised_at is not None
    await forgets.work(rounds=8, seconds=60)
    found = await read(order.order_id)
    assert (found.state, found.raised_at) == (OrderState.FILLED, None)
    assert await ledger_of(forgets.accounts[0]) == await holdings_at(forgets.broker)


async def test_of_orders_that_are_alike_none_is_guessed(forgets: Workshop) -> None:
    """Two of ours are under way alike; one arrived, and nobody can say which."""
    first = await forgets.order()
    second = await forgets.order()
    forgets.go_wrong((Call.PLACE, Fault.LOSE_REPLY), LOST)
    await forgets.work(first, second)
    assert await states(first, second) == [OrderState.UNKNOWN] * 2
    assert len(await forgets.placed()) == 1
    [key] = await forgets.placed()
    await resolve(first, Resolution.FOUND, forgets, key)
    await forgets.work(first)
    assert await states(first, second) == [OrderState.FILLED, OrderState.UNKNOWN]


async def test_an_order_of_somebody_else_is_not_taken_over(forgets: Workshop) -> None:
    """What the broker has is of another quantity, or of another time."""
    order = await unknown(forgets)
    await forgets.broker.place_order(
        replace(request_of(order), client_order_id="by hand", quantity=Decimal(11))
    )
    forgets.clock.go_on(minutes=10)
    await forgets.broker.place_order(replace(request_of(order), client_order_id="too late"))
    await forgets.work(order)
    found = await read(order.order_id)
    assert (found.state, found.broker_order_id) == (OrderState.UNKNOWN, None)


async def test_fills_that_came_before_their_order_was_found_are_booked_when_it_is(forgets: Workshop) -> None:
    order = await forgets.order()
    forgets.go_wrong((Call.PLACE, Fault.LOSE_REPLY))
    await forgets.worker().work()
    forgets.clock.go_on(seconds=6)
    await forgets.worker().work()
    suspended = await run(
        "select suspended_because from steelyard.fills where link_id = :id", id=forgets.link_id
    )
    assert suspended == [("names no order of ours",)]
    await forgets.work(order)
    assert await states(order) == [OrderState.FILLED]
    assert await ledger_of(forgets.accounts[0]) == await holdings_at(forgets.broker)


async def test_a_fill_that_comes_while_its_order_is_found_is_booked(forgets: Workshop) -> None:
    """Neither sees what the other has not committed: without a lock the fill would stay in suspense for ever."""
    order = await unknown(forgets)
    placed = await forgets.broker.place_order(replace(request_of(order), client_order_id="by hand"))
    await forgets.broker.list_orders(NOON)  # a look at the market: it is filled
    [fill] = (await forgets.broker.list_fills("")).fills
    async with transaction() as db:
        held = await hold_order(db, order.order_id)
        assert held is not None
        found = replace(held, state=OrderState.SENT, broker_order_id=placed.broker_order_id, due_at=None)
        await keep(db, held, found, now=forgets.clock())
        booking = asyncio.create_task(book(forgets, fill))
        await asyncio.sleep(0.3)
        assert not booking.done()
    await booking
    assert await states(order) == [OrderState.FILLED]


async def book(shop: Workshop, fill: BrokerFill) -> None:
    async with transaction() as db:
        await record_fill(db, shop.link_id, fill, today=NOON.date())


async def test_a_broker_that_keeps_client_ids_is_sent_the_same_one_again(keeps: Workshop) -> None:
    order = await unknown(keeps)
    await keeps.work(order)
    assert await states(order) == [OrderState.FILLED]
    assert await keeps.placed() == [order.client_order_id]
    assert (await read(order.order_id)).attempts == 2


async def test_not_reached_says_nothing_about_an_earlier_call(keeps: Workshop) -> None:
    order = await keeps.order()
    keeps.go_wrong((Call.PLACE, Fault.LOSE_REPLY), (Call.READ, Fault.UNREACHABLE))
    await keeps.worker().work()
    keeps.go_wrong((Call.PLACE, Fault.UNREACHABLE), (Call.READ, Fault.LOSE_REPLY))
    await keeps.worker().work()
    assert await states(order) == [OrderState.UNKNOWN], "it is there, though the last call reached nobody"
    await keeps.work(order)
    assert await states(order) == [OrderState.FILLED]
    assert await keeps.placed() == [order.client_order_id]


async def test_an_unknown_order_that_is_cancelled_is_sent_no_more(keeps: Workshop) -> None:
    order = await unknown(keeps)
    await run(
        "update steelyard.orders set cancel_asked_at = now(), version = version + 1 where order_id = :id",
        id=order.order_id,
    )
    await keeps.work(order)
    found = await read(order.order_id)
    assert (found.state, found.reason) == (OrderState.CANCELLED, "The broker does not have it.")
    assert await keeps.placed() == []


# ── A person decides ────────────────────────────────────────────────────────────────────────────────────


async def test_a_person_says_that_the_broker_never_had_it(forgets: Workshop) -> None:
    order = await unknown(forgets)
    with pytest.raises(StillSettlingError, match="may still appear"):
        await resolve(order, Resolution.NEVER, forgets)
    forgets.clock.go_on(seconds=WINDOW.total_seconds())
    done = await resolve(order, Resolution.NEVER, forgets)
    assert (done.state, done.reason, done.raised_at) == (OrderState.CANCELLED, "the desk says so", None)
    await forgets.work(rounds=3)
    assert await forgets.placed() == []


async def test_a_person_has_it_sent_again_as_a_new_order(forgets: Workshop) -> None:
    order = await unknown(forgets, side=Side.SELL)
    forgets.clock.go_on(seconds=WINDOW.total_seconds())
    again = await resolve(order, Resolution.AGAIN, forgets)
    assert again.replaces == order.order_id
    assert again.client_order_id != order.client_order_id
    await forgets.work(again)
    assert await states(order, again) == [OrderState.CANCELLED, OrderState.FILLED]
    assert len(await forgets.placed()) == 1


async def test_a_person_says_which_order_of_the_broker_it_is(forgets: Workshop) -> None:
    order = await unknown(forgets)
    other = await forgets.order(side=Side.SELL)
    forgets.clock.go_on(minutes=10)
    placed = await forgets.broker.place_order(
        replace(request_of(order), client_order_id="too late to be found")
    )
    await forgets.work(other)
    taken = (await read(other.order_id)).broker_order_id
    with pytest.raises(BrokerOrderTakenError):
        await resolve(order, Resolution.FOUND, forgets, taken)
    found = await resolve(order, Resolution.FOUND, forgets, placed.broker_order_id)
    assert found.state in {OrderState.SENT, OrderState.FILLED}
    await forgets.work(order)
    assert await states(order) == [OrderState.FILLED]


async def test_what_never_was_there_and_turns_up_is_cancelled_there_and_raised(
    store: Pool, tmp_path: Path
) -> None:
    del store  # opening it is what matters
    slow = replace(KEEPS, delay=timedelta(hours=1))
    async with opened_workshop(tmp_path, slow) as shop:
        order = await unknown(shop)
        shop.clock.go_on(seconds=WINDOW.total_seconds())
        await resolve(order, Resolution.NEVER, shop)
        await shop.broker.place_order(request_of(order))  # so late that nobody expected it
        await shop.work(rounds=6)
        found = await read(order.order_id)
        assert (found.state, found.filled_quantity) == (OrderState.CANCELLED, Decimal(0))
        assert found.broker_order_id is not None
        assert found.raised_at is not None
        at_broker = await shop.broker.find_order(order.client_order_id)
        assert at_broker is not None
        assert at_broker.state.value == "cancelled"


async def test_what_is_known_is_not_resolved_and_a_resolution_is_complete(forgets: Workshop) -> None:
    order = await forgets.order()
    with pytest.raises(NotInDoubtError, match="is approved"):
        await resolve(order, Resolution.NEVER, forgets)
    with pytest.raises(ResolutionError, match="the broker's key"):
        await resolve(order, Resolution.FOUND, forgets)
    with pytest.raises(ResolutionError, match="the broker's key"):
        await resolve(order, Resolution.NEVER, forgets, "X")


def request_of(order: Order) -> OrderRequest:
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.asset_id,
        side=order.side,
        quantity=order.quantity,
        order_type=order.order_type,
        limit_price=None,
        currency="USD",
    )
