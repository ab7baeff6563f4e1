"""Runs: proposals over many accounts, made by workers, then approved and executed as one."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.api.proposal import CodeBody, CursorError, Moving, SeenBody, SignedBody
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.market.port import Market
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Cursor, Id, Name, PageSize, read_cursor
from steelyard.server.listing import Page, page_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import CurrentActor, permits
from steelyard.services import run as service
from steelyard.services.allocation_inputs import STORED
from steelyard.services.approval_proof import ApprovalQuestion, CodeProof, PasskeyProof, ask_to_approve
from steelyard.services.passkeys import telling_of_copies
from steelyard.services.run import RunAsked, listed
from steelyard.services.run_approval import (
    ApprovedRun,
    approve_run,
    execute_run,
    quote_run_again,
    take_run,
)
from steelyard.statements.policy import read_policy
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.run import (
    ListedRun,
    RunAccount,
    RunProgress,
    RunState,
    ScopeKind,
)

router = APIRouter(prefix="/runs", tags=["runs"])

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
PROPOSE: Final = permits(Verb.PROPOSE, ObjectType.ORDER, moves_money=True)
APPROVE: Final = permits(Verb.APPROVE, ObjectType.ORDER, moves_money=True)

Ids = Annotated[list[Id], Field(min_length=1, max_length=10_000)]


class RunBody(Body):
    """What a run is to be over: named accounts, households, models, or all accounts that may be proposed for."""

    name: Name
    accounts: Ids | None = None
    households: Ids | None = None
    models: Ids | None = None
    policy: Annotated[dict[str, Any], Field(default_factory=dict, max_length=20)]
    stale_reason: Name | None = None
    prices: Literal["market", "stored"] = "market"

    def asked(self, market: Market | None) -> RunAsked:
        """Read it; raises PolicyFileError, TwoScopesError. Where no source is configured, the market is the store."""
        return RunAsked(
            run_name=self.name,
            scope=service.one_scope(
                {
                    ScopeKind.ACCOUNTS: self.accounts or (),
                    ScopeKind.HOUSEHOLD: self.households or (),
                    ScopeKind.MODEL: self.models or (),
                }
            ),
            policy=read_policy(self.policy, "policy"),
            stale_reason=self.stale_reason or "",
            price_source=STORED if market is None else self.prices,
        )


class MovingRun(Moving):
    """A request that moves a run: done once, with what its market says at that moment."""

    async def quote_run(self, run_id: UUID) -> None:
        """Ask for the prices of a run again; raises UnknownRunError."""
        self.prices = await quote_run_again(run_id, self.market, now=self.browser.now)


async def _moving(request: Request) -> MovingRun:
    return MovingRun(request)


AskedMove = Annotated[MovingRun, Depends(_moving)]


class DropBody(Body):
    """Accounts to leave out."""

    accounts: Ids


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run.

    Attributes:
        progress: how far its accounts and orders are.
        accounts: the first of them, exceptions first; /accounts has the rest.
    """

    run: ListedRun
    progress: RunProgress
    accounts: tuple[RunAccount, ...]


@router.post("", status_code=201, response_model=ListedRun, dependencies=[PROPOSE])
async def begin(moving: AskedMove, actor: CurrentActor, body: RunBody) -> Response:
    """Begin a run over many accounts; workers make it, `/progress/runs/{run_id}` tells how far they are."""
    asked = body.asked(moving.market)

    async def effect(db: WriteSession) -> ListedRun:
        return listed(await service.begin_run(db, actor, asked, now=moving.browser.now))

    return await moving.once(effect, status=201)


@router.get("", response_model=Page[ListedRun], dependencies=[SEE])
async def list_runs(after: Annotated[Cursor | None, Query()] = None, limit: PageSize = 50) -> Answer:
    """Runs, the newest first."""
    found = [listed(run) for run in await service.get_runs(before=_moment(after), limit=limit + 1)]
    return Answer(page_of(found, limit, lambda row: [row.made_at.isoformat(), str(row.run_id)]))


@router.get("/{run_id}", response_model=ShownRun, dependencies=[SEE])
async def read_run(run_id: UUID) -> Answer:
    """A run, how far it is, and the first of its accounts: those that somebody is to look at."""
    found = await service.get_run(run_id)
    return Answer(ShownRun(listed(found.run), found.progress, tuple(found.accounts)))


@router.get("/{run_id}/accounts", response_model=Page[RunAccount], dependencies=[SEE])
async def list_accounts(
    run_id: UUID, after: Annotated[Cursor | None, Query()] = None, limit: PageSize = 50
) -> Answer:
    """Accounts of a run: exceptions first, each with its reason, the worst kind first."""
    shown = _number(after)
    found = await service.get_run(run_id, after=shown, limit=limit + 1)
    return Answer(page_of(found.accounts, limit, lambda _: [shown + limit]))


@router.post("/{run_id}/drop", response_model=ListedRun, dependencies=[PROPOSE])
async def drop(moving: AskedMove, actor: CurrentActor, run_id: UUID, body: DropBody) -> Response:
    """Leave accounts out of a run that is made: what is approved then is another hash."""

    async def effect(db: WriteSession) -> ListedRun:
        now = moving.browser.now
        return listed(await service.drop_accounts(db, actor, run_id, body.accounts, now=now))

    return await moving.once(effect)


@router.post(
    "/{run_id}/approve/passkey/question",
    response_model=ApprovalQuestion,
    dependencies=[permits(Verb.APPROVE, ObjectType.ORDER)],
)
async def ask_passkey(browser: AskingBrowser, actor: CurrentActor, run_id: UUID, body: SeenBody) -> Answer:
    """Get options for `navigator.credentials.get` whose challenge holds the hash of what was seen."""
    async with get_write_session() as db:
        await take_run(
            db, actor, Verb.APPROVE, run_id, RunState.MADE, content_hash=body.hash, now=browser.now
        )
    return Answer(await ask_to_approve(browser.entrance, actor, body.hash, now=browser.now))


@router.post("/{run_id}/approve/passkey", response_model=ApprovedRun, dependencies=[APPROVE])
async def approve_with_passkey(
    moving: AskedMove, actor: RecentActor, run_id: UUID, body: SignedBody
) -> Response:
    """Approve a run by a passkey that signed its hash."""
    proof = PasskeyProof(moving.browser.entrance, actor, body.text, bytes.fromhex(body.nonce))
    return await _approve(moving, proof, run_id, body.hash)


@router.post("/{run_id}/approve/totp", response_model=ApprovedRun, dependencies=[APPROVE])
async def approve_with_totp(moving: AskedMove, actor: RecentActor, run_id: UUID, body: CodeBody) -> Response:
    """Approve a run by a code of an authenticator app, up to the tenant's limit."""
    proof = CodeProof(moving.browser.entrance, actor, body.code)
    return await _approve(moving, proof, run_id, body.hash)


@router.post(
    "/{run_id}/execute",
    response_model=ListedRun,
    dependencies=[permits(Verb.EXECUTE, ObjectType.ORDER, moves_money=True)],
)
async def execute(moving: AskedMove, actor: RecentActor, run_id: UUID, body: SeenBody) -> Response:
    """Give the orders of an approved run to the workers, in blocks, once everything was looked at again."""

    async def effect(db: WriteSession) -> ListedRun:
        now, prices = moving.browser.now, moving.prices
        return listed(await execute_run(db, actor, run_id, content_hash=body.hash, now=now, prices=prices))

    return await moving.once(effect, first=partial(moving.quote_run, run_id))


@router.post("/{run_id}/withdraw", status_code=204, response_class=Response, dependencies=[PROPOSE])
async def withdraw(moving: AskedMove, actor: CurrentActor, run_id: UUID) -> Response:
    """Give a run up that is not executed, and its orders with it."""

    async def effect(db: WriteSession) -> None:
        await service.withdraw_run(db, actor, run_id, now=moving.browser.now)

    return await moving.once(effect, status=204)


async def _approve(
    moving: MovingRun, proof: PasskeyProof | CodeProof, run_id: UUID, content_hash: bytes
) -> Response:
    async def effect(db: WriteSession) -> ApprovedRun:
        now, prices = moving.browser.now, moving.prices
        return await approve_run(
            db, proof.actor, run_id, proof, content_hash=content_hash, now=now, prices=prices
        )

    async def first() -> None:
        await moving.quote_run(run_id)  # a question is not taken for what is not there
        await proof.take(moving.browser.now)

    async with telling_of_copies():
        return await moving.once(effect, first=first)


def _moment(after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    try:
        moment, key = read_cursor(after)
        return datetime.fromisoformat(f"{moment}"), UUID(f"{key}")
    except ValueError:
        raise CursorError from None


def _number(after: str | None) -> int:
    """Return how many accounts were shown."""
    if after is None:
        return 0
    try:
        (shown,) = read_cursor(after)
        number = int(shown)
    except ValueError:
        raise CursorError from None
    if not 0 <= number <= service.MOST_ACCOUNTS:
        raise CursorError
    return number
