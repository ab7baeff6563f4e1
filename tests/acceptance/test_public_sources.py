"""Yahoo's last prices and the European Central Bank's rates, from servers of ours that say what theirs say."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from openid import LOOPBACK, TLS
from steelyard.market.ecb import DAILY, HISTORY, EcbRates
from steelyard.market.guarded import Care, Guard
from steelyard.market.port import AssetKey, Quote, SourceBusyError, SourceDownError, SourceRefusedError
from steelyard.market.way import Way
from steelyard.market.yahoo import YahooSource
from steelyard.network.outbound import Outbound

CARE: Final = Care(requests=1000, attempts=1, faults_to_open=100)


@asynccontextmanager
async def answering(answers: Mapping[str, bytes], care: Care = CARE) -> AsyncIterator[tuple[Way, list[str]]]:
    """A server that has files, and the way to it; other paths are not found."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        path = unquote(target.partition("?")[0])
        asked.append(path)
        body = answers.get(path)
        status = b"404 Not Found" if body is None else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body or b""), body or b""))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    outbound = Outbound(LOOPBACK, tls=TLS)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield Way("public", outbound, Guard("public", care, clock=lambda: 0.0), address=address), asked
    finally:
        await outbound.close()
        server.close()
        await server.wait_closed()


def chart(**meta: Any) -> bytes:
    return json.dumps({"chart": {"result": [{"meta": meta}], "error": None}}).encode()


def archive(text: str, *more: str) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as opened:
        for number, content in enumerate((text, *more)):
            opened.writestr(f"eurofxref{number}.csv", content)
    return packed.getvalue()


async def test_last_prices_come_with_their_own_unit_and_time() -> None:
    answers = {
        "/v8/finance/chart/AAPL": chart(
            currency="USD", regularMarketPrice=174.61, regularMarketTime=1710345600
        ),
        "/v8/finance/chart/VOD.L": chart(
            currency="GBp", regularMarketPrice=70.12, regularMarketTime=1710345600
        ),
        "/v8/finance/chart/ODD": chart(currency="USD", regularMarketPrice="12", regularMarketTime=1710345600),
        "/v8/finance/chart/NEW": b'{"chart": {"result": null}}',
    }
    assets = [
        AssetKey(symbol, symbol, "USD") for symbol in ("AAPL", "VOD.L", "ODD", "NEW", "GONE", "no symbol")
    ]
    async with answering(answers) as (way, asked):
        told = await YahooSource(way).get_quotes(assets)

    quotes = {asset: one for asset, one in told.items() if isinstance(one, Quote)}
    assert (quotes["AAPL"].price, quotes["AAPL"].currency) == (Decimal("174.61"), "USD")
    assert quotes["AAPL"].made_at == datetime(2024, 3, 13, 16, tzinfo=UTC)
    assert (quotes["VOD.L"].price, quotes["VOD.L"].currency) == (Decimal("70.12"), "GBX")
    assert quotes["ODD"].price.is_nan()
    assert isinstance(told["NEW"], SourceDownError)
    assert "GONE" not in told
    assert len(asked) == 5


async def test_history_that_is_restated_is_not_taken() -> None:
    async with answering({}) as (way, asked):
        with pytest.raises(SourceRefusedError, match="its history is restated for splits"):
            await YahooSource(way).get_bars(AssetKey("A", "A", "USD"), date(2024, 1, 1), date(2024, 1, 2))

    assert asked == []


HISTORY_TEXT: Final = (
    "Date,USD,JPY,\n2024-03-12,1.0916,161.39,\n2024-03-11,1.0926,N/A,\n2024-03-08,1.0932,161.2,\n"
)


@pytest.mark.parametrize(
    ("first", "last", "files", "days"),
    [
        (date(2024, 3, 13), date(2024, 3, 13), [DAILY], [13]),
        (date(2024, 3, 12), date(2024, 3, 12), [DAILY, HISTORY], [12]),
        (date(2024, 3, 9), date(2024, 3, 12), [HISTORY], [12, 11]),
    ],
)
async def test_rates_of_today_come_in_a_small_file_and_the_others_in_a_large_one(
    first: date, last: date, files: list[str], days: list[int]
) -> None:
    answers = {
        DAILY: archive("Date, USD, JPY, \n13 March 2024, 1.0939, 161.83, \n"),
        HISTORY: archive(HISTORY_TEXT),
    }
    async with answering(answers) as (way, asked):
        rates = await EcbRates(way).get_rates(first, last)

    assert asked == files
    assert [rate.rate_date.day for rate in rates if rate.currency == "USD"] == days


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"no archive", "File is not a zip file"),
        (archive("Date,USD\n", "Date,USD\n"), "not an archive of one file"),
        (archive("0" * 20_000_000), "not an archive of one file of a usual size"),
        (archive("\xff"), "does not begin with Date"),
        (archive(HISTORY_TEXT)[:-30], "File is not a zip file"),
    ],
)
async def test_an_archive_that_cannot_be_read_is_a_source_that_is_down(said: bytes, reason: str) -> None:
    async with answering({HISTORY: said}) as (way, _):
        with pytest.raises(SourceDownError, match=reason):
            await EcbRates(way).get_rates(date(2024, 1, 1), date(2024, 3, 1))


async def test_waiting_for_our_own_turn_is_no_failure_of_the_source() -> None:
    care = Care(requests=1, period_seconds=3600, total_seconds=2.0, faults_to_open=1)
    async with answering({"/a": b"{}"}, care) as (way, asked):
        await way.get_object("/a", {})
        for _ in range(2):
            with pytest.raises(SourceBusyError):  # and never that it is left alone
                await way.get_object("/a", {})

    assert asked == ["/a"]
