"""The paper broker: what it does with orders, and what goes wrong there by plan."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from paper import Market, all_fills, found, holdings, open_paper, order, with_money
from steelyard.brokers.paper_faults import Call, Fault, faults_in_order
from steelyard.brokers.paper_store import PaperFileError
from steelyard.brokers.port import (
    BrokerOrderState,
    NotReceivedError,
    NotSupportedError,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.domain.order import Side


@pytest.fixture
def market() -> Market:
    return Market()


# ── What it does ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_market_order_is_filled_at_the_price_made_worse_by_the_slippage(
    tmp_path: Path, market: Market
) -> None:
    broker = await with_money(open_paper(tmp_path, market, slippage_bps=Decimal(10)), VTI="5")
    await broker.place_order(order("B"))
    await broker.place_order(order("S", Side.SELL, "5"))
    assert [(one.client_order_id, one.price, one.quantity) for one in await all_fills(broker)] == [
        ("B", Decimal("100.1"), Decimal(10)),
        ("S", Decimal("99.9"), Decimal(5)),
    ]
    assert await holdings(broker) == (
        Decimal(10000) - Decimal(1001) + Decimal("499.5"),
        {"VTI": Decimal(10)},
    )


async def test_a_limit_order_waits_for_its_price_and_never_pays_more(tmp_path: Path, market: Market) -> None:
    broker = await with_money(open_paper(tmp_path, market, slippage_bps=Decimal(100)))
    placed = await broker.place_order(order(limit="99"))
    assert await all_fills(broker) == []
    assert placed.state is BrokerOrderState.WORKING
    market.prices["VTI"] = Decimal("98.90")
    assert [one.price for one in await all_fills(broker)] == [Decimal(99)]


async def test_an_order_is_filled_in_parts_each_after_the_delay(tmp_path: Path, market: Market) -> None:
    broker = await with_money(
        open_paper(tmp_path, market, seed=3, most_parts=4, delay=timedelta(seconds=10)), cash="100000"
    )
    await broker.place_order(order(quantity="10.5"))
    told: list[int] = []
    while (await found(broker)).state is not BrokerOrderState.FILLED:
        told.append(len(await all_fills(broker)))
        market.wait(10)
    fills = await all_fills(broker)
    assert told == list(range(len(fills)))
    assert len(fills) == 2
    assert sum(one.quantity for one in fills) == Decimal("10.5")


async def test_an_account_sells_and_spends_only_what_it_has_and_has_not_promised(
    tmp_path: Path, market: Market
) -> None:
    broker = await with_money(open_paper(tmp_path, market), cash="1000", VTI="10")
    await broker.place_order(order("1", limit="60", quantity="10"))
    with pytest.raises(RefusedError, match=r"700\.0+ USD are needed and 400\.0+ are free"):
        await broker.place_order(order("2", quantity="7"))
    await broker.place_order(order("3", Side.SELL, "6", limit="150"))
    with pytest.raises(RefusedError, match="5 VTI are needed and 4 are free"):
        await broker.place_order(order("4", Side.SELL, "5"))
    with pytest.raises(RefusedError, match="no account 'other'"):
        await broker.place_order(order("5", account="other"))
    with pytest.raises(RefusedError, match="nobody knows what XYZ costs"):
        await broker.place_order(order("6", symbol="XYZ"))


async def test_a_buy_that_became_too_dear_is_cancelled_and_says_why(tmp_path: Path, market: Market) -> None:
    broker = await with_money(open_paper(tmp_path, market, delay=timedelta(seconds=1)), cash="1000")
    await broker.place_order(order())
    market.prices["VTI"] = Decimal(101)
    market.wait(1)
    ended = await found(broker)
    assert (ended.state, ended.reason) == (BrokerOrderState.CANCELLED, "the account has no 1010.00000000 USD")
    assert await holdings(broker) == (Decimal(1000), {})


async def test_an_order_without_a_price_waits(tmp_path: Path, market: Market) -> None:
    broker = await with_money(open_paper(tmp_path, market, delay=timedelta(seconds=1)))
    await broker.place_order(order())
    market.prices["VTI"] = None
    market.wait(5)
    assert await all_fills(broker) == []
    market.prices["VTI"] = Decimal(100)
    assert len(await all_fills(broker)) == 1


async def test_a_cancelled_order_trades_no_more_and_cannot_be_cancelled_again(
    tmp_path: Path, market: Market
) -> None:
    broker = await with_money(open_paper(tmp_path, market))
    placed = await broker.place_order(order(limit="90"))
    await broker.cancel_order(placed.broker_order_id)
    market.prices["VTI"] = Decimal(80)
    assert await all_fills(broker) == []
    with pytest.raises(RefusedError, match="is cancelled"):
        await broker.cancel_order(placed.broker_order_id)
    with pytest.raises(RefusedError, match="no order 1"):
        await broker.cancel_order("1")
    await broker.place_order(order("S2", quantity="125"))  # what it kept back is free


async def test_another_order_takes_the_place_of_one_or_the_old_one_stands(
    tmp_path: Path, market: Market
) -> None:
    broker = await with_money(open_paper(tmp_path, market), cash="1000")
    old = await broker.place_order(order(limit="90"))
    with pytest.raises(RefusedError, match="are needed"):
        await broker.replace_order(old.broker_order_id, order("S2", quantity="100", limit="95"))
    assert (await found(broker)).state is BrokerOrderState.WORKING
    new = await broker.replace_order(old.broker_order_id, order("S2", limit="95"))
    again = await broker.replace_order(old.broker_order_id, order("S2", limit="95"))
    assert again.broker_order_id == new.broker_order_id
    replaced = await found(broker, "S1")
    assert (replaced.state, replaced.reason) == (BrokerOrderState.REPLACED, "replaced by S2")
    assert [one.client_order_id for one in await broker.list_orders(market.now)] == ["S1", "S2"]
    assert await broker.list_orders(market.now + timedelta(microseconds=1)) == []


async def test_whole_units_only_where_the_settings_say_so(tmp_path: Path, market: Market) -> None:
    broker = await with_money(open_paper(tmp_path, market, has_fractions=False))
    with pytest.raises(RefusedError, match=r"whole units, not 1\.5"):
        await broker.place_order(order(quantity="1.5"))
    assert not broker.capabilities.has_fractions


async def test_links_share_a_file_and_see_nothing_of_each_other(tmp_path: Path, market: Market) -> None:
    one = await with_money(open_paper(tmp_path, market, link="one"))
    other = await with_money(open_paper(tmp_path, market, link="other"), cash="7")
    placed = await one.place_order(order())
    assert await other.find_order("S1") is None
    assert await other.find_order("S1", placed.broker_order_id) is None
    assert (await other.list_fills("")).fills == []
    assert await holdings(other) == (Decimal(7), {})


async def test_what_an_account_brings_is_added_once(tmp_path: Path, market: Market) -> None:
    broker = await with_money(open_paper(tmp_path, market))
    await with_money(broker)
    await broker.open_account("U", "", {"USD": Decimal(1)}, {"BND": Decimal(2)})
    assert await holdings(broker) == (Decimal(10001), {"BND": Decimal(2)})
    with pytest.raises(RefusedError, match="no account 'X'"):
        await broker.get_account("X")


# ── Who it is ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_client_id_placed_twice_is_one_order(tmp_path: Path, market: Market) -> None:
    broker = await with_money(open_paper(tmp_path, market))
    placed = await asyncio.gather(*(broker.place_order(order()) for _ in range(8)))
    assert len({one.broker_order_id for one in placed}) == 1
    assert len(await all_fills(broker)) == 1
    with pytest.raises(RefusedError, match="another order has the client id S1"):
        await broker.place_order(order(quantity="11"))


async def test_a_broker_that_knows_no_client_ids_makes_two_orders_and_finds_neither(
    tmp_path: Path, market: Market
) -> None:
    broker = await with_money(open_paper(tmp_path, market, keeps_client_ids=False))
    first, second = await broker.place_order(order()), await broker.place_order(order())
    assert first.broker_order_id != second.broker_order_id
    assert {first.client_order_id, *(one.client_order_id for one in await all_fills(broker))} == {""}
    assert len(await broker.list_orders(market.now)) == 2
    with pytest.raises(NotSupportedError, match="look up orders by our ids"):
        await broker.find_order("S1")
    assert not broker.capabilities.keeps_client_ids
    assert not broker.capabilities.finds_client_ids


# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────


async def _placed(tmp_path: Path, market: Market, fault: Fault) -> tuple[type[Exception] | None, int, int]:
    """Place an order with a fault; say how it ended, how many orders there are then, and how many later."""
    broker = await with_money(open_paper(tmp_path, market, faults=faults_in_order([(Call.PLACE, fault)])))
    error = None
    try:
        await broker.place_order(order())
    except (RefusedError, NotReceivedError, OutcomeUnknownError) as raised:
        error = type(raised)
    since = market.now - timedelta(days=1)
    at_once = len(await broker.list_orders(since))
    market.wait(broker.capabilities.settle_window.total_seconds())
    return error, at_once, len(await broker.list_orders(since))


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.UNREACHABLE, (NotReceivedError, 0, 0)),
        (Fault.REFUSE, (RefusedError, 0, 0)),
        (Fault.LOSE_REQUEST, (OutcomeUnknownError, 0, 0)),
        (Fault.LOSE_REPLY, (OutcomeUnknownError, 1, 1)),
        (Fault.EXECUTE_LATE, (OutcomeUnknownError, 0, 1)),
        (Fault.ANSWER_LATE, (None, 1, 1)),
    ],
)
async def test_each_fault_says_to_the_caller_what_it_may_know(
    tmp_path: Path, market: Market, fault: Fault, outcome: tuple[type[Exception] | None, int, int]
) -> None:
    assert await _placed(tmp_path, market, fault) == outcome
    assert market.slept == ([5.0] if fault is Fault.ANSWER_LATE else [])


async def test_an_order_under_way_is_the_one_that_is_sent_again(tmp_path: Path, market: Market) -> None:
    faults = faults_in_order([(Call.PLACE, Fault.EXECUTE_LATE)])
    broker = await with_money(open_paper(tmp_path, market, faults=faults))
    with pytest.raises(OutcomeUnknownError):
        await broker.place_order(order())
    assert await broker.find_order("S1") is None
    await broker.place_order(order())
    market.wait(60)
    assert len(await broker.list_orders(market.now - timedelta(days=1))) == 1
    assert len(await all_fills(broker)) == 1


async def test_a_refusal_that_nobody_hears_is_not_known(tmp_path: Path, market: Market) -> None:
    faults = faults_in_order([(Call.PLACE, Fault.LOSE_REPLY), (Call.CANCEL, Fault.LOSE_REPLY)])
    broker = await with_money(open_paper(tmp_path, market, faults=faults), cash="1")
    with pytest.raises(OutcomeUnknownError):
        await broker.place_order(order())
    with pytest.raises(OutcomeUnknownError):
        await broker.cancel_order("none")
    assert await broker.find_order("S1") is None


async def test_questions_go_unanswered_too(tmp_path: Path, market: Market) -> None:
    faults = faults_in_order([(Call.READ, Fault.LOSE_REPLY), (Call.READ, Fault.UNREACHABLE)])
    broker = await with_money(open_paper(tmp_path, market, faults=faults))
    with pytest.raises(OutcomeUnknownError):
        await broker.find_order("S1")
    with pytest.raises(NotReceivedError):
        await broker.get_account()
    assert await broker.find_order("S1") is None


async def test_fills_come_twice_late_and_taken_back(tmp_path: Path, market: Market) -> None:
    faults = faults_in_order(
        [(Call.FILL, Fault.REORDER_FILL), (Call.FILL, Fault.DUPLICATE_FILL), (Call.FILL, Fault.BUST_FILL)]
    )
    broker = await with_money(open_paper(tmp_path, market, faults=faults))
    for name in ("1", "2", "3"):
        await broker.place_order(order(name))
        await broker.find_order(name)
    fills = await all_fills(broker)
    assert [(one.client_order_id, one.is_bust) for one in fills] == [
        ("2", False),
        ("2", False),
        ("3", False),
        ("3", True),
        ("1", False),
    ]
    assert await holdings(broker) == (Decimal(8000), {"VTI": Decimal(20)})
    busted = await found(broker, "3")
    assert (busted.state, busted.filled_quantity) == (BrokerOrderState.CANCELLED, Decimal(0))


async def test_more_is_executed_than_was_asked_and_after_it_was_cancelled(
    tmp_path: Path, market: Market
) -> None:
    broker = await with_money(open_paper(tmp_path, market))
    placed = await broker.place_order(order(limit="90"))
    await broker.cancel_order(placed.broker_order_id)
    execution_id = await broker.execute(placed.broker_order_id, Decimal(12), Decimal(90))
    ended = await found(broker)
    assert (ended.state, ended.filled_quantity) == (BrokerOrderState.FILLED, Decimal(12))
    await broker.bust(execution_id)
    with pytest.raises(RefusedError, match="no execution"):
        await broker.bust(execution_id)
    with pytest.raises(RefusedError, match="no order"):
        await broker.execute("x", Decimal(1), Decimal(1))
    assert await holdings(broker) == (Decimal(10000), {})


async def test_what_is_booked_beside_trades_is_listed_once(tmp_path: Path, market: Market) -> None:
    broker = await with_money(open_paper(tmp_path, market))
    await broker.book_activity("", "DIVIDEND", Decimal("12.34"), "USD", symbol="VTI", said="DIV")
    await broker.book_activity("", "FEE", Decimal(-2), "USD")
    booked, place = await broker.list_activities("")
    assert [(one.kind, one.said, one.symbol, one.amount) for one in booked] == [
        ("DIVIDEND", "DIV", "VTI", Decimal("12.34")),
        ("FEE", "FEE", "", Decimal(2)),
    ]
    assert await broker.list_activities(place) == ([], place)
    assert (await holdings(broker))[0] == Decimal("10010.34")


async def test_pages_of_fills_join_without_loss(tmp_path: Path, market: Market) -> None:
    broker = await with_money(open_paper(tmp_path, market), cash="1000000")
    for number in range(205):
        await broker.place_order(order(f"S{number}", quantity="1"))
    fills = await all_fills(broker)
    assert [one.client_order_id for one in fills] == [f"S{number}" for number in range(205)]
    assert len((await broker.list_fills("")).fills) == 100
    assert not (await broker.list_fills("")).is_last
    assert (await broker.list_fills("105")).is_last


# ── Its file ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_is_none_is_named(tmp_path: Path, market: Market) -> None:
    (tmp_path / "paper.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(PaperFileError, match=r"paper\.sqlite: file is not a database"):
        open_paper(tmp_path, market)


async def test_the_file_is_its_owners_alone(tmp_path: Path, market: Market) -> None:
    await with_money(open_paper(tmp_path, market))
    assert (tmp_path / "paper.sqlite").stat().st_mode & 0o777 == 0o600
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


async def test_keys_of_another_file_are_not_taken_for_its_own(tmp_path: Path, market: Market) -> None:
    one = await with_money(open_paper(tmp_path / "one", market))
    other = await with_money(open_paper(tmp_path / "other", market))
    placed = await one.place_order(order())
    await other.place_order(order("T1"))
    assert await other.find_order("", placed.broker_order_id) is None
