"""Balances: what a column of cash after each line says is there at the end of days."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

from steelyard.domain.money import EXACT, major_currency, units_per_major
from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.broker_csv.fields import Fields
from steelyard.statements.broker_csv.lines import Line
from steelyard.statements.broker_csv.numbers import NOTHING
from steelyard.statements.broker_csv.preset import Books, Preset, Rule
from steelyard.statements.broker_csv.sheet import Cells, Sheet
from steelyard.statements.broker_csv.text import CellError, LineError
from steelyard.statements.record import Held, Refused


@dataclass(slots=True)
class _Day:
    """The first and the last line of a day that state a balance."""

    first: Line
    last: Line


class Balances:
    """Collects them line by line; of each account and currency only days are held, and of each two lines."""

    def __init__(self, sheet: Sheet, preset: Preset) -> None:
        """Bind the columns."""
        fields = Fields(sheet, Rule(outcome=Books(TransactionKind.DEPOSIT)))
        self._preset, self._sheet = preset, sheet
        self._balance, self._day = fields.figure("balance"), fields.day("date")
        self._currency, self._account = fields.code("currency"), fields.text("account")
        self._place = sheet.place("balance")
        names = [name for field in ("account", "currency") for name in fields.sources(field)]
        self._key: Callable[[Cells], object] = (
            itemgetter(*map(sheet.place, names)) if names else lambda _: None
        )
        self._kept: dict[object, dict[date, _Day]] = {}
        self._ends: tuple[date, date] | None = None

    def taker(self) -> Callable[[Line], None] | None:
        """Return what notes what a line states; None where no line states a balance.

        A line without a day or a balance states nothing.
        """
        read = self._day
        if self._balance is None or read is None:
            return None
        place, key_of = self._place, self._key
        last_day: date | None = None
        last_key: object = None
        kept: _Day | None = None

        def take(row: Line) -> None:
            nonlocal last_day, last_key, kept
            cells = row[1]
            if not cells[place].strip():
                return
            try:
                day = read(cells)
            except CellError:
                return  # the line is refused where its record is made
            if day is None:
                return
            key = key_of(cells)
            if day != last_day or key != last_key:  # a day has many lines, and only its last changes anything
                last_day, last_key, kept = day, key, self._noted(day, key, row)
            elif kept:
                kept.last = row

        return take

    def _noted(self, day: date, key: object, row: Line) -> _Day | None:
        """Note a line; return where further ones of its day are noted, None where nobody asks for that day."""
        self._ends = (self._ends[0], day) if self._ends else (day, day)
        days = self._kept.setdefault(key, {})
        if (kept := days.get(day)) is not None:
            kept.last = row
            return kept
        if days and self._preset.balance_days != "each":
            if day <= next(iter(days)):
                return None
            days.clear()
        days[day] = _Day(row, row)
        return days[day]

    def held(self) -> Iterator[Held | Refused]:
        """Yield what is there at the end of the days; nothing where nothing tells which line of a day is its last."""
        order = self._preset.order
        if not order and self._ends and self._ends[0] != self._ends[1]:
            order = "newest first" if self._ends[0] > self._ends[1] else "oldest first"
        for days in self._kept.values():
            for day, stated in days.items():
                if order or stated.first[0] == stated.last[0]:
                    yield self._held(day, *(stated.first if order == "newest first" else stated.last))

    def _held(self, day: date, line: int, cells: Cells) -> Held | Refused:
        try:
            number, mark = self._balance(cells) if self._balance else NOTHING
            code = self._currency(cells) if self._currency else ""
            code = self._sheet.agreed(mark, code, self._sheet.title("balance")) or self._sheet.table.currency
        except (CellError, LineError) as error:
            return Refused(line, error.why)
        account = self._account(cells) if self._account else ""
        return Held(
            line,
            account,
            day,
            None,
            major_currency(code),
            EXACT.divide(number or ZERO, units_per_major(code)),
        )
