"""How far things are: the orders of a proposal, a run or an account, and a run while it is made."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from steelyard.domain.order import ENDED, OrderState
from steelyard.domain.scope import Scope
from steelyard.errors import NotFoundError
from steelyard.services.scope import require_scope
from steelyard.storage import progress as store
from steelyard.storage.connection import ReadSession, reading
from steelyard.storage.progress import OrderWatched, RunWatched

MOST_ORDERS: Final = 2_000
JUST_ENDED: Final = timedelta(minutes=10)
"""How long an order of an account is still shown after it ended."""


class UnknownProposalError(NotFoundError):
    """There is no such proposal, or it is of an account that is not seen."""

    def __init__(self, proposal_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no proposal {proposal_id} that you may see; list those of the account.")


class UnknownRunError(NotFoundError):
    """There is no such run, or it is somebody else's."""

    def __init__(self, run_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no run {run_id} that you may see; list yours.")


async def get_orders_of_proposal(
    proposal_id: UUID, db: ReadSession | None = None, *, now: datetime
) -> list[OrderWatched]:
    """Return the orders of a proposal as they are now, the newest first.

    Raises:
        UnknownProposalError: there is none that is seen.
    """
    async with reading(db) as session:
        if not await store.is_proposal_seen(session, proposal_id):
            raise UnknownProposalError(proposal_id)
        return await store.get_orders_watched(session, since=now, most=MOST_ORDERS, proposal_id=proposal_id)


async def get_orders_of_run(
    run_id: UUID, db: ReadSession | None = None, *, now: datetime
) -> list[OrderWatched]:
    """Return the orders of a run as they are now, at most 2,000, the newest first.

    Raises:
        UnknownRunError: there is none that is seen.
    """
    async with reading(db) as session:
        await get_run_progress(run_id, session)
        return await store.get_orders_watched(session, since=now, most=MOST_ORDERS, run_id=run_id)


async def get_orders_of_account(
    account_id: str, db: ReadSession | None = None, *, now: datetime
) -> list[OrderWatched]:
    """Return the orders of an account that may still change, or ended in the last ten minutes, the newest first.

    Raises:
        UnknownScopeError: there is no such account.
    """
    async with reading(db) as session:
        await require_scope(session, Scope.account(account_id))
        since = now - JUST_ENDED
        return await store.get_orders_watched(session, since=since, most=MOST_ORDERS, account_id=account_id)


async def get_run_progress(run_id: UUID, db: ReadSession | None = None) -> RunWatched:
    """Return how far a run is.

    Raises:
        UnknownRunError: there is none that is seen.
    """
    async with reading(db) as session:
        found = await store.get_run_watched(session, run_id)
    if found is None:
        raise UnknownRunError(run_id)
    return found


def have_ended(orders: list[OrderWatched]) -> bool:
    """Whether none of these orders is on its way any more."""
    return all(OrderState(order.state) in ENDED for order in orders)
