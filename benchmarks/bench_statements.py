"""A long statement from file to checked records, beside a bare read of the same columns of the same file.

    python benchmarks/bench_statements.py [--rows 1000000] [--rounds 1] [--seed 1]

The layout is that of a Swissquote export: six kinds of lines, a moment on each, costs, a balance. The bare read is
`csv.DictReader`, four Decimals and one date of each line: it makes no record, knows no kind and checks nothing.
Seconds are those of the process, so that what else the machine does counts less.
"""

import argparse
import csv
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psutil
from scratch import show

from steelyard.statements.broker_csv.reader import get_csv_readers
from steelyard.statements.recognition import choose_reader, open_source, read_statement

TODAY = date(2026, 12, 31)
LAST = datetime(2026, 6, 30, 17, 30, tzinfo=UTC)
HEADER = (
    "Date;Order #;Transaction;Symbol;Name;ISIN;Quantity;Unit price;"
    "Costs;Accrued Interest;Net Amount;Balance;Currency"
)
ASSETS = (
    ("ORFN", "CONSTRAINED CAPITAL ESG ORPHAN", "US8863645383"),
    ("XDWU", "MSCI World Utilities UCITS ETF", "IE00BM67HQ30"),
    ("KROP", "GLOBAL X AGTECHFOODINNOV", "IE000EBFYWX3"),
    ("WENS", "iSh MSCI Wld Energy USD D", "IE00BJ5JP105"),
    ("VDEM", "VANGUARD FTSE EMERG MARKET UCI", "IE00B3VVMM84"),
)


def main(rows: int, rounds: int, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as folder:
        path = Path(folder, "statement.csv")
        _write(path, rows, random.Random(seed))
        for number in range(1, rounds + 1):
            before = psutil.Process().memory_info().rss
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
            records = _timed(lambda: _read(path, rows))
            more = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, most) - before
            bare = _timed(lambda: _read_bare(path))
            work = [
                ("bare read", f"{rows / bare:,.0f}", "1.00"),
                ("checked records", f"{rows / records:,.0f}", f"{bare / records:.2f}"),
            ]
            title = f"Round {number}: {rows:,} lines, {path.stat().st_size >> 20} MiB"
            show(title, ("work", "lines a second", "bare read ÷ time"), work)
            sys.stdout.write(f"at most {more >> 20} MiB more memory than before reading\n")


def _write(path: Path, rows: int, chance: random.Random) -> None:
    balance, moment = Decimal(1_000_000), LAST
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        for number in range(rows):
            moment -= timedelta(seconds=chance.randint(1, 720))
            line, net = _line(chance)
            balance += net
            stamp = f"{moment:%d-%m-%Y %H:%M:%S}"
            file.write(f"{stamp};{10_000_000 + number};{line};{net};{balance};CHF\n")


def _line(chance: random.Random) -> tuple[str, Decimal]:
    """Give the middle of a line, and the cash that it moves: of ten lines six buy, two sell."""
    symbol, name, isin = chance.choice(ASSETS)
    quantity, price = chance.randint(10, 900), Decimal(chance.randint(1000, 100_000)) / 100
    costs, asset = Decimal(chance.randint(500, 9000)) / 100, f"{symbol};{name};{isin}"
    match chance.randint(0, 9):
        case 0:
            return f"Dividend;{asset};1.0;{price};0.00;0.00", price
        case 1:
            return f"Custody Fees;;;;1.0;{price};0.00;0.00", -price
        case 2 | 3:
            return f"Sell;{asset};{quantity}.0;{price};{costs};0.00", quantity * price - costs
        case _:
            return f"Buy;{asset};{quantity}.0;{price};{costs};0.00", -quantity * price - costs


def _read(path: Path, rows: int) -> None:
    with open_source(path) as source:
        reader = choose_reader(get_csv_readers(), source)
        found = Counter(type(row).__name__ for row in read_statement(reader, source, today=TODAY))
    assert found == {"Record": rows, "Held": 1}, found


def _read_bare(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            for name in ("Quantity", "Unit price", "Costs", "Net Amount"):
                Decimal(row[name])
            datetime.strptime(row["Date"], "%d-%m-%Y %H:%M:%S").date()  # noqa: DTZ007  a day, in no zone


def _timed(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    main(given.rows, given.rounds, given.seed)
