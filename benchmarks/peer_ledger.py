"""beancount on a ledger, in a process and an environment of its own.

    .venv-peers/bin/python benchmarks/peer_ledger.py ledger.beancount

Prints one line of JSON: processor seconds to read the text, to book its lots and to check it; the most memory in MB;
what is held at the end by account and commodity, and the sum of the gains.
"""

import json
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

from beancount.core import data
from beancount.ops import validation
from beancount.parser import booking, parser


def most_memory() -> float:
    """The most memory this process had, in MB; getrusage would count what its parent had."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    started = time.process_time()
    entries, _, options = parser.parse_file(sys.argv[1])
    parsed = time.process_time()
    booked, faults = booking.book(entries, options)
    done = time.process_time()
    faults += validation.validate(booked, options)
    checked = time.process_time()
    if faults:
        sys.exit(str(faults[0]))
    answer = {
        "read": parsed - started,
        "book": done - parsed,
        "check": checked - done,
        "megabytes": most_memory(),
        **_outcome(booked),
    }
    print(json.dumps(answer))


def _outcome(entries: data.Entries) -> dict[str, object]:
    units: Counter[str] = Counter()
    gain = Decimal(0)
    for entry in entries:
        for posting in getattr(entry, "postings", ()):
            if posting.account == "Income:Gains":
                gain -= posting.units.number
            elif posting.cost:
                units[f"{posting.account} {posting.units.currency}"] += posting.units.number
    return {"units": {name: str(count) for name, count in units.items() if count}, "gain": str(gain)}


if __name__ == "__main__":
    main()
