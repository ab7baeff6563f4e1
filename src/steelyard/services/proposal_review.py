"""A stored proposal as somebody looks at it before they approve: all of its document, and how far it is."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from steelyard.compliance.rule import Finding, Outcome
from steelyard.domain.fill import Fill
from steelyard.domain.order import Order
from steelyard.errors import NotFoundError
from steelyard.identity.vault import Vault
from steelyard.rebalancing.allocation import Allocation
from steelyard.services.allocation_inputs import Asked, Inputs
from steelyard.services.outlook import get_histories
from steelyard.services.proposal import get_proposal
from steelyard.services.proposal_document import read_document, read_inputs
from steelyard.services.ruling import findings_of, outcome_by_rule
from steelyard.services.trading_stop import get_stops
from steelyard.services.user import UnknownUserError, get_user
from steelyard.storage import portfolio as portfolios
from steelyard.storage.account_information import AccountHold, AccountRow, get_account_holds, get_account_row
from steelyard.storage.approval import Approval, ApprovalTerms, get_approval_terms, get_approvals
from steelyard.storage.compliance import Override, get_overrides
from steelyard.storage.connection import ReadSession, get_db_session
from steelyard.storage.fill import get_fills
from steelyard.storage.order import OrderFilter, list_orders
from steelyard.storage.proposal import ProposalState, StoredProposal
from steelyard.storage.run import get_run
from steelyard.storage.trading_stop import PulledStop

MOST_ORDERS = 2_000


class UnknownPlacementError(NotFoundError):
    """There is no proposal and no run of a key."""

    def __init__(self, placement_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is neither a proposal nor a run {placement_id} that you may see.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A stored proposal, and what is known of it.

    Attributes:
        asked, inputs, allocation, findings: as its document has them.
        orders: as they are now, the first first.
        approvals: who approved it, the first first.
        overrides: who let it pass which rule.
        terms: what whoever looks may approve.
        account: whose it is.
        holds, stops: what keeps its orders back.
        names: asset → what it is called.
        histories: asset that is traded → its weekly closes of a year.
        people: who proposed, approved or let pass → what they are called; who is not known is left out.
    """

    proposal: StoredProposal
    asked: Asked
    inputs: Inputs
    allocation: Allocation
    findings: Sequence[Finding]
    orders: Sequence[Order]
    approvals: Sequence[Approval]
    overrides: Sequence[Override]
    terms: ApprovalTerms
    account: AccountRow
    holds: Sequence[AccountHold]
    stops: Sequence[PulledStop]
    names: Mapping[str, str]
    histories: Mapping[str, Sequence[tuple[date, Decimal]]]
    people: Mapping[str, str]

    @property
    def held_by(self) -> list[str]:
        """The rules that hold it, and that nobody let it pass."""
        passed = {one.rule_id for one in self.overrides}
        return [
            rule
            for rule, outcome in outcome_by_rule(self.findings).items()
            if outcome is Outcome.HOLD and rule not in passed
        ]

    def is_expired(self, now: datetime) -> bool:
        """Whether it can be neither approved nor executed any more."""
        waits = self.proposal.state in {ProposalState.REVIEWED, ProposalState.APPROVED}
        return waits and self.proposal.expires_at <= now


async def read_review(proposal_id: UUID, vault: Vault, db: ReadSession | None = None) -> Review:
    """Return a stored proposal with all that is known of it.

    Raises:
        UnknownProposalError: there is none that is seen.
    """
    if db is None:
        async with get_db_session() as opened:
            return await read_review(proposal_id, vault, opened)
    proposal = (await get_proposal(proposal_id, db)).proposal
    document = read_document(proposal.document)
    inputs = read_inputs(document.content["inputs"])
    allocation = msgspec.convert(document.content["allocation"], Allocation)
    traded = sorted({trade.asset_id for trade in allocation.trades})
    approvals = await get_approvals(db, proposal_id=proposal_id)
    overrides = await get_overrides(db, proposal_id)
    return Review(
        proposal=proposal,
        asked=document.asked,
        inputs=inputs,
        allocation=allocation,
        findings=findings_of(proposal),
        orders=await _orders_of(db, OrderFilter(proposal_id=proposal_id)),
        approvals=approvals,
        overrides=overrides,
        terms=await get_approval_terms(db),
        account=await get_account_row(db, proposal.account_id),
        holds=await get_account_holds(db, proposal.account_id),
        stops=await get_stops(db),
        names=await portfolios.get_asset_names(db, inputs.portfolio.asset_ids),
        histories=await get_histories(traded, _last_day(inputs), db),
        people=await _people(db, vault, {proposal.author, proposal.executed_by or ""}, approvals, overrides),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The orders of a proposal or of a run, and what was executed of them.

    Attributes:
        proposal_id, run_id: whose they are; one of both.
        account_id: of a proposal.
        fills: order → its executions that stand, the first first.
    """

    proposal_id: UUID | None
    run_id: UUID | None
    account_id: str | None
    orders: Sequence[Order]
    fills: Mapping[UUID, Sequence[Fill]]


async def read_placement(placement_id: UUID, db: ReadSession | None = None) -> Placement:
    """Return the orders of a proposal or of a run as they are now, at most 2,000.

    Raises:
        UnknownPlacementError: there is neither that is seen.
    """
    if db is None:
        async with get_db_session() as opened:
            return await read_placement(placement_id, opened)
    proposal = await _find_proposal(db, placement_id)
    if proposal is None and await get_run(db, placement_id) is None:
        raise UnknownPlacementError(placement_id)
    wanted = OrderFilter(proposal_id=placement_id) if proposal else OrderFilter(run_id=placement_id)
    orders = await _orders_of(db, wanted)
    fills: dict[UUID, list[Fill]] = {}
    for fill in await get_fills(db, order_ids=[order.order_id for order in orders]):
        if fill.busted_at is None and fill.order_id is not None:
            fills.setdefault(fill.order_id, []).append(fill)
    return Placement(
        proposal_id=placement_id if proposal else None,
        run_id=None if proposal else placement_id,
        account_id=proposal.account_id if proposal else None,
        orders=orders,
        fills=fills,
    )


async def _find_proposal(db: ReadSession, proposal_id: UUID) -> StoredProposal | None:
    try:
        return (await get_proposal(proposal_id, db)).proposal
    except NotFoundError:
        return None


async def _orders_of(db: ReadSession, wanted: OrderFilter) -> list[Order]:
    """Return orders in the order in which they are sent."""
    orders = await list_orders(db, wanted, limit=MOST_ORDERS)
    return sorted(orders, key=lambda order: (order.account_id or "", order.client_order_id))


def _last_day(inputs: Inputs) -> date:
    days = [price.price_date for price in inputs.prices.values() if price.price_date is not None]
    return max(days, default=date.max)


async def _people(
    db: ReadSession,
    vault: Vault,
    actors: set[str],
    approvals: Sequence[Approval],
    overrides: Sequence[Override],
) -> dict[str, str]:
    """Return what people are called, of the actors who took part; who was erased is left out."""
    names: dict[str, str] = {}
    taking_part = actors | {one.approver for one in approvals} | {one.made_by for one in overrides}
    for actor in taking_part:
        kind, _, key = actor.partition(":")
        if kind == "user":
            with suppress(UnknownUserError):
                names[actor] = (await get_user(db, vault, UUID(key))).name
    return names
