"""Reading a text with a preset of the test's own, as the import reads a file."""

from datetime import date
from pathlib import Path

from steelyard.statements.broker_csv.preset_file import read_preset
from steelyard.statements.broker_csv.reader import CsvReader
from steelyard.statements.recognition import open_source, read_statement
from steelyard.statements.record import Record, Refused, Row, Skipped

TODAY = date(2026, 11, 22)


def rows_of(preset: str, content: str | bytes, folder: Path) -> list[Row]:
    """Read a file of this content with this preset, from file to checked records."""
    path = folder / "statement.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_source(path) as source:
        return list(read_statement(CsvReader(read_preset("trial", preset)), source, today=TODAY))


def one_record(preset: str, content: str | bytes, folder: Path) -> Record:
    """Read a file that holds one booking."""
    (row,) = rows_of(preset, content, folder)
    assert isinstance(row, Record), row
    return row


def one_reason(preset: str, content: str | bytes, folder: Path) -> str:
    """Read a file whose one line is refused or skipped, and give the reason."""
    (row,) = rows_of(preset, content, folder)
    assert isinstance(row, Refused | Skipped), row
    return row.why
