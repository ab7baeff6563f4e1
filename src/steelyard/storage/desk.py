"""What the desk looks after, as it rests in the store: orders and runs with the names of what they are of."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.order import OrderState, OrderType, Side
from steelyard.domain.scope import Scope
from steelyard.storage.connection import ReadSession
from steelyard.storage.hold import Hold
from steelyard.storage.queries import query
from steelyard.storage.run import Problem, RunAccountState, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOrder:
    """An order of a list; see `Order`."""

    order_id: UUID
    proposal_id: UUID | None
    run_id: UUID | None
    block_id: UUID | None
    account_id: str | None
    asset_id: str
    asset_name: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    currency: str
    state: OrderState
    reason: str
    raised_at: datetime | None
    released_at: datetime | None
    made_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskFilter:
    """Which orders.

    Attributes:
        scope: of the whole tenant, a household or an account.
        kind: decide, open, planned or done; None = any.
        asset_id: of this asset; None = of any.
        made_from, made_before: when they were made; the second is not in it.
    """

    scope: Scope
    kind: str | None = None
    asset_id: str | None = None
    made_from: datetime | None = None
    made_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """How much there is to look after.

    Attributes:
        to_decide: orders of which a person has to say something.
        open_orders: those that are with the workers or at a broker, the former included.
        planned: orders of proposals that nobody executed yet.
        suspense: fills of which the ledger does not say what it should.
        breaks: where a broker and the ledger say different things.
        holds: what is held back, the kill switch left out.
    """

    to_decide: int
    open_orders: int
    planned: int
    suspense: int
    breaks: int
    holds: int


@dataclass(frozen=True, slots=True)
class OrderAround:
    """What stands around an order.

    Attributes:
        account_name: None = it is a block.
        link_name, broker, environment: where it goes; None = it was not released yet.
        run_id, run_name: the run that it, or its proposal, is of; None = none.
        replaced_by: the order in its place; None = none.
        members: how many orders it stands for, as a block.
    """

    asset_name: str
    account_name: str | None
    link_name: str | None
    broker: str | None
    environment: str | None
    run_id: UUID | None
    run_name: str | None
    replaced_by: UUID | None
    members: int


@dataclass(frozen=True, slots=True)
class BlockMember:
    """An order that a block stands for."""

    order_id: UUID
    account_id: str
    quantity: Decimal
    filled_quantity: Decimal
    state: OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRun:
    """A run of a list, and how many of its accounts are in which state; see `ListedRun`."""

    run_id: UUID
    run_name: str
    state: RunState
    author: str
    made_at: datetime
    expires_at: datetime
    order_value: Decimal | None
    fault: str
    accounts: int
    waiting: int
    made: int
    exceptions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRunAccount:
    """An account of a run; see `RunAccount`.

    Attributes:
        total: how many accounts the list has, all pages together.
        buys, sells: how many orders its proposal has; None = it has none.
    """

    account_id: str
    account_name: str
    place: int
    state: RunAccountState
    proposal_id: UUID | None
    problem: Problem
    fault: str
    total: int
    order_value: Decimal | None
    outcome: str | None
    buys: int | None
    sells: int | None


@dataclass(frozen=True, slots=True)
class RunSide:
    """How many orders of a run go one way, and what they are worth in the tenant's base currency."""

    side: Side
    number: int
    order_value: Decimal


@dataclass(frozen=True, slots=True)
class RunBlock:
    """A block of a run; `orders` = how many it stands for."""

    order_id: UUID
    asset_id: str
    asset_name: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    state: OrderState
    orders: int


@dataclass(frozen=True, slots=True)
class Covered:
    """How many accounts a run would be over, and how many of them have something in their way."""

    accounts: int
    without_model: int
    without_broker: int
    without_ledger: int
    held: int
    under_way: int


@dataclass(frozen=True, slots=True)
class Follower:
    """An account that follows a model."""

    account_id: str
    account_name: str
    base_currency: str


@dataclass(frozen=True, slots=True)
class AssetName:
    """What an asset is called, and its kind."""

    asset_id: str
    asset_name: str
    asset_type: str


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────


async def list_orders(
    db: ReadSession, wanted: DeskFilter, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[DeskOrder]:
    """Return orders, the newest first; `before` = when the last of the page before was made, and its id."""
    values = _of_scope(wanted.scope) | {
        "kind": wanted.kind,
        "asset_id": wanted.asset_id,
        "made_from": wanted.made_from,
        "made_before": wanted.made_before,
        "before": before and before[0],
        "before_id": before and before[1],
        "most": limit,
    }
    rows = (await db.execute(query("list_desk_orders"), values)).mappings()
    return [
        DeskOrder(
            **{
                **row,
                "side": Side(row["side"]),
                "order_type": OrderType(row["order_type"]),
                "state": OrderState(row["state"]),
            }
        )
        for row in rows
    ]


async def count_desk(db: ReadSession, scope: Scope) -> DeskCounts:
    """Return how much there is to look after in a scope."""
    return DeskCounts(*(await db.execute(query("count_desk"), _of_scope(scope))).one())


async def get_order_around(db: ReadSession, order_id: UUID) -> OrderAround | None:
    """Return what stands around an order; None = there is none that is seen."""
    row = (await db.execute(query("get_order_around"), {"order_id": order_id})).one_or_none()
    return None if row is None else OrderAround(*row)


async def list_block_members(db: ReadSession, block_id: UUID, *, limit: int) -> list[BlockMember]:
    """Return orders that a block stands for, by account."""
    rows = await db.execute(query("list_block_members"), {"block_id": block_id, "most": limit})
    return [
        BlockMember(row.order_id, row.account_id, row.quantity, row.filled_quantity, OrderState(row.state))
        for row in rows
    ]


async def list_holds_of_order(db: ReadSession, order_id: UUID) -> list[Hold]:
    """Return what holds an order back now, of a block each of its accounts, the newest first."""
    return [Hold(*row) for row in await db.execute(query("list_holds_of_order"), {"order_id": order_id})]


# ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────


async def list_runs(db: ReadSession, *, before: tuple[datetime, UUID] | None, limit: int) -> list[DeskRun]:
    """Return runs that are seen, the newest first; `before` = moment and key of the last of the page before."""
    values = {"before_at": before and before[0], "before_id": before and before[1], "most": limit}
    rows = (await db.execute(query("list_desk_runs"), values)).mappings()
    return [DeskRun(**{**row, "state": RunState(row["state"])}) for row in rows]


async def list_run_accounts(
    db: ReadSession, run_id: UUID, *, kind: str, words: str, after: int, limit: int
) -> list[DeskRunAccount]:
    """Return accounts of a run: exceptions first, the worst kind first, then what somebody is to look at.

    Args:
        db: a session.
        run_id: the run.
        kind: a state, look = those that somebody is to look at, or "" = all.
        words: text that stands in its id, its name or its fault; "" = any.
        after: how many to leave out, as they were shown.
        limit: how many.
    """
    values = {
        "run_id": run_id,
        "kind": kind,
        "words": words,
        "after": after,
        "most": limit,
        "problems": [*Problem],
    }
    rows = (await db.execute(query("list_desk_run_accounts"), values)).mappings()
    return [
        DeskRunAccount(**{**row, "state": RunAccountState(row["state"]), "problem": Problem(row["problem"])})
        for row in rows
    ]


async def get_run_sides(db: ReadSession, run_id: UUID) -> list[RunSide]:
    """Return how many buys and sells a run has, and of which value."""
    rows = await db.execute(query("get_run_sides"), {"run_id": run_id})
    return [RunSide(Side(row.side), row.number, row.order_value) for row in rows]


async def stream_run_documents(db: ReadSession, run_id: UUID, *, at_once: int) -> AsyncIterator[list[str]]:
    """Give the documents of a run's proposals, so many at once."""
    rows = await db.stream(query("stream_run_documents"), {"run_id": run_id})
    async for part in rows.partitions(at_once):
        yield [row.document for row in part]


async def list_run_blocks(db: ReadSession, run_id: UUID, *, limit: int) -> list[RunBlock]:
    """Return blocks of a run, the largest first."""
    rows = (await db.execute(query("list_run_blocks"), {"run_id": run_id, "most": limit})).mappings()
    return [RunBlock(**{**row, "side": Side(row["side"]), "state": OrderState(row["state"])}) for row in rows]


async def count_covered(db: AsyncSession, account_ids: Collection[str]) -> Covered:
    """Return what stands in the way of accounts that a run would be over."""
    values = {"account_ids": list(account_ids)}
    return Covered(*(await db.execute(query("count_covered"), values)).one())


# ── Models, and what there is to choose from ────────────────────────────────────────────────────────────


async def count_followers(db: ReadSession) -> Mapping[str, int]:
    """Return how many of the accounts that are seen follow each model that any follows."""
    return {row.model_id: row.number for row in await db.execute(query("count_followers"))}


async def list_followers(db: ReadSession, model_id: str, *, after: str | None, limit: int) -> list[Follower]:
    """Return accounts that follow a model, by id; `after` = the last of the page before."""
    values = {"model_id": model_id, "after": after, "most": limit}
    return [Follower(*row) for row in await db.execute(query("list_followers"), values)]


async def get_names_of_assets(db: ReadSession, asset_ids: Collection[str]) -> Mapping[str, AssetName]:
    """Return what some assets are called; those that are none are left out."""
    rows = await db.execute(query("get_names_of_assets"), {"asset_ids": list(asset_ids)})
    return {row.asset_id: AssetName(*row) for row in rows}


async def suggest_assets(db: ReadSession, *, limit: int) -> Mapping[str, str]:
    """Return the first assets with their names, by id."""
    return {
        row.asset_id: row.asset_name for row in await db.execute(query("suggest_assets"), {"most": limit})
    }


async def list_accounts(db: ReadSession, *, limit: int) -> Mapping[str, str]:
    """Return the first accounts that are seen with their names, by id."""
    rows = await db.execute(query("list_desk_accounts"), {"most": limit})
    return {row.account_id: row.account_name for row in rows}


async def list_households(db: ReadSession, *, limit: int) -> Mapping[str, str]:
    """Return the first households that are seen with their names, by id."""
    rows = await db.execute(query("list_desk_households"), {"most": limit})
    return {row.household_id: row.household_name for row in rows}


def _of_scope(scope: Scope) -> dict[str, Any]:
    return {
        "account_id": scope.id if scope.kind == "account" else None,
        "household_id": scope.id if scope.kind == "household" else None,
    }
