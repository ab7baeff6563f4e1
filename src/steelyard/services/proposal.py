"""Proposals: reviewed and stored for good, checked against the world again, executed or withdrawn.

docs/explanation/orders.md tells what stands behind each step.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from steelyard.domain.canonical import write_canonical
from steelyard.domain.order import OrderState
from steelyard.errors import ConflictError, NotFoundError
from steelyard.identity.permissions import Actor, ObjectType, Verb, authorize
from steelyard.market.port import Market
from steelyard.services.allocation_inputs import (
    STORED,
    Asked,
    PricesAsked,
    Quoted,
    gather_inputs,
    quote_for,
)
from steelyard.services.engine import run_beside
from steelyard.services.order_check import PlannedOrder, require_within_limits
from steelyard.services.proposal_changes import find_changes, find_other_findings
from steelyard.services.proposal_document import (
    Document,
    Heading,
    judge,
    make_document,
    read_document,
    read_trades,
    replay,
    write_inputs,
)
from steelyard.services.ruling import require_passed
from steelyard.storage import proposal as store
from steelyard.storage.audit import record_event
from steelyard.storage.connection import AnySession, WriteSession, get_db_session, reading
from steelyard.storage.proposal import (
    ListedProposal,
    OrderProgress,
    ProposalState,
    StoredProposal,
    TradingTerms,
)

MOST_NAMED: Final = 5

BEFORE_SENDING: Final = frozenset({OrderState.DRAFT, OrderState.REVIEWED, OrderState.APPROVED})


class UnknownProposalError(NotFoundError):
    """There is no such proposal, or its account is not seen."""

    def __init__(self, proposal_id: UUID) -> None:
        """Name it."""
        super().__init__(
            f"There is no proposal {proposal_id} that you may see. List them: `steelyard proposals`."
        )


class OrdersUnderWayError(ConflictError):
    """A broker may still fill orders of the account, so nobody knows what it will hold."""

    def __init__(self, account_id: str, client_order_ids: Sequence[str]) -> None:
        """Name the account and its orders."""
        super().__init__(
            f"{account_id} has {len(client_order_ids)} orders under way ({_some(client_order_ids)}). Wait until they "
            "are filled, or cancel them, and propose then."
        )


class StateError(ConflictError):
    """A step is out of order."""

    def __init__(self, proposal: ListedProposal, needed: ProposalState) -> None:
        """Name where the proposal is and where it would have to be."""
        super().__init__(
            f"Proposal {proposal.proposal_id} is {proposal.state}, and this takes one that is {needed}. A proposal is "
            "reviewed, then approved, then executed, each once."
        )
        self.state = proposal.state


class ExpiredError(ConflictError):
    """A proposal ran out."""

    def __init__(self, proposal: ListedProposal) -> None:
        """Name it, and say what to do."""
        super().__init__(
            f"Proposal {proposal.proposal_id} ran out at {proposal.expires_at:%Y-%m-%d %H:%M} UTC. Propose again: "
            "prices and positions are read anew."
        )


class ChangedError(ConflictError):
    """Something is no longer as the proposal was worked out from."""

    def __init__(self, proposal: ListedProposal, changes: Sequence[str]) -> None:
        """Name what changed."""
        super().__init__(
            f"Proposal {proposal.proposal_id} is no longer what it was worked out from: {_some(changes, '; ')}. "
            "Propose again."
        )
        self.changes = tuple(changes)


class OfRunError(ConflictError):
    """A proposal goes with the run it is of, and not alone."""

    def __init__(self, proposal: ListedProposal) -> None:
        """Name both, and the command."""
        super().__init__(
            f"Proposal {proposal.proposal_id} is of run {proposal.run_id}, and is approved, executed or withdrawn with "
            f"it: `steelyard run show {proposal.run_id}`."
        )


class NotExecutableError(ConflictError):
    """Nobody would send the orders of an account."""

    def __init__(self, account_id: str, why: str) -> None:
        """Name the account, what is missing and the command."""
        super().__init__(f"Orders of {account_id} cannot be sent: {why}.")


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """A proposal with its document read.

    Attributes:
        proposal: as it is stored.
        content: of its document.
        orders: how far its orders are.
    """

    proposal: StoredProposal
    content: dict[str, Any]
    orders: Sequence[OrderProgress]


def listed(proposal: ListedProposal) -> ListedProposal:
    """Return a proposal without its document."""
    return ListedProposal(**{field.name: getattr(proposal, field.name) for field in fields(ListedProposal)})


async def review(
    db: WriteSession,
    actor: Actor,
    asked: Asked,
    *,
    now: datetime,
    prices: Quoted | None = None,
    new_id: Callable[[], UUID] = uuid4,
) -> StoredProposal:
    """Work trades out and store them for good, with all they were worked out from: what can be approved then.

    Args:
        db: the transaction.
        actor: who proposes.
        asked: what for.
        now: the time, with its zone; its day is that of positions.
        prices: those that a market gave, where one is asked for; see `quote_prices`.
        new_id: makes its key.

    Raises:
        ForbiddenError, AccountHiddenError: they may not propose there.
        OrdersUnderWayError: a broker may still fill orders of the account.
        SteelyardError: as `gather_inputs` and `make_document`.
    """
    authorize(actor, Verb.PROPOSE, ObjectType.ORDER, asked.account_id)
    worked = await work_out(
        db, asked, tenant_id=actor.tenant_id, author=actor.name, now=now, prices=prices, new_id=new_id
    )
    proposal = worked.proposal
    await store.add_proposals(db, [(proposal, worked.orders)])
    facts = {
        "account_id": asked.account_id,
        "hash": proposal.content_hash.hex(),
        "order_value": f"{proposal.order_value:f}",
        "outcome": proposal.outcome,
    }
    await record_event(db, "proposal.review", "proposal", str(proposal.proposal_id), facts)
    if worked.stale:  # the reason stands in the document
        stale = {"assets": len(worked.stale)}
        await record_event(db, "price.override", "proposal", str(proposal.proposal_id), stale)
    return proposal


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """A proposal that is not stored yet.

    Attributes:
        orders: columns of its orders.
        terms: of its account.
        stale: assets whose prices were taken though they are old.
    """

    proposal: StoredProposal
    orders: Sequence[Mapping[str, Any]]
    terms: TradingTerms
    stale: Collection[str]


async def work_out(
    db: AnySession,
    asked: Asked,
    *,
    tenant_id: int,
    author: str,
    now: datetime,
    prices: Quoted | None = None,
    new_id: Callable[[], UUID] = uuid4,
    run_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> WorkedOut:
    """Do what `review` does for one account up to the point where it is stored; raises as `review`.

    Args:
        db: a session.
        asked: what for.
        tenant_id: whose account it is.
        author: who proposes, as in audit_events.actor.
        now: the time, with its zone.
        prices: as for `review`.
        new_id: makes its key.
        run_id: the run; None = it stands alone.
        expires_at: when it runs out; None = as the tenant's rule says.
    """
    inputs, terms = await gather_inputs(db, asked, as_of=now.date(), prices=_prices(asked, prices, now))
    require_nothing_under_way(terms)
    heading = Heading(
        proposal_id=new_id(),
        tenant_id=tenant_id,
        account_id=asked.account_id,
        run_id=run_id,
        author=author,
        made_at=now,
        expires_at=expires_at or now + timedelta(minutes=terms.proposal_minutes),
    )
    document = await run_beside(make_document, heading, asked, inputs)
    planned = [_planned(order) for order in document.orders]
    await require_within_limits(db, asked.account_id, planned, inputs.prices, now=now)
    proposal = StoredProposal(
        proposal_id=heading.proposal_id,
        account_id=asked.account_id,
        run_id=run_id,
        state=ProposalState.REVIEWED,
        version=1,
        author=heading.author,
        document=document.text,
        content_hash=document.hash,
        made_at=now,
        expires_at=heading.expires_at,
        order_value=document.order_value,
        outcome=document.outcome,
    )
    return WorkedOut(proposal, document.orders, terms, inputs.stale.keys())


def _planned(order: Mapping[str, Any]) -> PlannedOrder:
    return PlannedOrder(
        asset_id=order["asset_id"],
        quantity=Decimal(order["quantity"]),
        price=Decimal(order["limit_price"] or order["reference_price"]),
        currency=order["currency"],
        order_value=Decimal(order["order_value"]),
    )


async def get_proposal(proposal_id: UUID, db: AnySession | None = None) -> ShownProposal:
    """Return a proposal with its document and how far its orders are; raises UnknownProposalError."""
    async with reading(db) as session:
        proposal = await store.get_proposal(session, proposal_id)
        if proposal is None:
            raise UnknownProposalError(proposal_id)
        orders = await store.get_order_states(session, proposal_id)
    return ShownProposal(proposal, json.loads(proposal.document), orders)


async def get_proposals(
    db: AnySession | None = None,
    *,
    account_id: str | None = None,
    state: ProposalState | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[ListedProposal]:
    """Return proposals that are seen, the newest first; arguments as `storage.proposal.get_proposals`."""
    async with reading(db) as session:
        return await store.get_proposals(
            session, account_id=account_id, state=state, before=before, limit=limit
        )


def replay_proposal(proposal: StoredProposal) -> Document:
    """Work a stored proposal out again from its document alone: the same text to the last byte, or it is broken."""
    return replay(read_document(proposal.document))


async def execute(
    db: WriteSession,
    actor: Actor,
    proposal_id: UUID,
    *,
    content_hash: bytes,
    now: datetime,
    prices: Quoted | None = None,
) -> StoredProposal:
    """Give the orders of an approved proposal to the workers, once everything was looked at again.

    Args:
        db: the transaction.
        actor: who executes; of the users only owners may, who always have two factors.
        proposal_id: the proposal.
        content_hash: of what they saw.
        now: the time, with its zone.
        prices: those that its market gives now; see `quote_again`.

    Raises:
        ForbiddenError, SecondFactorNeededError: they may not.
        UnknownProposalError, StateError, ExpiredError: it is not there, not approved, or ran out.
        ChangedError: it, or what it was worked out from, is no longer as it was; names what.
        NotExecutableError: the account has no broker, or its ledger is not kept here.
        SteelyardError: as `gather_inputs`.
    """
    proposal = await take(db, actor, Verb.EXECUTE, proposal_id, ProposalState.APPROVED, now=now)
    require_hash(proposal, content_hash)
    await execute_one(db, actor, proposal, now=now, prices=prices)
    facts = {"account_id": proposal.account_id, "hash": proposal.content_hash.hex()}
    await record_event(db, "proposal.execute", "proposal", str(proposal_id), facts)
    moved: dict[str, Any] = {"state": ProposalState.EXECUTED, "version": proposal.version + 1}
    return replace(proposal, **moved, executed_by=actor.name, executed_at=now)


async def execute_one(
    db: WriteSession, actor: Actor, proposal: StoredProposal, *, now: datetime, prices: Quoted | None = None
) -> UUID:
    """Do what `execute` does for one proposal of a run, which checks who asks and records it; returns the link."""
    await store.hold_account(db, proposal.account_id)
    terms = await require_unchanged(db, proposal, now=now, prices=prices)
    link_id = require_executable(terms)
    await _move(db, proposal, ProposalState.EXECUTED, executed_by=actor.name, executed_at=now)
    await store.release_orders(db, proposal.proposal_id, link_id, now=now)
    return link_id


async def withdraw(db: WriteSession, actor: Actor, proposal_id: UUID, *, now: datetime) -> None:
    """Give a proposal up that is not executed, and its orders with it.

    Raises:
        ForbiddenError, AccountHiddenError, UnknownProposalError: they may not propose there, or it is not there.
        StateError: it is executed or withdrawn.
    """
    proposal = await _held(db, proposal_id)
    authorize(actor, Verb.PROPOSE, ObjectType.ORDER, proposal.account_id)
    if proposal.run_id is not None:
        raise OfRunError(proposal)
    if proposal.state not in {ProposalState.REVIEWED, ProposalState.APPROVED}:
        raise StateError(proposal, ProposalState.REVIEWED)
    await withdraw_one(db, proposal, reason="its proposal was withdrawn", now=now)
    facts = {"account_id": proposal.account_id}
    await record_event(db, "proposal.withdraw", "proposal", str(proposal_id), facts)


async def withdraw_one(db: WriteSession, proposal: StoredProposal, *, reason: str, now: datetime) -> None:
    """Do what `withdraw` does for one proposal of a run, which checks who asks and records it."""
    await _move(db, proposal, ProposalState.WITHDRAWN)
    await store.move_orders(
        db, proposal.proposal_id, BEFORE_SENDING, OrderState.CANCELLED, reason=reason, now=now
    )


async def end_expired(db: WriteSession, *, now: datetime) -> int:
    """Withdraw proposals that ran out, a hundred at a time; returns how many there were."""
    expired = await store.hold_expired_proposals(db, now=now)
    for proposal_id in expired:
        await withdraw_one(db, await _held(db, proposal_id), reason="its proposal ran out", now=now)
        await record_event(db, "proposal.expire", "proposal", str(proposal_id))
    return len(expired)


# ── What they have in common ────────────────────────────────────────────────────────────────────────────


async def take(
    db: WriteSession, actor: Actor, verb: Verb, proposal_id: UUID, state: ProposalState, *, now: datetime
) -> StoredProposal:
    """Return a proposal for a step that the actor may take and whose turn it is; nobody else takes one meanwhile."""
    proposal = await _held(db, proposal_id)
    authorize(actor, verb, ObjectType.ORDER, proposal.account_id)
    if proposal.run_id is not None:
        raise OfRunError(proposal)
    if proposal.state is not state:
        raise StateError(proposal, state)
    if proposal.expires_at <= now:
        raise ExpiredError(proposal)
    return proposal


async def quote_again(proposal_id: UUID, market: Market | None, *, now: datetime) -> Quoted | None:
    """Ask a market for the prices of a proposal again, before the transaction that needs them; None = it needs none.

    Raises:
        UnknownProposalError: there is no such proposal.
        SteelyardError: as `quote_prices`.
    """
    async with get_db_session() as db:
        proposal = await store.get_proposal(db, proposal_id)
    if proposal is None:
        raise UnknownProposalError(proposal_id)
    return await quote_for(read_document(proposal.document).asked, market, now=now)


async def require_unchanged(
    db: AnySession, proposal: StoredProposal, *, now: datetime, prices: Quoted | None = None
) -> TradingTerms:
    """Gather everything anew and compare it with what a proposal was worked out from.

    Raises:
        ChangedError: something differs; names it.
        OrdersUnderWayError: a broker may fill orders of the account meanwhile.
        RuleBlocksError, RuleHoldsError: a rule stands in its way.
        SteelyardError: as `gather_inputs`.
    """
    await require_passed(db, proposal)
    document = read_document(proposal.document)
    asked = document.asked
    inputs, terms = await gather_inputs(db, asked, as_of=now.date(), prices=_prices(asked, prices, now))
    require_nothing_under_way(terms)
    fresh = json.loads(write_canonical(write_inputs(inputs)))
    changes = find_changes(
        document.content["inputs"], fresh, price_source=asked.price_source, tolerance=terms.price_tolerance
    )
    said = json.loads(write_canonical(judge(inputs, *read_trades(document.content))))
    changes += find_other_findings(document.content["compliance"], said)
    if changes:
        raise ChangedError(proposal, changes)
    return terms


def require_hash(proposal: ListedProposal, content_hash: bytes) -> None:
    """End unless a hash is that of a proposal; raises ChangedError."""
    if proposal.content_hash != content_hash:
        raise ChangedError(proposal, ["its hash is another one than you saw"])


def require_nothing_under_way(terms: TradingTerms) -> None:
    """End where a broker may still fill orders of an account; raises OrdersUnderWayError."""
    if terms.orders_under_way:
        raise OrdersUnderWayError(terms.account_id, terms.orders_under_way)


def require_executable(terms: TradingTerms) -> UUID:
    """Return the way to the broker of an account; raises NotExecutableError."""
    if terms.kept_by != "ledger":
        raise NotExecutableError(
            terms.account_id,
            "it is kept by snapshots, and fills are booked in a ledger; let the ledger keep it (docs/how-to)",
        )
    if terms.link_id is None:
        raise NotExecutableError(
            terms.account_id, "it is linked to no broker; link it with `steelyard brokers assign`"
        )
    return terms.link_id


def _prices(asked: Asked, quoted: Quoted | None, now: datetime) -> Quoted | PricesAsked:
    """Return the prices to take: those given, or stored ones; nothing where a market was to be asked and was not."""
    return quoted if quoted is not None else PricesAsked(now=now) if asked.price_source == STORED else {}


async def _held(db: WriteSession, proposal_id: UUID) -> StoredProposal:
    proposal = await store.hold_proposal(db, proposal_id)
    if proposal is None:
        raise UnknownProposalError(proposal_id)
    return proposal


async def _move(db: WriteSession, proposal: ListedProposal, state: ProposalState, **more: Any) -> None:
    """Move a proposal that is held."""
    if not await store.move_proposal(db, proposal, state, **more):
        raise UnknownProposalError(proposal.proposal_id)


def _some(items: Sequence[str], between: str = ", ") -> str:
    rest = f"{between}and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""
    return between.join(items[:MOST_NAMED]) + rest
