"""History brought into the store: checked, resumable, and nobody's prices overwritten."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from alpaca_data import KEYS, AlpacaData, alpaca_data, daily_bar
from books import write_table
from openid import LOOPBACK, TLS
from steelyard.errors import SteelyardError
from steelyard.market.alpaca import AlpacaSource
from steelyard.market.files import FileSource
from steelyard.market.guarded import Care, Guard
from steelyard.market.port import Rate, SourceDownError
from steelyard.market.way import Way
from steelyard.network.outbound import Outbound
from steelyard.services.backfill import backfill_prices, backfill_rates
from steelyard.services.loading import load_tables
from steelyard.storage.connection import Pool, get_db_session

NOW = datetime(2024, 3, 13, 15, tzinfo=UTC)
TODAY = NOW.date()
FIRST = date(2024, 1, 2)
DAYS = [day for n in range(71) if (day := FIRST + timedelta(n)).weekday() < 5]
"""From 2 January to 12 March: 51 weekdays."""


@pytest.fixture
async def store(own_store: Pool, tmp_path: Path) -> Pool:
    assets = [
        ("AAA", "A", "Equity", "USD", "XNYS", "raw"),
        ("BBB", "B", "Equity", "USD", "XNYS", "raw"),
        ("PENCE", "P", "Equity", "GBX", "XLON", "raw"),
        ("SPLIT", "S", "Equity", "USD", "XNYS", "split_adjusted"),
        ("USD", "US dollar", "Cash", "USD", "", "raw"),
    ]
    write_table(
        tmp_path, "asset_master", "asset_id,asset_name,asset_type,currency,exchange,price_basis", assets
    )
    mine = [("BBB", f"{DAYS[1]}", "7.5"), ("BBB", f"{DAYS[2]}", "7.5")]
    write_table(tmp_path, "market_data", "asset_id,price_date,closing_price", mine)
    write_table(tmp_path, "fx_rates", "currency,rate_date,units_per_eur", [("USD", "2024-03-11", "1.5")])
    await load_tables(tmp_path, today=TODAY, only=["asset_master", "market_data", "fx_rates"])
    return own_store


def calm(days: Sequence[date] = DAYS) -> list[dict[str, Any]]:
    return [daily_bar(day, 100 + number % 2, 1000 + number) for number, day in enumerate(days)]


@asynccontextmanager
async def source(server: AlpacaData) -> AsyncIterator[AlpacaSource]:
    outbound = Outbound(LOOPBACK, tls=TLS)
    care = Care(requests=10_000, attempts=1, faults_to_open=100)
    guard = Guard("alpaca", care, clock=lambda: 0.0)
    async with alpaca_data(server):
        yield AlpacaSource(Way("alpaca", outbound, guard, address=server.address, headers=KEYS))
    await outbound.close()


async def rows(statement: str) -> list[tuple[Any, ...]]:
    async with get_db_session() as db:
        return [tuple(row) for row in await db.execute(text(statement))]


CLOSES = "select asset_id, price_date, closing_price, source from steelyard.market_data order by 1, 2"


async def test_closes_and_volumes_come_in_and_wait_for_a_refresh(store: Pool) -> None:
    del store
    server = AlpacaData(bars={"AAA": calm(), "BBB": calm()}, page=20)
    async with source(server) as alpaca:
        done = await backfill_prices(alpaca, first=FIRST, now=NOW, asset_ids=["AAA", "BBB"])

    assert (done.assets, done.added, done.kept, done.volumes, done.faults) == (2, 100, 2, 102, {})
    assert done.last_date == date(2024, 3, 12)  # today is not over
    stored = await rows(CLOSES)
    assert len(stored) == 102
    assert stored[0] == ("AAA", FIRST, Decimal(100), "alpaca")
    assert [row for row in stored if row[3] == "file"] == [
        ("BBB", DAYS[1], Decimal("7.5"), "file"),
        ("BBB", DAYS[2], Decimal("7.5"), "file"),
    ]
    assert await rows("select asset_id, from_date from steelyard.derivations_pending order by 1") == [
        ("AAA", FIRST),
        ("BBB", FIRST),
    ]
    assert (
        await rows(
            "select asset_id, volume, source from steelyard.traded_volumes order by asset_id, price_date"
        )
    )[0] == ("AAA", Decimal(1000), "alpaca")
    actions = await rows(
        "select action, facts->>'added' from steelyard.audit_events where action like 'price%'"
    )
    assert sum(int(added) for _, added in actions) == 100


async def test_the_same_again_asks_nobody_and_a_later_day_goes_on_there(store: Pool) -> None:
    del store
    server = AlpacaData(bars={"AAA": calm()})
    async with source(server) as alpaca:
        await backfill_prices(alpaca, first=FIRST, last=DAYS[9], now=NOW, asset_ids=["AAA"])
        again = await backfill_prices(alpaca, first=FIRST, last=DAYS[9], now=NOW, asset_ids=["AAA"])
        asked = len(server.asked)
        later = await backfill_prices(alpaca, first=DAYS[20], now=NOW, asset_ids=["AAA"])

    assert (again.assets, again.complete, asked) == (0, 1, 1)
    assert server.asked[-1][1]["start"] == f"{DAYS[9] + timedelta(days=1)}T00:00:00Z"  # without a gap
    assert later.added == len(DAYS) - 10


async def test_what_was_stopped_goes_on_where_it_stopped(store: Pool) -> None:
    del store
    server = AlpacaData(bars={"AAA": calm(), "BBB": calm()}, page=20)
    async with source(server) as alpaca:
        server.failing = []
        stopping = Stopping(alpaca, after=3)
        broken = await backfill_prices(stopping, first=FIRST, now=NOW, asset_ids=["AAA", "BBB"])
        between = await rows("select asset_id, done_through, fault from steelyard.price_backfills order by 1")
        stopping.after = 100
        whole = await backfill_prices(stopping, first=FIRST, now=NOW, asset_ids=["AAA", "BBB"])

    assert set(broken.faults.values()) == {"the line is dead"}
    assert {row[0]: row[1] for row in between} == {"AAA": DAYS[39], "BBB": DAYS[19]}
    assert "the line is dead" in {row[2] for row in between}
    assert (broken.added + whole.added, broken.kept + whole.kept) == (100, 2)
    assert await rows("select distinct done_through, fault from steelyard.price_backfills") == [
        (date(2024, 3, 12), "")
    ]


@dataclass
class Stopping:
    """A source that dies after some pages."""

    source: AlpacaSource
    after: int
    pages: int = field(default=0)
    name: str = "alpaca"

    async def get_quotes(self, assets: Any) -> Any:
        return await self.source.get_quotes(assets)

    async def get_bars(self, asset: Any, first: date, last: date, page: str = "") -> Any:
        self.pages += 1
        if self.pages > self.after:
            raise SourceDownError("alpaca", "the line is dead")
        return await self.source.get_bars(asset, first, last, page)

    async def close(self) -> None:
        await self.source.close()


async def test_what_is_in_doubt_is_set_aside_or_flagged_as_in_a_load(store: Pool) -> None:
    del store
    bars = calm()
    bars[20]["c"] = 300  # a tick that the next day takes back
    bars[30]["c"] = 0
    async with source(AlpacaData(bars={"AAA": bars})) as alpaca:
        done = await backfill_prices(alpaca, first=FIRST, now=NOW, asset_ids=["AAA"])

    found = await rows(
        "select finding_date, kind, severity, file_name from steelyard.data_quality_findings order by 1"
    )
    assert (done.added, done.quarantined) == (len(DAYS) - 2, 2)
    assert found == [
        (DAYS[20], "reversal", "quarantined", "alpaca"),
        (DAYS[30], "zero_price", "quarantined", "alpaca"),
    ]


async def test_a_tick_at_the_end_of_a_page_is_taken_back_by_the_next_page(store: Pool) -> None:
    del store
    bars = calm()
    bars[29]["c"] = 300
    async with source(AlpacaData(bars={"AAA": bars}, page=30)) as alpaca:
        done = await backfill_prices(alpaca, first=FIRST, now=NOW, asset_ids=["AAA"])

    assert done.removed == 1
    assert (DAYS[29],) not in await rows(
        "select price_date from steelyard.market_data where asset_id = 'AAA'"
    )


async def test_an_asset_that_a_source_cannot_have_is_named_and_the_others_go_on(store: Pool) -> None:
    del store
    async with source(AlpacaData(bars={"AAA": calm(), "BBB": calm()})) as alpaca:
        done = await backfill_prices(alpaca, first=FIRST, now=NOW)

    assert done.faults == {
        "PENCE": "its prices are in USD, and PENCE is in GBX",
        "SPLIT": "its stored prices are restated for splits, and those of a source are as they were traded",
    }
    assert done.added == 2 * len(DAYS) - 2


async def test_what_cannot_be_is_refused(store: Pool, tmp_path: Path) -> None:
    del store
    files = FileSource(tmp_path)

    with pytest.raises(SteelyardError, match="there is no day that is over"):
        await backfill_prices(files, first=TODAY, now=NOW)
    with pytest.raises(SteelyardError, match="The store has no NOBODY, USD whose history"):
        await backfill_prices(files, first=FIRST, now=NOW, asset_ids=["USD", "AAA", "NOBODY"])


async def test_history_comes_out_of_files_too(store: Pool, tmp_path: Path) -> None:
    del store
    write_table(tmp_path, "bars", "asset_id,price_date,close,volume", [("AAA", "2024-03-11", "12.5", "70")])
    done = await backfill_prices(FileSource(tmp_path), first=FIRST, now=NOW, asset_ids=["AAA"])

    assert (done.added, done.volumes) == (1, 1)
    assert ("AAA", date(2024, 3, 11), Decimal("12.5"), "files") in await rows(CLOSES)


@dataclass
class Bank:
    """A source of rates."""

    rates: list[Rate]
    name: str = "ecb"

    async def get_rates(self, first: date, last: date) -> Sequence[Rate]:
        return [rate for rate in self.rates if first <= rate.rate_date <= last]


async def test_rates_of_the_currencies_in_use_come_in_once(store: Pool) -> None:
    del store
    days = [date(2024, 3, 8), date(2024, 3, 11)]
    bank = Bank([Rate(one, day, Decimal("1.1")) for one in ("USD", "GBP", "JPY") for day in days])

    first = await backfill_rates(bank, first=days[0], now=NOW)
    bank.rates = [Rate("GBP", days[0], Decimal("0.85"))]
    second = await backfill_rates(bank, first=days[0], now=NOW)

    assert (first.added, first.kept) == (3, 1)
    assert (second.added, second.corrected) == (0, 1)
    assert second.faults == {"USD": "the source has no rate of it in this period"}
    assert await rows(
        "select currency, rate_date, units_per_eur, source from steelyard.fx_rates order by 1, 2"
    ) == [
        ("GBP", days[0], Decimal("0.85"), "ecb"),
        ("GBP", days[1], Decimal("1.1"), "ecb"),
        ("USD", days[0], Decimal("1.1"), "ecb"),
        ("USD", days[1], Decimal("1.5"), "file"),
    ]
