"""A worker at a bench: a paper broker whose faults are planned, a clock that is set, and the worker's own hand."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

from orders import NOON, add_asset, add_link, add_trading_account, put_order, read, transaction
from people import run
from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.paper_faults import Call, Fault, FaultPlan, faults_in_order, no_faults
from steelyard.brokers.paper_market import PaperSettings
from steelyard.brokers.port import Broker
from steelyard.domain.order import ENDED, Order, OrderState
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.market.port import CheckedPrice, Quality
from steelyard.services.ledger import record_transactions
from steelyard.services.order_hand import Hand, no_fault
from steelyard.services.order_rules import Timing
from steelyard.services.order_worker import OrderWorker
from steelyard.services.retrying import Patience
from steelyard.storage.connection import WriteSession

CASH = Decimal(1_000_000)
WINDOW = timedelta(seconds=10)
QUICK = Timing(call=timedelta(seconds=5), lease=timedelta(seconds=30))
KEEPS = PaperSettings(settle_window=WINDOW)
FORGETS = PaperSettings(settle_window=WINDOW, keeps_client_ids=False)


class Clock:
    """The time, as the test says."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, **period: float) -> None:
        self.now += timedelta(**period)


@dataclass(slots=True)
class Workshop:
    """A broker, a clock, and workers that share both.

    Attributes:
        accounts: they hold cash and 1,000 VTI each, and share one account at the broker.
        prices: symbol → what it costs; not there = nobody knows.
        fault: called at each point at which a worker may die.
    """

    broker: PaperBroker
    link_id: UUID
    accounts: Sequence[str]
    clock: Clock
    prices: dict[str, Decimal]
    fault: Callable[[str], None] = no_fault
    plan: list[FaultPlan] = field(default_factory=lambda: [no_faults])
    numbers: Any = field(default_factory=lambda: count(1))

    def worker(self, name: str = "w1", *, timing: Timing = QUICK, at_once: int = 8) -> OrderWorker:
        return OrderWorker(self.hand(timing), name, token=lambda: str(next(self.numbers)), at_once=at_once)

    def hand(self, timing: Timing = QUICK) -> Hand:
        return Hand(
            clock=self.clock,
            open_broker=self._open,
            account_number=no_number,
            read_price=self._price,
            fault=self._die,
            timing=timing,
            patience=Patience(attempts=1),
        )

    def go_wrong(self, *faults: tuple[Call, Fault | None]) -> None:
        """Let the next calls go wrong."""
        self.plan[0] = faults_in_order(faults)

    async def work(self, *orders: Order, rounds: int = 20, seconds: float = 2) -> None:
        """Work round after round, some seconds between them, until orders have ended or wait for a person."""
        worker = self.worker()
        for _ in range(rounds):
            await worker.work()
            self.clock.go_on(seconds=seconds)
            if orders and all([is_over(await read(order.order_id)) for order in orders]):
                return

    async def order(self, state: OrderState = OrderState.APPROVED, **what: Any) -> Order:
        """Put an executed order there, of the first account unless told otherwise, and let it be due."""
        what = {"account_id": self.accounts[0]} | what
        then = {"released_at": self.clock(), "due_at": self.clock()} | what.pop("then", {})
        async with transaction() as db:
            return await put_order(db, state, now=self.clock(), link_id=self.link_id, then=then, **what)

    async def placed(self) -> list[str]:
        """Client ids, or where it keeps none ids, of the orders that the broker took, in their order."""
        listed = await self.broker.list_orders(datetime.min.replace(tzinfo=NOON.tzinfo))
        return [found.client_order_id or found.broker_order_id for found in listed]

    def _die(self, point: str) -> None:
        self.fault(point)

    async def _open(self, link_id: UUID) -> Broker:
        assert link_id == self.link_id
        return self.broker

    async def _price(self, order: Order) -> CheckedPrice:
        return checked(order, self.prices.get(order.asset_id), self.clock())


def is_over(order: Order) -> bool:
    return order.state in ENDED or order.raised_at is not None


def checked(order: Order, price: Decimal | None, now: datetime) -> CheckedPrice:
    quality = Quality.MISSING if price is None else Quality.GOOD
    return CheckedPrice(
        asset_id=order.asset_id,
        price=price,
        currency=order.currency,
        made_at=now,
        source="test",
        quality=quality,
        doubt="" if price else f"{order.asset_id} has no price",
    )


async def no_number(db: WriteSession, account_id: str) -> str:
    del db, account_id
    return ""


async def no_sleep(seconds: float) -> None:
    del seconds
    await asyncio.sleep(0)


@asynccontextmanager
async def opened_workshop(
    folder: Path, settings: PaperSettings = KEEPS, *, accounts: int = 1, cash: Decimal = CASH
) -> AsyncIterator[Workshop]:
    """Open a broker with accounts that hold cash and 1,000 VTI each, here and there."""
    clock, prices = Clock(), {"VTI": Decimal(100), "BND": Decimal(50)}
    link_id = await add_link(f"paper {token_hex(8)}")
    plan: list[FaultPlan] = [no_faults]

    async def price_of(symbol: str) -> Decimal | None:
        return prices.get(symbol)

    def planned(call: Call) -> Fault | None:
        return plan[0](call)

    broker = PaperBroker(
        folder / f"{link_id}.sqlite",
        str(link_id),
        price_of=price_of,
        clock=clock,
        chance=random.Random(1),  # noqa: S311 - parts of orders, no secret
        settings=settings,
        faults=planned,
        sleep=no_sleep,
    )
    for asset_id in prices:
        await add_asset(asset_id)
    names = [f"A-{token_hex(4)}" for _ in range(accounts)]
    for account_id in names:
        await add_trading_account(account_id, link_id)
        await fund(account_id, cash, {"VTI": Decimal(1000)})
        await broker.open_account(account_id, "", {"USD": cash}, {"VTI": Decimal(1000)})
    try:
        yield Workshop(broker, link_id, names, clock, prices, plan=plan)
    finally:
        await broker.close()
        await run("update steelyard.broker_links set ended_at = now() where link_id = :id", id=link_id)
        await run(
            "update steelyard.orders set due_at = null, version = version + 1 "
            "where link_id = :id and due_at is not null",
            id=link_id,
        )


async def fund(account_id: str, cash: Decimal, units: Mapping[str, Decimal]) -> None:
    """Book what an account has, in the ledger."""
    day = date(2026, 1, 5)
    rows = [
        Transaction(
            transaction_id=f"{account_id}-cash",
            kind=TransactionKind.DEPOSIT,
            trade_date=day,
            account_id=account_id,
            currency="USD",
            amount=cash + sum((quantity * 100 for quantity in units.values()), Decimal(0)),
        )
    ]
    for asset_id, quantity in units.items():
        rows.append(
            Transaction(
                transaction_id=f"{account_id}-{asset_id}",
                kind=TransactionKind.BUY,
                trade_date=day,
                account_id=account_id,
                asset_id=asset_id,
                quantity=quantity,
                amount=quantity * 100,
                currency="USD",
            )
        )
    await record_transactions(rows, today=NOON.date())


async def ledger_of(account_id: str) -> dict[str, Decimal]:
    """What the ledger says an account has."""
    rows = await run(
        "select commodity, quantity from steelyard.balances where account_id = :id and quantity <> 0",
        id=account_id,
    )
    return {str(commodity): Decimal(str(quantity)) for commodity, quantity in rows}


async def holdings_at(broker: PaperBroker) -> dict[str, Decimal]:
    """What the broker says its account has."""
    account = await broker.get_account()
    held = account.cash | {one.symbol: one.quantity for one in account.positions}
    return {commodity: quantity for commodity, quantity in held.items() if quantity}


async def states(*orders: Order) -> list[OrderState]:
    return [(await read(order.order_id)).state for order in orders]


def timing(**periods: float) -> Timing:
    return replace(QUICK, **{name: timedelta(seconds=seconds) for name, seconds in periods.items()})
