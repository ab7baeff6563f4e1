"""Suspense: fills of which the ledger does not say what it should, and a person who says whose they are."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from steelyard.domain.fill import Fill
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.services.booking import record_fill_event
from steelyard.services.fill import Recorded, follow_fill
from steelyard.storage import fill as stored
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.fill import FilledOrder
from steelyard.storage.ledger import get_unknown_names


class FillNotFoundError(NotFoundError):
    """There is no fill of that execution."""

    def __init__(self, execution_id: str) -> None:
        """Name it."""
        super().__init__(
            f"There is no fill {execution_id!r} on that link; `steelyard fills list` shows them."
        )


class FillOwnedError(ConflictError):
    """A fill has its order or account."""

    def __init__(self, fill: Fill) -> None:
        """Name both, and what to do instead."""
        whose = f"order {fill.order_id}" if fill.order_id else f"account {fill.account_id}"
        super().__init__(
            f"Fill {fill.execution_id} is of {whose}. What is in suspense for another reason is tried again by "
            "`steelyard reconcile`: book what its account lacks."
        )


class WrongOwnerError(InvalidInputError):
    """A fill cannot be whose it is said to be."""

    def __init__(self, execution_id: str, why: str) -> None:
        """Name the fill and the reason."""
        super().__init__(f"Fill {execution_id} {why}.")


async def get_suspense(
    db: ReadSession | WriteSession,
    link_id: UUID | None = None,
    *,
    account_id: str | None = None,
    household_id: str | None = None,
) -> Sequence[Fill]:
    """Return the fills in suspense, in the order of their execution; see `storage.fill.get_suspended_fills`."""
    return await stored.get_suspended_fills(db, link_id, account_id=account_id, household_id=household_id)


async def get_fill_page(
    db: ReadSession | WriteSession,
    *,
    order_id: UUID | None = None,
    account_id: str | None = None,
    household_id: str | None = None,
    before: tuple[datetime, str, UUID] | None = None,
    limit: int = 100,
) -> Sequence[Fill]:
    """Return fills, the newest first.

    Args:
        db: where to read.
        order_id: of this order; None = of any.
        account_id: of this account; None = of any.
        household_id: of the accounts of this household; None = of any.
        before: moment, execution and link to go on from, as the last of the page before has them.
        limit: at most so many.
    """
    return await stored.list_fills(
        db, order_id=order_id, account_id=account_id, household_id=household_id, before=before, most=limit
    )


async def assign_to_order(
    db: WriteSession, link_id: UUID, execution_id: str, order_id: UUID, *, today: date
) -> Recorded:
    """Say of which order a fill in suspense is; it is booked as if it had named it.

    Args:
        db: the transaction to do it in; the actor at work is who says so.
        link_id: the way to the broker.
        execution_id: the fill.
        order_id: the order, of the same link, side and currency; what the broker calls the asset is taken for its.
        today: the caller's date, for the ledger.

    Raises:
        FillNotFoundError, FillOwnedError, WrongOwnerError: it cannot be.
    """
    order = await stored.lock_order(db, order_id)
    fill = await _unowned(db, link_id, execution_id)
    if order is None:
        raise WrongOwnerError(execution_id, f"cannot be of order {order_id}: there is none")
    if (fill.side, fill.currency) != (order.side, order.currency) or order.link_id != link_id:
        asked = f"{order.side} in {order.currency} by link {order.link_id}"
        raise WrongOwnerError(
            execution_id, f"is {fill.side} in {fill.currency} by link {link_id}, and the order {asked}"
        )
    owned = replace(fill, order_id=order_id, account_id=order.account_id, asset_id=order.asset_id)
    return await _assign(db, owned, order, today)


async def assign_to_account(
    db: WriteSession, link_id: UUID, execution_id: str, account_id: str, asset_id: str, *, today: date
) -> Recorded:
    """Say of which account a fill in suspense is that nobody ordered here.

    Args:
        db: the transaction to do it in; the actor at work is who says so.
        link_id: the way to the broker.
        execution_id: the fill.
        account_id: the account.
        asset_id: the asset that it is of.
        today: the caller's date, for the ledger.

    Raises:
        FillNotFoundError, FillOwnedError, WrongOwnerError: it cannot be.
    """
    fill = await _unowned(db, link_id, execution_id)
    if any(await get_unknown_names(db, [account_id], [asset_id])):
        raise WrongOwnerError(
            execution_id, f"cannot be {asset_id} of account {account_id}: one of them is not there"
        )
    return await _assign(db, replace(fill, account_id=account_id, asset_id=asset_id), None, today)


async def _unowned(db: WriteSession, link_id: UUID, execution_id: str) -> Fill:
    fill = await stored.get_fill(db, link_id, execution_id)
    if fill is None:
        raise FillNotFoundError(execution_id)
    if fill.order_id is not None or fill.account_id is not None or not fill.stands:
        raise FillOwnedError(fill)
    return fill


async def _assign(db: WriteSession, owned: Fill, order: FilledOrder | None, today: date) -> Recorded:
    await stored.assign_fill(db, owned)
    recorded = await follow_fill(db, replace(owned, suspended_because=""), order, today=today)
    await record_fill_event(db, "fill.assign", owned)
    return recorded
