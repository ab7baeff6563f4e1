"""What the rows of a statement come to: how many of each sort, and what they move."""

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from steelyard.domain.transaction import TransactionKind
from steelyard.statements.port import Reader
from steelyard.statements.recognition import choose_reader, open_source, read_statement
from steelyard.statements.record import Held, Record, Refused, Row, Skipped

TODAY: Final = date(2026, 11, 22)

IN: Final = {
    TransactionKind.SELL,
    TransactionKind.SHORT,
    TransactionKind.DIVIDEND,
    TransactionKind.INTEREST,
    TransactionKind.FEE_REFUND,
    TransactionKind.TAX_REFUND,
    TransactionKind.DEPOSIT,
    TransactionKind.RETURN_OF_CAPITAL,
    TransactionKind.REDEMPTION,
}
OUT: Final = {
    TransactionKind.BUY,
    TransactionKind.COVER,
    TransactionKind.INTEREST_PAID,
    TransactionKind.FEE,
    TransactionKind.TAX,
    TransactionKind.WITHDRAWAL,
    TransactionKind.FX,
}
ADDS: Final = {
    TransactionKind.BUY,
    TransactionKind.COVER,
    TransactionKind.RECEIVE,
    TransactionKind.DIVIDEND_REINVESTED,
}
TAKES: Final = {
    TransactionKind.SELL,
    TransactionKind.SHORT,
    TransactionKind.DELIVER,
    TransactionKind.REDEMPTION,
}


def read_rows(reader: Reader, path: Path) -> list[Row]:
    """Read a file that the reader must know."""
    with open_source(path) as source:
        return list(read_statement(choose_reader([reader], source), source, today=TODAY))


def tally(rows: list[Row]) -> tuple[int, int, int, int]:
    """Count records, held, skipped and refused rows."""
    counted = Counter(type(row) for row in rows)
    return counted[Record], counted[Held], counted[Skipped], counted[Refused]


def kinds(rows: list[Row]) -> dict[str, int]:
    """Count the records by kind."""
    return dict(Counter(str(row.kind) for row in rows if isinstance(row, Record)))


def cash_moved(rows: list[Row]) -> dict[str, Decimal]:
    """Add up what the records move of each currency; what comes to 0 is left out."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if isinstance(row, Record):
            sign = (row.kind in IN) - (row.kind in OUT)
            cash = sign * (row.amount or Decimal(0)) - (row.costs if sign else 0)
            sums[row.currency] = sums.get(row.currency, Decimal(0)) + cash
            if row.kind is TransactionKind.FX:
                bought = row.counter_currency
                sums[bought] = sums.get(bought, Decimal(0)) + row.counter_amount
    return {currency: cash for currency, cash in sums.items() if cash}


def units_moved(rows: list[Row]) -> dict[str, Decimal]:
    """Add up the units that the records move of each asset, by its ISIN, CUSIP, symbol or name."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if isinstance(row, Record) and row.kind in ADDS | TAKES:
            units = row.quantity if row.kind in ADDS else -row.quantity
            sums[key_of(row)] = sums.get(key_of(row), Decimal(0)) + units
    return {asset: units for asset, units in sums.items() if units}


def units_held(rows: list[Row]) -> dict[str, Decimal]:
    """Add up the units that a statement says are there."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if isinstance(row, Held) and row.asset:
            sums[key_of(row)] = sums.get(key_of(row), Decimal(0)) + row.quantity
    return sums


def cash_held(rows: list[Row]) -> dict[str, Decimal]:
    """Return the cash that a statement of one account says is there, by currency."""
    return {row.currency: row.quantity for row in rows if isinstance(row, Held) and row.asset is None}


def key_of(row: Record | Held) -> str:
    """Return what tells the asset of a row from the others."""
    return (row.asset.isin or row.asset.cusip or row.asset.symbol or row.asset.name) if row.asset else ""
