"""A reader of lines of our own making, for tests of what comes after reading, and files in its form.

The first line is `LINES`; then a line a row: `KIND DAY key=value …`, or `HELD DAY …`, `SKIP`, `BAD`. Values hold no
spaces; `asset=` is `SYMBOL/CURRENCY` or `isin:…`.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from steelyard.domain.transaction import TransactionKind
from steelyard.services.statement_plan import StatementFile
from steelyard.statements.port import Reader, Source
from steelyard.statements.record import Held, Hint, Record, Refused, Row, Skipped

NUMBERS = {
    "costs",
    "tax",
    "quantity",
    "price",
    "counter_quantity",
    "counter_amount",
    "basis_fraction",
    "amount",
}
DAYS = {"settlement_date", "acquired"}
HINTS = {"asset", "counter_asset"}


class Lines:
    """The reader."""

    name = "lines"
    title = "Lines of a test"

    def miss(self, source: Source) -> str | None:
        return None if source.head.startswith(b"LINES") else "the word LINES"

    def read(self, source: Source) -> Iterator[Row]:
        text = source.path.read_text("utf-8")
        for number, line in enumerate(text.splitlines(), start=1):
            if number > 1 and line.strip():
                yield row_of(number, line)


def row_of(number: int, line: str) -> Row:
    word, _, rest = line.partition(" ")
    if word == "SKIP":
        return Skipped(number, "an order that was cancelled")
    if word == "BAD":
        return Refused(number, "`Price` is 'n/a', no number")
    day, *pairs = rest.split()
    values = dict(pair.split("=", 1) for pair in pairs)
    if word == "HELD":
        asset = hint_of(values["asset"]) if "asset" in values else None
        return Held(
            number,
            values.get("account", ""),
            date.fromisoformat(day),
            asset,
            values.get("currency", ""),
            Decimal(values["quantity"]),
        )
    what: dict[str, Any] = {name: typed(name, value) for name, value in values.items()}
    return Record(kind=TransactionKind(word), line=number, trade_date=date.fromisoformat(day), **what)


def typed(name: str, value: str) -> object:
    if name in NUMBERS:
        return None if value == "?" else Decimal(value)
    if name in DAYS:
        return date.fromisoformat(value)
    return hint_of(value) if name in HINTS else value


def hint_of(text: str) -> Hint:
    kind, _, rest = text.partition(":")
    number, _, currency = (rest or kind).partition("/")
    if rest:
        return Hint(**{kind: number}, currency=currency)
    return Hint(symbol=number, currency=currency)


READERS: tuple[Reader, ...] = (Lines(),)


def write(folder: Path, name: str, *lines: str) -> StatementFile:
    """Write a file in the form of the reader."""
    path = folder / name
    path.write_text("\n".join(["LINES", *lines, ""]), "utf-8")
    return StatementFile(name, path)
