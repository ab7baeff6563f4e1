"""Canonical JSON (RFC 8785): one text for one content, so that a hash of it names the content.

Of the numbers of JSON it knows whole ones alone; exact numbers are text, as everywhere where they might be rounded.
"""

import json
from collections.abc import Collection, Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

LARGEST: Final = 2**53
"""Whole numbers from here on are not the same in every reader of JSON."""


def write_canonical(content: Any) -> str:
    """Return the one text of a content.

    Args:
        content: objects, lists, text, whole numbers below 2^53, true, false and null; decimals, days, moments and
            UUIDs become text as `plain_text` says, dataclasses objects of their fields.

    Raises:
        TypeError: it holds something else, a float for instance.
        ValueError: it holds a number from 2^53 on, or half of a character (a lone surrogate).

    >>> write_canonical({"b": [Decimal("1.50"), None, 2], "a": "é"})
    '{"a":"é","b":["1.50",null,2]}'
    """
    text = json.dumps(_ordered(content), ensure_ascii=False, separators=(",", ":"))
    text.encode()  # UnicodeEncodeError is a ValueError
    return text


def join_canonical(members: Mapping[str, str]) -> str:
    """Return the one text of an object whose members are canonical texts already.

    >>> join_canonical({"b": "[1,2]", "a": '"x"'})
    '{"a":"x","b":[1,2]}'
    """
    names = sorted(members, key=_code_units)
    return "{" + ",".join(f"{write_canonical(name)}:{members[name]}" for name in names) + "}"


def plain_text(value: Decimal | date | UUID) -> str:
    """Return a value as the text that stands for it.

    A decimal has all of its digits and no exponent, a day is `2024-03-14`, a moment `2024-03-14T09:30:00+00:00`.

    >>> plain_text(Decimal("-1E+2")), plain_text(date(2024, 3, 14)), plain_text(Decimal("-0.0"))
    ('-100', '2024-03-14', '0.0')
    """
    if isinstance(value, Decimal):
        return f"{value:f}" if value else f"{abs(value):f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _ordered(value: Any) -> Any:
    """Return a value of what JSON knows, the names of its objects in the order of their UTF-16 code units."""
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, int):  # as True and False are
        if value is not None and abs(value) >= LARGEST:
            raise ValueError(f"{value} is no whole number that every reader of JSON takes for the same")
        return value
    if isinstance(value, Decimal | datetime | date | UUID):
        return plain_text(value)
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in _in_order(value)}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return {name: _ordered(getattr(value, name)) for name in _fields_of(value.__class__)}


@cache
def _fields_of(kind: Hashable) -> tuple[str, ...]:
    """Return the fields of a dataclass in their order."""
    if isinstance(kind, type) and is_dataclass(kind):
        return tuple(sorted(field.name for field in fields(kind)))
    raise TypeError(f"{getattr(kind, '__name__', kind)} has no canonical form")


def _in_order(names: Collection[str]) -> list[str]:
    """Sort names; plain ones, as nearly all are, need no key for that."""
    return sorted(names) if "".join(names).isascii() else sorted(names, key=_code_units)


def _code_units(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")
