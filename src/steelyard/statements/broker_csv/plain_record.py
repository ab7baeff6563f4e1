"""Plain records: a Record made slot by slot, since the constructor of a frozen class takes nearly twice as long."""

from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.record import Hint, Record

_SET: Final = {name: getattr(Record, name).__set__ for name in Record.__slots__}
_new: Final = object.__new__
_kind, _line, _trade_date, _account = (_SET[name] for name in ("kind", "line", "trade_date", "account"))
_currency, _amount, _costs, _tax = (_SET[name] for name in ("currency", "amount", "costs", "tax"))
_asset, _quantity, _price = (_SET[name] for name in ("asset", "quantity", "price"))
_settlement_date, _source_id, _note = (_SET[name] for name in ("settlement_date", "source_id", "note"))
_counter_asset, _counter_quantity = (_SET[name] for name in ("counter_asset", "counter_quantity"))
_counter_currency, _counter_amount = (_SET[name] for name in ("counter_currency", "counter_amount"))
_acquired, _basis_fraction, _counter_account = (
    _SET[name] for name in ("acquired", "basis_fraction", "counter_account")
)


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
    record = _new(Record)
    _kind(record, kind)
    _line(record, line)
    _trade_date(record, trade_date)
    _account(record, account)
    _currency(record, currency)
    _amount(record, amount)
    _costs(record, costs)
    _tax(record, tax)
    _asset(record, asset)
    _quantity(record, quantity)
    _price(record, price)
    _settlement_date(record, settlement_date)
    _source_id(record, source_id)
    _note(record, note)
    _counter_asset(record, None)
    _counter_quantity(record, ZERO)
    _counter_currency(record, "")
    _counter_amount(record, ZERO)
    _acquired(record, None)
    _basis_fraction(record, None)
    _counter_account(record, "")
    return record
