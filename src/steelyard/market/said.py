"""Values out of the JSON of a source, as they are or not at all: what is no number is not taken for one."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

NO_NUMBER: Final = Decimal("NaN")
"""What a price that is no number becomes: it is refused where prices are checked, with its asset named."""


def number_of(value: object) -> Decimal:
    """Return a number as it was written; anything else is NaN.

    >>> number_of(Decimal("156.055")), number_of(850), number_of("850"), number_of(True)
    (Decimal('156.055'), Decimal('850'), Decimal('NaN'), Decimal('NaN'))
    """
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return NO_NUMBER


def positive_of(value: object) -> Decimal | None:
    """Return a number above 0, or None: where sources have no bid they say 0.

    >>> positive_of(Decimal("1.5")), positive_of(0), positive_of(None)
    (Decimal('1.5'), None, None)
    """
    number = number_of(value)
    return number if number.is_finite() and number > 0 else None


def moment_of(value: object) -> datetime | None:
    """Return a time with its offset (RFC 3339, to the microsecond), or None.

    >>> moment_of("2022-03-11T19:08:43.947998695Z").isoformat()
    '2022-03-11T19:08:43.947998+00:00'
    >>> moment_of("2022-03-11T19:08:43"), moment_of(7)
    (None, None)
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def part_of(value: object, name: str) -> Mapping[str, Any]:
    """Return an object inside an object; empty where there is none."""
    inner = value.get(name) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}
