"""What routes take: types that refuse what breaks a rule, naming the rule, and never round, drop or guess.

Sorting is a `Literal` of the columns there are; filters are parameters of their own, never expressions.
"""

import re
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.asset import AssetIdError, normalize_asset_id
from steelyard.errors import InvalidInputError

MAX_PAGE: Final = 200
MAX_CURSOR: Final = 1_024
MAX_SYMBOL: Final = 32
EARLIEST_YEAR: Final = 1900

_SYMBOL: Final = re.compile(rf"[A-Z0-9.\-/:^=]{{1,{MAX_SYMBOL}}}")
_STEPS: Final = re.compile(r"\.\.|//|^[./]|[/:]$|^[^A-Z0-9]*$")
_CURSOR: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_CURSOR}}}")
_NO_CURSOR: Final = "not the cursor of a page: take it from the answer before"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-5][0-9])?"
)
_HIDDEN: Final = frozenset({"Cc", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of Unicode: control characters, unassigned, private, surrogates, separators of lines and paragraphs."""

_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Characters that turn the direction of writing: what is read is not what is stored."""


class CursorError(InvalidInputError):
    """A cursor is one of other pages."""

    def __init__(self) -> None:
        """Say where to take it from."""
        super().__init__(
            "This is not the cursor of a page of this list: take `next` from the answer before, or begin without one."
        )


def read_decimal(value: object) -> Decimal:
    """Read an exact number out of text.

    Args:
        value: ASCII text, an optional minus, 1 to 15 digits, and at most 12 after a point.

    Raises:
        ValueError: it is no such text; a number of JSON is none either, for it may have been rounded on the way.

    >>> read_decimal("-0"), read_decimal("12.50")
    (Decimal('0'), Decimal('12.50'))
    >>> read_decimal("1e999999")
    Traceback (most recent call last):
    ...
    ValueError: not a plain number such as -1234.56 (no signs of thousands, exponents or other digits)
    """
    if not isinstance(value, str):
        raise ValueError('not text: write the number in quotes, such as "12.50"')  # noqa: TRY004  as pydantic wants
    try:
        return read_amount("it", value)
    except AmountError as error:
        raise ValueError(error.why) from None


def read_symbol(value: object) -> str:
    """Read the symbol of an asset at an exchange; full-width letters become plain ones (NFKC).

    Raises:
        ValueError: it holds anything but A to Z, 0 to 9 and . - / : ^ =, is longer than 32, or is no symbol but a path.

    >>> read_symbol("BRK.B"), read_symbol("\uff21\uff21")
    ('BRK.B', 'AA')
    """
    text = value if isinstance(value, str) and len(value) <= MAX_SYMBOL else ""
    symbol = unicodedata.normalize("NFKC", text)
    if not _SYMBOL.fullmatch(symbol) or _STEPS.search(symbol):
        raise ValueError(f"not a symbol: 1 to {MAX_SYMBOL} of A to Z, 0 to 9 and . - / : ^ =")
    return symbol


def read_asset_id(value: object) -> str:
    """Read the id of an asset; raises ValueError as `normalize_asset_id` says."""
    try:
        return normalize_asset_id(value if isinstance(value, str) else "")
    except AssetIdError as error:
        raise ValueError(error.why) from None


def read_day(value: object) -> date:
    """Read a day; raises ValueError where it is none, is not written as ISO 8601 says, or lies before 1900.

    >>> read_day("2024-02-29")
    datetime.date(2024, 2, 29)
    """
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("not a day such as 2024-03-28")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("not a day of the calendar") from None
    if day.year < EARLIEST_YEAR:
        raise ValueError(f"before {EARLIEST_YEAR}")
    return day


def read_moment(value: object) -> datetime:
    """Read a moment, in UTC.

    Raises:
        ValueError: it has no offset from UTC, is not written as RFC 3339 says, has a second 60 or an hour 24, or lies
            before 1900.

    >>> read_moment("2024-03-11T20:30:00-04:00").isoformat()
    '2024-03-12T00:30:00+00:00'
    """
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None or not isinstance(value, str):
        raise ValueError("not a moment such as 2024-03-28T15:04:05+01:00")
    if found[4] is None:
        raise ValueError("has no offset from UTC: end it with Z, or with one such as +01:00")
    read_day(found[1])
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a moment of the calendar") from None


def read_text(text: str) -> str:
    """Read a name or a note: composed (NFC), with nothing in it that is not shown as it is stored.

    Raises:
        ValueError: it is blank, holds control characters, or some that turn the direction of writing.

    >>> read_text("Zoe\u0308")
    'Zoë'
    """
    composed = unicodedata.normalize("NFC", text).strip()
    if not composed:
        raise ValueError("blank")
    _refuse_hidden(composed)
    return composed


def read_id(text: str) -> str:
    """Read a key as it is; raises ValueError where it holds what is not shown as it is stored."""
    _refuse_hidden(text)
    return text


def write_cursor(*keys: str | int) -> str:
    """Write where a page ended, for who asks for the next one.

    Args:
        keys: of its last row, in the order of the sorting.
    """
    return urlsafe_b64encode(msgspec.json.encode(keys)).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str | int, ...]:
    """Read what `write_cursor` wrote; raises ValueError for anything else.

    >>> read_cursor(write_cursor("RIVERA-IRA", 7))
    ('RIVERA-IRA', 7)
    """
    if not _CURSOR.fullmatch(cursor):
        raise ValueError(_NO_CURSOR)
    try:
        data = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        keys = msgspec.json.decode(data, type=tuple[str | int, ...])
    except ValueError:
        raise ValueError(_NO_CURSOR) from None
    if any(isinstance(key, str) and "\0" in key for key in keys):
        raise ValueError(_NO_CURSOR)
    return keys


def keys_of(cursor: str, *kinds: type[str | int]) -> tuple[Any, ...]:
    """Read a cursor of a route's own pages: keys of these kinds, in this order.

    Raises:
        CursorError: it is a cursor of other pages.

    >>> keys_of(write_cursor("2026-01-02", 7), str, int)
    ('2026-01-02', 7)
    >>> keys_of(write_cursor("RIVERA-IRA"), str, int)
    Traceback (most recent call last):
    ...
    steelyard.server.input.CursorError: This is not the cursor of a page of this list: take `next` from ...
    """
    keys = read_cursor(cursor)
    if tuple(map(type, keys)) != kinds:
        raise CursorError
    return keys


def _check_cursor(cursor: str) -> str:
    read_cursor(cursor)
    return cursor


def _refuse_hidden(text: str) -> None:
    for character in text:
        if unicodedata.category(character) in _HIDDEN or character in _TURNING:
            raise ValueError(f"holds U+{ord(character):04X}, which is not shown as it is stored")


def _text_schema(**more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **more})


def _reading(read: Callable[[object], Any]) -> BeforeValidator:
    return BeforeValidator(read)


Exact = Annotated[Decimal, _reading(read_decimal), _text_schema(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,12})?$")]
"""An exact number, as text in JSON."""

Symbol = Annotated[str, _reading(read_symbol), _text_schema(pattern=rf"^{_SYMBOL.pattern}$")]
"""What an exchange calls an asset."""

AssetId = Annotated[str, _reading(read_asset_id), _text_schema(minLength=1, maxLength=64)]
"""The firm's key of an asset."""

Day = Annotated[date, _reading(read_day), _text_schema(format="date")]
"""A day of the calendar."""

Moment = Annotated[datetime, _reading(read_moment), _text_schema(format="date-time")]
"""A moment, with its offset from UTC; it comes in UTC."""

Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(read_id)]
"""A firm's key of an account, household or model."""

Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(read_text)]
"""What somebody calls a person or a thing."""

PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE)]
"""How many rows a page has at most."""

Cursor = Annotated[str, AfterValidator(_check_cursor), _text_schema(pattern=f"^{_CURSOR.pattern}$")]
"""Where the page before ended, for `read_cursor`; a page is found by its keys, so none is slower than the first."""
