"""Presets: how one broker writes its files, as typed data.

`preset_file` reads them from TOML; docs/reference/broker-presets.md tells what each key means.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from steelyard.domain.transaction import TransactionKind
from steelyard.errors import InvalidInputError
from steelyard.statements.broker_csv.dates import DateForm
from steelyard.statements.broker_csv.numbers import NumberForm

DELIMITERS: Final = (",", ";", "\t", "|")
SIGNS: Final = ("cash", "none", "any")
PREDICATES: Final = frozenset(
    {"empty", "filled", "positive", "negative", "zero", "currency", "no_currency", "isin"}
)
DAYS: Final = ("date", "settled", "acquired", "held_on")
NUMBERS: Final = (
    "amount",
    "net",
    "costs",
    "tax",
    "quantity",
    "price",
    "balance",
    "counter_amount",
    "counter_quantity",
    "basis_fraction",
)
TEXTS: Final = (
    "kind",
    "currency",
    "price_currency",
    "isin",
    "cusip",
    "symbol",
    "name",
    "venue",
    "asset_kind",
    "account",
    "id",
    "note",
    "counter_account",
    "counter_currency",
    "counter_isin",
    "counter_symbol",
    "counter_name",
)
FIELDS: Final = frozenset(DAYS + NUMBERS + TEXTS)
"""What a column or a rule may give; a column of another name only serves rules."""


class PresetError(InvalidInputError):
    """A preset does not say what a preset must say.

    Attributes:
        key: where in the file.
    """

    def __init__(self, name: str, key: str, why: str) -> None:
        """Name the preset, the key and what is wrong."""
        self.key = key
        super().__init__(
            f"preset {name}.toml, {key}: {why}; docs/how-to/add-a-broker.md tells what may stand there."
        )


# ── Conditions ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Word:
    """The cell is this text, compared folded."""

    folded: str


@dataclass(frozen=True, slots=True)
class Like:
    """The whole cell matches; its named groups become columns of the line."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Same:
    """The cell equals that of another column."""

    column: str


@dataclass(frozen=True, slots=True)
class Is:
    """The cell is of a sort: one of `PREDICATES`."""

    predicate: str


Test = Word | Like | Same | Is
Condition = tuple[str, tuple[Test, ...]]
"""A column, and the tests one of which must hold."""

Conditions = tuple[Condition, ...]


# ── Columns ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Where a column of a preset stands in a file, and how its cells are written.

    Attributes:
        words: its names in the header, folded.
        title: the first of them as it is written, for people.
        patterns: of its name in the header.
        right: how many places right of the named column it is.
        at: its place from 1, in a file without header.
        numbers: forms of its numbers; () = those of the file.
        dates: forms of its days; () = those of the file.
        empty: words that mean nothing is there, besides those of the file.
        sign: "-" turns the sign, "any" drops it.
        times: a factor, or the column that holds it.
        divided_by: the column, or number, that it is divided by.
        places: decimals to which finer numbers are rounded.
        exponent: whether a number may have an exponent.
        currency: a code, or the column that holds the currency of its numbers.
    """

    words: tuple[str, ...] = ()
    title: str = ""
    patterns: tuple[re.Pattern[str], ...] = ()
    right: int = 0
    at: int = 0
    numbers: tuple[NumberForm, ...] = ()
    dates: tuple[DateForm, ...] = ()
    empty: frozenset[str] = frozenset()
    sign: str = ""
    times: str | Decimal = ""
    divided_by: str | Decimal = ""
    places: int | None = None
    exponent: bool = False
    currency: str = ""


# ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────


NAMED: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""A column in a reason: its text is shown in its stead."""


@dataclass(frozen=True, slots=True)
class Books:
    """A line becomes a record of one kind, or of another where the number that chooses is below 0."""

    kind: TransactionKind
    below_zero: TransactionKind | None = None


@dataclass(frozen=True, slots=True)
class Holds:
    """A line states units, or cash, at the end of a day."""


@dataclass(frozen=True, slots=True)
class Skips:
    """A line moves nothing, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Refuses:
    """A line cannot be booked, and why."""

    why: str


Outcome = Books | Holds | Skips | Refuses


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What becomes of lines on which conditions hold.

    Attributes:
        outcome: what they become.
        when: all must hold.
        unless: none may hold.
        sources: by field the columns it is taken from, the first that is filled; () empties it.
        fixed: by field a text.
        signs: what the sign of amounts means; "" = as the file says.
        by: the number whose sign chooses between two kinds.
        numbers: forms of the numbers that patterns of this rule find.
        also: further records of the same line.
    """

    outcome: Outcome
    when: Conditions = ()
    unless: Conditions = ()
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    signs: str = ""
    by: str = ""
    numbers: tuple[NumberForm, ...] = ()
    also: tuple["Rule", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A line of several that are one booking.

    Attributes:
        when: which lines.
        take: by column of the joined line, the column of this one.
        optional: whether it may lack.
        adds_up: whether there may be several, whose numbers are added.
    """

    when: Conditions
    take: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False
    adds_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Lines that are one booking.

    Attributes:
        by: columns whose texts are equal on all of them.
        parts: the first is the line that goes on.
        fixed: texts in columns of the joined line.
        goes_on_alone: whether a line without the others goes on as it is, instead of being refused.
    """

    by: tuple[str, ...]
    parts: tuple[Part, ...]
    fixed: Mapping[str, str] = field(default_factory=dict)
    goes_on_alone: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A number made of others: their product, rounded half up."""

    of: tuple[str, ...]
    places: int


@dataclass(frozen=True, slots=True)
class Previous:
    """What a line takes from the latest one before it that has the same texts in some columns."""

    by: tuple[str, ...]
    take: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a file: its columns, and what its lines become.

    Attributes:
        columns: by key.
        optional: keys of columns that may lack.
        absent: folded names that the header must not have.
        is_exact: whether the header may have no other column.
        reasons: rules that skip or refuse lines, tried first.
        rules: in the order in which they are tried.
        words: rules for words of the column `kind`, tried last.
        joins: lines that belong together.
        dates: forms of days.
        numbers: forms of numbers.
        empty: words that mean nothing is there.
        currency: of lines that do not say one; "".
        signs: what the sign of amounts means, one of `SIGNS`.
        fixed: by column a text for every line.
        currencies: the file's words for currencies.
        sums: by field the columns whose numbers are added.
        products: by column the numbers that are multiplied.
        differences: by column two numbers; for costs and taxes what goes out less what it is for.
        previous: what lines take from lines before them.
        combine: by column those whose texts are put together.
        otherwise: by column those taken where it is empty.
        parse: by column patterns whose named groups become columns.
        repeats: whether its header may come again.
        has_short_lines: whether empty cells at the end may be left out.
        wrapped: columns that are all empty on a line that continues the one before.
        wrapped_with: what is put between the two.
    """

    columns: Mapping[str, Column]
    optional: frozenset[str] = frozenset()
    absent: tuple[str, ...] = ()
    is_exact: bool = False
    reasons: tuple[Rule, ...] = ()
    rules: tuple[Rule, ...] = ()
    words: tuple[Rule, ...] = ()
    joins: tuple[Join, ...] = ()
    dates: tuple[DateForm, ...] = ()
    numbers: tuple[NumberForm, ...] = ()
    empty: frozenset[str] = frozenset()
    currency: str = ""
    signs: str = "cash"
    fixed: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    differences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    previous: Previous | None = None
    combine: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    otherwise: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parse: Mapping[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    repeats: bool = False
    has_short_lines: bool = False
    wrapped: tuple[str, ...] = ()
    wrapped_with: str = ""

    @property
    def every_rule(self) -> tuple[Rule, ...]:
        """All rules, in the order in which they are tried."""
        return self.reasons + self.rules + self.words

    @property
    def made(self) -> frozenset[str]:
        """Columns that the preset itself makes of others: by patterns, by putting together, by joining lines."""
        patterns = [pattern for column in self.columns.values() for pattern in column.patterns]
        patterns += [pattern for several in self.parse.values() for pattern in several]
        made = {name for pattern in patterns for name in pattern.groupindex}
        made |= {*self.fixed, *self.combine, *self.sums, *self.otherwise, *self.products, *self.differences}
        made |= set(self.previous.take) if self.previous else set()
        for rule in self.every_rule:
            made |= {name for one in (rule, *rule.also) for name in found_names(one.when)}
        for join in self.joins:
            made |= set(join.fixed)
            made |= {name for part in join.parts for name in (*part.take, *found_names(part.when))}
        return frozenset(made)


def found_names(conditions: Conditions) -> frozenset[str]:
    """Return the columns that patterns of conditions fill."""
    return frozenset(
        name
        for _, tests in conditions
        for test in tests
        if isinstance(test, Like)
        for name in test.pattern.groupindex
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How one broker writes one kind of file.

    Attributes:
        name: of its file, and of its reader.
        title: what people call it.
        tables: the first is what the file is known by.
        delimiters: one of these.
        encoding: "" = found out.
        head: must be found in the first 64 KiB.
        has_header: whether lines begin below a header.
        width: columns of a file without one.
        preamble: patterns of lines above the header, whose named groups become columns.
        within: how many lines apart lines of one booking may be.
        balance_days: "last" or "each".
        order: "newest first", "oldest first" or "" = as the days tell.
    """

    name: str
    title: str
    tables: tuple[Table, ...]
    delimiters: tuple[str, ...] = DELIMITERS
    encoding: str = ""
    head: re.Pattern[str] | None = None
    has_header: bool = True
    width: int = 0
    preamble: tuple[re.Pattern[str], ...] = ()
    within: int = 100
    balance_days: str = "last"
    order: str = ""
