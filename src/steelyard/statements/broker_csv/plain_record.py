"""Plain records: a Record made from a draft, since the constructor of a frozen class takes three times as long.

A frozen class sets each of its fields by a call that goes round its own lock; a long file makes a million records.
"""

from datetime import date
from decimal import Decimal
from typing import cast

from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.record import Hint, Record


class _Draft:
    """What a record is while it is made: the same slots, not yet frozen."""

    __slots__ = Record.__slots__

    def __init__(  # noqa: PLR0917  the fields of a record, in the order in which a line gives them
        self,
        kind: TransactionKind,
        line: int,
        trade_date: date,
        account: str,
        currency: str,
        amount: Decimal | None,
        costs: Decimal,
        tax: Decimal,
        asset: Hint | None,
        quantity: Decimal,
        price: Decimal | None,
        settlement_date: date | None,
        source_id: str,
        note: str,
    ) -> None:
        self.kind = kind
        self.line = line
        self.trade_date = trade_date
        self.account = account
        self.currency = currency
        self.amount = amount
        self.costs = costs
        self.tax = tax
        self.asset = asset
        self.quantity = quantity
        self.price = price
        self.settlement_date = settlement_date
        self.source_id = source_id
        self.note = note
        self.counter_asset = None
        self.counter_quantity = ZERO
        self.counter_currency = ""
        self.counter_amount = ZERO
        self.acquired = None
        self.basis_fraction = None
        self.counter_account = ""


def plain_record(  # noqa: PLR0917  the fields of a record, in the order in which a line gives them
    kind: TransactionKind,
    line: int,
    trade_date: date,
    account: str,
    currency: str,
    amount: Decimal | None,
    costs: Decimal,
    tax: Decimal,
    asset: Hint | None,
    quantity: Decimal,
    price: Decimal | None,
    settlement_date: date | None,
    source_id: str,
    note: str,
) -> Record:
    """Return a record that names no second asset, account or currency.

    >>> record = plain_record(TransactionKind.FEE, 3, date(2024, 3, 14), "", "EUR", Decimal(2), ZERO, ZERO, None, ZERO,
    ...                       None, None, "", "")
    >>> record == Record(kind=TransactionKind.FEE, line=3, trade_date=date(2024, 3, 14), currency="EUR",
    ...                  amount=Decimal(2))
    True
    """
    draft = _Draft(
        kind,
        line,
        trade_date,
        account,
        currency,
        amount,
        costs,
        tax,
        asset,
        quantity,
        price,
        settlement_date,
        source_id,
        note,
    )
    draft.__class__ = Record  # type: ignore[assignment]  # both are nothing but the same slots
    return cast("Record", draft)
