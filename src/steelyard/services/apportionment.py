"""What a block was filled, shared out: each order gets its part at the average price, and all is booked at once.

A block is shared out when it has ended, and again, whole, when one of its fills comes late or is taken back: what was
given before is then taken back by reversal, and the ledger keeps both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from steelyard.domain.fill import Fill, transactions_of
from steelyard.domain.money import EXACT, minor_places
from steelyard.domain.order import ENDED, MOVES, OrderState
from steelyard.domain.transaction import Transaction, TransactionError
from steelyard.rebalancing.apportionment import Apportionment, apportion
from steelyard.services.booking import settle_account, tell_settled
from steelyard.services.hold import HoldKind, place_hold
from steelyard.services.ledger import OverdrawnError, TransactionsAttachedError, change_transactions
from steelyard.services.settlement import days_at
from steelyard.storage import block as store
from steelyard.storage.audit import record_event
from steelyard.storage.block import Block, BlockMove, BlockOrder, ShareRow
from steelyard.storage.connection import WriteSession
from steelyard.storage.fill import get_fills

MOST_REFUSED: Final = 5
"""Accounts that the ledger may refuse before each of a block is booked by itself."""

_NOTHING: Final = Apportionment({}, Decimal(0))
_BETWEEN: Final = (OrderState.PARTIALLY_FILLED, OrderState.SENT)


@dataclass(frozen=True, slots=True)
class SharedOut:
    """What became of a block.

    Attributes:
        orders: how many orders it stands for.
        shares: how many of them were given something.
        refused: accounts of which the ledger does not have their share: it is in suspense, and they are on hold.
    """

    block_id: UUID
    orders: int
    shares: int
    refused: tuple[str, ...]


async def apportion_block(
    db: WriteSession, run_id: UUID, block_id: UUID, *, today: date, now: datetime
) -> SharedOut | None:
    """Share out what a block was filled: rows of fills, orders, transactions and postings, or nothing.

    Args:
        db: the transaction to do it in; it holds the block and its orders.
        run_id: the run it is of.
        block_id: the block.
        today: the caller's date, for the ledger.
        now: the time, with its zone.

    Returns:
        What became of it; None = it is shared out as it stands. An account that the share would overdraw has it in
        suspense, as any fill; the others are booked.
    """
    block, orders = await store.hold_block(db, block_id)
    if not await store.find_unshared_blocks(db, run_id, block_id):
        return None
    fills = [fill for fill in await get_fills(db, order_ids=[block_id]) if fill.stands]
    before = await get_fills(db, order_ids=[order.order_id for order in orders])
    number = 1 + await store.bust_shares(db, block_id, now=now)
    found = _share_out(block, orders, fills)
    given = _rows(block, orders, found, number)
    if given:
        await store.add_shares(
            db,
            block,
            given,
            price=found.average_price,
            executed_at=max(fill.executed_at for fill in fills),
            block_execution_id=f"{block.client_order_id}.{number}",
        )
    await _move(db, block, orders, found, now)
    refused = await _book(db, block, orders, [fill for fill in before if fill.transaction_id], today=today)
    await _hold_overfilled(db, block, orders, found)
    facts = {
        "orders": f"{len(orders)}",
        "shares": f"{len(given)}",
        "refused": f"{len(refused)}",
        "quantity": f"{sum((row.quantity for row in given), start=Decimal(0)):f}",
        "average_price": f"{found.average_price:f}",
    }
    await record_event(db, "block.apportion", "order", str(block_id), facts)
    return SharedOut(block_id, len(orders), len(given), refused)


def _share_out(block: Block, orders: Sequence[BlockOrder], fills: Sequence[Fill]) -> Apportionment:
    if not fills:
        return _NOTHING
    with localcontext(EXACT):
        filled = sum((fill.quantity for fill in fills), start=Decimal(0))
        amount = sum((fill.money for fill in fills), start=Decimal(0))
        fees = sum((fill.fees for fill in fills), start=Decimal(0))
    return apportion(
        {order.client_order_id: order.quantity for order in orders},
        filled=filled,
        amount=amount,
        fees=fees,
        block=block.client_order_id,
        places=minor_places(block.currency),
    )


def _rows(block: Block, orders: Sequence[BlockOrder], found: Apportionment, number: int) -> list[ShareRow]:
    return [
        ShareRow(
            f"{block.client_order_id}.{number}.{order.client_order_id}",
            order.order_id,
            order.account_id,
            share.quantity,
            share.amount,
            share.fees,
        )
        for order in orders
        if (share := found.shares.get(order.client_order_id)) is not None
    ]


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────


async def _move(
    db: WriteSession, block: Block, orders: Sequence[BlockOrder], found: Apportionment, now: datetime
) -> None:
    """Move every order to where its share leaves it, over the states between."""
    ways = {order.order_id: _way(block, order, _units(found, order)) for order in orders}
    for step in range(max(map(len, ways.values()), default=0)):
        moves = [
            BlockMove(
                order.order_id, ways[order.order_id][step], _units(found, order), _reason(block, order, found)
            )
            for order in orders
            if step < len(ways[order.order_id])
        ]
        await store.move_block_orders(db, moves, now=now)


def _way(block: Block, order: BlockOrder, filled: Decimal) -> tuple[OrderState, ...]:
    """Return the states an order goes through; its own where only what it has changes; () = nothing does."""
    target = _target(block, order, filled)
    if target is order.state:
        return () if filled == order.filled_quantity else (target,)
    is_part = 0 < filled < order.quantity and target is not OrderState.PARTIALLY_FILLED
    if target in MOVES[order.state] and not (is_part and order.state is not OrderState.PARTIALLY_FILLED):
        return (target,)
    between = next(state for state in _BETWEEN if state in MOVES[order.state] and target in MOVES[state])
    return between, target


def _target(block: Block, order: BlockOrder, filled: Decimal) -> OrderState:
    """Say where an order ends: filled, ended as its block did, or with its block at the broker again."""
    if filled >= order.quantity:
        return OrderState.FILLED
    if block.state in ENDED:
        is_rejected = block.state is OrderState.REJECTED and not filled
        return OrderState.REJECTED if is_rejected else OrderState.CANCELLED
    return OrderState.PARTIALLY_FILLED if filled else OrderState.SENT


def _units(found: Apportionment, order: BlockOrder) -> Decimal:
    share = found.shares.get(order.client_order_id)
    return Decimal(0) if share is None else share.quantity


def _reason(block: Block, order: BlockOrder, found: Apportionment) -> str:
    if _units(found, order) >= order.quantity:
        return ""
    why = f": {block.reason}" if block.reason else ""
    return f"Its block {block.client_order_id} is {block.state}{why}."


async def _hold_overfilled(
    db: WriteSession, block: Block, orders: Sequence[BlockOrder], found: Apportionment
) -> None:
    """Hold the accounts that were given more than they ordered, as of any order."""
    for order in orders:
        if _units(found, order) > order.quantity:
            reason = (
                f"The broker executed more than block {block.client_order_id} says, and order {order.order_id} was "
                f"given {_units(found, order):f} of {order.quantity:f}. Settle it with the broker, then release."
            )
            await place_hold(db, HoldKind.OVERFILL, reason, account_id=order.account_id)


# ── The ledger ──────────────────────────────────────────────────────────────────────────────────────────


async def _book(
    db: WriteSession, block: Block, orders: Sequence[BlockOrder], before: Sequence[Fill], *, today: date
) -> tuple[str, ...]:
    """Book what was given and take back what had been, all at once; return the accounts that the ledger refuses."""
    refused: set[str] = set()
    accounts = {order.account_id for order in orders}
    while accounts - refused:
        some = [order for order in orders if order.account_id not in refused]
        why = await _try(db, block, some, before, today)
        if why is None:
            await store.set_shares_booked(db, block, accounts - refused)
            break
        refused |= {why} if why and len(refused) < MOST_REFUSED else accounts
    suspended: list[str] = []
    for account_id in sorted(refused):
        settled = await settle_account(db, account_id, today=today)
        await tell_settled(db, settled)
        if any(one.why for one in settled):
            suspended.append(account_id)
    return tuple(suspended)


async def _try(
    db: WriteSession, block: Block, orders: Sequence[BlockOrder], before: Sequence[Fill], today: date
) -> str | None:
    """Book some orders' shares together; return the account that the ledger refuses, "" = all; None = it is done."""
    named = {order.order_id: order for order in orders}
    fills = [fill for fill in await get_fills(db, order_ids=list(named)) if fill.stands]
    wanted = [one for fill in fills for one in _transactions(block, named, fill)]
    take_back = [
        fill.transaction_name(piece + 1)
        for fill in before
        if fill.order_id in named
        for piece in range(1 + len(named[fill.order_id].lots))
    ]
    try:
        async with db.begin_nested():
            await change_transactions(db, wanted, take_back, today=today)
    except OverdrawnError as error:
        return error.account_id
    except (TransactionError, TransactionsAttachedError):
        return ""
    return None


def _transactions(block: Block, orders: Mapping[UUID, BlockOrder], fill: Fill) -> Sequence[Transaction]:
    lots = orders[fill.order_id].lots if fill.order_id else ()
    return transactions_of([fill], lots, days_at(block.exchange))[fill.execution_id]
