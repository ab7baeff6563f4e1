"""Days in cells, in the forms a preset declares by example: how the last day of 2023 is written.

A time of day behind the day is understood, checked and left out: the day as it is written counts, in the zone in which
it is written.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from steelyard.errors import InvalidInputError
from steelyard.statements.broker_csv.numbers import KEPT
from steelyard.statements.broker_csv.text import CellError

_TIME: Final = (
    r"(?:(?:\s*[T,;]\s*|\s+)"
    r"(?:(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
    r"|(?:0?[1-9]|1[0-2]):[0-5][0-9](?::[0-5][0-9])?\s*[AaPp]\.?[Mm]\.?)"
    r"(?:\s*(?:Z|[+-][0-9]{2}:?[0-9]{2}|(?![AP]M)[A-Z]{2,5}))?)?"
)
CLOCKS: Final = frozenset(
    ("", *(f"{mark}{hour:02}:{minute:02}" for mark in " T" for hour in range(24) for minute in range(60)))
)
"""What stands behind a known day in the most usual form, or nothing: a look-up takes a third of a match."""

SECONDS: Final = frozenset(("", *(f":{second:02}" for second in range(60))))
"""What stands behind a clock."""

CLOCK: Final = 6
_TOKEN: Final = re.compile(r"2023|12|31|23|[^\W\d_]+\.?|\s+|.")
_LONG_NAMES: Final = """
en January February March April May June July August September October November December
de Januar Februar März April Mai Juni Juli August September Oktober November Dezember
fr janvier février mars avril mai juin juillet août septembre octobre novembre décembre
nl januari februari maart april mei juni juli augustus september oktober november december
sv januari februari mars april maj juni juli augusti september oktober november december
da januar februar marts april maj juni juli august september oktober november december
no januar februar mars april mai juni juli august september oktober november desember
it gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
es enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
pt janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
pl styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień
pl stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
"""
_WHOLE_NAMES: Final = """
fi tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu
fi tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta \
marraskuuta joulukuuta
nl jan feb mrt apr mei jun jul aug sep okt nov dec
de jan feb mrz apr mai jun jul aug sep okt nov dez
"""


class DateFormError(InvalidInputError):
    """An example shows no form of days."""

    def __init__(self, example: str) -> None:
        """Show what is expected."""
        super().__init__(
            f"{example!r} does not show how the last day of 2023 is written, such as '31.12.2023' or '31-Dec-2023'."
        )


@dataclass(frozen=True, slots=True)
class DateForm:
    """How a day is written.

    Attributes:
        example: as the preset says it.
        pattern: of such texts, with a time behind the day or not.
        known: days by how they were written.
    """

    example: str
    pattern: re.Pattern[str]
    known: dict[str, date] = field(default_factory=dict, compare=False, repr=False)

    def day(self, text: str) -> date | None:
        """Return the day that a text says; None = it is not of this form, or no day of the calendar."""
        found = self.pattern.fullmatch(text)
        if found is None:
            return None
        written = found[1]
        if (known := self.known.get(written)) is not None:
            return known
        day = self._day(found)
        if day is not None and len(self.known) < KEPT:
            self.known[written] = day
        return day

    def _day(self, found: re.Match[str]) -> date | None:
        parts = found.groupdict()
        year = int(parts["year"]) if "year" in parts else _CENTURY + int(parts["short_year"])
        month = int(parts["month"]) if "month" in parts else MONTHS.get(_bare(parts["name"]), 0)
        try:
            return date(year, month, int(parts["day"]))
        except ValueError:
            return None


_CENTURY: Final = 2000


def date_form(example: str) -> DateForm:
    """Return the form that an example of the last day of 2023 shows.

    Raises:
        DateFormError: it shows none.

    >>> date_form("Dec 31, 2023").day("May 5, 2020, 10:10:57 PM")
    datetime.date(2020, 5, 5)
    """
    is_dense = example.isdigit()
    pattern = "".join(_piece(token, is_dense=is_dense) for token in _TOKEN.findall(example))
    named = re.findall(r"\?P<(\w+)>", pattern)
    kinds = sorted("month" if name == "name" else name.removeprefix("short_") for name in named)
    if kinds != ["day", "month", "year"]:
        raise DateFormError(example)
    return DateForm(example, re.compile(f"({pattern}){_TIME}"))


def _piece(token: str, *, is_dense: bool) -> str:
    two = "[0-9]{2}" if is_dense else "[0-9]{1,2}"
    known = {
        "2023": "(?P<year>[0-9]{4})",
        "23": "(?P<short_year>[0-9]{2})",
        "12": f"(?P<month>{two})",
        "31": f"(?P<day>{two})",
    }
    if token in known:
        return known[token]
    if _bare(token) in MONTHS:
        return r"(?P<name>[^\W\d_]{3,12}\.?)"
    return r"\s+" if token.isspace() else re.escape(token)


def _bare(name: str) -> str:
    """Return a month's name without case, accents and point."""
    letters = unicodedata.normalize("NFKD", name.casefold()).rstrip(".")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _months() -> dict[str, int]:
    """Return months by their names and by what names are cut to, where that is one month in every language."""
    found: dict[str, set[int]] = {}
    for line in _LONG_NAMES.strip().splitlines():
        for month, name in enumerate(line.split()[1:], 1):
            for length in {3, 4, 5, len(_bare(name))}:
                found.setdefault(_bare(name)[:length], set()).add(month)
    for line in _WHOLE_NAMES.strip().splitlines():
        for month, name in enumerate(line.split()[1:], 1):
            found.setdefault(_bare(name), set()).add(month)
    return {name: months.pop() for name, months in found.items() if len(months) == 1}


MONTHS: Final = _months()


@dataclass(slots=True)
class DateReader:
    """Reads the days of one column.

    Attributes:
        column: its header, for people.
        forms: that it may be written in.
        empty: words that mean nothing is there.
    """

    column: str
    forms: Sequence[DateForm]
    empty: frozenset[str] = frozenset()

    def read(self, text: str) -> date | None:
        """Return the day that a cell says; None where it is empty.

        Raises:
            CellError: it is no day of a declared form, or two forms read it differently.

        >>> DateReader("Datum", [date_form("31.12.2023")]).read("5.1.2024 09:30")
        datetime.date(2024, 1, 5)
        """
        if len(self.forms) == 1 and (day := self.forms[0].day(text)) is not None:
            return day
        bare = " ".join(text.split())
        if not bare or bare in self.empty:
            return None
        days = {day for form in self.forms if (day := form.day(bare)) is not None}
        if len(days) > 1:
            raise CellError(self.column, text, "which two forms of dates read as different days")
        if not days:
            examples = " or ".join(form.example for form in self.forms)
            raise CellError(self.column, text, f"no day written like {examples}")
        return days.pop()
