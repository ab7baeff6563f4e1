"""Short keys: the beginning of a key, as a person types it who saw it in a list."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from steelyard.errors import InvalidInputError

SHORTEST: Final = 8
"""Characters of a key that a list shows, and the fewest that name one."""

_LOWEST: Final = f"{UUID(int=0)}"
_HIGHEST: Final = f"{UUID(int=2**128 - 1)}"
_WHOLE: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class KeyKind(StrEnum):
    """What a key is of."""

    ORDER = "order"
    PROPOSAL = "proposal"
    RUN = "run"
    HOLD = "hold"
    BREAK = "break"
    IMPORT = "import"


class ShortKeyError(InvalidInputError):
    """What was typed is neither a key nor the beginning of one."""

    def __init__(self, typed: str) -> None:
        """Say what one looks like."""
        super().__init__(
            f"{typed[:64]!r} is no key; write all of it, or its first {SHORTEST} characters or more."
        )


@dataclass(frozen=True, slots=True)
class ShortKey:
    """The beginning of a key: 8 to 35 characters of its text, hyphens in their places.

    Attributes:
        kind: what it is of.
        text: as it was typed, in small letters.

    Raises:
        ShortKeyError: it is too short, too long, or begins no key.

    >>> str(ShortKey(KeyKind.ORDER, "2f0c7f0e-8d").low), str(ShortKey(KeyKind.ORDER, "2f0c7f0e-8d").high)
    ('2f0c7f0e-8d00-0000-0000-000000000000', '2f0c7f0e-8dff-ffff-ffff-ffffffffffff')
    """

    kind: KeyKind
    text: str

    def __post_init__(self) -> None:
        """Refuse what begins no key."""
        if len(self.text) < SHORTEST or not _WHOLE.fullmatch(_padded(self.text, _LOWEST)):
            raise ShortKeyError(self.text)

    @property
    def low(self) -> UUID:
        """The first key that begins so."""
        return UUID(_padded(self.text, _LOWEST))

    @property
    def high(self) -> UUID:
        """The last key that begins so."""
        return UUID(_padded(self.text, _HIGHEST))

    def __str__(self) -> str:
        """Give it back as it was typed."""
        return self.text


AnyKey = UUID | ShortKey
"""A key as a person names it: whole, or by its beginning."""


def read_key(kind: KeyKind, typed: str) -> AnyKey:
    """Return the key that was typed, whole where it is; raises ShortKeyError.

    >>> read_key(KeyKind.RUN, "8C6F2F0E")
    ShortKey(kind=<KeyKind.RUN: 'run'>, text='8c6f2f0e')
    """
    text = typed.strip()
    try:
        return UUID(text)
    except ValueError:
        return ShortKey(kind, text.lower())


def _padded(text: str, pattern: str) -> str:
    return text + pattern[len(text) :]
