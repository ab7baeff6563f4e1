"""What every row of an OFX statement has: fields, days, a currency, an asset, words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.statements.record import Hint
from steelyard.statements.stated import RowError, make_hint, read_currency, read_number, read_number_or_zero
from steelyard.statements.xml_document import Element

_MOMENT: Final = re.compile(
    r"""([0-9]{4})([0-9]{2})([0-9]{2})                         # the day
        (?:(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9]|60)?    # hour, minute, second
        (?:[.,:][0-9]{1,9})?)?
        \s*(?:\[[^\]]{0,30}\])?                                # the offset and its name
    """,
    re.VERBOSE,
)
AssetKey = tuple[str, str]
"""UNIQUEIDTYPE and UNIQUEID, in upper case."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement that rows belong to.

    Attributes:
        account: ACCTID.
        currency: CURDEF, as written; "" where the file does not say.
        as_of: DTASOF of an investment statement, as written.
        assets: what the list of securities says of each.
        is_bank: whether it is of a bank or card, and thus of one currency.
    """

    account: str = ""
    currency: str = ""
    as_of: str = ""
    assets: Mapping[AssetKey, Hint] = field(default_factory=dict)
    is_bank: bool = True


def text_at(element: Element, *path: str) -> str:
    """Return the text at a path of tags; "" where there is none.

    Raises:
        RowError: it stands there twice, with two texts.
    """
    *above, tag = path
    places = element.all(*above) if above else (element,)
    texts = {child.text for place in places for child in place.children if child.tag == tag}
    if len(texts) > 1:
        raise RowError(f"`{tag}` stands there twice: {' and '.join(sorted(texts))}")
    return texts.pop() if texts else ""


def number_at(element: Element, *path: str) -> Decimal:
    """Return the number at a path of tags.

    Raises:
        RowError: it is absent or none.
    """
    return read_number(path[-1], text_at(element, *path))


def charge_at(element: Element, tag: str) -> Decimal:
    """Return what is charged under a tag; 0 where nothing is.

    Raises:
        RowError: it is no number, or below 0.
    """
    charge = read_number_or_zero(tag, text_at(element, tag))
    if charge < 0:
        raise RowError(f"`{tag}` is {charge:f}, below 0")
    return charge


def read_day(tag: str, text: str) -> date:
    """Return the day of an OFX moment, in the offset it is written in.

    Raises:
        RowError: it is absent, or no such day.

    >>> read_day("DTTRADE", "20120720000000.000[-4:EDT]")
    datetime.date(2012, 7, 20)
    """
    moment = _MOMENT.fullmatch(text)
    if not text:
        raise RowError(f"`{tag}` is absent or empty")
    try:
        if moment:
            return date(int(moment[1]), int(moment[2]), int(moment[3]))
    except ValueError:
        pass  # a day the calendar does not have; said below, with the other faults of form
    raise RowError(f"`{tag}` is {text[:60]!r}, no day written YYYYMMDD")


def currency_at(statement: Statement, element: Element) -> str:
    """Return the currency that the amounts of a row are in; "" where neither it nor the statement says.

    Raises:
        RowError: it is none, or another than the one that a bank keeps the account in.
    """
    said = text_at(element, "CURRENCY", "CURSYM")
    if statement.is_bank and said and statement.currency and said != statement.currency:
        raise RowError(
            f"`CURSYM` is {said}, and the account is kept in {statement.currency}: not what it moved"
        )
    code = said or statement.currency
    return read_currency("CURSYM" if said else "CURDEF", code) if code else ""


def note_of(*texts: str) -> str:
    """Return what a row says in words, nothing twice.

    >>> note_of("Check Paid #1001", "Check Paid #1001", "")
    'Check Paid #1001'
    """
    said = dict.fromkeys(" ".join(text.split()) for text in texts if text.strip())
    return " · ".join(one for one in said if not any(one in other for other in said if other != one))


def key_of(element: Element) -> AssetKey:
    """Return type and id of the SECID in an element.

    Raises:
        RowError: it states two.
    """
    return text_at(element, "SECID", "UNIQUEIDTYPE").upper(), text_at(element, "SECID", "UNIQUEID").upper()


def asset_at(statement: Statement, element: Element, currency: str) -> Hint | None:
    """Return what is said of the asset of a row; None where it names none."""
    kind, code = key_of(element)
    if not code:
        return None
    listed = statement.assets.get((kind, code), Hint())
    known = bool(listed.name or listed.symbol)
    return make_hint(
        isin=code if kind == "ISIN" else "",
        cusip=code if kind == "CUSIP" else "",
        symbol=listed.symbol or (code if kind == "TICKER" else ""),
        name=listed.name or ("" if known or kind in {"ISIN", "CUSIP", "TICKER"} else code),
        currency=currency or listed.currency,
        kind=listed.kind,
    )
