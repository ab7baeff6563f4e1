"""Orders at a broker and what it executes of them, for tests that need no broker."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from people import run
from steelyard.brokers.port import BrokerFill
from steelyard.domain.order import Side

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)

PATHS = {
    "reviewed": ("reviewed",),
    "approved": ("reviewed", "approved"),
    "sending": ("reviewed", "approved", "sending"),
    "sent": ("reviewed", "approved", "sending", "sent"),
    "unknown": ("reviewed", "approved", "sending", "unknown"),
    "cancelled": ("reviewed", "approved", "sending", "sent", "cancelled"),
    "rejected": ("reviewed", "approved", "sending", "rejected"),
}
"""By which states an order comes to one."""

_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An order at a broker."""

    link_id: UUID
    order_id: UUID
    account_id: str
    asset_id: str
    side: Side
    quantity: Decimal
    client_order_id: str
    broker_order_id: str = ""
    numbers: Any = field(default_factory=lambda: count(1))

    def fill(self, quantity: str, price: str = "100", **others: Any) -> BrokerFill:
        """Make a fill of it, a minute after the one before."""
        number = next(self.numbers)
        values = {
            "execution_id": f"{self.client_order_id}-{number}",
            "broker_order_id": self.broker_order_id,
            "client_order_id": self.client_order_id,
            "symbol": self.asset_id,
            "side": self.side,
            "quantity": Decimal(quantity),
            "price": Decimal(price),
            "currency": "USD",
            "executed_at": NOON + timedelta(minutes=number),
        }
        return BrokerFill(**values | others)


async def add_link(broker: str = "paper", tenant_id: int = 1) -> UUID:
    rows = await run(
        "insert into steelyard.broker_links (tenant_id, broker, link_name, made_by) "
        "values (:tenant, :broker, :name, 'operator') returning link_id",
        tenant=tenant_id,
        broker=broker,
        name=f"link {next(_numbers)}",
    )
    link_id = rows[0][0]
    assert isinstance(link_id, UUID)
    return link_id


async def add_asset(asset_id: str, currency: str = "USD", exchange: str | None = "XNYS") -> None:
    await run(
        "insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency, exchange) "
        "values (:id, :id, 'Equity', :currency, :exchange) on conflict do nothing",
        id=asset_id,
        currency=currency,
        exchange=exchange,
    )


async def add_traded_account(*, may_overdraw: bool = True, may_short: bool = True) -> str:
    """Add an account that the ledger keeps, under a name of its own."""
    account_id = f"A-{next(_numbers)}"
    await run(
        "insert into steelyard.accounts "
        "(tenant_id, account_id, account_name, base_currency, kept_by, may_overdraw, may_short) "
        "values (1, :id, :id, 'USD', 'ledger', :may_overdraw, :may_short)",
        id=account_id,
        may_overdraw=may_overdraw,
        may_short=may_short,
    )
    return account_id


async def add_order(
    link_id: UUID,
    account_id: str,
    quantity: str = "10",
    *,
    side: Side = Side.BUY,
    asset_id: str = "VTI",
    state: str = "sent",
    lots: str = "[]",
    broker_order_id: str = "",
) -> Sent:
    """Add an order and lead it to a state, as its proposal, its approval and a worker do."""
    await add_asset(asset_id)
    name = f"c-{uuid4()}"
    rows = await run(
        "insert into steelyard.orders (tenant_id, account_id, link_id, asset_id, side, quantity, order_type, currency, "
        "reference_price, order_value, lots, state, client_order_id) values (1, :account, :link, :asset, :side, "
        ":quantity, 'market', 'USD', 100, 1000, cast(:lots as jsonb), 'draft', :name) returning order_id",
        account=account_id,
        link=link_id,
        asset=asset_id,
        side=side.value,
        quantity=Decimal(quantity),
        lots=lots,
        name=name,
    )
    order_id = rows[0][0]
    assert isinstance(order_id, UUID)
    for step in PATHS[state]:
        await move(order_id, step, broker_order_id)
    return Sent(
        link_id=link_id,
        order_id=order_id,
        account_id=account_id,
        asset_id=asset_id,
        side=side,
        quantity=Decimal(quantity),
        client_order_id=name,
        broker_order_id=broker_order_id,
    )


async def move(order_id: UUID, state: str, broker_order_id: str = "") -> None:
    await run(
        "update steelyard.orders set state = :state, version = version + 1, released_at = :now, lease_until = :now, "
        "broker_order_id = coalesce(broker_order_id, nullif(:broker_order_id, '')) where order_id = :id",
        state=state,
        now=NOON,
        broker_order_id=broker_order_id,
        id=order_id,
    )
