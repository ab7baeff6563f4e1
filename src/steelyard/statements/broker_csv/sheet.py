"""Sheets: a table bound to one file, so that each of its columns is a place in a line's cells.

Columns that stand in no cell (what patterns find, what the preamble says) have places behind the cells of the line.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.domain.money import CURRENCIES, EXACT, MINOR_CURRENCIES
from steelyard.domain.transaction import ZERO
from steelyard.statements.broker_csv.dates import CLOCK, CLOCKS, SECONDS, DateReader
from steelyard.statements.broker_csv.layout import Layout
from steelyard.statements.broker_csv.numbers import (
    KEPT,
    NOTHING,
    SHARED_SYMBOLS,
    SYMBOLS,
    Figure,
    NumberForm,
    NumberReader,
    at_most,
    figure_reader,
    scaled,
)
from steelyard.statements.broker_csv.preset import Column, Previous, Table
from steelyard.statements.broker_csv.text import CellError, LineError

Cells = list[str]
Step = Callable[[Cells], None]
FigureOf = Callable[[Cells], Figure]
Forms = tuple[NumberForm, ...]

_NO_COLUMN: Final = Column()


class Sheet:
    """A table bound to a layout.

    Attributes:
        table: what is read.
        layout: where it stands.
        behind: the texts of the places behind a line's cells, as each line begins with them.
        given: the columns that this file, or something in the preset, gives.
        steps: what is done to a line's cells before rules look at them.
    """

    def __init__(self, table: Table, layout: Layout, said: Mapping[str, str]) -> None:
        """Bind a table.

        Args:
            table: what is read.
            layout: where it stands.
            said: texts of columns that the lines above the header say.
        """
        self.table, self.layout = table, layout
        self.behind: list[str] = []
        self._places = dict(layout.places)
        self._days: dict[str, Callable[[Cells], date | None]] = {}
        self._figures: dict[tuple[str, Forms, frozenset[str]], FigureOf] = {}
        constants = {**table.fixed, **said, **layout.said}
        for name, text in constants.items():
            if name not in self._places:
                self._add(name, text)
        self.given = frozenset(layout.places) | constants.keys() | table.made
        self.steps: tuple[Step, ...] = tuple(self._steps())

    # ── places ──

    def place(self, name: str) -> int:
        """Return the place of a column; one that stands nowhere gets an empty one behind the cells."""
        found = self._places.get(name)
        return self._add(name, "") if found is None else found

    def constant(self, text: str) -> int:
        """Return a place that holds a text on every line."""
        name = f"={text}"  # no key of a preset begins so
        return self._places[name] if name in self._places else self._add(name, text)

    def _add(self, name: str, text: str) -> int:
        self._places[name] = self.layout.width + len(self.behind)
        self.behind.append(text)
        return self._places[name]

    def title(self, name: str) -> str:
        """Return what people call a column: its header, else its key."""
        place = self._places.get(name, -1)
        header = self.layout.header
        return header[place].strip() if 0 <= place < len(header) and header[place].strip() else name

    # ── cells ──

    def empty(self, name: str) -> frozenset[str]:
        """Return the words that mean that nothing stands in a column."""
        return self.table.empty | self._column(name).empty

    def text(self, name: str) -> Callable[[Cells], str]:
        """Return what reads a column as text; a word that means nothing is ""."""
        place, empty = self.place(name), self.empty(name)

        def text(cells: Cells) -> str:
            found = cells[place].strip()
            return "" if found in empty else found

        return text

    def forms(self, name: str) -> Forms:
        """Return the forms that numbers of a column may be written in."""
        return self._column(name).numbers or self.table.numbers

    def day(self, name: str) -> Callable[[Cells], date | None]:
        """Return what reads a column as a day."""
        if name in self._days:
            return self._days[name]
        forms = self._column(name).dates or self.table.dates
        place, read = self.place(name), DateReader(self.title(name), forms, self.empty(name)).read
        known = forms[0].known if len(forms) == 1 else {}
        last_text, last_day, width = "", None, len(forms[0].example)
        minutes = width + CLOCK

        def day(cells: Cells) -> date | None:
            nonlocal last_text, last_day
            text = cells[place]
            if text is not last_text:  # balances and records ask for the same cell
                found = known.get(text[:width])
                is_known = found and text[width:minutes] in CLOCKS and text[minutes:] in SECONDS
                last_day = found if is_known else read(text)
                last_text = text
            return last_day

        self._days[name] = day
        return day

    def figure(self, name: str, forms: Forms = (), found: frozenset[str] = frozenset()) -> FigureOf:
        """Return what reads a column as a number, or makes it of others.

        Args:
            name: the column.
            forms: of numbers that patterns of a rule have found.
            found: the columns that they fill.
        """
        key = (name, forms, found if forms else frozenset())
        figure = self._figures.get(key)
        if figure is None:
            figure = self._figures[key] = self._made(name, forms, found)
        return figure

    def is_of_others(self, name: str) -> bool:
        """Whether more than a column's own cell tells its number: it is made of others, or scaled by them."""
        table, column = self.table, self._column(name)
        is_made = name in {*table.sums, *table.products, *table.differences}
        return is_made or bool(column.times or column.divided_by or column.currency)

    def plain_place(self, name: str, forms: Forms, found: frozenset[str]) -> int | None:
        """Return the place of a column whose plain numbers are what `figure` reads; None = it may read more in them."""
        if self.is_of_others(name) or self._column(name).sign:
            return None
        reader = self._reader(name, forms if name in found else ())
        return self.place(name) if reader.is_plain else None

    def _made(self, name: str, forms: Forms, found: frozenset[str]) -> FigureOf:
        table = self.table
        if name in found or name in self.layout.places:
            return self._figure(name, forms if name in found else ())
        if name in table.sums:
            return _sum([self.figure(one, forms, found) for one in table.sums[name]], name)
        if name in table.products:
            factors = [self.figure(one, forms, found) for one in table.products[name].of]
            return _product(factors, table.products[name].places)
        if name in table.differences:
            first, second = (self.figure(one, forms, found) for one in table.differences[name])
            return _difference(first, second)
        return self._figure(name, ())

    def _figure(self, name: str, forms: Forms) -> FigureOf:
        column = self._column(name)
        plain = figure_reader(self._reader(name, forms), self.place(name))
        has_options = column.sign or column.times or column.divided_by or column.currency
        return self._with_options(name, column, plain) if has_options else plain

    def _reader(self, name: str, forms: Forms) -> NumberReader:
        column = self._column(name)
        return NumberReader(
            self.title(name),
            forms or self.forms(name),
            self.empty(name),
            self.table.currencies,
            column.places,
            column.exponent,
        )

    def _with_options(self, name: str, column: Column, plain: FigureOf) -> FigureOf:
        currency = self._currency_of(column)
        factors = [
            (self._factor(factor), is_divisor)
            for factor, is_divisor in ((column.times, False), (column.divided_by, True))
            if factor
        ]
        title = self.title(name)

        def figure(cells: Cells) -> Figure:
            number, mark = plain(cells)
            if number is None:
                return NOTHING
            if not number:
                return number, mark  # 0 is 0 at every rate, known or not
            if column.sign:
                number = 0 - number if column.sign == "-" else abs(number)
            for factor, is_divisor in factors:
                number = _scaled(title, number, factor(cells), is_divisor=is_divisor)
            return number, self.agreed(mark, currency(cells), title)

        return figure

    def _factor(self, factor: str | Decimal) -> Callable[[Cells], Decimal | None]:
        if isinstance(factor, Decimal):
            return lambda _: factor
        number = self.figure(factor)
        return lambda cells: number(cells)[0]

    def _currency_of(self, column: Column) -> Callable[[Cells], str]:
        stated = column.currency
        if not stated or stated in CURRENCIES or stated in MINOR_CURRENCIES:
            return lambda _: stated
        return self.code(stated, or_coin=True)

    # ── currencies ──

    def code(self, name: str, *, or_coin: bool = False) -> Callable[[Cells], str]:
        """Return what reads a column as a currency: ISO 4217 or a minor unit, "" where it is empty.

        Args:
            name: the column.
            or_coin: whether a word that is no currency is taken as it stands.
        """
        place, title, empty = self.place(name), self.title(name), self.empty(name)
        codes: dict[str, str] = {"": ""}

        def code(cells: Cells) -> str:
            text = cells[place]
            found = codes.get(text)
            if found is None:
                bare = text.strip()
                known = self.currency("" if bare in empty else bare)
                if known is None and not or_coin:
                    raise CellError(title, text, "no currency")
                found = bare if known is None else known
                if len(codes) < KEPT:
                    codes[text] = found
            return found

        return code

    def currency(self, word: str) -> str | None:
        """Return the code that a word of the file means; None = it is no currency."""
        code = self.table.currencies.get(word) or SYMBOLS.get(word, word)
        return code if code in CURRENCIES or code in MINOR_CURRENCIES or not code else None

    def agreed(self, mark: str, code: str, title: str) -> str:
        """Return the currency that a mark beside a number and a column say together.

        Raises:
            LineError: they do not agree, or the mark alone does not say which currency it is.
        """
        if not mark or mark == code:
            return code
        shared = SHARED_SYMBOLS.get(mark)
        if shared is None:
            if code:
                raise LineError(f"`{title}` is in {mark}, and its line says {code}")
            return mark
        code = code or self.table.currency
        if code not in shared:
            says = f"its line says {code}" if code else "nothing says which currency that is"
            raise LineError(f"`{title}` is in {mark!r}, and {says}")
        return code

    # ── what is done to each line ──

    def _steps(self) -> list[Step]:
        steps = [self._parse(name) for name in self.table.parse]
        steps += [self._otherwise(name, others) for name, others in self.table.otherwise.items()]
        steps += [self._combine(name, others) for name, others in self.table.combine.items()]
        return [*steps, self._take_over(self.table.previous)] if self.table.previous else steps

    def _parse(self, name: str) -> Step:
        place, patterns = self.place(name), self.table.parse[name]
        places = {group: self.place(group) for pattern in patterns for group in pattern.groupindex}

        def parse(cells: Cells) -> None:
            text = cells[place].strip()
            for pattern in patterns:
                if text and (found := pattern.fullmatch(text)):
                    for group, said in found.groupdict().items():
                        if said:
                            cells[places[group]] = said
                    return

        return parse

    def _otherwise(self, name: str, others: tuple[str, ...]) -> Step:
        place, empty = self.place(name), self.empty(name)
        texts = [self.text(other) for other in others]

        def otherwise(cells: Cells) -> None:
            bare = cells[place].strip()
            if not bare or bare in empty:
                cells[place] = next((found for text in texts if (found := text(cells))), "")

        return otherwise

    def _combine(self, name: str, others: tuple[str, ...]) -> Step:
        texts, place = [self.text(other) for other in others], self.place(name)
        between = " " if name == "note" else "/"

        def combine(cells: Cells) -> None:
            cells[place] = between.join(found for text in texts if (found := text(cells)))

        return combine

    def _take_over(self, previous: Previous) -> Step:
        """Return what copies cells of an earlier line; of lines of many keys the latest are remembered."""
        texts = [self.text(name) for name in previous.by]
        takes = [(self.place(to), self.place(source)) for to, source in previous.take.items()]
        latest: dict[tuple[str, ...], list[str]] = {}

        def take_over(cells: Cells) -> None:
            key = tuple(text(cells) for text in texts)
            own = [cells[source] for _, source in takes]
            for (to, _), said in zip(takes, latest.pop(key, [""] * len(takes)), strict=True):
                cells[to] = said
            latest[key] = own
            if len(latest) > KEPT:
                del latest[next(iter(latest))]

        return take_over

    def _column(self, name: str) -> Column:
        return self.table.columns.get(name, _NO_COLUMN)


def _scaled(title: str, number: Decimal, factor: Decimal | None, *, is_divisor: bool) -> Decimal:
    if factor is None:
        raise LineError(f"`{title}` is to be multiplied or divided by a rate, and the line states none")
    found = scaled(number, factor, is_divisor=is_divisor)
    if found is None:
        raise LineError(f"`{title}` is to be divided by a rate, and that is 0")
    return found


def _sum(figures: Sequence[FigureOf], title: str) -> FigureOf:
    """Return what adds numbers; empty ones are left out, and where all are, so is the sum."""

    def total(cells: Cells) -> Figure:
        found = [figure for one in figures if (figure := one(cells))[0] is not None]
        marks = {mark for _, mark in found}
        if len(marks) > 1:
            raise LineError(f"`{title}` is added from several currencies: {', '.join(sorted(marks))}")
        return (sum((number or ZERO for number, _ in found), ZERO), marks.pop()) if found else NOTHING

    return total


def _product(figures: Sequence[FigureOf], places: int) -> FigureOf:
    """Return what multiplies numbers; where one is empty, so is the product."""

    def product(cells: Cells) -> Figure:
        found, mark = Decimal(1), ""
        for one in figures:
            number, own = one(cells)
            if number is None:
                return NOTHING
            found, mark = EXACT.multiply(found, number), mark or own
        return at_most(found, places), mark

    return product


def _difference(first: FigureOf, second: FigureOf) -> FigureOf:
    """Return how much larger the first number is than the second, both without sign; empty where one is."""

    def difference(cells: Cells) -> Figure:
        (one, mark), (other, own) = first(cells), second(cells)
        return NOTHING if one is None or other is None else (abs(one) - abs(other), mark or own)

    return difference
