"""What trades of an account would be, for somebody who is still changing what they ask; nothing is stored.

What stands in the way of a review is said beside the figures there are, in place of no answer: half a form has a look,
too.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from steelyard.compliance.rule import Finding
from steelyard.domain.scope import Scope
from steelyard.errors import ConflictError, InvalidInputError, SteelyardError
from steelyard.rebalancing.allocation import Allocation
from steelyard.rebalancing.policy import allocate
from steelyard.services.allocation_inputs import (
    Asked,
    Inputs,
    InputsMissingError,
    PricesAsked,
    Quoted,
    gather_inputs,
)
from steelyard.services.compliance import judge_trades
from steelyard.services.engine import run_beside
from steelyard.services.portfolio import UnknownTargetError, read_day
from steelyard.services.scope import nearest, require_scope
from steelyard.storage import portfolio as store
from steelyard.storage.connection import ReadSession, reading
from steelyard.storage.portfolio import AccountDrift
from steelyard.storage.proposal import TradingTerms
from steelyard.storage.valuation import get_asset_ids

A_YEAR: Final = timedelta(days=365)
SHOWN_ONLY: Final = "shown only"
"""The reason that an outlook gives for old prices: it is no proposal."""


SECONDS: Final = 10.0
"""How long somebody who waits at a page is let wait."""


class TooHardError(ConflictError):
    """Trades take too long to work out while somebody waits."""

    def __init__(self) -> None:
        """Say what to change."""
        super().__init__(
            f"Working these trades out takes more than {SECONDS:.0f} seconds. Let everything be traded to its target, "
            "or choose other units or another band."
        )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What trades would be.

    Attributes:
        asked: what for.
        inputs: what they were worked out from.
        terms: of the account.
        allocation: the trades; None = targets or options are none.
        findings: what the rules in force say of them.
        refusal: what is wrong with targets or options, or what is missing today, where the figures are of the last
            price date; None = nothing is.
        names: asset → what it is called.
    """

    asked: Asked
    inputs: Inputs
    terms: TradingTerms
    allocation: Allocation | None
    findings: Sequence[Finding]
    refusal: SteelyardError | None
    names: Mapping[str, str]


async def look_ahead(
    asked: Asked, db: ReadSession | None = None, *, now: datetime, prices: Quoted | None = None
) -> Outlook:
    """Work trades out as a review would, on the day of a review, and say what is in the way of one.

    Args:
        asked: what for; prices that are too old are taken without a reason, which a review does not.
        db: a read session; None opens the default store.
        now: the time, with its zone.
        prices: those that a market gave; None = the stored ones.

    Raises:
        SteelyardError: as `gather_inputs`; what is wrong with targets and options is in `refusal`.
    """
    wanted = replace(asked, stale_reason=asked.stale_reason or SHOWN_ONLY)
    missing: SteelyardError | None = None
    async with reading(db) as session:
        try:
            now_asked = prices if prices is not None else PricesAsked(now=now)
            inputs, terms = await gather_inputs(session, wanted, as_of=now.date(), prices=now_asked)
        except InputsMissingError as error:
            missing = error
            inputs, terms = await _gather_last(session, wanted, error)
        names = await store.get_asset_names(session, inputs.portfolio.asset_ids)
    allocation, refusal = await _worked_out(asked, inputs)
    findings: Sequence[Finding] = ()
    if allocation is not None:
        findings = judge_trades(inputs.ruling, inputs.portfolio, allocation.trades, lots_sold=allocation.lots)
    return Outlook(asked, inputs, terms, allocation, findings, missing or refusal, names)


async def _gather_last(
    session: ReadSession, asked: Asked, missing: InputsMissingError
) -> tuple[Inputs, TradingTerms]:
    """Gather what the last price date knows, where today lacks something; raises what is missing where that does."""
    day = await read_day(session, None)
    last = PricesAsked(now=datetime.combine(day, time.max, UTC), day=day)
    try:
        return await gather_inputs(session, asked, as_of=day, prices=last)
    except SteelyardError:
        raise missing from None


async def _worked_out(asked: Asked, inputs: Inputs) -> tuple[Allocation | None, SteelyardError | None]:
    try:
        return await asyncio.wait_for(run_beside(_allocated, asked, inputs), SECONDS)
    except TimeoutError:
        return None, TooHardError()


def _allocated(asked: Asked, inputs: Inputs) -> tuple[Allocation | None, SteelyardError | None]:
    try:
        policy = inputs.locked(asked.policy)
        return allocate(inputs.portfolio, policy, investment_amount=asked.investment_amount), None
    except (InvalidInputError, ConflictError) as error:
        return None, error


async def get_drifting_accounts(
    db: ReadSession | None = None, *, household_id: str | None = None, as_of: date | None = None, most: int
) -> list[AccountDrift]:
    """Return the accounts that are seen, those that are farthest from their model first.

    Args:
        db: a read session; None opens the default store.
        household_id: of this household; None = of any.
        as_of: the day; None = the last price date.
        most: how many at most.

    Raises:
        UnknownScopeError: there is no such household.
        NoMarketPricesError: the store holds no price, and no day was given.
    """
    async with reading(db) as session:
        if household_id is not None:
            await require_scope(session, Scope.household(household_id))
        day = await read_day(session, as_of)
        return await store.get_account_drifts(session, day, household_id=household_id, most=most)


async def get_histories(
    asset_ids: Sequence[str], until: date, db: ReadSession | None = None
) -> dict[str, list[tuple[date, Decimal]]]:
    """Return what assets closed at in each week of a year, the oldest first; those without a price are left out."""
    async with reading(db) as session:
        return await store.get_closes(session, asset_ids, until - A_YEAR, until)


async def require_asset(asset_id: str, db: ReadSession | None = None) -> None:
    """End unless there is an asset of this id; raises UnknownTargetError, which names those most like it."""
    async with reading(db) as session:
        known = await get_asset_ids(session)
    if asset_id not in known:
        raise UnknownTargetError(asset_id, nearest(asset_id, known))
