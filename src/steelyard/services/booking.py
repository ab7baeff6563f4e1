"""Booking fills: the ledger of an account is brought to what its fills say, and what it refuses waits in suspense."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

from steelyard.domain.amount import plain
from steelyard.domain.fill import Fill, transactions_of
from steelyard.domain.transaction import Transaction, TransactionError
from steelyard.services.hold import HoldKind, lift_hold, place_hold
from steelyard.services.ledger import OverdrawnError, TransactionsAttachedError, change_transactions
from steelyard.services.settlement import days_at
from steelyard.storage import fill as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession
from steelyard.storage.ledger import lock_ledger
from steelyard.storage.notice import notify_owners

_REFUSALS: Final = (OverdrawnError, TransactionError, TransactionsAttachedError)


@dataclass(frozen=True, slots=True)
class Settled:
    """A fill of which the ledger did not say what it should.

    Attributes:
        fill: as it was.
        why: why the ledger still does not; "" = it does.
    """

    fill: Fill
    why: str


async def settle_account(db: WriteSession, account_id: str, *, today: date) -> list[Settled]:
    """Book what stands and is not booked of an account's fills, and take back what was busted.

    All of it at once, for a purchase may need what a sale brings in; where that overdraws the account, one by one in
    the order of execution, until no more can be.
    """
    await lock_ledger(db)  # what another transaction leaves in suspense is seen
    waiting = await stored.get_unsettled_fills(db, account_id)
    if not waiting:
        return []
    why = await _try(db, waiting, today)
    if not why or len(waiting) == 1:
        return [Settled(fill, why) for fill in waiting]
    return await _settle_singly(db, waiting, today)


async def try_again(db: WriteSession, account_ids: Sequence[str], *, today: date) -> None:
    """Book what of the fills of some accounts waits in suspense and can be booked by now."""
    for account_id in account_ids:
        await tell_settled(db, await settle_account(db, account_id, today=today))


async def tell_settled(db: WriteSession, settled: Sequence[Settled]) -> None:
    """Note what is in suspense and what is not any more: on its row, by a hold of the account, to the owners."""
    for one in settled:
        if one.why != one.fill.suspended_because:
            await stored.set_suspended(db, one.fill, one.why)
        if one.why and not one.fill.suspended_because:
            await suspend(db, one.fill, one.why)
        elif not one.why:
            await lift_suspense(db, one.fill)
            await record_fill_event(db, "fill.book" if one.fill.stands else "fill.bust", one.fill)


async def suspend(db: WriteSession, fill: Fill, why: str) -> None:
    """Tell the owners of a fill in suspense, and hold its account where it is known."""
    await notify_owners(db, "fill.suspend")
    if fill.account_id is not None:
        await place_hold(db, HoldKind.BREAK, _suspense(fill), account_id=fill.account_id)
    await record_fill_event(db, "fill.suspend", fill, why=why)


async def lift_suspense(db: WriteSession, fill: Fill) -> None:
    """Let the account go of what a fill held that was in suspense."""
    if fill.suspended_because and fill.account_id is not None:
        await lift_hold(
            db, HoldKind.BREAK, _suspense(fill), "the ledger has it now", account_id=fill.account_id
        )


async def record_fill_event(db: WriteSession, action: str, fill: Fill, **more: str) -> None:
    """Record what became of a fill."""
    facts = {
        "link": str(fill.link_id),
        "order": str(fill.order_id or ""),
        "account": fill.account_id or "",
        "symbol": fill.symbol,
        "side": fill.side.value,
        "quantity": plain(fill.quantity),
        "price": plain(fill.price),
    }
    await record_event(db, action, "fill", fill.execution_id, facts | more)


def _suspense(fill: Fill) -> str:
    return (
        f"The ledger does not have fill {fill.execution_id} as the broker has it: `steelyard fills suspense`."
    )


async def _settle_singly(db: WriteSession, waiting: Sequence[Fill], today: date) -> list[Settled]:
    left, why, has_moved = list(waiting), dict[str, str](), True
    done: list[Settled] = []
    while left and has_moved:
        tried = [(fill, await _try(db, [fill], today)) for fill in left]
        done += [Settled(fill, "") for fill, refusal in tried if not refusal]
        has_moved = any(not refusal for _, refusal in tried)
        left = [fill for fill, refusal in tried if refusal]
        why = {fill.execution_id: refusal for fill, refusal in tried}
    return done + [Settled(fill, why[fill.execution_id]) for fill in left]


async def _try(db: WriteSession, fills: Sequence[Fill], today: date) -> str:
    """Book or take back some fills of an account together; return why that is refused, "" = it is done."""
    transactions, take_back = await _changes(db, fills)
    try:
        async with db.begin_nested():
            await change_transactions(db, transactions, take_back, today=today)
    except _REFUSALS as error:
        return str(error)
    for fill in fills:
        await stored.set_booked(db, fill, fill.transaction_name(1) if fill.stands else None)
    return ""


async def _changes(db: WriteSession, fills: Sequence[Fill]) -> tuple[list[Transaction], list[str]]:
    """Return the transactions that some fills add or change, and the ids that may stand and are to go."""
    transactions: list[Transaction] = []
    take_back: list[str] = []
    for _, group in groupby(sorted(fills, key=_order_of), key=_order_of):
        wanted, others = await _changes_of_order(db, list(group))
        transactions += wanted
        take_back += others
    return transactions, take_back


async def _changes_of_order(db: WriteSession, new: Sequence[Fill]) -> tuple[list[Transaction], list[str]]:
    """The same of one order: where it names lots, which fill takes which follows from all of its fills."""
    order_id, asset_id = new[0].order_id, new[0].asset_id
    lots = () if order_id is None else await stored.get_lots(db, order_id)
    fills = await stored.get_fills(db, order_ids=[order_id]) if order_id and lots else new
    exchange = await stored.get_exchange(db, asset_id or "")
    days = await asyncio.to_thread(days_at, exchange)  # reading a calendar for the first time takes a second
    booked = {fill.execution_id for fill in fills if fill.transaction_id} | {
        fill.execution_id for fill in new
    }
    pieces = transactions_of([fill for fill in fills if fill.stands], lots, days)
    wanted = [one for execution_id in sorted(pieces.keys() & booked) for one in pieces[execution_id]]
    possible = {fill.transaction_name(number + 1) for fill in fills for number in range(len(lots) + 1)}
    return wanted, sorted(possible - {one.transaction_id for one in wanted})


def _order_of(fill: Fill) -> tuple[str, str]:
    """Fills without an order are each their own."""
    return (str(fill.order_id), "") if fill.order_id else ("", fill.transaction_name(1))
