"""Runs: proposals over many accounts, made and approved together, as they rest in the store."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.order import OrderState
from steelyard.storage.connection import WriteSession
from steelyard.storage.proposal import ProposalState, StoredProposal
from steelyard.storage.queries import query


class RunState(StrEnum):
    """How far a run is."""

    MAKING = "making"
    MADE = "made"
    APPROVED = "approved"
    EXECUTED = "executed"
    WITHDRAWN = "withdrawn"
    """By somebody, or because it ran out."""
    FAILED = "failed"
    """It has no order: there is nothing to approve."""


ZERO: Final = Decimal(0)

OPEN: Final = frozenset({RunState.MAKING, RunState.MADE, RunState.APPROVED})
"""States in which it can be withdrawn, and runs out."""


class RunAccountState(StrEnum):
    """How far an account of a run is."""

    WAITING = "waiting"
    MADE = "made"
    NOTHING = "nothing"
    """It is where it should be."""
    EXCEPTION = "exception"
    """It is no part of what is approved; somebody is to look at it."""


class Problem(StrEnum):
    """Why an account of a run is an exception; docs/reference/runs.md says what to do about each."""

    NONE = ""
    BLOCK = "block"
    HOLD = "hold"
    LIMIT = "limit"
    NO_PRICE = "no_price"
    DOUBTFUL_PRICE = "doubtful_price"
    STALE_PRICE = "stale_price"
    NO_RATE = "no_rate"
    NO_POSITIONS = "no_positions"
    NO_MODEL = "no_model"
    NO_LINK = "no_link"
    UNDER_WAY = "under_way"
    INFEASIBLE = "infeasible"
    DROPPED = "dropped"
    OTHER = "other"


class ScopeKind(StrEnum):
    """What says which accounts a run is over."""

    ALL = "all"
    ACCOUNTS = "accounts"
    HOUSEHOLD = "household"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class RunScope:
    """Which accounts a run is over.

    Attributes:
        kind: how they are named.
        names: ids of the accounts, the households or the models; () = all that are seen.
    """

    kind: ScopeKind
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRun:
    """A run without its document.

    Attributes:
        run_id: its key, made by the server.
        version: counts up with each change.
        author: who began it, as in audit_events.actor.
        content_hash: SHA-256 over the hashes of its proposals in the order of its accounts; None = it is being made.
        order_value: of its orders, bought and sold added up, in the tenant's base currency; None = as above.
        executed_by, executed_at: None = not executed.
        fault: why it failed or was withdrawn; "" = neither.
    """

    run_id: UUID
    run_name: str
    state: RunState
    version: int
    author: str
    made_at: datetime
    expires_at: datetime
    content_hash: bytes | None
    order_value: Decimal | None
    executed_by: str | None
    executed_at: datetime | None
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(ListedRun):
    """A run.

    Attributes:
        document: what was asked for, canonical JSON.
    """

    document: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far the accounts of a run are, and its orders.

    Attributes:
        accounts: how many there are.
        states: how many of them are in each state.
        orders: how many of its orders are in each state; those of blocks, which are more, left out.
    """

    accounts: int
    states: Mapping[RunAccountState, int]
    orders: Mapping[OrderState, int]

    @property
    def answered(self) -> int:
        """How many accounts are not waiting any more."""
        return self.accounts - self.states.get(RunAccountState.WAITING, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAccount:
    """An account of a run.

    Attributes:
        place: in the order of the run, from 1.
        problem: what kind of exception it is; NONE = none.
        fault: why there is no proposal, or what somebody is to look at; "" = nothing.
        order_value, outcome: of its proposal; None = it has none.
    """

    account_id: str
    place: int
    state: RunAccountState
    proposal_id: UUID | None
    problem: Problem
    fault: str
    order_value: Decimal | None
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of an account of a run.

    Attributes: as `RunAccount`.
    """

    account_id: str
    state: RunAccountState
    proposal_id: UUID | None = None
    problem: Problem = Problem.NONE
    fault: str = ""


# ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────


async def find_accounts(db: AsyncSession, scope: RunScope) -> list[str]:
    """Return the accounts of a scope that are seen, by id."""
    values = {"kind": scope.kind, "names": list(scope.names)}
    return list(await db.scalars(query("find_run_accounts"), values))


async def add_run(
    db: WriteSession,
    *,
    run_name: str,
    author: str,
    document: str,
    account_ids: Sequence[str],
    made_at: datetime,
) -> UUID:
    """Begin a run over some accounts, in their order; it runs out as the tenant's rule says. Returns its key."""
    values = {
        "run_name": run_name,
        "author": author,
        "document": document,
        "made_at": made_at,
    }
    run_id: UUID = (await db.execute(query("insert_run"), values)).scalar_one()
    await db.execute(query("insert_run_accounts"), {"run_id": run_id, "account_ids": list(account_ids)})
    return run_id


async def get_run(db: AsyncSession, run_id: UUID) -> Run | None:
    """Return a run; None = there is none that is seen."""
    return _run((await db.execute(query("get_run"), {"run_id": run_id})).one_or_none())


async def hold_run(db: WriteSession, run_id: UUID) -> Run | None:
    """Return a run that nobody else moves until this transaction ends; None as in `get_run`."""
    return _run((await db.execute(query("hold_run"), {"run_id": run_id})).one_or_none())


async def share_run(db: WriteSession, run_id: UUID) -> Run | None:
    """Return a run that nobody moves until this transaction ends, while others make it, too; None as in `get_run`."""
    return _run((await db.execute(query("share_run"), {"run_id": run_id})).one_or_none())


async def list_runs(
    db: AsyncSession, *, before: tuple[datetime, UUID] | None = None, limit: int
) -> list[Run]:
    """Return runs that are seen, the newest first.

    Args:
        db: a session.
        before: moment and key of the last one of the page before; None = from the newest on.
        limit: how many.
    """
    values = {"before_at": before and before[0], "before_id": before and before[1], "most": limit}
    return [run for row in await db.execute(query("list_runs"), values) if (run := _run(row))]


async def get_progress(db: AsyncSession, run_id: UUID) -> RunProgress:
    """Return how far a run is."""
    rows = list(await db.execute(query("get_run_progress"), {"run_id": run_id}))
    states = {RunAccountState(row.state): row.number for row in rows if row.noun == "account"}
    orders = {OrderState(row.state): row.number for row in rows if row.noun == "order"}
    return RunProgress(sum(states.values()), states, orders)


async def list_run_accounts(
    db: AsyncSession, run_id: UUID, *, after: int = 0, limit: int
) -> list[RunAccount]:
    """Return accounts of a run: exceptions first, the worst kind first, then what somebody is to look at.

    Args:
        db: a session.
        run_id: the run.
        after: how many to leave out, as they were shown.
        limit: how many.
    """
    values = {"run_id": run_id, "after": after, "most": limit, "problems": [*Problem]}
    rows = (await db.execute(query("list_run_accounts"), values)).mappings()
    return [
        RunAccount(**{**row, "state": RunAccountState(row["state"]), "problem": Problem(row["problem"])})
        for row in rows
    ]


async def list_made_accounts(db: AsyncSession, run_id: UUID) -> list[str]:
    """Return the accounts of a run that have a proposal in it, in their order."""
    return list(await db.scalars(query("list_made_accounts"), {"run_id": run_id}))


async def move_run(
    db: WriteSession,
    run: Run,
    state: RunState,
    *,
    content_hash: bytes | None = None,
    order_value: Decimal | None = None,
    executed_by: str | None = None,
    executed_at: datetime | None = None,
    due_at: datetime | None = None,
    fault: str = "",
) -> bool:
    """Move a run on; False = somebody else moved it meanwhile. What is None stays, but for `due_at`."""
    values = {
        "run_id": run.run_id,
        "version": run.version,
        "state": state,
        "content_hash": content_hash,
        "order_value": order_value,
        "executed_by": executed_by,
        "executed_at": executed_at,
        "due_at": due_at,
        "fault": fault,
    }
    return (await db.execute(query("move_run"), values)).one_or_none() is not None


# ── Its accounts and their proposals ────────────────────────────────────────────────────────────────────


async def take_waiting(db: WriteSession, run_id: UUID, most: int) -> list[str]:
    """Return accounts of a run that wait, the first first; until this transaction ends nobody else takes them."""
    return list(await db.scalars(query("take_waiting_accounts"), {"run_id": run_id, "most": most}))


async def count_waiting(db: AsyncSession, run_id: UUID) -> int:
    """Return how many accounts of a run wait, those included that somebody works on."""
    count: int = (await db.execute(query("count_waiting_accounts"), {"run_id": run_id})).scalar_one()
    return count


async def set_market(db: WriteSession, run_id: UUID, market: str) -> None:
    """Keep the prices of a run, canonical JSON, so that all its accounts are worked out at the same."""
    await db.execute(query("set_run_market"), {"run_id": run_id, "market": market})


async def get_market(db: AsyncSession, run_id: UUID) -> str:
    """Return the prices of a run; "" = they are not read yet."""
    market: str = (await db.execute(query("get_run_market"), {"run_id": run_id})).scalar_one()
    return market


async def save_accounts(db: WriteSession, run_id: UUID, made: Sequence[Made]) -> None:
    """Write down what became of accounts of a run."""
    rows = [
        {
            "account_id": one.account_id,
            "state": one.state,
            "proposal_id": None if one.proposal_id is None else str(one.proposal_id),
            "problem": one.problem,
            "fault": one.fault,
        }
        for one in made
    ]
    await db.execute(query("save_run_accounts"), {"run_id": run_id, "made": json.dumps(rows)})


async def get_hashes(db: AsyncSession, run_id: UUID) -> list[tuple[bytes, Decimal]]:
    """Return hash and order value of each proposal of a run, in the order of its accounts."""
    rows = await db.execute(query("get_run_hashes"), {"run_id": run_id})
    return [(bytes(row.content_hash), row.order_value) for row in rows]


async def hold_accounts(db: WriteSession, run_id: UUID) -> None:
    """Let nobody else execute anything of a run's accounts until this transaction ends."""
    await db.execute(query("hold_run_accounts"), {"run_id": run_id})


async def get_proposals_of(db: AsyncSession, run_id: UUID, *, after: int, limit: int) -> list[StoredProposal]:
    """Return proposals of a run with their documents, in the order of its accounts, `after` of them left out."""
    rows = await db.execute(query("get_proposals_of_run"), {"run_id": run_id, "after": after, "most": limit})
    return [
        StoredProposal(**row | {"state": ProposalState(row["state"])}) for row in map(dict, rows.mappings())
    ]


async def move_proposals(
    db: WriteSession,
    run_id: UUID,
    from_states: Collection[str],
    to_state: str,
    *,
    account_ids: Collection[str] | None = None,
    executed_by: str | None = None,
    executed_at: datetime | None = None,
) -> int:
    """Move the proposals of a run, or those of some of its accounts; returns how many there were."""
    values = {
        "run_id": run_id,
        "from_states": sorted(from_states),
        "to_state": to_state,
        "account_ids": None if account_ids is None else sorted(account_ids),
        "executed_by": executed_by,
        "executed_at": executed_at,
    }
    return len((await db.execute(query("move_run_proposals"), values)).all())


async def move_orders(
    db: WriteSession,
    run_id: UUID,
    from_states: Collection[OrderState],
    to_state: OrderState,
    *,
    account_ids: Collection[str] | None = None,
    reason: str = "",
    now: datetime,
) -> int:
    """Move the orders of a run's proposals, or those of some of its accounts; returns how many there were."""
    values = {
        "run_id": run_id,
        "from_states": sorted(from_states),
        "to_state": to_state,
        "account_ids": None if account_ids is None else sorted(account_ids),
        "reason": reason,
        "now": now,
    }
    return len((await db.execute(query("move_run_orders"), values)).all())


# ── Workers ─────────────────────────────────────────────────────────────────────────────────────────────


async def find_tenants_with_runs(db: AsyncSession, now: datetime) -> list[int]:
    """Return the tenants of which a run is due for a worker; asked before anybody acts for one."""
    return list(await db.scalars(query("find_tenants_with_runs"), {"now": now}))


async def find_due_runs(db: AsyncSession, now: datetime) -> list[Run]:
    """Return the runs that are due for a worker, or that ran out; those that wait longest first."""
    rows = await db.execute(query("find_due_runs"), {"now": now})
    return [run for row in rows if (run := _run(row))]


async def set_due(db: WriteSession, run_id: UUID, due_at: datetime | None) -> None:
    """Say when a worker is to look at a run next; None = nobody has to."""
    await db.execute(query("set_run_due"), {"run_id": run_id, "due_at": due_at})


def _run(row: Any) -> Run | None:
    if row is None:
        return None
    columns = row._asdict()
    hashed = columns["content_hash"]
    return Run(
        **columns
        | {"state": RunState(columns["state"]), "content_hash": None if hashed is None else bytes(hashed)}
    )
