"""A ledger from nothing: lots, values and flows of every day, and performance, beside beancount on the same ledger.

    make bench-peers                           (once: beancount lives in .venv-peers)
    python benchmarks/bench_ledger.py

14,400 transactions of 250 assets in four accounts over twelve years, and 1,900 of one account, made from a seed at real
prices (made_ledger.py). Each round is a process of its own that does nothing before (own_ledger.py, peer_ledger.py), so
that what it needs in memory is counted whole, Python and its libraries too; times are of the processor. Measured are
all groups there are: everything, each account, each asset; after one more, those that it touches.
beancount reads the ledger as text, books its lots and checks them; it values nothing and measures no return. Both must
end with the same units, and with the same gains to the cent of each sale.
"""

import json
import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_text import commodity, write_beancount
from made_ledger import CLOSES, MadeLedger, make_ledger
from scratch import show

HERE = Path(__file__).parent
PEER = HERE.parent / ".venv-peers/bin/python"
SEED = 20261121
ROUNDS = 5
SIZES = {"twelve years": {"accounts": 4, "months": 144}, "one account": {"accounts": 1, "months": 76}}
OWN_STEPS = ("lots", "columns", "measures")
PEER_STEPS = ("read", "book", "check")

Answer = dict[str, Any]


class DifferentOutcomeError(Exception):
    """The two do not end with the same."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What the rounds of one program on one ledger answered."""

    answers: Sequence[Answer]

    def seconds(self, *steps: str) -> float:
        return statistics.median([float(sum(one[step] for step in steps)) for one in self.answers])

    @property
    def megabytes(self) -> float:
        return max(float(one["megabytes"]) for one in self.answers)


def run(python: Path, program: str, ledger: Path) -> Rounds:
    """Run a program on a ledger, a process a round."""
    command = [python, HERE / program, ledger]
    return Rounds(
        [
            json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
            for _ in range(ROUNDS)
        ]
    )


def compare(own: Answer, peer: Answer, ledger: MadeLedger) -> None:
    """Refuse figures of two programs that do not agree on what came out."""
    positions = [(*name.split(" "), count) for name, count in own["units"].items()]
    units = {
        f"Assets:{account}:{commodity(asset)} {commodity(asset)}": count
        for account, asset, count in positions
    }
    off = abs(Decimal(own["gain"]) - Decimal(peer["gain"]))
    sales = sum(one.quantity > 0 for one in ledger.transactions)
    if units != peer["units"] or off > sales * Decimal("0.01"):
        raise DifferentOutcomeError(off, set(units.items()) ^ set(peer["units"].items()))


def main() -> None:
    if not CLOSES.exists():
        sys.exit(f"{CLOSES.name} is not beside the checkout; prices come from it.")
    rows, peers = [], []
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as folder:
        for name, size in SIZES.items():
            ledger = make_ledger(**size, seed=SEED)
            pickled, text = Path(folder, "ledger.pickle"), Path(folder, "ledger.beancount")
            pickled.write_bytes(pickle.dumps(ledger))
            own = run(Path(sys.executable), "own_ledger.py", pickled)
            rows.append(_own_row(f"{len(ledger.transactions):,}, {name}", own))
            if PEER.exists():
                write_beancount(ledger, text)
                peer = run(PEER, "peer_ledger.py", text)
                compare(own.answers[0], peer.answers[0], ledger)
                peers.append(_peer_row(f"{len(ledger.transactions):,}", own, peer))
    show(
        f"Steelyard from nothing, median of {ROUNDS} processes",
        ("transactions", "lots", "columns", "measures", "all", "one more", "most memory"),
        rows,
    )
    if peers:
        header = (
            "transactions",
            "read",
            "book",
            "check",
            "all",
            "most memory",
            "÷ our lots",
            "÷ our all",
            "memory ÷ ours",
        )
        show("beancount on the same ledger: lots, and nothing valued", header, peers)


def _own_row(name: str, own: Rounds) -> Sequence[str]:
    steps = [f"{own.seconds(step):.3f} s" for step in OWN_STEPS]
    one_more = f"{own.seconds('one_more') * 1000:.0f} ms"
    whole = f"{own.seconds(*OWN_STEPS):.3f} s", one_more, f"{own.megabytes:.0f} MB"
    return name, *steps, *whole


def _peer_row(name: str, own: Rounds, peer: Rounds) -> Sequence[str]:
    steps = [f"{peer.seconds(step):.3f} s" for step in PEER_STEPS]
    whole = peer.seconds(*PEER_STEPS)
    ratios = (
        f"{whole / own.seconds('lots'):.2f}",
        f"{whole / own.seconds(*OWN_STEPS):.2f}",
        f"{peer.megabytes / own.megabytes:.2f}",
    )
    return name, *steps, f"{whole:.3f} s", f"{peer.megabytes:.0f} MB", *ratios


if __name__ == "__main__":
    main()
