"""Layouts: where a table's columns stand in one file, found by its header."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from steelyard.statements.broker_csv.preset import Column, Table
from steelyard.statements.broker_csv.text import fold

_FEWEST_CELLS: Final = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """A table as it stands in a file.

    Attributes:
        header: its cells; () where there is none.
        width: how many cells a line has.
        places: by key of a column its place from 0; what a file lacks is not in it.
        said: columns whose text the header says, by patterns.
    """

    header: tuple[str, ...]
    width: int
    places: Mapping[str, int]
    said: Mapping[str, str]

    @property
    def least(self) -> int:
        """How many cells a line has at least: those behind the last name of a header may be left out."""
        named = (
            place for place in range(self.width, 0, -1) if self.header and self.header[place - 1].strip()
        )
        return next(named, self.width)


def find_layout(table: Table, header: Sequence[str]) -> Layout | tuple[str, ...]:
    """Return where a table's columns stand under a header, or the names of those that it lacks.

    Args:
        table: the columns to find.
        header: cells of a line that may be a header.
    """
    by_name = _places_by_name(header)
    places: dict[str, int] = {}
    said: dict[str, str] = {}
    missing: list[str] = []
    for key, column in table.columns.items():
        place = _place(column, by_name, header, said)
        if place is not None:
            places[key] = place
        elif key not in table.optional:
            missing.append(column.title)
    if missing or any(word in by_name for word in table.absent):
        return tuple(missing)
    if table.is_exact and set(places.values()) != {place for places in by_name.values() for place in places}:
        return ()
    return Layout(tuple(header), len(header), places, said)


def lacks(table: Table, rows: Sequence[Sequence[str]]) -> str:
    """Say what the line that comes nearest to a table's header lacks."""
    nearest: tuple[str, ...] = tuple(
        column.title for key, column in table.columns.items() if key not in table.optional
    )
    for row in rows:
        found = find_layout(table, row) if len(row) >= _FEWEST_CELLS else nearest
        if isinstance(found, tuple) and len(found) < len(nearest):
            nearest = found
    if not nearest:
        return "a header of no more and no other columns than it knows"
    names = [f"`{name}`" for name in dict.fromkeys(nearest)]
    listed = " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
    return f"the column{'s' if len(names) > 1 else ''} {listed}"


def layout_by_place(table: Table, width: int) -> Layout:
    """Return the layout of a file without header."""
    return Layout((), width, {key: column.at - 1 for key, column in table.columns.items()}, {})


def _places_by_name(header: Sequence[str]) -> dict[str, list[int]]:
    by_name: dict[str, list[int]] = {}
    for place, cell in enumerate(header):
        if word := fold(cell):
            by_name.setdefault(word, []).append(place)
    return by_name


def _place(
    column: Column, by_name: Mapping[str, list[int]], header: Sequence[str], said: dict[str, str]
) -> int | None:
    """Return where a column stands; a name that stands there twice is none."""
    found = [place for word in column.words for place in by_name.get(word, ())]
    for pattern in column.patterns:
        found += _matching(pattern, header, said)
    if len(set(found)) != 1:
        return None
    place = found[0] + column.right
    return place if place < len(header) else None


def _matching(pattern: re.Pattern[str], header: Sequence[str], said: dict[str, str]) -> list[int]:
    found = [
        (place, match) for place, cell in enumerate(header) if (match := pattern.fullmatch(cell.strip()))
    ]
    for _, match in found:
        said.update({name: text for name, text in match.groupdict().items() if text})
    return [place for place, _ in found]
