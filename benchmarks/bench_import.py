"""Twelve years from a file to performance: a statement of 14,400 rows imported, beside the same rows by `load`.

    python benchmarks/bench_import.py [--months 144] [--rounds 3] [--seed 1]

The statement is a file of lines in the order of their days, read by a reader of this benchmark that does no more than
any reader must: what brokers' forms cost beside it is measured with the readers. Assets and their prices
(made_ledger.py) are in the store before; each round is a store of its own. `load` is given the same rows as
transactions.csv, checks every cell, and posts. An undo takes everything back; so does a reversal of the loaded rows.
"""

import argparse
import asyncio
import csv
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
from made_ledger import CLOSES, CURRENCY, MadeLedger, make_ledger
from scratch import fill, scratch_store, settle, show, superuser

from steelyard.domain.transaction import TransactionKind
from steelyard.services.ledger import reverse_transactions
from steelyard.services.loading import load_tables
from steelyard.services.performance import get_performance
from steelyard.services.statement_import import Choices, StatementFile, plan_import, run_import, undo_import
from steelyard.services.statement_rows import read_files
from steelyard.statements.port import Reader, Source
from steelyard.statements.record import Hint, Record, Row
from steelyard.storage.connection import get_db_session
from steelyard.storage.embedded import EmbeddedServer

ACCOUNTS = 4
COLUMNS = (
    "transaction_id",
    "account",
    "asset_id",
    "transaction_date",
    "transaction_type",
    "quantity",
    "price",
)
MONEY = ("currency", "total_amount", "transaction_costs")
Seconds = dict[str, float]
Answer = TypeVar("Answer")


class Lines:
    """Reads transactions.csv as a statement."""

    name = "lines"
    title = "Lines of this benchmark"

    def miss(self, source: Source) -> str | None:
        return None if source.head.startswith(b"transaction_id") else "the column transaction_id"

    def read(self, source: Source) -> Iterator[Row]:
        hints: dict[str, Hint] = {}
        with source.path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                asset = row["asset_id"]
                if asset and asset not in hints:
                    hints[asset] = Hint(symbol=asset, currency=CURRENCY)
                yield Record(
                    kind=TransactionKind(row["transaction_type"]),
                    line=line,
                    trade_date=date.fromisoformat(row["transaction_date"]),
                    account=row["account"],
                    currency=row["currency"],
                    amount=Decimal(row["total_amount"]),
                    costs=Decimal(row["transaction_costs"]),
                    asset=hints.get(asset),
                    quantity=Decimal(row["quantity"] or 0),
                    price=Decimal(row["price"]) if row["price"] else None,
                    source_id=row["transaction_id"],
                )


READERS: tuple[Reader, ...] = (Lines(),)


async def main(months: int, rounds: int, seed: int) -> None:
    if not CLOSES.exists():
        sys.exit(f"{CLOSES.name} is not beside the checkout; prices come from it.")
    ledger = make_ledger(accounts=ACCOUNTS, months=months, seed=seed)
    today = ledger.dates[-1]
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as folder:
        write_rows(Path(folder, "transactions.csv"), ledger)
        imported = [await import_round(Path(folder), ledger, today) for _ in range(rounds)]
        loaded = [await load_round(Path(folder), ledger, today) for _ in range(rounds)]
    _show(len(ledger.transactions), imported, loaded)


def write_rows(path: Path, ledger: MadeLedger) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow((*COLUMNS, *MONEY))
        for one in ledger.transactions:
            price = "" if one.price is None else one.price
            units = one.quantity or ""
            table.writerow(
                (
                    *(
                        one.transaction_id,
                        one.account_id,
                        one.asset_id,
                        one.trade_date,
                        one.kind,
                        units,
                        price,
                    ),
                    *(one.currency, one.amount, one.costs),
                )
            )


async def import_round(folder: Path, ledger: MadeLedger, today: date) -> Seconds:
    files, choices = [StatementFile("statement.csv", folder / "transactions.csv")], Choices()
    async with scratch_store() as server:
        await _fill(server, ledger)
        spent: Seconds = {}
        await _timed(spent, "read alone", asyncio.to_thread(read_files, files, choices, READERS, today=today))
        await _timed(spent, "plan", plan_import(files, choices, today=today, readers=READERS))
        done = await _timed(spent, "run", run_import(files, choices, today=today, readers=READERS))
        await _timed(spent, "performance", _perform())
        await _timed(spent, "run again", run_import(files, choices, today=today, readers=READERS))
        await settle(server)
        assert done.import_id is not None
        await _timed(spent, "undo", undo_import(done.import_id, today=today))
    return spent


async def load_round(folder: Path, ledger: MadeLedger, today: date) -> Seconds:
    async with scratch_store() as server:
        await _fill(server, ledger)
        spent: Seconds = {}
        await _timed(spent, "run", load_tables(folder, today=today, only=["transactions"]))
        await _timed(spent, "performance", _perform())
        await settle(server)
        ids = [one.transaction_id for one in ledger.transactions]
        await _timed(spent, "undo", reverse_transactions(ids, today=today))
    return spent


async def _perform() -> None:
    async with get_db_session() as db:
        await get_performance(db)


async def _timed(spent: Seconds, step: str, work: Awaitable[Answer]) -> Answer:
    begin = time.perf_counter()
    answer = await work
    spent[step] = time.perf_counter() - begin
    return answer


async def _fill(server: EmbeddedServer, ledger: MadeLedger) -> None:
    days, count = len(ledger.dates), len(ledger.assets)
    prices = np.round(ledger.prices, 2).ravel()
    tables = {
        "asset_master": pa.table(
            {
                "asset_id": ledger.assets,
                "asset_name": ledger.assets,
                "asset_type": ["Equity"] * count,
                "currency": [CURRENCY] * count,
            }
        ),
        "market_data": pa.table(
            {
                "asset_id": ledger.assets * days,
                "price_date": pa.array(np.repeat(np.array(ledger.dates, "datetime64[D]"), count)),
                "closing_price": pa.array(
                    [Decimal(f"{price:.2f}") for price in prices], pa.decimal128(27, 12)
                ),
            }
        ),
    }
    await fill(server, tables)
    async with superuser(server) as connection:
        await connection.execute(
            "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
            "select 1, 'A' || n, 'A' || n, 'USD' from generate_series(0, 3) as n"
        )
    await settle(server)


def _show(rows: int, imported: list[Seconds], loaded: list[Seconds]) -> None:
    steps = list(imported[0])
    own = {step: statistics.median(one[step] for one in imported) for step in steps}
    other = {step: statistics.median(one[step] for one in loaded) for step in loaded[0]}
    lines = [
        (
            step,
            f"{own[step]:.2f} s",
            f"{other[step]:.2f} s" if step in other else "",
            f"{own[step] / other[step]:.2f}" if step in other else "",
        )
        for step in steps
    ]
    both = own["run"] + own["performance"], other["run"] + other["performance"]
    lines.append(("file to performance", f"{both[0]:.2f} s", f"{both[1]:.2f} s", f"{both[0] / both[1]:.2f}"))
    show(f"{rows:,} rows, median of {len(imported)}", ("step", "import", "load", "import ÷ load"), lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=144)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(main(given.months, given.rounds, given.seed))
