"""Workers: an order is sent once, whatever the broker answers; what nobody can say is never blindly sent again."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orders import read
from people import run
from steelyard.brokers.paper_faults import Call, Fault
from steelyard.domain.order import OrderState, Side
from steelyard.storage.connection import Pool
from workshop import FORGETS, KEEPS, Workshop, holdings_at, ledger_of, opened_workshop, states

CASES = [KEEPS, FORGETS]


@pytest.fixture(params=CASES, ids=["keeps ids", "forgets ids"])
async def shop(request: pytest.FixtureRequest, store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path, request.param) as made:
        yield made


async def test_an_order_is_sent_filled_and_booked(shop: Workshop) -> None:
    order = await shop.order()
    sell = await shop.order(side=Side.SELL, quantity=Decimal(5))
    await shop.work(order, sell)
    assert await states(order, sell) == [OrderState.FILLED, OrderState.FILLED]
    assert len(await shop.placed()) == 2
    assert await ledger_of(shop.accounts[0]) == await holdings_at(shop.broker)
    assert (await ledger_of(shop.accounts[0]))["VTI"] == 1005


@pytest.mark.parametrize(
    "fault", [Fault.LOSE_REPLY, Fault.EXECUTE_LATE, Fault.ANSWER_LATE, Fault.UNREACHABLE]
)
async def test_an_order_is_placed_once_whatever_becomes_of_the_answer(shop: Workshop, fault: Fault) -> None:
    order = await shop.order()
    shop.go_wrong((Call.PLACE, fault))
    await shop.work(order)
    assert await states(order) == [OrderState.FILLED]
    assert len(await shop.placed()) == 1
    assert await ledger_of(shop.accounts[0]) == await holdings_at(shop.broker)


async def test_a_refused_order_is_rejected_with_the_brokers_reason(shop: Workshop) -> None:
    order = await shop.order(side=Side.SELL, quantity=Decimal(2000), order_value=Decimal(1))
    await shop.work(order)
    found = await read(order.order_id)
    assert found.state is OrderState.REJECTED
    assert "2000 VTI are needed" in found.reason
    assert found.due_at is None


async def test_a_proposal_that_ran_out_is_withdrawn_and_its_orders_with_it(shop: Workshop) -> None:
    account = shop.accounts[0]
    [(proposal_id,)] = await run(
        "insert into steelyard.proposals (tenant_id, account_id, author, document, content_hash, made_at, expires_at, "
        "order_value, outcome) values (1, :account, 'operator', '{}', sha256('{}'), :now, :now, 1, 'pass') "
        "returning proposal_id",
        account=account,
        now=shop.clock(),
    )
    [(order_id,)] = await run(
        "insert into steelyard.orders (tenant_id, proposal_id, account_id, asset_id, side, quantity, order_type, "
        "currency, reference_price, order_value, client_order_id) values (1, :proposal, :account, 'VTI', 'buy', 1, "
        "'market', 'USD', 1, 1, 'ran-out-' || gen_random_uuid()) returning order_id",
        account=account,
        proposal=proposal_id,
    )
    await shop.worker().work()
    found = await run(
        "select p.state, o.state, o.order_id from steelyard.proposals as p join steelyard.orders as o "
        "using (proposal_id) where p.proposal_id = :proposal",
        proposal=proposal_id,
    )
    assert found == [("withdrawn", "cancelled", order_id)]


async def upload(minutes_ago: int) -> Any:
    [key] = await run(
        "insert into steelyard.import_uploads (tenant_id, file_name, key_sealed, content, uploaded_at) "
        "values (1, 'a.csv', 'key', 'rows', now() - make_interval(mins => :ago)) returning upload_id",
        ago=minutes_ago,
    )
    return key


async def uploads() -> list[Any]:
    return await run("select upload_id from steelyard.import_uploads")


async def test_uploads_of_an_hour_ago_are_forgotten_once_a_minute(
    shop: Workshop,
) -> None:
    worker, old, young = shop.worker(), await upload(61), await upload(1)
    await worker.work()
    assert young in await uploads()
    assert old not in await uploads()

    late = await upload(61)
    await worker.work()
    assert late in await uploads()
    shop.clock.go_on(seconds=60)
    await worker.work()
    assert late not in await uploads()
