"""Readers of broker CSV, one for each preset."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import chain

from steelyard.statements.broker_csv.actions import Action, Actions
from steelyard.statements.broker_csv.balance import Balances
from steelyard.statements.broker_csv.header import Begins, find_begin, missed
from steelyard.statements.broker_csv.joining import Joined, Joiner, unwrapped
from steelyard.statements.broker_csv.layout import Layout, find_layout
from steelyard.statements.broker_csv.lines import Line, rows_of
from steelyard.statements.broker_csv.preset import Preset, Table
from steelyard.statements.broker_csv.preset_file import read_preset
from steelyard.statements.broker_csv.sheet import Sheet
from steelyard.statements.broker_csv.text import CellError, LineError
from steelyard.statements.port import Source, StatementError
from steelyard.statements.record import Refused, Row, Skipped


class CsvReader:
    """Reads the files that one preset describes.

    Attributes:
        name: of the preset.
        title: what people call the files.
    """

    def __init__(self, preset: Preset) -> None:
        """Take a preset."""
        self.preset = preset
        self.name, self.title = preset.name, preset.title

    def miss(self, source: Source) -> str | None:
        """Return what the head lacks to be such a file; None when it is one."""
        return None if find_begin(self.preset, source) else missed(self.preset, source)

    def read(self, source: Source) -> Iterator[Row]:
        """Read a file row by row.

        Raises:
            StatementError: it is not such a file, or is broken where no single row can be refused.
        """
        begins = find_begin(self.preset, source)
        if begins is None:
            raise StatementError(source.name, f"lacks {missed(self.preset, source)}")
        return _Reading(self.preset, source, begins).rows()


class _Reading:
    """One file being read: which of the preset's tables its lines are in."""

    def __init__(self, preset: Preset, source: Source, begins: Begins) -> None:
        self._preset, self._source, self._begins = preset, source, begins
        self._said: dict[str, str] = {}
        self._next: tuple[Table, Layout] | None = (preset.tables[0], begins.layout)

    def rows(self) -> Iterator[Row]:
        return chain.from_iterable(self._parts())

    def _parts(self) -> Iterator[Iterator[Row]]:
        """Yield what is read, part by part: which table comes next is known when one has been read."""
        lines = rows_of(self._source, self._begins.encoding, self._begins.delimiter)
        if self._begins.line:
            yield self._above(lines)
        while self._next is not None:
            (table, layout), self._next = self._next, None
            yield self._table(table, layout, lines)

    def _above(self, lines: Iterator[Line | Refused]) -> Iterator[Row]:
        """Read what stands above the header, and the header."""
        for row in lines:
            line, cells = (row.line, []) if isinstance(row, Refused) else row
            if line >= self._begins.line:
                return
            text = self._begins.delimiter.join(cells)
            for pattern in self._preset.preamble:
                if found := pattern.search(text):
                    self._said |= {name: said.strip() for name, said in found.groupdict().items() if said}
            if isinstance(row, Refused) or any(cell.strip() for cell in cells):
                yield Skipped(line, "a title above the columns")

    def _table(self, table: Table, layout: Layout, lines: Iterator[Line | Refused]) -> Iterator[Row]:
        """Read the lines of one table; what comes next is left in `_next`."""
        sheet = Sheet(table, layout, self._said)
        actions, balances = Actions(sheet), Balances(sheet, self._preset)
        joiner = Joiner(sheet, self._preset.within) if table.joins else None
        own: Iterable[Joined] = self._own(sheet, actions, lines)
        if table.wrapped:
            own = unwrapped(sheet, own)
        rows_of_line = _becoming(sheet, actions.rows, balances, joiner)
        for row in own:
            made = rows_of_line(row) if isinstance(row, tuple) else row
            if isinstance(made, tuple):
                yield from made
            else:
                yield made
        if joiner:
            yield from _acted(joiner.rest(), actions.rows)
        yield from balances.held()

    def _own(self, sheet: Sheet, actions: Actions, lines: Iterator[Line | Refused]) -> Iterator[Row | Line]:
        """Yield the lines of one table that hold something, each with the places behind its cells."""
        layout, behind = sheet.layout, sheet.behind
        width, header = layout.width, list(layout.header)
        is_one_of_several = len(self._preset.tables) > 1
        for row in lines:
            if isinstance(row, Refused):
                yield row
                continue
            line, cells = row
            if cells == header:
                self._check_repeated(sheet.table, line)
                continue
            if is_one_of_several and self._is_header(sheet, cells):
                return
            if len(cells) == width:
                if cells[0] or any(cell.strip() for cell in cells):
                    cells += behind
                    yield row
            elif any(cell.strip() for cell in cells):
                fitted = _fitted(cells, width, 1 if sheet.table.has_short_lines else layout.least)
                yield (line, fitted + behind) if fitted else actions.ragged(line, cells)

    def _check_repeated(self, table: Table, line: int) -> None:
        if not table.repeats:
            raise StatementError(self._source.name, "the header stands there a second time", line)

    def _is_header(self, sheet: Sheet, cells: list[str]) -> bool:
        """Whether a line is the header of a table, which then comes next."""
        for table in self._preset.tables:
            layout = find_layout(table, cells)
            if isinstance(layout, Layout):
                if table is sheet.table and not table.repeats:
                    continue
                self._next = (table, layout)
                return True
        return False


def _fitted(cells: list[str], width: int, least: int) -> list[str] | None:
    """Return a line's cells without empty ones behind, or with those that it leaves out; None = it does not fit."""
    if len(cells) > width:
        return None if any(cell.strip() for cell in cells[width:]) else cells[:width]
    return cells + [""] * (width - len(cells)) if len(cells) >= least else None


def _becoming(
    sheet: Sheet, act: Action, balances: Balances, joiner: Joiner | None
) -> Callable[[Line], Row | tuple[Row, ...]]:
    """Return what makes rows of a line: what is done before rules look at it, then they, or what joins it to others."""
    steps, takes = sheet.steps, balances.taker()

    def rows(row: Line) -> Row | tuple[Row, ...]:
        line, cells = row
        try:
            for step in steps:
                step(cells)
            if takes:
                takes(row)
        except (CellError, LineError) as error:
            return Refused(line, error.why)
        if joiner and (joiner.waiting or joiner.part_of(cells)):
            return tuple(_acted(joiner.joined(row), act))
        return act(line, cells)  # nearly every line: no generator stands between it and its record

    return rows


def _acted(lines: Iterable[Joined], act: Action) -> Iterator[Row]:
    """Yield what lines become, and as they are the rows between them."""
    for line in lines:
        made = act(*line) if isinstance(line, tuple) else line
        if isinstance(made, tuple):
            yield from made
        else:
            yield made


@cache
def get_csv_readers() -> tuple[CsvReader, ...]:
    """Return a reader for each preset, in the order of their names.

    Raises:
        PresetError: a preset does not say what a preset must say.
    """
    folder = files("steelyard.statements.broker_csv").joinpath("presets")
    found = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name
    )
    return tuple(
        CsvReader(read_preset(entry.name.removesuffix(".toml"), entry.read_text(encoding="utf-8")))
        for entry in found
    )
