"""A paper broker whose clock, prices, chance and faults a test holds in its hands."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.paper_faults import FaultPlan, no_faults
from steelyard.brokers.paper_market import PaperSettings
from steelyard.brokers.port import BrokerFill, BrokerOrder, OrderRequest
from steelyard.domain.order import OrderType, Side

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)


@dataclass(slots=True)
class Market:
    """What time it is, and what everything costs."""

    prices: dict[str, Decimal | None] = field(
        default_factory=lambda: {"VTI": Decimal(100), "BND": Decimal(50)}
    )
    now: datetime = NOON
    slept: list[float] = field(default_factory=list)

    async def price_of(self, symbol: str) -> Decimal | None:
        return self.prices.get(symbol)

    def clock(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.wait(seconds)


def open_paper(
    folder: Path,
    market: Market,
    *,
    link: str = "L",
    faults: FaultPlan = no_faults,
    seed: int = 1,
    **settings: Any,
) -> PaperBroker:
    """Open a link to the paper broker in a folder."""
    return PaperBroker(
        folder / "paper.sqlite",
        link,
        price_of=market.price_of,
        clock=market.clock,
        chance=random.Random(seed),  # noqa: S311 - the same every time
        settings=PaperSettings(**settings),
        faults=faults,
        sleep=market.sleep,
    )


async def with_money(broker: PaperBroker, cash: str = "10000", **units: str) -> PaperBroker:
    """Give the account of the link money and units."""
    await broker.open_account(
        "T", "", {"USD": Decimal(cash)}, {symbol: Decimal(number) for symbol, number in units.items()}
    )
    return broker


def order(
    client_order_id: str = "S1",
    side: Side = Side.BUY,
    quantity: str = "10",
    *,
    symbol: str = "VTI",
    limit: str | None = None,
    account: str = "",
) -> OrderRequest:
    """Ask to buy 10 VTI at the market, unless told otherwise."""
    return OrderRequest(
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=None if limit is None else Decimal(limit),
        currency="USD",
        account_number=account,
    )


async def all_fills(broker: PaperBroker) -> Sequence[BrokerFill]:
    """Read all fills, page by page."""
    fills: list[BrokerFill] = []
    place, is_last = "", False
    while not is_last:
        page = await broker.list_fills(place)
        fills += page.fills
        place, is_last = page.next, page.is_last
    return fills


async def found(broker: PaperBroker, client_order_id: str = "S1") -> BrokerOrder:
    """Look up an order that is there."""
    order = await broker.find_order(client_order_id)
    assert order is not None
    return order


async def holdings(broker: PaperBroker, account: str = "") -> tuple[Decimal, dict[str, Decimal]]:
    """Read dollars and units."""
    said = await broker.get_account(account)
    return said.cash["USD"], {one.symbol: one.quantity for one in said.positions}
