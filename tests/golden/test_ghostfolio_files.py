"""Ghostfolio's own samples: what is valid there is read, what is not is refused; the exceptions are a closed list."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from books import shared
from statement_files import read_sample
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.ghostfolio import GhostfolioReader
from steelyard.statements.recognition import UnknownFileError, choose_reader, open_source
from steelyard.statements.record import Held, Record, Refused, Row

READER = GhostfolioReader()

REFUSED_HERE = {"sample.json": [128], "without-accounts.json": [29]}
"""Valid in Ghostfolio: an order of no units on 6 June 2050, by file the line that says so."""

TAKEN_HERE = {"invalid-platform.json"}
"""Refused by Ghostfolio only: a platform that the other instance does not have. (And BTC-USD in a CSV.)"""


def records_of(rows: list[Row]) -> list[Record]:
    return [row for row in rows if isinstance(row, Record)]


def refused_of(rows: list[Row]) -> list[Refused]:
    return [row for row in rows if isinstance(row, Refused)]


def test_every_valid_file_is_read_but_for_the_closed_list() -> None:
    files = sorted(shared("clients/ghostfolio_import/ok").glob("*.json"))

    refused = {
        path.name: [row.line for row in refused_of(read_sample(READER, f"ghostfolio_import/ok/{path.name}"))]
        for path in files
    }
    assert len(files) == 12
    assert {name: lines for name, lines in refused.items() if lines} == REFUSED_HERE


def test_every_invalid_file_is_refused_but_for_the_closed_list() -> None:
    whole = set()
    for path in sorted(shared("clients/ghostfolio_import/not-ok").glob("*.json")):
        if path.name == "unexpected-format.json":
            with open_source(path) as source, pytest.raises(UnknownFileError):
                choose_reader([READER], source)
        elif not refused_of(read_sample(READER, f"ghostfolio_import/not-ok/{path.name}")):
            whole.add(path.name)

    assert whole == TAKEN_HERE


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("invalid-data-source.json", "`dataSource` is '<invalid>'"),
        ("invalid-date-before-min.json", "`date` is 1960-01-01"),
        ("invalid-date.json", "`date` is '<invalid>'"),
        ("invalid-symbol-with-manual-data-source.json", "`symbol` is 'Penthouse Apartment'"),
        ("invalid-symbol.json", "`symbol` is '<invalid>'"),
        ("invalid-type.json", "`type` is '<invalid>'"),
        ("unavailable-exchange-rate.json", "has no quantity above 0"),
    ],
)
def test_the_reason_is_theirs(name: str, why: str) -> None:
    (row,) = read_sample(READER, f"ghostfolio_import/not-ok/{name}")

    assert isinstance(row, Refused)
    assert row.line == 7
    assert why in row.why


def test_five_hundred_activities() -> None:
    records = records_of(read_sample(READER, "ghostfolio_import/ok/500-activities.json"))

    assert Counter(record.asset.symbol if record.asset else "" for record in records) == {
        "META": 78,
        "TSLA": 75,
        "NFLX": 74,
        "AMZN": 72,
        "AAPL": 70,
        "GOOG": 64,
        "MSFT": 67,
    }
    assert {record.kind for record in records} == {TransactionKind.BUY}
    first, last = records[0], records[-1]
    assert (first.line, first.trade_date, first.quantity, first.amount) == (
        17,
        date(2022, 9, 3),
        Decimal(5),
        Decimal("43.05"),
    )
    assert (last.trade_date, last.quantity, last.amount) == (date(2022, 5, 6), Decimal(4), Decimal("36.12"))
    assert {record.account for record in records} == {"b2d3fe1d-d6a8-41a3-be39-07ef5e9480f0"}


def test_the_sample_of_every_kind() -> None:
    rows = read_sample(READER, "ghostfolio_import/ok/sample.json")

    account = "b2d3fe1d-d6a8-41a3-be39-07ef5e9480f0"
    assert [
        (row.line, row.account, row.day, row.currency, row.quantity) for row in rows if isinstance(row, Held)
    ] == [
        (7, account, date(2024, 12, 31), "USD", Decimal(2000)),
        (7, account, date(2023, 12, 31), "USD", Decimal(1000)),
    ]
    assert [(row.line, row.kind, row.account, row.amount, row.costs) for row in records_of(rows)] == [
        (76, TransactionKind.FEE, account, Decimal(49), Decimal(0)),
        (89, TransactionKind.BUY, account, Decimal("1492.90"), Decimal(19)),
        (102, TransactionKind.DIVIDEND, account, Decimal("3.10"), Decimal(0)),
        (115, TransactionKind.BUY, "", Decimal(500_000), Decimal(0)),
    ]
    assert [row.note for row in records_of(rows)] == [
        "Account Opening Fee",
        "My first order 🤓",
        "",
        "Penthouse Apartment",
    ]


def test_cents_of_a_rand() -> None:
    (record,) = records_of(read_sample(READER, "ghostfolio_import/ok/derived-currency.json"))

    assert (record.currency, record.amount, record.price) == ("ZAR", Decimal("543.75"), Decimal("108.75"))
    assert record.asset is not None
    assert (record.asset.symbol, record.asset.currency) == ("JSE.JO", "ZAC")


def test_selling_and_buying_on_one_day() -> None:
    records = records_of(read_sample(READER, "ghostfolio_import/ok/jnug-buy-and-sell-and-buy-and-sell.json"))

    assert [
        (record.kind.value, f"{record.quantity}", record.amount, f"{record.costs}") for record in records
    ] == [
        ("BUY", "9", Decimal("1885.05"), "1"),
        ("SELL", "9", Decimal(1890), "1"),
        ("BUY", "10", Decimal("2041.10"), "1"),
        ("SELL", "10", Decimal("2080.10"), "1"),
    ]
    assert records[0].source_id == "cea33621-9f4b-4cea-9eb7-be38264888aa"
