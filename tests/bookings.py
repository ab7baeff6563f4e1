"""Transactions of one asset in a few words, and rates to replay them at."""

from datetime import date
from decimal import Decimal
from typing import Any

from steelyard.domain.ledger import Replay, replay
from steelyard.domain.lot import LotMethod
from steelyard.domain.transaction import Transaction, TransactionKind

DAY = date(2024, 3, 14)
LATER = date(2024, 6, 3)


NUMBERS = {
    "amount",
    "costs",
    "tax",
    "quantity",
    "price",
    "counter_quantity",
    "counter_amount",
    "basis_fraction",
}


def even(_account: str, _currency: str, _day: date) -> Decimal:
    return Decimal(1)


def euros_rise(_account: str, currency: str, day: date) -> Decimal:
    """Give 1.10 dollars for a euro, and 1.20 from June on."""
    return Decimal(1) if currency == "USD" else Decimal("1.10") if day < LATER else Decimal("1.20")


def book(kind: str, number: str, day: date = DAY, **what: Any) -> Transaction:
    """Make a transaction of VTI in account A, in dollars, numbers as text or whole."""
    numbers = {
        name: Decimal(value) if isinstance(value, (int, str)) and name in NUMBERS else value
        for name, value in what.items()
    }
    defaults: dict[str, Any] = {"account_id": "A", "currency": "USD", "asset_id": "VTI"}
    return Transaction(
        transaction_id=number, kind=TransactionKind(kind), trade_date=day, **(defaults | numbers)
    )


def run(*rows: Transaction, method: LotMethod = LotMethod.FIFO) -> Replay:
    return replay(rows, methods=method, convert=even)


BUY = book("BUY", "T1", quantity=10, amount=1000, costs=5)

SPLIT = book("SPLIT", "S1", LATER, account_id="", quantity=1, counter_quantity=2)


def lots(answer: Replay, account: str = "A", asset: str = "VTI") -> list[tuple[str, int, str]]:
    return [
        (lot.lot_id, int(lot.quantity), f"{lot.cost:.2f}") for lot in answer.positions[account, asset].lots
    ]
