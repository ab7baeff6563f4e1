"""IBKR Flex rows of corporate actions: what their words state, two rows joined where one asset becomes another.

The words hold the ratio: "SPLIT 1 FOR 25" makes one unit of twenty-five.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.money import EXACT
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
from steelyard.statements.flex_survey import Survey, action_key
from steelyard.statements.record import Hint, Record, Row, Skipped
from steelyard.statements.stated import RowError, check_agreement, in_major, read_number
from steelyard.statements.xml_document import Element

_NUMBER: Final = r"([0-9]+(?:\.[0-9]+)?)"
_SPLIT: Final = re.compile(rf"\bSPLIT {_NUMBER} FOR {_NUMBER}\b")
_EXCHANGED: Final = re.compile(rf"\b(?:TENDERED TO|MERGED\([^()]*\)\s+WITH) \S+ {_NUMBER} FOR {_NUMBER}\b")
_RENAMED: Final = re.compile(r"\bCUSIP/ISIN CHANGE TO \(")
_CASHED: Final = re.compile(rf"\bFOR ([A-Z]{{3}}) {_NUMBER} PER (SHARE|BOND)\b")
_SPUN_OFF: Final = re.compile(r"\bSPIN-?OFF\b")
_PAIR: Final = 2


def read_action(element: Element, survey: Survey) -> Iterator[Row]:
    """Read a row of CorporateActions.

    Raises:
        RowError: it cannot be read, is of a kind nobody described, or does not state what it needs.
    """
    units, words = number_of(element, "quantity"), text_of(element, "description")
    if not units and not number_or_zero(element, "proceeds"):
        yield Skipped(element.line, "a corporate action that moves nothing here")
    elif _SPUN_OFF.search(words):
        raise RowError("is a spin-off that states no fraction of the basis; book the SPIN_OFF by hand")
    elif cashed := _CASHED.search(words):
        yield _cashed(element, survey, cashed)
    elif ratio := _SPLIT.search(words) or _EXCHANGED.search(words):
        yield _exchanged(element, survey, read_number("FOR", ratio[1]), read_number("FOR", ratio[2]))
    elif _RENAMED.search(words):
        yield _renamed(element, survey)
    else:
        raise RowError(f"is a corporate action nobody described: {words[:200]!r}")


def _cashed(element: Element, survey: Survey, words: re.Match[str]) -> Record:
    """Read units that are paid out: shares are sold, bonds redeemed."""
    units, proceeds = number_of(element, "quantity"), number_of(element, "proceeds")
    if units >= 0 or proceeds <= 0:
        raise RowError(f"`quantity` is {units:f} and `proceeds` {proceeds:f}: not units that are paid out")
    if words[1] != text_of(element, "currency"):
        raise RowError(f"pays {words[1]}, and `currency` is {text_of(element, 'currency')!r}")
    price = read_number("FOR", words[2])
    check_agreement(abs(units), price, proceeds)
    amount, currency = in_major(proceeds, currency_of(element))
    kind = TransactionKind.REDEMPTION if words[3] == "BOND" else TransactionKind.SELL
    record = _start(element, survey, kind, "dateTime", "reportDate")
    price = in_major(price, currency_of(element))[0]
    return kept(replace(record, quantity=abs(units), amount=amount, currency=currency, price=price))


def _exchanged(element: Element, survey: Survey, new: Decimal, old: Decimal) -> Row:
    """Read a split, or units that become others: `new` for every `old`."""
    if number_or_zero(element, "proceeds"):
        raise RowError("pays units and cash, and states no fraction of the basis; book the MERGER by hand")
    if new <= 0 or old <= 0:
        raise RowError(f"states a ratio of {new:f} for {old:f}")
    others = _others(element, survey)
    if not others and _SPLIT.search(text_of(element, "description")):
        units = number_of(element, "quantity")
        if (units > 0) is not (new > old):
            raise RowError(f"`quantity` is {units:f} at {new:f} for {old:f}: not what such a split adds")
        split = _start(element, survey, TransactionKind.SPLIT, "reportDate", "dateTime")
        return replace(split, quantity=old, counter_quantity=new)
    gone, come = _pair(element, others)
    lost, got = -number_of(gone, "quantity"), number_of(come, "quantity")
    with localcontext(EXACT):
        is_at_ratio = abs(lost * new / old - got) < 1  # less than one unit may be paid in cash
    if not is_at_ratio:
        raise RowError(f"turns {lost:f} units into {got:f}, and its words say {new:f} for {old:f}")
    if element is not gone:
        return Skipped(element.line, f"what the units of line {gone.line} turn into")
    record = _start(gone, survey, TransactionKind.MERGER, "reportDate", "dateTime")
    return replace(record, quantity=old, counter_quantity=new, counter_asset=_asset(come, survey))


def _renamed(element: Element, survey: Survey) -> Row:
    gone, come = _pair(element, _others(element, survey))
    if number_of(gone, "quantity") + number_of(come, "quantity"):
        raise RowError("changes the ISIN and the number of units; book it by hand")
    if element is not gone:
        return Skipped(element.line, f"what the units of line {gone.line} turn into")
    record = _start(gone, survey, TransactionKind.SYMBOL_CHANGE, "reportDate", "dateTime")
    return replace(record, counter_asset=_asset(come, survey))


def _others(element: Element, survey: Survey) -> list[Element]:
    """Return the other rows of a corporate action."""
    rows = survey.actions.get(action_key(element), [])
    mine = next((place for place, row in enumerate(rows) if row.attributes == element.attributes), None)
    return [row for place, row in enumerate(rows) if place != mine]


def _pair(element: Element, others: list[Element]) -> tuple[Element, Element]:
    """Return the row whose units go, and the one whose units come."""
    rows = [element, *others]
    gone = [row for row in rows if number_of(row, "quantity") < 0]
    come = [row for row in rows if number_of(row, "quantity") > 0]
    if len(rows) != _PAIR or len(gone) != 1 or len(come) != 1:
        raise RowError(
            f"is one of {len(rows)} rows of a corporate action, not of two: units that go, and units that come"
        )
    return gone[0], come[0]


def _start(element: Element, survey: Survey, kind: TransactionKind, *days: str) -> Record:
    # An action is timed at the evening before its ex-date, and reported on it.
    return Record(
        kind=kind,
        line=element.line,
        trade_date=day_of(element, survey.context.order, *days),
        account=account_of(element),
        currency=in_major(ZERO, currency_of(element))[1],
        asset=_asset(element, survey),
        source_id=text_of(element, "transactionID"),
        note=text_of(element, "description"),
    )


def _asset(element: Element, survey: Survey) -> Hint:
    if text_of(element, "assetCategory") in {"OPT", "FOP", "FUT"}:
        raise RowError("is about options or futures, which are not booked")
    asset = asset_of(element, survey.context, is_named=False)
    if asset is None:
        raise RowError("`symbol` is absent: a corporate action of what?")
    return asset
