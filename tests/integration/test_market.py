"""Current prices from the store: what each is compared with, and how old it may be."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from books import Row, write_table
from steelyard.market.port import AssetKey, BarPage, Market, Quality, Quote, SourceDownError, Told
from steelyard.services.loading import load_tables
from steelyard.services.market import read_prices
from steelyard.storage.connection import Pool, ReadSession, get_db_session

NOW = datetime(2024, 3, 13, 15, tzinfo=UTC)  # a Wednesday
TODAY = NOW.date()
DAYS = [date(2024, 3, 12) - timedelta(number) for number in range(60, -1, -1)]
DAYS = [day for day in DAYS if day.weekday() < 5]


def closes(asset: str, last: str, *, until: date = DAYS[-1]) -> list[Row]:
    """About 1 % a day around 100; the last as given."""
    days = [day for day in DAYS if day <= until]
    rows: list[Row] = [(asset, f"{day}", f"{100 + number % 2}") for number, day in enumerate(days[:-1])]
    return [*rows, (asset, f"{days[-1]}", last)]


BOOK: dict[str, tuple[str, list[Row]]] = {
    "asset_master": (
        "asset_id,asset_name,asset_type,currency,exchange",
        [
            ("CALM", "Calm", "Equity", "USD", "XNYS"),
            ("JUMP", "Jumper", "Equity", "USD", ""),
            ("HALF", "Halved", "Equity", "USD", ""),
            ("SPLIT", "Split and said so", "Equity", "USD", ""),
            ("LATE", "Split, and its price not yet", "Equity", "USD", ""),
            ("SPUN", "Spun off", "Equity", "USD", ""),
            ("OLD", "Old", "Equity", "USD", "XNYS"),
            ("PENCE", "Pence", "Equity", "GBX", "XLON"),
            ("NONE", "Never priced", "Equity", "USD", ""),
            ("USD", "US dollar", "Cash", "USD", ""),
        ],
    ),
    "market_data": (
        "asset_id,price_date,closing_price",
        [
            *closes("CALM", "101.5"),
            *closes("JUMP", "140"),
            *closes("HALF", "50"),
            *closes("SPLIT", "50"),
            *closes("LATE", "100"),
            *closes("SPUN", "60"),
            *closes("OLD", "101", until=date(2024, 3, 7)),
            *closes("PENCE", "100.5"),
        ],
    ),
    "accounts": ("account_id,account_name,base_currency", [("ONE", "One", "USD")]),
    "transactions": (
        (
            "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,currency,"
            "counter_asset_id,counter_quantity,basis_fraction,total_amount"
        ),
        [
            ("S1", "", "SPLIT", "2024-03-12", "SPLIT", "1", "USD", "", "2", "", "0"),
            ("S2", "", "LATE", "2024-03-12", "SPLIT", "1", "USD", "", "2", "", "0"),
            ("S3", "", "SPUN", "2024-03-12", "SPIN_OFF", "10", "USD", "NONE", "1", "0.3", "0"),
        ],
    ),
}


@pytest.fixture
async def db(own_store: Pool, tmp_path: Path) -> AsyncIterator[ReadSession]:
    del own_store  # opening it is what matters
    for name, (header, rows) in BOOK.items():
        write_table(tmp_path, name, header, rows)
    await load_tables(tmp_path, today=TODAY, only=list(BOOK), trust_prices=True)
    async with get_db_session() as session:
        yield session


@dataclass
class Feed:
    """A source that has what a test gives it."""

    name: str
    prices: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    asked: list[list[str]] = field(default_factory=list)

    async def get_quotes(self, assets: Sequence[AssetKey]) -> Mapping[str, Told]:
        self.asked.append([asset.asset_id for asset in assets])
        if self.fault:
            raise SourceDownError(self.name, self.fault)
        return {
            asset.asset_id: Quote(
                asset_id=asset.asset_id,
                price=Decimal(self.prices[asset.asset_id]),
                currency=asset.currency,
                made_at=NOW,
                source=self.name,
            )
            for asset in assets
            if asset.asset_id in self.prices
        }

    async def get_bars(self, asset: AssetKey, first: date, last: date, page: str = "") -> BarPage:
        raise NotImplementedError

    async def close(self) -> None: ...


async def test_each_stored_price_says_how_far_it_is_trusted(db: ReadSession) -> None:
    wanted = ["CALM", "JUMP", "HALF", "SPLIT", "LATE", "SPUN", "OLD", "PENCE", "NONE", "NOBODY"]

    found = await read_prices(wanted, db, now=NOW)

    assert {asset: price.quality for asset, price in found.items()} == {
        "CALM": Quality.GOOD,
        "JUMP": Quality.OUTLIER,
        "HALF": Quality.SPLIT,
        "SPLIT": Quality.GOOD,
        "LATE": Quality.SPLIT,
        "SPUN": Quality.GOOD,
        "OLD": Quality.STALE,
        "PENCE": Quality.GOOD,
        "NONE": Quality.MISSING,
        "NOBODY": Quality.MISSING,
    }
    assert (found["PENCE"].price, found["PENCE"].currency) == (Decimal("1.005"), "GBP")
    assert found["CALM"].source == "file"
    assert found["CALM"].price_date == date(2024, 3, 12)
    assert found["CALM"].made_at == datetime(2024, 3, 12, 4, tzinfo=UTC)  # the day begins in New York
    assert "OLD from file is of 2024-03-07, 4 sessions old" in found["OLD"].doubt
    assert found["NOBODY"].doubt == "There is no price of NOBODY: the store has no such asset."


async def test_a_past_day_is_judged_as_of_then(db: ReadSession) -> None:
    found = await read_prices(["CALM", "JUMP", "OLD"], db, now=NOW, as_of=date(2024, 3, 8))

    assert {price.quality for price in found.values()} == {Quality.GOOD}
    assert found["JUMP"].price in {100, 101}


async def test_what_one_source_has_not_or_doubts_the_next_one_is_asked_for(db: ReadSession) -> None:
    del db  # with a market nobody holds a session while waiting
    first = Feed("first", {"CALM": "102", "JUMP": "300", "HALF": "51"})
    second = Feed("second", {"CALM": "1", "JUMP": "141", "HALF": "51.2"})

    found = await read_prices(
        ["CALM", "JUMP", "HALF", "OLD"], now=NOW, market=Market([first, second], then_stored=True)
    )

    assert (found["CALM"].source, found["CALM"].price, found["CALM"].quality) == (
        "first",
        Decimal(102),
        Quality.GOOD,
    )
    assert (found["JUMP"].source, found["JUMP"].quality) == ("second", Quality.GOOD)
    assert found["HALF"].quality is Quality.GOOD  # beside the newest close, which is 50
    assert (found["OLD"].source, found["OLD"].quality) == ("file", Quality.STALE)
    assert second.asked == [["JUMP", "OLD"]]


async def test_sources_that_are_down_are_named_and_nothing_old_is_taken_for_new(db: ReadSession) -> None:
    del db
    down = Feed("down", fault="too slow")

    strict = await read_prices(["CALM"], now=NOW, market=Market([down], then_stored=False))
    lenient = await read_prices(["CALM"], now=NOW, market=Market([down], then_stored=True))

    assert strict["CALM"].quality is Quality.MISSING
    assert strict["CALM"].doubt == "There is no price of CALM: down gave no answer (too slow)."
    assert (lenient["CALM"].source, lenient["CALM"].quality) == ("file", Quality.GOOD)
