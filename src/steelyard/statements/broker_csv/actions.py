"""Actions: what becomes of a line once the rule that it falls under is known."""

from collections.abc import Callable
from typing import Final

from steelyard.domain.money import CURRENCIES, EXACT, MINOR_CURRENCIES, major_currency, units_per_major
from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.broker_csv.booking import Booker, numbered
from steelyard.statements.broker_csv.fields import HINT_FIELDS, Fields, Hints
from steelyard.statements.broker_csv.numbers import NOTHING
from steelyard.statements.broker_csv.preset import NAMED, Books, Holds, Refuses, Rule, Skips
from steelyard.statements.broker_csv.routing import Router
from steelyard.statements.broker_csv.sheet import Cells, FigureOf, Sheet
from steelyard.statements.broker_csv.text import CellError, LineError, shown
from steelyard.statements.record import Held, Record, Refused, Row, Skipped

Action = Callable[[int, Cells], Row | tuple[Record, ...]]
"""Makes of a line a row, or several records that have no ids of their own yet."""


_UNITS: Final = frozenset({TransactionKind.RECEIVE, TransactionKind.DELIVER})
_CASH: Final = frozenset(
    {
        TransactionKind.DIVIDEND,
        TransactionKind.INTEREST,
        TransactionKind.INTEREST_PAID,
        TransactionKind.FEE,
        TransactionKind.FEE_REFUND,
        TransactionKind.TAX,
        TransactionKind.TAX_REFUND,
        TransactionKind.DEPOSIT,
        TransactionKind.WITHDRAWAL,
    }
)


class Actions:
    """What becomes of the lines of one table."""

    def __init__(self, sheet: Sheet) -> None:
        """Bind the rules of a table."""
        rules = sheet.table.every_rule
        self._sheet = sheet
        self._router = Router(sheet, [(rule.when, rule.unless, _action(sheet, rule)) for rule in rules])
        whys = [rule for rule in rules if isinstance(rule.outcome, Skips | Refuses)]
        self._reasons = Router(sheet, [(rule.when, rule.unless, _action(sheet, rule)) for rule in whys])
        self._kind = sheet.text("kind")

    def rows(self, line: int, cells: Cells) -> Row | tuple[Record, ...]:
        """Return what a line becomes: a record or several, or why it is none."""
        found = self._router.find(cells)
        if found is None:
            return Refused(line, self._unknown(cells))
        action, writes = found
        for place, text in writes:
            cells[place] = text
        try:
            made = action(line, cells)
            return numbered(made) if isinstance(made, tuple) else made
        except (CellError, LineError) as error:
            return Refused(line, error.why)

    def ragged(self, line: int, cells: Cells) -> Row:
        """Return what a line of too few or too many cells becomes: what a reason to skip it says, else refused."""
        count, width = len(cells), self._sheet.layout.width
        found = self._reasons.find([*(cells + [""] * width)[:width], *self._sheet.behind])
        row = found[0](line, cells) if found else None
        return row if isinstance(row, Skipped | Refused) else _ragged(line, count, width)

    def _unknown(self, cells: Cells) -> str:
        if "kind" not in self._sheet.given:
            return f"no rule describes it: {shown(' '.join(filter(None, map(str.strip, cells))))}"
        title, word = self._sheet.title("kind"), self._kind(cells)
        return f"`{title}` is {shown(word)}, which no rule describes" if word else f"`{title}` is empty"


def _ragged(line: int, count: int, width: int) -> Refused:
    return Refused(line, f"has {count} cells, where the header has {width}")


def _action(sheet: Sheet, rule: Rule) -> Action:
    match rule.outcome:
        case Skips(why):
            says = _saying(sheet, why)
            return lambda line, cells: Skipped(line, says(cells))
        case Refuses(why):
            says = _saying(sheet, why)
            return lambda line, cells: Refused(line, says(cells))
        case Holds():
            return _holding(sheet, rule)
        case Books():
            return _booking(sheet, rule, rule.outcome)


def _saying(sheet: Sheet, why: str) -> Callable[[Cells], str]:
    """Return what gives a reason, with the texts of the columns that it names."""
    texts = {name: sheet.text(name) for name in NAMED.findall(why)}
    if not texts:
        return lambda _: why
    return lambda cells: NAMED.sub(lambda found: shown(texts[found[1]](cells)), why)


def _booking(sheet: Sheet, rule: Rule, books: Books) -> Action:
    one = _one(sheet, rule, books, None)
    if not rule.also:
        return _unless_zero(one) if _CASH & {books.kind, books.below_zero} else one
    further = [_further(sheet, rule, other) for other in rule.also]

    def several(line: int, cells: Cells) -> Record | tuple[Record, ...]:
        records = _listed(one(line, cells))
        for other in further:
            records += other(line, cells)
        return records if len(records) > 1 else records[0]

    return several


_Made = Callable[[int, Cells], Record | tuple[Record, ...]]


def _one(sheet: Sheet, rule: Rule, books: Books, first: Rule | None) -> _Made:
    signs = rule.signs or sheet.table.signs
    booker = Booker(sheet, rule, books.kind, signs, first=first)
    if books.below_zero is None:
        return booker.book
    other = Booker(sheet, rule, books.below_zero, signs, first=first)
    number, title = _chooser(sheet, rule, books)

    def book(line: int, cells: Cells) -> Record | tuple[Record, ...]:
        chosen, _ = number(cells)
        if chosen is None or (not chosen and books.kind not in _CASH):
            raise LineError(f"`{title}` is {'empty' if chosen is None else 0}: its sign would tell the kind")
        return booker.book(line, cells) if chosen >= 0 else other.book(line, cells)

    return book


def _chooser(sheet: Sheet, rule: Rule, books: Books) -> tuple[FigureOf, str]:
    """Return what reads the number whose sign chooses between two kinds, and its column for people."""
    fields = Fields(sheet, rule)
    names = [rule.by] if rule.by else ["quantity"] if books.kind in _UNITS else ["amount", "net", "price"]
    found = [(figure, fields.title(name)) for name in names if (figure := fields.figure(name)) is not None]
    if not found:
        return lambda _: NOTHING, names[0]
    figures = [figure for figure, _ in found]
    return lambda cells: next(
        (read for one in figures if (read := one(cells))[0] is not None), NOTHING
    ), found[0][1]


def _further(sheet: Sheet, first: Rule, rule: Rule) -> Callable[[int, Cells], tuple[Record, ...]]:
    """Return what makes a further record of a line, where its own conditions hold."""
    if not isinstance(rule.outcome, Books):
        return lambda _line, _cells: ()
    made = _one(sheet, rule, rule.outcome, first)
    router = Router(sheet, [(rule.when, rule.unless, made)])

    def further(line: int, cells: Cells) -> tuple[Record, ...]:
        found = router.find(cells)
        if found is None:
            return ()
        for place, text in found[1]:
            cells[place] = text
        return _listed(made(line, cells))

    return further


def _listed(made: Record | tuple[Record, ...]) -> tuple[Record, ...]:
    return made if isinstance(made, tuple) else (made,)


def _unless_zero(made: _Made) -> Action:
    """Return what makes the records of a line, and skips it where it would move no cash."""

    def unless_zero(line: int, cells: Cells) -> Row | tuple[Record, ...]:
        record = made(line, cells)
        if isinstance(record, tuple) or record.amount or record.costs or record.kind not in _CASH:
            return record
        return Skipped(line, f"a {record.kind} of 0")

    return unless_zero


def _holding(sheet: Sheet, rule: Rule) -> Action:
    """Return what makes a statement of units, or of cash where no asset is named."""
    fields = Fields(sheet, rule)
    quantity, amount = fields.figure("quantity"), fields.figure("amount")
    days = [day for name in ("held_on", "date") if (day := fields.day(name)) is not None]
    account, currency, price_currency = (
        fields.text("account"),
        fields.code("currency"),
        fields.code("price_currency"),
    )
    hints = Hints(fields, HINT_FIELDS)

    def holding(line: int, cells: Cells) -> Row:
        day = next((found for one in days if (found := one(cells)) is not None), None)
        if day is None:
            raise LineError(f"`{fields.title('date')}` is empty: it states no day")
        code = (currency(cells) if currency else "") or sheet.table.currency
        asset_code = (price_currency(cells) if price_currency else "") or code
        hint = hints.find(cells, asset_code)
        field, figure = ("quantity", quantity) if hint else ("amount", amount)
        number, mark = figure(cells) if figure else NOTHING
        if number is None:
            raise LineError(f"`{fields.title(field)}` is empty: it states no {field}")
        if hint is None and mark:
            code = sheet.agreed(mark, code, fields.title(field))
        known = code in CURRENCIES or code in MINOR_CURRENCIES
        if hint is None and known:
            number = EXACT.divide(number, units_per_major(code))
        said = account(cells) if account else ""
        return Held(line, said, day, hint, major_currency(asset_code if hint else code), number + ZERO)

    return holding
