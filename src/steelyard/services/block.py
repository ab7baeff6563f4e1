"""Blocks: what orders of a run are alike in goes to the broker as one, and what buys wait for is looked after.

An order that a block stands for stays approved and is never sent itself; it moves when the block's fills are shared
out. Buys that the sells of their account pay for are released when all sells of the run have ended.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from steelyard.domain.order import OrderState
from steelyard.storage import block as store
from steelyard.storage.connection import WriteSession


@dataclass(frozen=True, slots=True)
class Released:
    """What was given to the workers.

    Attributes:
        orders: orders of accounts.
        blocks: how many of the broker's orders stand for more than one of them.
    """

    orders: int
    blocks: int


async def release_phase(db: WriteSession, run_id: UUID, phase: int, *, now: datetime) -> Released:
    """Give the orders of a run to the workers: those alike as one block, what is like no other by itself.

    Args:
        db: the transaction.
        run_id: a run that is executed.
        phase: 1 = at once; 2 = buys that waited for sells.
        now: the time, with its zone.
    """
    blocks = await store.add_blocks(db, run_id, phase, now=now)
    released = await store.release_orders(db, run_id, phase, blocks, now=now)
    for state in (OrderState.REVIEWED, OrderState.APPROVED):
        await store.move_blocks(db, blocks, state, now=now)
    return Released(released, len(blocks))


async def release_paid_buys(db: WriteSession, run_id: UUID, *, now: datetime) -> Released | None:
    """Release the buys that waited for the sells of a run, once these have ended; None = it is not yet time.

    Where the sells brought in too little, an account buys in the order of its proposal as long as its cash lasts; what
    it does not pay for is cancelled and says so.
    """
    if not await store.count_waiting_buys(db, run_id) or await store.count_open_sells(db, run_id):
        return None
    await store.cancel_unpaid_buys(db, run_id, now=now)
    return await release_phase(db, run_id, 2, now=now)
