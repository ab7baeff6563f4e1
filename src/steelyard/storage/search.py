"""What has a name or a number that somebody may look for."""

from dataclasses import dataclass
from uuid import UUID

from steelyard.domain.scope import Scope
from steelyard.storage.connection import ReadSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class FoundAsset:
    """An asset; `account_id` is one that has it, None where the figures of the whole tenant were looked through."""

    asset_id: str
    asset_name: str
    asset_type: str
    account_id: str | None


@dataclass(frozen=True, slots=True)
class FoundScope:
    """A household or an account."""

    scope: Scope
    name: str
    base_currency: str


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model portfolio."""

    model_id: str
    model_name: str


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """An order, a proposal or a run.

    Attributes:
        kind: order, proposal or run.
        number: its key.
        said: what it is, in a few words.
        account_id: whose; "" = of several.
    """

    kind: str
    number: UUID
    said: str
    account_id: str


async def search_assets(db: ReadSession, wanted: str, *, sees_all: bool, most: int) -> list[FoundAsset]:
    """Return assets whose id, name or ISIN holds a text, the nearest first.

    Args:
        db: a session of who asks.
        wanted: the text.
        sees_all: whether who asks sees every account, and so the figures of the whole tenant.
        most: how many at most.
    """
    values = {"wanted": wanted, "sees_all": sees_all, "most": most}
    return [FoundAsset(*row) for row in await db.execute(query("search_assets"), values)]


async def search_scopes(db: ReadSession, wanted: str, *, most: int) -> list[FoundScope]:
    """Return households, then accounts, whose id or name holds a text; at most so many of each."""
    rows = await db.execute(query("search_scopes"), {"wanted": wanted, "most": most})
    return [
        FoundScope(Scope(row.scope_kind, row.scope_id), row.scope_name, row.base_currency) for row in rows
    ]


async def search_models(db: ReadSession, wanted: str, *, most: int) -> list[FoundModel]:
    """Return model portfolios whose id or name holds a text."""
    rows = await db.execute(query("search_models"), {"wanted": wanted, "most": most})
    return [FoundModel(*row) for row in rows]


async def search_numbered(db: ReadSession, first: UUID, last: UUID, *, most: int) -> list[FoundNumber]:
    """Return orders, proposals and runs with numbers between two, both included; at most so many of each."""
    values = {"first": first, "last": last, "most": most}
    return [FoundNumber(*row) for row in await db.execute(query("search_numbered"), values)]
