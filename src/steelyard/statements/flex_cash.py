"""IBKR Flex rows that move cash alone, or units without a trade: payments, taxes on sales, transfers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.flex_fields import (
    account_of,
    asset_of,
    currency_of,
    day_of,
    kept,
    number_of,
    number_or_zero,
    text_of,
)
from steelyard.statements.flex_survey import Survey, level_of
from steelyard.statements.record import Record, Row, Skipped
from steelyard.statements.stated import RowError, in_major
from steelyard.statements.xml_document import Element

_INTEREST: Final = (TransactionKind.INTEREST, TransactionKind.INTEREST_PAID)
_TAX: Final = (TransactionKind.TAX_REFUND, TransactionKind.TAX)
_FEE: Final = (TransactionKind.FEE_REFUND, TransactionKind.FEE)
_DEPOSIT: Final = (TransactionKind.DEPOSIT, TransactionKind.WITHDRAWAL)
_DIVIDEND: Final = (TransactionKind.DIVIDEND, None)
_TYPES: Final[dict[str, tuple[TransactionKind, TransactionKind | None]]] = {
    **dict.fromkeys(("Deposits/Withdrawals", "Deposits & Withdrawals"), _DEPOSIT),
    **dict.fromkeys(("Dividends", "Payment In Lieu Of Dividends"), _DIVIDEND),
    **dict.fromkeys(("Withholding Tax", "871(m) Withholding", "Sales Tax", "Transaction Tax"), _TAX),
    **dict.fromkeys(
        ("Broker Interest Paid", "Broker Interest Received", "Bond Interest Paid", "Bond Interest Received"),
        _INTEREST,
    ),
    **dict.fromkeys(
        ("Other Fees", "Broker Fees", "Advisor Fees", "Client Fees", "Commission Adjustments"),
        _FEE,
    ),
}
"""type → kind where `amount` is above 0, and below; None = a reversal."""
_OF_CAPITAL: Final = "(Return of Capital)"
_INSTRUMENTS: Final = {"STK", "FUND", "BOND", "BILL", "WAR", "IOPT", "CMDTY", "CRYPTO"}


def read_payment(element: Element, survey: Survey) -> Iterator[Row]:
    """Read a row of CashTransactions.

    Raises:
        RowError: it cannot be read, is of a type nobody described, or is a reversal.
    """
    if level_of(element) == "SUMMARY" and (survey.has(element, "DETAIL") or survey.has(element, "")):
        yield Skipped(element.line, "a sum of rows that stand beside it")
        return
    word, amount = text_of(element, "type"), number_of(element, "amount")
    if word not in _TYPES:
        raise RowError(f"`type` is {word[:60]!r}, which is not known here")
    if not amount:
        yield Skipped(element.line, f"{word} of 0")
        return
    above, below = _TYPES[word]
    kind = above if amount > 0 else below
    description = text_of(element, "description")
    if kind is None:
        raise RowError(
            f"is of the type {word} with an amount of {amount:f}, a reversal; reverse the first by hand"
        )
    if kind is TransactionKind.DIVIDEND and _OF_CAPITAL in description:
        kind = TransactionKind.RETURN_OF_CAPITAL
    paid, currency = in_major(abs(amount), currency_of(element))
    record = replace(_start(element, survey, kind), amount=paid, currency=currency)
    if record.asset is None and kind in {TransactionKind.DIVIDEND, TransactionKind.RETURN_OF_CAPITAL}:
        raise RowError(f"is of the type {word} and names no asset")
    yield kept(replace(record, asset=None) if kind in _DEPOSIT else record)


def read_sales_tax(element: Element, survey: Survey) -> Iterator[Row]:
    """Read a row of SalesTaxes, which stand in no other section.

    Raises:
        RowError: it cannot be read.
    """
    amount = number_of(element, "salesTax")
    if not amount:
        yield Skipped(element.line, "a sales tax of 0")
        return
    paid, currency = in_major(abs(amount), currency_of(element))
    kind = _TAX[0] if amount > 0 else _TAX[1]
    note = text_of(element, "taxableDescription") or text_of(element, "taxDescription")
    yield kept(replace(_start(element, survey, kind), amount=paid, currency=currency, asset=None, note=note))


def read_transfer(element: Element, survey: Survey) -> Iterator[Row]:
    """Read a row of Transfers: units, cash, or both. What units cost it does not say.

    Raises:
        RowError: it cannot be read, its direction contradicts its sign, or its units are no plain ones.
    """
    units, cash = number_or_zero(element, "quantity"), number_or_zero(element, "cashTransfer")
    way, category = text_of(element, "direction").upper(), text_of(element, "assetCategory")
    is_units = category not in {"", "CASH"} and bool(units)
    moved = units if is_units else cash
    if not moved:
        yield Skipped(element.line, "a transfer of nothing")
        return
    if way not in {"IN", "OUT"} or (moved > 0) is not (way == "IN") or (is_units and cash):
        raise RowError(
            f"`direction` is {way!r}, `quantity` {units:f} and `cashTransfer` {cash:f}: book it by hand"
        )
    if not is_units:
        amount, currency = in_major(abs(cash), currency_of(element))
        record = _start(element, survey, _DEPOSIT[0] if cash > 0 else _DEPOSIT[1])
        yield kept(replace(record, amount=amount, currency=currency, asset=None))
        return
    multiplier = number_or_zero(element, "multiplier")
    if category not in _INSTRUMENTS or multiplier not in {0, 1}:
        raise RowError(
            f"transfers {category[:20]!r} with a multiplier of {multiplier:f}; only units are booked"
        )
    kind = TransactionKind.RECEIVE if units > 0 else TransactionKind.DELIVER
    record = _start(element, survey, kind)
    if record.asset is None:
        raise RowError("`symbol` is absent: a transfer of what?")
    value = number_or_zero(element, "positionAmount")
    worth, currency = in_major(abs(value), currency_of(element))
    is_stated = kind is TransactionKind.DELIVER and bool(value)
    yield kept(replace(record, quantity=abs(units), amount=worth if is_stated else None, currency=currency))


def _start(element: Element, survey: Survey, kind: TransactionKind) -> Record:
    context = survey.context
    day = day_of(element, context.order, "dateTime", "date", "reportDate", "settleDate")
    settled = day_of(element, context.order, "settleDate") if text_of(element, "settleDate") else None
    return Record(
        kind=kind,
        line=element.line,
        trade_date=day,
        account=account_of(element),
        amount=ZERO,
        settlement_date=settled if settled and settled > day else None,
        asset=asset_of(element, context, is_named=False),
        source_id=text_of(element, "transactionID"),
        note=text_of(element, "description"),
    )
