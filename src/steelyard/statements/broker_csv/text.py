"""Texts of cells: how they are compared, and what a cell that cannot be read says."""

import unicodedata
from functools import lru_cache
from typing import Final

from steelyard.errors import InvalidInputError

_LONGEST: Final = 60


class CellError(InvalidInputError):
    """A cell is not what its column holds.

    Attributes:
        why: a clause with the column and the text.
    """

    def __init__(self, column: str, text: str, why: str) -> None:
        """Name the column, what stands there and what is wrong with it."""
        self.why = f"`{column}` is {shown(text)}, {why}" if text.strip() else f"`{column}` is empty"
        super().__init__(f"{self.why}.")


class LineError(InvalidInputError):
    """The cells of a line do not go together.

    Attributes:
        why: a clause.
    """

    def __init__(self, why: str) -> None:
        """Say why."""
        self.why = why
        super().__init__(f"{why}.")


def shown(text: str) -> str:
    """Quote a cell for a person, cut where it is long.

    >>> shown("n/a")
    "'n/a'"
    """
    text = text.strip()
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return a text as it is compared: width, case and white space do not count.

    >>> fold("  Typ  av TRANSAKTION ")
    'typ av transaktion'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
