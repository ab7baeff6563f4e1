"""One transaction of a Portfolio Performance file: its numbers as it states them, and records made of them.

A row states what was paid or received in all. Its fees and taxes are units of it, so that what is left is the amount
without costs. Amounts have two decimals whatever the currency; how many shares have, the version of the file says.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from steelyard.domain.asset import is_isin
from steelyard.domain.money import major_currency, units_per_major
from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.errors import InvalidInputError
from steelyard.statements.record import Hint, Record
from steelyard.statements.xstream import Graph, Node

CENTS: Final = 2
CHECKED_SINCE: Final = 56
"""From this version on Portfolio Performance itself sees to it that a stated gross value fits the row."""

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?")
_ONE_PERCENT: Final = Decimal("0.01")


class RowError(InvalidInputError):
    """A row cannot be read.

    Attributes:
        why: a clause.
    """

    def __init__(self, why: str) -> None:
        """Take the clause."""
        self.why = why
        super().__init__(f"The row {why}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What a row states.

    Attributes:
        node: the row.
        word: its kind, as written.
        day: of the trade.
        currency: ISO 4217; "" in files older than currencies.
        total: paid or received, costs counted in.
        fees, taxes: what of it they are.
        asset: the security; None where the row names none.
        shares: units.
        source_id: the row's uuid; "" in older files.
        note: the user's words.
    """

    node: Node
    word: str
    day: date
    currency: str
    total: Decimal
    fees: Decimal
    taxes: Decimal
    asset: Hint | None
    shares: Decimal
    source_id: str
    note: str

    @property
    def costs(self) -> Decimal:
        """Fees and taxes."""
        return self.fees + self.taxes

    def record(self, kind: TransactionKind, account: str, *, part: int = 0, **more: Any) -> Record:
        """Make a record of it; `part` numbers those of one row, `more` is what they do not share."""
        stated = {"currency": self.currency, "asset": self.asset, "note": self.note} | more
        return Record(
            kind=kind,
            line=self.node.line,
            trade_date=self.day,
            account=account,
            source_id=f"{self.source_id}/{part}" if part and self.source_id else self.source_id,
            **stated,
        )


def read_booking(graph: Graph, node: Node, *, version: int) -> Booking:
    """Read a row.

    Args:
        graph: the file.
        node: the row, resolved.
        version: of the file.

    Raises:
        RowError: something of it is no number, no day, or contradicts the rest.
        BrokenReferenceError: a reference of it leads nowhere.
    """
    currency = graph.text(node, "currencyCode")
    fees, taxes, gross = _units(graph, node, currency)
    security = graph.child(node, "security")
    booking = Booking(
        node=node,
        word=graph.text(node, "type"),
        day=_day(graph.text(node, "date")),
        currency=major_currency(currency),
        total=_money("amount", graph.text(node, "amount"), currency),
        fees=fees,
        taxes=taxes,
        asset=_hint(graph, security) if security else None,
        shares=_number("shares", graph.text(node, "shares") or "0").scaleb(-share_places(version)),
        source_id=graph.text(node, "uuid"),
        note=graph.text(node, "note"),
    )
    if gross is not None and version >= CHECKED_SINCE:
        _check_gross(booking, gross)
    return booking


def share_places(version: int) -> int:
    """Return how many decimals shares have in files of a version.

    >>> share_places(25), share_places(26), share_places(49)
    (5, 6, 8)
    """
    return next((places for last, places in ((25, 5), (48, 6)) if version <= last), 8)


def _hint(graph: Graph, security: Node) -> Hint:
    isin, name = graph.text(security, "isin").upper(), graph.text(security, "name")
    is_right = is_isin(isin)
    return Hint(
        isin=isin if is_right else "",
        symbol=graph.text(security, "tickerSymbol"),
        name=name if is_right or not isin else f"{name} ({isin})",
        currency=graph.text(security, "currencyCode"),
    )


def _units(graph: Graph, node: Node, currency: str) -> tuple[Decimal, Decimal, Decimal | None]:
    """Return fees, taxes and the gross value: units of the row, and in older files elements of their own."""
    fees = _money("fees", graph.text(node, "fees") or "0", currency)
    taxes = _money("taxes", graph.text(node, "taxes") or "0", currency)
    gross: Decimal | None = None
    units = graph.child(node, "units")
    for one in units.named("unit") if units else ():
        unit = graph.resolve(one)
        kind = unit.attributes.get("type", "")
        amount = _unit_amount(graph, unit, currency)
        match kind:
            case "FEE":
                fees += amount
            case "TAX":
                taxes += amount
            case "GROSS_VALUE":
                gross = amount
            case _:
                raise RowError(f"has a unit of the type {kind!r}, which nobody has described")
    return fees, taxes, gross


def _unit_amount(graph: Graph, unit: Node, currency: str) -> Decimal:
    amount = graph.child(unit, "amount")
    stated = amount.attributes if amount else {}
    if stated.get("currency", currency) != currency:
        raise RowError(f"is in {currency or 'no currency'} and has a unit in {stated['currency']}")
    return _money("the amount of a unit", stated.get("amount", ""), currency)


def _check_gross(booking: Booking, gross: Decimal) -> None:
    sign = -1 if booking.word in DEBITS else 1
    worked_out = booking.total + sign * booking.costs
    if abs(gross - worked_out) > max(Decimal(1), _ONE_PERCENT * abs(gross)):
        raise RowError(f"states a gross value of {gross}, and its amount and costs come to {worked_out}")


DEBITS: Final = frozenset(
    {"BUY", "DELIVERY_INBOUND", "REMOVAL", "INTEREST_CHARGE", "FEES", "TAXES", "TRANSFER_OUT"}
)
"""What is paid: the amount without costs is lower than the total."""


def _money(item: str, text: str, currency: str) -> Decimal:
    return _number(item, text).scaleb(-CENTS) / units_per_major(currency)


def _number(item: str, text: str) -> Decimal:
    if not _WHOLE.fullmatch(text):
        raise RowError(f"has no whole number as {item}: {text[:40]!r}")
    return Decimal(text) or ZERO


def _day(text: str) -> date:
    try:
        return datetime.fromisoformat(_DAY.fullmatch(text)[0]).date()  # type: ignore[index]  # said below
    except (TypeError, ValueError):
        raise RowError(f"has no day as date: {text[:40]!r}") from None
