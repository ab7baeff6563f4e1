"""Lines of a CSV file: decoded and split within bounds, whatever the file."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from steelyard.statements.port import Source, StatementError
from steelyard.statements.record import Refused

MAX_LINE: Final = 2**20
HEAD_LINES: Final = 60
"""How many lines may stand above the header."""

_CHUNK: Final = 2**17
Line = tuple[int, list[str]]
"""The number of the physical line a row begins on, and its cells."""


def rows_of(source: Source, encoding: str, delimiter: str) -> Iterator[Line | Refused]:
    """Yield the rows of a file that hold something, each with the line it begins on.

    A row whose quotes are wrong within one line is refused; the rows after it are read.

    Raises:
        StatementError: a line is longer than 1 MiB, holds a NUL, cannot be decoded, or opens a quote that is never
            closed.
    """
    chunks = _chunks(source, encoding)
    reader = csv.reader(chain.from_iterable(chunks), delimiter=delimiter, strict=True)
    line = 0
    while True:
        try:
            for cells in reader:
                if cells:
                    yield line + 1, cells
                line = reader.line_num
        except csv.Error as error:
            yield _quote_fault(source, line + 1, error)
            line = reader.line_num
        else:
            return


def _quote_fault(source: Source, line: int, error: csv.Error) -> Refused:
    said = str(error)
    if "expected after" in said:
        return Refused(line, "has a quote inside a quoted cell that is not written twice")
    raise StatementError(source.name, "opens a quote that is not closed", line) from error


def _chunks(source: Source, encoding: str) -> Iterator[io.StringIO]:
    """Yield the file's lines in chunks of whole lines; line ends of all systems are one."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("strict"), translate=True)
    line, rest = 1, ""
    with source.open() as file:
        while data := file.read(_CHUNK):
            text = rest + _decoded(source, decoder, data, line, encoding)
            end = text.rfind("\n") + 1
            _check(source, text, line)
            yield io.StringIO(text[:end], newline="\n")
            line += text.count("\n")
            rest = text[end:]
        rest += _decoded(source, decoder, b"", line, encoding, is_last=True)
    if rest:
        _check(source, rest, line)
        yield io.StringIO(rest, newline="\n")


def _decoded(
    source: Source,
    decoder: io.IncrementalNewlineDecoder,
    data: bytes,
    line: int,
    encoding: str,
    *,
    is_last: bool = False,
) -> str:
    try:
        return decoder.decode(data, final=is_last)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(encoding, errors="replace")
        raise StatementError(source.name, f"is not {encoding} text", line + before.count("\n")) from error


def _check(source: Source, text: str, line: int) -> None:
    """Refuse a NUL and an endless line; no line that ends within a chunk is longer than it, but for the first."""
    first = text.find("\n")
    if (first if first >= 0 else len(text)) > MAX_LINE:
        raise StatementError(source.name, "is longer than 1 MiB", line)
    if "\0" in text:
        raise StatementError(source.name, "holds a NUL", line + text[: text.index("\0")].count("\n"))


def head_rows(head: bytes, encoding: str, delimiter: str, *, is_whole: bool) -> Sequence[Line]:
    """Return the first rows of a file, as well as its head shows them; raises nothing.

    Args:
        head: the file's first bytes.
        encoding: of its text.
        delimiter: between cells.
        is_whole: whether they are all of the file; if not, the last line is cut.
    """
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = list(islice(io.StringIO(text, newline=None), HEAD_LINES + 1))
    if not is_whole and len(lines) <= HEAD_LINES:
        lines = lines[:-1]
    reader = csv.reader((line.replace("\0", "") for line in lines), delimiter=delimiter)
    rows: list[Line] = []
    number = 0
    try:
        for cells in reader:
            if cells:
                rows.append((number + 1, cells))
            number = reader.line_num
    except csv.Error:
        pass  # a cell longer than any: what was read before it is the head
    return rows
