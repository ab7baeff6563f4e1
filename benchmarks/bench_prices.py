"""500 current prices from a source that takes 50 ms to answer, checked beside a stored year; against one by one.

    python benchmarks/bench_prices.py [--assets 500] [--latency 0.05] [--rounds 9]

The source is a server on loopback, in this process, that waits before it answers. Each round reads the store, asks, and
checks every price, as the services do. One by one is asked once, for a fifth of the assets, and scaled.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
from scratch import fill, scratch_store, settle, show

from steelyard.market.alpaca import AlpacaSource
from steelyard.market.guarded import Care, Guard
from steelyard.market.port import Market
from steelyard.market.way import Way
from steelyard.network.outbound import Outbound, OutboundRules
from steelyard.services.market import read_prices

LAST = np.datetime64("2024-03-12")
NOW = datetime(2024, 3, 13, 15, tzinfo=UTC)
DAYS = 252


def tables(assets: list[str]) -> dict[str, pa.Table]:
    days = np.busday_offset(LAST, np.arange(-DAYS + 1, 1))
    prices = 100 + np.random.default_rng(1).normal(0, 1, (len(assets), DAYS)).cumsum(axis=1)
    exact = pa.array(np.abs(prices).ravel().round(2) + 1).cast(pa.decimal128(27, 12))
    return {
        "asset_master": pa.table(
            {
                "asset_id": assets,
                "asset_name": assets,
                "asset_type": ["Equity"] * len(assets),
                "currency": ["USD"] * len(assets),
                "exchange": ["XNYS"] * len(assets),
            }
        ),
        "market_data": pa.table(
            {
                "asset_id": np.repeat(assets, DAYS),
                "price_date": np.tile(days, len(assets)),
                "closing_price": exact,
            }
        ),
    }


@asynccontextmanager
async def slow_source(latency: float) -> AsyncIterator[AlpacaSource]:
    """A source at a server that takes so many seconds for each answer."""
    moment = NOW.isoformat()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        symbols = parse_qs(urlsplit(target).query)["symbols"][0].split(",")
        snapshot = {
            "latestTrade": {"t": moment, "p": 100.25},
            "latestQuote": {"t": moment, "bp": 100.2, "ap": 100.3},
        }
        body = json.dumps(dict.fromkeys(symbols, snapshot)).encode()
        await asyncio.sleep(latency)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    rules = OutboundRules((ip_network("127.0.0.0/8"),), max_bytes=8_000_000, connections=100)
    outbound = Outbound(rules)
    guard = Guard("alpaca", Care(requests=1_000_000), clock=time.monotonic)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield AlpacaSource(Way("alpaca", outbound, guard, address=address))
    finally:
        await outbound.close()
        server.close()


async def timed(rounds: int, work: Callable[[], Awaitable[object]]) -> list[float]:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - started)
    return seconds


async def main(count: int, latency: float, rounds: int) -> None:
    assets = [f"A{number:04}" for number in range(count)]
    async with scratch_store() as server, slow_source(latency) as source:
        await fill(server, tables(assets))
        await settle(server)
        market = Market([source], then_stored=False)

        async def one_by_one() -> None:
            for asset in assets[: count // 5]:
                await read_prices([asset], now=NOW, market=market)

        stored = await timed(rounds, lambda: read_prices(assets, now=NOW))
        asked = await timed(rounds, lambda: read_prices(assets, now=NOW, market=market))
        single = [5 * seconds for seconds in await timed(1, one_by_one)]
        found = await read_prices(assets, now=NOW, market=market)
        assert all(price.source == "alpaca" for price in found.values())
    base = statistics.median(single)
    lines = [
        (
            name,
            f"{statistics.median(taken):.3f} s",
            f"{max(taken):.3f} s",
            f"{base / statistics.median(taken):.0f}",
        )
        for name, taken in (("stored", stored), ("together", asked), ("one by one", single))
    ]
    title = f"{count} prices, {latency * 1000:.0f} ms an answer"
    show(title, ("how", "median", "slowest", "times as fast"), lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assets", type=int, default=500)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    asyncio.run(main(given.assets, given.latency, given.rounds))
