"""For whom a transaction works. The database shows and takes rows accordingly, whatever the statement says.

Every session's transaction begins with settings that end with it, so nothing stays on a connection that goes back
to the pool. Who sets none sees nothing: that is the state of a server between two requests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.queries import query

DEFAULT_TENANT_ID: Final = 1


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom a transaction works.

    Attributes:
        tenant_id: whose rows; None = nobody's, before it is known who asks.
        actor: operator, user:ID, token:ID or system:WHAT, as the audit names who did something.
        user_id: the user whose role and grants decide; None = the operator, who sees every account of the tenant.
        request_id: the request that asked; "" for the terminal.
    """

    tenant_id: int | None
    actor: str
    user_id: UUID | None = None
    request_id: str = ""

    @property
    def for_whole_tenant(self) -> "Acting":
        """The same, seeing every account: for work whose outcome is of the tenant, whoever of its users asks."""
        return replace(self, user_id=None)


OPERATOR: Final = Acting(DEFAULT_TENANT_ID, "operator")
"""Who holds the machine the store is on, or its passwords: the terminal, and calls of this package."""

NOBODY: Final = Acting(None, "")
"""Who has not said yet who they are; sees no row of any tenant."""

_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(acting: Acting) -> Iterator[None]:
    """Let the sessions that begin in this block work for somebody."""
    token = _acting.set(acting)
    try:
        yield
    finally:
        _acting.reset(token)


def current_acting(otherwise: Acting) -> Acting:
    """Return for whom a session that begins now works; `otherwise` where no block says."""
    return _acting.get() or otherwise


def begin_acting(connection: Connection, acting: Acting) -> None:
    """Say at the beginning of a transaction for whom it works."""
    connection.execute(query("begin_acting"), _values(acting))


async def act_as(db: AsyncSession, acting: Acting) -> None:
    """Let the rest of this transaction work for somebody: whoever the statements before found to be asking."""
    await db.execute(query("begin_acting"), _values(acting))
    db.info["acting"] = acting


def acting_of(db: AsyncSession) -> Acting:
    """Return for whom a session works."""
    return cast("Acting", db.info["acting"])


def _values(acting: Acting) -> dict[str, Any]:
    return {
        "tenant": "" if acting.tenant_id is None else str(acting.tenant_id),
        "actor": acting.actor,
        "user": "" if acting.user_id is None else str(acting.user_id),
        "request": acting.request_id,
    }
