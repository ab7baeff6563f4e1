"""Answers that are kept as they were written, for others who may see them.

Nobody finds anything here but by the version of it that the store has just shown them.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer.

    Attributes:
        tag: its ETag.
        body: JSON.
    """

    tag: str
    body: bytes


class KeptAnswers:
    """Answers by what they answer and from which version, up to so many bytes; the longest unused goes first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Begin with none."""
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()

    def find(self, key: Hashable) -> Kept | None:
        """Return the answer of a key; None = it is not kept."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def keep(self, key: Hashable, kept: Kept) -> None:
        """Keep an answer."""
        before = self._kept.pop(key, None)
        self._kept[key] = kept
        self._bytes += len(kept.body) - (len(before.body) if before is not None else 0)
        while self._bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body)
