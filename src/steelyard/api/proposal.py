"""Proposals: trades of an account, reviewed and stored, then approved, executed or withdrawn."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from steelyard.api.allocation import AccountId, AllocationBody
from steelyard.api.answer import Answer
from steelyard.api.body import Body, Secret
from steelyard.api.once import Once
from steelyard.api.sign_in import CredentialBody
from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.input import Cursor, Id, PageSize, read_cursor
from steelyard.server.listing import Page, page_of
from steelyard.server.market import market_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import CurrentActor, permits
from steelyard.services import proposal as service
from steelyard.services.allocation_inputs import Asked, Quoted, quote_for
from steelyard.services.approval import Approved, approve
from steelyard.services.approval_proof import (
    ApprovalQuestion,
    CheckedAgain,
    CodeProof,
    PasskeyProof,
    ask_about_proposal,
    check_again,
)
from steelyard.services.passkeys import telling_of_copies
from steelyard.storage.connection import WriteSession
from steelyard.storage.proposal import ListedProposal, OrderProgress, ProposalState

accounts = APIRouter(prefix="/accounts/{account_id}/proposals", tags=["proposals"])
router = APIRouter(prefix="/proposals", tags=["proposals"])

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
PROPOSE: Final = permits(Verb.PROPOSE, ObjectType.ORDER, moves_money=True)
APPROVE: Final = permits(Verb.APPROVE, ObjectType.ORDER, moves_money=True)

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256 of a proposal's document, in hexadecimal digits: what was seen."""


class CursorError(InvalidInputError):
    """A cursor is of another list."""

    def __init__(self) -> None:
        """Say where to take it from."""
        super().__init__("`after` is no cursor of this list: take it from `next` of the answer before.")


class SeenBody(Body):
    """What was seen."""

    content_hash: Hash

    @property
    def hash(self) -> bytes:
        """The same as bytes."""
        return bytes.fromhex(self.content_hash)


class SignedBody(CredentialBody, SeenBody):
    """What was seen, signed by a passkey; the nonce is that of its question."""

    nonce: Hash


class CodeBody(SeenBody):
    """What was seen, and a code of an authenticator app."""

    code: Secret


class Moving:
    """A request that moves a proposal: done once, with what its market says at that moment."""

    def __init__(self, request: Request) -> None:
        """Read the request."""
        self.once = Once(request)
        self.browser = Browser(request)
        self.market = market_of(request)
        self.prices: Quoted | None = None

    async def quote(self, asked: Asked) -> None:
        """Ask for the prices of what is asked."""
        self.prices = await quote_for(asked, self.market, now=self.browser.now)

    async def quote_again(self, proposal_id: UUID) -> None:
        """Ask for the prices of a proposal again; raises UnknownProposalError."""
        self.prices = await service.quote_again(proposal_id, self.market, now=self.browser.now)


async def _moving(request: Request) -> Moving:
    return Moving(request)


AskedMove = Annotated[Moving, Depends(_moving)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal.

    Attributes:
        document: all that was seen; docs/reference/proposals.md says what is in it.
        orders: how far its orders are.
    """

    proposal: ListedProposal
    document: dict[str, Any]
    orders: tuple[OrderProgress, ...]


@accounts.post(
    "",
    status_code=201,
    response_model=ListedProposal,
    dependencies=[permits(Verb.PROPOSE, ObjectType.ORDER, account="account_id", moves_money=True)],
)
async def review(
    moving: AskedMove, actor: CurrentActor, account_id: AccountId, body: AllocationBody
) -> Response:
    """Work out the trades of an account and store them for good: what can be approved and executed then."""
    asked = body.asked(account_id, moving.market)

    async def effect(db: WriteSession) -> ListedProposal:
        made = await service.review(db, actor, asked, now=moving.browser.now, prices=moving.prices)
        return service.listed(made)

    return await moving.once(effect, status=201, first=partial(moving.quote, asked))


@router.get("", response_model=Page[ListedProposal], dependencies=[SEE])
async def list_proposals(
    account: Id | None = None,
    state: ProposalState | None = None,
    after: Annotated[Cursor | None, Query()] = None,
    limit: PageSize = 50,
) -> Answer:
    """Proposals, the newest first."""
    found = await service.get_proposals(
        account_id=account, state=state, before=_place(after), limit=limit + 1
    )
    return Answer(page_of(found, limit, lambda row: [row.made_at.isoformat(), str(row.proposal_id)]))


@router.get("/{proposal_id}", response_model=Shown, dependencies=[SEE])
async def read_proposal(proposal_id: UUID) -> Answer:
    """A proposal with all it was worked out from, and how far its orders are."""
    found = await service.get_proposal(proposal_id)
    return Answer(Shown(service.listed(found.proposal), found.content, tuple(found.orders)))


@router.get("/{proposal_id}/document", response_class=Response, dependencies=[SEE])
async def read_document(proposal_id: UUID) -> Response:
    """The document of a proposal, byte by byte: SHA-256 of the answer is what is approved."""
    found = await service.get_proposal(proposal_id)
    return Response(found.proposal.document.encode(), media_type=Answer.media_type)


@router.get("/{proposal_id}/check", response_model=CheckedAgain, dependencies=[SEE])
async def check_proposal(proposal_id: UUID) -> Answer:
    """Work a proposal out again from its document, and check again what was signed."""
    return Answer(await check_again(proposal_id))


@router.post(
    "/{proposal_id}/approve/passkey/question",
    response_model=ApprovalQuestion,
    dependencies=[permits(Verb.APPROVE, ObjectType.ORDER)],
)
async def ask_passkey(
    browser: AskingBrowser, actor: CurrentActor, proposal_id: UUID, body: SeenBody
) -> Answer:
    """Get options for `navigator.credentials.get` whose challenge holds the hash of what was seen."""
    return Answer(await ask_about_proposal(browser.entrance, actor, proposal_id, body.hash, now=browser.now))


@router.post("/{proposal_id}/approve/passkey", response_model=Approved, dependencies=[APPROVE])
async def approve_with_passkey(
    moving: AskedMove, actor: RecentActor, proposal_id: UUID, body: SignedBody
) -> Response:
    """Approve what was seen by a passkey that signed its hash."""
    proof = PasskeyProof(moving.browser.entrance, actor, body.text, bytes.fromhex(body.nonce))
    return await _approve(moving, proof, proposal_id, body.hash)


@router.post("/{proposal_id}/approve/totp", response_model=Approved, dependencies=[APPROVE])
async def approve_with_totp(
    moving: AskedMove, actor: RecentActor, proposal_id: UUID, body: CodeBody
) -> Response:
    """Approve what was seen by a code of an authenticator app, up to the tenant's limit."""
    proof = CodeProof(moving.browser.entrance, actor, body.code)
    return await _approve(moving, proof, proposal_id, body.hash)


@router.post(
    "/{proposal_id}/execute",
    response_model=ListedProposal,
    dependencies=[permits(Verb.EXECUTE, ObjectType.ORDER, moves_money=True)],
)
async def execute(moving: AskedMove, actor: RecentActor, proposal_id: UUID, body: SeenBody) -> Response:
    """Give the orders of an approved proposal to the workers, once everything was looked at again."""

    async def effect(db: WriteSession) -> ListedProposal:
        now, prices = moving.browser.now, moving.prices
        done = await service.execute(db, actor, proposal_id, content_hash=body.hash, now=now, prices=prices)
        return service.listed(done)

    return await moving.once(effect, first=partial(moving.quote_again, proposal_id))


@router.post("/{proposal_id}/withdraw", status_code=204, response_class=Response, dependencies=[PROPOSE])
async def withdraw(moving: AskedMove, actor: CurrentActor, proposal_id: UUID) -> Response:
    """Give a proposal up that is not executed, and its orders with it."""

    async def effect(db: WriteSession) -> None:
        await service.withdraw(db, actor, proposal_id, now=moving.browser.now)

    return await moving.once(effect, status=204)


async def _approve(
    moving: Moving, proof: PasskeyProof | CodeProof, proposal_id: UUID, content_hash: bytes
) -> Response:
    async def effect(db: WriteSession) -> Approved:
        now, prices = moving.browser.now, moving.prices
        return await approve(
            db, proof.actor, proposal_id, proof, content_hash=content_hash, now=now, prices=prices
        )

    async def first() -> None:
        await moving.quote_again(proposal_id)  # a question is not taken for what is not there
        await proof.take(moving.browser.now)

    async with telling_of_copies():
        return await moving.once(effect, first=first)


def _place(after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    try:
        moment, key = read_cursor(after)
        return datetime.fromisoformat(f"{moment}"), UUID(f"{key}")
    except ValueError:
        raise CursorError from None
