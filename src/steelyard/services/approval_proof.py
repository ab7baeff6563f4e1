"""How a person in a browser proves that they approve: a passkey whose question holds the hash, or a code of an app."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from steelyard.errors import ConflictError, NotPermittedError, SteelyardError
from steelyard.identity.passkeys import (
    CHALLENGE_LENGTH,
    Options,
    Passkey,
    PasskeyError,
    Site,
    approval_challenge,
    authentication_options,
    check_passkey,
)
from steelyard.identity.permissions import Actor, Verb
from steelyard.identity.session import Factor
from steelyard.network.strict_json import read_object
from steelyard.services.approval import CodeTooWeakError, Proof, Subject
from steelyard.services.engine import run_beside
from steelyard.services.entrance import Entrance, count_code_try, forget_code_tries
from steelyard.services.factors import own_factors
from steelyard.services.passkeys import (
    NoQuestionError,
    ask_session,
    known_passkey,
    prove,
    take_from_session,
)
from steelyard.services.proposal import get_proposal, replay_proposal, require_hash, take
from steelyard.services.sign_in import check_totp
from steelyard.storage.approval import Approval, ApprovalTerms, get_approvals
from steelyard.storage.challenges import Purpose
from steelyard.storage.connection import ReadSession, WriteSession, get_write_session, reading
from steelyard.storage.passkeys import list_passkeys
from steelyard.storage.proposal import ProposalState, StoredProposal

SIGNED: Final = ("clientDataJSON", "authenticatorData", "signature")
"""What of a passkey's answer is kept: it is all that the signature is of."""


class OtherProposalError(NotPermittedError):
    """An answer was given to another question than this proposal's, or twice, or too late."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "This passkey did not answer for this proposal, or did so before, or longer than ten minutes ago. Look at "
            "the proposal again and approve it from there."
        )


class NoEvidenceError(ConflictError):
    """An approval left nothing to check."""

    def __init__(self, factor: str) -> None:
        """Name the factor."""
        super().__init__(f"An approval by {factor} leaves nothing to check again: it binds to nothing.")


@dataclass(frozen=True, slots=True)
class ApprovalQuestion:
    """What a browser is asked.

    Attributes:
        options: for `navigator.credentials`, as JSON.
        nonce: to be sent back with the answer, in hexadecimal digits.
    """

    options: Options
    nonce: str


async def ask_to_approve(
    entrance: Entrance, actor: Actor, content_hash: bytes, *, now: datetime
) -> ApprovalQuestion:
    """Ask whoever is signed in to sign a hash with one of their passkeys; raises NotSignedInError."""
    nonce = entrance.random(CHALLENGE_LENGTH)
    challenge = approval_challenge(content_hash, nonce)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        await ask_session(db, actor, challenge, Purpose.APPROVE, now)
        own = [known_passkey(entrance, user, kept) for kept in await list_passkeys(db, user.user_id)]
    return ApprovalQuestion(
        authentication_options(entrance.site, challenge=challenge, passkeys=own), nonce.hex()
    )


async def ask_about_proposal(
    entrance: Entrance, actor: Actor, proposal_id: UUID, content_hash: bytes, *, now: datetime
) -> ApprovalQuestion:
    """Ask for the signature that approves a proposal.

    Raises:
        UnknownProposalError, ForbiddenError, AccountHiddenError: it is not there, or they may not approve it.
        StateError, ExpiredError, ChangedError: it does not wait for it, ran out, or is another than they saw.
    """
    async with get_write_session() as db:
        proposal = await take(db, actor, Verb.APPROVE, proposal_id, ProposalState.REVIEWED, now=now)
        require_hash(proposal, content_hash)
    return await ask_to_approve(entrance, actor, content_hash, now=now)


@dataclass(frozen=True, slots=True)
class PasskeyProof:
    """A passkey that signed the hash of what is approved.

    Attributes:
        entrance: what signing in needs.
        actor: whose passkey it is.
        answer: the browser's, as JSON.
        nonce: of the question.
    """

    entrance: Entrance
    actor: Actor
    answer: str
    nonce: bytes

    async def take(self, now: datetime) -> None:
        """Take the question away that this answers, whatever the answer is worth: it is asked once.

        Raises:
            TooManyTriesError: too many second factors of this user were wrong of late.
            OtherProposalError: this session was not asked it, or answered it.
            PasskeyError: the answer cannot be read.
        """
        try:
            await take_from_session(self.entrance, self.actor, self.answer, Purpose.APPROVE, now)
        except NoQuestionError:
            raise OtherProposalError from None

    async def prove(self, db: WriteSession, subject: Subject, terms: ApprovalTerms, now: datetime) -> Proof:
        """Let the signature count, once its question was taken.

        Raises:
            OtherProposalError: it is not of this subject and nonce.
            UnknownPasskeyError, PasskeyError: it is not believed.
        """
        del terms
        if len(self.nonce) != CHALLENGE_LENGTH:
            raise OtherProposalError
        challenge = approval_challenge(subject.content_hash, self.nonce)
        user = await own_factors(db, self.actor)
        passkey = await prove(db, self.entrance, user, self.answer, challenge, now=now)
        await forget_code_tries(db, self.entrance, user.user_id, now=now)
        return Proof(Factor.PASSKEY.value, _evidence(self.entrance.site, passkey, self.answer, self.nonce))


@dataclass(frozen=True, slots=True)
class CodeProof:
    """A code of an authenticator app, for orders up to the tenant's limit."""

    entrance: Entrance
    actor: Actor
    typed: str = field(repr=False)

    async def take(self, now: datetime) -> None:
        """Count the try before it is looked at; raises TooManyTriesError."""
        async with get_write_session() as db:
            user = await own_factors(db, self.actor)
            await count_code_try(db, self.entrance, user.user_id, now=now)

    async def prove(self, db: WriteSession, subject: Subject, terms: ApprovalTerms, now: datetime) -> Proof:
        """Let the code count, once its try was counted.

        Raises:
            CodeTooWeakError: the orders are worth more than a code approves.
            WrongCodeError: it is not the code, or was used.
        """
        if terms.code_limit is None or subject.order_value > terms.code_limit:
            raise CodeTooWeakError(subject.order_value, terms.code_limit, terms.currency)
        user = await own_factors(db, self.actor)
        await check_totp(db, self.entrance, user, self.typed, now)
        await forget_code_tries(db, self.entrance, user.user_id, now=now)
        return Proof(Factor.TOTP.value)


def check_approval(approval: Approval) -> None:
    """Check again that a passkey signed what was approved, from what the approval left alone.

    Raises:
        NoEvidenceError: it was no passkey.
        PasskeyError: the signature is not of this hash, or not of this passkey.
    """
    kept = approval.evidence
    if approval.factor != Factor.PASSKEY.value:
        raise NoEvidenceError(approval.factor)
    answer = {
        "id": kept["credential_id"],
        "rawId": kept["credential_id"],
        "type": "public-key",
        "response": {name: kept[name] for name in SIGNED},
    }
    passkey = Passkey(
        credential_id=_decode(kept["credential_id"]),
        public_key=_decode(kept["public_key"]),
        sign_count=0,  # what it counted since says nothing about then
        user_handle=b"",
        is_backed_up=False,
    )
    challenge = approval_challenge(approval.content_hash, _decode(kept["nonce"]))
    site = Site(kept["site"], "", (kept["origin"],))
    check_passkey(site, json.dumps(answer), challenge=challenge, passkey=passkey)


@dataclass(frozen=True, slots=True)
class CheckedAgain:
    """What a stored proposal was found to be.

    Attributes:
        is_same: whether it is worked out from its document to the same text, byte by byte.
        has_hash: whether its hash is that of its document.
        approvals: approver → whether their passkey signed this hash; None = a factor that binds to nothing.
    """

    is_same: bool
    has_hash: bool
    approvals: dict[str, bool | None]


async def check_again(proposal_id: UUID, db: ReadSession | None = None) -> CheckedAgain:
    """Work a proposal out again from its document alone, and check again what was signed.

    Raises:
        UnknownProposalError: there is no such proposal.
    """
    async with reading(db) as session:
        proposal = (await get_proposal(proposal_id, session)).proposal
        approvals = await get_approvals(session, proposal_id=proposal_id)
    return CheckedAgain(
        is_same=await run_beside(_is_same, proposal),
        has_hash=sha256(proposal.document.encode()).digest() == proposal.content_hash,
        approvals={one.approver: _holds(one, proposal.content_hash) for one in approvals},
    )


def _is_same(proposal: StoredProposal) -> bool:
    try:
        return replay_proposal(proposal).text == proposal.document
    except (SteelyardError, ValueError, LookupError):  # a document that somebody changed may be anything
        return False


def _holds(approval: Approval, content_hash: bytes) -> bool | None:
    if approval.factor != Factor.PASSKEY.value:
        return None
    try:
        check_approval(approval)
    except PasskeyError:
        return False
    return approval.content_hash == content_hash


def _evidence(site: Site, passkey: Passkey, answer: str, nonce: bytes) -> dict[str, str]:
    """Return what `check_approval` reads, of an answer that was believed."""
    response = read_object(answer.encode())["response"]
    origin = read_object(_decode(response["clientDataJSON"]))["origin"]
    return {name: response[name] for name in SIGNED} | {
        "credential_id": _encode(passkey.credential_id),
        "public_key": _encode(passkey.public_key),
        "nonce": _encode(nonce),
        "site": site.rp_id,
        "origin": origin,
    }


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
