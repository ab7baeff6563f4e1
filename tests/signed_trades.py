"""Trades as plus and minus, booked as the ledger's four kinds: what falls below nothing is sold short."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from steelyard.domain.money import MONEY_PLACES, round_half_up
from steelyard.domain.transaction import Transaction, TransactionKind


def book_trade(trade: Transaction, signed: Decimal, held: Decimal) -> Iterator[Transaction]:
    """Yield a trade in its kind; one that crosses nothing is two, and its money is shared by units.

    Args:
        trade: its amount and costs are of the whole; kind and quantity are put in.
        signed: units, positive = bought.
        held: units before it; negative = short.
    """
    closing = min(abs(signed), abs(held)) if signed * held < 0 else Decimal(0)
    opening = abs(signed) - closing
    closes, opens = (
        (TransactionKind.COVER, TransactionKind.BUY)
        if signed > 0
        else (TransactionKind.SELL, TransactionKind.SHORT)
    )
    part = round_half_up(trade.amount * closing / abs(signed), MONEY_PLACES)
    if closing:
        yield replace(trade, kind=closes, quantity=closing, amount=part)
    if opening:
        costs = Decimal(0) if closing else trade.costs
        name = f"{trade.transaction_id} opens" if closing else trade.transaction_id
        yield replace(
            trade, transaction_id=name, kind=opens, quantity=opening, amount=trade.amount - part, costs=costs
        )
