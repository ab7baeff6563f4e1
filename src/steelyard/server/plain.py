"""What services return, as JSON has it: money and other exact numbers as text, bytes as hexadecimal digits."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """Return a value with what JSON has no form for put as people read it, and the rest as it is.

    A Decimal becomes all of its digits as text, without an exponent; bytes become hexadecimal digits; a dataclass
    becomes an object of its fields.

    >>> plain({"price": Decimal("1E-9"), "weight": 0.5, "hash": b"AB", "none": Decimal("NaN")})
    {'price': '0.000000001', 'weight': 0.5, 'hash': '4142', 'none': None}
    """
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return (
        {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        if is_dataclass(value)
        else value
    )
