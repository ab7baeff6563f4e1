"""Approvals: what was seen is signed, by who may, with a factor shown for it; above a limit by two persons.

A passkey's question is SHA-256(hash ‖ nonce): its signature is of this proposal and no other. A code of an app binds to
nothing, so it serves below a limit of the tenant alone. In the terminal the hash is typed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

from steelyard.domain.order import OrderState
from steelyard.errors import ConflictError, NotPermittedError
from steelyard.identity.permissions import Actor, Verb
from steelyard.identity.session import require_recent
from steelyard.services.allocation_inputs import Quoted
from steelyard.services.proposal import require_hash, require_unchanged, take
from steelyard.storage import approval as store
from steelyard.storage import proposal as proposals
from steelyard.storage.approval import Approval, ApprovalTerms
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession
from steelyard.storage.proposal import ListedProposal, ProposalState, StoredProposal

TYPED_LENGTH: Final = 8
"""Digits of the hash that are typed in the terminal."""


class ApprovedBeforeError(ConflictError):
    """This person approved it already."""

    def __init__(self) -> None:
        """Say who is missing."""
        super().__init__(
            "You approved this already, and its value is above what you may approve alone: somebody else has to."
        )


class CodeTooWeakError(NotPermittedError):
    """A code binds to nothing, and the value is above what one may approve."""

    def __init__(self, order_value: Decimal, limit: Decimal | None, currency: str) -> None:
        """Name value and limit."""
        to = "no orders at all" if limit is None else f"orders of at most {limit:,.2f} {currency}"
        super().__init__(
            f"A code of an app approves {to} here, and these are worth {order_value:,.2f} {currency}. Approve with a "
            "passkey."
        )


class TypedHashError(NotPermittedError):
    """What was typed is not the beginning of the hash."""

    def __init__(self) -> None:
        """Say what to type."""
        super().__init__(
            f"That is not how the hash of the proposal begins: type the first {TYPED_LENGTH} digits as they are shown."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is approved: a proposal, or a run.

    Attributes:
        content_hash: of it.
        order_value: of its orders, in the tenant's base currency.
        author: who proposed it, as in audit_events.actor.
    """

    proposal_id: UUID | None = None
    run_id: UUID | None = None
    content_hash: bytes
    order_value: Decimal
    author: str


@dataclass(frozen=True, slots=True)
class Proof:
    """By what an approver proved who they are.

    Attributes:
        factor: passkey, totp or terminal.
        evidence: what it takes to check that again.
    """

    factor: str
    evidence: Mapping[str, str] = field(default_factory=dict)


class Prover(Protocol):
    """A way to prove who approves."""

    async def prove(self, db: WriteSession, subject: Subject, terms: ApprovalTerms, now: datetime) -> Proof:
        """Prove it for a subject; raises NotPermittedError, as one of its kinds."""


@dataclass(frozen=True, slots=True)
class TypedHash:
    """The operator, who typed the beginning of the hash in the terminal."""

    actor: Actor
    typed: str

    async def prove(self, db: WriteSession, subject: Subject, terms: ApprovalTerms, now: datetime) -> Proof:
        """Compare; raises TypedHashError."""
        del db, terms, now
        if (
            not self.actor.is_operator
            or self.typed.strip().lower() != subject.content_hash.hex()[:TYPED_LENGTH]
        ):
            raise TypedHashError
        return Proof("terminal")


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval led to.

    Attributes:
        state: of the proposal; still reviewed where somebody else has to approve, too.
        approvals: who did, the first first.
    """

    state: ProposalState
    approvals: tuple[Approval, ...]


async def approve(
    db: WriteSession,
    actor: Actor,
    proposal_id: UUID,
    prover: Prover,
    *,
    content_hash: bytes,
    now: datetime,
    prices: Quoted | None = None,
) -> Approved:
    """Approve a proposal, once everything was looked at again; its orders follow when nobody else has to.

    Args:
        db: the transaction.
        actor: who approves.
        proposal_id: the proposal.
        prover: how they prove who they are.
        content_hash: of what they saw.
        now: the time, with its zone.
        prices: those that its market gives now; see `quote_again`.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        ForbiddenError, AccountHiddenError: they may not approve there.
        UnknownProposalError, StateError, ExpiredError: it is not there, not waiting for it, or ran out.
        ChangedError: it, or what it was worked out from, is no longer as it was; names what.
        ApprovedBeforeError: they did already, and somebody else has to.
        NotPermittedError: the proof is none, as one of its kinds.
    """
    if not actor.is_operator:
        require_recent(actor, now)
    proposal = await take(db, actor, Verb.APPROVE, proposal_id, ProposalState.REVIEWED, now=now)
    require_hash(proposal, content_hash)
    await require_unchanged(db, proposal, now=now, prices=prices)
    is_enough = await add_approval(db, actor, subject_of(proposal), prover, now=now)
    if is_enough:
        await approve_orders(db, proposal, now=now)
    approvals = await store.get_approvals(db, proposal_id=proposal_id)
    facts = {"hash": content_hash.hex(), "factor": approvals[-1].factor}
    await record_event(
        db, "proposal.approve", "proposal", str(proposal_id), {**facts, "is_enough": is_enough}
    )
    return Approved(ProposalState.APPROVED if is_enough else ProposalState.REVIEWED, tuple(approvals))


async def approve_orders(db: WriteSession, proposal: StoredProposal, *, now: datetime) -> None:
    """Move a proposal and its orders on, once everybody needed has approved it, or the run it is of."""
    await proposals.move_proposal(db, proposal, ProposalState.APPROVED)
    await proposals.move_orders(db, proposal.proposal_id, {OrderState.REVIEWED}, OrderState.APPROVED, now=now)


async def add_approval(
    db: WriteSession, actor: Actor, subject: Subject, prover: Prover, *, now: datetime
) -> bool:
    """Write the approval of a proposal or of a run down, for good.

    Returns:
        Whether nobody else has to approve: the value is within what the actor may approve alone, or a second person
        did, of whom one is not its author then.

    Raises:
        ApprovedBeforeError: they did already.
        NotPermittedError: the proof is none.
    """
    terms = await store.get_approval_terms(db)
    proof = await prover.prove(db, subject, terms, now)
    is_new = await store.add_approval(
        db,
        proposal_id=subject.proposal_id,
        run_id=subject.run_id,
        author=subject.author,
        approver=actor.name,
        content_hash=subject.content_hash,
        factor=proof.factor,
        evidence=proof.evidence,
        now=now,
    )
    if terms.approval_limit is not None and subject.order_value <= terms.approval_limit:
        return True  # whoever did before, under a lower limit, need not begin anew
    if not is_new:
        raise ApprovedBeforeError
    approvals = await store.get_approvals(db, proposal_id=subject.proposal_id, run_id=subject.run_id)
    same = {one.approver for one in approvals if one.content_hash == subject.content_hash}
    return len(same) > 1


def subject_of(proposal: ListedProposal) -> Subject:
    """Return what is approved of a proposal."""
    return Subject(
        proposal_id=proposal.proposal_id,
        content_hash=proposal.content_hash,
        order_value=proposal.order_value,
        author=proposal.author,
    )
