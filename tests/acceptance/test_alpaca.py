"""Alpaca, by a server that holds every request against Alpaca's published document."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from alpaca_server import (
    KEYS,
    START,
    TOKEN,
    AlpacaServer,
    Status,
    Trouble,
    alpaca_server,
    document,
    sample,
    samples,
)
from openapi import violations
from openid import LOOPBACK
from paper import order
from steelyard.brokers.alpaca import AlpacaBroker
from steelyard.brokers.alpaca_words import (
    UnreadableError,
    account_of,
    activity_of,
    each,
    fill_of,
    is_fill,
    one_of,
    order_of,
    position_of,
)
from steelyard.brokers.port import (
    BrokerFill,
    BrokerOrderState,
    BrokerPosition,
    NotReceivedError,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.domain.order import Side
from steelyard.network.outbound import Outbound, OutboundRules

SECOND = timedelta(seconds=1)


@pytest.fixture
async def alpaca() -> AsyncIterator[AlpacaServer]:
    async with alpaca_server(AlpacaServer(prices={"VTI": Decimal("250.10")})) as server:
        yield server


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    way_out = Outbound(LOOPBACK)
    yield way_out
    await way_out.close()


@pytest.fixture
async def impatient() -> AsyncIterator[Outbound]:
    way_out = Outbound(replace(LOOPBACK, total_seconds=2.0))
    yield way_out
    await way_out.close()


@pytest.fixture
def broker(alpaca: AlpacaServer, outbound: Outbound) -> AlpacaBroker:
    return open_alpaca(alpaca, outbound)


def open_alpaca(
    alpaca: AlpacaServer, outbound: Outbound, credentials: Mapping[str, str] = KEYS
) -> AlpacaBroker:
    return AlpacaBroker(outbound, credentials, clock=lambda: START, address=alpaca.address)


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_is_placed_found_and_listed(alpaca: AlpacaServer, broker: AlpacaBroker) -> None:
    placed = await broker.place_order(order(quantity="10.50"))
    assert (placed.state, placed.filled_quantity) == (BrokerOrderState.PENDING, Decimal(0))
    assert alpaca.asked[0][3] == {
        "symbol": "VTI",
        "qty": "10.50",
        "notional": None,
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
        "client_order_id": "S1",
    }
    found = await broker.find_order("S1")
    assert found == await broker.find_order("", placed.broker_order_id)
    assert found is not None
    assert (found.state, found.filled_quantity) == (BrokerOrderState.FILLED, Decimal("10.50"))
    assert await broker.list_orders(START) == [found]
    assert await broker.find_order("S2") is None
    assert await broker.list_orders(START + SECOND) == []


async def test_keys_and_tokens_open_it_and_others_do_not(alpaca: AlpacaServer, outbound: Outbound) -> None:
    assert (await open_alpaca(alpaca, outbound, TOKEN).get_account()).number == "010203ABCD"
    wrong = open_alpaca(alpaca, outbound, {"access_token": "T2"})
    with pytest.raises(RefusedError, match=r"status 401, unauthorized\."):
        await wrong.place_order(order())
    with pytest.raises(OutcomeUnknownError, match="status 401"):
        await wrong.find_order("S1")


async def test_a_client_id_sent_again_is_the_same_order(alpaca: AlpacaServer, broker: AlpacaBroker) -> None:
    first, again = await broker.place_order(order()), await broker.place_order(order())
    assert first.broker_order_id == again.broker_order_id
    assert len(alpaca.orders) == 1
    with pytest.raises(RefusedError, match="another order has the client id S1"):
        await broker.place_order(order(quantity="11"))


async def test_a_client_id_that_is_taken_and_cannot_be_looked_up_is_not_known(
    alpaca: AlpacaServer, broker: AlpacaBroker
) -> None:
    await broker.place_order(order())
    alpaca.trouble = [None, Status(429)]
    with pytest.raises(OutcomeUnknownError):
        await broker.place_order(order())
    alpaca.trouble = [None, Status(404)]
    with pytest.raises(OutcomeUnknownError, match="does not find its order"):
        await broker.place_order(order())


async def test_an_order_is_cancelled_once(alpaca: AlpacaServer, broker: AlpacaBroker) -> None:
    placed = await broker.place_order(order(limit="200"))
    await broker.cancel_order(placed.broker_order_id)
    found = await broker.find_order("S1")
    assert found is not None
    assert (found.state, found.reason) == (BrokerOrderState.CANCELLED, "canceled")
    with pytest.raises(RefusedError, match="already in"):
        await broker.cancel_order(placed.broker_order_id)
    with pytest.raises(RefusedError, match="not found"):
        await broker.cancel_order("904837e3-3b76-47ec-b432-046db621571b")
    assert len(alpaca.orders) == 1


async def test_an_order_takes_the_place_of_another_of_which_nothing_is_filled(
    alpaca: AlpacaServer, broker: AlpacaBroker
) -> None:
    old = await broker.place_order(order(limit="200"))
    new = await broker.replace_order(old.broker_order_id, order("S2", quantity="8", limit="210.5"))
    again = await broker.replace_order(old.broker_order_id, order("S2", quantity="8", limit="210.5"))
    assert (new.client_order_id, new.quantity, again.broker_order_id) == (
        "S2",
        Decimal(8),
        new.broker_order_id,
    )
    assert (await broker.find_order("S1") or new).state is BrokerOrderState.REPLACED
    with pytest.raises(RefusedError, match="is replaced"):
        await broker.replace_order(old.broker_order_id, order("S3", limit="210"))
    with pytest.raises(RefusedError, match="only buy VTI"):
        await broker.replace_order(new.broker_order_id, order("S3", Side.SELL, limit="210"))
    alpaca.fill(new.broker_order_id, Decimal(1), Decimal(210))
    with pytest.raises(RefusedError, match="partly filled"):
        await broker.replace_order(new.broker_order_id, order("S3", limit="211"))
    with pytest.raises(RefusedError, match="no order"):
        await broker.replace_order("904837e3-3b76-47ec-b432-046db621571b", order("S3"))


async def test_pages_of_orders_join_without_loss(
    alpaca: AlpacaServer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steelyard.brokers.alpaca.ORDERS_PAGE", 4)
    for number in range(11):
        await broker.place_order(order(f"S{number}", quantity="1"))
    for one in alpaca.orders[2:6]:  # of one moment, on two pages
        one["submitted_at"] = alpaca.orders[2]["submitted_at"]
    found = await broker.list_orders(START)
    assert {one.client_order_id for one in found} == {f"S{number}" for number in range(11)}
    assert len(found) == 11


# ── What a failure means ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("trouble", "error", "is_there"),
    [
        (Status(400, "bad"), RefusedError, False),
        (Status(403, "insufficient buying power"), RefusedError, False),
        (Status(404), RefusedError, False),
        (Status(422, "qty is wrong"), RefusedError, False),
        (Status(429), NotReceivedError, False),
        (Status(408), OutcomeUnknownError, False),
        (Status(500), OutcomeUnknownError, False),
        (Status(500, is_done=True), OutcomeUnknownError, True),
        (Status(503), OutcomeUnknownError, False),
        (Status(504, is_done=True), OutcomeUnknownError, True),
        (Status(302), OutcomeUnknownError, False),
        (Trouble.RESET, OutcomeUnknownError, False),
        (Trouble.RESET_AFTER, OutcomeUnknownError, True),
        (Trouble.NOISE_AFTER, OutcomeUnknownError, True),
    ],
)
async def test_a_failure_says_no_more_than_it_proves(
    alpaca: AlpacaServer, broker: AlpacaBroker, trouble: Any, error: type[Exception], *, is_there: bool
) -> None:
    alpaca.trouble = [trouble]
    with pytest.raises(error, match=trouble.message if error is RefusedError else None):
        await broker.place_order(order())
    assert len(alpaca.orders) == is_there
    assert (await broker.find_order("S1") is not None) == is_there
    await broker.place_order(order())
    assert len(alpaca.orders) == 1


@pytest.mark.parametrize("trouble", [Trouble.SILENCE, Trouble.SILENCE_AFTER])
async def test_silence_is_waited_for_as_long_as_agreed_and_proves_nothing(
    alpaca: AlpacaServer, broker: AlpacaBroker, impatient: Outbound, trouble: Trouble
) -> None:
    alpaca.trouble = [trouble]
    with pytest.raises(OutcomeUnknownError, match="too slow"):
        await open_alpaca(alpaca, impatient).place_order(order())
    await broker.place_order(order())
    assert len(alpaca.orders) == 1


async def test_where_nobody_listens_nothing_was_sent(alpaca: AlpacaServer, outbound: Outbound) -> None:
    async with alpaca_server() as gone:
        broker = open_alpaca(gone, outbound)
    with pytest.raises(NotReceivedError, match="no connection"):
        await broker.place_order(order())
    assert not alpaca.asked


async def test_an_address_that_is_not_public_is_not_asked(alpaca: AlpacaServer) -> None:
    outbound = Outbound(OutboundRules())
    with pytest.raises(NotReceivedError, match="not a public address"):
        await open_alpaca(alpaca, outbound).place_order(order())
    await outbound.close()
    assert not alpaca.asked


async def test_a_reason_is_shown_as_far_as_it_can_be(alpaca: AlpacaServer, broker: AlpacaBroker) -> None:
    alpaca.trouble = [Status(422, "line\x1b[31m one\n" + "x" * 500)]
    with pytest.raises(RefusedError) as refused:
        await broker.place_order(order())
    assert refused.value.reason.startswith("status 422, line [31m one xxx")
    assert len(refused.value.reason) < 230


# ── Fills, activities, the account ──────────────────────────────────────────────────────────────────────


async def test_pages_of_fills_join_without_loss(
    alpaca: AlpacaServer, broker: AlpacaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steelyard.brokers.alpaca.ACTIVITIES_PAGE", 3)
    for number in range(7):
        await broker.place_order(order(f"S{number}", quantity="2"))
        alpaca.book("CSD", net_amount="5")
    told: list[BrokerFill] = []
    place, is_last = "", False
    while not is_last:
        page = await broker.list_fills(place)
        told += page.fills
        place, is_last = page.next, page.is_last
    assert [one.execution_id for one in told] == [one["id"] for one in alpaca.activities[::2]]
    assert {(one.quantity, one.price, one.currency) for one in told} == {
        (Decimal(2), Decimal("250.10"), "USD")
    }
    page = await broker.list_fills(place)
    assert (page.fills, page.next, page.is_last) == ([], place, True)


async def test_parts_of_an_order_are_fills_of_their_own(alpaca: AlpacaServer, broker: AlpacaBroker) -> None:
    placed = await broker.place_order(order(limit="251"))
    alpaca.fill(placed.broker_order_id, Decimal(4), Decimal("250.5"))
    alpaca.fill(placed.broker_order_id, Decimal(6), Decimal("250.75"))
    fills = (await broker.list_fills("")).fills
    assert [(one.broker_order_id, one.quantity, one.price) for one in fills] == [
        (placed.broker_order_id, Decimal(4), Decimal("250.5")),
        (placed.broker_order_id, Decimal(6), Decimal("250.75")),
    ]
    assert fills[0].executed_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("word", "amount", "kind"),
    [
        ("CSD", "100.00", "DEPOSIT"),
        ("CSW", "-40", "WITHDRAWAL"),
        ("CSW", "40", ""),
        ("DIV", "1.02", "DIVIDEND"),
        ("DIV", "-1.02", ""),
        ("DIVNRA", "-0.15", "TAX"),
        ("DIVROC", "3", "RETURN_OF_CAPITAL"),
        ("FEE", "-0.02", "FEE"),
        ("FEE", "0.02", "FEE_REFUND"),
        ("INT", "-7.5", "INTEREST_PAID"),
        ("INT", "7.5", "INTEREST"),
        ("JNLC", "-5", "WITHDRAWAL"),
        ("SSP", "0", ""),
    ],
)
async def test_what_is_booked_has_our_kind_or_none(
    alpaca: AlpacaServer, broker: AlpacaBroker, word: str, amount: str, kind: str
) -> None:
    said = alpaca.book(word, net_amount=amount, symbol="VTI", qty="2")
    booked, place = await broker.list_activities("")
    assert [(one.activity_id, one.kind, one.said, one.amount) for one in booked] == [
        (said["id"], kind, word, abs(Decimal(amount)))
    ]
    assert (booked[0].symbol, booked[0].quantity, booked[0].currency) == ("VTI", Decimal(2), "USD")
    assert await broker.list_activities(place) == ([], place)


async def test_what_is_taken_back_or_unheard_of_is_shown_to_a_person(
    alpaca: AlpacaServer, broker: AlpacaBroker
) -> None:
    placed = await broker.place_order(order())
    alpaca.book("DIV", net_amount="1.02", status="canceled")
    alpaca.activities.append(alpaca.activities[0] | {"id": "20261120::bust", "type": "trade_bust"})
    booked, _ = await broker.list_activities("")
    assert [(one.kind, one.said) for one in booked] == [("", "DIV (canceled)"), ("", "FILL (trade_bust)")]
    fills = (await broker.list_fills("")).fills
    assert [one.broker_order_id for one in fills] == [placed.broker_order_id]
    alpaca.violations.clear()  # the document knows of no bust


async def test_the_account_says_cash_and_units_of_one_moment(
    alpaca: AlpacaServer, broker: AlpacaBroker
) -> None:
    alpaca.positions = {"VTI": Decimal("2.5"), "BND": Decimal(-3), "OLD": Decimal(0)}
    account = await broker.get_account("010203ABCD")
    assert account.cash == {"USD": Decimal(100_000)}
    assert account.positions == [BrokerPosition("VTI", Decimal("2.5")), BrokerPosition("BND", Decimal(-3))]
    assert (account.is_blocked, account.as_of) == (False, START)
    alpaca.blocked = True
    assert (await broker.get_account()).is_blocked
    with pytest.raises(RefusedError, match="another account"):
        await broker.get_account("X")


async def test_cash_and_units_are_read_again_when_a_trade_came_between(
    alpaca: AlpacaServer, broker: AlpacaBroker
) -> None:
    alpaca.positions = {"BND": Decimal(1)}
    after_cash_was_read = partial(alpaca.trade, "VTI", Decimal(2), Decimal(100))
    alpaca.meanwhile = [lambda: None, lambda: None, after_cash_was_read]
    account = await broker.get_account()
    assert account.cash == {"USD": Decimal(100_000 - 200)}
    assert account.positions == [BrokerPosition("BND", Decimal(1)), BrokerPosition("VTI", Decimal(2))]


async def test_requests_at_once_do_not_disturb_each_other(alpaca: AlpacaServer, broker: AlpacaBroker) -> None:
    placed = await asyncio.gather(
        *(broker.place_order(order(f"S{number}", quantity="1")) for number in range(20))
    )
    assert [one.client_order_id for one in placed] == [f"S{number}" for number in range(20)]
    assert len(alpaca.orders) == 20


# ── Samples of real answers ─────────────────────────────────────────────────────────────────────────────

READERS: Mapping[str, Any] = {
    "order": lambda said: order_of(one_of(said)),
    "orders": lambda said: each(said, order_of),
    "account": lambda said: account_of(one_of(said), (), START),
    "positions": lambda said: each(said, position_of),
    "activities": lambda said: each(said, lambda one: fill_of(one) if is_fill(one) else activity_of(one)),
}
SCHEMAS = {
    "order": "Order",
    "orders": "Order",
    "account": "Account",
    "positions": "Position",
    "activities": "TradingActivities",
}
CLOSED = "test_close_position_with"
OF_ACCOUNTS = "test_get_activities_for_account_max_items_and_single_request_date"
PAGED = "setup_reqmock_for_paginated_account_activities_response"
PAYLOADS = [
    ("order_routes", "test_market_order", "order"),
    ("order_routes", "test_get_orders", "orders"),
    ("order_routes", "test_get_order_by_id", "order"),
    ("order_routes", "test_get_order_by_client_id", "order"),
    ("order_routes", "test_replace_order", "order"),
    ("order_routes", "test_limit_order", "order"),
    ("order_routes", "test_order_position_intent", "order"),
    ("account_routes", "test_get_account", "account"),
    ("position_routes", "test_get_all_positions", "positions"),
    ("position_routes", f"{CLOSED}_qty", "order"),
    ("position_routes", f"{CLOSED}_percentage", "order"),
    ("trading_routes_broker", "test_get_all_positions_for_account", "positions"),
    ("trading_routes_broker", "test_close_position_for_account_with_qty", "order"),
    ("trading_routes_broker", "test_close_position_for_account_with_percentage", "order"),
    ("account_activities_routes_broker", PAGED, "activities"),
    ("account_activities_routes_broker", OF_ACCOUNTS, "activities"),
    ("account_activities_routes_broker", "resp_one", "activities"),
    ("account_activities_routes_broker", "resp_two", "activities"),
]
WRITTEN_AS_NUMBERS = {"qty", "filled_qty", "filled_avg_price", "limit_price"}
"""Real answers have text here, as the document says; who wrote these samples by hand took numbers, and we read both."""

NOT_IN_EVERY_SAMPLE = {"asset_marginable"}
"""The document demands it of a position; two samples lack it, and we do not read it."""


def is_known(fault: str) -> bool:
    """Whether a sample departs from the document in a way that is listed above."""
    name = fault.split(" ", maxsplit=1)[0]
    return name in WRITTEN_AS_NUMBERS or any(one in fault for one in NOT_IN_EVERY_SAMPLE)


@pytest.mark.parametrize(("file", "test", "kind"), PAYLOADS)
def test_every_sample_that_we_read_is_understood_and_as_documented(file: str, test: str, kind: str) -> None:
    found = [payload for name, payload in samples(file) if name == test]
    assert found
    for payload in found:
        assert READERS[kind](payload)
        for one in payload if isinstance(payload, list) else [payload]:
            is_booked = kind == "activities" and one["activity_type"] != "FILL"
            schema = document().schema("NonTradeActivities" if is_booked else SCHEMAS[kind])
            assert not [fault for fault in violations(schema, one) if not is_known(fault)]


def test_a_departure_that_is_not_listed_is_noticed() -> None:
    order_said = sample("order_routes", "test_market_order")
    assert violations(document().schema("Order"), order_said | {"status": "held"})
    for wrong in (
        {"status": "held"},
        {"side": "swap"},
        {"id": None},
        {"filled_qty": "NaN"},
        {"submitted_at": "now"},
    ):
        with pytest.raises(UnreadableError):
            order_of(order_said | wrong)


def test_a_request_against_the_document_is_noticed() -> None:
    whole = {
        "symbol": "VTI",
        "qty": "1",
        "notional": None,
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
    }
    check = document().violations_of_request
    assert check("POST", "/v2/orders", [], whole) == []
    for body in (None, whole | {"side": "swap"}, whole | {"qty": 1}, {"symbol": "VTI"}):
        assert check("POST", "/v2/orders", [], body)
    assert check("GET", "/v2/orders", [("status", "some")], None)
    assert check("GET", "/v2/orders", [("since", "1")], None)
    assert check("DELETE", "/v2/orders/S1", [], None)
    assert check("GET", "/v2/order", [], None) == ["GET /v2/order is not described"]
