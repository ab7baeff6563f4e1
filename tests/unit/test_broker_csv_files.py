"""Broker CSV: headers, lines that belong together, balances, and files that are broken."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from preset_reading import TODAY, one_record, rows_of
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.broker_csv.preset_file import read_preset
from steelyard.statements.broker_csv.reader import CsvReader
from steelyard.statements.port import StatementError
from steelyard.statements.recognition import open_source, read_statement
from steelyard.statements.record import Held, Record, Refused, Row, Skipped

PRESET = """
title = "Trial"
dates = "31.12.2023"
numbers = "1.234,56"
optional = ["note"]
[columns]
date = ["Datum", "Date"]
kind = ["Art", "Type"]
net = "Betrag"
currency = "Währung"
note = "Text"
[kinds]
"DEPOSIT/WITHDRAWAL" = "Zahlung"
"""
HEADER = "Datum;Art;Betrag;Währung\n"
LINE = "14.03.2024;Zahlung;1.234,50;EUR\n"


def miss(preset: str, content: str | bytes, folder: Path) -> str | None:
    path = folder / "statement.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_source(path) as source:
        return CsvReader(read_preset("trial", preset)).miss(source)


def booked(rows: list[Row]) -> list[tuple[int, str, Decimal | None]]:
    return [(row.line, row.kind, row.amount) for row in rows if isinstance(row, Record)]


# ── Headers ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(mark: str, tmp_path: Path) -> None:
    text = (HEADER + "14.03.2024;Zahlung;5;EUR\n").replace(";", mark)

    assert one_record(PRESET, text, tmp_path).amount == Decimal(5)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_make_no_difference(encoding: str, end: str, tmp_path: Path) -> None:
    text = (HEADER + "\n" + LINE).replace("\n", end)

    assert booked(rows_of(PRESET, text.encode(encoding), tmp_path)) == [(3, "DEPOSIT", Decimal("1234.50"))]


def test_names_in_the_header_are_compared_without_case_and_space(tmp_path: Path) -> None:
    assert booked(rows_of(PRESET, " DATUM ;type;BETRAG;Wa\u0308hrung\n" + LINE, tmp_path))


def test_a_file_says_which_columns_it_lacks(tmp_path: Path) -> None:
    assert miss(PRESET, "Datum;Betrag;Saldo\n" + LINE, tmp_path) == "the columns `Art` and `Währung`"
    assert miss(PRESET, "Datum;Art;Betrag\n" + LINE, tmp_path) == "the column `Währung`"
    assert miss(PRESET, HEADER + LINE, tmp_path) is None
    assert (
        miss(PRESET, b"\x89PNG\r\n\x00\xff", tmp_path) == "the columns `Datum`, `Art`, `Betrag` and `Währung`"
    )


def test_a_column_that_must_not_be_there_tells_two_files_apart(tmp_path: Path) -> None:
    assert miss('absent = "Konto"' + PRESET, HEADER.replace("\n", ";Konto\n") + LINE, tmp_path)
    assert miss("exact = true" + PRESET, HEADER.replace("\n", ";Konto\n") + LINE, tmp_path)
    assert miss("exact = true" + PRESET, HEADER + LINE, tmp_path) is None


def test_lines_above_the_header_are_skipped_and_may_say_something(tmp_path: Path) -> None:
    preset = r"preamble = 'Konto;(?P<account>\w+)'" + PRESET
    rows = rows_of(preset, "Umsätze\n\nKonto;DE12\n;;;\n" + HEADER + LINE, tmp_path)

    assert rows[:2] == [Skipped(1, "a title above the columns"), Skipped(3, "a title above the columns")]
    assert [(row.line, row.account) for row in rows if isinstance(row, Record)] == [(6, "DE12")]


def test_a_currency_may_stand_in_the_header(tmp_path: Path) -> None:
    preset = PRESET.replace('"Betrag"', r"'re:Betrag \((?P<currency>[A-Z]{3})\)'").replace(
        'currency = "Währung"', ""
    )
    record = one_record(preset, "Datum;Art;Betrag (CHF)\n14.03.2024;Zahlung;5\n", tmp_path)

    assert (record.currency, record.amount) == ("CHF", Decimal(5))


def test_a_column_may_be_right_of_a_name(tmp_path: Path) -> None:
    preset = PRESET.replace('"Betrag"', '{ header = "Bewegung", right = 1 }').replace(
        '"Währung"', '"Bewegung"'
    )
    record = one_record(preset, "Datum;Art;Bewegung;;Saldo;\n14.03.2024;Zahlung;EUR;5;EUR;9\n", tmp_path)

    assert (record.currency, record.amount) == ("EUR", Decimal(5))


def test_a_file_without_header_is_read_by_place(tmp_path: Path) -> None:
    preset = """
title = "Trial"
dates = "2023-12-31"
header = false
width = 3
head = '^BANK-'
[columns]
account = { at = 1 }
date = { at = 2 }
net = { at = 3 }
[[rule]]
is = "DEPOSIT/WITHDRAWAL"
"""
    assert booked(rows_of(preset, "BANK-1,2024-03-14,5\n", tmp_path)) == [(1, "DEPOSIT", Decimal(5))]
    assert miss(preset, "SHOP-1,2024-03-14,5\n", tmp_path) == "a text like '^BANK-' in its first lines"


def test_a_second_header_breaks_a_file_unless_it_is_declared(tmp_path: Path) -> None:
    text = HEADER + LINE + HEADER + LINE

    with pytest.raises(StatementError, match=r"line 3: the header stands there a second time"):
        rows_of(PRESET, text, tmp_path)
    assert len(booked(rows_of("repeats = true" + PRESET, text, tmp_path))) == 2


def test_a_file_of_several_tables(tmp_path: Path) -> None:
    preset = """
title = "Trial"
dates = "2023-12-31"
currency = "GBP"
[skip]
"a title" = { first = ["Trades", "Cash"] }
[[table]]
columns = { date = "Date", kind = "What", net = "Cash", first = { header = "Date" } }
kinds = { "DEPOSIT/WITHDRAWAL" = "Paid" }
[[table]]
columns = { date = "Day", symbol = "Name", quantity = "Units", price = "Each", first = { header = "Day" } }
rule = [{ is = "BUY" }]
"""
    text = "Date,What,Cash\n2024-03-14,Paid,5\nTrades,,\nDay,Name,Units,Each\n2024-03-15,VTI,2,3\n"
    rows = rows_of(preset, text, tmp_path)

    assert booked(rows) == [(2, "DEPOSIT", Decimal(5)), (5, "BUY", Decimal(6))]
    assert [row for row in rows if not isinstance(row, Record)] == [Skipped(3, "a title")]


# ── Lines that belong together ──────────────────────────────────────────────────────────────────────────


def test_a_wrapped_line_is_one(tmp_path: Path) -> None:
    preset = 'wrapped = ["date", "kind"]' + PRESET.replace("[kinds]", 'id = "Id"\n[kinds]')
    text = "Datum;Art;Betrag;Währung;Id\n14.03.2024;Zahlung;5;EUR;ab-\n;;;;cd\n" + LINE.replace("\n", ";x\n")
    rows = rows_of(preset, text, tmp_path)

    assert [(row.line, row.source_id) for row in rows if isinstance(row, Record)] == [(2, "ab-cd"), (4, "x")]


JOINED = (
    PRESET
    + """FX = "Verkauf"
[[join]]
by = ["date", "note"]
parts = [
  { when = { kind = "Verkauf" } },
  { when = { kind = "Kauf" }, take = { counter_amount = "net", counter_currency = "currency" } },
]
"""
)
FX_HEADER = HEADER.replace("\n", ";Text\n")


def test_two_halves_of_one_exchange_are_one_record(tmp_path: Path) -> None:
    text = FX_HEADER + "14.03.2024;Kauf;100;EUR;a\n14.03.2024;Verkauf;-110;USD;a\n"
    fx, half = rows_of(JOINED, text, tmp_path)

    assert fx == Record(
        kind=TransactionKind.FX,
        line=3,
        trade_date=date(2024, 3, 14),
        currency="USD",
        amount=Decimal(110),
        counter_currency="EUR",
        counter_amount=Decimal(100),
        note="a",
    )
    assert half == Skipped(2, "part of line 3")


def test_a_half_alone_is_refused(tmp_path: Path) -> None:
    text = FX_HEADER + "14.03.2024;Kauf;100;EUR;a\n14.03.2024;Verkauf;-110;USD;b\n"
    rows = rows_of(JOINED, text, tmp_path)

    assert [(row.line, type(row)) for row in rows] == [(2, Refused), (3, Refused)]
    assert all("its other half" in row.why for row in rows if isinstance(row, Refused))


def test_halves_too_far_apart_are_not_joined(tmp_path: Path) -> None:
    between = "14.03.2024;Zahlung;1;EUR;z\n" * 5
    text = FX_HEADER + "14.03.2024;Kauf;100;EUR;a\n" + between + "14.03.2024;Verkauf;-110;USD;a\n"

    assert [type(row) for row in rows_of("within = 3" + JOINED, text, tmp_path)].count(Refused) == 2
    assert [type(row) for row in rows_of("within = 6" + JOINED, text, tmp_path)].count(Refused) == 0


def test_two_exchanges_of_one_key_are_joined_only_where_that_is_sure(tmp_path: Path) -> None:
    sold, bought = "14.03.2024;Verkauf;-{0};USD;a\n", "14.03.2024;Kauf;{0};EUR;a\n"
    apart = FX_HEADER + sold.format(1) + bought.format(2) + sold.format(3) + bought.format(4)
    mixed = FX_HEADER + bought.format(2) + bought.format(4) + sold.format(1) + sold.format(3)

    assert booked(rows_of(JOINED, apart, tmp_path)) == [(2, "FX", Decimal(1)), (4, "FX", Decimal(3))]
    refused = rows_of(JOINED, mixed, tmp_path)
    assert [type(row) for row in refused] == [Refused] * 4
    assert "several bookings share `Datum`, `Text`" in refused[0].why  # type: ignore[union-attr]  # a Refused, see above


def test_costs_of_several_lines_are_added(tmp_path: Path) -> None:
    preset = (
        PRESET
        + """BUY = "Kauf"
[fixed]
isin = "US0378331005"
quantity = "1"
[[join]]
by = ["note"]
alone = "rule"
parts = [
  { when = { kind = "Kauf" } },
  { when = { kind = "Gebühr" }, take = { costs = "fee" }, optional = true, sum = true },
]
"""
    )
    preset = preset.replace("[kinds]", 'fee = { header = "Betrag", sign = "any" }\n[kinds]')
    lines = ["Gebühr;-1,5;EUR;a", "Kauf;-100;EUR;a", "Gebühr;-2;EUR;a", "Kauf;-7;EUR;b"]
    text = FX_HEADER + "".join(f"14.03.2024;{line}\n" for line in lines)
    rows = rows_of(preset, text, tmp_path)
    records = {row.line: (row.amount, row.costs) for row in rows if isinstance(row, Record)}

    assert records == {3: (Decimal("96.5"), Decimal("3.5")), 5: (Decimal(7), Decimal(0))}
    assert {row.line for row in rows if isinstance(row, Skipped)} == {2, 4}


# ── Balances ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_balance_of_each_currency_is_held(tmp_path: Path) -> None:
    preset = PRESET.replace("[kinds]", 'balance = "Saldo"\n[kinds]')
    header = HEADER.replace("\n", ";Saldo\n")
    oldest_first = ["12.03.2024;Zahlung;5;EUR;5", "13.03.2024;Zahlung;1;USD;1", "14.03.2024;Zahlung;2;EUR;7"]
    expected = [("EUR", date(2024, 3, 14), Decimal(7)), ("USD", date(2024, 3, 13), Decimal(1))]

    for lines in (oldest_first, oldest_first[::-1]):
        rows = rows_of(preset, header + "\n".join(lines) + "\n", tmp_path)
        held = [(row.currency, row.day, row.quantity) for row in rows if isinstance(row, Held)]
        assert sorted(held) == expected


def test_of_one_day_in_no_known_order_nothing_is_held(tmp_path: Path) -> None:
    preset = PRESET.replace("[kinds]", 'balance = "Saldo"\n[kinds]')
    text = HEADER.replace("\n", ";Saldo\n") + "12.03.2024;Zahlung;5;EUR;5\n12.03.2024;Zahlung;1;EUR;6\n"

    assert [row for row in rows_of(preset, text, tmp_path) if isinstance(row, Held)] == []
    (held,) = [
        row for row in rows_of('order = "newest first"' + preset, text, tmp_path) if isinstance(row, Held)
    ]
    assert (held.line, held.quantity) == (2, Decimal(5))


# ── Broken files ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            HEADER.encode() + b'14.03.2024;"Zahlung;5;EUR\n' + LINE.encode() * 9,
            "line 2: opens a quote that is not closed",
        ),
        (HEADER.encode() + LINE.encode() + b"14.03.2024;Zah\0lung;5;EUR\n", "line 3: holds a NUL"),
        (HEADER.encode() + LINE.encode() + b"x" * (2**20 + 1) + b"\n", "line 3: is longer than 1 MiB"),
        (HEADER.encode() + LINE.encode() * 3000 + b"14.03.2024;\xff;5;EUR\n", "line 3002: is not utf-8 text"),
        (HEADER.encode() + b'"' + LINE.encode() * 9000, "line 2: opens a quote that is not closed"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(content: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(StatementError, match=reason):
        rows_of(PRESET, content, tmp_path)


def test_a_quote_that_is_wrong_within_a_line_refuses_that_line(tmp_path: Path) -> None:
    rows = rows_of(PRESET, HEADER + '14.03.2024;"Zah"lung;5;EUR\n' + LINE, tmp_path)

    assert rows[0] == Refused(2, "has a quote inside a quoted cell that is not written twice")
    assert booked(rows) == [(3, "DEPOSIT", Decimal("1234.50"))]


def test_a_line_that_wraps_in_quotes_keeps_the_line_it_begins_on(tmp_path: Path) -> None:
    rows = rows_of(
        PRESET, FX_HEADER + '14.03.2024;Zahlung;5;EUR;"a\nb"\n' + LINE.replace("\n", ";c\n"), tmp_path
    )

    assert [(row.line, row.note) for row in rows if isinstance(row, Record)] == [(2, "a\nb"), (4, "c")]


def test_empty_cells_behind_the_last_column_do_no_harm(tmp_path: Path) -> None:
    assert booked(rows_of(PRESET, HEADER + LINE.replace("\n", ";;\n") + ";;;;;\n", tmp_path))


def test_short_lines_must_be_declared(tmp_path: Path) -> None:
    text = FX_HEADER + LINE

    assert [type(row) for row in rows_of(PRESET, text, tmp_path)] == [Refused]
    assert booked(rows_of("short_lines = true" + PRESET, text, tmp_path))


def test_a_file_of_another_kind_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with open_source(path) as source, pytest.raises(StatementError, match="lacks the columns"):
        list(read_statement(CsvReader(read_preset("trial", PRESET)), source, today=TODAY))
