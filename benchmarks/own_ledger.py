"""Steelyard on a ledger, in a process of its own that does nothing before.

    .venv/bin/python benchmarks/own_ledger.py ledger.pickle

Recomputes everything from all transactions of a `MadeLedger` but the last, then books that one more and measures what
it touches. Prints one line of JSON: processor seconds of each step, the most memory in MB, what is held and the gains.
"""

import json
import pickle
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from made_ledger import CURRENCY, MadeLedger

from steelyard.analytics.day_count import DayCount
from steelyard.analytics.observations import IntArray
from steelyard.analytics.performance import Performance, measure_performance
from steelyard.analytics.price_table import PriceTable
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.analytics.valuation import NOWHERE, PLACES, Cells, PostingColumns, cells_of, value_groups
from steelyard.domain.ledger import Bookkeeper, Replay
from steelyard.domain.lot import LotMethod
from steelyard.domain.posting import postings_of
from steelyard.domain.transaction import Transaction

ONE = Decimal(1)
EPOCH = 719_163  # ordinal of 1970-01-01


class Books:
    """A ledger's lots, and its postings as columns."""

    def __init__(self, ledger: MadeLedger) -> None:
        self.ledger = ledger
        self.keeper = Bookkeeper(methods=LotMethod.FIFO, convert=lambda *_: ONE)
        accounts = sorted({one.account_id for one in ledger.transactions})
        self.accounts = {name: place for place, name in enumerate(accounts)}
        self.commodities = {name: place for place, name in enumerate([*ledger.assets, CURRENCY])}
        self.rows: list[tuple[int, ...]] = []
        self.quantities: list[float] = []

    def book(self, transactions: Sequence[Transaction]) -> Replay:
        for one in transactions:
            self.keeper.book(one)
        return self.keeper.replay()

    def cell(self, account: str, commodity: str) -> tuple[int, int]:
        return self.accounts[account], self.commodities[commodity]

    def post(self, transactions: Sequence[Transaction]) -> PostingColumns:
        """Add the postings of transactions to the columns."""
        for one in transactions:
            entry, day = int(one.transaction_id), one.trade_date.toordinal() - EPOCH
            about = self.cell(one.account_id, one.asset_id or one.currency)
            for line in postings_of(one):
                cell = self.cell(line.account_id, line.commodity)
                self.rows.append((entry, day, PLACES[line.place], *cell, *about))
                self.quantities.append(float(line.quantity))
        entry, day, place, account, commodity, about_account, about_commodity = np.array(self.rows).T
        return PostingColumns(
            entry=entry,
            date=day.astype("datetime64[D]"),
            account=account,
            place=place,
            commodity=commodity,
            quantity=np.array(self.quantities),
            about_account=about_account,
            about_commodity=about_commodity,
        )

    def table(self) -> PriceTable:
        """The prices of every weekday, from the day before the first."""
        dates = np.array(self.ledger.dates, dtype="datetime64[D]")
        days = np.concatenate([dates[:1] - 1, dates])
        prices = np.ones((len(days), len(self.commodities)))
        prices[1:, :-1] = self.ledger.prices
        return PriceTable(days, prices, np.ones_like(prices))

    def levels(self, cells: Cells) -> IntArray:
        """Everything is group 0; then a group for each account, then for each asset."""
        of_asset = 1 + len(self.accounts) + cells.commodity
        assets = np.where(cells.commodity == self.commodities[CURRENCY], NOWHERE, of_asset)
        return np.stack([np.zeros(len(cells), dtype=np.int64), 1 + cells.account, assets])

    def touched(self, one: Transaction, cells: Cells) -> IntArray:
        """Everything, the account and the asset of a transaction; other groups are as they were."""
        account, commodity = self.cell(one.account_id, one.asset_id or one.currency)
        levels = np.full((3, len(cells)), NOWHERE)
        levels[0] = 0
        levels[1, cells.account == account] = 1
        levels[2, cells.commodity == commodity] = 2
        return levels


def measure(columns: PostingColumns, table: PriceTable, cells: Cells, groups: IntArray) -> Performance:
    valuation = value_groups(columns, table, cells=cells, groups=groups, after_fees=True, after_taxes=True)
    return measure_performance(
        valuation,
        at_previous_rates=None,
        timing=FlowTiming.IN_AT_START_OUT_AT_END,
        day_count=DayCount.ACT_365,
    )


def most_memory() -> float:
    """The most memory this process had, in MB; getrusage would count what its parent had."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    ledger: MadeLedger = pickle.loads(Path(sys.argv[1]).read_bytes())
    *before, last = ledger.transactions
    books, clock = Books(ledger), [time.process_time()]

    def tick() -> None:
        clock.append(time.process_time())

    books.book(before)
    tick()
    columns = books.post(before)
    tick()
    table, cells = books.table(), cells_of(columns)
    measure(columns, table, cells, books.levels(cells))
    tick()
    replay = books.book([last])
    columns = books.post([last])
    cells = cells_of(columns)
    measure(columns, table, cells, books.touched(last, cells))
    tick()
    lots, posted, measured, one_more = np.diff(clock).tolist()
    answer = {
        "lots": lots,
        "columns": posted,
        "measures": measured,
        "one_more": one_more,
        "megabytes": most_memory(),
        "units": {" ".join(key): str(position.quantity) for key, position in replay.positions.items()},
        "gain": str(sum((one.gain for one in replay.gains), Decimal(0))),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
