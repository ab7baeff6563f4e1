"""Tables on their way out, each in a file that `statements.tables` reads back as it was written.

Rows come as text, as the store writes its cells; a writer holds no more of them than it is given at once.
"""

import io
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from steelyard.errors import InvalidInputError
from steelyard.statements.cells import WHOLE_DIGITS
from steelyard.statements.columns import Column, Kind, TableFormat
from steelyard.statements.json_lines import json_lines
from steelyard.statements.texts import guarded, joined, quoted_for_csv

if TYPE_CHECKING:
    from collections.abc import Callable

ByteSink = IO[bytes] | io.RawIOBase
"""Takes bytes in their order, all that it is given."""

_MARK: Final = "\ufeff"  # without it spreadsheets take UTF-8 for something else
_NO_TEXT: Final = frozenset(
    {
        Kind.NUMBER,
        Kind.PRICE,
        Kind.FIGURE,
        Kind.PAST_DATE,
        Kind.TRADE_DATE,
        Kind.ANY_DATE,
        Kind.TIME,
        Kind.YES_NO,
    }
)
"""What a spreadsheet may take for what it is: numbers, negative ones too, and days."""


class FileKind(StrEnum):
    """The kinds of file that tables are written to; the words are what people ask for."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"

    @property
    def ending(self) -> str:
        """The ending of its files' names."""
        return ".jsonl" if self is FileKind.JSON else f".{self.value}"


class UnwritableCellError(InvalidInputError):
    """The store holds a cell that no file of its table may hold."""

    def __init__(self, table_name: str, reason: str) -> None:
        """Name the table and what Arrow says."""
        super().__init__(
            f"{table_name} holds a cell that is not what its column says ({reason}); it was not written. Export as "
            "csv or json, which hold it as it is, or correct it and export again."
        )


class TableWriter(Protocol):
    """Writes one table."""

    def write(self, rows: pa.Table) -> None:
        """Write rows of text, in columns named as in the table's format."""

    def close(self) -> None:
        """Write what comes after the last row; the stream stays open."""


def open_writer(kind: FileKind, stream: ByteSink, table_format: TableFormat) -> TableWriter:
    """Begin the file of a table.

    Args:
        kind: of the file.
        stream: takes its bytes in their order; it need not seek.
        table_format: what it holds.
    """
    writers: dict[FileKind, Callable[[ByteSink, TableFormat], TableWriter]] = {
        FileKind.CSV: _CsvWriter,
        FileKind.PARQUET: _ParquetWriter,
        FileKind.JSON: _JsonLinesWriter,
    }
    return writers[kind](stream, table_format)


class _CsvWriter:
    def __init__(self, stream: ByteSink, table_format: TableFormat) -> None:
        self._stream, self._columns = stream, table_format.columns
        header = ",".join(column.name for column in self._columns)
        stream.write(f"{_MARK}{header}\n".encode())

    def write(self, rows: pa.Table) -> None:
        cells = [_csv_cells(_texts(rows, column), column) for column in self._columns]
        lines = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
        self._stream.write(joined(lines))

    def close(self) -> None:
        """Nothing comes after the last row."""


def _csv_cells(texts: pa.StringArray, column: Column) -> pa.StringArray:
    return texts if column.kind in _NO_TEXT else quoted_for_csv(guarded(texts))


class _JsonLinesWriter:
    def __init__(self, stream: ByteSink, table_format: TableFormat) -> None:
        self._stream, self._format = stream, table_format

    def write(self, rows: pa.Table) -> None:
        cells = {column.name: _texts(rows, column) for column in self._format.columns}
        self._stream.write(joined(json_lines(cells)))

    def close(self) -> None:
        """Nothing comes after the last row."""


class _ParquetWriter:
    def __init__(self, stream: ByteSink, table_format: TableFormat) -> None:
        self._format = table_format
        self._schema = pa.schema([(column.name, arrow_type(column)) for column in table_format.columns])
        self._file = pq.ParquetWriter(pa.PythonFile(stream, mode="w"), self._schema, compression="zstd")

    def write(self, rows: pa.Table) -> None:
        try:
            typed = [_typed(_texts(rows, column), column) for column in self._format.columns]
        except pa.ArrowInvalid as error:
            raise UnwritableCellError(self._format.name, str(error).partition("\n")[0]) from error
        if rows.num_rows:
            self._file.write_table(pa.Table.from_arrays(typed, schema=self._schema))

    def close(self) -> None:
        self._file.close()


def arrow_type(column: Column) -> pa.DataType:
    """Return the type of a column in a Parquet file: exact numbers stay exact.

    >>> arrow_type(Column("price", Kind.NUMBER, places=12))
    Decimal128Type(decimal128(27, 12))
    """
    if column.kind in {Kind.NUMBER, Kind.PRICE}:
        return pa.decimal128(WHOLE_DIGITS + column.places, column.places)
    return {
        Kind.FIGURE: pa.float64(),
        Kind.PAST_DATE: pa.date32(),
        Kind.TRADE_DATE: pa.date32(),
        Kind.ANY_DATE: pa.date32(),
        Kind.TIME: pa.timestamp("us", "UTC"),
        Kind.YES_NO: pa.bool_(),
    }.get(column.kind, pa.string())


def _typed(texts: pa.StringArray, column: Column) -> pa.Array:
    if column.kind is Kind.YES_NO:
        return pc.equal(texts, "yes")
    return texts.cast(arrow_type(column))


def _texts(rows: pa.Table, column: Column) -> pa.StringArray:
    return rows[column.name].combine_chunks()
