"""Mappings: where a firm keeps the tables we know, under which names, and in which units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """What a number of theirs is a number of."""

    FRACTION = "fraction"
    """0.05 is 5 %."""

    PERCENT = "percent"
    """5 is 5 %."""

    MONEY = "money"
    """An amount; a fraction once it is divided by the value it is of."""


class Sign(StrEnum):
    """How the sign of their numbers becomes that of ours."""

    ABSOLUTE = "absolute"
    """The direction stands elsewhere; only the size counts."""

    NEGATED = "negated"
    """Theirs is negative where ours is positive."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How one of our columns is read.

    Attributes:
        column: their column; None where `default` stands for every row.
        unit: of their numbers, for a column that has one.
        value: with money, their column that holds the value it is of.
        format: how their text writes a day, as PostgreSQL's to_date reads it: YYYYMMDD.
        sign: how their sign becomes ours; None = as it is.
        words: their words for ours, as in {"B": "BUY"}.
        default: what stands where theirs is null.
        sure: whether the unit and sign stand although the figures look otherwise.
    """

    column: str | None = None
    unit: Unit | None = None
    value: str | None = None
    format: str | None = None
    sign: Sign | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    sure: bool = False


@dataclass(frozen=True, slots=True)
class TableMapping:
    """Where one of our tables is kept.

    Attributes:
        name: our table.
        schema: their schema.
        table: their table or view.
        columns: by our column.
    """

    name: str
    schema: str
    table: str
    columns: Mapping[str, ColumnMapping]

    @property
    def source(self) -> str:
        """Their table as people write it: `schema.table`."""
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class BookMapping:
    """How a firm's tables make a book.

    Attributes:
        tables: by our table.
        stated_values: value of a portfolio in its currency, for those kept as weights.
    """

    tables: Mapping[str, TableMapping]
    stated_values: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlausibleSize:
    """Between which sizes the middle one of a column's figures lies, as a fraction, in any book but a strange one.

    The two ends are at most a hundred apart, so that a figure cannot be plausible both as fraction and as percent.
    """

    low: float
    high: float

    def units(self, median_size: float) -> tuple[Unit, ...]:
        """Return the units in which figures of this size are plausible.

        >>> PlausibleSize(0.0008, 0.08).units(0.7), PlausibleSize(0.0008, 0.08).units(2600.0)
        ((<Unit.PERCENT: 'percent'>,), (<Unit.MONEY: 'money'>,))
        """
        if self.low <= median_size < self.high:
            return (Unit.FRACTION,)
        if self.low <= median_size / 100 < self.high:
            return (Unit.PERCENT,)
        return (Unit.MONEY,) if median_size >= 100 * self.high else ()


PLAUSIBLE_SIZES: Final = {
    ("performance_history", "daily_return"): PlausibleSize(0.0008, 0.08),
    ("performance_history", "total_return"): PlausibleSize(0.02, 2.0),
    ("risk_metrics", "volatility"): PlausibleSize(0.02, 2.0),
    ("risk_metrics", "var_95"): PlausibleSize(0.003, 0.3),
    ("risk_metrics", "expected_shortfall_95"): PlausibleSize(0.004, 0.4),
    ("risk_metrics", "var_95_parametric"): PlausibleSize(0.003, 0.3),
    ("risk_metrics", "expected_shortfall_95_parametric"): PlausibleSize(0.004, 0.4),
    ("risk_metrics", "max_drawdown"): PlausibleSize(0.01, 1.0),
    ("portfolio_allocation", "target_weight"): PlausibleSize(0.2, 2.0),
    ("portfolio_allocation", "actual_weight"): PlausibleSize(0.2, 2.0),
}
"""Columns that need a unit, and the size of their figures; of weights, of the sum over a portfolio."""

MONEY_COLUMNS: Final = frozenset(
    {"var_95", "expected_shortfall_95", "var_95_parametric", "expected_shortfall_95_parametric"}
)
"""Columns whose unit may be money."""
