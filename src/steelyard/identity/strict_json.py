"""JSON of strangers: one object, no name twice, no NaN; anything else is refused."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn


def read_object(text: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Args:
        text: UTF-8; its length is the caller's to bound.

    Raises:
        ValueError: it is not UTF-8, not JSON or not an object, names a key twice, holds NaN or an infinity by name,
            or nests too deep. Without a quotation: the text may be secret.

    >>> read_object(b'{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> read_object(b'{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    ValueError: not one plain JSON object
    """
    try:
        value = json.loads(text.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("not one plain JSON object")  # noqa: TRY004  what was read is wrong, not the argument
    return value


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value


def _refuse(_: str) -> NoReturn:
    raise ValueError
