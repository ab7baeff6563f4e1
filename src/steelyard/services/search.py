"""Search: what has a name or a number like the one somebody types, as far as they may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from steelyard.storage import search as stored
from steelyard.storage.connection import ReadSession
from steelyard.storage.search import FoundAsset, FoundModel, FoundNumber, FoundScope

LONGEST: Final = 100
SHORTEST_NUMBER: Final = 4
"""Digits of a number that say enough to look for it."""

DIGITS: Final = 32
"""Of a UUID, in hex."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, of each kind the nearest first."""

    assets: Sequence[FoundAsset] = ()
    scopes: Sequence[FoundScope] = ()
    models: Sequence[FoundModel] = ()
    numbered: Sequence[FoundNumber] = ()


async def search(db: ReadSession, text: str, *, sees_all: bool, sees_orders: bool, most: int) -> Found:
    """Return what has a name or a number like a text, upper and lower case alike.

    Args:
        db: a session of who asks: the store shows them no more than they may see.
        text: what was typed; of a long one the beginning counts.
        sees_all: whether they see every account.
        sees_orders: whether they may read orders.
        most: how many of each kind at most.

    Returns:
        What was found; nothing for a text of blanks.
    """
    wanted = text.strip()[:LONGEST].strip()
    if not wanted:
        return Found()
    span = numbers_from(wanted) if sees_orders else None
    return Found(
        await stored.search_assets(db, wanted, sees_all=sees_all, most=most),
        await stored.search_scopes(db, wanted, most=most),
        await stored.search_models(db, wanted, most=most),
        await stored.search_numbered(db, *span, most=most) if span else (),
    )


def numbers_from(text: str) -> tuple[UUID, UUID] | None:
    """Return the first and the last number that begins with a text; None = it begins none, or too many.

    >>> first, last = numbers_from("12AB-cd")
    >>> f"{first}", f"{last}"
    ('12abcd00-0000-0000-0000-000000000000', '12abcdff-ffff-ffff-ffff-ffffffffffff')
    >>> numbers_from("apple"), numbers_from("abc")
    (None, None)
    """
    digits = text.replace("-", "").lower()
    if not SHORTEST_NUMBER <= len(digits) <= DIGITS or set(digits) - set("0123456789abcdef"):
        return None
    return UUID(digits.ljust(DIGITS, "0")), UUID(digits.ljust(DIGITS, "f"))
