"""Fills at rest, and what they change of their orders."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from steelyard.domain.fill import Fill
from steelyard.domain.order import LotTaken, OrderState, Side
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class FilledOrder:
    """What of an order its fills need to know, or change.

    Attributes:
        account_id: None = a block.
        version: counts up with each change; it is held until the transaction ends.
    """

    order_id: UUID
    account_id: str | None
    link_id: UUID | None
    asset_id: str
    side: Side
    quantity: Decimal
    currency: str
    lots: tuple[LotTaken, ...]
    state: OrderState
    version: int
    filled_quantity: Decimal


async def lock_orders_of_fill(
    db: WriteSession, link_id: UUID, broker_order_id: str, client_order_id: str
) -> list[FilledOrder]:
    """Return the orders that a fill names, by the broker's key or by ours; two where the keys disagree."""
    values = {"link_id": link_id, "broker_order_id": broker_order_id, "client_order_id": client_order_id}
    return [_order_of(row) for row in await db.execute(query("lock_orders_of_fill"), values)]


async def lock_suspense(db: WriteSession, link_id: UUID) -> None:
    """Let nobody else put fills of a link into suspense, or look for some there, until this transaction ends."""
    await db.execute(query("lock_suspense"), {"link_id": str(link_id)})


async def lock_order(db: WriteSession, order_id: UUID) -> FilledOrder | None:
    """Return an order by its key, held until the transaction ends; None = there is none."""
    row = (await db.execute(query("lock_order"), {"order_id": order_id})).one_or_none()
    return None if row is None else _order_of(row)


async def get_lots(db: WriteSession, order_id: UUID) -> tuple[LotTaken, ...]:
    """Return the lots that an order names; they never change."""
    return _lots_of((await db.execute(query("get_order_lots"), {"order_id": order_id})).scalar_one())


async def get_ended_state(db: WriteSession, order_id: UUID) -> OrderState | None:
    """Return the last state in which the broker had ended an order; None = it never did."""
    state = (await db.execute(query("get_ended_state"), {"order_id": order_id})).scalar_one_or_none()
    return None if state is None else OrderState(state)


async def move_order(
    db: WriteSession,
    order: FilledOrder,
    state: OrderState,
    *,
    filled: Decimal,
    fill: Fill,
    reason: str,
    is_late: bool,
) -> None:
    """Say how much of an order is filled, and where that leaves it; the order is held by this transaction."""
    values = {
        "order_id": order.order_id,
        "version": order.version,
        "state": state.value,
        "filled_quantity": filled,
        "broker_order_id": fill.broker_order_id,
        "executed_at": fill.executed_at,
        "reason": reason,
        "is_late": is_late,
    }
    await db.execute(query("move_filled_order"), values)


async def get_exchange(db: ReadSession | WriteSession, asset_id: str) -> str | None:
    """Return the MIC of an asset's exchange; None = it is not known."""
    exchange: str | None = (
        await db.execute(query("get_exchange"), {"asset_id": asset_id})
    ).scalar_one_or_none()
    return exchange


async def find_symbol(db: ReadSession | WriteSession, symbol: str) -> str | None:
    """Return the asset that a broker calls by a symbol; None = there is none."""
    asset_id: str | None = (await db.execute(query("find_symbol"), {"symbol": symbol})).scalar_one_or_none()
    return asset_id


async def add_fill(db: WriteSession, fill: Fill, *, is_bust: bool) -> bool:
    """Write a fill down, as busted where that comes first; False = its execution is known, and nothing was changed."""
    found = await db.execute(query("add_fill"), _values(fill) | {"is_bust": is_bust})
    return found.scalar_one_or_none() is not None


async def correct_busted_fill(db: WriteSession, fill: Fill) -> None:
    """Take the words of a fill that comes after it was busted, in place of those of the bust."""
    await db.execute(query("correct_busted_fill"), _values(fill))


async def bust_fill(db: WriteSession, fill: Fill) -> bool:
    """Note that the broker took a fill back; False = that was known."""
    found = await db.execute(query("bust_fill"), _key(fill))
    return found.scalar_one_or_none() is not None


async def set_booked(db: WriteSession, fill: Fill, transaction_id: str | None) -> None:
    """Note which transaction books a fill; None = none does."""
    await db.execute(query("set_fill_booked"), _key(fill) | {"transaction_id": transaction_id})


async def set_suspended(db: WriteSession, fill: Fill, why: str) -> None:
    """Note why the ledger does not say what it should of a fill; "" = it does."""
    await db.execute(query("set_fill_suspended"), _key(fill) | {"why": why})


async def assign_fill(db: WriteSession, fill: Fill) -> None:
    """Say of a fill in suspense whose it is: order, account and asset as `fill` has them."""
    values = {"order_id": fill.order_id, "account_id": fill.account_id, "asset_id": fill.asset_id}
    await db.execute(query("assign_fill"), _key(fill) | values)


async def get_fill(db: ReadSession | WriteSession, link_id: UUID, execution_id: str) -> Fill | None:
    """Return a fill by its execution; None = it is not known."""
    values = {"link_id": link_id, "execution_id": execution_id}
    row = (await db.execute(query("get_fill"), values)).one_or_none()
    return None if row is None else _fill_of(row)


async def get_fills(db: ReadSession | WriteSession, *, order_ids: Sequence[UUID]) -> list[Fill]:
    """Return the fills of some orders, in the order of their execution."""
    rows = await db.execute(query("get_fills_of_orders"), {"order_ids": list(order_ids)})
    return [_fill_of(row) for row in rows]


async def get_booked_terms(
    db: ReadSession, link_id: UUID, execution_ids: Sequence[str]
) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """Return execution → its quantity, price and fees, of those that are booked and stand."""
    values = {"link_id": link_id, "execution_ids": list(execution_ids)}
    rows = await db.execute(query("get_booked_terms"), values)
    return {row.execution_id: (row.quantity, row.price, row.fees) for row in rows}


async def get_unsettled_fills(db: WriteSession, account_id: str) -> list[Fill]:
    """Return the fills of an account that stand and are not booked, or were busted and still are."""
    rows = await db.execute(query("get_unsettled_fills"), {"account_id": account_id})
    return [_fill_of(row) for row in rows]


async def get_suspended_fills(
    db: ReadSession | WriteSession,
    link_id: UUID | None = None,
    *,
    account_id: str | None = None,
    household_id: str | None = None,
) -> list[Fill]:
    """Return the fills in suspense, of a link or of all, in the order of their execution.

    Args:
        db: where to read.
        link_id: of this link.
        account_id: of this account, and those that are nobody's yet.
        household_id: of the accounts of this household, and those that are nobody's yet.
    """
    values = {"link_id": link_id, "account_id": account_id, "household_id": household_id}
    return [_fill_of(row) for row in await db.execute(query("get_suspended_fills"), values)]


async def list_fills(
    db: ReadSession | WriteSession,
    *,
    order_id: UUID | None,
    account_id: str | None,
    household_id: str | None = None,
    before: tuple[datetime, str, UUID] | None,
    most: int,
) -> list[Fill]:
    """Return some fills, the newest first.

    Args:
        db: where to read.
        order_id: of this order.
        account_id: of this account.
        household_id: of the accounts of this household.
        before: moment, execution and link to go on from; that one is not in the answer.
        most: at most so many.
    """
    moment, execution_id, link_id = before or (None, None, None)
    values = {
        "order_id": order_id,
        "account_id": account_id,
        "household_id": household_id,
        "before": moment,
        "before_id": execution_id,
        "before_link": link_id,
        "most": most,
    }
    return [_fill_of(row) for row in await db.execute(query("list_fills"), values)]


def _order_of(row: Row[Any]) -> FilledOrder:
    values = row._asdict()
    named = {
        "side": Side(values["side"]),
        "state": OrderState(values["state"]),
        "lots": _lots_of(values["lots"]),
    }
    return FilledOrder(**values | named)


def _lots_of(text: str) -> tuple[LotTaken, ...]:
    named = json.loads(text, parse_float=Decimal)
    return tuple(LotTaken(lot["lot_id"], Decimal(lot["quantity"])) for lot in named)


def _fill_of(row: Row[Any]) -> Fill:
    values = row._asdict()
    return Fill(**values | {"side": Side(values["side"])})


def _key(fill: Fill) -> dict[str, Any]:
    return {"link_id": fill.link_id, "execution_id": fill.execution_id}


def _values(fill: Fill) -> dict[str, Any]:
    names = (
        "order_id",
        "account_id",
        "asset_id",
        "broker_order_id",
        "symbol",
        "quantity",
        "price",
        "currency",
    )
    more = ("fees", "executed_at", "suspended_because")
    return _key(fill) | {name: getattr(fill, name) for name in names + more} | {"side": fill.side.value}
