"""Orders move as the table of moves says: the database refuses every other, whoever asks and however."""

from dataclasses import replace
from itertools import product
from uuid import UUID, uuid4

import pytest
from sqlalchemy import TextClause, text

from orders import NOON, add_asset, add_link, add_trading_account, new_order, put_order, read, transaction
from steelyard.domain.order import MOVES, OrderState
from steelyard.storage.connection import Pool
from steelyard.storage.failures import DatabaseFailedError
from steelyard.storage.order import (
    NoSuchMoveError,
    OrderMovedError,
    add_order,
    list_order_events,
    save_order,
)

MOVE = """
update steelyard.orders
set state = :state, version = version + 1, released_at = '2026-03-02', lease_until = '2026-03-03', link_id = :link
where tenant_id = 1 and order_id = :id
"""

BORN_SENT = """
insert into steelyard.orders
(tenant_id, account_id, asset_id, side, quantity, order_type, currency, reference_price, order_value, client_order_id,
state)
values (1, 'A', 'VTI', 'buy', 1, 'market', 'USD', 1, 1, 'x', 'sent')
"""


async def refused(statement: TextClause, **values: object) -> str:
    """Run a statement and commit; return the code of the error that the database raised, "" for none."""
    try:
        async with transaction() as db:
            await db.execute(statement, values)
    except DatabaseFailedError as error:
        return str(getattr(getattr(error.__cause__, "orig", None), "sqlstate", "?"))
    return ""


@pytest.fixture(autouse=True)
async def link(store: Pool) -> UUID:
    del store  # opening it is what matters
    await add_asset()
    link_id = await add_link(f"paper {uuid4()}")
    await add_trading_account("A", None)
    return link_id


@pytest.mark.parametrize(("state", "other"), list(product(OrderState, OrderState)))
async def test_the_database_lets_an_order_move_as_the_table_says_and_refuses_every_other_move(
    link: UUID, state: OrderState, other: OrderState
) -> None:
    async with transaction() as db:
        order = await put_order(db, state, link_id=link)
    is_move = other in MOVES[state] or other is state  # to stay is no move: something else of it changes
    said = await refused(text(MOVE), state=other.value, id=order.order_id, link=link)
    assert said == ("" if is_move else "SO001")
    assert (await read(order.order_id)).state is (other if is_move else state)


async def test_an_order_begins_as_a_draft_and_is_never_deleted(link: UUID) -> None:
    async with transaction() as db:
        order = await add_order(db, new_order(link_id=link), now=NOON)
    assert (order.state, order.version) == (OrderState.DRAFT, 1)
    assert await refused(text("delete from steelyard.orders")) == "SO003"
    assert await refused(text(BORN_SENT)) == "SO001"


async def test_what_is_asked_of_the_broker_stands_for_good(link: UUID) -> None:
    async with transaction() as db:
        order = await put_order(db, OrderState.APPROVED, link_id=link)
    for change in (
        "quantity = 20",
        "side = 'sell'",
        "client_order_id = 'y'",
        "limit_price = 3",
        "account_id = null",
    ):
        statement = text(f"update steelyard.orders set {change}, version = version + 1")  # noqa: S608  fixed words
        assert await refused(statement) == "SO003", change
    assert (await read(order.order_id)).version == order.version


async def test_of_two_who_change_the_version_they_read_one_does(link: UUID) -> None:
    async with transaction() as db:
        order = await put_order(db, OrderState.APPROVED, link_id=link)
    async with transaction() as db:
        await save_order(db, order, replace(order, reason="the first"), now=NOON)
    with pytest.raises(OrderMovedError, match=f"no longer at version {order.version}"):
        async with transaction() as db:
            await save_order(db, order, replace(order, reason="the second"), now=NOON)
    assert (await read(order.order_id)).reason == "the first"


async def test_a_move_that_is_none_names_both_states(link: UUID) -> None:
    async with transaction() as db:
        order = await put_order(db, OrderState.DRAFT, link_id=link)
        with pytest.raises(NoSuchMoveError, match="is draft and cannot become sent"):
            await save_order(db, order, replace(order, state=OrderState.SENT), now=NOON)


async def test_every_state_is_told_with_who_and_why(link: UUID) -> None:
    async with transaction() as db:
        order = await put_order(db, OrderState.SENT, link_id=link, then={"reason": "as the broker says"})
        events = await list_order_events(db, order.order_id)
    assert [event.to_state for event in events] == [
        OrderState.DRAFT,
        OrderState.REVIEWED,
        OrderState.APPROVED,
        OrderState.SENDING,
        OrderState.SENT,
        OrderState.SENT,
    ]
    assert events[-1].reason == "as the broker says"
    assert {event.actor for event in events} == {"operator"}
