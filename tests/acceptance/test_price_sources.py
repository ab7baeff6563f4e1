"""Prices over the network: as the published interface of a source has it, bounded in time, and only where we may go."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest

from alpaca_data import (
    KEYS,
    AlpacaData,
    alpaca_data,
    daily_bar,
    snapshot,
    specification,
    violations_of_answer,
)
from books import shared
from fault_proxy import Fault, FaultProxy, fault_proxy
from openid import TLS
from steelyard.market.alpaca import AlpacaSource
from steelyard.market.breaker import Circuit
from steelyard.market.guarded import CachedSource, Care, Guard, LeftAloneError
from steelyard.market.port import (
    AssetKey,
    PriceSource,
    Quote,
    SourceBusyError,
    SourceDownError,
    SourceRefusedError,
)
from steelyard.market.way import Way
from steelyard.network.outbound import Address, Outbound, OutboundRules

ASSETS: Final = [AssetKey(f"A{number}", f"A{number}", "USD", "XNYS") for number in range(250)]
MORNING: Final = "2024-03-13T04:00:00Z"
RULES: Final = OutboundRules(
    allowed_networks=(ip_network("127.0.0.0/8"),), total_seconds=60.0, max_bytes=4_000_000, connections=20
)  # a busy machine answers late, and our server looks each answer up in the published description
IMPATIENT: Final = replace(RULES, total_seconds=0.5)
QUICK: Final = Care(
    requests=10_000,
    attempts=2,
    wait_seconds=0.001,
    jitter_seconds=0.001,
    total_seconds=60.0,
    faults_to_open=3,
)


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def reached(
    address: str,
    *,
    care: Care = QUICK,
    rules: OutboundRules = RULES,
    clock: Clock | None = None,
    guard: Guard | None = None,
) -> AsyncIterator[tuple[AlpacaSource, Guard]]:
    """A source at an address, and its guard."""
    outbound = Outbound(rules, tls=TLS)
    guard = guard or Guard("alpaca", care, clock=clock or Clock())
    yield AlpacaSource(Way("alpaca", outbound, guard, address=address, headers=KEYS)), guard
    await outbound.close()


def many() -> AlpacaData:
    return AlpacaData({asset.symbol: snapshot(100 + number / 4) for number, asset in enumerate(ASSETS)})


async def test_prices_of_many_assets_come_in_few_requests_that_the_published_interface_knows() -> None:
    async with alpaca_data(many()) as server, reached(server.address) as (source, _):
        found = await quoted(source, ASSETS)

    assert len(found) == 250
    asked = sorted(
        len(query["symbols"].split(",")) for _, query in server.asked
    )  # in whatever order they come
    assert asked == [50, 100, 100]
    quote = found["A3"]
    assert (quote.price, quote.currency, quote.source) == (Decimal("100.75"), "USD", "alpaca")
    assert (quote.bid, quote.ask) == (Decimal("100.73"), Decimal("100.77"))
    assert quote.made_at == datetime(2024, 3, 13, 14, 59, 58, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "price"),
    [
        (snapshot(156.055), "156.055"),
        ({"latestQuote": snapshot(10.5)["latestQuote"]}, "10.50"),
        ({"latestQuote": {**snapshot(10)["latestQuote"], "bp": 0}, "minuteBar": {"t": MORNING, "c": 9}}, "9"),
        ({"latestTrade": {**snapshot(1)["latestTrade"], "p": "7.5"}}, "NaN"),
        ({"latestTrade": {"p": 1.5}, "prevDailyBar": {"t": MORNING, "c": 8.25}}, "8.25"),
        ({}, None),
        (None, None),
    ],
)  # fmt: skip
async def test_the_newest_price_is_a_trade_else_the_middle_else_a_close(said: Any, price: str | None) -> None:
    server = AlpacaData({"A0": said})
    async with alpaca_data(server), reached(server.address) as (source, _):
        found = await quoted(source, ASSETS[:1])
        server.violations.clear()  # some of these answers are against it on purpose

    assert f"{found['A0'].price}" == price if price else found == {}


async def test_a_symbol_that_could_be_read_as_something_else_is_not_asked_for() -> None:
    odd = [AssetKey(name, name, "USD") for name in ("A&feed=x", "\uff210", "a0", "A" * 33, "")]
    async with alpaca_data() as server, reached(server.address) as (source, _):
        assert await source.get_quotes(odd) == {}
        with pytest.raises(SourceRefusedError, match="'A&feed=x' is no symbol"):
            await source.get_bars(odd[0], date(2024, 1, 1), date(2024, 1, 31))
        with pytest.raises(SourceRefusedError, match="its prices are in USD, and VOD is in GBX"):
            await source.get_bars(AssetKey("VOD", "VOD", "GBX"), date(2024, 1, 1), date(2024, 1, 31))

    assert server.asked == []


async def test_history_comes_a_page_at_a_time_with_closes_as_they_were_traded() -> None:
    bars = [daily_bar(date(2022, 2, day), 100 + day, day) for day in range(1, 8)]
    async with (
        alpaca_data(AlpacaData(bars={"A0": bars}, page=3)) as server,
        reached(server.address) as (source, _),
    ):
        first = await source.get_bars(ASSETS[0], date(2022, 2, 2), date(2022, 2, 6))
        second = await source.get_bars(ASSETS[0], date(2022, 2, 2), date(2022, 2, 6), first.next)

    found = [*first.bars, *second.bars]
    assert [bar.price_date.day for bar in found] == [2, 3, 4, 5, 6]
    assert [bar.close for bar in found] == [102, 103, 104, 105, 106]
    assert [bar.volume for bar in found] == [2, 3, 4, 5, 6]
    assert (first.next, second.next) == ("3", "")
    assert server.asked[0][1]["adjustment"] == "raw"


def published(path: str) -> list[Any]:
    """The sample answers in the specification of a path."""
    answer = specification()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    return [sample["value"] for sample in answer["examples"].values()]


def recorded(kind: str) -> list[Any]:
    """Answers that Alpaca's own client is tested with."""
    text = shared("clients/alpaca/payloads/historical_stock_data.json").read_text(encoding="utf-8")
    return [one["payload"] for one in json.loads(text) if re.fullmatch(kind, one["test"])]


async def test_the_published_and_recorded_snapshots_are_read() -> None:
    for said in [*published("/v2/stocks/snapshots"), *recorded("test_get_snapshot")]:
        assert violations_of_answer("/v2/stocks/snapshots", said) == []
        keys = [AssetKey(symbol, symbol, "USD") for symbol in said]
        async with alpaca_data(AlpacaData(said)) as server, reached(server.address) as (source, _):
            found = await quoted(source, keys)
        assert [found[symbol].price for symbol in said] == [
            Decimal(f"{one['latestTrade']['p']}") for one in said.values()
        ]


async def test_the_published_and_recorded_bars_are_read() -> None:
    samples = [*published("/v2/stocks/bars"), *recorded("test_(multisymbol_)?get_bars.*")]
    rows = [(symbol, bars) for said in samples for symbol, bars in said["bars"].items()]
    for said in samples:
        assert violations_of_answer("/v2/stocks/bars", said) == []
    for symbol, bars in rows:
        async with (
            alpaca_data(AlpacaData(bars={symbol: bars})) as server,
            reached(server.address) as (source, _),
        ):
            key = AssetKey(symbol, symbol, "USD")
            page = await source.get_bars(key, date(2000, 1, 1), date(2025, 1, 1))
        assert [(bar.close, bar.volume) for bar in page.bars] == [
            (Decimal(f"{bar['c']}"), Decimal(bar["v"])) for bar in bars
        ]
    assert len(rows) > len(published("/v2/stocks/bars"))


async def test_a_wrong_key_is_said_and_not_tried_again() -> None:
    async with alpaca_data(many()) as server:
        outbound = Outbound(RULES, tls=TLS)
        way = Way("alpaca", outbound, Guard("alpaca", QUICK, clock=Clock()), address=server.address)
        failure = await _failure(AlpacaSource(way))
        await outbound.close()

    assert isinstance(failure, SourceRefusedError)
    assert f"{failure}" == "The price source alpaca gave no answer: its answer has status 403."
    assert len(server.asked) == 1


async def test_what_fails_for_a_moment_is_asked_again() -> None:
    server = replace(many(), failing=[(500, ""), (429, "0")])
    async with (
        alpaca_data(server),
        reached(server.address, care=replace(QUICK, attempts=3)) as (source, guard),
    ):
        assert len(await quoted(source, ASSETS[:3])) == 3
        assert guard.circuit is Circuit.CLOSED

    assert len(server.asked) == 3


BROKEN: Final = {
    Fault.RESET: "the connection failed",
    Fault.TRUNCATED: "the connection failed",
    Fault.HALF: "its answer is not whole, or no JSON",
    Fault.SLOW: "(too slow)",
    Fault.SILENT: "(too slow)",
    Fault.TOO_MANY: "it was asked too often",
    Fault.REDIRECT: "leads elsewhere",
    Fault.NOISE: "the connection failed",
}
ENDLESS: Final = {Fault.SLOW, Fault.SILENT}


@asynccontextmanager
async def broken(fault: Fault) -> AsyncIterator[FaultProxy]:
    async with alpaca_data(many()) as server, fault_proxy(server.port) as proxy:
        proxy.fault = fault
        yield proxy


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_source_that_is_down_is_given_up_in_bounded_time_and_said_to_be_so(fault: Fault) -> None:
    clock = Clock()
    rules = IMPATIENT if fault in ENDLESS else RULES
    async with broken(fault) as proxy, reached(proxy.address, rules=rules, clock=clock) as (source, guard):
        async with asyncio.timeout(QUICK.total_seconds):
            reasons = [await _reason(source) for _ in range(4)]

        assert BROKEN[fault] in reasons[0]
        assert reasons[-1].startswith("it failed again and again, and is left alone")
        states = [guard.circuit]
        taken = proxy.taken
        assert isinstance(await _failure(source), LeftAloneError)
        assert proxy.taken == taken  # it is not even asked

        proxy.fault = Fault.NONE
        clock.now = QUICK.open_seconds
        async with reached(proxy.address, guard=guard) as (mended, _):
            assert len(await quoted(mended, ASSETS[:3])) == 3
        assert [*states, guard.circuit] == [Circuit.OPEN, Circuit.CLOSED]


async def test_all_attempts_and_waits_together_have_a_time_of_their_own() -> None:
    async with (
        broken(Fault.SILENT) as proxy,
        reached(proxy.address, care=replace(QUICK, total_seconds=0.1)) as (source, _),
    ):
        assert await _reason(source) == "it took more than 0.1 seconds"


async def test_an_answer_that_is_only_late_is_an_answer() -> None:
    async with broken(Fault.LATE) as proxy, reached(proxy.address) as (source, _):
        assert len(await quoted(source, ASSETS)) == 250


async def test_asking_too_often_ends_at_once_where_the_wait_would_be_longer_than_all_the_time_there_is() -> (
    None
):
    async with broken(Fault.TOO_MANY) as proxy, reached(proxy.address) as (source, _):
        failure = await _failure(source)

        assert isinstance(failure, SourceBusyError)
        assert failure.seconds == 3600
        assert proxy.taken == 1


async def test_prices_are_given_out_again_for_some_seconds() -> None:
    clock = Clock()
    async with alpaca_data(many()) as server, reached(server.address) as (source, _):
        cached = CachedSource(source, 5.0, clock)
        for clock.now in (0.0, 4.9, 5.0):
            assert len(await quoted(cached, ASSETS[:2])) == 2
        assert len(await quoted(cached, ASSETS[:3])) == 3

    assert [query["symbols"] for _, query in server.asked] == ["A0,A1", "A0,A1", "A2"]


async def quoted(source: PriceSource, assets: Sequence[AssetKey]) -> dict[str, Quote]:
    """The prices that a source has; it has no excuse for any."""
    told = await source.get_quotes(assets)
    assert not [one for one in told.values() if isinstance(one, SourceDownError)], told
    return {asset: one for asset, one in told.items() if isinstance(one, Quote)}


async def _failure(source: AlpacaSource) -> SourceDownError:
    told = list((await source.get_quotes(ASSETS[:3])).values())
    assert len(told) == 3
    assert isinstance(told[0], SourceDownError)
    return told[0]


async def _reason(source: AlpacaSource) -> str:
    return (await _failure(source)).reason


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        (["127.0.0.1"], "is at 127.0.0.1, which is not a public address: nothing was sent"),
        (["10.0.0.8"], "is at 10.0.0.8, which is not a public address: nothing was sent"),
        (["169.254.169.254"], "is at 169.254.169.254, which is not a public address: nothing was sent"),
        (["93.184.216.34", "::1"], "is at ::1, which is not a public address: nothing was sent"),
        (["fd00:ec2::254"], "is at fd00:ec2::254, which is not a public address: nothing was sent"),
    ],
)
async def test_no_feed_leads_inside(addresses: list[str], said: str) -> None:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        del host, port
        return [ip_address(address) for address in addresses]

    outbound = Outbound(replace(RULES, allowed_networks=()), resolve=resolve, tls=TLS)
    way = Way(
        "alpaca", outbound, Guard("alpaca", QUICK, clock=Clock()), address="https://data.alpaca.markets"
    )
    assert said in f"{await _failure(AlpacaSource(way))}"
    await outbound.close()


async def test_a_feed_whose_name_leads_inside_the_second_time_is_not_asked_the_second_time() -> None:
    """DNS re-binding: each request goes to an address that was checked for it."""
    answers = [["127.0.0.1"], ["10.0.0.8"]]

    async def resolve(host: str, port: int) -> Sequence[Address]:
        del host, port
        return [ip_address(address) for address in answers.pop(0)]

    async with alpaca_data(many()) as server:
        outbound = Outbound(RULES, resolve=resolve, tls=TLS)
        address = f"http://feed.example:{server.port}"
        source = AlpacaSource(
            Way("alpaca", outbound, Guard("alpaca", QUICK, clock=Clock()), address=address, headers=KEYS)
        )
        assert await quoted(source, ASSETS[:1])
        failure = await _failure(source)
        await outbound.close()

    assert "feed.example is at 10.0.0.8, which is not a public address" in failure.reason
    assert len(server.asked) == 1
