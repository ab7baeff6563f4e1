"""Files that tables are written to: what a load reads back is what was written, and a spreadsheet sees no formula."""

import io
import json
import unicodedata
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.domain.spreadsheet import cell, text_of
from steelyard.statements.cells import Reading
from steelyard.statements.columns import FORMATS, Kind
from steelyard.statements.rows import CheckedTable, read_checked
from steelyard.statements.table_writing import FileKind, UnwritableCellError, open_writer
from steelyard.statements.tables import read_table
from steelyard.statements.texts import guarded, unguarded

READING = Reading(date(2024, 6, 28))
TABLE = FORMATS["accounts"]
HARD = [
    "=1",
    "'=1",
    "''=1",
    "'",
    "''",
    "'''",
    "'-",
    "-1",
    "+",
    "@a",
    "\t=",
    "\n",
    '"',
    '",',
    "a,b",
    "\uff1d1",
    "'t Hooft",
]
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(HARD)
leading = st.text(st.sampled_from("'=+-@\t\r\n\uff1d\u207ca \""), max_size=5)


def rows_of(*names: str | None) -> pa.Table:
    """Rows of accounts whose name is a text, in every column of text."""
    plain = {Kind.NUMBER: "-0.00000001", Kind.PAST_DATE: "2024-01-02", Kind.YES_NO: "no"}
    return pa.table(
        {
            column.name: pa.array([plain.get(column.kind, name) for name in names], pa.string())
            for column in TABLE.columns
        }
    )


def written(kind: FileKind, *parts: pa.Table) -> bytes:
    stream = io.BytesIO()
    writer = open_writer(kind, stream, TABLE)
    for part in parts:
        writer.write(part)
    writer.close()
    return stream.getvalue()


def saved(folder: Path, kind: FileKind, *parts: pa.Table) -> Path:
    path = folder / f"accounts{kind.ending}"
    path.write_bytes(written(kind, *parts))
    return path


# ── Cells ───────────────────────────────────────────────────────────────────────────────────────────────


@given(texts | leading)
def test_any_text_survives_a_cell(text: str) -> None:
    assert text_of(cell(text)) == text


@given(texts | leading)
def test_no_cell_is_a_formula(text: str) -> None:
    first = unicodedata.normalize("NFKC", cell(text)[:1])
    assert first not in set("=+-@\t\r\n")


@given(leading)
def test_a_cell_is_read_as_it_stands_unless_an_export_would_have_written_it(text: str) -> None:
    read = text_of(text)
    assert read == text or cell(read) == text


def test_columns_are_guarded_as_single_cells_are_whatever_they_begin_with() -> None:
    """Over all of Unicode: the pattern that picks who is looked at one by one misses nobody."""
    every = (chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    found = [character for character in every if cell(character) != character]
    column = pa.array([*found, *(f"'{one}x" for one in found), *"aZ09é漢٣_ !", None, "", "'", "''", "'a"])

    assert len(found) > 15
    cells = [None if text is None else cell(text) for text in column.to_pylist()]
    assert guarded(column).to_pylist() == cells
    assert unguarded(pa.array(cells)).equals(column)


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", list(FileKind))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=st.lists(texts | leading, min_size=1, max_size=5))
def test_any_text_survives_a_file(kind: FileKind, names: list[str], tmp_path: Path) -> None:
    names = [name for name in names if not set(name) & set("\r\n")] or ["one"]  # which a load refuses anyway
    raw = read_table(saved(tmp_path, kind, rows_of(*names)), TABLE)

    assert raw.columns["account_name"].to_pylist() == names
    assert raw.columns["stated_value"].to_pylist() == ["-0.00000001"] * len(names)
    assert set(raw.columns["may_short"].to_pylist()) <= {"no", "false"}


@pytest.mark.parametrize("kind", list(FileKind))
def test_equal_texts_are_one_whether_they_were_guarded_or_not(kind: FileKind, tmp_path: Path) -> None:
    """A file by hand may have both; the dictionary of a column then holds a word twice."""
    path = saved(tmp_path, kind, rows_of("A"), rows_of("B"))
    if kind is FileKind.CSV:
        path.write_text("account_id,account_name\n=1,A\n'=1,A\n", encoding="utf-8")
        checked = read_checked(path, TABLE, READING)
        assert isinstance(checked, CheckedTable)
        assert [finding.kind for finding in checked.findings] == ["duplicate_row"]
    assert read_table(path, TABLE).length == 2


def test_numbers_and_days_are_no_text_in_a_spreadsheet() -> None:
    lines = written(FileKind.CSV, rows_of("=1")).decode("utf-8-sig").splitlines()
    cells = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))

    assert cells["account_name"] == "'=1"
    assert (cells["stated_value"], cells["stated_value_date"], cells["may_short"]) == (
        "-0.00000001",
        "2024-01-02",
        "no",
    )


def test_lines_of_json_are_objects_of_text_without_what_is_not_known() -> None:
    line, *rest = written(FileKind.JSON, rows_of('=\u2028"\\')).split(b"\n")

    assert rest == [b""]
    assert json.loads(line)["account_name"] == '=\u2028"\\'
    assert json.loads(line)["stated_value"] == "-0.00000001"
    assert b"\\u2028" in line
    assert json.loads(written(FileKind.JSON, rows_of(None))) == {
        "stated_value": "-0.00000001",
        "stated_value_date": "2024-01-02",
        "may_overdraw": "no",
        "may_short": "no",
    }


def test_parquet_is_typed(tmp_path: Path) -> None:
    kinds = pq.read_schema(saved(tmp_path, FileKind.PARQUET, rows_of("A")))

    assert f"{kinds.field('stated_value').type}" == "decimal128(23, 8)"
    assert f"{kinds.field('stated_value_date').type}" == "date32[day]"


def test_parquet_refuses_what_its_types_cannot_hold_and_the_others_do_not() -> None:
    rows = rows_of("A")
    wide = rows.set_column(rows.column_names.index("stated_value"), "stated_value", pa.array(["1" * 30]))
    with pytest.raises(UnwritableCellError, match="accounts"):
        written(FileKind.PARQUET, wide)
    assert b"1" * 30 in written(FileKind.CSV, wide)
    assert b"1" * 30 in written(FileKind.JSON, wide)


@pytest.mark.parametrize("kind", list(FileKind))
def test_a_table_without_rows_is_one(kind: FileKind, tmp_path: Path) -> None:
    raw = read_table(saved(tmp_path, kind), TABLE)
    assert raw.length == 0
    assert set(raw.columns) == {column.name for column in TABLE.columns}


@pytest.mark.parametrize("kind", list(FileKind))
def test_parts_are_one_file(kind: FileKind, tmp_path: Path) -> None:
    raw = read_table(saved(tmp_path, kind, rows_of("A", "B"), rows_of(), rows_of("C")), TABLE)
    assert raw.columns["account_name"].to_pylist() == ["A", "B", "C"]


def test_small_decimals_of_parquet_are_read_exactly(tmp_path: Path) -> None:
    """Arrow writes a small decimal with an exponent, which no number of ours has."""
    small = ["0.00000001", "0.00000000", "-0.00000001", "1234.50000000"]
    values = pa.array(small).cast(pa.decimal128(23, 8))
    assert "E" in "".join(pc.cast(values, pa.string()).to_pylist())
    names = pa.array([f"{place}" for place in range(len(small))])
    path = tmp_path / "accounts.parquet"
    pq.write_table(pa.table({"account_id": names, "account_name": names, "stated_value": values}), path)

    assert read_table(path, TABLE).columns["stated_value"].to_pylist() == [
        "0.00000001",
        "0",
        "-0.00000001",
        "1234.5",
    ]
