"""Proposals: what was reviewed, with the orders it leads to, as they rest in the store."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from steelyard.domain.order import OrderState
from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.memory import remembered
from steelyard.storage.queries import query

MOST_EXPIRED: Final = 100
"""Proposals that ran out and are ended in one transaction."""


class ProposalState(StrEnum):
    """How far a proposal is."""

    REVIEWED = "reviewed"
    APPROVED = "approved"
    EXECUTED = "executed"
    WITHDRAWN = "withdrawn"
    """By somebody, or because it ran out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProposal:
    """A proposal without its document.

    Attributes:
        proposal_id: its key, made by the server.
        run_id: the run it is part of; None = it stands alone.
        version: counts up with each change of state.
        author: who proposed it, as in audit_events.actor.
        content_hash: SHA-256 of the document: what is approved.
        order_value: of its orders, bought and sold added up, in the tenant's base currency.
        outcome: what compliance says: pass, warn, hold or block.
        executed_by, executed_at: None = not executed.
    """

    proposal_id: UUID
    account_id: str
    run_id: UUID | None
    state: ProposalState
    version: int
    author: str
    content_hash: bytes
    made_at: datetime
    expires_at: datetime
    order_value: Decimal
    outcome: str
    executed_by: str | None = None
    executed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProposal(ListedProposal):
    """A proposal.

    Attributes:
        document: canonical JSON: inputs, trades, findings and orders; docs/reference/proposals.md says what is in it.
    """

    document: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """How far an order of a proposal is."""

    order_id: UUID
    client_order_id: str
    state: OrderState
    filled_quantity: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class TradingTerms:
    """What of an account and its tenant an allocation takes beside positions, targets and prices.

    Attributes:
        kept_by: snapshots or ledger.
        profile_version: None = nothing is known of its investor.
        exclusions: what the investor never buys, by kind.
        tenant_rate: units of the tenant's base currency for one of the account's; None = no rate is known.
        price_tolerance: how far a live price may move between review and execution, a fraction.
        link_id: the way to its broker; None = it cannot be executed.
        orders_under_way: client ids of its orders that a broker may still fill.
    """

    account_id: str
    kept_by: str
    household_id: str | None
    model_id: str
    model_version: int
    profile_version: int | None
    exclusions: Mapping[str, Sequence[str]]
    tenant_currency: str
    tenant_rate: Decimal | None
    price_tolerance: Decimal
    proposal_minutes: int
    link_id: UUID | None
    orders_under_way: Sequence[str]


@remembered
async def get_trading_terms(db: AnySession, account_id: str, as_of: date) -> TradingTerms:
    """Return the terms of an account that follows a model, on a day."""
    values = {"account_ids": [account_id], "as_of": as_of}
    return _terms((await db.execute(query("get_trading_terms"), values)).one())


async def get_trading_terms_of(
    db: AnySession, account_ids: Collection[str], as_of: date
) -> dict[str, TradingTerms]:
    """Return the terms of each of some accounts that follows a model."""
    values = {"account_ids": list(account_ids), "as_of": as_of}
    rows = await db.execute(query("get_trading_terms"), values)
    return {terms.account_id: terms for terms in map(_terms, rows)}


def _terms(row: Row[Any]) -> TradingTerms:
    return TradingTerms(**row._asdict() | {"exclusions": json.loads(row.exclusions or "{}")})


async def hold_account(db: WriteSession, account_id: str) -> None:
    """Let nobody else execute anything of an account until this transaction ends."""
    await db.execute(query("hold_account"), {"account_id": account_id})


async def get_excluded_assets(
    db: AnySession, asset_ids: Collection[str], exclusions: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return which of some assets an investor never buys, each with what excludes it."""
    kinds = ("assets", "issuers", "sectors", "countries", "asset_types")
    values = {"asset_ids": list(asset_ids)} | {kind: list(exclusions.get(kind, ())) for kind in kinds}
    return {row.asset_id: row.excluded_by for row in await db.execute(query("get_excluded_assets"), values)}


async def add_proposals(
    db: WriteSession, proposals: Sequence[tuple[StoredProposal, Sequence[Mapping[str, Any]]]]
) -> None:
    """Store proposals with their orders, each reviewed.

    Args:
        db: the transaction.
        proposals: each as it begins, and columns of the table of orders, numbers as text.
    """
    if not proposals:
        return
    rows = [{name: getattr(proposal, name) for name in _NEW} for proposal, _ in proposals]
    await db.execute(query("insert_proposal"), rows)
    orders = [_owned(proposal, order) for proposal, some in proposals for order in some]
    drafts = await db.scalars(query("insert_proposal_orders"), {"orders": json.dumps(orders)})
    await db.execute(query("review_orders"), {"order_ids": list(drafts)})


def _owned(proposal: StoredProposal, order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of an order with those that its proposal gives it."""
    return {
        **order,
        "proposal_id": str(proposal.proposal_id),
        "run_id": None if proposal.run_id is None else str(proposal.run_id),
        "account_id": proposal.account_id,
        "made_at": proposal.made_at.isoformat(),
    }


_NEW: Final = (
    "proposal_id",
    "account_id",
    "run_id",
    "author",
    "document",
    "content_hash",
    "made_at",
    "expires_at",
    "order_value",
    "outcome",
)


async def get_proposal(db: AnySession, proposal_id: UUID) -> StoredProposal | None:
    """Return a proposal; None = there is none that is seen."""
    return _stored((await db.execute(query("get_proposal"), {"proposal_id": proposal_id})).one_or_none())


async def hold_proposal(db: WriteSession, proposal_id: UUID) -> StoredProposal | None:
    """Return a proposal that nobody else moves until this transaction ends; None = there is none that is seen."""
    return _stored((await db.execute(query("hold_proposal"), {"proposal_id": proposal_id})).one_or_none())


async def get_proposals(
    db: AnySession,
    *,
    account_id: str | None = None,
    state: ProposalState | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[ListedProposal]:
    """Return proposals that are seen, the newest first.

    Args:
        db: a session.
        account_id: of this account; None = of any.
        state: in this state; None = in any.
        before: moment and key of the last one of the page before; None = from the newest on.
        limit: how many.
    """
    values = {
        "account_id": account_id,
        "state": state,
        "before_at": before and before[0],
        "before_id": before and before[1],
        "most": limit,
    }
    rows = await db.execute(query("get_proposals"), values)
    return [
        ListedProposal(**row | {"state": ProposalState(row["state"])}) for row in map(dict, rows.mappings())
    ]


async def hold_expired_proposals(db: WriteSession, *, now: datetime) -> list[UUID]:
    """Return proposals that ran out before they were executed; nobody else moves them until this transaction ends."""
    values = {"now": now, "most": MOST_EXPIRED}
    return list(await db.scalars(query("get_expired_proposals"), values))


async def move_proposal(
    db: WriteSession,
    proposal: ListedProposal,
    state: ProposalState,
    *,
    executed_by: str | None = None,
    executed_at: datetime | None = None,
) -> bool:
    """Move a proposal on; False = somebody else moved it meanwhile."""
    values = {
        "proposal_id": proposal.proposal_id,
        "version": proposal.version,
        "state": state,
        "executed_by": executed_by,
        "executed_at": executed_at,
    }
    return (await db.execute(query("move_proposal"), values)).one_or_none() is not None


async def move_orders(
    db: WriteSession,
    proposal_id: UUID,
    states: Collection[OrderState],
    state: OrderState,
    *,
    now: datetime,
    reason: str = "",
) -> None:
    """Move the orders of a proposal that are in one of some states to another."""
    values = {
        "proposal_id": proposal_id,
        "from_states": sorted(states),
        "to_state": state,
        "reason": reason,
        "now": now,
    }
    await db.execute(query("move_proposal_orders"), values)


async def release_orders(db: WriteSession, proposal_id: UUID, link_id: UUID, *, now: datetime) -> None:
    """Give the approved orders of a proposal to the workers."""
    values = {"proposal_id": proposal_id, "link_id": link_id, "now": now}
    await db.execute(query("release_proposal_orders"), values)


async def get_order_states(db: AnySession, proposal_id: UUID) -> list[OrderProgress]:
    """Return how far the orders of a proposal are, in its order."""
    rows = await db.execute(query("get_order_states"), {"proposal_id": proposal_id})
    return [
        OrderProgress(
            row.order_id, row.client_order_id, OrderState(row.state), row.filled_quantity, row.reason
        )
        for row in rows
    ]


def _stored(row: Any) -> StoredProposal | None:
    if row is None:
        return None
    columns = row._asdict()
    return StoredProposal(**columns | {"state": ProposalState(columns["state"])})
