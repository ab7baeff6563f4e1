"""Headers: by which line of a file's head a preset knows it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from steelyard.statements.broker_csv.layout import Layout, find_layout, lacks, layout_by_place
from steelyard.statements.broker_csv.lines import Line, head_rows
from steelyard.statements.broker_csv.preset import Preset, Table
from steelyard.statements.broker_csv.text import fold
from steelyard.statements.port import Source


@dataclass(frozen=True, slots=True)
class Begins:
    """Where the table of a file begins, and how the file is written.

    Attributes:
        layout: of the first table.
        line: of its header; 0 where there is none.
        delimiter: between cells.
        encoding: of its text.
    """

    layout: Layout
    line: int
    delimiter: str
    encoding: str


@dataclass(frozen=True, slots=True)
class _Head:
    """The first lines of a file, and for each word of theirs the lines that hold it as a cell."""

    rows: Sequence[Line]
    lines_of: Mapping[str, tuple[int, ...]]


def find_begin(preset: Preset, source: Source) -> Begins | None:
    """Return where the table that a preset describes begins in a file; None where it is not there."""
    if preset.head and not preset.head.search(source.head_text):
        return None
    encoding = preset.encoding or source.encoding
    for delimiter in preset.delimiters:
        head = _head(source.head, source.size <= len(source.head), encoding, delimiter)
        if not preset.has_header:
            if head.rows and len(head.rows[0][1]) == preset.width:
                return Begins(layout_by_place(preset.tables[0], preset.width), 0, delimiter, encoding)
            continue
        for line, cells in _candidates(preset.tables[0], head):
            layout = find_layout(preset.tables[0], cells)
            if isinstance(layout, Layout):
                return Begins(layout, line, delimiter, encoding)
    return None


def missed(preset: Preset, source: Source) -> str:
    """Say what a file lacks to be of a preset's kind, where it lacks something."""
    if preset.head and not preset.head.search(source.head_text):
        return f"a text like {preset.head.pattern!r} in its first lines"
    if not preset.has_header:
        return f"lines of {preset.width} cells"
    table, encoding = preset.tables[0], preset.encoding or source.encoding
    rows = [
        cells
        for delimiter in preset.delimiters
        for _, cells in _near(table, _head(source.head, source.size <= len(source.head), encoding, delimiter))
    ]
    return lacks(table, rows)


def _candidates(table: Table, head: _Head) -> Iterator[Line]:
    """Yield the lines that hold the first column that is needed and has a name."""
    needed = next(
        (one for key, one in table.columns.items() if key not in table.optional and one.words), None
    )
    if needed is None or needed.patterns:
        yield from head.rows
        return
    for place in sorted({place for word in needed.words for place in head.lines_of.get(word, ())}):
        yield head.rows[place]


def _near(table: Table, head: _Head) -> Iterator[Line]:
    """Yield the lines that hold any column."""
    words = {word for column in table.columns.values() for word in column.words}
    for place in sorted({place for word in words for place in head.lines_of.get(word, ())}):
        yield head.rows[place]


@lru_cache(maxsize=16)
def _head(head: bytes, is_whole: bool, encoding: str, delimiter: str) -> _Head:  # noqa: FBT001  a key of the cache
    rows = head_rows(head, encoding, delimiter, is_whole=is_whole)
    lines_of: dict[str, tuple[int, ...]] = {}
    for place, (_, cells) in enumerate(rows):
        for word in {fold(cell) for cell in cells}:
            lines_of[word] = (*lines_of.get(word, ()), place)
    return _Head(rows, lines_of)
