"""Short keys: which order, proposal, run, hold, break or import begins so."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from steelyard.domain.short_key import AnyKey, KeyKind, ShortKey
from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.storage import short_key as stored
from steelyard.storage.connection import AnySession, reading

_LISTS: Final[Mapping[KeyKind, str]] = {
    KeyKind.ORDER: "orders list",
    KeyKind.PROPOSAL: "proposals",
    KeyKind.RUN: "run list",
    KeyKind.HOLD: "holds list",
    KeyKind.BREAK: "reconcile breaks",
    KeyKind.IMPORT: "imports",
}


class NothingBeginsSoError(NotFoundError):
    """No key begins so."""

    def __init__(self, key: ShortKey) -> None:
        """Name the beginning, and where there are others."""
        super().__init__(
            f"There is no {key.kind} that begins with {key}. `steelyard {_LISTS[key.kind]}` shows them."
        )


class SeveralBeginSoError(InvalidInputError):
    """More than one key begins so."""

    def __init__(self, key: ShortKey, found: Sequence[UUID]) -> None:
        """Name two of them."""
        one, other, *_ = found
        super().__init__(
            f"Several {key.kind}s begin with {key}, {one} and {other} among them: type more of it."
        )


async def whole_key(key: AnyKey, db: AnySession | None = None) -> UUID:
    """Return the key that is meant, among those of the tenant that is acted for.

    Args:
        key: whole, and then nothing is looked up; or the beginning of one.
        db: where to look; None opens a session.

    Raises:
        NothingBeginsSoError: there is none.
        SeveralBeginSoError: there is more than one.
    """
    if isinstance(key, UUID):
        return key
    async with reading(db) as session:
        return only_key(key, await stored.find_keys(session, key))


def only_key(key: ShortKey, found: Sequence[UUID]) -> UUID:
    """Return the one key that was found; raises NothingBeginsSoError, SeveralBeginSoError."""
    if not found:
        raise NothingBeginsSoError(key)
    if len(found) > 1:
        raise SeveralBeginSoError(key, found)
    return found[0]
