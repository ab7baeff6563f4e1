"""The ledger of pyfolio's tests: 9,367 real trades of seven assets, and what it holds on 1,506 days."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Final, TextIO

from books import shared
from signed_trades import book_trade
from steelyard.domain.money import MONEY_PLACES, round_half_up
from steelyard.domain.transaction import Transaction, TransactionKind

ACCOUNT: Final = "pyfolio"
CURRENCY: Final = "USD"
CAPITAL: Final = Decimal(100_000)
"""What there was before the first trade."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class PyfolioLedger:
    """The files, read in place.

    Attributes:
        trades: a row a trade, in the order of the file.
        positions: a row a day: dollars held in each asset, and cash.
        returns: of each day, as pyfolio has them.
        leverage: of each day, gross: what is held, long and short, on what there is.
    """

    trades: tuple[Row, ...]
    positions: tuple[Row, ...]
    returns: Mapping[date, float]
    leverage: Mapping[date, float]

    @cached_property
    def dates(self) -> list[date]:
        """The days of the positions, each with trades."""
        return [day_of(row) for row in self.positions]

    @cached_property
    def assets(self) -> list[str]:
        """Their tickers."""
        return [name for name in self.positions[0] if name not in {"index", "cash"}]

    @cached_property
    def transactions(self) -> tuple[Transaction, ...]:
        """The capital, and every trade as what it does to the position: buy, sell, short or cover."""
        return (self._capital(), *self._trades())

    def _capital(self) -> Transaction:
        return Transaction(
            transaction_id="capital",
            kind=TransactionKind.DEPOSIT,
            trade_date=self.dates[0],
            account_id=ACCOUNT,
            currency=CURRENCY,
            amount=CAPITAL,
        )

    def _trades(self) -> Iterator[Transaction]:
        held: dict[str, Decimal] = defaultdict(Decimal)
        for number, row in enumerate(self.trades):
            signed, price = Decimal(row["amount"]), Decimal(row["price"])
            trade = Transaction(
                transaction_id=f"{number:05}",
                kind=TransactionKind.BUY,
                trade_date=day_of(row),
                account_id=ACCOUNT,
                currency=CURRENCY,
                asset_id=row["symbol"],
                quantity=abs(signed),
                price=price,
                amount=round_half_up(abs(signed) * price, MONEY_PLACES),
            )
            yield from book_trade(trade, signed, held[row["symbol"]])
            held[row["symbol"]] += signed

    @cached_property
    def quotes(self) -> dict[str, dict[date, Decimal]]:
        """Prices: of the day's trade where there is one, else what the position says a unit is worth."""
        quotes: dict[str, dict[date, Decimal]] = {asset: {} for asset in self.assets}
        held: dict[str, Decimal] = defaultdict(Decimal)
        traded = {(day_of(row), row["symbol"]): row for row in self.trades}
        for row in self.positions:
            day = day_of(row)
            for asset in self.assets:
                if trade := traded.get((day, asset)):
                    held[asset] += Decimal(trade["amount"])
                    quotes[asset][day] = Decimal(trade["price"])
                elif held[asset]:
                    quotes[asset][day] = Decimal(row[asset]) / held[asset]
        return quotes


def read_pyfolio() -> PyfolioLedger:
    """Read the files, or skip the test that wants them."""
    with _open("txn") as trades, _open("pos") as positions:
        return PyfolioLedger(
            tuple(csv.DictReader(trades)),
            tuple(csv.DictReader(positions)),
            _series("returns"),
            _series("gross_lev"),
        )


def _series(name: str) -> dict[date, float]:
    with _open(name) as file:
        return {date.fromisoformat(row[0][:10]): float(row[1]) for row in csv.reader(file)}


def _open(name: str) -> TextIO:
    return gzip.open(shared(f"market/pyfolio_test_{name}.csv.gz"), "rt", encoding="utf-8")


def day_of(row: Row) -> date:
    """Read the day of a row, whose column has no name or is the index."""
    return date.fromisoformat(row.get("index", row.get("", ""))[:10])
