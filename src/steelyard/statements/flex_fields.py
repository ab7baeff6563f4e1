"""What every row of an IBKR Flex statement has: attributes, days, an account, an asset."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Final

from steelyard.statements.record import Hint, Record
from steelyard.statements.stated import (
    RowError,
    make_hint,
    read_currency,
    read_number,
    read_number_or_zero,
    rounded,
)
from steelyard.statements.xml_document import Element

_ABSENT: Final = {"", "-", "--", "N/A"}
_TIME: Final = r"(?:[;,T ]+(?:[01][0-9]|2[0-3]):?[0-5][0-9](?::?(?:[0-5][0-9]|60))?(?:\s*[A-Z]{2,5})?)?"
_PLAIN: Final = re.compile(rf"([0-9]{{4}})(-?)([0-9]{{2}})\2([0-9]{{2}})(?:[0-9]{{6}}|{_TIME})")
_SLASHED: Final = re.compile(rf"([0-9]{{1,2}})/([0-9]{{1,2}})/([0-9]{{4}}|[0-9]{{2}}){_TIME}")
_NAMED: Final = re.compile(rf"([0-9]{{1,2}})-([A-Z][a-z]{{2}})-([0-9]{{4}}|[0-9]{{2}}){_TIME}")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CENTURY: Final = 2000
_LAST_MONTH: Final = 12
_ISIN_IN_WORDS: Final = re.compile(r"[^()]{1,30}\(([A-Z]{2}[A-Z0-9]{9}[0-9])\) ")


class DayOrder(Enum):
    """How the dates with slashes of a file are to be read."""

    UNKNOWN = "could be of either order"
    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    BOTH = "some day first, some month first"


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a file before its rows are read.

    Attributes:
        order: of its dates with slashes.
        assets: what its rows say of each asset, by conid.
    """

    order: DayOrder = DayOrder.UNKNOWN
    assets: Mapping[str, Hint] = field(default_factory=dict)


def text_of(element: Element, name: str) -> str:
    """Return an attribute; "" where it is absent or a dash."""
    text = element.attributes.get(name, "").strip()
    return "" if text in _ABSENT else text


def number_of(element: Element, name: str) -> Decimal:
    """Return a number.

    Raises:
        RowError: it is absent or none.
    """
    return read_number(name, text_of(element, name))


def number_or_zero(element: Element, name: str) -> Decimal:
    """Return a number; 0 where it is absent: only for what is then not charged.

    Raises:
        RowError: it is none.
    """
    return read_number_or_zero(name, text_of(element, name))


def currency_of(element: Element, name: str = "currency") -> str:
    """Return a currency, or minor unit.

    Raises:
        RowError: it is absent or none.
    """
    return read_currency(name, text_of(element, name))


def account_of(element: Element) -> str:
    """Return the account of a row: its own, else its statement's."""
    return text_of(element, "accountId") or text_of(element.parents[2], "accountId")


def slash_order(text: str) -> DayOrder:
    """Say what a date tells of the order of day and month.

    >>> slash_order("03/31/2025"), slash_order("03/04/2025")
    (<DayOrder.MONTH_FIRST: 'month first'>, <DayOrder.UNKNOWN: 'could be of either order'>)
    """
    found = _SLASHED.fullmatch(text)
    if found and int(found[1]) > _LAST_MONTH:
        return DayOrder.DAY_FIRST
    return DayOrder.MONTH_FIRST if found and int(found[2]) > _LAST_MONTH else DayOrder.UNKNOWN


def day_of(element: Element, order: DayOrder, *names: str) -> date:
    """Return the day of the first of some attributes that is there.

    Raises:
        RowError: none is there, or it is no day, or its day and month could be swapped.
    """
    name = next((name for name in names if text_of(element, name)), "")
    if not name:
        raise RowError(f"`{'` and `'.join(names)}` are absent or empty")
    return read_day(name, text_of(element, name), order)


def read_day(name: str, text: str, order: DayOrder) -> date:
    """Return a day in one of the formats that a Flex query offers.

    Args:
        name: of the attribute.
        text: as written.
        order: of day and month between slashes.

    Raises:
        RowError: it is none of them, or its day and month could be swapped.

    >>> read_day("tradeDate", "20180209;111929", DayOrder.UNKNOWN), read_day("date", "04-Mar-25", DayOrder.UNKNOWN)
    (datetime.date(2018, 2, 9), datetime.date(2025, 3, 4))
    """
    try:
        if found := _PLAIN.fullmatch(text):
            return date(int(found[1]), int(found[3]), int(found[4]))
        if (found := _NAMED.fullmatch(text)) and found[2] in _MONTHS:
            return date(_year(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]))
        if found := _SLASHED.fullmatch(text):
            first, second = int(found[1]), int(found[2])
            if first != second and order in {DayOrder.UNKNOWN, DayOrder.BOTH}:
                raise RowError(f"`{name}` is {text!r}, and the dates of the file {order.value}")
            day, month = (first, second) if order is DayOrder.DAY_FIRST else (second, first)
            return date(_year(found[3]), month, day)
    except ValueError:
        pass  # a day the calendar does not have; said below, with the other faults of form
    raise RowError(f"`{name}` is {text[:60]!r}, no day in a format of Flex queries")


def asset_of(element: Element, context: Context, *, is_named: bool, currency: str = "") -> Hint | None:
    """Return what a row says of its asset, and where it says less, what the other rows of the file say.

    Args:
        element: the row.
        context: of the file.
        is_named: whether `description` is the asset's name, not words about the row.
        currency: that its price is stated in.
    """
    description = text_of(element, "description")
    isin = text_of(element, "isin")
    if not isin and text_of(element, "securityIDType").upper() == "ISIN":
        isin = text_of(element, "securityID")
    if not isin and not is_named and (found := _ISIN_IN_WORDS.match(description)):
        isin = found[1]
    hint = make_hint(
        isin=isin,
        symbol=text_of(element, "symbol"),
        name=description if is_named else "",
        currency=currency,
        venue=text_of(element, "listingExchange"),
        cusip=text_of(element, "cusip"),
        kind=text_of(element, "assetCategory"),
    )
    known = context.assets.get(text_of(element, "conid"))
    hint = filled(hint, known) if known else hint
    return hint if hint.isin or hint.symbol or hint.cusip or hint.name else None


def filled(hint: Hint, known: Hint) -> Hint:
    """Return a hint with what it does not say taken from another of the same asset."""
    return Hint(
        isin=hint.isin or known.isin,
        symbol=hint.symbol or known.symbol,
        name=hint.name or known.name,
        currency=hint.currency or known.currency,
        venue=hint.venue or known.venue,
        cusip=hint.cusip or known.cusip,
        kind=hint.kind or known.kind,
    )


def kept(record: Record) -> Record:
    """Return a record as the ledger can keep it: Flex writes products with more decimals, and its note says which."""
    amount, counter = rounded(record.amount or Decimal(0)), rounded(record.counter_amount)
    stated = [
        f"{number:f}"
        for number, whole in ((record.amount, amount), (record.counter_amount, counter))
        if number is not None and number != whole
    ]
    if not stated:
        return record
    note = f"{record.note} (rounded from {' and '.join(stated)})".strip()
    return replace(record, amount=amount, counter_amount=counter, note=note)


def _year(text: str) -> int:
    return int(text) if len(text) > len("25") else _CENTURY + int(text)
