"""Transactions as columns of postings, for tests: what the service reads from the store, made by the domain's rules."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from steelyard.analytics.observations import DateArray
from steelyard.analytics.valuation import PLACES, PostingColumns
from steelyard.domain.posting import Place, Posting, postings_of
from steelyard.domain.transaction import Transaction, TransactionKind


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction and what it moves."""

    transaction: Transaction
    postings: tuple[Posting, ...]

    @property
    def about(self) -> tuple[str, str]:
        """The cell it is about."""
        return self.transaction.account_id, self.transaction.asset_id or self.transaction.currency


def post(transactions: Iterable[Transaction]) -> list[Entry]:
    """Book transactions one after the other, corporate actions by what is held at that point."""
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    entries = []
    for one in sorted(transactions, key=lambda one: one.day_order):
        lines = postings_of(one, held=held[one.account_id, one.asset_id])
        for line in lines:
            if line.place is Place.HELD:
                held[line.account_id, line.commodity] += line.quantity
        entries.append(Entry(one, lines))
    return entries


def days(*dates: date | str) -> DateArray:
    """Make an array of days."""
    return np.array(dates, dtype="datetime64[D]")


def columns(
    entries: Sequence[Entry], *, accounts: Sequence[str], commodities: Sequence[str]
) -> PostingColumns:
    """Lay entries out as columns; names become their places in the two lists."""
    lines = [(number, entry, line) for number, entry in enumerate(entries) for line in entry.postings]

    def numbers(values: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.fromiter(values, dtype=np.int64)

    return PostingColumns(
        entry=numbers(number for number, _, _ in lines),
        date=days(*(entry.transaction.trade_date for _, entry, _ in lines)),
        account=numbers(accounts.index(line.account_id) for *_, line in lines),
        place=numbers(PLACES[line.place] for *_, line in lines),
        commodity=numbers(commodities.index(line.commodity) for *_, line in lines),
        quantity=np.array([float(line.quantity) for *_, line in lines], dtype=np.float64),
        about_account=numbers(accounts.index(entry.about[0]) for _, entry, _ in lines),
        about_commodity=numbers(commodities.index(entry.about[1]) for _, entry, _ in lines),
    )


def booked(kind: str, day: str, account: str = "A", **details: Any) -> Transaction:
    """Write a transaction briefly; numbers and decimal text become Decimals."""
    exact = {
        "amount",
        "costs",
        "tax",
        "quantity",
        "counter_quantity",
        "counter_amount",
        "price",
        "basis_fraction",
    }
    values: dict[str, Any] = {
        name: Decimal(str(value)) if name in exact else value for name, value in details.items()
    }
    names = {"asset": "asset_id", "to": "counter_account_id", "into": "counter_asset_id"}
    fields = {names.get(name, name): value for name, value in values.items()}
    defaults: dict[str, Any] = {
        "transaction_id": f"{kind} {day} {sorted(details.items())}",
        "currency": "USD",
    }
    return Transaction(
        kind=TransactionKind(kind),
        trade_date=date.fromisoformat(day),
        account_id=account,
        **(defaults | fields),
    )
