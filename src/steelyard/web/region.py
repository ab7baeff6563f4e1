"""Regions: how who looks writes numbers, days and moments. The words stay English."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_time
from fastapi import Request

from steelyard.charts.numbers import ENGLISH, Style
from steelyard.server.call import header_of
from steelyard.server.identity import cookie_of

REGION_COOKIE: Final = "region"
ZONE_COOKIE: Final = "zone"
UTC_NAME: Final = "UTC"
DEFAULT: Final = "en-US"
LONGEST: Final = 40
"""Characters of a tag, or of the name of a zone."""

GROUP: Final = 3
"""Digits right of the first mark, everywhere."""

_AS_IN_PORTUGAL: Final = ("CH", "CV", "GQ", "GW", "LU", "MO", "MZ", "PT", "ST", "TL")
TWO_LEFT: Final = {
    **dict.fromkeys(("bg", "et", "hu", "it", "lv", "pl", "sl"), ()),
    "es": ("", "EA", "ES", "GQ", "IC", "PH"),
    "pt": _AS_IN_PORTUGAL,
}
"""Languages, with the countries, where a number is grouped from five digits on; no countries = in all."""


@dataclass(frozen=True, slots=True)
class Region:
    """How numbers, days and moments are written.

    Attributes:
        tag: of the language and the country, as browsers name them.
        style: of numbers.
        english: where days are written as English is written there.
        zone: of moments.
    """

    tag: str
    style: Style
    english: Locale
    zone: ZoneInfo

    def typed(self, amount: Decimal | None) -> str:
        """Write an exact number as a field takes it: without groups; None = nothing is typed.

        >>> find_region("de-DE").typed(Decimal("1234.50"))
        '1234,5'
        """
        if amount is None:
            return ""
        plain = f"{amount:f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return plain.replace(".", self.style.decimal)

    def day(self, day: date | None) -> str:
        """Write a day; None = it is not known."""
        return "–" if day is None else format_date(day, "medium", locale=self.english)

    def moment(self, moment: datetime | None) -> str:
        """Write a moment to the minute, in the zone; None = it is not known."""
        if moment is None:
            return "–"
        there = moment.astimezone(self.zone)
        return f"{self.day(there.date())}, {format_time(there, 'short', locale=self.english)}"


def region_of(request: Request) -> Region:
    """Return the region that was chosen, or that the browser names first."""
    place = request.app.wiring.place
    chosen = cookie_of(request.scope, place, REGION_COOKIE)
    named = header_of(request.scope, b"accept-language") or ""
    tag = chosen or named.partition(",")[0].partition(";")[0].strip()
    zone = cookie_of(request.scope, place, ZONE_COOKIE) or ""
    return find_region(tag[:LONGEST], zone[:LONGEST].replace(".", "/"))


def is_region(tag: str) -> bool:
    """Whether there is a region of a tag."""
    return len(tag) <= LONGEST and _locale(tag) is not None


def is_zone(name: str) -> bool:
    """Whether there is a time zone of a name."""
    return name in _zones()


def as_cookie(value: str) -> str:
    """Write a tag, or the name of a zone, as a cookie holds it: names of zones have no points, and cookies no slashes.

    >>> as_cookie("Europe/Zurich")
    'Europe.Zurich'
    """
    return value.replace("/", ".")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


def find_region(tag: str, zone: str = UTC_NAME) -> Region:
    """Return the region of a tag such as de-CH; what is unknown is en-US, and UTC.

    >>> find_region("de-DE").style
    Style(decimal=',', group='.', size=3, least=1)
    >>> find_region("de-DE").day(date(2026, 11, 21)), find_region("nonsense").day(date(2026, 11, 21))
    ('21 Nov 2026', 'Nov 21, 2026')
    """
    locale = _locale(tag) or Locale.parse(DEFAULT, sep="-")
    return Region(
        str(locale).replace("_", "-"),
        _style_of(locale),
        _english_of(locale),
        ZoneInfo(zone if zone in _zones() else UTC_NAME),
    )


def _style_of(locale: Locale) -> Style:
    symbols = locale.number_symbols["latn"]
    first, rest = locale.decimal_formats[None].grouping
    if first != GROUP or rest <= 0 or symbols["decimal"] not in {".", ","}:  # en-US-POSIX, or Arabic marks
        return ENGLISH
    return Style(symbols["decimal"], symbols["group"], rest, least_digits(locale))


def least_digits(locale: Locale) -> int:
    """Return how many digits stand at least left of the first group: where it is 2, 1234 has no mark and 12 345 has.

    It is `minimumGroupingDigits` of CLDR, which Babel leaves out; a test compares it with what Chromium writes.

    >>> least_digits(Locale.parse("es_ES")), least_digits(Locale.parse("es_MX")), least_digits(Locale.parse("de"))
    (2, 1, 1)
    """
    if locale.language in TWO_LEFT:
        countries = TWO_LEFT[locale.language]
        return 2 if not countries or (locale.territory or "") in countries else 1
    return 1


def _english_of(locale: Locale) -> Locale:
    """Return English as it is written in a country; where nobody says how, as in Europe."""
    country = locale.territory or get_global("likely_subtags").get(locale.language, "").rpartition("_")[2]
    return _locale(f"en-{country}") or Locale("en", "150")
