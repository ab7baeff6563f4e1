"""The screen of a trail: a figure, how it follows, and the first and last of its rows."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.analytics.trail import Cell, Convention, Trail, Unit
from steelyard.cli.screens.cells import UNKNOWN, Listing, facts, money, note, quantity

MOST_PARTS: Final = 3
"""Parts that are shown in full; of more, the values are listed."""


def screen(trail: Trail, *, most: int) -> Group:
    """Show a trail, `most` rows of each table."""
    parts: list[RenderableType] = [*_figure(trail), *_rows(trail, most)]
    if len(trail.parts) > MOST_PARTS:
        parts += [
            "",
            _listed(trail.parts),
            note("Each is a trail of its own: --of NAME shows one, --json all."),
        ]
    else:
        for part in trail.parts:
            parts += ["", *_figure(part), *_rows(part, most)]
    return Group(*parts, "", note("To make it again: the same command with --json has every row and digit."))


def _listed(parts: Sequence[Trail]) -> Listing:
    listing = Listing("Part", ">Value", ">Rows")
    for part in parts:
        listing.add_row(spelled(part.figure), shown(part), f"{len(part.rows):,}")
    return listing


def _figure(trail: Trail) -> list[RenderableType]:
    """Show a figure with its formula and conventions."""
    named = Text.assemble((spelled(trail.figure), "bold"), "  ", (shown(trail), "bold"))
    if trail.value is None:
        return [named, note(f"Not known: {trail.formula}.")]
    pairs: list[tuple[str, RenderableType]] = [
        ("Formula" if not place else "", statement)
        for place, statement in enumerate(trail.formula.split("; "))
    ]
    pairs += [(spelled(name), convention_text(value)) for name, value in trail.conventions.items()]
    return [named, "", facts(pairs)]


def _rows(trail: Trail, most: int) -> list[RenderableType]:
    """Show the first and last rows, and say how many are between."""
    if not trail.rows:
        return []
    listing = Listing(*(_heading(trail, place) for place in range(len(trail.columns))))
    for row in shown_rows(trail.rows, most):
        listing.add_row(*(cell_text(cell) for cell in row))
    count = len(trail.rows)
    if count <= most:
        return ["", listing]
    return [
        "",
        listing,
        note(f"{count - most:,} more rows of {count:,} are not shown; --json or --csv has all."),
    ]


def shown_rows(rows: Sequence[Sequence[Cell]], most: int) -> list[Sequence[Cell]]:
    """Return the first and the last rows, a row of dots between them where some are left out.

    >>> shown_rows([("a",), ("b",), ("c",), ("d",)], 2)
    [('a',), ('…',), ('d',)]
    """
    if len(rows) <= most:
        return list(rows)
    first = (most + 1) // 2
    return [*rows[:first], ("…",) * len(rows[0]), *rows[len(rows) - (most - first) :]]


def _heading(trail: Trail, place: int) -> str:
    """Say what a column is: words give way to numbers where there is little room, the first column apart."""
    name = spelled(trail.columns[place])
    if any(isinstance(row[place], Decimal | float | int) for row in trail.rows):
        return f">{name}"
    return f"?!{name}" if place else f"!{name}"


def shown(trail: Trail) -> str:
    """Write the value of a trail with all the digits that mean something."""
    value = trail.value
    if value is None:
        return UNKNOWN
    if trail.unit is Unit.MONEY:
        return f"{money(value)} {trail.conventions.get('base_currency', '')}".rstrip()
    if trail.unit is Unit.FRACTION:
        return f"{100 * value:,.6f} %"
    if trail.unit is Unit.UNITS:
        return quantity(Decimal(value))
    return f"{value:,} days" if trail.unit is Unit.DAYS else f"{value:,.6f}"


def cell_text(cell: Cell) -> str:
    """Write a cell: exact numbers as they are, floats with nine digits.

    >>> from datetime import date
    >>> cell_text(Decimal("1200.50")), cell_text(1 / 3), cell_text(date(2024, 3, 14)), cell_text(None)
    ('1,200.5', '0.333333333', '2024-03-14', '–')
    """
    match cell:
        case None:
            return UNKNOWN
        case Decimal():
            return quantity(cell)
        case float():
            return f"{cell:,.9g}"
        case int():
            return f"{cell:,}"
    return f"{cell}"


def convention_text(value: Convention) -> str:
    """Write a convention."""
    return f"{value:.10g}" if isinstance(value, float) else f"{value}"


def spelled(name: str) -> str:
    """Write a name for people.

    >>> spelled("time_weighted_return")
    'Time weighted return'
    """
    words = name.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}"


def conventions(named: Mapping[str, Convention]) -> str:
    """Write conventions in a line.

    >>> conventions({"ddof": 1, "day_count": "ACT/365"})
    'ddof 1 · day count ACT/365'
    """
    return " · ".join(f"{name.replace('_', ' ')} {convention_text(value)}" for name, value in named.items())
