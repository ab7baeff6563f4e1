"""A run over many accounts, from begun to the last fill in the ledger, through a paper broker.

    python benchmarks/bench_run.py [--accounts 1000] [--assets 10] [--seed 7]

Every account follows one model of so many assets and is off it by up to a third in each; nearly every asset of every
account trades. One process does all: a worker for runs, a worker for orders. Beside the seconds of each step stands its
share, and at the end what the same accounts take one by one, of which a few are measured.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from rich.console import Console
from rich.table import Table
from scratch import scratch_store, settle
from sqlalchemy import text

from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.port import Broker
from steelyard.domain.order import Order
from steelyard.identity.permissions import Actor
from steelyard.market.port import CheckedPrice, Quality
from steelyard.rebalancing.kernel import compile_in_background
from steelyard.services.allocation_inputs import Asked
from steelyard.services.approval import TypedHash, approve
from steelyard.services.loading import load_tables
from steelyard.services.order_hand import Hand
from steelyard.services.order_worker import OrderWorker
from steelyard.services.proposal import execute, review
from steelyard.services.run import RunAsked, begin_run, get_run, is_moving
from steelyard.services.run_approval import approve_run, execute_run
from steelyard.services.run_worker import RunTiming, RunWorker
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.run import RunScope, ScopeKind

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
OPERATOR = Actor(1)
Result = TypeVar("Result")
SINGLES = 20
TABLES = ("asset_master", "market_data", "model_portfolios", "target_weights", "accounts", "transactions")


@dataclass(slots=True)
class Clock:
    """The seconds that have passed since noon of the day of the prices."""

    began: float = field(default_factory=time.perf_counter)

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=time.perf_counter() - self.began)


@dataclass(frozen=True, slots=True)
class Bench:
    """Accounts, their broker, and workers.

    Attributes:
        prices: asset → price.
    """

    clock: Clock
    prices: dict[str, Decimal]
    link_id: UUID
    broker: PaperBroker
    numbers: "count[int]" = field(default_factory=count)

    def workers(self) -> tuple[RunWorker, OrderWorker]:
        hand = Hand(
            clock=self.clock, open_broker=self._open, account_number=_no_number, read_price=self._price
        )
        orders = OrderWorker(hand, "bench", token=lambda: f"{next(self.numbers)}")
        return RunWorker(self.clock, timing=RunTiming(poll=timedelta(seconds=0.05))), orders

    async def _open(self, link_id: UUID) -> Broker:
        assert link_id == self.link_id
        return self.broker

    async def _price(self, order: Order) -> CheckedPrice:
        return CheckedPrice(
            asset_id=order.asset_id,
            price=self.prices[order.asset_id],
            currency=order.currency,
            made_at=self.clock(),
            source="bench",
            quality=Quality.GOOD,
        )


async def _no_number(db: WriteSession, account_id: str) -> str:
    del db, account_id
    return ""


async def main(accounts: int, assets: int, seed: int) -> None:
    compile_in_background().join()
    async with scratch_store() as server:
        with tempfile.TemporaryDirectory() as name:
            bench = await _open(Path(name), accounts, assets, random.Random(seed))
            await settle(server)
            singles = await _one_by_one(bench)
            await settle(server)
            steps = await _run(bench)
            await bench.broker.close()
    _show(steps, singles, accounts)


async def _run(bench: Bench) -> dict[str, float]:
    """Take a run from begun to the last fill, and return the seconds of each step."""
    steps: dict[str, float] = {}
    runs, orders = bench.workers()
    asked = RunAsked(run_name="bench", scope=RunScope(ScopeKind.MODEL, ("M",)))

    async def begun() -> UUID:
        async with get_write_session() as db:
            return (await begin_run(db, OPERATOR, asked, now=bench.clock())).run_id

    run_id = await _timed(steps, "begin", begun)
    await _timed(steps, "make", runs.work)
    made = (await get_run(run_id)).run
    seen = made.content_hash or b""

    async def approved() -> None:
        async with get_write_session() as db:
            prover = TypedHash(OPERATOR, seen.hex()[:8])
            await approve_run(db, OPERATOR, run_id, prover, content_hash=seen, now=bench.clock())

    async def executed() -> None:
        async with get_write_session() as db:
            await execute_run(db, OPERATOR, run_id, content_hash=seen, now=bench.clock())

    async def filled() -> None:
        while True:
            await orders.work()
            await runs.work()
            shown = await get_run(run_id, limit=1)
            if not is_moving(shown.run, shown.progress):
                print({state.value: number for state, number in shown.progress.orders.items()})
                return

    await _timed(steps, "approve", approved)
    await _timed(steps, "execute", executed)
    await _timed(steps, "fill", filled)
    return steps


async def _timed(steps: dict[str, float], name: str, work: Callable[[], Awaitable[Result]]) -> Result:
    began = time.perf_counter()
    result = await work()
    steps[name] = time.perf_counter() - began
    return result


async def _one_by_one(bench: Bench) -> float:
    """Return the seconds that reviewing, approving and executing take for one account that is no part of a run."""
    began = time.perf_counter()
    for number in range(SINGLES):
        asked = Asked(account_id=f"S{number:05}")
        async with get_write_session() as db:
            made = await review(db, OPERATOR, asked, now=bench.clock())
        seen, prover = made.content_hash, TypedHash(OPERATOR, made.content_hash.hex()[:8])
        async with get_write_session() as db:
            await approve(db, OPERATOR, made.proposal_id, prover, content_hash=seen, now=bench.clock())
        async with get_write_session() as db:
            await execute(db, OPERATOR, made.proposal_id, content_hash=seen, now=bench.clock())
    async with get_write_session() as db:  # they are not to be filled while the run is measured
        await db.execute(text("update steelyard.orders set due_at = null, version = version + 1"))
    return (time.perf_counter() - began) / SINGLES


async def _open(folder: Path, accounts: int, assets: int, chance: random.Random) -> Bench:
    """Load the accounts, let one person approve, link them to a paper broker that holds what they hold together."""
    prices = {f"A{number:03}": Decimal(chance.randint(500, 30_000)) / 100 for number in range(assets)}
    names = [
        *(f"R{number:05}" for number in range(accounts)),
        *(f"S{number:05}" for number in range(SINGLES)),
    ]
    cash, units = _load(folder, names, prices, chance)
    await load_tables(folder, today=NOON.date(), now=NOON, only=TABLES)
    async with get_write_session() as db:
        await db.execute(text("update steelyard.tenants set approval_limit = 1e12, proposal_minutes = 600"))
        row = await db.execute(
            text(
                "insert into steelyard.broker_links (tenant_id, broker, link_name, made_by) "
                "values (1, 'paper', 'bench', 'operator') returning link_id"
            )
        )
        link_id: UUID = row.scalar_one()
        await db.execute(
            text("insert into steelyard.broker_accounts select 1, account_id, :link from steelyard.accounts"),
            {"link": link_id},
        )
    clock = Clock()

    async def price_of(symbol: str) -> Decimal | None:
        return prices.get(symbol)

    broker = PaperBroker(folder / "paper.sqlite", "bench", price_of=price_of, clock=clock, chance=chance)
    await broker.open_account("all", "", {"USD": cash}, units)
    return Bench(clock, prices, link_id, broker)


def _load(
    folder: Path, names: list[str], prices: dict[str, Decimal], chance: random.Random
) -> tuple[Decimal, dict[str, Decimal]]:
    """Write the tables of accounts; return what they hold together."""
    units, cash = dict.fromkeys(prices, Decimal(0)), Decimal(0)
    booked: list[str] = []
    for name in names:
        value, spent = Decimal(chance.randint(50_000, 500_000)), Decimal(0)
        for asset, price in prices.items():
            share = value / len(prices) * Decimal(chance.randint(67, 125)) / 100
            bought = max(Decimal(1), share // price)
            units[asset] += bought
            spent += bought * price
            booked.append(
                f"{name}-{asset},{name},{asset},2025-12-02,BUY,{bought},{price},USD,{bought * price}"
            )
        left = Decimal(chance.randint(500, 20_000))
        cash += left
        booked.append(f"{name}-D,{name},,2025-12-01,DEPOSIT,,,USD,{spent + left}")
    weights = _weights(len(prices))
    tables = {
        "asset_master": (
            "asset_id,asset_name,asset_type,currency,exchange",
            [*(f"{asset},{asset},Equity,USD,XNAS" for asset in prices), "USD,US dollar,Cash,USD,"],
        ),
        "market_data": (
            "asset_id,price_date,closing_price",
            [f"{asset},{NOON:%Y-%m-%d},{price}" for asset, price in prices.items()],
        ),
        "model_portfolios": ("model_id,model_name", ["M,Model", "S,Singles"]),
        "target_weights": (
            "model_id,asset_id,target_weight",
            [
                f"{model},{asset},{weight}"
                for model in "MS"
                for asset, weight in zip(prices, weights, strict=True)
            ],
        ),
        "accounts": (
            "account_id,account_name,base_currency,model_id",
            [f"{name},{name},USD,{'M' if name[0] == 'R' else 'S'}" for name in names],
        ),
        "transactions": (
            "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,total_amount",
            booked,
        ),
    }
    for table, (header, rows) in tables.items():
        (folder / f"{table}.csv").write_text("\n".join([header, *rows, ""]))
    return cash, units


def _weights(assets: int) -> list[Decimal]:
    """Equal weights that sum to 1."""
    one = (Decimal(1) / assets).quantize(Decimal("0.0001"))
    return [one] * (assets - 1) + [1 - one * (assets - 1)]


def _show(steps: dict[str, float], single: float, accounts: int) -> None:
    whole = sum(steps.values())
    table = Table("step", "seconds", "share", title=f"A run over {accounts:,} accounts")
    for name, seconds in steps.items():
        table.add_row(name, f"{seconds:.2f}", f"{seconds / whole:.0%}")
    table.add_row("all", f"{whole:.2f}", "")
    console = Console()
    console.print(table)
    until_sent = (whole - steps["fill"]) / accounts
    console.print(
        f"One account by itself, to where its orders are due: {single * 1000:.1f} ms; in the run "
        f"{until_sent * 1000:.1f} ms: {single / until_sent:.1f} times."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--assets", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    asyncio.run(main(options.accounts, options.assets, options.seed))
