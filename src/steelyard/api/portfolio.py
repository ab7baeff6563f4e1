"""Accounts: what they hold, what was booked in them, and how they did."""

from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from steelyard.analytics.time_weighted import FlowTiming
from steelyard.api.answer import Answer
from steelyard.domain.transaction import TransactionKind
from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import AssetId, Day
from steelyard.server.permits import permits
from steelyard.server.scope import ScopeAsked
from steelyard.services.account import get_accounts
from steelyard.services.journal import JournalPage, get_journal
from steelyard.services.performance import ScopePerformance, get_performance
from steelyard.services.position import Lots, Positions, get_lots, get_positions
from steelyard.services.track_record import Question
from steelyard.storage.portfolio import StoredAccount

MOST_ENTRIES: Final = 1000


class DayAheadError(InvalidInputError):
    """A period is to end on a day that has not come."""

    def __init__(self, day: date) -> None:
        """Name it."""
        super().__init__(f"{day} has not come: let the period end today or before, or leave `last` out.")


router = APIRouter(tags=["portfolio"], dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO)])


@router.get("/accounts", response_model=list[StoredAccount])
async def list_accounts() -> Answer:
    """Accounts you may see, by id."""
    return Answer(await get_accounts())


@router.get("/positions", response_model=Positions)
async def list_positions(scope: ScopeAsked, as_of: Day | None = None) -> Answer:
    """What is held on a day, what it is worth and what it cost."""
    return Answer(await get_positions(scope=scope, as_of=as_of))


@router.get("/lots", response_model=Lots)
async def list_lots(scope: ScopeAsked, as_of: Day | None = None, asset: AssetId | None = None) -> Answer:
    """Open lots, and those that were closed with their gains."""
    return Answer(await get_lots(scope=scope, as_of=as_of, asset_id=asset))


@router.get("/ledger", response_model=JournalPage)
async def read_ledger(
    scope: ScopeAsked,
    *,
    after: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
    asset: AssetId | None = None,
    kind: TransactionKind | None = None,
    with_reversed: bool = False,
) -> Answer:
    """What is booked, the newest first; `after` is where the page before ended."""
    page = await get_journal(
        scope=scope, after=after, limit=limit, asset_id=asset, kind=kind, with_reversed=with_reversed
    )
    return Answer(page)


async def _question(
    browser: AskingBrowser,
    scope: ScopeAsked,
    *,
    first: Day | None = None,
    last: Day | None = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
    benchmark: AssetId | None = None,
    flows: FlowTiming = FlowTiming.IN_AT_START_OUT_AT_END,
    after_fees: bool = True,
    after_taxes: bool = True,
) -> Question:
    if last is not None and last > browser.now.date() + timedelta(days=1):  # wherever it is tomorrow by now
        raise DayAheadError(last)
    return Question(
        scope=scope,
        first=first,
        last=last,
        currency=currency,
        benchmark=benchmark,
        timing=flows,
        after_fees=after_fees,
        after_taxes=after_taxes,
    )


@router.get("/performance", response_model=ScopePerformance)
async def read_performance(question: Annotated[Question, Depends(_question)]) -> Answer:
    """Returns, gains and risk over a period, and what made them."""
    return Answer(await get_performance(question=question))
