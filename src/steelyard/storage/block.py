"""Blocks: one order at the broker in place of many, and what its fills give to each of them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.order import LotTaken, OrderState, Side
from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class Block:
    """What of a block its fills are shared out by.

    Attributes:
        exchange: MIC of the asset's exchange; None = it is not known.
    """

    order_id: UUID
    run_id: UUID
    link_id: UUID
    asset_id: str
    side: Side
    quantity: Decimal
    currency: str
    client_order_id: str
    state: OrderState
    reason: str
    exchange: str | None


@dataclass(frozen=True, slots=True)
class BlockOrder:
    """An order that a block stands for.

    Attributes:
        version: counts up with each change; it is held until the transaction ends.
    """

    order_id: UUID
    account_id: str
    client_order_id: str
    quantity: Decimal
    lots: tuple[LotTaken, ...]
    state: OrderState
    version: int
    filled_quantity: Decimal


@dataclass(frozen=True, slots=True)
class ShareRow:
    """What an order of a block is given.

    Attributes:
        execution_id: of the share, ours.
        amount: money, without fees.
    """

    execution_id: str
    order_id: UUID
    account_id: str
    quantity: Decimal
    amount: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class BlockMove:
    """Where a share leaves an order."""

    order_id: UUID
    state: OrderState
    filled_quantity: Decimal
    reason: str


async def add_blocks(db: WriteSession, run_id: UUID, phase: int, *, now: datetime) -> list[UUID]:
    """Make blocks of the orders of a run that are approved and not released, as drafts; returns their keys."""
    before = (await db.execute(query("count_blocks"), {"run_id": run_id})).scalar_one()
    values = {"run_id": run_id, "phase": phase, "before": before, "now": now}
    return list((await db.execute(query("insert_blocks"), values)).scalars())


async def move_blocks(
    db: WriteSession, block_ids: Collection[UUID], state: OrderState, *, now: datetime
) -> None:
    """Move blocks on; as they are approved, they are given to the workers."""
    values = {"order_ids": list(block_ids), "to_state": state, "now": now}
    await db.execute(query("move_blocks"), values)


async def release_orders(
    db: WriteSession, run_id: UUID, phase: int, block_ids: Collection[UUID], *, now: datetime
) -> int:
    """Give the orders of a run to the workers, by their block or each by itself; returns how many there were."""
    values = {"run_id": run_id, "phase": phase, "block_ids": list(block_ids), "now": now}
    return len((await db.execute(query("release_into_blocks"), values)).all())


async def count_open_sells(db: AsyncSession, run_id: UUID) -> int:
    """Return how many sells of a run may still bring in cash."""
    count: int = (await db.execute(query("count_open_sells_of_run"), {"run_id": run_id})).scalar_one()
    return count


async def count_waiting_buys(db: AsyncSession, run_id: UUID) -> int:
    """Return how many buys of an executed run wait for what its sells bring in."""
    count: int = (await db.execute(query("count_unreleased_buys"), {"run_id": run_id})).scalar_one()
    return count


async def count_open_orders(db: AsyncSession, run_id: UUID) -> int:
    """Return how many orders of a run's accounts have not ended."""
    count: int = (await db.execute(query("count_open_orders_of_run"), {"run_id": run_id})).scalar_one()
    return count


async def cancel_unpaid_buys(db: WriteSession, run_id: UUID, *, now: datetime) -> int:
    """Cancel the waiting buys of a run that cash does not pay for, the last of an account first; returns how many."""
    values = {"run_id": run_id, "now": now}
    return len((await db.execute(query("cancel_unpaid_buys"), values)).all())


async def find_unshared_blocks(db: AsyncSession, run_id: UUID, block_id: UUID | None = None) -> list[UUID]:
    """Return the blocks of a run whose fills are to be shared out, for the first time or anew; of all, or of one."""
    values = {"run_id": run_id, "block_id": block_id}
    return list((await db.execute(query("find_unshared_blocks"), values)).scalars())


async def hold_block(db: WriteSession, block_id: UUID) -> tuple[Block, list[BlockOrder]]:
    """Return a block and the orders it stands for; until this transaction ends nobody else changes them."""
    values = {"block_id": block_id}
    row = (await db.execute(query("get_block"), values)).one()._asdict()
    block = Block(**row | {"side": Side(row["side"]), "state": OrderState(row["state"])})
    rows = (await db.execute(query("hold_block_orders"), values)).mappings()
    return block, [_block_order(row) for row in rows]


async def bust_shares(db: WriteSession, block_id: UUID, *, now: datetime) -> int:
    """Take back what was given of a block before; returns how often it was shared out."""
    values = {"block_id": block_id, "now": now}
    rounds: int = (await db.execute(query("bust_shares"), values)).scalar_one()
    return rounds


async def add_shares(
    db: WriteSession,
    block: Block,
    shares: Sequence[ShareRow],
    *,
    price: Decimal,
    executed_at: datetime,
    block_execution_id: str,
) -> None:
    """Write down what each order of a block was given, at one price."""
    values = {
        "link_id": block.link_id,
        "asset_id": block.asset_id,
        "symbol": block.asset_id,
        "side": block.side,
        "price": price,
        "currency": block.currency,
        "executed_at": executed_at,
        "block_execution_id": block_execution_id,
        "shares": json.dumps([_plain(share) for share in shares]),
    }
    await db.execute(query("add_shares"), values)


async def set_shares_booked(db: WriteSession, block: Block, account_ids: Collection[str]) -> None:
    """Note that the shares of some accounts in a block are booked, and those of before no more."""
    values = {
        "block_id": block.order_id,
        "account_ids": sorted(account_ids),
        "prefix": f"fill:{block.link_id}:",
    }
    await db.execute(query("set_shares_booked"), values)


async def move_block_orders(db: WriteSession, moves: Sequence[BlockMove], *, now: datetime) -> None:
    """Move the orders of a block."""
    values = {"moves": json.dumps([_plain(move) for move in moves]), "now": now}
    await db.execute(query("move_block_orders"), values)


async def wake_run(db: WriteSession, block_id: UUID) -> None:
    """Let a worker look at the run of a block at once: its fills are others now."""
    await db.execute(query("wake_run_of_block"), {"block_id": block_id})


def _block_order(row: RowMapping) -> BlockOrder:
    lots = tuple(LotTaken(lot["lot_id"], Decimal(lot["quantity"])) for lot in json.loads(row["lots"]))
    return BlockOrder(**{**row, "lots": lots, "state": OrderState(row["state"])})


def _plain(row: ShareRow | BlockMove) -> dict[str, str]:
    names = row.__slots__
    values = {name: getattr(row, name) for name in names}
    return {
        name: f"{value:f}" if isinstance(value, Decimal) else str(value) for name, value in values.items()
    }
