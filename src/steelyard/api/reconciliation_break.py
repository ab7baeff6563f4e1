"""Reconciling with brokers over HTTP: breaks, what somebody says they are, and a sync at once."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.api.once import AskedOnce
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Cursor, Id, PageSize
from steelyard.server.listing import Page, page_of, place_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services.broker_link import Brokers
from steelyard.services.broker_reconciliation import MAX_EXPLANATION, Break, explain_break, get_breaks
from steelyard.services.sync import Synced, sync_link
from steelyard.storage.connection import get_db_session

router = APIRouter(tags=["orders"])

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
HOLD: Final = permits(Verb.HOLD, ObjectType.ORDER, moves_money=True)


class ExplanationBody(Body):
    """What the difference is."""

    explanation: Annotated[str, Field(min_length=1, max_length=MAX_EXPLANATION)]


@dataclass(frozen=True, slots=True)
class SyncShown:
    """What came of a sync.

    Attributes:
        fills, activities: how many the broker told since the last time.
        unbooked: what of the activities a person has to look at.
        found, standing, resolved: breaks that are new, that stand, that are gone.
        undecided: accounts whose orders at the broker may explain a difference.
    """

    fills: int
    activities: int
    unbooked: list[str]
    found: list[UUID]
    standing: list[UUID]
    resolved: list[UUID]
    undecided: list[str]


@router.get("/breaks", response_model=Page[Break], dependencies=[SEE])
async def list_breaks(
    *,
    account: Id | None = None,
    with_resolved: bool = False,
    after: Cursor | None = None,
    limit: PageSize = 100,
) -> Answer:
    """Where a broker and the ledger say different things, the newest first; `after` is `next` of the page before."""
    before = place_of(after)
    async with get_db_session() as db:
        rows = await get_breaks(
            db, account_id=account, with_resolved=with_resolved, before=before, limit=limit + 1
        )
    return Answer(page_of(rows, limit, lambda row: [row.found_at.isoformat(), str(row.break_id)]))


@router.post("/breaks/{break_id}/explain", status_code=204, response_class=Response, dependencies=[HOLD])
async def explain(
    once: AskedOnce, browser: AskingBrowser, actor: RecentActor, break_id: UUID, body: ExplanationBody
) -> Response:
    """Say what a break is: its account is let go, as long as the difference stays what it is."""
    del actor  # whose session is fresh enough
    work = partial(explain_break, break_id=break_id, explanation=body.explanation, now=browser.now)
    return await once(work, status=204)


@router.post(
    "/brokers/{link_id}/sync",
    response_model=SyncShown,
    dependencies=[permits(Verb.CHANGE, ObjectType.BROKER_LINK)],
)
async def sync(request: Request, browser: AskingBrowser, link_id: UUID) -> Answer:
    """Read fills and activities of a link now, and compare what its accounts hold; again, nothing is booked twice."""
    vault, tools = browser.entrance.vault, request.app.state.broker_tools
    brokers = Brokers(vault, tools)
    try:
        return Answer(_shown(await sync_link(await brokers(link_id), vault, link_id, clock=tools.clock)))
    finally:
        await brokers.close()


def _shown(done: Synced) -> SyncShown:
    seen = done.reconciled
    return SyncShown(
        done.fills,
        done.activities,
        [f"{one.activity.activity_id} {one.why}" for one in done.unbooked],
        [one.break_id for one in seen.found],
        [one.break_id for one in seen.standing],
        [one.break_id for one in seen.resolved],
        sorted(seen.undecided),
    )
