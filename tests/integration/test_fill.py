"""Fills in the store: each execution once, with its postings, its order and its account's hold in one transaction."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from executions import NOON, TODAY, add_account, add_link, add_order, balances_of, fill_of, record
from orders import add_asset, read, transaction
from people import add_person, run
from steelyard.domain.amount import AmountError
from steelyard.domain.order import LotTaken, OrderState, Side
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.identity.permissions import Role
from steelyard.services.fill import FillError, Outcome, record_fill, take_fill
from steelyard.services.ledger import record_transactions
from trading_laws import check_trading

pytestmark = pytest.mark.usefixtures("store")


async def holds_of(account_id: str) -> list[str]:
    rows = await run(
        "select kind from steelyard.trading_holds where account_id = :id and released_at is null order by kind",
        id=account_id,
    )
    return [str(kind) for (kind,) in rows]


async def suspense() -> dict[str, str]:
    rows = await run(
        "select execution_id, suspended_because from steelyard.fills where suspended_because <> ''"
    )
    return {str(execution): str(why) for execution, why in rows}


async def state_of(order_id: UUID) -> tuple[OrderState, Decimal]:
    order = await read(order_id)
    return order.state, order.filled_quantity


async def test_a_fill_is_booked_with_its_order() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    recorded = await record(link, fill_of(order, "4", "100.25", fees=Decimal("0.35")))
    assert (recorded.outcome, recorded.order_id) == (Outcome.BOOKED, order.order_id)
    assert await state_of(order.order_id) == (OrderState.PARTIALLY_FILLED, Decimal(4))
    assert await balances_of(account) == {"VTI": Decimal(4), "USD": Decimal("-401.35")}
    await check_trading()


async def test_its_transaction_says_price_quantity_costs_and_the_day_it_settles() -> None:
    link, account = await add_link(), await add_account()
    await run(
        "insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency, exchange) "
        "values ('XOM', 'Exxon', 'Equity', 'USD', 'XNYS')"
    )
    order = await add_order(link, account, asset_id="XOM", side=Side.SELL)
    fill = fill_of(order, "4", "110.123456789", fees=Decimal("0.02"))
    await record(link, fill)
    rows = await run(
        "select transaction_id, transaction_type, quantity, price, total_amount, transaction_costs, transaction_date, "
        "settlement_date from steelyard.transactions where account_id = :id",
        id=account,
    )
    monday = date(2026, 11, 23)
    assert rows == [
        (
            f"fill:{link}:{fill.execution_id}",
            "SELL",
            Decimal(4),
            Decimal("110.123456789"),
            Decimal("440.49382716"),
            Decimal("0.02"),
            TODAY,
            monday,
        )
    ]


async def test_a_repeated_execution_is_ignored() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = fill_of(order, "10")
    await record(link, fill)
    before = await read(order.order_id)
    assert (await record(link, fill)).outcome is Outcome.KNOWN
    assert await read(order.order_id) == before
    assert await balances_of(account) == {"VTI": Decimal(10), "USD": Decimal(-1000)}


async def test_an_execution_that_comes_twice_and_not_the_same_holds_its_account() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = fill_of(order, "5")
    await record(link, fill, replace(fill, price=Decimal(101)))
    assert await balances_of(account) == {"VTI": Decimal(5), "USD": Decimal(-500)}
    assert await holds_of(account) == ["break"]


async def test_the_same_execution_at_once_is_booked_once() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = fill_of(order, "10")
    outcomes = await asyncio.gather(*(record(link, fill) for _ in range(3)))
    assert sorted(one.outcome for one in outcomes) == [Outcome.BOOKED, Outcome.KNOWN, Outcome.KNOWN]
    assert await balances_of(account) == {"VTI": Decimal(10), "USD": Decimal(-1000)}


async def test_fills_of_many_orders_at_once_are_all_booked() -> None:
    link = await add_link()
    orders = [await add_order(link, await add_account()) for _ in range(4)]
    await asyncio.gather(*(record(link, fill_of(order, "10")) for order in orders))
    assert {(await read(order.order_id)).state for order in orders} == {OrderState.FILLED}
    await check_trading()


async def test_a_busted_fill_is_reversed_and_busted_again_nothing_changes() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = fill_of(order, "10")
    bust = replace(fill, is_bust=True)
    assert (await record(link, fill, bust)).outcome is Outcome.BUSTED
    assert await state_of(order.order_id) == (OrderState.SENT, Decimal(0))
    assert await balances_of(account) == {}
    assert (await record(link, bust, fill)).outcome is Outcome.KNOWN
    assert await balances_of(account) == {}
    kept = await run("select count(*) from steelyard.journal where account_id = :id", id=account)
    assert kept == [(2,)]  # the journal keeps both, the entry and what takes it back


async def test_what_becomes_of_a_fill_stands_in_the_audit_with_all_that_was_executed() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = fill_of(order, "4", "100.25")
    await record(link, fill, replace(fill, is_bust=True))
    events = await run(
        "select action, facts from steelyard.audit_events where object_type = 'fill' and object_id = :id "
        "order by sequence",
        id=fill.execution_id,
    )
    facts = {
        "link": str(link),
        "order": str(order.order_id),
        "account": account,
        "symbol": "VTI",
        "side": "buy",
        "quantity": "4",
        "price": "100.25",
    }
    assert [(action, json.loads(str(said))) for action, said in events] == [
        ("fill.book", facts),
        ("fill.bust", facts),
    ]


async def test_a_bust_that_comes_before_its_fill_is_remembered() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = fill_of(order, "10")
    assert (await record(link, replace(fill, is_bust=True, price=Decimal(0)))).outcome is Outcome.BUSTED
    assert (await record(link, fill)).outcome is Outcome.KNOWN
    assert await state_of(order.order_id) == (OrderState.SENT, Decimal(0))
    assert await balances_of(account) == {}
    price = await run("select price from steelyard.fills where execution_id = :id", id=fill.execution_id)
    assert price == [(100,)]  # the fill's own words


@pytest.mark.parametrize(
    "state", [OrderState.CANCELLED, OrderState.REJECTED, OrderState.UNKNOWN, OrderState.SENDING]
)
async def test_a_fill_that_comes_after_its_order_ended_is_booked_and_moves_it(state: OrderState) -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account, state=state)
    fill = fill_of(order, "4")
    await record(link, fill)
    assert await state_of(order.order_id) == (OrderState.PARTIALLY_FILLED, Decimal(4))
    await record(link, fill_of(order, "6"))
    assert await state_of(order.order_id) == (OrderState.FILLED, Decimal(10))
    assert await balances_of(account) == {"VTI": Decimal(10), "USD": Decimal(-1000)}


async def test_a_late_fill_makes_its_order_due_and_the_last_one_is_done() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account, state=OrderState.CANCELLED)
    fill = fill_of(order, "4")
    await record(link, fill)
    assert (await read(order.order_id)).due_at == fill.executed_at
    await record(link, fill_of(order, "6"))
    assert (await read(order.order_id)).due_at is None


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.REJECTED])
async def test_a_late_fill_that_is_busted_leaves_the_order_as_it_ended(state: OrderState) -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account, state=state)
    fill = fill_of(order, "10")
    await record(link, fill, replace(fill, is_bust=True))
    assert await state_of(order.order_id) == (state, Decimal(0))


async def test_an_overfill_is_booked_and_holds_the_account_until_it_is_taken_back() -> None:
    link, account = await add_link(), await add_account()
    owner = await add_person(Role.OWNER)
    order = await add_order(link, account)
    much = fill_of(order, "7")
    await record(link, fill_of(order, "7"), much)
    assert await state_of(order.order_id) == (OrderState.FILLED, Decimal(14))
    assert await balances_of(account) == {"VTI": Decimal(14), "USD": Decimal(-1400)}
    assert await holds_of(account) == ["overfill"]
    told = await run("select kind from steelyard.notices where user_id = :id", id=owner)
    assert ("hold.place",) in told
    await record(link, replace(much, is_bust=True))
    assert await holds_of(account) == []


async def test_a_fill_of_an_unknown_order_is_kept_in_suspense() -> None:
    link, account = await add_link(), await add_account()
    owner = await add_person(Role.OWNER)
    order = await add_order(link, account)
    fill = fill_of(order, "10", client_order_id="somebody-elses")
    recorded = await record(link, fill)
    assert recorded.outcome is Outcome.SUSPENDED
    assert (await suspense())[fill.execution_id] == "names no order of ours"
    assert await balances_of(account) == {}
    assert await run("select kind from steelyard.notices where user_id = :id", id=owner) == [
        ("fill.suspend",)
    ]


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ({"symbol": "XYZ"}, "is of 'XYZ', and its order .* of VTI"),
        ({"side": Side.SELL}, "says sell in USD, and its order .* buy in USD"),
        ({"currency": "EUR"}, "says buy in EUR, and its order .* buy in USD"),
    ],
)
async def test_a_fill_that_is_not_what_its_order_asks_for_is_kept_in_suspense(
    others: dict[str, object], why: str
) -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    recorded = await record(link, replace(fill_of(order, "10"), **others))  # type: ignore[arg-type]  # by its names
    assert recorded.outcome is Outcome.SUSPENDED
    assert re.search(why, recorded.why)
    assert await state_of(order.order_id) == (OrderState.SENT, Decimal(0))


async def test_a_fill_of_an_order_that_was_never_sent_is_kept_in_suspense() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account, state=OrderState.APPROVED)
    assert "never sent" in (await record(link, fill_of(order, "10"))).why


async def test_a_fill_that_names_two_orders_is_kept_in_suspense() -> None:
    link, account = await add_link(), await add_account()
    one = await add_order(link, account, broker_order_id="b-two-1")
    other = await add_order(link, account)
    recorded = await record(link, fill_of(other, "10", broker_order_id=one.broker_order_id))
    assert "two orders" in recorded.why


async def test_a_fill_finds_its_order_by_the_brokers_key_alone() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account, broker_order_id="b-alone")
    assert (await record(link, fill_of(order, "10", client_order_id=""))).outcome is Outcome.BOOKED


async def test_the_order_of_another_link_is_not_this_ones() -> None:
    link, other, account = await add_link(), await add_link(), await add_account()
    order = await add_order(link, account, broker_order_id="b-other")
    assert (await record(other, fill_of(order, "10"))).outcome is Outcome.SUSPENDED


async def test_a_fill_tells_what_the_broker_calls_its_order() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account, state=OrderState.UNKNOWN)
    await record(link, fill_of(order, "1", broker_order_id="b-told"))
    assert (await read(order.order_id)).broker_order_id == "b-told"


async def test_what_the_ledger_refuses_is_kept_holds_the_account_and_is_booked_when_it_can_be() -> None:
    link, account = await add_link(), await add_account(may_overdraw=False, may_short=False)
    buy = await add_order(link, account, "4")
    recorded = await record(link, fill_of(buy, "4"))
    assert recorded.outcome is Outcome.SUSPENDED
    assert "holds 0 USD" in recorded.why
    assert await state_of(buy.order_id) == (OrderState.FILLED, Decimal(4))  # at the broker it is
    assert await holds_of(account) == ["break"]
    sell = await add_order(link, account, "4", side=Side.SELL)
    assert (await record(link, fill_of(sell, "4", "101"))).outcome is Outcome.BOOKED  # both together can be
    assert await balances_of(account) == {"USD": Decimal(4)}
    assert await holds_of(account) == []
    await check_trading()


async def test_a_bust_that_the_ledger_refuses_waits_too() -> None:
    link, account = await add_link(), await add_account(may_short=False)
    buy, sell = await add_order(link, account, "4"), await add_order(link, account, "4", side=Side.SELL)
    bought, sold = fill_of(buy, "4"), fill_of(sell, "4")
    await record(link, bought, sold)
    assert (await record(link, replace(bought, is_bust=True))).outcome is Outcome.SUSPENDED
    assert await balances_of(account) == {}
    await record(link, replace(sold, is_bust=True))
    assert await balances_of(account) == {}
    assert await suspense_of(account) == {}


async def suspense_of(account_id: str) -> dict[str, str]:
    rows = await run(
        "select execution_id, suspended_because from steelyard.fills "
        "where account_id = :id and suspended_because <> ''",
        id=account_id,
    )
    return {str(execution): str(why) for execution, why in rows}


async def test_what_is_busted_in_suspense_waits_no_more() -> None:
    link, account = await add_link(), await add_account(may_overdraw=False)
    order = await add_order(link, account)
    fill = fill_of(order, "10")
    await record(link, fill, replace(fill, is_bust=True))
    assert await suspense_of(account) == {}
    assert await holds_of(account) == []


async def test_a_fill_over_several_lots_is_booked_in_as_many_pieces() -> None:
    link, account = await add_link(), await add_account()
    lots = (LotTaken("T1", Decimal(4)), LotTaken("T2", Decimal(6)))
    order = await add_order(link, account, side=Side.SELL, lots=lots)
    second, first = fill_of(order, "7", fees=Decimal("0.07")), fill_of(order, "3", executed_at=NOON)
    await record(link, second, first)
    rows = await run(
        "select lot_id, sum(quantity), sum(transaction_costs) from steelyard.transactions where account_id = :id "
        "group by lot_id order by lot_id",
        id=account,
    )
    assert rows == [("T1", 4, Decimal("0.01")), ("T2", 6, Decimal("0.06"))]
    assert await balances_of(account) == {"VTI": Decimal(-10), "USD": Decimal("999.93")}
    await check_trading()


async def test_what_is_filled_beyond_the_lots_is_by_the_accounts_method() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account, side=Side.SELL, lots=(LotTaken("T1", Decimal(10)),))
    await record(link, fill_of(order, "12"))
    rows = await run(
        "select lot_id, quantity from steelyard.transactions where account_id = :id order by lot_id",
        id=account,
    )
    assert rows == [("T1", 10), (None, 2)]


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ({"quantity": Decimal(0)}, "no quantity"),
        ({"quantity": Decimal(-1)}, "quantity below 0"),
        ({"price": Decimal("-0.01")}, "price below 0"),
        ({"fees": Decimal("-0.01")}, "fees below 0"),
        ({"fees": Decimal("0.000000001")}, "fees finer than 8"),
        ({"price": Decimal("NaN")}, "not a finite number"),
        ({"price": Decimal("1e15")}, "out of range"),
        ({"price": Decimal("1e999999")}, "out of range"),
        ({"quantity": Decimal("1e-30")}, "finer than 12 decimals"),
        ({"execution_id": ""}, "no execution id"),
        ({"execution_id": "a\0b"}, "does not print"),
        ({"symbol": "A" * 201}, "longer than 200"),
        ({"currency": "GBX"}, "no currency"),
        ({"executed_at": NOON.replace(tzinfo=None)}, "without an offset"),
    ],
)
async def test_what_cannot_be_kept_exactly_is_refused_by_name(others: dict[str, object], why: str) -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = replace(fill_of(order, "10"), **others)  # type: ignore[arg-type]  # by its names
    with pytest.raises((FillError, AmountError), match=why):
        await record(link, fill)


async def test_what_cannot_be_kept_is_in_the_audit_and_does_not_stop_the_rest() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    async with transaction() as db:
        taken = await take_fill(db, link, fill_of(order, "1.0000000000001"), today=TODAY)
    assert taken.outcome is Outcome.REFUSED
    rows = await run(
        "select facts ->> 'quantity' from steelyard.audit_events where action = 'fill.refuse' and object_id = :id",
        id=str(link),
    )
    assert rows == [("1.0000000000001",)]
    assert await holds_of(account) == ["break"]


async def test_what_can_be_kept_is_taken_as_it_is_recorded() -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    points: list[str] = []
    async with transaction() as db:
        taken = await take_fill(db, link, fill_of(order, "10"), today=TODAY, fault=points.append)
    assert taken.outcome is Outcome.BOOKED
    assert points == ["fill.order_locked", "fill.kept", "fill.order_moved", "fill.booked"]


@pytest.mark.parametrize("point", ["fill.order_locked", "fill.kept", "fill.order_moved", "fill.booked"])
async def test_whoever_dies_in_between_leaves_nothing_half_done(point: str) -> None:
    link, account = await add_link(), await add_account()
    order = await add_order(link, account)
    fill = fill_of(order, "10")

    def die(at: str) -> None:
        if at == point:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        async with transaction() as db:
            await record_fill(db, link, fill, today=TODAY, fault=die)
    assert await state_of(order.order_id) == (OrderState.SENT, Decimal(0))
    assert await balances_of(account) == {}
    assert (await record(link, fill)).outcome is Outcome.BOOKED
    await check_trading()


async def test_fills_are_posted_the_short_way_unless_a_corporate_action_follows_from_them() -> None:
    link, account = await add_link(), await add_account()
    await add_asset("SHRT")
    order = await add_order(link, account, asset_id="SHRT")
    first, second = fill_of(order, "4"), fill_of(order, "6")
    await record(link, first)
    plain = "select steelyard.are_plain_trades(1, :today, array[:id])"
    assert await run(plain, today=TODAY, id=f"fill:{link}:{first.execution_id}") == [(True,)]
    split = Transaction(
        transaction_id=f"{account}-split",
        kind=TransactionKind.SPLIT,
        trade_date=TODAY + timedelta(days=1),
        account_id="",
        currency="USD",
        asset_id="SHRT",
        quantity=Decimal(1),
        counter_quantity=Decimal(2),
    )
    await record_transactions([split], today=TODAY)
    assert await run(plain, today=TODAY, id=f"fill:{link}:{first.execution_id}") == [(False,)]
    await record(link, second)
    assert (await balances_of(account))["SHRT"] == 20
