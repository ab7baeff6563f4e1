"""Fills repeated, reordered, partial and taken back come to the same ledger and the same orders (S35)."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executions import NOON, TODAY, add_account, add_link, add_order, balances_of, fill_of, record
from orders import add_asset, read
from people import run
from steelyard.domain.order import LotTaken, OrderState, Side
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services.ledger import record_transactions
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from steelyard.storage.embedded import EmbeddedServer
from trading_laws import check_trading

EXAMPLES = int(os.environ.get("STEELYARD_FILL_EXAMPLES", "12"))
LOTS = (LotTaken("T1", Decimal(3)), LotTaken("T2", Decimal(5)))
ORDERS: tuple[dict[str, Any], ...] = (
    {"side": Side.BUY},
    {"side": Side.SELL, "lots": LOTS},
    {"side": Side.SELL, "state": OrderState.CANCELLED},
    {"side": Side.BUY, "state": OrderState.REJECTED},
)

FEE = Decimal("0.01")

Execution = tuple[int, int, int, bool]
"""The place of its order, units, minute, and whether it is taken back."""


@pytest.fixture(scope="module")
def runner(
    database: EmbeddedServer, urls: Callable[[EmbeddedServer], tuple[str, str]]
) -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        app, migrator = urls(database)
        running.run(init_connection_pool(app, migrator_url=migrator))
        yield running
        running.run(close_connection_pool())


executions = st.lists(
    st.tuples(st.integers(0, len(ORDERS) - 1), st.integers(1, 9), st.integers(0, 5), st.booleans()),
    min_size=1,
    max_size=7,
)


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Execution], list[list[tuple[int, bool]]]]:
    """Executions, and two ways of telling of them: which one, and whether it is the bust; some twice."""
    made = draw(executions)
    said = [(place, False) for place in range(len(made))] + [
        (p, True) for p, one in enumerate(made) if one[3]
    ]
    twice = draw(st.lists(st.sampled_from(said), max_size=4))
    return made, [draw(st.permutations(said + twice)), draw(st.permutations(said))]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(told=tellings(), guarded=st.booleans())
def test_fills_in_any_order_and_any_number_of_times_come_to_the_same(
    runner: asyncio.Runner, told: tuple[list[Execution], list[list[tuple[int, bool]]]], *, guarded: bool
) -> None:
    made, ways = told
    runner.run(add_asset())
    worlds = [runner.run(live(made, way, guarded=guarded)) for way in ways]
    assert worlds[0] == worlds[1]
    runner.run(check_trading())


async def live(
    made: Sequence[Execution], way: Sequence[tuple[int, bool]], *, guarded: bool
) -> dict[str, Any]:
    """Tell a broker's executions in one way to an account of its own, and return what it came to."""
    link, account = await add_link(), await add_account(may_overdraw=not guarded, may_short=not guarded)
    if guarded:
        await fund(account, made)
    orders = [await add_order(link, account, **dict(one)) for one in ORDERS]
    for number, is_bust in way:
        place, units, minute, _ = made[number]
        values: dict[str, Any] = {
            "execution_id": f"x{number}",
            "executed_at": NOON + timedelta(minutes=minute),
            "fees": FEE,
        }
        fill = fill_of(orders[place], str(units), str(100 + number), **values)
        await record(link, replace(fill, is_bust=is_bust))
    return {
        "orders": [
            (now.state, now.filled_quantity) for now in [await read(order.order_id) for order in orders]
        ],
        "balances": await balances_of(account),
        "transactions": await transactions_of(account, str(link)),
        "holds": await run(
            "select count(*), kind from steelyard.trading_holds "
            "where account_id = :id and released_at is null group by kind order by kind",
            id=account,
        ),
    }


async def fund(account_id: str, made: Sequence[Execution]) -> None:
    """Give an account just what it takes for all that stands in the end, so that on the way some of it is refused."""
    units, cash = Decimal(0), Decimal(0)
    for number, (place, quantity, _, is_busted) in enumerate(made):
        if not is_busted:
            sign = 1 if ORDERS[place]["side"] is Side.BUY else -1
            units += sign * quantity
            cash -= sign * quantity * (100 + number) + FEE
    whole: dict[str, Any] = {
        "kind": TransactionKind.OPENING,
        "trade_date": TODAY,
        "account_id": account_id,
        "currency": "USD",
    }
    brought = []
    if cash < 0:
        brought.append(Transaction(transaction_id=f"{account_id}-cash", amount=-cash, **whole))
    if units < 0:
        brought.append(
            Transaction(transaction_id=f"{account_id}-VTI", asset_id="VTI", quantity=-units, **whole)
        )
    await record_transactions(brought, today=TODAY)


async def transactions_of(account_id: str, link_id: str) -> list[tuple[object, ...]]:
    rows = await run(
        "select replace(transaction_id, :link, ''), quantity, total_amount, transaction_costs, lot_id, "
        "transaction_date from steelyard.transactions where account_id = :id and transaction_id like 'fill:%' "
        "order by transaction_id",
        id=account_id,
        link=link_id,
    )
    return list(rows)
