"""Fills: each execution once, with what it books and where it leaves its order, in one transaction.

Whatever comes twice, late, in another order or is taken back: the ledger and the orders come to the same. What cannot
be booked is kept in suspense, seen, and tried again; nothing that a broker executed is ever lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypedDict
from uuid import UUID

from steelyard.brokers.port import BrokerFill
from steelyard.domain.amount import AmountError, plain, read_amount
from steelyard.domain.fill import Fill, filled_quantity, moves_after
from steelyard.domain.money import CURRENCIES, MONEY_PLACES
from steelyard.domain.order import OrderState
from steelyard.errors import InvalidInputError
from steelyard.services.booking import (
    Settled,
    lift_suspense,
    record_fill_event,
    settle_account,
    suspend,
    tell_settled,
)
from steelyard.services.hold import MAX_REASON, HoldKind, lift_hold, place_hold
from steelyard.storage import fill as stored
from steelyard.storage.audit import record_event
from steelyard.storage.block import wake_run
from steelyard.storage.connection import WriteSession
from steelyard.storage.fill import FilledOrder
from steelyard.storage.notice import notify_owners

Fault = Callable[[str], None]
"""Called at points of a transaction by name, so that a test can end it there."""

MAX_TEXT: Final = 200
_NEVER_SENT: Final = frozenset({OrderState.DRAFT, OrderState.REVIEWED, OrderState.APPROVED})
_OVER: Final = frozenset({OrderState.CANCELLED, OrderState.REJECTED})


class _Whose(TypedDict, total=False):
    account_id: str
    order_id: UUID


class FillError(InvalidInputError):
    """What a broker says of an execution cannot be kept as it is."""

    def __init__(self, execution_id: str, why: str) -> None:
        """Name the execution and the reason."""
        super().__init__(f"fill {execution_id[:MAX_TEXT]!r} {why}.")


class Outcome(StrEnum):
    """What became of a fill."""

    BOOKED = "booked"
    WAITING = "waiting"
    """It is of a block, and is booked when that is apportioned."""
    BUSTED = "busted"
    KNOWN = "known"
    """It was recorded before; nothing changed."""
    SUSPENDED = "suspended"
    """It is kept, and the owners are told; the ledger does not say it."""
    REFUSED = "refused"
    """It is in the audit only, and the owners are told: nothing of it could be kept as it is."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a fill.

    Attributes:
        order_id: its order; None = nobody knows which.
        why: why it is in suspense; "" = it is not.
    """

    execution_id: str
    outcome: Outcome
    order_id: UUID | None
    why: str = ""


def no_fault(point: str) -> None:
    """Let a point pass."""
    del point


async def record_fill(
    db: WriteSession,
    link_id: UUID,
    fill: BrokerFill,
    *,
    today: date,
    fault: Fault = no_fault,
) -> Recorded:
    """Record what a broker executed, or took back: its row, its order, its transactions and postings, or nothing.

    Known by its execution id, it changes something once. An order that is filled beyond its quantity puts its account
    on hold. What names no order of ours, or another asset or side than its order, and what the ledger refuses, goes
    into suspense: it is kept, the owners are told, and it is tried again with each fill of its account.

    Args:
        db: the transaction to do it in; it waits for others that write the order, the ledger or the audit.
        link_id: the way to the broker that says so.
        fill: as the broker says it.
        today: the caller's date, for the ledger.
        fault: called at each point at which a test may end the transaction.

    Raises:
        FillError, AmountError: a number or a name is none that can be kept; nothing is recorded.
    """
    said = _read(link_id, fill)
    order, why = await _find_order(db, said, fill.client_order_id)
    said = await _with_owner(db, said, order, why)
    fault("fill.order_locked")
    if not await stored.add_fill(db, said, is_bust=fill.is_bust):
        known = await _change_known(db, said, is_bust=fill.is_bust)
        if known is None:
            return Recorded(said.execution_id, Outcome.KNOWN, said.order_id)
        said = known
        # its order, whatever order the broker names now
        order = None if known.order_id is None else await stored.lock_order(db, known.order_id)
    fault("fill.kept")
    return await follow_fill(db, said, order, today=today, fault=fault)


async def take_fill(
    db: WriteSession, link_id: UUID, fill: BrokerFill, *, today: date, fault: Fault = no_fault
) -> Recorded:
    """Record a fill as `record_fill`, and one that cannot be kept as it is in the audit, word for word.

    Such a fill does not keep those after it from being read: the owners are told, the account of its order is held,
    and the next reconciliation finds what it lacks.
    """
    try:
        return await record_fill(db, link_id, fill, today=today, fault=fault)
    except (FillError, AmountError) as error:
        why = str(error)
    orders = await stored.lock_orders_of_fill(db, link_id, fill.broker_order_id, fill.client_order_id)
    order = orders[0] if len(orders) == 1 else None
    if order is not None:
        reason = f"The broker executed something of order {order.order_id} that cannot be kept: {why}"
        await place_hold(db, HoldKind.BREAK, reason[:MAX_REASON], **_whose(order))
    await notify_owners(db, "fill.refuse")
    facts = {name: str(value)[:MAX_TEXT] for name, value in asdict(fill).items()} | {"why": why[:MAX_REASON]}
    await record_event(db, "fill.refuse", "broker_link", str(link_id), facts)
    return Recorded(fill.execution_id, Outcome.REFUSED, None if order is None else order.order_id, why)


async def try_suspended(db: WriteSession, link_id: UUID, broker_order_id: str, *, today: date) -> None:
    """Give fills in suspense to their order, now that the broker's key of it is known: each as if it came again.

    Args:
        db: the transaction in which the order got its key.
        link_id: the way to the broker.
        broker_order_id: the key.
        today: the caller's date, for the ledger.
    """
    await stored.lock_suspense(db, link_id)
    for fill in await stored.get_suspended_fills(db, link_id):
        if fill.order_id is None and fill.broker_order_id == broker_order_id and fill.stands:
            await record_fill(db, link_id, _as_said(fill), today=today)


def _as_said(fill: Fill) -> BrokerFill:
    return BrokerFill(
        execution_id=fill.execution_id,
        broker_order_id=fill.broker_order_id,
        client_order_id="",
        symbol=fill.symbol,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        currency=fill.currency,
        executed_at=fill.executed_at,
        fees=fill.fees,
    )


async def follow_fill(
    db: WriteSession, fill: Fill, order: FilledOrder | None, *, today: date, fault: Fault = no_fault
) -> Recorded:
    """Bring order, ledger and holds to what the fills say, now that one of them is another."""
    fills = [] if order is None else await stored.get_fills(db, order_ids=[order.order_id])
    if order is not None:
        await _move_order(db, order, fill, fills)
        if order.account_id is None:
            await wake_run(db, order.order_id)
    fault("fill.order_moved")
    settled = [] if fill.account_id is None else await settle_account(db, fill.account_id, today=today)
    fault("fill.booked")
    await tell_settled(db, settled)
    if order is not None:
        await _hold_overfill(db, order, fills)
    return await _tell(db, fill, settled)


async def _tell(db: WriteSession, before: Fill, settled: Sequence[Settled]) -> Recorded:
    """Record what became of the fill itself, where booking did not."""
    fill = await _reread(db, before)
    if all(one.fill.execution_id != fill.execution_id for one in settled):
        if fill.stands and fill.suspended_because:
            await suspend(db, fill, fill.suspended_because)
        else:
            await _tell_unbooked(db, fill)
    return Recorded(fill.execution_id, _outcome(fill), fill.order_id, fill.suspended_because)


async def _tell_unbooked(db: WriteSession, fill: Fill) -> None:
    """Record a fill that books nothing: of a block, or one that was busted before it was booked."""
    if fill.suspended_because:
        await stored.set_suspended(db, fill, "")
        await lift_suspense(db, fill)
    await record_fill_event(db, "fill.book" if fill.stands else "fill.bust", fill)


def _outcome(fill: Fill) -> Outcome:
    if not fill.stands:
        return Outcome.SUSPENDED if fill.transaction_id else Outcome.BUSTED
    if fill.suspended_because:
        return Outcome.SUSPENDED
    return Outcome.BOOKED if fill.transaction_id else Outcome.WAITING


async def _find_order(db: WriteSession, fill: Fill, client_order_id: str) -> tuple[FilledOrder | None, str]:
    """Return the order of a fill, held; or None, and why nobody can say which it is."""
    names = fill.link_id, fill.broker_order_id, client_order_id
    orders = await stored.lock_orders_of_fill(db, *names)
    if not orders:  # unless its order gets its key at this moment, and would look for it before it is there
        await stored.lock_suspense(db, fill.link_id)
        orders = await stored.lock_orders_of_fill(db, *names)
    if not orders:
        return None, "names no order of ours"
    if len(orders) > 1:
        return None, "names two orders, one by the broker's key and one by ours"
    [order] = orders
    why = _contradiction(fill, order, await stored.find_symbol(db, fill.symbol))
    return (None, why) if why else (order, "")


def _contradiction(fill: Fill, order: FilledOrder, asset_id: str | None) -> str:
    """Say why a fill cannot be of the order it names; "" = it can."""
    if order.state in _NEVER_SENT:
        return f"names order {order.order_id}, which was never sent"
    if asset_id != order.asset_id:
        return f"is of {fill.symbol!r}, and its order {order.order_id} of {order.asset_id}"
    if (fill.side, fill.currency) != (order.side, order.currency):
        said, ordered = f"{fill.side} in {fill.currency}", f"{order.side} in {order.currency}"
        return f"says {said}, and its order {order.order_id} {ordered}"
    return ""


async def _with_owner(db: WriteSession, fill: Fill, order: FilledOrder | None, why: str) -> Fill:
    if order is None:
        return replace(fill, asset_id=await stored.find_symbol(db, fill.symbol), suspended_because=why)
    return replace(fill, order_id=order.order_id, account_id=order.account_id, asset_id=order.asset_id)


async def _change_known(db: WriteSession, said: Fill, *, is_bust: bool) -> Fill | None:
    """Change the fill of an execution that is known; None = it says nothing new."""
    before = await _reread(db, said)
    if is_bust:
        changed = await stored.bust_fill(db, before)
    elif not before.stands:
        changed = False
        await stored.correct_busted_fill(db, said)
    elif before.terms != said.terms:
        changed = False
        await _hold_contradiction(db, before, said)
    else:
        changed = before.order_id is None and before.account_id is None and said.order_id is not None
        if changed:
            await stored.assign_fill(db, said)
    return await _reread(db, said) if changed else None


async def _reread(db: WriteSession, fill: Fill) -> Fill:
    """Return a fill as it stands now; its row is never deleted."""
    found = await stored.get_fill(db, fill.link_id, fill.execution_id)
    return fill if found is None else found


async def _hold_contradiction(db: WriteSession, before: Fill, said: Fill) -> None:
    """Hold an account of which a broker says the same execution twice, and not the same: a person looks."""
    reason = f"The broker says fill {said.execution_id} twice, and not the same: {_words(before)}, then {_words(said)}."
    account_id, order_id = before.account_id, None if before.account_id else before.order_id
    if account_id or order_id:
        await place_hold(db, HoldKind.BREAK, reason, account_id=account_id, order_id=order_id)
    await record_fill_event(db, "fill.contradict", before, reason=reason)


def _words(fill: Fill) -> str:
    price, fees = plain(fill.price), plain(fill.fees)
    return f"{fill.side} {plain(fill.quantity)} {fill.symbol} at {price} {fill.currency}, fees {fees}"


async def _move_order(db: WriteSession, order: FilledOrder, fill: Fill, fills: Sequence[Fill]) -> None:
    """Say how much of an order is filled and where that leaves it."""
    filled = filled_quantity(fills)
    is_late = order.state in _OVER
    ended = None if filled else await stored.get_ended_state(db, order.order_id)
    reason = _reason(fill, order.state)
    for number, state in enumerate(moves_after(order.state, order.quantity, filled, ended) or (order.state,)):
        at = replace(order, version=order.version + number)
        await stored.move_order(db, at, state, filled=filled, fill=fill, reason=reason, is_late=is_late)


def _reason(fill: Fill, state: OrderState) -> str:
    if not fill.stands:
        return f"the broker took fill {fill.execution_id} back"
    return f"fill {fill.execution_id} came after it was {state}" if state in _OVER else ""


async def _hold_overfill(db: WriteSession, order: FilledOrder, fills: Sequence[Fill]) -> None:
    """Hold the account of an order of which more was executed than ordered, until busts take it back."""
    reason = (
        f"The broker executed more than order {order.order_id} says: {order.side} {plain(order.quantity)} "
        f"{order.asset_id}. Settle it with the broker, then release."
    )
    whose = _whose(order)
    if filled_quantity(fills) > order.quantity:
        await place_hold(db, HoldKind.OVERFILL, reason, **whose)
    elif order.filled_quantity > order.quantity:
        await lift_hold(db, HoldKind.OVERFILL, reason, "what was too much was taken back", **whose)


def _whose(order: FilledOrder) -> _Whose:
    """Say what is held because of an order: its account, or the block that has none."""
    return {"account_id": order.account_id} if order.account_id else {"order_id": order.order_id}


def _read(link_id: UUID, fill: BrokerFill) -> Fill:
    """Read what a broker says, as far as it can be kept exactly."""
    _require_text(fill)
    quantity, price, fees = (_number(fill, name) for name in ("quantity", "price", "fees"))
    if not quantity or fees != round(fees, MONEY_PLACES):
        raise FillError(fill.execution_id, f"has no quantity, or fees finer than {MONEY_PLACES} decimals")
    return Fill(
        link_id=link_id,
        execution_id=fill.execution_id,
        symbol=fill.symbol,
        side=fill.side,
        quantity=quantity,
        price=price,
        currency=fill.currency,
        executed_at=fill.executed_at,
        fees=fees,
        broker_order_id=fill.broker_order_id,
    )


def _number(fill: BrokerFill, name: str) -> Decimal:
    number = read_amount(f"{name} of fill {fill.execution_id}", getattr(fill, name))
    if number < 0:
        raise FillError(fill.execution_id, f"has a {name} below 0: {number}")
    return number


def _require_text(fill: BrokerFill) -> None:
    for name in ("execution_id", "broker_order_id", "client_order_id", "symbol"):
        text = getattr(fill, name)
        if len(text) > MAX_TEXT or not text.isprintable():
            raise FillError(
                fill.execution_id,
                f"has a {name} longer than {MAX_TEXT} characters, or one that does not print",
            )
    if not fill.execution_id:
        raise FillError(fill.execution_id, "has no execution id, so nobody could tell when it comes again")
    if fill.currency not in CURRENCIES:
        raise FillError(fill.execution_id, f"is in {fill.currency[:8]!r}, which is no currency")
    if fill.executed_at.tzinfo is None:
        raise FillError(fill.execution_id, f"was executed at {fill.executed_at}, without an offset from UTC")
