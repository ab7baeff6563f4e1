"""Plain records: a Record made from a draft, since the constructor of a frozen class takes three times as long.

A frozen class sets each of its fields by a call that goes round its own lock; a long file makes a million records.
"""

from datetime import date
from decimal import Decimal
from typing import Final, cast

from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.record import Hint, Record


class _Draft:
    """What a record is while it is made: the same slots, not yet frozen."""

    __slots__ = Record.__slots__

    kind: TransactionKind
    line: int
    trade_date: date
    account: str
    currency: str
    amount: Decimal | None
    costs: Decimal
    tax: Decimal
    asset: Hint | None
    quantity: Decimal
    price: Decimal | None
    settlement_date: date | None
    source_id: str
    note: str
    counter_asset: Hint | None
    counter_quantity: Decimal
    counter_currency: str
    counter_amount: Decimal
    acquired: date | None
    basis_fraction: Decimal | None
    counter_account: str


_new: Final = object.__new__


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
    draft = _new(_Draft)  # not _Draft(...): an __init__ called by way of its class takes as long again
    draft.kind = kind
    draft.line = line
    draft.trade_date = trade_date
    draft.account = account
    draft.currency = currency
    draft.amount = amount
    draft.costs = costs
    draft.tax = tax
    draft.asset = asset
    draft.quantity = quantity
    draft.price = price
    draft.settlement_date = settlement_date
    draft.source_id = source_id
    draft.note = note
    draft.counter_asset = None
    draft.counter_quantity = ZERO
    draft.counter_currency = ""
    draft.counter_amount = ZERO
    draft.acquired = None
    draft.basis_fraction = None
    draft.counter_account = ""
    draft.__class__ = Record  # type: ignore[assignment]  # both are nothing but the same slots
    return cast("Record", draft)
