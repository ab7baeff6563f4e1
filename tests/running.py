"""Runs for tests: accounts of different sizes that follow one model, one paper broker for all, and workers for both.

Account n of `book` has 10,000 + 1,000 n in cash and 100 + n of AAA at 50 each; all want a quarter in AAA, half in BBB
(at 20) and a quarter in CCC (at 10).
"""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from books import Row
from people import NOON, run
from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.paper_market import PaperSettings
from steelyard.brokers.port import Broker
from steelyard.domain.order import Order
from steelyard.market.port import CheckedPrice
from steelyard.services.approval import TypedHash
from steelyard.services.order_hand import Hand
from steelyard.services.order_rules import Timing
from steelyard.services.order_worker import OrderWorker
from steelyard.services.retrying import Patience
from steelyard.services.run import RunAsked, ShownRun, begin_run, get_run
from steelyard.services.run_approval import ApprovedRun, approve_run, execute_run
from steelyard.services.run_worker import RunWorker
from steelyard.storage.connection import get_write_session
from steelyard.storage.run import Run, RunScope, ScopeKind
from trading import OPERATOR, PRICES, book_of, link_to_paper, load_book
from workshop import Clock, checked, no_number, no_sleep

WINDOW = timedelta(seconds=10)


def names_of(accounts: int) -> list[str]:
    return [f"R-{number:03}" for number in range(accounts)]


def book(accounts: int) -> dict[str, list[Row]]:
    """The tables of some accounts."""
    tables = book_of(*names_of(accounts))
    tables["transactions"] = []
    for number, name in enumerate(names_of(accounts)):
        units = 100 + number
        cash = 10_000 + 1000 * number + 50 * units
        tables["transactions"] += [
            (f"{name}-D", name, "", "2025-12-01", "DEPOSIT", "", "", "USD", f"{cash}", "0"),
            (f"{name}-B", name, "AAA", "2025-12-02", "BUY", f"{units}", "50", "USD", f"{50 * units}", "0"),
        ]
    return tables


@dataclass(slots=True)
class Desk:
    """Accounts, their broker, and workers that share its clock.

    Attributes:
        prices: symbol → what it costs now.
        fault: called at each point at which a worker may die.
    """

    broker: PaperBroker
    link_id: UUID
    accounts: Sequence[str]
    clock: Clock
    prices: dict[str, Decimal]
    numbers: Any = field(default_factory=lambda: count(1))

    async def begin(self, scope: RunScope | None = None, **asked: Any) -> Run:
        wanted = RunAsked(run_name="quarter", scope=scope or RunScope(ScopeKind.ALL), **asked)
        async with get_write_session() as db:
            return await begin_run(db, OPERATOR, wanted, now=self.clock())

    async def make(self, scope: RunScope | None = None, **asked: Any) -> ShownRun:
        """Begin a run and let a worker make it."""
        begun = await self.begin(scope, **asked)
        await self.run_worker().work()
        return await get_run(begun.run_id)

    async def approve(self, made: Run) -> ApprovedRun:
        assert made.content_hash is not None
        prover = TypedHash(OPERATOR, made.content_hash.hex()[:8])
        async with get_write_session() as db:
            return await approve_run(
                db, OPERATOR, made.run_id, prover, content_hash=made.content_hash, now=self.clock()
            )

    async def execute(self, made: Run) -> Run:
        assert made.content_hash is not None
        async with get_write_session() as db:
            return await execute_run(
                db, OPERATOR, made.run_id, content_hash=made.content_hash, now=self.clock()
            )

    async def execute_all(self, scope: RunScope | None = None, **asked: Any) -> Run:
        """Begin, make, approve and execute a run: its orders are due."""
        made = (await self.make(scope, **asked)).run
        await self.approve(made)
        return await self.execute(made)

    async def work(self, *, rounds: int = 30, seconds: float = 2) -> None:
        """Let workers of both kinds work for a while: round after round, some seconds between them."""
        orders, runs = self.order_worker(), self.run_worker()
        for _ in range(rounds):
            await orders.work()
            await runs.work()
            self.clock.go_on(seconds=seconds)

    def order_worker(self) -> OrderWorker:
        hand = Hand(
            clock=self.clock,
            open_broker=self._open,
            account_number=no_number,
            read_price=self._price,
            timing=Timing(call=timedelta(seconds=5), lease=timedelta(seconds=30)),
            patience=Patience(attempts=1),
        )
        return OrderWorker(hand, "w1", token=lambda: str(next(self.numbers)))

    def run_worker(self, **with_it: Any) -> RunWorker:
        return RunWorker(self.clock, **with_it)

    async def _open(self, link_id: UUID) -> Broker:
        assert link_id == self.link_id
        return self.broker

    async def _price(self, order: Order) -> CheckedPrice:
        return checked(order, self.prices.get(order.asset_id), self.clock())


@asynccontextmanager
async def opened_desk(
    folder: Path, accounts: int, settings: PaperSettings | None = None, *, limit: Decimal = Decimal(10**9)
) -> AsyncIterator[Desk]:
    """Load accounts, let one person approve up to a limit, and open their broker."""
    names = names_of(accounts)
    tables = book(accounts)
    await load_book(folder / "book", tables)
    await run("update steelyard.tenants set approval_limit = :limit where tenant_id = 1", limit=limit)
    link_id = await link_to_paper(*names)
    await run("update steelyard.broker_links set fills_due_at = :noon", noon=NOON)
    clock, prices = Clock(), {symbol: Decimal(price) for symbol, price in PRICES.items()}
    clock.now = NOON

    async def price_of(symbol: str) -> Decimal | None:
        return prices.get(symbol)

    broker = PaperBroker(
        folder / f"{link_id}.sqlite",
        str(link_id),
        price_of=price_of,
        clock=clock,
        chance=random.Random(1),  # noqa: S311 - parts of orders, no secret
        settings=settings or PaperSettings(settle_window=WINDOW),
        sleep=no_sleep,
    )
    cash = {"USD": sum((Decimal(10_000 + 1000 * n) for n in range(accounts)), Decimal(0))}
    units = {"AAA": sum((Decimal(100 + n) for n in range(accounts)), Decimal(0))}
    await broker.open_account("all", "", cash, units)
    try:
        yield Desk(broker, link_id, names, clock, prices)
    finally:
        await broker.close()


async def booked() -> dict[str, Decimal]:
    """What the ledger says all accounts have together."""
    rows = await run(
        "select commodity, sum(quantity) from steelyard.balances group by commodity having sum(quantity) <> 0"
    )
    return {str(commodity): Decimal(str(quantity)) for commodity, quantity in rows}


async def held(broker: PaperBroker) -> dict[str, Decimal]:
    """What the broker says its account has."""
    account = await broker.get_account()
    both = account.cash | {one.symbol: one.quantity for one in account.positions}
    return {commodity: quantity for commodity, quantity in both.items() if quantity}


def at(**period: float) -> datetime:
    return NOON + timedelta(**period)
