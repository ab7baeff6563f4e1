"""What somebody watches: orders as they move, and how far a run is."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from steelyard.storage.connection import ReadSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class OrderWatched:
    """An order on its way."""

    order_id: UUID
    proposal_id: UUID | None
    run_id: UUID | None
    account_id: str | None
    asset_id: str
    side: str
    quantity: Decimal
    filled_quantity: Decimal
    state: str
    version: int
    reason: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class RunWatched:
    """A run on its way: its state, and how many of its accounts are in which."""

    run_id: UUID
    run_name: str
    state: str
    version: int
    fault: str
    accounts: int
    waiting: int
    made: int
    nothing: int
    exceptions: int


async def get_orders_watched(
    db: ReadSession,
    *,
    since: datetime,
    most: int,
    proposal_id: UUID | None = None,
    run_id: UUID | None = None,
    account_id: str | None = None,
) -> list[OrderWatched]:
    """Return orders of a proposal, a run or an account, the newest first.

    Args:
        db: a read session.
        since: of an account, orders that ended before it are left out.
        most: how many at most.
        proposal_id: of this proposal; None = of any.
        run_id: of this run; None = of any.
        account_id: of this account; None = of any.
    """
    values = {
        "since": since,
        "most": most,
        "proposal_id": proposal_id,
        "run_id": run_id,
        "account_id": account_id,
    }
    return [OrderWatched(*row) for row in await db.execute(query("get_orders_watched"), values)]


async def get_run_watched(db: ReadSession, run_id: UUID) -> RunWatched | None:
    """Return how far a run is; None = there is none that is seen."""
    row = (await db.execute(query("get_run_watched"), {"run_id": run_id})).one_or_none()
    return None if row is None else RunWatched(*row)


async def is_proposal_seen(db: ReadSession, proposal_id: UUID) -> bool:
    """Whether there is a proposal that is seen."""
    found: bool = (await db.execute(query("is_proposal_seen"), {"proposal_id": proposal_id})).scalar_one()
    return found
