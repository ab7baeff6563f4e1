"""Numbers in cells: exact, in the forms a preset declares by example, with a currency beside them or without.

The example is how 1234.56 is written: "1,234.56", "1.234,56", "1 234,56", "1234,56". Marks are applied strictly: what
fits no declared form is refused, and so is what two of them read differently.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from steelyard.domain.money import CURRENCIES, EXACT, MINOR_CURRENCIES, MONEY_PLACES, round_half_up
from steelyard.errors import InvalidInputError
from steelyard.statements.broker_csv.text import CellError

Figure = tuple[Decimal | None, str]
"""A number, None where the cell is empty, and the currency or the mark that stands beside it, or ""."""

NOTHING: Final[Figure] = (None, "")
WHOLE_DIGITS: Final = 15
MAX_PLACES: Final = 12
_ZERO: Final = Decimal(0)
_SHORT: Final = 6
KEPT: Final = 8192
"""Texts that a memory of cells holds before it is emptied: files repeat their words, not all their numbers."""

SYMBOLS: Final = {"€": "EUR", "£": "GBP", "GBp": "GBX", "ZAc": "ZAC", "p": "GBX"}
"""Marks that mean one currency."""

SHARED_SYMBOLS: Final = {
    "$": frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "BRL", "CLP", "COP", "ARS"}),
    "US$": frozenset({"USD"}),
    "C$": frozenset({"CAD"}),
    "A$": frozenset({"AUD"}),
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
    "¥": frozenset({"JPY", "CNY"}),
    "zł": frozenset({"PLN"}),
    "lei": frozenset({"RON"}),
    "Fr.": frozenset({"CHF"}),
}
"""Marks that agree with a currency, but do not say it."""

_EXAMPLE: Final = re.compile(r"1(?P<thousands>[ .,'\u2019]?)234(?P<point>[.,])56")
_PLAIN: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,12})?").fullmatch
_OR_NONE: Final = "(?:-?+[0-9]{1,15}+(?:\\.[0-9]{1,12}+)?+)?+"
are_plain: Final = re.compile("\\n".join([_OR_NONE] * 6)).fullmatch
"""Whether six cells, with an end of line between them, are each a plain number or nothing: one look for them all."""

_MARK: Final = r"[^\W\d_]{1,3}\$|[^\W\d_]{1,4}\.?|[$€£¥]"
_FRAME: Final = re.compile(
    rf"(?P<open>\()?\s*(?P<before>[-+])?\s*(?P<left>{_MARK})?\s*(?P<between>[-+])?\s*"
    rf"(?P<digits>[0-9.,][0-9.,'\u2019 ]*?)\s*(?P<after>-)?\s*(?P<right>{_MARK})?\s*(?P<close>\))?"
)
_SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-"})


class NumberFormError(InvalidInputError):
    """An example shows no form of numbers."""

    def __init__(self, example: str) -> None:
        """Show what is expected."""
        super().__init__(
            f"{example!r} does not show how 1234.56 is written, such as '1.234,56' or '1234.56'."
        )


@dataclass(frozen=True, slots=True)
class NumberForm:
    """How a number is written.

    Attributes:
        thousands: the mark between groups of three digits; "" = there is none.
        point: the mark before the decimals.
    """

    thousands: str
    point: str

    def digits(self, body: str) -> str | None:
        """Return what a text of digits and marks says as plain digits with a point; None = it is not of this form."""
        whole, point, decimals = body.partition(self.point)
        if point and not _are_digits(decimals):
            return None
        if self.thousands and self.thousands in whole:
            first, *groups = whole.split(self.thousands)
            if not (0 < len(first) <= _GROUP and all(len(group) == _GROUP for group in groups)):
                return None
            whole = first + "".join(groups)
        if not _are_digits(whole) and (whole or not point):
            return None
        return f"{whole or 0}{'.' if point else ''}{decimals}"


_GROUP: Final = 3


def number_form(example: str) -> NumberForm:
    """Return the form that an example of 1234.56 shows.

    Raises:
        NumberFormError: it shows none.

    >>> number_form("1.234,56")
    NumberForm(thousands='.', point=',')
    """
    shown = _EXAMPLE.fullmatch(example.translate(_SPACES))
    if not shown or shown["thousands"] == shown["point"]:
        raise NumberFormError(example)
    return NumberForm(shown["thousands"], shown["point"])


@dataclass(slots=True)
class NumberReader:
    """Reads the numbers of one column.

    Attributes:
        column: its header, for people.
        forms: that it may be written in.
        empty: words that mean nothing is there.
        currencies: the file's own words for currencies.
        places: to which stated decimals are rounded; None = what is finer than 12 is refused.
        exponent: whether `-2.6E-4` is a number.
        known: what short cells say; they come again.
        is_plain: whether a number with a point and no marks can be taken as it stands.
    """

    column: str
    forms: Sequence[NumberForm]
    empty: frozenset[str] = frozenset()
    currencies: Mapping[str, str] = field(default_factory=dict)
    places: int | None = None
    exponent: bool = False
    known: dict[str, Figure] = field(default_factory=dict)
    is_plain: bool = False

    def __post_init__(self) -> None:
        """See whether a plain number can be taken as it stands: that is faster."""
        takes_all = self.places is None and not any(map(_PLAIN, self.empty))
        self.is_plain = takes_all and all(form.point == "." for form in self.forms)

    def read(self, text: str) -> Figure:
        """Return the number that a cell holds, and the currency beside it.

        Raises:
            CellError: it is no number of a declared form, or two forms read it differently.

        >>> NumberReader("Belopp", [number_form("1.234,56")]).read("-1.200,50 EUR")
        (Decimal('-1200.50'), 'EUR')
        """
        figure = self._read(text)
        if len(text) <= _SHORT:
            if len(self.known) >= KEPT:
                self.known.clear()
            self.known[text] = figure
        return figure

    def _read(self, text: str) -> Figure:
        if self.is_plain and _PLAIN(text):
            return (Decimal(text) or _ZERO), ""
        bare = text.translate(_SPACES).strip()
        if not bare or bare in self.empty:
            return NOTHING
        if self.exponent and _EXPONENT(bare):
            return self._exact(text, Decimal(bare)), ""
        frame = _FRAME.fullmatch(bare)
        if frame is None or not _is_signed_once(frame):
            raise CellError(self.column, text, "no number")
        number = self._number(text, frame["digits"])
        is_negative = "-" in {frame["before"], frame["between"], frame["after"]} or bool(frame["open"])
        return (0 - number if is_negative else number), self._currency(text, frame)

    def _number(self, text: str, body: str) -> Decimal:
        readings = {Decimal(digits) for form in self.forms if (digits := form.digits(body)) is not None}
        if len(readings) > 1:
            raise CellError(self.column, text, "which two forms of numbers read differently")
        if not readings:
            example = " or ".join(f"1{form.thousands}234{form.point}56" for form in self.forms)
            raise CellError(self.column, text, f"no number written like {example}")
        return self._exact(text, readings.pop())

    def _exact(self, text: str, number: Decimal) -> Decimal:
        if number.adjusted() >= WHOLE_DIGITS:
            raise CellError(
                self.column, text, f"a number of more than {WHOLE_DIGITS} digits before the point"
            )
        places = MAX_PLACES if self.places is None else self.places
        rounded = round_half_up(number, places)
        if self.places is None and rounded != number:
            raise CellError(self.column, text, f"finer than {MAX_PLACES} decimals")
        return rounded if rounded != number or len(number.as_tuple().digits) > _EXACT_DIGITS else number

    def _currency(self, text: str, frame: re.Match[str]) -> str:
        mark = frame["left"] or frame["right"]
        if not mark:
            return ""
        code = self.currencies.get(mark) or SYMBOLS.get(mark, mark)
        if code in CURRENCIES or code in MINOR_CURRENCIES or code in SHARED_SYMBOLS:
            return code
        raise CellError(self.column, text, f"a number beside {mark!r}, which is no currency")


_EXPONENT: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,40})?[eE][-+]?[0-9]{1,2}").fullmatch
_EXACT_DIGITS: Final = WHOLE_DIGITS + MAX_PLACES


def scaled(number: Decimal, factor: Decimal, *, is_divisor: bool) -> Decimal | None:
    """Return a number times a factor, or divided by it, half up to 8 decimals; None = divided by 0.

    >>> scaled(Decimal(2), Decimal(3), is_divisor=True)
    Decimal('0.66666667')
    """
    if not is_divisor:
        return at_most(EXACT.multiply(number, factor), MONEY_PLACES)
    return at_most(EXACT.divide(number, factor), MONEY_PLACES) if factor else None


def at_most(number: Decimal, places: int) -> Decimal:
    """Return a number, rounded half up only where it is finer than `places` decimals.

    >>> at_most(Decimal("1.50"), 8), at_most(Decimal("0.125"), 2)
    (Decimal('1.50'), Decimal('0.13'))
    """
    rounded = round_half_up(number, places)
    return number if rounded == number else rounded


def figure_reader(reader: NumberReader, index: int) -> Callable[[list[str]], Figure]:
    """Return what reads a column of a line, remembering what it has read."""
    known, read = reader.known, reader.read

    def figure(cells: list[str]) -> Figure:
        text = cells[index]
        found = known.get(text)
        return read(text) if found is None else found

    def plain_figure(cells: list[str]) -> Figure:
        text = cells[index]
        found = known.get(text)
        if found is not None:
            return found
        if not _PLAIN(text):
            return read(text)
        found = Decimal(text) or _ZERO, ""
        if len(text) <= _SHORT and len(known) < KEPT:
            known[text] = found
        return found

    return plain_figure if reader.is_plain else figure


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_signed_once(frame: re.Match[str]) -> bool:
    signs = sum(1 for name in ("open", "before", "between", "after") if frame[name])
    marks = sum(1 for name in ("left", "right") if frame[name])
    return signs <= 1 and marks <= 1 and bool(frame["open"]) == bool(frame["close"])
