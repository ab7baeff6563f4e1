"""A ledger as beancount reads it: every entry with all it moves, so that each commodity sums to 0 by itself.

What an entry moves stands in accounts of our places: what is held under `Assets`, trades against `Equity:Market`, and
so on. Costs of lots are not in it; what a transaction said stands beside it as metadata. Balances at the end are
asserted without tolerance. Source of the syntax: beancount, "Language Syntax", and its lexer.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any, Final, NamedTuple

import pyarrow as pa

from steelyard.domain.money import EXACT, major_currency, units_per_major
from steelyard.domain.posting import Place
from steelyard.statements.table_writing import ByteSink

_ROOTS: Final = {
    Place.HELD: "Assets:Held",
    Place.MARKET: "Equity:Market",
    Place.OUTSIDE: "Equity:Outside",
    Place.INCOME: "Income:Assets",
    Place.FEES: "Expenses:Fees",
    Place.TAXES: "Expenses:Taxes",
    Place.ISSUER: "Equity:Issuer",
}
_RESERVED: Final = frozenset({"TRUE", "FALSE", "NULL"})
_LONGEST: Final = 24
"""Characters of a commodity's name before version 3; two is the least."""

_PIVOT: Final = "EUR"
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_MOVED: Final = ("entry_id", "account_id", "place", "commodity", "is_cash", "units")
_AMOUNTS: Final = ("amount", "costs", "tax", "price")
_TEXTS: Final = {"transaction": "id", "lot_id": "lot"}
_DAYS: Final = {"settlement_date": "settles", "acquired_date": "acquired"}


class LedgerName(NamedTuple):
    """A commodity in a place of an account, anywhere in a ledger.

    Attributes:
        account_id, place, commodity, is_cash: as in `Posting`.
        first: the day of the first entry that moves it.
        quoted_in: the currency of the asset's prices; None for money.
        balance: what is held at the end; None for places where nothing is, and accounts that are only in part there.
    """

    account_id: str
    place: str
    commodity: str
    is_cash: bool
    first: date
    quoted_in: str | None
    balance: Decimal | None


@dataclass(slots=True)
class BeancountLedger:
    """A ledger that is being written."""

    stream: ByteSink
    names: Sequence[LedgerName]
    accounts: Mapping[str, str]
    commodities: Mapping[tuple[str, bool], str]
    entry: str = ""
    last: date = date.min

    def write_entries(self, rows: pa.Table) -> int:
        """Write postings, in the order of their entries; returns how many entries begin among them.

        Args:
            rows: text, a posting a row, with what its entry says; see `storage.book_export.stream_postings`.
        """
        columns = {
            name: rows[name].to_pylist() for name in rows.column_names
        }  # no object per row: there are millions
        moved = zip(*(columns[name] for name in _MOVED), strict=True)
        begun, lines = 0, list[str]()
        for place, (entry, account_id, at, commodity, is_cash, units) in enumerate(moved):
            if entry != self.entry:
                self.entry, begun = entry, begun + 1
                lines += self._head({name: column[place] for name, column in columns.items()})
            called = self.commodities[commodity, is_cash == "t"]
            lines.append(f"  {self._account(account_id, at)}  {units} {called}")
        if rows.num_rows:
            self.last = date.fromisoformat(columns["trade_date"][-1])
        self._write(lines)
        return begun

    def write_prices(self, rows: pa.Table) -> None:
        """Write the prices of assets that the ledger moves; those in pence, say, in the whole currency."""
        quoted = {name.commodity: name.quoted_in for name in self.names if name.quoted_in}
        self._write(
            f"{row['price_date']} price {self.commodities[row['asset_id'], False]} "
            f"{_whole(row['closing_price'], quoted[row['asset_id']] or '')}"
            for row in rows.to_pylist()
            if row["asset_id"] in quoted
        )

    def write_rates(self, rows: pa.Table) -> None:
        """Write what a euro costs in the currencies of the rows."""
        self._write(
            f"{row['rate_date']} price {_PIVOT} {row['units_per_eur']} {row['currency']}"
            for row in rows.to_pylist()
            if row["currency"] != _PIVOT
        )

    def close(self) -> None:
        """Write what is held after the last entry, as assertions."""
        asserted = [name for name in self.names if name.balance is not None]
        after = self.last + timedelta(days=1) if asserted else self.last
        self._write(
            f"{after} balance {self._account(name.account_id, name.place)}  {name.balance:f} ~ 0 "
            f"{self.commodities[name.commodity, name.is_cash]}"
            for name in asserted
        )

    def write_opening(self, base_currency: str) -> None:
        """Write the options, what accounts there are, and what the commodities are called here."""
        self._write(['option "title" "Steelyard"', f'option "operating_currency" "{base_currency}"'])
        if not self.names:
            return
        first = min(name.first for name in self.names)
        places = dict.fromkeys((name.account_id, name.place) for name in self.names)
        for account_id, place in places:
            self._write(
                [f"{first} open {self._account(account_id, place)}", f'  account_id: "{_said(account_id)}"']
            )
        for (commodity, is_cash), called in self.commodities.items():
            if not is_cash:
                self._write([f"{first} commodity {called}", f'  asset_id: "{_said(commodity)}"'])

    def _head(self, row: Mapping[str, Any]) -> Iterator[str]:
        about = f" {row['asset_id']}" if row["asset_id"] else ""
        yield f'\n{row["trade_date"]} * "{_said(row["kind"] + about)}"'
        for name, key in _TEXTS.items():
            if row[name]:
                yield f'  {key}: "{_said(row[name])}"'
        for name, key in _DAYS.items():
            if row[name]:
                yield f"  {key}: {row[name]}"
        for name in _AMOUNTS:
            if row[name] not in {None, "0"}:
                yield f"  {name}: {row[name]} {row['currency']}"

    def _account(self, account_id: str, place: str) -> str:
        return f"{_ROOTS[Place(place)]}:{self.accounts[account_id]}"

    def _write(self, lines: Iterable[str]) -> None:
        self.stream.write("".join(f"{line}\n" for line in lines).encode())


def open_ledger(stream: ByteSink, names: Sequence[LedgerName], base_currency: str) -> BeancountLedger:
    """Begin a ledger.

    Args:
        stream: takes its bytes in their order.
        names: everything that its entries move.
        base_currency: of its totals.
    """
    accounts = _called((name.account_id for name in names), taken=(), form=_account_form)
    money = {name.commodity: name.commodity for name in names if name.is_cash}
    taken = {*money, *(major_currency(name.quoted_in) for name in names if name.quoted_in), _PIVOT}
    assets = _called(
        (name.commodity for name in names if not name.is_cash), taken=taken, form=_commodity_form
    )
    commodities = {(name, True): name for name in money} | {
        (name, False): one for name, one in assets.items()
    }
    ledger = BeancountLedger(stream, names, accounts, commodities)
    ledger.write_opening(base_currency)
    return ledger


def _called(names: Iterable[str], *, taken: Collection[str], form: "_Form") -> dict[str, str]:
    """Call each name something that beancount takes, and no two the same.

    >>> _called(["BRK/B", "BRK B", "T"], taken=["USD"], form=_commodity_form)
    {'BRK/B': 'BRK-B', 'BRK B': 'BRK-B-2', 'T': 'T-1'}
    """
    used, called = set(taken), {}
    for name in dict.fromkeys(names):
        number = 0
        while (one := form(name, number)) in used:
            number = max(2, number + 1)
        used.add(one)
        called[name] = one
    return called


class _Form(NamedTuple):
    """How names of a sort are spelt."""

    forbidden: re.Pattern[str]
    begins: str
    longest: int
    least: int

    def __call__(self, name: str, number: int) -> str:
        plain = self.forbidden.sub("-", name.upper()).strip("-._'") or self.begins
        if not re.match("[A-Z]", plain):
            plain = f"{self.begins}{plain}"
        if number == 0 and (len(plain) < self.least or plain in _RESERVED):
            number = 1
        ending = f"-{number}" if number else ""
        return f"{plain[: self.longest - len(ending)].rstrip(NOT_LAST)}{ending}"


NOT_LAST: Final = "-._'"
"""What a name does not end with."""

_account_form: Final = _Form(re.compile(r"[^A-Z0-9\-]"), "A", 200, 1)
_commodity_form: Final = _Form(re.compile(r"[^A-Z0-9.\-_]"), "X", _LONGEST, 2)


def _whole(price: str, currency: str) -> str:
    with localcontext(EXACT):
        return f"{Decimal(price) / units_per_major(currency):f} {major_currency(currency)}"


def _said(text: str) -> str:
    return text.translate(_ESCAPES)
