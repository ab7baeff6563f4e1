"""Facts from files: a directory of tables as CSV, Parquet or JSON lines, read as the text that stands in them.

Reading decides nothing about meaning: every cell arrives as text, an empty one as "", and `cells` judges it.
Columns of words are dictionary-encoded, so that each distinct text is judged once.
"""

import csv
import difflib
import gzip
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.statements import parquet
from steelyard.statements.columns import DERIVED_WHEN_ABSENT, FORMATS, NEEDED, TableFormat
from steelyard.statements.json_lines import JsonLineError, read_json_lines
from steelyard.statements.texts import unguarded

ENDINGS: Final = (".csv", ".csv.gz", ".parquet", ".jsonl")
MAX_LINE_BYTES: Final = 1 << 20
_WORDS: Final = pa.dictionary(pa.int32(), pa.string())


class NoDirectoryError(NotFoundError):
    """The directory to load is not there."""

    def __init__(self, directory: Path) -> None:
        """Name the directory."""
        super().__init__(
            f"{directory} is not a directory; name one that holds asset_master.csv and the others."
        )


class HalfDirectoryError(NotFoundError):
    """Tables that were asked for have no file."""

    def __init__(self, directory: Path, missing: Sequence[str], present: Sequence[str]) -> None:
        """Name the tables without a file, and the way to load the others alone."""
        way_out = f"Add them, or load the others alone: --only {','.join(present)}" if present else "Add them"
        super().__init__(f"{directory} has no file for {', '.join(missing)}. {way_out}.")


class UnknownTableError(InvalidInputError):
    """A table was asked for by a name that does not exist."""

    def __init__(self, name: str) -> None:
        """Name it and the nearest one."""
        super().__init__(f"There is no table {name!r}; {nearest(name, FORMATS)}.")


class TwoFilesError(InvalidInputError):
    """One table has two files."""

    def __init__(self, table_name: str, files: Sequence[Path]) -> None:
        """Name both files."""
        names = " and ".join(file.name for file in files)
        super().__init__(f"{names} both hold {table_name}; keep one of them.")


class TableFileError(InvalidInputError):
    """A file cannot be read as its table.

    Attributes:
        kind: one word of docs/reference/data-quality.md.
        reason: what is wrong, a sentence.
        line: the line, where one can be named.
    """

    def __init__(self, path: Path, kind: str, reason: str, line: int | None = None) -> None:
        """Name the file, the line and the reason."""
        self.kind, self.reason, self.line = kind, reason, line
        super().__init__(f"{path.name}{f' line {line}' if line else ''}: {reason}")


@dataclass(frozen=True, slots=True)
class RawTable:
    """A file as read: text only.

    Attributes:
        format: what the file should hold.
        path: the file.
        columns: by header, dictionary-encoded words or plain text of numbers; no nulls.
        length: rows.
    """

    format: TableFormat
    path: Path
    columns: Mapping[str, pa.Array]
    length: int

    def row(self, index: int) -> dict[str, str]:
        """Return the cells of one row as they were read."""
        return {name: cast("str", column[index].as_py()) for name, column in self.columns.items()}

    def row_numbers(self, indexes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the lines of rows of a file (of CSV the header is line 1), or their place in a Parquet file."""
        if self.path.name.endswith(".parquet"):
            return indexes + 1
        filled = _filled_lines(self.path) if indexes.size else np.empty(0, np.int64)
        if self.path.name.endswith(".jsonl"):
            return filled[indexes] if filled.size >= self.length else indexes + 1
        return filled[1:][indexes] if filled.size > self.length else indexes + 2


def find_tables(directory: Path, only: Collection[str] | None = None) -> dict[str, Path]:
    """Return the file of each table in `directory`, in the order tables are stored.

    Args:
        directory: holds files named like their table: `market_data.csv`, `.csv.gz` or `.parquet`.
        only: tables to load; None loads all, and then the ones that cannot be derived must be there.

    Raises:
        NoDirectoryError: there is no such directory.
        UnknownTableError: `only` names a table that does not exist.
        TwoFilesError: a table has two files.
        HalfDirectoryError: a table that is needed, or named in `only`, has no file.
    """
    if not directory.is_dir():
        raise NoDirectoryError(directory)
    for name in only or ():
        if name not in FORMATS:
            raise UnknownTableError(name)
    found = {name: files for name in FORMATS if (files := _files_of(directory, name))}
    for name, files in found.items():
        if len(files) > 1:
            raise TwoFilesError(name, files)
    if missing := [name for name in (NEEDED if only is None else only) if name not in found]:
        raise HalfDirectoryError(directory, missing, [name for name in found if only is None or name in only])
    return {name: files[0] for name, files in found.items() if only is None or name in only}


def absent_but_derived(found: Collection[str], only: Collection[str] | None = None) -> list[str]:
    """Return the tables a full directory may leave out because they are computed from prices."""
    return [] if only is not None else [name for name in DERIVED_WHEN_ABSENT if name not in found]


def ignored_files(directory: Path) -> list[str]:
    """Return the table files in `directory` that no table claims, misspelt ones among them."""
    claimed = {f"{name}{ending}" for name in FORMATS for ending in ENDINGS}
    return sorted(
        path.name
        for path in directory.iterdir()
        if path.name.endswith(ENDINGS) and path.name not in claimed and path.is_file()
    )


def read_table(path: Path, table_format: TableFormat) -> RawTable:
    """Read one file as text, every cell of it.

    Raises:
        TableFileError: the file is empty or damaged, is not UTF-8, or its columns are not those of the table.
    """
    try:
        if path.stat().st_size == 0 and path.suffix != ".jsonl":
            raise TableFileError(
                path, "empty_file", "is empty; a table without rows still has its header line"
            )
        columns = _READERS.get(path.suffix, _read_csv)(path, table_format)
    except OSError as error:
        raise TableFileError(path, "unreadable_file", f"cannot be read: {error}") from error
    return RawTable(table_format, path, columns, len(next(iter(columns.values()))))


def nearest(name: str, names: Collection[str]) -> str:
    """Say which of `names` is meant by `name`, or list them all.

    >>> nearest("closing_prise", ["closing_price", "price_date"])
    'did you mean closing_price?'
    """
    close = difflib.get_close_matches(name.strip().lower(), names, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"


def _files_of(directory: Path, table_name: str) -> list[Path]:
    return [path for ending in ENDINGS if (path := directory / f"{table_name}{ending}").is_file()]


def _check_header(path: Path, header: Sequence[str], table_format: TableFormat) -> None:
    known = [column.name for column in table_format.columns]
    if len(header) == 1 and (delimiter := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise TableFileError(path, "wrong_delimiter", f"is separated by {delimiter!r}; use commas", 1)
    for name in header:
        if name not in known:
            reason = f"unknown column {name[:64]!r}; {nearest(name, known)}"
            raise TableFileError(path, "unknown_column", reason, 1)
    if twice := [name for name in known if header.count(name) > 1]:
        raise TableFileError(path, "repeated_column", f"the column {twice[0]} stands there twice", 1)
    required = [column.name for column in table_format.columns if column.required]
    if missing := [name for name in required if name not in header]:
        raise TableFileError(path, "missing_column", f"has no column {', '.join(missing)}", 1)


def _read_csv(path: Path, table_format: TableFormat) -> dict[str, pa.Array]:
    _check_header(path, _csv_header(path), table_format)
    types = {column.name: pa.string() if column.is_number else _WORDS for column in table_format.columns}
    try:
        with pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as stream:
            table = pacsv.read_csv(
                stream,
                convert_options=pacsv.ConvertOptions(column_types=types, strings_can_be_null=False),
            )
    except (pa.ArrowInvalid, OSError) as error:
        line, reason = _first_fault(path) or (None, str(error).partition("\n")[0])
        raise TableFileError(path, "broken_line", reason, line) from error
    table = table.unify_dictionaries()
    return {name: _plain(table[name].combine_chunks()) for name in table.column_names}


def _plain(cells: pa.Array) -> pa.Array:
    """Take off the `'` that keeps text from being a formula; numbers have none, and keep what is not theirs."""
    if not pa.types.is_dictionary(cells.type):
        return cells
    words = unguarded(cells.dictionary)
    if words is cells.dictionary:
        return cells
    return pa.DictionaryArray.from_arrays(cells.indices, words).cast(pa.string()).dictionary_encode()


def _read_parquet(path: Path, table_format: TableFormat) -> dict[str, pa.Array]:
    try:
        _check_header(path, parquet.header(path), table_format)
        return parquet.read_as_text(path, table_format)
    except (pa.ArrowInvalid, parquet.UnfitColumnError) as error:
        raise TableFileError(path, "unreadable_file", str(error).partition("\n")[0]) from error


def _read_json_lines(path: Path, table_format: TableFormat) -> dict[str, pa.Array]:
    try:
        columns = read_json_lines(path, table_format)
    except JsonLineError as error:
        raise TableFileError(path, error.kind, error.reason, error.line) from error
    numbers = {column.name for column in table_format.columns if column.is_number}
    return {name: texts if name in numbers else texts.dictionary_encode() for name, texts in columns.items()}


_READERS: Final = {".parquet": _read_parquet, ".jsonl": _read_json_lines}
"""What reads files of an ending; CSV is all others."""


def _csv_header(path: Path) -> list[str]:
    with _open(path) as file:
        first = file.readline(MAX_LINE_BYTES)
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TableFileError(path, "wrong_encoding", "is UTF-16; save it as UTF-8", 1)
    try:
        return next(csv.reader([first.decode("utf-8-sig")], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableFileError(path, "wrong_encoding", f"the header is not UTF-8 text: {error}", 1) from error


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def _first_fault(path: Path) -> tuple[int, str] | None:
    """Return the line and the reason of the first record that is not one, reading slowly but exactly."""
    start, width = 1, 0
    with _open(path) as file:
        lines = _decoded_lines(file)
        reader = csv.reader(lines, strict=True)
        try:
            for cells in reader:
                width = width or len(cells)
                if cells and len(cells) != width:
                    return start, f"has {len(cells)} cells where the header has {width}"
                start = reader.line_num + 1
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            return start, "opens a quote that is never closed" if unclosed else f"is not CSV: {error}"
        except UnicodeDecodeError:
            return reader.line_num + 1, "is not UTF-8; save the file as UTF-8"
        except (EOFError, OSError) as error:
            return start, f"ends early: {error}"
    return None


def _decoded_lines(file: IO[bytes]) -> Iterator[str]:
    """Yield lines, none longer than the limit, so that one endless line cannot fill the memory."""
    while line := file.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES:
            raise csv.Error(f"longer than {MAX_LINE_BYTES:,} bytes")
        yield line.decode("utf-8-sig" if file.tell() == len(line) else "utf-8")


def _filled_lines(path: Path) -> NDArray[np.int64]:
    """Return the numbers of the lines that hold something; empty lines are no rows."""
    with _open(path) as file, io.TextIOWrapper(file, encoding="utf-8") as text:
        return np.array([number for number, line in enumerate(text, 1) if line != "\n"], np.int64)
