"""Orders in the store: drafted, read page by page, changed one version at a time, claimed by workers."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.order import LotTaken, Order, OrderState, OrderType, Side, may_become
from steelyard.errors import ConflictError
from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query

_COLUMNS: Final = tuple(field.name for field in fields(Order))
_NUMBERS: Final = ("quantity", "filled_quantity", "reference_price", "order_value")


class OrderMovedError(ConflictError):
    """Somebody else changed an order since it was read."""

    def __init__(self, order_id: UUID, version: int) -> None:
        """Name the order and the version that was read."""
        super().__init__(
            f"Order {order_id} is no longer at version {version}: somebody else, or its fills, changed it. Nothing was "
            "done; look at it and decide again."
        )


class NoSuchMoveError(ConflictError):
    """An order cannot go from its state to another."""

    def __init__(self, order_id: UUID, state: OrderState, other: OrderState) -> None:
        """Name the order and both states."""
        super().__init__(
            f"Order {order_id} is {state.value} and cannot become {other.value}. Nothing was done."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What an order is, before the store knows it.

    Attributes: as `Order`.
    """

    account_id: str | None
    asset_id: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    currency: str
    reference_price: Decimal
    order_value: Decimal
    client_order_id: str
    phase: int = 1
    lots: tuple[LotTaken, ...] = ()
    proposal_id: UUID | None = None
    run_id: UUID | None = None
    block_id: UUID | None = None
    link_id: UUID | None = None
    replaces: UUID | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """A state an order was in.

    Attributes:
        version: its version then.
        from_state: before; None = it was made.
        to_state: after.
        reason: why.
        actor: who, as the audit names them.
        at: when, UTC.
    """

    version: int
    from_state: OrderState | None
    to_state: OrderState
    reason: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders; None = of any."""

    account_id: str | None = None
    proposal_id: UUID | None = None
    run_id: UUID | None = None
    states: Collection[OrderState] | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """An order in a worker's hand.

    Attributes:
        order: as it is now, with the worker's lease.
        lost_owner: the worker whose lease ran out while it had the order in hand; None = nobody had.
    """

    order: Order
    lost_owner: str | None


# ── Drafting and reading ────────────────────────────────────────────────────────────────────────────────


async def add_order(db: WriteSession, new: NewOrder, *, now: datetime) -> Order:
    """Draft an order, and return it with the key the server made."""
    values = {field.name: getattr(new, field.name) for field in fields(NewOrder)}
    lots = [{"lot_id": lot.lot_id, "quantity": f"{lot.quantity:f}"} for lot in new.lots]
    row = await db.execute(query("add_order"), {**values, "lots": json.dumps(lots), "now": now})
    return _order(row.mappings().one())


async def get_order(db: AsyncSession, order_id: UUID) -> Order | None:
    """Return an order; None = there is none, or it is not the user's to see."""
    row = (await db.execute(query("get_order"), {"order_id": order_id})).mappings().one_or_none()
    return None if row is None else _order(row)


async def hold_order(db: WriteSession, order_id: UUID) -> Order | None:
    """Return an order that nobody else changes until this transaction ends; None as in `get_order`."""
    row = (await db.execute(query("hold_order"), {"order_id": order_id})).mappings().one_or_none()
    return None if row is None else _order(row)


async def list_orders(
    db: AsyncSession,
    wanted: OrderFilter,
    *,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Order]:
    """Return orders, the newest first.

    Args:
        db: where.
        wanted: which.
        before: when the last of the page before was made, and its id.
        limit: how many at most.
    """
    made_at, order_id = before or (None, None)
    values = {
        "account_id": wanted.account_id,
        "proposal_id": wanted.proposal_id,
        "run_id": wanted.run_id,
        "states": None if wanted.states is None else [state.value for state in wanted.states],
        "before": made_at,
        "before_id": order_id,
        "most": limit,
    }
    return [_order(row) for row in (await db.execute(query("list_orders"), values)).mappings()]


async def list_order_events(db: AsyncSession, order_id: UUID) -> list[OrderEvent]:
    """Return the states an order was in, the first first."""
    rows = (await db.execute(query("list_order_events"), {"order_id": order_id})).mappings()
    return [
        OrderEvent(
            **{
                **row,
                "from_state": row["from_state"] and OrderState(row["from_state"]),
                "to_state": OrderState(row["to_state"]),
            }
        )
        for row in rows
    ]


# ── Changing ────────────────────────────────────────────────────────────────────────────────────────────


async def save_order(db: WriteSession, read: Order, changed: Order, *, now: datetime) -> Order:
    """Change an order from what was read to what it is to be, and return it at its next version.

    Args:
        db: where.
        read: as it was read.
        changed: the same with other states, times and leases; what is asked of the broker stands for good.
        now: the time.

    Raises:
        NoSuchMoveError: its state cannot become that one.
        OrderMovedError: it is no longer at the version that was read.
    """
    if changed.state is not read.state and not may_become(read.state, changed.state):
        raise NoSuchMoveError(read.order_id, read.state, changed.state)
    values = {name: getattr(changed, name) for name in _COLUMNS}
    rows = await db.execute(query("save_order"), values | {"version": read.version, "now": now})
    row = rows.mappings().one_or_none()
    if row is None:
        raise OrderMovedError(read.order_id, read.version)
    return _order(row)


async def move_orders(
    db: WriteSession,
    from_state: OrderState,
    to_state: OrderState,
    *,
    proposal_id: UUID | None = None,
    run_id: UUID | None = None,
    reason: str = "",
    now: datetime,
) -> list[UUID]:
    """Bring the orders of a proposal, or the blocks and orders of a run, from one state to another; return which."""
    values = {
        "from_state": from_state,
        "to_state": to_state,
        "proposal_id": proposal_id,
        "run_id": run_id,
        "reason": reason,
        "now": now,
    }
    return list((await db.execute(query("move_orders"), values)).scalars())


async def release_orders(db: WriteSession, proposal_id: UUID, *, now: datetime) -> list[UUID]:
    """Give the approved orders of a proposal to the workers, each with the link of its account; return which.

    Those of an account without a link, and those that a block is sent in place of, stay as they are.
    """
    values = {"proposal_id": proposal_id, "now": now}
    return list((await db.execute(query("release_orders"), values)).scalars())


# ── Workers ─────────────────────────────────────────────────────────────────────────────────────────────


async def find_due_tenants(db: AsyncSession, now: datetime) -> list[int]:
    """Return the tenants of which something is due for a worker; asked before anybody acts for one."""
    return list((await db.execute(query("find_due_tenants"), {"now": now})).scalars())


async def claim_orders(
    db: WriteSession, *, owner: str, now: datetime, until: datetime, most: int
) -> list[Claim]:
    """Take orders that are due in hand, and leave those that another worker is waited for.

    Args:
        db: works for the tenant.
        owner: the worker, under a name that no other has.
        now: the time.
        until: until when the worker is waited for.
        most: how many.
    """
    values = {"owner": owner, "now": now, "until": until, "most": most}
    rows = (await db.execute(query("claim_orders"), values)).mappings()
    return [Claim(_order(row), row["lost_owner"]) for row in rows]


async def count_open_sells(db: AsyncSession, proposal_id: UUID) -> int:
    """Return how many sells of a proposal may still bring in cash."""
    count: int = (await db.execute(query("count_open_sells"), {"proposal_id": proposal_id})).scalar_one()
    return count


async def get_free_cash(db: WriteSession, order: Order) -> Decimal:
    """Return what the ledger says an order's account has in its currency, less what its other buys may take.

    Nobody else is told it of this account until the transaction ends.
    """
    await db.execute(query("lock_cash"), {"account_id": order.account_id})
    values = {"account_id": order.account_id, "currency": order.currency, "order_id": order.order_id}
    return _trimmed((await db.execute(query("get_free_cash"), values)).scalar_one())


async def count_replacements(db: AsyncSession, order_id: UUID) -> int:
    """Return how many orders stand in the place of an order, those left out that were given up."""
    count: int = (await db.execute(query("count_replacements"), {"order_id": order_id})).scalar_one()
    return count


async def list_claimed(db: AsyncSession, link_id: UUID, broker_order_ids: Sequence[str]) -> set[str]:
    """Return which of these orders of a broker are orders of ours."""
    values = {"link_id": link_id, "broker_order_ids": list(broker_order_ids)}
    return set((await db.execute(query("list_claimed"), values)).scalars())


async def count_alike(db: AsyncSession, order: Order) -> int:
    """Return how many orders of ours a broker's order like this one could be, itself included."""
    values = {
        "link_id": order.link_id,
        "asset_id": order.asset_id,
        "side": order.side,
        "quantity": order.quantity,
    }
    count: int = (await db.execute(query("count_alike"), values)).scalar_one()
    return count


def _order(row: RowMapping) -> Order:
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    lots = tuple(LotTaken(lot["lot_id"], Decimal(lot["quantity"])) for lot in json.loads(row["lots"]))
    return Order(
        **values
        | {
            "side": Side(row["side"]),
            "order_type": OrderType(row["order_type"]),
            "state": OrderState(row["state"]),
            "lots": lots,
            "limit_price": None if row["limit_price"] is None else _trimmed(row["limit_price"]),
        }
        | {name: _trimmed(row[name]) for name in _NUMBERS}
    )


def _trimmed(number: Decimal) -> Decimal:
    """Leave out the zeros that a column of so many places adds: brokers are told 10, and not 10.000000000000."""
    plain = number.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


# ── Fills of a link ─────────────────────────────────────────────────────────────────────────────────────


async def claim_link(db: WriteSession, *, now: datetime, until: datetime) -> UUID | None:
    """Take the reading of the fills of a link in hand, the one that waited longest; None = none is due."""
    values = {"now": now, "until": until}
    link_id: UUID | None = (await db.execute(query("claim_link"), values)).scalar_one_or_none()
    return link_id


async def get_fills_page(db: AsyncSession, link_id: UUID) -> str:
    """Return how far the fills of a link were read, in the broker's words."""
    page: str = (await db.execute(query("get_fills_page"), {"link_id": link_id})).scalar_one()
    return page


async def may_be_on_its_way(
    db: WriteSession,
    link_id: UUID,
    *,
    broker_order_id: str,
    client_order_id: str,
    symbol: str,
    side: Side,
    sent_until: datetime,
) -> bool:
    """Tell whether a fill is of no order of ours yet, while the answer to a call that may have made its order is out.

    Args:
        db: a session.
        link_id: the link.
        broker_order_id: what the broker calls its order.
        client_order_id: what we do, as the broker says; "" = it does not.
        symbol: what the broker calls the asset.
        side: which way it went.
        sent_until: an order that was sent later cannot have been executed then.
    """
    values = {
        "link_id": link_id,
        "broker_order_id": broker_order_id,
        "client_order_id": client_order_id,
        "symbol": symbol,
        "side": side,
        "sent_until": sent_until,
    }
    is_out: bool = (await db.execute(query("may_be_on_its_way"), values)).scalar_one()
    return is_out


async def turn_fills_page(db: WriteSession, link_id: UUID, before: str, after: str) -> None:
    """Note how far the fills of a link were read, unless another reader was faster."""
    await db.execute(query("turn_fills_page"), {"link_id": link_id, "before": before, "after": after})


async def set_fills_due(db: WriteSession, link_id: UUID, *, soon: datetime, later: datetime) -> None:
    """Say when the fills of a link are to be read next: soon where orders of it are open, else later."""
    await db.execute(query("set_fills_due"), {"link_id": link_id, "soon": soon, "later": later})
