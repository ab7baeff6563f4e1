"""Answers as JSON: money and other exact numbers as text, fractions as numbers, days as ISO 8601, unknown as null."""

import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
from fastapi import Response


class Answer(Response):
    """What a service returned, as JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Write it."""
        return msgspec.json.encode(plain(content))


def plain(value: Any) -> Any:
    """Return a value as JSON has it.

    A Decimal becomes all of its digits as text, without an exponent; NaN and infinite numbers, which JSON has not,
    become None; a dataclass becomes an object of its fields.

    >>> from decimal import Decimal
    >>> plain({"price": Decimal("1E-9"), "weight": 0.5, "beta": float("nan"), "day": date(2024, 3, 1)})
    {'price': '0.000000001', 'weight': 0.5, 'beta': None, 'day': '2024-03-01'}
    """
    match value:
        case Decimal():
            return f"{value:f}" if value.is_finite() else None
        case float():
            return value if math.isfinite(value) else None
        case Enum():
            return value.value
        case str() | int() | None:
            return value
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
