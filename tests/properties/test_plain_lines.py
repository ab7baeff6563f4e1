"""Lines of broker CSV: the short way for usual numbers says what the long way says, and refuses what it refuses."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.transaction import TransactionKind
from steelyard.statements.broker_csv.booking import Booker, Said
from steelyard.statements.broker_csv.layout import Layout, find_layout
from steelyard.statements.broker_csv.preset import Books, Rule
from steelyard.statements.broker_csv.preset_file import read_preset
from steelyard.statements.broker_csv.sheet import Cells, Sheet
from steelyard.statements.broker_csv.text import CellError, LineError

COLUMNS: Final = ("quantity", "price", "costs", "tax", "amount", "net", "currency", "price_currency")
PRESET: Final = """
title = "Trial"
dates = "2023-12-31"
empty = ["-", "none"]
[columns]
date = "Date"
kind = "Type"
"""
USUAL: Final = {"quantity": "10", "price": "25.00", "costs": "1.50", "net": "-251.50", "currency": "CHF"}
NUMBERS: Final = (
    *(
        "",
        " ",
        "-",
        "none",
        "0",
        "-0",
        "0.00",
        "-0.0",
        "007.50",
        "1",
        "10",
        "-10",
        "25",
        "-25",
        "250",
        "-250",
    ),
    *("251.5", "-251.50", "1.5", "-1.5", "248.50", "1.", ".5", "+5", "(5)", "5-", "1,000.5", "1.2.3", "1-2"),
    *("999999999999999", "-999999999999999.999999999999", "1000000000000000", "0.123456789012"),
    *(
        "0.1234567890123",
        "1e3",
        "NaN",
        "Infinity",
        "1_000",
        "١٢",
        "5\n",
        "\n5",
        "5\n5",
        " 7 ",
        "−5",
        "$4",
        "4 GBX",
    ),
)
CODES: Final = ("", "CHF", "EUR", "GBP", "GBX", "XXX", " CHF", "none")


def texts_of(column: str) -> tuple[str, ...]:
    return CODES if "currency" in column else NUMBERS


def line_of(said: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(said.get(name, "") for name in COLUMNS)


numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.decimals(min_value=-(10**16), max_value=10**16, places=2).map(str),
    st.text("0123456789.-,\n '", max_size=30),
)
lines = st.tuples(*[st.sampled_from(CODES) if "currency" in name else numbers for name in COLUMNS])
changes = st.sampled_from(COLUMNS).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(texts_of(name)))
)
near = st.lists(changes, max_size=4).map(lambda found: line_of(USUAL | dict(found)))


@cache
def booker(kind: TransactionKind, signs: str, net: str = '"net"', more: str = "") -> Booker:
    named = "\n".join(f'{name} = "{name}"' for name in COLUMNS if name != "net")
    (table,) = read_preset("trial", f"{more}\n{PRESET}\n{named}\nnet = {net}").tables
    layout = find_layout(table, ["Date", "Type", *COLUMNS])
    assert isinstance(layout, Layout)
    return Booker(Sheet(table, layout, {}), Rule(outcome=Books(kind)), kind, signs)


def outcome(read: Callable[[Cells], Said | None], line: tuple[str, ...]) -> str | None:
    try:
        said = read(["2024-03-14", "Buy", *line, ""])  # behind them what no column states
    except (CellError, LineError) as error:
        return error.why
    return None if said is None else repr(said)  # 0 and 0.00 are equal, and not the same


def ways(one: Booker, line: tuple[str, ...]) -> tuple[str | None, str | None]:
    return outcome(one._plainly, line), outcome(one._carefully, line)  # noqa: SLF001  the two are compared


@pytest.mark.parametrize("signs", ["cash", "none", "any"])
@pytest.mark.parametrize("kind", TransactionKind)
def test_of_a_usual_line_with_one_change_both_ways_say_the_same(kind: TransactionKind, signs: str) -> None:
    bases = [USUAL, USUAL | {"net": "248.50"}, USUAL | {"net": "", "amount": "250.00"}]
    lines = [line_of(base | {name: text}) for base in bases for name in COLUMNS for text in texts_of(name)]
    said = [(line, *ways(booker(kind, signs), line)) for line in lines]

    assert [one for one in said if one[1] not in {None, one[2]}] == []


@pytest.mark.parametrize("signs", ["cash", "none", "any"])
@given(st.sampled_from(TransactionKind), st.one_of(lines, near))
def test_the_short_way_says_what_the_long_way_says(
    signs: str, kind: TransactionKind, line: tuple[str, ...]
) -> None:
    short, long = ways(booker(kind, signs), line)

    assert short in {None, long}


@pytest.mark.parametrize(
    "net",
    [
        '{ header = "net", sign = "-" }',
        '{ header = "net", places = 1 }',
        '{ header = "net", times = "2" }',
        '{ header = "net", currency = "USD" }',
        '{ header = "net", numbers = "1.234,56" }',
        '{ header = "net", empty = ["-251.50"] }',
    ],
)
@given(near)
def test_a_column_whose_numbers_are_more_than_their_digits_goes_the_long_way(
    net: str, line: tuple[str, ...]
) -> None:
    short, long = ways(booker(TransactionKind.BUY, "any", net), line)

    assert short in {None, long}


@given(near)
def test_a_currency_for_lines_that_say_none_is_theirs_both_ways(line: tuple[str, ...]) -> None:
    short, long = ways(booker(TransactionKind.BUY, "any", more='currency = "EUR"'), line)

    assert short in {None, long}


def test_a_usual_line_goes_the_short_way() -> None:
    short, long = ways(booker(TransactionKind.BUY, "cash"), line_of(USUAL))

    assert short == long
    assert "Decimal('250.00')" in str(short)
