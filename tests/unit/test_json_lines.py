"""Tables as JSON lines: what is read, and what is refused with its line."""

from datetime import date
from pathlib import Path

import pytest

from steelyard.domain.finding import Finding
from steelyard.statements.cells import Reading
from steelyard.statements.columns import FORMATS
from steelyard.statements.rows import CheckedTable, read_checked
from steelyard.statements.tables import find_tables, read_table

TABLE = FORMATS["benchmarks"]
GOOD = b'{"currency":"USD","asset_id":"SPX"}\n'


def file_of(folder: Path, content: bytes) -> Path:
    path = folder / "benchmarks.jsonl"
    path.write_bytes(content)
    return path


def fault_of(path: Path) -> Finding:
    checked = read_checked(path, TABLE, Reading(date(2024, 6, 28)))
    assert isinstance(checked, Finding)
    return checked


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        (b'{"asset_id":"A","asset_id":"B"}', "repeated_column", "asset_id stands there twice"),
        (b'{"asset":"A"}', "unknown_column", "unknown column 'asset'"),
        (b'{"asset_id":1.5}', "broken_line", "asset_id is no text; write it in quotes"),
        (b'{"asset_id":NaN}', "broken_line", "no text"),
        (b'{"asset_id":true}', "broken_line", "no text"),
        (b'{"asset_id":["A"]}', "broken_line", "no text"),
        (b'{"asset_id":{"a":"A"}}', "broken_line", "no text"),
        (b'["A"]', "broken_line", "no object"),
        (b"[]", "broken_line", "no object"),
        (b"1", "broken_line", "no object"),
        (b"{", "broken_line", "not JSON"),
        (b'{"asset_id":"A\x00"}', "broken_line", "not JSON"),
        (b'{"asset_id":"\xc9"}', "broken_line", "not UTF-8"),
        (b'{"asset_id":"\\ud800"}', "broken_line", "half a character"),
        (b"\xff\xfe{\x00", "broken_line", "not UTF-8"),
        (b'{"asset_id":' + b"[" * 100_000, "broken_line", "not JSON"),
        (b'{"asset_id":"' + b"A" * 9_000_000 + b'"}', "broken_line", "longer than 1,048,576 bytes"),
    ],
    ids=lambda value: value[:30].decode("latin-1") if isinstance(value, bytes) else None,
)  # fmt: skip
def test_a_line_that_is_no_row_is_refused_with_its_number(
    tmp_path: Path, *, line: bytes, kind: str, says: str
) -> None:
    found = fault_of(file_of(tmp_path, GOOD + b"\n" + line + b"\n"))

    assert (found.kind, found.row_number) == (kind, 3)
    assert says in found.reason


def test_what_a_line_does_not_say_is_an_empty_cell(tmp_path: Path) -> None:
    raw = read_table(file_of(tmp_path, GOOD + b'{"currency":null}\n{"asset_id":""}'), TABLE)

    assert [raw.row(place) for place in range(raw.length)] == [
        {"currency": "USD", "asset_id": "SPX"},
        {"currency": "", "asset_id": ""},
        {"currency": "", "asset_id": ""},
    ]


def test_a_column_that_no_line_says_anything_of_is_not_there_unless_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "accounts.jsonl"
    path.write_text('{"account_id":"A","household_id":null}\n', encoding="utf-8")
    raw = read_table(path, FORMATS["accounts"])

    assert {name: cells.to_pylist() for name, cells in raw.columns.items()} == {
        "account_id": ["A"],
        "account_name": [""],
    }


def test_a_row_is_refused_by_its_line(tmp_path: Path) -> None:
    path = file_of(tmp_path, b"\n" + GOOD + b'\n{"currency":"usd","asset_id":"A"}\n')
    checked = read_checked(path, TABLE, Reading(date(2024, 6, 28)))

    assert isinstance(checked, CheckedTable)
    assert [(one.kind, one.row_number) for one in checked.findings] == [("unknown_currency", 4)]


def test_a_folder_may_hold_them(tmp_path: Path) -> None:
    path = file_of(tmp_path, GOOD)
    assert find_tables(tmp_path, ["benchmarks"]) == {"benchmarks": path}
