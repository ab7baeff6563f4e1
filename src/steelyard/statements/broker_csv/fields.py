"""Fields: what a rule takes from a line's cells, each bound to what reads it."""

from collections.abc import Callable
from datetime import date
from operator import itemgetter
from typing import Final

from steelyard.domain.asset import is_isin
from steelyard.statements.broker_csv.numbers import KEPT, NOTHING, Figure
from steelyard.statements.broker_csv.preset import Rule, found_names
from steelyard.statements.broker_csv.sheet import Cells, FigureOf, Sheet
from steelyard.statements.record import Hint

HINT_FIELDS: Final = ("isin", "cusip", "symbol", "name", "venue", "asset_kind")
COUNTER_HINT_FIELDS: Final = ("counter_isin", "counter_symbol", "counter_name")


class Fields:
    """The fields of one rule, each bound to what reads it."""

    def __init__(self, sheet: Sheet, rule: Rule, *, first: Rule | None = None, direction: int = 0) -> None:
        """Bind a rule.

        Args:
            sheet: the file.
            rule: where it takes fields from.
            direction: of the record's cash: 1 comes in, -1 goes out, 0 either.
            first: the rule of the line's first record, where this one makes a further: that has the costs, the tax
                and the net.
        """
        self.sheet, self._rule = sheet, rule
        self._dropped = {"costs", "tax", "net"} if first else set()
        self._found = found_names(rule.when) | (found_names(first.when) if first else set())
        self._direction = direction
        self._forms = rule.numbers or (first.numbers if first else ())

    def sources(self, field: str) -> tuple[str, ...]:
        """Return the columns that a field is taken from, the first that is filled; () = from none."""
        rule, table = self._rule, self.sheet.table
        if field in rule.sources:
            return rule.sources[field]
        if field in rule.fixed:
            self.sheet.constant(rule.fixed[field])
            return (f"={rule.fixed[field]}",)
        if field in self._dropped:
            return ()
        return (field,) if field in self.sheet.given or field in table.sums else ()

    def figures(self, field: str) -> tuple[FigureOf, ...]:
        """Return what reads the numbers of a field: one, or several that add up."""
        names, sums = self.sources(field), self.sheet.table.sums
        if len(names) == 1 and names[0] in sums and names[0] not in self._found:
            return tuple(self._figure(field, name) for name in sums[names[0]])
        return (self._first(field, names),) if names else ()

    def figure(self, field: str) -> FigureOf | None:
        """Return what reads the number of a field; None where nothing gives it."""
        names = self.sources(field)
        return self._first(field, names) if names else None

    def plain_texts(self, fields: tuple[str, ...]) -> Callable[[Cells], tuple[str, ...]] | None:
        """Return what takes the cells of several numbers; None where plain numbers in them may not be taken as such."""
        places = [place for field in fields if (place := self._plain_place(field)) is not None]
        return itemgetter(*places) if len(places) == len(fields) else None

    def _plain_place(self, field: str) -> int | None:
        names = self.sources(field)
        if not names:
            return self.sheet.constant("")
        return self.sheet.plain_place(names[0], self._forms, self._found) if len(names) == 1 else None

    def _first(self, field: str, names: tuple[str, ...]) -> FigureOf:
        figures = [self._figure(field, name) for name in names]
        if len(figures) == 1:
            return figures[0]
        return lambda cells: next((found for one in figures if (found := one(cells))[0] is not None), NOTHING)

    def _figure(self, field: str, name: str) -> FigureOf:
        """Return what reads a column; costs that are a difference are what a sale brings in less than it is for."""
        figure = self.sheet.figure(name, self._forms, self._found)
        turns = self._direction > 0 and field in {"costs", "tax"} and name in self.sheet.table.differences
        return _turned(figure) if turns else figure

    def text(self, field: str) -> Callable[[Cells], str] | None:
        """Return what reads the text of a field; None where nothing gives it."""
        texts = [self.sheet.text(name) for name in self.sources(field)]
        if len(texts) < _SEVERAL:
            return texts[0] if texts else None
        return lambda cells: next((found for text in texts if (found := text(cells))), "")

    def code(self, field: str) -> Callable[[Cells], str] | None:
        """Return what reads a field as a currency; None where nothing gives it."""
        codes = [self.sheet.code(name) for name in self.sources(field)]
        if len(codes) < _SEVERAL:
            return codes[0] if codes else None
        return lambda cells: next((found for code in codes if (found := code(cells))), "")

    def day(self, field: str) -> Callable[[Cells], date | None] | None:
        """Return what reads a field as a day; None where nothing gives it."""
        days = [self.sheet.day(name) for name in self.sources(field)]
        if len(days) < _SEVERAL:
            return days[0] if days else None
        return lambda cells: next((found for day in days if (found := day(cells))), None)

    def title(self, field: str) -> str:
        """Return what people call the column that a field is taken from."""
        names = self.sources(field)
        return self.sheet.title(names[0] if names else field)


_SEVERAL: Final = 2


class Hints:
    """Reads what a line says of an asset, and remembers it: a file names few assets on many lines."""

    def __init__(self, fields: Fields, names: tuple[str, ...]) -> None:
        """Bind the columns that describe an asset."""
        self._texts = {name: text for name in names if (text := fields.text(name)) is not None}
        places = sorted({fields.sheet.place(name) for field in self._texts for name in fields.sources(field)})
        self._key: Callable[[Cells], object] = itemgetter(*places) if places else _no_key
        self._known: dict[object, Hint | None] = {}

    def find(self, cells: Cells, currency: str) -> Hint | None:
        """Return what a line says of an asset; None where it names none."""
        key = (currency, self._key(cells))
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= KEPT:
                self._known.clear()
            found = self._known[key] = self._read(cells, currency)
            return found

    def _read(self, cells: Cells, currency: str) -> Hint | None:
        said = {name.removeprefix("counter_"): text(cells) for name, text in self._texts.items()}
        isin, name = said.get("isin", "").upper(), said.get("name", "")
        if isin and not is_isin(isin):
            isin, name = "", name or isin
        hint = Hint(
            isin=isin,
            symbol=said.get("symbol", ""),
            name=name,
            currency=currency,
            venue=said.get("venue", ""),
            cusip=said.get("cusip", "").upper(),
            kind=said.get("asset_kind", ""),
        )
        return hint if hint.isin or hint.symbol or hint.name or hint.cusip else None


def _turned(figure: FigureOf) -> FigureOf:
    def turned(cells: Cells) -> Figure:
        number, mark = figure(cells)
        return (None if number is None else 0 - number), mark

    return turned


def _no_key(_: Cells) -> object:
    return None
