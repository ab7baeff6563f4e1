"""Ledgers of beancount, written by hand, and what the reader makes of them."""

import gzip
import importlib.util
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from books import in_ci, shared
from steelyard.statements.beancount_ledger import BeancountLedger
from steelyard.statements.recognition import open_source
from steelyard.statements.record import Record, Row

Balances = Mapping[tuple[str, str], Decimal]
Key = tuple[str, str]


def want_beancount() -> None:
    """Skip the module where beancount is not installed; in the pipeline it must be."""
    if importlib.util.find_spec("beancount") is None:
        reason = "beancount is not installed: pip install 'steelyard[beancount]'"
        if in_ci():
            pytest.fail(reason)
        pytest.skip(reason, allow_module_level=True)


def read_ledger_file(path: Path, *, seconds: int = 120) -> list[Row]:
    """Read a ledger with the reader."""
    with open_source(path) as source:
        return list(BeancountLedger(seconds=seconds).read(source))


def read_text(folder: Path, text: str | bytes, *, seconds: int = 120) -> list[Row]:
    """Read a ledger of this text."""
    path = folder / "main.beancount"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_ledger_file(path, seconds=seconds)


def brief(record: Record) -> str:
    """A record in one line: kind, account, what it moves, costs, other side."""
    asset = record.asset.symbol if record.asset else ""
    money = f"{record.amount} {record.currency}" if record.amount else ""
    units = f"{record.quantity} {asset}" if record.quantity else asset
    ratio = f"-> {record.counter_quantity}" if record.counter_quantity else ""
    costs = f"costs {record.costs} tax {record.tax}" if record.costs else ""
    other = f"-> {record.counter_account}" if record.counter_account else ""
    bought = f"-> {record.counter_amount} {record.counter_currency}" if record.counter_currency else ""
    return " ".join(
        filter(None, (record.kind.value, record.account, units, ratio, money, costs, other, bought))
    )


def whose(account: str) -> str:
    """The account that beancount's is, or is a pocket of: written down by looking at the ledgers."""
    broker = account.rpartition(":")[0]
    return broker if broker in {"Assets:US:ETrade", "Assets:US:Vanguard"} else account


def theirs(name: str, *, before: date | None = None) -> Balances:
    """Balances as beancount's own library counts them."""
    from beancount import loader  # noqa: PLC0415  the golden test alone reads with the library in its own process
    from beancount.core.data import Transaction as Entry  # noqa: PLC0415  as above

    text = gzip.decompress(shared(f"clients/ledgers/{name}").read_bytes()).decode()
    entries, errors, _ = loader.load_string(text)
    assert errors == []
    balances: dict[Key, Decimal] = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, Entry) and (before is None or entry.date < before):
            for posting in entry.postings:
                if posting.account.startswith("Assets:"):
                    assert posting.units is not None
                    assert posting.units.number is not None
                    balances[whose(posting.account), posting.units.currency] += posting.units.number
    return {key: number for key, number in balances.items() if number}
