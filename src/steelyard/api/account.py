"""Accounts: what they are, have, did, and should hold; and what their investors want."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.api.version import SENT, AskedVersion, ExpectedVersion
from steelyard.domain.profile import HORIZON_YEARS, RISK, Investor, InvestorProfile
from steelyard.identity.permissions import ObjectType, Verb, authorize
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Cursor, CursorError, Day, Id, Name, keys_of
from steelyard.server.listing import Page, page_of
from steelyard.server.permits import CurrentActor, permits
from steelyard.services import account as service
from steelyard.services.journal import FROM_THE_NEWEST
from steelyard.services.model import Offer, assign_model, get_offers
from steelyard.services.profile import get_profile, write_profile
from steelyard.storage.booked import JournalEntry
from steelyard.storage.connection import get_write_session

MOST_ROWS: Final = 200
LONGEST_REASON: Final = 2_000
MOST_NAMES: Final = 500

READ: Final = permits(Verb.READ, ObjectType.PORTFOLIO)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.PROFILE)

router = APIRouter(tags=["accounts"])


async def _account_read(actor: CurrentActor, account: Id) -> str:
    authorize(actor, Verb.READ, ObjectType.PORTFOLIO, account)
    return account


async def _account_changed(actor: CurrentActor, account: Id) -> str:
    authorize(actor, Verb.CHANGE, ObjectType.PROFILE, account)
    return account


AccountRead = Annotated[str, Depends(_account_read)]
"""?account=ID, that whoever asks may read."""

AccountChanged = Annotated[str, Depends(_account_changed)]
"""?account=ID, of which whoever asks may say what its investor wants, and what it follows."""

Names = Annotated[list[Name], Field(max_length=MOST_NAMES)]


class ProfileBody(Body):
    """What the investor of an account wants and bears."""

    risk_tolerance: Annotated[int, Field(ge=RISK[0], le=RISK[-1])]
    horizon_years: Annotated[int, Field(ge=HORIZON_YEARS[0], le=HORIZON_YEARS[-1])]
    goals: Names = Field(default_factory=list)
    preferences: dict[str, Names] = Field(default_factory=dict)
    exclusions: dict[str, Names] = Field(default_factory=dict)

    @property
    def investor(self) -> Investor:
        """As the service takes it."""
        return Investor(
            self.risk_tolerance, self.horizon_years, tuple(self.goals), self.preferences, self.exclusions
        )


class ModelChoice(Body):
    """The model that an account is to follow; and why, where it is not offered to its investor."""

    model: Id
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


@router.get("/account", response_model=service.AccountInformation, dependencies=[READ])
async def read_account(account: AccountRead) -> Answer:
    """What an account belongs to and follows, what keeps it, where its orders go, and what holds them back."""
    return Answer(await service.get_account_information(account))


@router.get("/balances", response_model=service.Balances, dependencies=[READ])
async def read_balances(account: AccountRead, as_of: Day | None = None) -> Answer:
    """Cash of an account and the value of what it holds, by currency."""
    return Answer(await service.get_balances(account, as_of=as_of))


@router.get("/transactions", response_model=Page[JournalEntry], dependencies=[READ])
async def list_transactions(
    account: AccountRead,
    after: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
) -> Answer:
    """What was booked in an account, the newest first; `after` is `next` of the page before."""
    before = FROM_THE_NEWEST if after is None else _place(after)
    rows = await service.get_transactions(account, before=before, limit=limit + 1)
    return Answer(page_of(rows, limit, lambda row: [row.trade_date.isoformat(), row.entry_id]))


@router.get("/portfolio", response_model=dict[str, Decimal], dependencies=[READ])
async def read_portfolio(actor: CurrentActor, account: AccountRead, as_of: Day | None = None) -> Answer:
    """Asset → quantity of an account, cash under its currency."""
    selected = await service.select_account(account, as_of=as_of, actor=actor)
    return Answer(await selected.get_portfolio())


@router.get("/targets", response_model=dict[str, Decimal], dependencies=[READ])
async def read_targets(account: AccountRead) -> Answer:
    """Asset → target weight of the model that an account follows, cash under its currency."""
    return Answer(await service.get_target_allocation(account))


@router.get("/profile", response_model=InvestorProfile, responses=SENT, dependencies=[READ])
async def read_profile(versioned: AskedVersion, account: AccountRead) -> Response:
    """What the investor of an account wants and bears."""
    found = await get_profile(account)
    return versioned.answer(found, found.version)


@router.put("/profile", response_model=InvestorProfile, responses=SENT, dependencies=[CHANGE])
async def set_profile(
    browser: AskingBrowser,
    versioned: AskedVersion,
    account: AccountChanged,
    expected: ExpectedVersion,
    body: ProfileBody,
) -> Response:
    """Write what the investor of an account wants and bears, in place of the version that If-Match names."""
    async with get_write_session() as db:
        written = await write_profile(db, account, body.investor, expected=expected, now=browser.now)
    return versioned.answer(written, written.version)


@router.get("/offers", response_model=list[Offer], dependencies=[READ])
async def list_offers(account: AccountRead) -> Answer:
    """Every model, with the reasons for which it is not offered to the investor of an account."""
    return Answer(await get_offers(account))


@router.put("/account/model", response_model=Offer, dependencies=[CHANGE])
async def follow_model(account: AccountChanged, body: ModelChoice) -> Answer:
    """Let an account follow a model that is offered to its investor; or any, for a reason that is recorded."""
    async with get_write_session() as db:
        return Answer(await assign_model(db, account, body.model, reason=body.reason))


def _place(cursor: str) -> tuple[date, int]:
    day, entry = keys_of(cursor, str, int)
    try:
        return date.fromisoformat(day), entry
    except ValueError:
        raise CursorError from None
