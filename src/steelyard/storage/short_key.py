"""The keys that begin as a short one does, found by the primary key."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from steelyard.domain.short_key import KeyKind, ShortKey
from steelyard.storage.connection import AnySession
from steelyard.storage.queries import query

_QUERIES: Final[Mapping[KeyKind, str]] = {
    KeyKind.ORDER: "find_order_keys",
    KeyKind.PROPOSAL: "find_proposal_keys",
    KeyKind.RUN: "find_run_keys",
    KeyKind.HOLD: "find_hold_keys",
    KeyKind.BREAK: "find_break_keys",
    KeyKind.IMPORT: "find_import_keys",
}


async def find_keys(db: AnySession, key: ShortKey) -> list[UUID]:
    """Return the first two keys that begin so, of the tenant that is acted for; fewer where there are fewer."""
    values = {"low": key.low, "high": key.high}
    return list((await db.execute(query(_QUERIES[key.kind]), values)).scalars())
