"""The samples of 29 brokers in clients/broker_csv/export-to-ghostfolio, line by line, as broker_csv_a.toml has them.

Source: https://github.com/dickwolff/Export-To-Ghostfolio, whose authors collected them.
"""

import tomllib
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from books import shared
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.broker_csv.reader import get_csv_readers
from steelyard.statements.recognition import choose_reader, open_source, read_statement
from steelyard.statements.record import Held, Hint, Record, Refused, Row, Skipped

TODAY: Final = date(2026, 11, 22)
TABLE: Final = tomllib.loads(Path(__file__).with_name("broker_csv_a.toml").read_text(encoding="utf-8"))
FOLDER: Final = "clients/broker_csv/export-to-ghostfolio"

K: Final = TransactionKind
BRINGS: Final = {K.SELL, K.DIVIDEND, K.INTEREST, K.DEPOSIT, K.FEE_REFUND, K.TAX_REFUND, K.RETURN_OF_CAPITAL}
TAKES: Final = {K.BUY, K.FX, K.FEE, K.TAX, K.WITHDRAWAL, K.INTEREST_PAID}
COME: Final = {K.BUY, K.RECEIVE}
GO: Final = {K.SELL, K.DELIVER}
NO_HINT: Final = Hint()

files = pytest.mark.parametrize("name", sorted(TABLE))


def source_path(name: str) -> Path:
    return shared(f"{FOLDER}/{name}-export.csv")


@cache
def read(path: Path) -> tuple[str, tuple[Row, ...]]:
    """Read a sample, once for all tests, and say which reader knew it."""
    with open_source(path) as source:
        reader = choose_reader(get_csv_readers(), source)
        return reader.name, tuple(read_statement(reader, source, today=TODAY))


def rows_of(name: str) -> tuple[Row, ...]:
    return read(source_path(name))[1]


def booked(name: str) -> list[Record]:
    return [row for row in rows_of(name) if isinstance(row, Record)]


@files
def test_one_reader_knows_the_file(name: str) -> None:
    assert read(source_path(name))[0] == TABLE[name]["preset"]


@files
def test_every_line_is_of_its_kind(name: str) -> None:
    expected = Counter((line, kind) for kind, lines in TABLE[name]["lines"].items() for line in lines)

    assert Counter((record.line, record.kind.value) for record in booked(name)) == expected


@files
def test_what_moves_nothing_is_skipped(name: str) -> None:
    skipped = [row.line for row in rows_of(name) if isinstance(row, Skipped)]

    assert sorted(skipped) == TABLE[name]["skipped"]


@files
def test_what_nobody_can_read_is_refused_with_its_reason(name: str) -> None:
    refused = {row.line: row.why for row in rows_of(name) if isinstance(row, Refused)}
    expected = {int(line): part for line, part in TABLE[name].get("refused", {}).items()}

    assert sorted(refused) == sorted(expected)
    assert {line: part for line, part in expected.items() if part not in refused[line]} == {}


@files
def test_closing_cash_is_what_the_file_states(name: str) -> None:
    held = [(row.line, row.currency, row.quantity, row.day) for row in rows_of(name) if isinstance(row, Held)]
    expected = [(line, currency, Decimal(q), day) for line, currency, q, day in TABLE[name].get("held", [])]

    assert sorted(held) == sorted(expected)


@files
def test_the_cash_is_the_sum_of_the_column(name: str) -> None:
    cash: dict[str, Decimal] = defaultdict(Decimal)
    for record in booked(name):
        amount = record.amount or Decimal(0)
        moved = (record.kind in BRINGS) * amount - (record.kind in TAKES) * amount
        cash[record.currency] += moved - record.costs
        cash[record.counter_currency] += record.counter_amount
    expected = {currency: Decimal(total) for currency, total in TABLE[name]["cash"].items()}

    assert {key: total for key, total in cash.items() if total} == {
        key: total for key, total in expected.items() if total
    }


@files
def test_the_units_are_the_sum_of_the_column(name: str) -> None:
    units: dict[str, Decimal] = defaultdict(Decimal)
    for record in booked(name):
        asset = record.asset or NO_HINT
        moved = (record.kind in COME) * record.quantity - (record.kind in GO) * record.quantity
        units[asset.isin or asset.symbol or asset.name] += moved
    expected = {asset: Decimal(total) for asset, total in TABLE[name]["units"].items()}

    assert {asset: total for asset, total in units.items() if total} == expected


@files
def test_records_are_what_their_lines_say(name: str) -> None:
    for expected in TABLE[name]["record"]:
        found = [told(record) for record in booked(name) if told(record).items() >= key_of(expected).items()]

        assert any(one.items() >= wanted(expected).items() for one in found), (expected, found)


@files
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_rows_are_the_same_in_other_encodings_and_line_ends(
    name: str, encoding: str, tmp_path: Path
) -> None:
    lines = source_path(name).read_text(encoding="utf-8-sig").splitlines()
    other = tmp_path / "other.csv"
    other.write_bytes("".join(f"{line}\r\n" for line in lines).encode(encoding))

    assert read(other) == read(source_path(name))


def key_of(expected: dict[str, Any]) -> dict[str, object]:
    return {key: expected[key] for key in ("line", "kind")}


def wanted(expected: dict[str, Any]) -> dict[str, object]:
    """Give what a table says of a record, with its numbers as numbers."""
    exact = {"quantity", "price", "amount", "costs", "tax", "counter_amount"}
    return {
        key: (Decimal(value) if value else None) if key in exact else value for key, value in expected.items()
    }


def told(record: Record) -> dict[str, object]:
    """Give a record in the words of the table."""
    asset = record.asset or NO_HINT
    return {
        "line": record.line,
        "kind": record.kind.value,
        "date": record.trade_date,
        "settled": record.settlement_date,
        "account": record.account,
        "currency": record.currency,
        "amount": record.amount,
        "costs": record.costs,
        "tax": record.tax,
        "isin": asset.isin,
        "symbol": asset.symbol,
        "name": asset.name,
        "venue": asset.venue,
        "asset_currency": asset.currency,
        "quantity": record.quantity,
        "price": record.price,
        "counter_currency": record.counter_currency,
        "counter_amount": record.counter_amount,
        "id": record.source_id,
    }
