"""Samples of brokers' CSV against what a person read in them: broker_csv_b.toml has it, file by file."""

import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from books import SHARED_DATA, shared
from steelyard.domain.posting import RULES
from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.broker_csv.reader import get_csv_readers
from steelyard.statements.port import Source
from steelyard.statements.recognition import (
    UnknownFileError,
    choose_reader,
    open_source,
    read_statement,
)
from steelyard.statements.record import Held, Hint, Record, Refused, Row, Skipped

TODAY: Final = date(2026, 11, 22)
CLIENTS: Final = SHARED_DATA / "clients"
FOLDERS: Final = (
    "broker_csv/kapji",
    "broker_csv/portfolio-performance",
    "broker_csv/wealthfolio",
    "ghostfolio_import/ok",
    "ghostfolio_import/not-ok",
    "ofx_csv_reds",
)
NO_STATEMENT: Final = "broker_csv/kapji/exchange_rates_data.csv"

Sample = dict[str, Any]
SAMPLES: Final[list[Sample]] = tomllib.loads(
    Path(__file__).with_name("broker_csv_b.toml").read_text(encoding="utf-8")
)["file"]

each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: Path(sample["path"]).stem)


@contextmanager
def opened(name: str) -> Iterator[Source]:
    with open_source(shared(f"clients/{name}")) as source:
        yield source


@cache
def rows_of(name: str) -> tuple[Row, ...]:
    with opened(name) as source:
        reader = choose_reader(get_csv_readers(), source)
        return tuple(read_statement(reader, source, today=TODAY))


def records_of(name: str) -> list[Record]:
    return [row for row in rows_of(name) if isinstance(row, Record)]


def lines_with_something(name: str) -> set[int]:
    lines = shared(f"clients/{name}").read_bytes().decode("latin-1").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.strip(" ,;")}


@each_sample
def test_one_preset_knows_a_sample(sample: Sample) -> None:
    with opened(sample["path"]) as source:
        assert choose_reader(get_csv_readers(), source).name == sample["reader"]


@each_sample
def test_its_lines_become_records_of_these_kinds(sample: Sample) -> None:
    assert Counter(record.kind.value for record in records_of(sample["path"])) == sample["kinds"]


@each_sample
def test_these_lines_are_skipped_and_these_refused(sample: Sample) -> None:
    rows = rows_of(sample["path"])
    assert sorted(row.line for row in rows if isinstance(row, Skipped)) == sample.get("skipped", [])
    refused = {str(row.line): row.why for row in rows if isinstance(row, Refused)}
    wanted = sample.get("refused", {})
    assert sorted(refused) == sorted(wanted)
    assert all(words in refused[line] for line, words in wanted.items()), refused


@each_sample
def test_no_line_is_lost(sample: Sample) -> None:
    rows = {row.line for row in rows_of(sample["path"])}
    assert lines_with_something(sample["path"]) - rows == set(sample.get("headers", [1]))
    assert rows <= lines_with_something(sample["path"])


@each_sample
def test_the_cash_is_what_the_file_says_that_moved(sample: Sample) -> None:
    moved: dict[str, Decimal] = {}
    for record in records_of(sample["path"]):
        if record.kind in RULES and RULES[record.kind].cash:
            cash = RULES[record.kind].cash * (record.amount or ZERO) - record.costs
            moved[record.currency] = moved.get(record.currency, ZERO) + cash
    assert moved == {code: Decimal(cash) for code, cash in sample["cash"].items()}


@each_sample
def test_it_states_what_is_held(sample: Sample) -> None:
    held = [row for row in rows_of(sample["path"]) if isinstance(row, Held)]
    wanted = [
        Held(one["line"], one["account"], one["day"], None, one["currency"], Decimal(one["quantity"]))
        for one in sample.get("held", [])
    ]
    assert held == wanted


@each_sample
def test_these_records_are_so_to_the_last_field(sample: Sample) -> None:
    read = records_of(sample["path"])
    for wanted in sample.get("records", []):
        record = record_of(wanted)
        assert [one for one in read if (one.line, one.kind) == (record.line, record.kind)] == [record]


def record_of(said: dict[str, Any]) -> Record:
    """Make a record of what the table says; numbers are texts there."""
    made = dict(said) | {"kind": TransactionKind(said["kind"])}
    for one in fields(Record):
        if one.name in said and "Decimal" in str(one.type):
            made[one.name] = Decimal(said[one.name])
    if "asset" in said:
        made["asset"] = Hint(**said["asset"])
    if made["kind"] in {TransactionKind.RECEIVE, TransactionKind.DELIVER}:
        made.setdefault("amount", None)
    return Record(**made)


def test_rates_are_no_statement() -> None:
    with opened(NO_STATEMENT) as source, pytest.raises(UnknownFileError):
        choose_reader(get_csv_readers(), source)


def test_every_sample_of_these_folders_is_here() -> None:
    shared("clients")
    there = {
        path.relative_to(CLIENTS).as_posix()
        for folder in FOLDERS
        for path in (CLIENTS / folder).glob("*.csv")
    }
    assert sorted(sample["path"] for sample in SAMPLES) == sorted(there - {NO_STATEMENT})
