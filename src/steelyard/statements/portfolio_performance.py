"""Files of Portfolio Performance, saved as XML: a whole history with its accounts.

Cash lies in accounts there and units in portfolios; here each of both is an account. A purchase is two rows, one on
either side, and becomes a BUY in the portfolio and a TRANSFER of what it cost from the account. Deliveries move no
cash: what they cost is in the amount. A split is an event without effect, as the rows before it are adjusted. Prices,
plans and classifications are not read.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.port import Source, StatementError
from steelyard.statements.portfolio_performance_booking import (
    DEBITS,
    Booking,
    RowError,
    read_booking,
)
from steelyard.statements.record import Record, Refused, Row, Skipped
from steelyard.statements.xstream import BrokenReferenceError, Graph, Node, read_graph

FIRST_VERSION: Final = 10
"""Before it a row did not name its other side."""

LAST_VERSION: Final = 70
"""Shares had other decimals up to version 25 and 48; what a version not known here means by a number is not guessed."""

_ROOT: Final = re.compile(r'\s*(?:<\?xml[^>]*\?>\s*)?<client(?: id="\d+")?>\s*<version(?: id="\d+")?>\d')
_ENCRYPTED: Final = b"PORTFOLIO"
_BINARY: Final = b"PPPBV1"
_SAVE: Final = "in Portfolio Performance choose File > Save as > XML and bring that file"

_INSIDES: Final = {
    "prices": "prices",
    "events": "events, such as splits, for which the rows before them are adjusted already",
    "plans": "investment plans, whose bookings stand in the accounts",
    "taxonomies": "classifications",
}
_LEAVE_OUT: Final = frozenset(_INSIDES) | {"settings", "dashboards", "properties", "attributes"}

_CASH_KINDS: Final = {
    "DEPOSIT": TransactionKind.DEPOSIT,
    "REMOVAL": TransactionKind.WITHDRAWAL,
    "INTEREST": TransactionKind.INTEREST,
    "INTEREST_CHARGE": TransactionKind.INTEREST_PAID,
    "DIVIDENDS": TransactionKind.DIVIDEND,
    "FEES": TransactionKind.FEE,
    "FEES_REFUND": TransactionKind.FEE_REFUND,
    "TAXES": TransactionKind.TAX,
    "TAX_REFUND": TransactionKind.TAX_REFUND,
}
_DELIVERIES: Final = {
    "DELIVERY_INBOUND": TransactionKind.RECEIVE,
    "DELIVERY_OUTBOUND": TransactionKind.DELIVER,
}
_OTHER_SIDE_CASH: Final = frozenset({"BUY", "SELL", "TRANSFER_IN"})
_OTHER_SIDE_UNITS: Final = frozenset({"TRANSFER_IN"})
_SIDES: Final = {
    "BUY": ("portfolioTransaction", "accountTransaction"),
    "SELL": ("portfolioTransaction", "accountTransaction"),
    "TRANSFER_IN": ("transactionFrom", "transactionTo"),
}
"""Of what is the other side of a row: where its cross entry has that row, and where itself."""


class PortfolioPerformance:
    """Reads files of Portfolio Performance.

    Attributes:
        name: `portfolio_performance`.
        title: what people call it.
    """

    name = "portfolio_performance"
    title = "Portfolio Performance, XML"

    def miss(self, source: Source) -> str | None:
        """Return what the file lacks; the encrypted and the binary form are known too, and refused when read."""
        if source.head.startswith((_ENCRYPTED, _BINARY)) or _ROOT.match(source.head_text):
            return None
        return "a <client> element that begins with a <version>"

    def read(self, source: Source) -> Iterator[Row]:
        """Read it; the tree is held, see `xstream`.

        Raises:
            StatementError: it is encrypted, binary, of an unknown version, or no sound XML.
        """
        if source.head.startswith(_ENCRYPTED):
            raise StatementError(source.name, f"is protected by a password; {_SAVE}")
        if source.head.startswith(_BINARY):
            raise StatementError(source.name, f"is in the binary form; {_SAVE}")
        graph = read_graph(source, leave_out=_LEAVE_OUT)
        yield from _Book(graph, _version(graph)).rows()


def _version(graph: Graph) -> int:
    text = graph.text(graph.root, "version")
    version = int(text) if text.isascii() and text.isdigit() and len(text) < len("1000") else 0
    if version < FIRST_VERSION:
        why = f"is of version {text[:10]!r}; versions from {FIRST_VERSION} on are read: open and save it anew"
        raise StatementError(graph.name, why)
    if version > LAST_VERSION:
        why = f"is of version {version}, newer than the {LAST_VERSION} known here: update Steelyard"
        raise StatementError(graph.name, why)
    return version


@dataclass(frozen=True, slots=True)
class _Listed:
    """A row where an account or portfolio lists it."""

    owner: Node
    is_cash: bool


class _Book:
    """The accounts of a file, and its rows as ours."""

    def __init__(self, graph: Graph, version: int) -> None:
        self.graph, self.version = graph, version
        accounts = list(graph.listed("accounts", "account"))
        portfolios = list(graph.listed("portfolios", "portfolio"))
        self.names = _name_all(graph, accounts, portfolios)
        self.listed: dict[Node, _Listed] = {}
        self.broken: list[Refused] = []
        for portfolio in portfolios:
            self._list(portfolio, "portfolio-transaction", is_cash=False)
        for account in accounts:
            self._list(account, "account-transaction", is_cash=True)

    def rows(self) -> Iterator[Row]:
        yield from self._left_out()
        yield from self.broken
        for node, listed in self.listed.items():
            try:
                yield from self._row(node, listed)
            except (RowError, BrokenReferenceError) as error:
                yield Refused(node.line, error.why)

    def _list(self, owner: Node, tag: str, *, is_cash: bool) -> None:
        rows = self.graph.child(owner, "transactions")
        for one in rows.named(tag) if rows else ():
            try:
                self.listed[self.graph.resolve(one)] = _Listed(owner, is_cash)
            except BrokenReferenceError as error:
                self.broken.append(Refused(one.line, error.why))

    def _left_out(self) -> Iterator[Skipped]:
        for holder in (self.graph.root, *self.graph.listed("securities", "security")):
            for section in (one for tag in _INSIDES for one in holder.named(tag) if one.left_out):
                yield Skipped(section.line, f"{_INSIDES[section.tag]} ({section.left_out:,})")

    def _row(self, node: Node, listed: _Listed) -> tuple[Row, ...]:
        booking = read_booking(self.graph, node, version=self.version)
        if booking.total < 0 or booking.shares < 0:
            raise RowError("has an amount or shares below 0")
        word = booking.word
        if listed.is_cash and word in _CASH_KINDS:
            return (self._cash(listed.owner, booking),)
        if word in (_OTHER_SIDE_CASH if listed.is_cash else _OTHER_SIDE_UNITS):
            return (self._other_side(node, booking),)
        if word == "TRANSFER_OUT":
            book = self._cash_transfer if listed.is_cash else self._unit_transfer
            return book(listed.owner, booking)
        if not listed.is_cash and word in {"BUY", "SELL"}:
            return self._trade(listed.owner, booking)
        if not listed.is_cash and word in _DELIVERIES:
            return (self._delivery(listed.owner, booking),)
        raise RowError(f"is of the type {word[:40]!r}, which nobody has described")

    # ── What the rows are ───────────────────────────────────────────────────────────────────────────────

    def _cash(self, owner: Node, booking: Booking) -> Record:
        sign = -1 if booking.word in DEBITS else 1
        return booking.record(
            _CASH_KINDS[booking.word],
            self.names[owner],
            amount=booking.total + sign * booking.costs,
            costs=booking.costs,
            tax=booking.taxes,
        )

    def _trade(self, owner: Node, booking: Booking) -> tuple[Record, ...]:
        """Book a purchase or sale in the portfolio, and move its cash from or to the account."""
        _want_units(booking)
        node, paid = self._partner(booking, "accountTransaction")
        if (paid.total, paid.currency) != (booking.total, booking.currency):
            raise RowError(_apart(booking, paid))
        is_buy = booking.word == "BUY"
        trade = booking.record(
            TransactionKind.BUY if is_buy else TransactionKind.SELL,
            self.names[owner],
            part=1,
            amount=booking.total - booking.costs if is_buy else booking.total + booking.costs,
            costs=booking.costs,
            tax=booking.taxes,
            quantity=booking.shares,
        )
        sides = (self.listed[node].owner, owner) if is_buy else (owner, self.listed[node].owner)
        return (trade, self._moved(booking, sides, 2)) if booking.total else (trade,)

    def _moved(self, booking: Booking, sides: tuple[Node, Node], part: int, **more: Any) -> Record:
        stated = {"asset": None, "amount": booking.total} | more
        source, target = (self.names[side] for side in sides)
        return booking.record(TransactionKind.TRANSFER, source, part=part, counter_account=target, **stated)

    def _delivery(self, owner: Node, booking: Booking) -> Record:
        """Book units that come or go; no cash moves, so that their costs stay in the amount."""
        kind = _DELIVERIES[booking.word]
        return booking.record(kind, self.names[owner], amount=booking.total, quantity=booking.shares)

    def _unit_transfer(self, owner: Node, booking: Booking) -> tuple[Record, ...]:
        _want_units(booking)
        node, arrived = self._partner(booking, "transactionTo")
        if (arrived.shares, arrived.asset) != (booking.shares, booking.asset):
            raise RowError(f"sends {booking.shares} units, and its other side receives {arrived.shares}")
        units = {"asset": booking.asset, "quantity": booking.shares, "amount": ZERO}
        return (self._moved(booking, (owner, self.listed[node].owner), 0, **units),)

    def _cash_transfer(self, owner: Node, booking: Booking) -> tuple[Record, ...]:
        """Book a transfer; between currencies the money is changed before it leaves."""
        node, arrived = self._partner(booking, "transactionTo")
        sides = (owner, self.listed[node].owner)
        if booking.costs or arrived.costs:
            raise RowError("is a transfer with costs: book them as a FEE by hand")
        if arrived.currency != booking.currency:
            bought = {"counter_currency": arrived.currency, "counter_amount": arrived.total}
            exchange = booking.record(
                TransactionKind.FX, self.names[owner], part=1, asset=None, amount=booking.total, **bought
            )
            leaves = {"currency": arrived.currency, "amount": arrived.total}
            return exchange, self._moved(booking, sides, 2, **leaves)
        if arrived.total != booking.total:
            raise RowError(_apart(booking, arrived))
        return (self._moved(booking, sides, 0),)

    def _other_side(self, node: Node, booking: Booking) -> Skipped:
        first, second = _SIDES[booking.word]
        entry = self.graph.child(node, "crossEntry")
        main = self.graph.child(entry, first) if entry else None
        if entry is None or main not in self.listed or self.graph.child(entry, second) is not node:
            raise RowError(f"is a {booking.word} without its other side")
        return Skipped(node.line, f"the other side of the row at line {main.line}")

    def _partner(self, booking: Booking, tag: str) -> tuple[Node, Booking]:
        entry = self.graph.child(booking.node, "crossEntry")
        node = self.graph.child(entry, tag) if entry else None
        if node is None or node not in self.listed or node is booking.node:
            raise RowError(f"is a {booking.word} without its other side")
        return node, read_booking(self.graph, node, version=self.version)


def _want_units(booking: Booking) -> None:
    if booking.asset is None or not booking.shares:
        raise RowError(f"is a {booking.word} without {'shares' if booking.asset else 'a security'}")


def _apart(one: Booking, other: Booking) -> str:
    sides = f"{one.total} {one.currency}", f"{other.total} {other.currency}"
    return f"states {sides[0]}, and its other side {sides[1]}"


def _name_all(graph: Graph, accounts: list[Node], portfolios: list[Node]) -> dict[Node, str]:
    """Name every account and portfolio apart: an account and its portfolio often have one name."""
    words = dict.fromkeys(accounts, "cash") | dict.fromkeys(portfolios, "securities")
    plain = {node: graph.text(node, "name") or graph.text(node, "uuid") for node in words}
    tries = (
        plain,
        {node: f"{name} ({words[node]})" for node, name in plain.items()},
        {node: f"{name} ({graph.text(node, 'uuid') or node.line})" for node, name in plain.items()},
    )
    counts = [Counter(names.values()) for names in tries]
    return {
        node: next(
            (names[node] for names, count in zip(tries, counts, strict=True) if count[names[node]] == 1)
        )
        for node in words
    }
