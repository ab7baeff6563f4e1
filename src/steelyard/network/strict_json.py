"""JSON of strangers: no name twice, no NaN, nothing that could not be kept; anything else is refused."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 32
MAX_PARTS: Final = 100_000
"""How many values a text may hold, by its commas, colons and brackets: counted before any is made."""

MAX_DIGITS: Final = 40
"""How long a number may be written; what needs more comes as text."""


def read_object(text: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Args:
        text: UTF-8; its length is the caller's to bound.

    Raises:
        ValueError: it is not UTF-8, not JSON or not an object; names a key twice; holds NaN or an infinity by name, a
            number that is none in double precision, half a surrogate pair or a NUL; nests deeper than 32; holds more
            than 100,000 values. Without a quotation: the text may be secret.

    >>> read_object(b'{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> read_object(b'{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    ValueError: not one plain JSON object
    """
    value = _read(text, _float)
    if not isinstance(value, dict):
        raise ValueError("not one plain JSON object")  # noqa: TRY004 - it is the text that is wrong
    return value


def read_exactly(text: bytes) -> dict[str, Any] | list[Any]:
    """Read a JSON object or array whose numbers are kept as they are written: whole ones int, others Decimal.

    Args:
        text: as for `read_object`.

    Raises:
        ValueError: as `read_object`, or it is neither object nor array.

    >>> read_exactly(b'[0.10]')
    [Decimal('0.10')]
    """
    value = _read(text, _decimal)
    if not isinstance(value, dict | list):
        raise ValueError("no plain JSON object or array")  # noqa: TRY004 - as above
    return value


def _read(text: bytes, parse_float: Callable[[str], Any]) -> Any:
    """Read any JSON; None where it breaks a rule."""
    if sum(map(text.count, (b",", b":", b"[", b"{"))) > MAX_PARTS:
        raise ValueError("too many values")
    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse,
            parse_float=parse_float,
            parse_int=_int,
        )
    except (ValueError, RecursionError):
        return None
    return value if _can_be_kept(value, has_escapes=b"\\u" in text) else None


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError
    return int(text)


def _float(text: str) -> float:
    """Read a number, and refuse one that would silently be an infinity, or 0."""
    value = float(text)
    vanished = value == 0 and any(digit in "123456789" for digit in text.lower().partition("e")[0])
    if len(text) > MAX_DIGITS or math.isinf(value) or vanished:
        raise ValueError
    return value


def _decimal(text: str) -> Decimal:
    _float(text)
    return Decimal(text)


def _can_be_kept(value: Any, *, has_escapes: bool) -> bool:
    """Whether it is not too deep, and its texts are texts to a database; only an escape writes one that is not."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        if has_escapes and not all(map(_is_text, _texts(level))):
            return False
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return True
    return not any(isinstance(outer, dict | list) for outer in level)


def _inside(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _texts(values: Sequence[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            yield from value
        elif isinstance(value, str):
            yield value


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
