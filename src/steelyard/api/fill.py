"""Fills: what brokers executed, and those of which nobody can say whose they are."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.api.once import AskedOnce
from steelyard.domain.fill import Fill
from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Cursor, CursorError, Id, PageSize, keys_of
from steelyard.server.listing import Page, page_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import suspense
from steelyard.services.fill import MAX_TEXT, Recorded
from steelyard.storage.connection import WriteSession, get_db_session

router = APIRouter(prefix="/fills", tags=["orders"])

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
STEER: Final = permits(Verb.EXECUTE, ObjectType.ORDER, moves_money=True)


class OwnerMissingError(InvalidInputError):
    """Nobody is named whose a fill is, or two are."""

    def __init__(self) -> None:
        """Say what to name."""
        super().__init__(
            "Name the `order` that the fill is of, or an `account` and an `asset` that nobody ordered."
        )


class AssignBody(Body):
    """A fill in suspense, and whose it is: an order's, or an account's with the asset that it is of."""

    link_id: Annotated[UUID, Field(strict=False)]
    execution_id: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    order: Annotated[UUID | None, Field(strict=False)] = None
    account: Id | None = None
    asset: Id | None = None


@router.get("", response_model=Page[Fill], dependencies=[SEE])
async def list_fills(
    *,
    account: Id | None = None,
    order: UUID | None = None,
    after: Cursor | None = None,
    limit: PageSize = 100,
) -> Answer:
    """Fills you may see, the newest first; `after` is `next` of the page before."""
    before = None if after is None else _place(after)
    async with get_db_session() as db:
        rows = await suspense.get_fill_page(
            db, order_id=order, account_id=account, before=before, limit=limit + 1
        )
    return Answer(page_of(rows, limit, _keys))


@router.get("/suspense", response_model=list[Fill], dependencies=[SEE])
async def list_suspense() -> Answer:
    """Fills of which the ledger does not say what it should, and why, the oldest first."""
    async with get_db_session() as db:
        return Answer(await suspense.get_suspense(db))


@router.post("/assign", response_model=Recorded, dependencies=[STEER])
async def assign(once: AskedOnce, browser: AskingBrowser, actor: RecentActor, body: AssignBody) -> Response:
    """Say whose a fill in suspense is; it is booked as if it had said so itself."""
    del actor  # whose session is fresh enough
    return await once(_assignment(body, browser.now))


def _assignment(body: AssignBody, now: datetime) -> Any:
    """Return what assigns a fill in a transaction.

    Raises:
        OwnerMissingError: nobody is named, or two are.
    """
    if body.order is not None and body.account is None and body.asset is None:
        return partial(_to_order, body=body, order_id=body.order, now=now)
    if body.order is None and body.account is not None and body.asset is not None:
        return partial(_to_account, body=body, account_id=body.account, asset_id=body.asset, now=now)
    raise OwnerMissingError


async def _to_order(db: WriteSession, *, body: AssignBody, order_id: UUID, now: datetime) -> Recorded:
    return await suspense.assign_to_order(db, body.link_id, body.execution_id, order_id, today=now.date())


async def _to_account(
    db: WriteSession, *, body: AssignBody, account_id: str, asset_id: str, now: datetime
) -> Recorded:
    return await suspense.assign_to_account(
        db, body.link_id, body.execution_id, account_id, asset_id, today=now.date()
    )


def _keys(fill: Fill) -> list[str]:
    return [fill.executed_at.isoformat(), fill.execution_id, str(fill.link_id)]


def _place(cursor: str) -> tuple[datetime, str, UUID]:
    executed_at, execution_id, link_id = keys_of(cursor, str, str, str)
    try:
        return datetime.fromisoformat(executed_at), execution_id, UUID(link_id)
    except ValueError:
        raise CursorError from None
