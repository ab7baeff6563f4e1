"""OFX rows that buy and sell: what they state, in what is charged apart. Source: OFX 2.2, chapter 13.9.2.4."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.ofx_fields import (
    Statement,
    asset_at,
    charge_at,
    currency_at,
    note_of,
    number_at,
    read_day,
    text_at,
)
from steelyard.statements.record import Record
from steelyard.statements.stated import RowError, agree, check_agreement, in_major, product, rounded
from steelyard.statements.xml_document import Element

_FEES: Final = ("COMMISSION", "FEES", "LOAD", "PENALTY")
_TAXES: Final = ("TAXES", "WITHHOLDING", "STATEWITHHOLDING")
_PERCENT: Final = Decimal("0.01")

BUYS: Final = {"BUY": TransactionKind.BUY, "BUYTOCOVER": TransactionKind.COVER}
SELLS: Final = {"SELL": TransactionKind.SELL, "SELLSHORT": TransactionKind.SHORT}
_CALLED: Final = {"CALL", "MATURITY"}


@dataclass(frozen=True, slots=True)
class Stated:
    """The numbers of a trade, in its currency.

    Attributes:
        units: above 0.
        price: of one unit.
        amount: without costs.
        costs: of all kinds.
        tax: what of the costs is tax.
        accrued: interest that the amount does not hold, and the total does.
    """

    units: Decimal
    price: Decimal
    amount: Decimal
    costs: Decimal
    tax: Decimal
    accrued: Decimal


def start(statement: Statement, element: Element, body: Element, kind: TransactionKind) -> Record:
    """Return a record of which only the numbers are still to be filled in.

    Args:
        statement: it belongs to.
        element: the row.
        body: what in it holds INVTRAN and SECID.
        kind: of the record.

    Raises:
        RowError: its day cannot be read, or it reverses another.
    """
    if reversed_id := text_at(body, "INVTRAN", "REVERSALFITID"):
        raise RowError(f"reverses the booking {reversed_id}; reverse it by hand")
    currency = currency_at(statement, body)
    settled = text_at(body, "INVTRAN", "DTSETTLE")
    return Record(
        kind=kind,
        line=element.line,
        trade_date=read_day("DTTRADE", text_at(body, "INVTRAN", "DTTRADE")),
        account=statement.account,
        currency=in_major(ZERO, currency)[1],
        settlement_date=read_day("DTSETTLE", settled) if settled else None,
        asset=asset_at(statement, body, currency),
        source_id=text_at(body, "INVTRAN", "FITID"),
        note=note_of(text_at(body, "INVTRAN", "MEMO")),
    )


def read_buy(statement: Statement, element: Element) -> Iterator[Record]:
    """Read a BUYSTOCK or another row with an INVBUY.

    Raises:
        RowError: it cannot be read, is an option, or its numbers contradict each other.
    """
    body = _body(element, "INVBUY")
    word = text_at(element, "BUYTYPE").upper() or "BUY"
    if word not in BUYS:
        raise RowError(f"`BUYTYPE` is {word!r}, which is not known here")
    units = number_at(body, "UNITS")
    if units < 0:
        raise RowError(f"buys {units:f} units, which reverses a purchase; reverse it by hand")
    stated = _stated(statement, element, body, is_buy=True)
    record = _filled(start(statement, element, body, BUYS[word]), stated)
    yield from funded(
        _with_interest(record, stated.accrued, TransactionKind.INTEREST_PAID), body, is_paid=True
    )


def read_sale(statement: Statement, element: Element) -> Iterator[Record]:
    """Read a SELLSTOCK or another row with an INVSELL.

    Raises:
        RowError: it cannot be read, is an option, or its numbers contradict each other.
    """
    body = _body(element, "INVSELL")
    word = text_at(element, "SELLTYPE").upper() or "SELL"
    if word not in SELLS:
        raise RowError(f"`SELLTYPE` is {word!r}, which is not known here")
    if number_at(body, "TOTAL") < 0:
        raise RowError(f"sells for {number_at(body, 'TOTAL'):f}, which reverses a sale; reverse it by hand")
    stated = _stated(statement, element, body, is_buy=False)
    called = text_at(element, "SELLREASON").upper() in _CALLED
    kind = TransactionKind.REDEMPTION if called else SELLS[word]
    record = _filled(start(statement, element, body, kind), stated)
    yield from funded(_with_interest(record, stated.accrued, TransactionKind.INTEREST), body, is_paid=False)


def funded(records: list[Record], body: Element, *, is_paid: bool) -> Iterator[Record]:
    """Yield records; where their money comes from or goes to outside of the account, with its deposit or withdrawal.

    Args:
        records: that move cash, all in one direction.
        body: of the row, with its SUBACCTFUND.
        is_paid: whether the cash leaves.
    """
    if text_at(body, "SUBACCTFUND").upper() != "OTHER":
        yield from _numbered(records)
        return
    sign = 1 if is_paid else -1
    cash = sum(((one.amount or ZERO) + sign * one.costs for one in records), ZERO)
    if not cash:
        yield from _numbered(records)
        return
    kind = TransactionKind.DEPOSIT if is_paid else TransactionKind.WITHDRAWAL
    moved = replace(_cash(records[0], kind, cash), asset=None)
    yield from _numbered([moved, *records] if is_paid else [*records, moved])


def charges(body: Element) -> tuple[Decimal, Decimal]:
    """Return the costs that a row states, and what of them is tax.

    Raises:
        RowError: one of them cannot be read.
    """
    tax = sum((charge_at(body, tag) for tag in _TAXES), ZERO)
    return tax + sum((charge_at(body, tag) for tag in _FEES), ZERO), tax


def _body(element: Element, tag: str) -> Element:
    body = element.first(tag)
    if body is None:
        raise RowError(f"has no <{tag}>")
    if element.tag.endswith("OPT") and text_at(element, "SHPERCTRCT") != "1":
        contract = text_at(element, "SHPERCTRCT") or "an unstated number of"
        raise RowError(f"is a trade in an option over {contract} shares; options are not booked")
    return body


def _stated(statement: Statement, element: Element, body: Element, *, is_buy: bool) -> Stated:
    units, total = abs(number_at(body, "UNITS")), abs(number_at(body, "TOTAL"))
    (costs, tax), accrued = charges(body), charge_at(element, "ACCRDINT")
    before = total - accrued
    amount = before - costs if is_buy else before + costs
    if amount < 0:
        raise RowError(f"`TOTAL` is {total:f}, and what is charged in it {costs + accrued:f}")
    price = _unit_price(element, units, number_at(body, "UNITPRICE"), amount)
    check_agreement(units, price, amount)
    if accrued and abs(product(units, price) - amount) > _PERCENT:
        raise RowError(f"whether `TOTAL` ({total:f}) holds the accrued interest ({accrued:f}) cannot be told")
    currency = currency_at(statement, body)
    major = [in_major(number, currency)[0] for number in (price, amount, costs, tax, accrued)]
    return Stated(units, *major)


def _unit_price(element: Element, units: Decimal, price: Decimal, amount: Decimal) -> Decimal:
    """Return the price of one unit: bonds are quoted in per cent of their face value, and their units are that."""
    of_face = product(price, _PERCENT)
    is_percent = element.tag.endswith("DEBT") and agree(product(units, of_face), amount)
    return of_face if is_percent else price


def _filled(record: Record, stated: Stated) -> Record:
    if record.asset is None:
        raise RowError("`UNIQUEID` is absent: a trade of what?")
    return replace(
        record,
        quantity=stated.units,
        price=stated.price,
        amount=rounded(stated.amount),
        costs=stated.costs,
        tax=stated.tax,
    )


def _with_interest(record: Record, accrued: Decimal, kind: TransactionKind) -> list[Record]:
    if not accrued:
        return [record]
    return [record, _cash(record, kind, accrued)]


def _cash(record: Record, kind: TransactionKind, amount: Decimal) -> Record:
    return replace(record, kind=kind, amount=amount, costs=ZERO, tax=ZERO, quantity=ZERO, price=None)


def _numbered(records: list[Record]) -> Iterator[Record]:
    """Yield the records of one row, each with an id of its own."""
    for place, record in enumerate(records, 1):
        is_one = len(records) == 1 or not record.source_id
        yield record if is_one else replace(record, source_id=f"{record.source_id}/{place}")
