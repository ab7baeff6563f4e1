"""Joining: lines that a file wraps, and lines that are one booking together."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from steelyard.domain.amount import plain
from steelyard.statements.broker_csv.lines import Line
from steelyard.statements.broker_csv.preset import Join, Part
from steelyard.statements.broker_csv.routing import Router, Writes
from steelyard.statements.broker_csv.sheet import Cells, Sheet
from steelyard.statements.broker_csv.text import CellError, fold
from steelyard.statements.record import Refused, Row, Skipped

Joined = Line | Row


def unwrapped(sheet: Sheet, lines: Iterable[Joined]) -> Iterator[Joined]:
    """Yield lines, each with those that continue it; the cells behind a line's own are not touched.

    Args:
        sheet: the file.
        lines: its lines.
    """
    places = [sheet.place(name) for name in sheet.table.wrapped]
    between, last = sheet.table.wrapped_with, None
    for line in lines:
        if not isinstance(line, tuple):
            if last:
                yield last
            last = None
            yield line
        elif last and not any(line[1][place].strip() for place in places):
            _append(last[1], line[1][: sheet.layout.width], between)
        else:
            if last:
                yield last
            last = line
    if last:
        yield last


def _append(cells: Cells, more: Cells, between: str) -> None:
    for place, text in enumerate(more):
        if bare := text.strip():
            cells[place] = f"{cells[place].rstrip()}{between}{bare}" if cells[place].strip() else bare


@dataclass(slots=True)
class _Waiting:
    """Lines of one booking that have come so far; or of several with one key, which nothing tells apart."""

    join: Join
    parts: dict[int, list[Line]] = field(default_factory=dict)
    are_several: bool = False

    @property
    def first(self) -> int:
        return min(line for lines in self.parts.values() for line, _ in lines)

    @property
    def is_joined(self) -> bool:
        """Whether it is one booking of more than one line, whatever else may lack."""
        lines = sum(len(lines) for lines in self.parts.values())
        return lines > 1 and not self.are_several and self.is_whole(with_optional=False)

    def is_whole(self, *, with_optional: bool) -> bool:
        return all(
            place in self.parts or (part.optional and not with_optional)
            for place, part in enumerate(self.join.parts)
        ) and not (with_optional and any(part.adds_up for part in self.join.parts))


class Joiner:
    """Puts the lines of one booking together, within a number of lines.

    While nothing waits, it only needs to be told of lines that are part of something.

    Attributes:
        waiting: lines whose others have not come yet.
        part_of: finds which part of which join a line is.
    """

    def __init__(self, sheet: Sheet, within: int) -> None:
        """Bind the joins of a table.

        Args:
            sheet: the file.
            within: how many lines apart they may be.
        """
        self._sheet, self._within = sheet, within
        routes = [
            (part.when, (), (join, number))
            for join in sheet.table.joins
            for number, part in enumerate(join.parts)
        ]
        self.part_of = Router(sheet, routes).find
        self._keys = {id(join): [sheet.text(name) for name in join.by] for join in sheet.table.joins}
        self.waiting: dict[tuple[object, ...], _Waiting] = {}

    def joined(self, line: Line) -> Iterator[Joined]:
        """Yield what goes on once a line has come: it, what waited, or nothing yet."""
        if self.waiting:
            yield from self._late(line[0] - self._within)
        found = self.part_of(line[1])
        if found is None:
            yield line
        else:
            yield from self._take(line, *found)

    def rest(self) -> Iterator[Joined]:
        """Yield what still waits when no line comes any more."""
        yield from self._late(None)

    def _take(self, line: Line, part: tuple[Join, int], writes: Writes) -> Iterator[Joined]:
        join, number = part
        for place, text in writes:
            line[1][place] = text
        said = tuple(fold(text(line[1])) for text in self._keys[id(join)])
        if not any(said):
            yield line
            return
        key = (id(join), *said)
        waiting = self.waiting.get(key)
        if waiting and number in waiting.parts and not join.parts[number].adds_up:
            if waiting.is_joined:
                yield from self._close(key)  # it was whole; a second booking with the same key begins
                waiting = None
            else:
                waiting.are_several = True
        if waiting is None:
            waiting = self.waiting[key] = _Waiting(join)
        waiting.parts.setdefault(number, []).append(line)
        if not waiting.are_several and waiting.is_whole(with_optional=True):
            yield from self._close(key)

    def _late(self, before: int | None) -> Iterator[Joined]:
        """Close what began too long ago; the oldest stands first."""
        while self.waiting:
            key, waiting = next(iter(self.waiting.items()))
            if before is not None and waiting.first >= before:
                return
            yield from self._close(key)

    def _close(self, key: tuple[object, ...]) -> Iterator[Joined]:
        waiting = self.waiting.pop(key)
        join = waiting.join
        if waiting.is_joined:
            yield from self._put_together(waiting)
            return
        why = "its other half, the lines that belong to it, is missing"
        if waiting.are_several:
            shared = ", ".join(f"`{self._sheet.title(name)}`" for name in join.by)
            why = f"several bookings share {shared}: nothing tells which lines belong together, book them by hand"
        for lines in waiting.parts.values():
            for line in lines:
                goes_on = join.goes_on_alone or (_needs_no_other(waiting) and not waiting.are_several)
                yield (line if goes_on else Refused(line[0], why))

    def _put_together(self, waiting: _Waiting) -> Iterator[Joined]:
        others = waiting.parts
        number, cells = main = others[0][0]
        try:
            for place, part in enumerate(waiting.join.parts):
                self._give(cells, part, others.get(place, []))
        except CellError as error:
            yield from (Refused(line, error.why) for lines in others.values() for line, _ in lines)
            return
        for name, text in waiting.join.fixed.items():
            cells[self._sheet.place(name)] = text
        yield main
        rest = sorted(line for lines in others.values() for line, _ in lines if line != number)
        yield from (Skipped(line, f"part of line {number}") for line in rest)

    def _give(self, cells: Cells, part: Part, lines: list[Line]) -> None:
        """Copy what the joined line takes of a part; of several lines the sum."""
        for to, source in part.take.items():
            if len(lines) == 1:
                cells[self._sheet.place(to)] = lines[0][1][self._sheet.place(source)]
            elif lines:
                figure = self._sheet.figure(source)
                total = sum((figure(other)[0] or Decimal(0) for _, other in lines), Decimal(0))
                cells[self._sheet.place(to)] = plain(total).replace(".", self._sheet.forms(to)[0].point)


def _needs_no_other(waiting: _Waiting) -> bool:
    """Whether what has come is the line that goes on, and all others may lack."""
    return set(waiting.parts) == {0} and all(part.optional for part in waiting.join.parts[1:])
