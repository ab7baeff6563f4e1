"""Approving and executing a run: one approval over one hash, one execution, whatever the number of accounts.

Everything is looked at again, each account as a single proposal is, before either counts.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from steelyard.domain.order import OrderState
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import Actor, ObjectType, Verb, authorize
from steelyard.identity.session import require_recent
from steelyard.market.port import Market
from steelyard.services.allocation_inputs import STORED, Quoted
from steelyard.services.approval import Prover, Subject, add_approval
from steelyard.services.block import release_phase
from steelyard.services.proposal import require_executable, require_unchanged
from steelyard.services.run import (
    RunChangedError,
    RunExpiredError,
    account_ids_of,
    hold_run,
    read_asked,
    require_run,
)
from steelyard.services.run_inputs import quote_run, read_ahead, read_market
from steelyard.storage import run as store
from steelyard.storage.approval import Approval, get_approvals
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_db_session
from steelyard.storage.memory import remembering
from steelyard.storage.proposal import ProposalState, StoredProposal
from steelyard.storage.run import Run, RunState

AT_ONCE = 500
"""Accounts whose documents are in memory at a time."""


@dataclass(frozen=True, slots=True)
class ApprovedRun:
    """What an approval led to.

    Attributes:
        state: of the run; still made where somebody else has to approve, too.
        approvals: who did, the first first.
    """

    state: RunState
    approvals: tuple[Approval, ...]


async def approve_run(
    db: WriteSession,
    actor: Actor,
    run_id: UUID,
    prover: Prover,
    *,
    content_hash: bytes,
    now: datetime,
    prices: Quoted | None = None,
) -> ApprovedRun:
    """Approve a run, once everything was looked at again; its proposals follow when nobody else has to.

    Args:
        db: the transaction.
        actor: who approves; each of its accounts must be theirs to approve.
        run_id: the run.
        prover: how they prove who they are; what counts is the value of all its orders.
        content_hash: of what they saw.
        now: the time, with its zone.
        prices: those that its market gives now; see `quote_run_again`.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        ForbiddenError, AccountHiddenError: they may not approve one of the accounts.
        UnknownRunError, RunStateError, RunExpiredError: it is not there, not waiting for it, or ran out.
        RunChangedError: it, or what it was made from, is no longer as it was; names what.
        ApprovedBeforeError: they did already, and somebody else has to.
        NotPermittedError: the proof is none, as one of its kinds.
    """
    if not actor.is_operator:
        require_recent(actor, now)
    run = await take_run(db, actor, Verb.APPROVE, run_id, RunState.MADE, content_hash=content_hash, now=now)
    await _require_unchanged(db, run, now=now, prices=prices)
    is_enough = await add_approval(db, actor, subject_of_run(run), prover, now=now)
    if is_enough:
        await store.move_run(db, run, RunState.APPROVED)
        await store.move_proposals(db, run_id, {ProposalState.REVIEWED}, ProposalState.APPROVED)
        await store.move_orders(db, run_id, {OrderState.REVIEWED}, OrderState.APPROVED, now=now)
    approvals = await get_approvals(db, run_id=run_id)
    facts = {"hash": content_hash.hex(), "factor": approvals[-1].factor}
    await record_event(db, "run.approve", "run", str(run_id), {**facts, "is_enough": is_enough})
    return ApprovedRun(RunState.APPROVED if is_enough else RunState.MADE, tuple(approvals))


async def execute_run(
    db: WriteSession,
    actor: Actor,
    run_id: UUID,
    *,
    content_hash: bytes,
    now: datetime,
    prices: Quoted | None = None,
) -> Run:
    """Give the orders of an approved run to the workers, in blocks, once everything was looked at again.

    Args:
        db: the transaction.
        actor: who executes; of the users only owners may, who always have two factors.
        run_id: the run.
        content_hash: of what they saw.
        now: the time, with its zone.
        prices: as for `approve_run`.

    Raises:
        ForbiddenError, SecondFactorNeededError: they may not.
        UnknownRunError, RunStateError, RunExpiredError: it is not there, not approved, or ran out.
        RunChangedError: it, or what it was made from, is no longer as it was; names what.
    """
    run = await take_run(
        db, actor, Verb.EXECUTE, run_id, RunState.APPROVED, content_hash=content_hash, now=now
    )
    await store.hold_accounts(db, run_id)
    await _require_unchanged(db, run, now=now, prices=prices)
    await store.move_proposals(
        db,
        run_id,
        {ProposalState.APPROVED},
        ProposalState.EXECUTED,
        executed_by=actor.name,
        executed_at=now,
    )
    await store.move_run(db, run, RunState.EXECUTED, executed_by=actor.name, executed_at=now, due_at=now)
    released = await release_phase(db, run_id, 1, now=now)
    facts = {"orders": released.orders, "blocks": released.blocks}
    await record_event(db, "run.execute", "run", str(run_id), {**facts, "hash": content_hash.hex()})
    return await require_run(db, run_id)


async def take_run(
    db: WriteSession,
    actor: Actor,
    verb: Verb,
    run_id: UUID,
    state: RunState,
    *,
    content_hash: bytes,
    now: datetime,
) -> Run:
    """Return a run for a step that the actor may take and whose turn it is; raises as `approve_run`."""
    authorize(actor, verb, ObjectType.ORDER)
    run = await hold_run(db, run_id, {state})
    for account_id in await store.list_made_accounts(db, run_id):
        authorize(actor, verb, ObjectType.ORDER, account_id)
    if run.expires_at <= now:
        raise RunExpiredError(run)
    if run.content_hash != content_hash:
        raise RunChangedError(run_id, ["its hash is another one than you saw"])
    return run


async def quote_run_again(run_id: UUID, market: Market | None, *, now: datetime) -> Quoted | None:
    """Ask a market for the prices of a run again, before the transaction that needs them; None = it needs none.

    Raises:
        UnknownRunError: there is no such run.
    """
    async with get_db_session() as db:
        run = await require_run(db, run_id)
    if market is None or read_asked(run).price_source == STORED:
        return None
    return await quote_run(account_ids_of(run), now=now, market=market)


def subject_of_run(run: Run) -> Subject:
    """Return what is approved of a run that is made."""
    return Subject(
        run_id=run.run_id,
        content_hash=run.content_hash or b"",
        order_value=run.order_value or store.ZERO,
        author=run.author,
    )


async def _require_unchanged(db: WriteSession, run: Run, *, now: datetime, prices: Quoted | None) -> None:
    """Look at every account again; raises RunChangedError, which names all that changed and whose it is."""
    if prices is None and read_asked(run).price_source == STORED:
        prices = await read_market(db, await store.list_made_accounts(db, run.run_id), now=now)
    changes: dict[str, str] = {}
    after = 0
    while proposals := await store.get_proposals_of(db, run.run_id, after=after, limit=AT_ONCE):
        after += len(proposals)
        changes |= await _changes(db, proposals, now=now, prices=prices)
    if changes:
        raise RunChangedError(run.run_id, list(changes.values()), list(changes))


async def _changes(
    db: WriteSession, proposals: Sequence[StoredProposal], *, now: datetime, prices: Quoted | None
) -> dict[str, str]:
    """Return what changed of some accounts: account → a sentence."""
    changes: dict[str, str] = {}
    with remembering():
        await read_ahead(db, [proposal.account_id for proposal in proposals], now=now)
        for proposal in proposals:
            await asyncio.sleep(0)  # a server that does this has other requests, too
            try:
                require_executable(await require_unchanged(db, proposal, now=now, prices=prices))
            except SteelyardError as error:
                if error.is_temporary:
                    raise
                changes[proposal.account_id] = f"{proposal.account_id}: {error}"
    return changes
