"""OFX rows of brokers that are no trade: income, expenses, transfers, splits. Source: OFX 2.2, chapter 13.9.2.4."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.amount import MAX_PLACES
from steelyard.domain.money import EXACT
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.ofx_bank import read_transaction
from steelyard.statements.ofx_fields import Statement, charge_at, currency_at, number_at, text_at
from steelyard.statements.ofx_trade import charges, funded, read_buy, read_sale, start
from steelyard.statements.record import Record, Row, Skipped
from steelyard.statements.stated import RowError, check_agreement, in_major, read_number_or_zero
from steelyard.statements.xml_document import Element

_INCOME: Final = {
    **dict.fromkeys(("DIV", "CGLONG", "CGSHORT"), TransactionKind.DIVIDEND),
    "INTEREST": TransactionKind.INTEREST,
}
_WITHHELD: Final = re.compile(r"\bW/H|\bWITHH[EO]LD|- [A-Z]{2} TAX\b", re.IGNORECASE)
"""How brokers say that an expense is a tax that was withheld; OFX has no row for it."""
_REVERSED: Final = re.compile(r"\bREVERS(?:AL|ED)\b", re.IGNORECASE)
_INSIDE: Final = {"CASH", "MARGIN", "SHORT"}

Reading = Callable[[Statement, Element], Iterator[Row]]


def read_income(statement: Statement, element: Element) -> Iterator[Row]:
    """Read an INCOME.

    Raises:
        RowError: it cannot be read, is a reversal, or tax was withheld from an amount that may be before or after it.
    """
    word, total = text_at(element, "INCOMETYPE").upper(), number_at(element, "TOTAL")
    if word not in _INCOME:
        raise RowError(f"`INCOMETYPE` is {word[:60]!r}, which does not say what it is")
    if not total:
        yield Skipped(element.line, "an income of 0")
        return
    if total < 0:
        raise RowError(f"is an income of {total:f}, a reversal; reverse the first by hand")
    if withheld := charge_at(element, "WITHHOLDING"):
        why = f"`TOTAL` is {total:f} and `WITHHOLDING` {withheld:f}: before or after the tax, the file does not say"
        raise RowError(why)
    record = _paid(statement, element, total, _INCOME[word])
    if record.kind is TransactionKind.DIVIDEND and record.asset is None:
        raise RowError("`UNIQUEID` is absent: a dividend of what?")
    yield from funded([record], element, is_paid=False)


def read_expense(statement: Statement, element: Element) -> Iterator[Row]:
    """Read an INVEXPENSE: a fee, or a tax where its memo says so.

    Raises:
        RowError: it cannot be read, or is a reversal.
    """
    total, memo = number_at(element, "TOTAL"), text_at(element, "INVTRAN", "MEMO")
    if _REVERSED.search(memo):
        raise RowError(f"is a reversal ({memo[:100]}); reverse the first by hand")
    if not total:
        yield Skipped(element.line, "an expense of 0")
        return
    is_tax, is_paid = bool(_WITHHELD.search(memo)), total < 0
    fee = TransactionKind.FEE if is_paid else TransactionKind.FEE_REFUND
    tax = TransactionKind.TAX if is_paid else TransactionKind.TAX_REFUND
    record = _paid(statement, element, abs(total), tax if is_tax else fee)
    yield from funded([record], element, is_paid=is_paid)


def read_margin_interest(statement: Statement, element: Element) -> Iterator[Row]:
    """Read a MARGININTEREST.

    Raises:
        RowError: it cannot be read.
    """
    total = number_at(element, "TOTAL")
    if not total:
        yield Skipped(element.line, "an interest of 0")
        return
    is_paid = total < 0
    kind = TransactionKind.INTEREST_PAID if is_paid else TransactionKind.INTEREST
    yield from funded([_paid(statement, element, abs(total), kind)], element, is_paid=is_paid)


def read_capital_returned(statement: Statement, element: Element) -> Iterator[Row]:
    """Read a RETOFCAP.

    Raises:
        RowError: it cannot be read, or is a reversal.
    """
    total = number_at(element, "TOTAL")
    if total <= 0:
        raise RowError(f"returns {total:f} of capital; reverse the first by hand")
    record = _paid(statement, element, total, TransactionKind.RETURN_OF_CAPITAL)
    yield from funded([record], element, is_paid=False)


def read_reinvestment(statement: Statement, element: Element) -> Iterator[Row]:
    """Read a REINVEST: TOTAL is what was paid and bought units, costs included.

    Raises:
        RowError: it cannot be read, is a reversal, or its numbers contradict each other.
    """
    units, price, total = (number_at(element, tag) for tag in ("UNITS", "UNITPRICE", "TOTAL"))
    if units < 0:
        raise RowError(f"reinvests in {units:f} units, a reversal; reverse the first by hand")
    costs, tax = charges(element)
    check_agreement(units, price, abs(total) - costs)
    record = _paid(statement, element, abs(total), TransactionKind.DIVIDEND_REINVESTED)
    currency = currency_at(statement, element)
    costs, tax, price = (in_major(number, currency)[0] for number in (costs, tax, price))
    yield replace(record, quantity=units, price=price, costs=costs, tax=tax)


def read_transfer(statement: Statement, element: Element) -> Iterator[Row]:
    """Read a TRANSFER of units; what they cost or are worth it does not say.

    Raises:
        RowError: it cannot be read, is of a short position, or goes in with units below 0.
    """
    units, way = number_at(element, "UNITS"), text_at(element, "TFERACTION").upper()
    if not units:
        yield Skipped(element.line, "a transfer of 0 units")
        return
    if way not in {"IN", "OUT"} or (way == "IN" and units < 0):
        raise RowError(f"`TFERACTION` is {way!r} and `UNITS` {units:f}: in or out cannot be told")
    if text_at(element, "POSTYPE").upper() == "SHORT":
        raise RowError("transfers a short position; book it by hand")
    kind = TransactionKind.RECEIVE if way == "IN" else TransactionKind.DELIVER
    price = read_number_or_zero("UNITPRICE", text_at(element, "UNITPRICE"))
    record = _of_asset(start(statement, element, element, kind))
    price = in_major(price, currency_at(statement, element))[0]
    yield replace(record, quantity=abs(units), amount=None, price=price or None)


def read_split(statement: Statement, element: Element) -> Iterator[Row]:
    """Read a SPLIT, and the cash for a fraction.

    Raises:
        RowError: it states no ratio, its units contradict it, or the fraction is none that can be written.
    """
    numerator, denominator, old, new = (
        read_number_or_zero(tag, text_at(element, tag))
        for tag in ("NUMERATOR", "DENOMINATOR", "OLDUNITS", "NEWUNITS")
    )
    if numerator <= 0 or denominator <= 0:
        raise RowError("states units added, not the ratio: book the SPLIT by hand")
    with localcontext(EXACT):
        fraction = (old * numerator - new * denominator) / denominator
    if abs(fraction) >= 1:
        raise RowError(f"{old:f} units at {numerator:f} for {denominator:f} are not {new:f}")
    split = _of_asset(start(statement, element, element, TransactionKind.SPLIT))
    split = replace(split, quantity=denominator, counter_quantity=numerator)
    cash = charge_at(element, "FRACCASH")
    if not cash:
        yield split
        return
    if fraction <= 0 or -int(fraction.as_tuple().exponent) > MAX_PLACES:
        raise RowError(f"pays {cash:f} for a fraction that its units do not show; book it by hand")
    amount = in_major(cash, currency_at(statement, element))[0]
    sold = replace(
        split, kind=TransactionKind.SELL, quantity=fraction, amount=amount, counter_quantity=Decimal(0)
    )
    yield replace(split, source_id=split.source_id and f"{split.source_id}/1")
    yield replace(sold, source_id=split.source_id and f"{split.source_id}/2")


def read_journal(statement: Statement, element: Element) -> Iterator[Row]:
    """Read a JRNLFUND or JRNLSEC: between parts of one account nothing moves.

    Raises:
        RowError: one side of it lies outside of the account.
    """
    del statement  # one signature for all rows
    sides = [text_at(element, tag).upper() for tag in ("SUBACCTFROM", "SUBACCTTO")]
    if not set(sides) <= _INSIDE:
        raise RowError(f"journals from {sides[0]!r} to {sides[1]!r}: what lies outside is not said")
    yield Skipped(element.line, f"a journal inside the account, from {sides[0]} to {sides[1]}")


def read_cash_movement(statement: Statement, element: Element) -> Iterator[Row]:
    """Read an INVBANKTRAN.

    Raises:
        RowError: it cannot be read.
    """
    body = element.first("STMTTRN")
    if body is None:
        raise RowError("has no <STMTTRN>")
    yield read_transaction(statement, body)


def refuse_closure(statement: Statement, element: Element) -> Iterator[Row]:
    """Refuse a CLOSUREOPT.

    Raises:
        RowError: always.
    """
    del statement  # one signature for all rows
    raise RowError(f"is the end of an option ({text_at(element, 'OPTACTION')}); options are not booked")


READINGS: Final[dict[str, Reading]] = {
    **{f"BUY{kind}": read_buy for kind in ("STOCK", "MF", "DEBT", "OPT", "OTHER")},
    **{f"SELL{kind}": read_sale for kind in ("STOCK", "MF", "DEBT", "OPT", "OTHER")},
    "CLOSUREOPT": refuse_closure,
    "INCOME": read_income,
    "INVBANKTRAN": read_cash_movement,
    "INVEXPENSE": read_expense,
    "JRNLFUND": read_journal,
    "JRNLSEC": read_journal,
    "MARGININTEREST": read_margin_interest,
    "REINVEST": read_reinvestment,
    "RETOFCAP": read_capital_returned,
    "SPLIT": read_split,
    "TRANSFER": read_transfer,
}
"""Every row of an INVTRANLIST, by its tag."""


def _paid(statement: Statement, element: Element, total: Decimal, kind: TransactionKind) -> Record:
    amount, _ = in_major(total, currency_at(statement, element))
    return replace(start(statement, element, element, kind), amount=amount)


def _of_asset(record: Record) -> Record:
    if record.asset is None:
        raise RowError(f"`UNIQUEID` is absent: a {record.kind} of what?")
    return record
