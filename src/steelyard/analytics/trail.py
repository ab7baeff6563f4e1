"""Trails: what a figure is made of, so that anybody can make it again.

A trail holds rows and a formula, and nothing else is needed: a formula is arithmetic on the names of columns, parts
and conventions. Its statements are separated by `; `; one with `=` makes a column, row by row, and the last one is the
figure. `solve(f, rate)` is the rate at which f is 0. `before(x, start)` is the row before, `running_product(x)` and
`running_max(x)` are of all rows up to this one, `where(x, condition)` keeps the rows of x that fulfil it, and
`quantile(x, p)` interpolates linearly. The other functions mean what they are called.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.analytics.observations import FloatArray

Cell = str | int | float | Decimal | date | None
Convention = str | int | float | Decimal | date | None


class Unit(StrEnum):
    """What a figure is counted in."""

    FRACTION = "fraction"
    """Of value; a return of 0.05 is 5 %."""
    RATIO = "ratio"
    MONEY = "money"
    """Of the base currency, which the conventions name."""
    UNITS = "units"
    """Of an asset."""
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Trail:
    """A figure and all it is made of.

    Attributes:
        figure: its name.
        value: what came out; None = it cannot be known, and the formula is the reason.
        unit: what the value is counted in.
        formula: how the value follows from the rows; the module says how to read it.
        conventions: the choices of finance, and the numbers in the formula that are no column and no part.
        columns: names of the cells of a row.
        rows: one cell a column; None = nothing there.
        parts: the figures that the formula names, each with a trail of its own; also what explains a cell.

    Raises:
        ValueError: a row has another number of cells than there are columns, or a number is not finite.

    >>> growth = Trail("growth", 0.5, Unit.FRACTION, "product(factor) - 1", columns=("factor",), rows=((1.5,),))
    >>> growth.value
    0.5
    """

    figure: str
    value: Decimal | float | None
    unit: Unit
    formula: str
    conventions: Mapping[str, Convention] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    parts: tuple["Trail", ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could not be printed and made again."""
        width = len(self.columns)
        if any(len(row) != width for row in self.rows):
            raise ValueError(f"a row of {self.figure} has not {width} cells")
        cells = (cell for row in ((self.value,), *self.rows) for cell in row)
        if not all(math.isfinite(cell) for cell in cells if isinstance(cell, float)):
            raise ValueError(f"a number of {self.figure} is not finite")


def known(value: FloatArray | float | None) -> float | None:
    """Return a float, or None for what is not a finite number.

    >>> known(np.float64(0.5)), known(float("nan")), known(None)
    (0.5, None, None)
    """
    return None if value is None or not np.isfinite(value) else float(value) + 0.0  # never -0


def rows_of(*columns: Sequence[Cell] | NDArray[Any]) -> tuple[tuple[Cell, ...], ...]:
    """Return rows from columns of equal length; arrays become plain numbers, NaN becomes None.

    Raises:
        ValueError: the columns are not of equal length.

    >>> rows_of(["A", "B"], np.array([0.5, np.nan]))
    (('A', 0.5), ('B', None))
    """
    return tuple(zip(*map(_cells, columns), strict=True))


def _cells(column: Sequence[Cell] | NDArray[Any]) -> Iterable[Cell]:
    if not isinstance(column, np.ndarray):
        return column
    cells: list[Cell] = column.tolist()  # days become dates, numbers plain ones
    if column.dtype.kind != "f" or np.isfinite(column).all():
        return cells
    return [cell if is_known else None for cell, is_known in zip(cells, np.isfinite(column), strict=True)]
