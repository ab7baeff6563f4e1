"""OFX rows of banks and cards: what moved on an account, and its balance. Source: OFX 2.2, chapter 11."""

from decimal import Decimal
from typing import Final

from steelyard.domain.transaction import TransactionKind
from steelyard.statements.ofx_fields import Statement, currency_at, note_of, number_at, read_day, text_at
from steelyard.statements.record import Held, Record, Row, Skipped
from steelyard.statements.stated import RowError, in_major
from steelyard.statements.xml_document import Element

_IN_AND_OUT: Final = {
    **dict.fromkeys(("INT", "DIV"), (TransactionKind.INTEREST, TransactionKind.INTEREST_PAID)),
    **dict.fromkeys(("FEE", "SRVCHG"), (TransactionKind.FEE_REFUND, TransactionKind.FEE)),
    **dict.fromkeys(
        (
            *("CREDIT", "DEBIT", "DEP", "ATM", "POS", "XFER", "CHECK", "PAYMENT", "CASH"),
            *("DIRECTDEP", "DIRECTDEBIT", "REPEATPMT", "OTHER"),
        ),
        (TransactionKind.DEPOSIT, TransactionKind.WITHDRAWAL),
    ),
}
"""TRNTYPE → kind where TRNAMT is above 0, and below. DIV names no asset: what a bank pays for money is interest."""

_HALF_OF_FX: Final = "CASH TRADE:"
"""How Interactive Brokers begins the memo of a currency trade, of which OFX has one half only."""


def read_transaction(statement: Statement, element: Element) -> Row:
    """Read a STMTTRN.

    Raises:
        RowError: it cannot be read, or corrects another.
    """
    kind, amount = text_at(element, "TRNTYPE").upper(), number_at(element, "TRNAMT")
    day = read_day("DTPOSTED", text_at(element, "DTPOSTED"))
    if kind == "HOLD":
        return Skipped(element.line, "an amount on hold: nothing has moved")
    if kind not in _IN_AND_OUT:
        raise RowError(f"`TRNTYPE` is {kind[:60]!r}, which is not known here")
    if corrected := text_at(element, "CORRECTFITID"):
        raise RowError(f"corrects the booking {corrected}; reverse and book it by hand")
    if not amount:
        return Skipped(element.line, "an amount of 0")
    paid, currency = in_major(abs(amount), currency_at(statement, element))
    memo = text_at(element, "MEMO")
    if memo.startswith(_HALF_OF_FX):
        raise RowError(
            f"is one half of a currency trade ({memo}); book the FX by hand, or import the Flex statement"
        )
    return Record(
        kind=_kind(kind, amount),
        line=element.line,
        trade_date=day,
        account=statement.account,
        currency=currency,
        amount=paid,
        source_id=text_at(element, "FITID"),
        note=note_of(text_at(element, "NAME"), text_at(element, "PAYEE", "NAME"), memo),
    )


def read_balance(statement: Statement, element: Element) -> Row:
    """Read a LEDGERBAL.

    Raises:
        RowError: its amount or day cannot be read.
    """
    if not text_at(element, "BALAMT"):
        return Skipped(element.line, "a balance that is not stated")
    amount, currency = in_major(number_at(element, "BALAMT"), currency_at(statement, element))
    day = read_day("DTASOF", text_at(element, "DTASOF"))
    return Held(element.line, statement.account, day, None, currency, amount)


def _kind(word: str, amount: Decimal) -> TransactionKind:
    paid_in, paid_out = _IN_AND_OUT[word]
    if word == "DIV" and amount < 0:
        raise RowError(f"is a dividend of {amount:f}, a reversal; reverse the first by hand")
    return paid_in if amount > 0 else paid_out
