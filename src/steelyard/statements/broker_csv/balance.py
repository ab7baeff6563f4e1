"""Balances: what a column of cash after each line says is there at the end of days."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from steelyard.domain.money import EXACT, major_currency, units_per_major
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.broker_csv.fields import Fields
from steelyard.statements.broker_csv.preset import Books, Preset, Rule
from steelyard.statements.broker_csv.sheet import Cells, Sheet
from steelyard.statements.record import Held


@dataclass(frozen=True, slots=True)
class _Stated:
    line: int
    quantity: Decimal


@dataclass(slots=True)
class _Days:
    """The first and the last line of each day of one account and currency that may count."""

    first: dict[date, _Stated] = field(default_factory=dict)
    last: dict[date, _Stated] = field(default_factory=dict)


class Balances:
    """Collects them line by line; a file of one order is not held, only its days."""

    def __init__(self, sheet: Sheet, preset: Preset) -> None:
        """Bind the columns."""
        fields = Fields(sheet, Rule(outcome=Books(TransactionKind.DEPOSIT)))
        self._preset, self._sheet = preset, sheet
        self._balance, self._day = fields.figure("balance"), fields.day("date")
        self._currency, self._account = fields.code("currency"), fields.text("account")
        if (own := fields.code("balance_currency")) is not None:
            self._currency = own
        self._kept: dict[tuple[str, str], _Days] = {}
        self._days: list[date] = []

    @property
    def are_stated(self) -> bool:
        """Whether lines state balances at all."""
        return self._balance is not None and self._day is not None

    def take(self, line: int, cells: Cells) -> None:
        """Note what a line states.

        Raises:
            CellError: it cannot be read.
        """
        if self._balance is None or self._day is None:
            return
        day, (number, mark) = self._day(cells), self._balance(cells)
        if day is None or number is None:
            return
        code = mark or (self._currency(cells) if self._currency else "") or self._sheet.table.currency
        account = self._account(cells) if self._account else ""
        self._note_order(day)
        stated = _Stated(line, EXACT.divide(number, units_per_major(code)))
        self._note(account, major_currency(code), day, stated)

    def _note_order(self, day: date) -> None:
        self._days = [self._days[0], day] if self._days else [day, day]

    def _note(self, account: str, code: str, day: date, stated: _Stated) -> None:
        days = self._kept.setdefault((account, code), _Days())
        if self._preset.balance_days == "last" and days.last:
            kept = max(days.last)
            if day < kept:
                return
            if day > kept:
                days.first.clear()
                days.last.clear()
        days.first.setdefault(day, stated)
        days.last[day] = stated

    def held(self) -> Iterator[Held]:
        """Yield what is there at the end of the days; nothing where nothing tells which line of a day is its last."""
        order = self._preset.order
        if not order and self._days and self._days[0] != self._days[1]:
            order = "newest first" if self._days[0] > self._days[1] else "oldest first"
        for (account, code), days in self._kept.items():
            for day, last in days.last.items():
                first = days.first[day]
                if not order and first.line != last.line:
                    continue
                stated = first if order == "newest first" else last
                yield Held(stated.line, account, day, None, code, stated.quantity)
