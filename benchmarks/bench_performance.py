"""Values, flows and every return of 250 assets, five accounts and the whole, from arrays that are in memory.

    python benchmarks/bench_performance.py [--rounds 5] [--seed 1]

14,400 transactions over twelve years of days, a fee on each, half of the assets in another currency. What stands in the
store, and lots, are measured by bench_ledger.py; this is the arithmetic alone.
"""

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from steelyard.analytics.day_count import DayCount
from steelyard.analytics.observations import DateArray, FloatArray, IntArray
from steelyard.analytics.performance import Performance, measure_performance
from steelyard.analytics.price_table import PriceTable
from steelyard.analytics.time_weighted import FlowTiming
from steelyard.analytics.valuation import PLACES, Cells, PostingColumns, Valuation, cells_of, value_groups
from steelyard.domain.posting import Place

ASSETS, ACCOUNTS, DAYS, TRANSACTIONS = 250, 5, 3_100, 14_400
MONEY = ASSETS
"""The commodity that is money of the base currency."""


@dataclass(frozen=True, slots=True)
class Input:
    postings: PostingColumns
    table: PriceTable
    cells: Cells
    levels: IntArray


def made_input(seed: int) -> Input:
    chance = np.random.default_rng(seed)
    dates = np.datetime64("2012-01-01") + np.arange(DAYS)
    prices = np.ones((DAYS, ASSETS + 1))
    prices[:, :ASSETS] = 50 * np.exp(np.cumsum(chance.normal(0.0002, 0.01, (DAYS, ASSETS)), axis=0))
    rates = np.ones_like(prices)
    rates[:, : ASSETS // 2] = 1.1 * np.exp(np.cumsum(chance.normal(0, 0.003, DAYS)))[:, np.newaxis]
    postings = _purchases(chance, dates, prices * rates)
    cells = cells_of(postings)
    levels = np.stack(
        [np.zeros(len(cells), dtype=np.int64), 1 + cells.account, 1 + ACCOUNTS + cells.commodity]
    )
    return Input(postings, PriceTable(dates, prices, rates), cells, levels)


def _purchases(chance: np.random.Generator, dates: DateArray, worth: FloatArray) -> PostingColumns:
    """Pay in what each purchase costs, and its fee of 1."""
    day = np.sort(chance.integers(1, DAYS, TRANSACTIONS))
    account, asset = chance.integers(0, ACCOUNTS, TRANSACTIONS), chance.integers(0, ASSETS, TRANSACTIONS)
    units = chance.integers(1, 100, TRANSACTIONS).astype(np.float64)
    paid, one = units * worth[day, asset], np.ones(TRANSACTIONS)
    money = np.full(TRANSACTIONS, MONEY)
    lines = [
        (0, asset, Place.HELD, asset, units),
        (0, asset, Place.MARKET, asset, -units),
        (0, asset, Place.HELD, money, -paid - one),
        (0, asset, Place.MARKET, money, paid),
        (0, asset, Place.FEES, money, one),
        (1, money, Place.HELD, money, paid + one),
        (1, money, Place.OUTSIDE, money, -paid - one),
    ]
    numbers = np.arange(TRANSACTIONS)
    return PostingColumns(
        entry=np.concatenate([2 * numbers + which for which, *_ in lines]),
        date=np.tile(dates[day], len(lines)),
        account=np.tile(account, len(lines)),
        place=np.repeat([PLACES[place] for _, _, place, *_ in lines], TRANSACTIONS),
        commodity=np.concatenate([commodity for *_, commodity, _ in lines]),
        quantity=np.concatenate([quantity for *_, quantity in lines]),
        about_account=np.tile(account, len(lines)),
        about_commodity=np.concatenate([about for _, about, *_ in lines]),
    )


def value(given: Input, table: PriceTable) -> Valuation:
    return value_groups(
        given.postings, table, cells=given.cells, groups=given.levels, after_fees=True, after_taxes=True
    )


def everything(given: Input) -> Performance:
    return measure_performance(
        value(given, given.table),
        at_previous_rates=value(given, given.table.at_previous_rates()),
        timing=FlowTiming.IN_AT_START_OUT_AT_END,
        day_count=DayCount.ACT_365,
    )


def measure(work: Callable[[], object], rounds: int) -> str:
    """Medians of wall time, and of the processor's, which a busy machine stretches less."""
    wall, processor = [], []
    for _ in range(rounds):
        begin, spent = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - begin)
        processor.append(time.process_time() - spent)
    return f"{statistics.median(wall):6.3f} s, processor {statistics.median(processor):6.3f} s"


def memory_mb() -> float:
    """The most this process ever held; Linux counts in kB, macOS in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def main(rounds: int, seed: int) -> None:
    given = made_input(seed)
    before = memory_mb()
    print(f"{TRANSACTIONS:,} transactions, {len(given.cells):,} cells, {DAYS:,} days, medians of {rounds}")
    print(f"  values and flows           {measure(lambda: value(given, given.table), rounds)}")
    print(f"  everything, currency apart {measure(lambda: everything(given), rounds)}")
    print(f"  memory {memory_mb():.0f} MB at most, of which {before:.0f} MB are Python, numpy and the input")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.seed)
