"""Orders of the store, for tests: an account of the ledger with cash and units, its link, and orders in any state."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from secrets import token_bytes
from typing import Any
from uuid import UUID

from people import run
from steelyard.domain.order import Order, OrderState, OrderType, Side, new_client_order_id
from steelyard.storage.acting import OPERATOR, Acting, acting_as
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.order import NewOrder, add_order, hold_order, save_order

NOON = datetime(2026, 3, 2, 15, tzinfo=UTC)
LEASE = timedelta(seconds=30)

ROAD = {
    OrderState.DRAFT: (),
    OrderState.REVIEWED: (OrderState.REVIEWED,),
    OrderState.APPROVED: (OrderState.REVIEWED, OrderState.APPROVED),
}
"""How an order comes to each state; the others go on from `sending`."""


def road_to(state: OrderState) -> tuple[OrderState, ...]:
    if state in ROAD:
        return ROAD[state]
    sending = (*ROAD[OrderState.APPROVED], OrderState.SENDING)
    return sending if state is OrderState.SENDING else (*sending, state)


@asynccontextmanager
async def transaction(acting: Acting = OPERATOR) -> AsyncIterator[WriteSession]:
    with acting_as(acting):
        async with get_write_session() as db:
            yield db


async def add_link(name: str = "paper", broker: str = "paper", address: str | None = None) -> UUID:
    rows = await run(
        "insert into steelyard.broker_links (tenant_id, broker, link_name, address, made_by, fills_due_at) "
        "values (1, :broker, :name, :address, 'operator', '2000-01-01') returning link_id",
        name=name,
        broker=broker,
        address=address,
    )
    link_id = rows[0][0]
    assert isinstance(link_id, UUID)
    return link_id


async def add_asset(asset_id: str = "VTI", currency: str = "USD") -> None:
    await run(
        "insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency) "
        "values (:id, :id, 'ETF', :currency) on conflict do nothing",
        id=asset_id,
        currency=currency,
    )


async def add_trading_account(account_id: str, link_id: UUID | None) -> None:
    """An account kept by the ledger, which may not overdraw, with a link."""
    await run(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency, kept_by, may_overdraw, "
        "may_short) values (1, :id, :id, 'USD', 'ledger', false, false) on conflict do nothing",
        id=account_id,
    )
    if link_id is not None:
        await run(
            "insert into steelyard.broker_accounts (tenant_id, account_id, link_id) values (1, :id, :link)",
            id=account_id,
            link=link_id,
        )


def new_order(**what: Any) -> NewOrder:
    """Make 10 VTI to buy at the market in account A, unless told otherwise."""
    known: dict[str, Any] = {
        "account_id": "A",
        "asset_id": "VTI",
        "side": Side.BUY,
        "quantity": Decimal(10),
        "order_type": OrderType.MARKET,
        "limit_price": None,
        "currency": "USD",
        "reference_price": Decimal(100),
        "order_value": Decimal(1000),
        "client_order_id": new_client_order_id(token_bytes),
    }
    return NewOrder(**(known | what))


async def put_order(
    db: WriteSession,
    state: OrderState,
    *,
    now: datetime = NOON,
    then: dict[str, Any] | None = None,
    **what: Any,
) -> Order:
    """Draft an order and bring it to a state by legal moves, each of them a version; `then` changes what it is last."""
    order = await add_order(db, new_order(**what), now=now)
    for step in road_to(state):
        moved = replace(order, state=step)
        if step is OrderState.SENDING:
            moved = replace(moved, released_at=now, lease_until=now + LEASE)
        order = await save_order(db, order, moved, now=now)
    if then:
        order = await save_order(db, order, replace(order, **then), now=now)
    return order


async def read(order_id: UUID) -> Order:
    async with transaction() as db:
        order = await hold_order(db, order_id)
    assert order is not None
    return order


def seed_of(name: str, otherwise: str) -> int:
    """A seed named by the environment; it is printed where a test fails."""
    return int(os.environ.get(name, otherwise))
