"""Proposing the trades of one account from stored prices, beside the engine alone on the same portfolio in this run.

The account holds 100 assets, is kept by the ledger and stands among others; prices of two years are stored. `review`
is the whole transaction: everything is read, worked out, written down with its orders, recorded in the audit and
committed. `--small` has 20 assets and fewer rounds.
"""

import asyncio
import csv
import gc
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from scratch import scratch_store, settle, show

from steelyard.identity.permissions import Actor
from steelyard.rebalancing.policy import Policy, allocate
from steelyard.services.allocation import calculate_allocation
from steelyard.services.allocation_inputs import Asked
from steelyard.services.loading import load_tables
from steelyard.services.proposal import replay_proposal, review
from steelyard.storage.connection import get_write_session
from steelyard.storage.proposal import StoredProposal

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
OPERATOR = Actor(1)


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    assets: int
    accounts: int
    days: int
    rounds: int


FULL = Size(assets=100, accounts=200, days=500, rounds=200)
SMALL = Size(assets=20, accounts=5, days=20, rounds=30)


def write(folder: Path, name: str, header: str, rows: Iterable[Sequence[object]]) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def write_book(folder: Path, size: Size) -> list[str]:
    """Write accounts that all hold every asset of their model, none at its target; returns the tables."""
    chance = random.Random(7)
    assets = [f"A{number:03}" for number in range(size.assets)]
    days = [day for n in range(2 * size.days) if (day := NOON.date() - timedelta(n)).weekday() < 5]
    days = days[: size.days]
    price = {asset: chance.randrange(500, 40_000) for asset in assets}
    write(
        folder,
        "asset_master",
        "asset_id,asset_name,asset_type,currency,exchange",
        [*((a, a, "Equity", "USD", "XNAS") for a in assets), ("USD", "US dollar", "Cash", "USD", "")],
    )
    write(folder, "market_data", "asset_id,price_date,closing_price", closes(chance, days, price))
    write(folder, "model_portfolios", "model_id,model_name", [("M", "M")])
    weight = f"{1 / size.assets:.12f}".rstrip("0")
    write(folder, "target_weights", "model_id,asset_id,target_weight", [("M", a, weight) for a in assets])
    names = [f"ACCOUNT-{number:04}" for number in range(size.accounts)]
    write(
        folder,
        "accounts",
        "account_id,account_name,base_currency,model_id",
        [(name, name, "USD", "M") for name in names],
    )
    write(
        folder,
        "transactions",
        "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,total_amount",
        (row for name in names for row in bookings(chance, name, price)),
    )
    return [file.stem for file in folder.iterdir()]


def closes(
    chance: random.Random, days: Sequence[date], price: dict[str, int]
) -> Iterable[tuple[str, date, str]]:
    for asset, cents in price.items():
        for day in days:
            moved = cents + chance.randrange(-cents // 50, cents // 50 + 1)
            yield asset, day, f"{moved // 100}.{moved % 100:02}"


def bookings(chance: random.Random, account: str, price: dict[str, int]) -> Iterable[tuple[object, ...]]:
    yield f"{account}-D", account, "", "2025-12-01", "DEPOSIT", "", "", "USD", 10_000_000
    for asset, cents in price.items():
        units = chance.randrange(1, 6_000_000 // cents)
        total = f"{units * cents / 100:.2f}"
        yield f"{account}-{asset}", account, asset, "2025-12-02", "BUY", units, cents / 100, "USD", total


async def timed(rounds: int, work: Callable[[int], Awaitable[object]]) -> list[float]:
    seconds: list[float] = []
    for number in range(rounds):
        began = time.perf_counter()
        await work(number)
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)


async def propose(account: str) -> StoredProposal:
    async with get_write_session() as db:
        return await review(db, OPERATOR, Asked(account_id=account), now=NOON)


async def run(size: Size) -> None:
    """Load the book and print the table."""
    with tempfile.TemporaryDirectory() as name:
        async with scratch_store() as server:
            tables = write_book(Path(name), size)
            await load_tables(Path(name), today=NOON.date(), only=tables, now=NOON)
            for number in range(size.accounts):  # so that the tables are as on any day but the first
                await propose(account(size, number))
            await settle(server)
            gc.freeze()  # as `steelyard serve` does
            await compare(size)


def account(size: Size, number: int) -> str:
    return f"ACCOUNT-{number % size.accounts:04}"


async def compare(size: Size) -> None:
    found = await calculate_allocation(account(size, 0))
    made = await propose(account(size, 0))

    async def engine(_: int) -> object:
        return allocate(found.portfolio, Policy())

    async def replay(_: int) -> object:
        return replay_proposal(made)

    works = {
        "the engine alone": engine,
        "calculate_allocation": lambda number: calculate_allocation(account(size, number)),
        "review, stored and committed": lambda number: propose(account(size, number)),
        "replay": replay,
    }
    base, rows = 0.0, []
    for name, work in works.items():
        seconds = await timed(size.rounds, work)
        median, late = seconds[len(seconds) // 2], seconds[int(0.95 * len(seconds))]
        base = base or median
        rows.append((name, f"{1000 * median:.1f} ms", f"{1000 * late:.1f} ms", f"{median / base:.1f}"))
    title = f"One account of {size.assets} positions, {len(found.allocation.trades)} trades, stored prices"
    show(title, ("", "median", "p95", "× engine"), rows)


if __name__ == "__main__":
    asyncio.run(run(SMALL if "--small" in sys.argv else FULL))
