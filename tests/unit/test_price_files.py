"""Prices out of files, and rates out of the archives of the European Central Bank: whole, or not at all."""

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from books import shared
from steelyard.domain.amount import AmountError
from steelyard.market.ecb import read_rates
from steelyard.market.files import FileSource
from steelyard.market.port import AssetKey, Quote, SourceDownError

ASSETS = [AssetKey("AAA", "AAA", "USD"), AssetKey("BBB", "BBB", "USD")]
HEADER = "asset_id,price,made_at,currency,bid,ask\n"


async def quotes(folder: Path, text: str) -> dict[str, Quote]:
    (folder / "quotes.csv").write_text(text, encoding="utf-8")
    told = await FileSource(folder).get_quotes(ASSETS)
    return {asset: one for asset, one in told.items() if isinstance(one, Quote)}


async def test_the_newest_price_of_each_asset_stands_in_a_file(tmp_path: Path) -> None:
    found = await quotes(
        tmp_path,
        HEADER
        + "AAA,12.50,2024-03-13T15:00:00Z,USD,12.49,12.51\n"
        + "BBB,nan,2024-03-13T15:00:00-04:00,,,\n"
        + "CCC,1,2024-03-13T15:00:00Z,,,\n",
    )

    assert sorted(found) == ["AAA", "BBB"]
    quote = found["AAA"]
    assert (quote.price, quote.bid, quote.ask) == (Decimal("12.50"), Decimal("12.49"), Decimal("12.51"))
    assert found["BBB"].price.is_nan()  # it is refused where prices are checked, by its asset's name
    assert (found["BBB"].currency, found["BBB"].bid) == ("", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("asset_id,price\nAAA,1\n", "quotes.csv has no column made_at"),
        ("asset_id,price,made_at,size\n", "quotes.csv has a column size, which is not known"),
        (HEADER + "AAA,1\n", "quotes.csv line 2 has more or fewer cells"),
        (HEADER + "AAA,1,2024-03-13T15:00:00Z,,,,\n", "quotes.csv line 2 has more or fewer cells"),
        (HEADER + "AAA,1,2024-03-13T15:00:00,,,\n", "quotes.csv line 2 has no time with its offset"),
        (
            HEADER + "AAA,1,2024-03-13T15:00:00Z,,,\nAAA,2,2024-03-13T15:00:00Z,,,\n",
            "quotes.csv has AAA 2 times",
        ),
        (HEADER + '"AAA,1\n', "cannot be read"),
        ("\xff", "quotes.csv has no column asset_id"),
    ],
)
async def test_half_a_file_is_none(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SourceDownError) as raised:
        await quotes(tmp_path, text)

    assert reason in raised.value.reason


async def test_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceDownError, match=r"quotes\.csv in .* cannot be read"):
        await FileSource(tmp_path).get_quotes(ASSETS)


async def test_sessions_of_a_period_come_in_order(tmp_path: Path) -> None:
    lines = ["2024-03-12,2,5", "2024-03-11,1,", "2024-03-13,3,7", "2024-03-08,0.5,1"]
    text = "asset_id,price_date,close,volume\n" + "".join(f"AAA,{line}\n" for line in lines)
    (tmp_path / "bars.csv").write_text(text + "BBB,2024-03-12,9,9\n", encoding="utf-8")

    page = await FileSource(tmp_path).get_bars(ASSETS[0], date(2024, 3, 11), date(2024, 3, 12))

    assert [(bar.price_date.day, bar.close, bar.volume) for bar in page.bars] == [
        (11, Decimal(1), None),
        (12, Decimal(2), Decimal(5)),
    ]
    assert page.next == ""


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("AAA,2024-03-32,1,\n", "bars.csv line 2 has no day"),
        ("AAA,2024-03-12,1,\nAAA,2024-03-12,1,\n", "bars.csv has AAA on 2024-03-12 2 times"),
    ],
)
async def test_half_a_history_is_none(tmp_path: Path, lines: str, reason: str) -> None:
    (tmp_path / "bars.csv").write_text("asset_id,price_date,close,volume\n" + lines, encoding="utf-8")

    with pytest.raises(SourceDownError) as raised:
        await FileSource(tmp_path).get_bars(ASSETS[0], date(2024, 1, 1), date(2024, 12, 31))

    assert reason in raised.value.reason


def test_the_published_history_of_rates_is_read_whole() -> None:
    with gzip.open(shared("market/ecb_eurofxref_hist.csv.gz"), "rt", encoding="utf-8") as file:
        text = file.read()
    rates = list(read_rates(text))
    header, *lines = text.strip().split("\n")
    filled = sum(cell not in {"", "N/A"} for line in lines for cell in line.split(",")[1:])

    assert len(rates) == filled > 190_000
    assert (rates[0].currency, rates[0].rate_date, rates[0].units_per_eur) == (
        "USD",
        date(1999, 1, 4),
        Decimal("1.1789"),
    )
    assert {rate.currency for rate in rates} == set(header.split(",")[1:])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "does not begin with Date"),
        ("<html>", "does not begin with Date"),
        ("Date,USD\n2024-03-11\n", "line 2 has 1 cells and not 2"),
        ("Date,USD\n2024-03-32,1.1\n", "'2024-03-32' is no day"),
        ("Date,USD\n11 Martius 2024,1.1\n", "'11 Martius 2024' is no day"),
        ("Date,USD\n2024-03-11,0\n", "the rate of USD on 2024-03-11 is '0', not above 0"),
        ("Date,USD\n2024-03-11,1e5\n", "the rate of USD on 2024-03-11 is '1e5', not a plain number"),
    ],
)
def test_a_file_of_rates_that_cannot_be_read_is_refused(text: str, error: str) -> None:
    with pytest.raises((ValueError, AmountError), match=error):
        list(read_rates(text))
