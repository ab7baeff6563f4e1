"""Pages of long lists: each says where the next one begins, by the keys of its last row, so that none is slow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from steelyard.server.input import CursorError, keys_of, write_cursor

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A part of a list.

    Attributes:
        items: rows, in the order of the list.
        next: the cursor of the next page; None = this is the last.
    """

    items: list[Row]
    next: str | None


def page_of(rows: Sequence[Row], limit: int, keys: Callable[[Row], Sequence[str | int]]) -> Page[Row]:
    """Make a page of rows that were read with `limit + 1`: one more says that there is another page.

    >>> page_of(["A", "B", "C"], 2, lambda row: [row])
    Page(items=['A', 'B'], next='WyJCIl0')
    """
    items = list(rows[:limit])
    return Page(items, write_cursor(*keys(items[-1])) if len(rows) > limit else None)


def place_of(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Read the cursor of a list by moment and key; None = it begins.

    Raises:
        CursorError: it is a cursor of other pages.

    >>> place_of(write_cursor("2026-11-21T12:00:00+00:00", "00000000-0000-0000-0000-000000000007"))[1].int
    7
    """
    if not cursor:
        return None
    moment, key = keys_of(cursor, str, str)
    try:
        return datetime.fromisoformat(moment), UUID(key)
    except ValueError:
        raise CursorError from None
