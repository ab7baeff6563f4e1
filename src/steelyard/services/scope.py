"""Scopes people ask for by name, and the nearest names where there is none."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from steelyard.domain.scope import Scope
from steelyard.errors import NotFoundError
from steelyard.storage import portfolio as store
from steelyard.storage.asset_360 import get_scopes
from steelyard.storage.connection import AnySession, ReadSession, reading
from steelyard.storage.portfolio import Choice

MOST_NEAREST: Final = 3


class UnknownScopeError(NotFoundError):
    """There is no such household or account."""

    def __init__(self, scope: Scope, nearest: list[str]) -> None:
        """Name the nearest ids, or where all of them are listed."""
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else "load it with `steelyard load DIR`."
        super().__init__(f"There is no {scope}; {hint}")


async def require_scope(db: AnySession, scope: Scope) -> None:
    """End unless the scope is the tenant, or a household or account of it.

    Raises:
        UnknownScopeError: with the ids most like the one asked for.
    """
    if scope.kind == "tenant":
        return
    ids = [known.id for known, _ in await get_scopes(db) if known.kind == scope.kind]
    if scope.id not in ids:
        raise UnknownScopeError(scope, nearest(scope.id, ids) or ids[:MOST_NEAREST])


async def get_choices(chosen: Scope, *, most: int, db: ReadSession | None = None) -> list[Choice]:
    """Return households and accounts to choose from, and the one that is chosen; see `storage.portfolio.get_choices`.

    Raises:
        UnknownScopeError: what is chosen is not one that is seen.
    """
    async with reading(db) as session:
        found = await store.get_choices(session, chosen, most=most)
    if chosen.kind != "tenant" and not any(one.is_chosen for one in found):
        same = [one.scope.id for one in found if one.scope.kind == chosen.kind]
        raise UnknownScopeError(chosen, nearest(chosen.id, same) or same[:MOST_NEAREST])
    return found


def nearest(asked: str, known: Iterable[str]) -> list[str]:
    """Return up to three ids most like the one asked for, upper and lower case alike.

    >>> nearest("appl", ["AAPL", "AMD", "MSFT"])
    ['AAPL']
    """
    folded = {name.casefold(): name for name in known}
    return [folded[match] for match in get_close_matches(asked.casefold(), folded, n=MOST_NEAREST)]
