"""A made book of a million accounts of 20 assets: how fast, how good, how it grows with threads, how much memory.

    python benchmarks/bench_book.py [--accounts 1000000]

The accounts are made from a seed and mean nothing. The baseline rounds every target down to whole shares, as a
spreadsheet does, in NumPy. Every contender reads the same Arrow file, batch by batch.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Thread

import numpy as np
import psutil
import pyarrow as pa
from numpy.typing import NDArray
from scratch import show

from steelyard.rebalancing.book import allocate_book
from steelyard.rebalancing.policy import Policy

ASSETS = 500
HELD = 20
AT_ONCE = 32_768
ROUNDS = 3
SEED = 20261121
PLACES = 6

Ints = NDArray[np.int64]


def made_prices(random: np.random.Generator) -> Ints:
    """Prices in cents: lognormal, 5 to 3,000, median 80."""
    prices = np.clip(np.exp(random.normal(np.log(80), 1.0, ASSETS)), 5, 3000)
    return np.round(prices * 100).astype(np.int64)


def made_batch(random: np.random.Generator, prices: Ints, count: int) -> pa.RecordBatch:
    """Accounts around 50,000, drifted from Dirichlet targets by a quarter or so, 2 % in cash."""
    steps = random.integers(1, ASSETS // HELD, (count, HELD)).cumsum(axis=1)
    assets = np.sort((steps + random.integers(0, ASSETS, (count, 1))) % ASSETS, axis=1)
    worth = np.exp(random.normal(np.log(50_000), 1.0, count)) * 100
    weights = random.standard_exponential((count, HELD))  # shares of their sum are Dirichlet
    weights /= weights.sum(axis=1, keepdims=True)
    held = weights * np.exp(random.normal(0, 0.25, weights.shape))
    held *= 0.98 / held.sum(axis=1, keepdims=True)
    quantities = (held * worth[:, None] / prices[assets]).astype(np.int32)
    whole = np.floor(weights * 10**PLACES).astype(np.int64)
    whole[:, 0] += 10**PLACES - whole.sum(axis=1)
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * HELD)
    columns = {
        "account_id": pa.array(np.arange(count, dtype=np.int32)),
        "asset_id": pa.ListArray.from_arrays(offsets, pa.array(assets.ravel().astype(np.int32))),
        "quantity": pa.ListArray.from_arrays(offsets, pa.array(quantities.ravel())),
        "target_weight": pa.ListArray.from_arrays(offsets, exact(whole.ravel(), 9, PLACES)),
        "cash": exact(np.round(worth * 0.02).astype(np.int64), 18, 2),
    }
    return pa.RecordBatch.from_pydict(columns)


def exact(values: Ints, digits: int, places: int) -> pa.Array:
    """Decimals of 32 or 64 bits."""
    kind, narrow = (pa.decimal32, np.int32) if digits <= 9 else (pa.decimal64, np.int64)
    return pa.Array.from_buffers(
        kind(digits, places), len(values), [None, pa.py_buffer(values.astype(narrow))]
    )


def write_book(path: Path, accounts: int) -> pa.Table:
    """Write the book and return its prices."""
    random = np.random.default_rng(SEED)
    prices = made_prices(random)
    first = made_batch(random, prices, min(AT_ONCE, accounts))
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
        writer.write(first)
        for begin in range(AT_ONCE, accounts, AT_ONCE):
            writer.write(made_batch(random, prices, min(AT_ONCE, accounts - begin)))
    ids = [f"ASSET{place:04d}" for place in range(ASSETS)]
    return pa.table({"asset_id": ids, "price": exact(prices, 18, 2)})


def read_book(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
        for place in range(reader.num_record_batches):
            yield reader.get_batch(place)


@dataclass(slots=True)
class Tally:
    """What a run found, summed over accounts."""

    accounts: int = 0
    proven: int = 0
    widest_gap: float = 0.0
    drift_bp: float = 0.0
    idle_bp: float = 0.0

    def row(self) -> tuple[str, str, str]:
        count = max(self.accounts, 1)
        return f"{self.proven / count:.2%}", f"{self.drift_bp / count:.1f}", f"{self.idle_bp / count:.1f}"


def tally(batch: pa.RecordBatch, found: pa.RecordBatch, prices: Ints, total: Tally) -> None:
    """Add up how many are proven, and in basis points of the account the root of squared drift, and cash."""
    shape = (batch.num_rows, HELD)
    worth = values_of(batch, prices, shape)
    whole = worth.sum(axis=1) + cash_of(batch["cash"])
    statuses = found["status"].to_pylist()
    total.accounts += batch.num_rows
    total.proven += statuses.count("optimal")
    gap = np.sqrt(found["gap"].to_numpy()) * 100 / whole * 10_000
    total.widest_gap = max(total.widest_gap, float(gap.max(initial=0)))
    total.drift_bp += float((np.sqrt(found["objective"].to_numpy()) * 100 / whole).sum() * 10_000)
    total.idle_bp += float((np.array(found["cash_after"].cast(pa.float64())) * 100 / whole).sum() * 10_000)


def values_of(batch: pa.RecordBatch, prices: Ints, shape: tuple[int, int]) -> Ints:
    assets = batch["asset_id"].flatten().to_numpy().reshape(shape)
    worth: Ints = prices[assets] * batch["quantity"].flatten().to_numpy().reshape(shape).astype(np.int64)
    return worth


def cash_of(column: pa.Array) -> Ints:
    cents: Ints = np.frombuffer(column.buffers()[1], np.int64, len(column), column.offset * 8)
    return cents


def round_down(batch: pa.RecordBatch, prices: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """The baseline: targets in floats, shares rounded down; gives trades, cash left, targets and values after."""
    shape = (batch.num_rows, HELD)
    assets = batch["asset_id"].flatten().to_numpy().reshape(shape)
    held = batch["quantity"].flatten().to_numpy().reshape(shape)
    weight = batch["target_weight"].flatten()
    weights = (
        np.frombuffer(weight.buffers()[1], np.int32, len(weight), weight.offset * 4).reshape(shape)
        / 10**PLACES
    )
    price = prices[assets]
    whole = (price * held).sum(axis=1) + cash_of(batch["cash"])
    target = weights * whole[:, None]
    shares = np.floor(target / price).astype(np.int64)
    return shares - held, whole - (shares * price).sum(axis=1), target, shares * price


def run_baseline(path: Path, prices: Ints, total: Tally | None) -> None:
    for batch in read_book(path):
        _, cash, target, after = round_down(batch, prices)
        if total is not None:
            whole = after.sum(axis=1) + cash
            total.accounts += batch.num_rows
            total.drift_bp += float((np.sqrt(((after - target) ** 2).sum(axis=1)) / whole).sum() * 10_000)
            total.idle_bp += float((cash / whole).sum() * 10_000)


def run_book(path: Path, prices: pa.Table, threads: int, nodes: int) -> Iterator[pa.RecordBatch]:
    return allocate_book(read_book(path), prices, policy=Policy(), threads=threads, node_limit=nodes)


@dataclass(slots=True)
class Timing:
    """Seconds by the clock and of all processors, round by round."""

    clock: list[float] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)

    def measure(self, work: Callable[[], object]) -> None:
        started, worked = time.perf_counter(), time.process_time()
        work()
        self.clock.append(time.perf_counter() - started)
        self.processors.append(time.process_time() - worked)

    def row(self, accounts: int, baseline: "Timing") -> tuple[str, str, str, str]:
        clock, processors = statistics.median(self.clock), statistics.median(self.processors)
        ratio = processors / statistics.median(baseline.processors)
        return f"{clock:.2f} s", f"{processors:.2f} s", f"{accounts / processors / 1e6:.2f} M", f"{ratio:.1f}"


def drain(answers: Iterator[pa.RecordBatch]) -> None:
    for _ in answers:
        pass


def peak_of(work: Callable[[], object]) -> int:
    """The most memory the process had while working."""
    process, done, peak = psutil.Process(), Event(), [0]

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return peak[0]


LIMITS = (500, 5_000)
CONTENDERS = [(threads, nodes) for nodes in LIMITS for threads in (1, 2)]


def quality(path: Path, prices: pa.Table, cents: Ints, nodes: int) -> Tally:
    total = Tally()
    batches = (batch.slice(at, 8192) for batch in read_book(path) for at in range(0, batch.num_rows, 8192))
    for batch, found in zip(batches, run_book(path, prices, 2, nodes), strict=True):
        tally(batch, found, cents, total)
    return total


HEADER = (
    "work",
    "clock",
    "processors",
    "a second",
    "÷ NumPy",
    "proven",
    "drift",
    "cash",
    "√gap",
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=1_000_000)
    accounts = parser.parse_args().accounts
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.arrow"
        prices = write_book(path, accounts)
        cents = cash_of(prices["price"].chunk(0))
        peak = peak_of(lambda: drain(run_book(path, prices, 2, 500)))
        baseline, timings = compete(path, prices, cents)
        base = Tally()
        run_baseline(path, cents, base)
        found = {nodes: quality(path, prices, cents, nodes) for nodes in LIMITS}
    rows = [("rounded down, NumPy", *baseline.row(accounts, baseline), *base.row(), "")]
    for (threads, nodes), timing in timings.items():
        name = f"{nodes:,} candidates, threads: {threads}"
        gap = f"{found[nodes].widest_gap:.0f}"
        rows.append((name, *timing.row(accounts, baseline), *found[nodes].row(), gap))
    show(f"{accounts:,} accounts of {HELD} assets; peak memory {peak / 2**20:,.0f} MiB", HEADER, rows)


def compete(path: Path, prices: pa.Table, cents: Ints) -> tuple[Timing, dict[tuple[int, int], Timing]]:
    """Let the contenders take turns."""
    baseline, timings = Timing(), {contender: Timing() for contender in CONTENDERS}
    for _ in range(ROUNDS):
        baseline.measure(lambda: run_baseline(path, cents, None))
        for (threads, nodes), timing in timings.items():
            timing.measure(partial(lambda *run: drain(run_book(path, prices, *run)), threads, nodes))
    return baseline, timings


if __name__ == "__main__":
    main()
