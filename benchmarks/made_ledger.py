"""A ledger of any size at real prices, made from a seed: what people book over years.

The prices are closes of 250 members of the S&P 500 over five years (../shared/data, read in place), whose daily returns
then come again, rounded to cents. What is traded is chosen by chance, and nothing is sold that is not held.
"""

import csv
import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from steelyard.analytics.observations import FloatArray
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind

CLOSES = Path(__file__).parents[2] / "shared/data/market/sp500_close_2013_2018.csv.gz"
ASSETS = 250
FIRST_DAY = date(2013, 1, 1)
CURRENCY = "USD"
FEE = Decimal("1.00")

# What one account books in a month.
MONTH = (
    [TransactionKind.DEPOSIT, TransactionKind.INTEREST, TransactionKind.FEE]
    + [TransactionKind.BUY] * 13
    + [TransactionKind.SELL] * 6
    + [TransactionKind.DIVIDEND] * 3
)


@dataclass(frozen=True, slots=True)
class MadeLedger:
    """Transactions in order, and the prices of their assets.

    Attributes:
        transactions: in the order of their days.
        assets: ids, the columns of the prices.
        dates: the rows of the prices.
        prices: [day, asset], US dollars.
    """

    transactions: list[Transaction]
    assets: list[str]
    dates: list[date]
    prices: FloatArray


def make_ledger(*, accounts: int, months: int, seed: int) -> MadeLedger:
    """Make 25 transactions a month and account."""
    dates = [day for day in _days_of(months) if day.weekday() < 5]
    names, prices = _prices(len(dates))
    clerk = _Clerk(random.Random(seed), names, prices, dates)
    booked = [
        one for month in range(months) for account in range(accounts) for one in clerk.month(account, month)
    ]
    return MadeLedger(sorted(booked, key=lambda one: one.day_order), names, dates, prices)


def _days_of(months: int) -> Iterator[date]:
    day, end = FIRST_DAY, _month_start(months)
    while day < end:
        yield day
        day += timedelta(days=1)


def _month_start(month: int) -> date:
    return date(FIRST_DAY.year + month // 12, month % 12 + 1, 1)


def _prices(days: int) -> tuple[list[str], FloatArray]:
    """Read the closes of members with all of them, and go on with their returns where days are left."""
    with gzip.open(CLOSES, "rt", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    closes = np.array([[float(cell or "nan") for cell in row[1:]] for row in rows])
    whole = np.flatnonzero(~np.isnan(closes).any(axis=0))[:ASSETS]
    growth = closes[1:, whole] / closes[:-1, whole]
    factors = np.resize(growth, (days - 1, len(whole)))
    path = np.concatenate([closes[:1, whole], closes[0, whole] * np.cumprod(factors, axis=0)])
    return [header[1 + place] for place in whole], np.maximum(path.round(2), 0.01)


class _Clerk:
    """Books months, and knows what is held."""

    def __init__(
        self, chance: random.Random, names: list[str], prices: FloatArray, dates: list[date]
    ) -> None:
        self.chance, self.names, self.prices, self.dates = chance, names, prices, dates
        self.held: dict[str, dict[int, int]] = {}
        self.count = 0

    def month(self, account: int, month: int) -> Iterator[Transaction]:
        """Book a month of an account: each kind on a day of its own choice, in the order of the days."""
        begin = next(place for place, day in enumerate(self.dates) if day >= _month_start(month))
        rows = sorted(self.chance.randrange(begin, begin + 20) for _ in MONTH)
        kinds = [TransactionKind.DEPOSIT, *self.chance.sample(MONTH[1:], len(MONTH) - 1)]
        for row, kind in zip(rows, kinds, strict=True):
            yield self.book(f"A{account}", row, kind)

    def book(self, account: str, row: int, kind: TransactionKind) -> Transaction:
        """Book one transaction; where there is nothing to sell, or to be paid a dividend on, something is bought."""
        holding = self.held.setdefault(account, {})
        if kind in {TransactionKind.SELL, TransactionKind.DIVIDEND} and not holding:
            kind = TransactionKind.BUY
        if kind is TransactionKind.BUY:
            return self.buy(account, row)
        if kind in {TransactionKind.SELL, TransactionKind.DIVIDEND}:
            asset = self.chance.choice(sorted(holding))
            return (
                self.sell(account, row, asset)
                if kind is TransactionKind.SELL
                else self.pay(account, row, asset)
            )
        amount = Decimal(30_000 if kind is TransactionKind.DEPOSIT else self.chance.randint(1, 9))
        return self.note(account, row, kind, amount=amount)

    def buy(self, account: str, row: int) -> Transaction:
        asset, units = self.chance.randrange(len(self.names)), self.chance.randint(5, 60)
        holding = self.held[account]
        holding[asset] = holding.get(asset, 0) + units
        return self.trade(account, row, TransactionKind.BUY, asset, units)

    def sell(self, account: str, row: int, asset: int) -> Transaction:
        holding = self.held[account]
        units = self.chance.randint(1, holding[asset])
        holding[asset] -= units
        if not holding[asset]:
            del holding[asset]
        return self.trade(account, row, TransactionKind.SELL, asset, units)

    def pay(self, account: str, row: int, asset: int) -> Transaction:
        return self.note(
            account,
            row,
            TransactionKind.DIVIDEND,
            asset_id=self.names[asset],
            amount=self.held[account][asset] * Decimal("0.31"),
        )

    def trade(self, account: str, row: int, kind: TransactionKind, asset: int, units: int) -> Transaction:
        price = Decimal(f"{self.prices[row, asset]:.2f}")
        return self.note(
            account,
            row,
            kind,
            asset_id=self.names[asset],
            quantity=Decimal(units),
            price=price,
            amount=units * price,
            costs=FEE,
        )

    def note(
        self,
        account: str,
        row: int,
        kind: TransactionKind,
        *,
        amount: Decimal,
        asset_id: str = "",
        quantity: Decimal = ZERO,
        price: Decimal | None = None,
        costs: Decimal = ZERO,
    ) -> Transaction:
        self.count += 1
        return Transaction(
            transaction_id=f"{self.count:06}",
            kind=kind,
            trade_date=self.dates[row],
            account_id=account,
            currency=CURRENCY,
            asset_id=asset_id,
            quantity=quantity,
            price=price,
            amount=amount,
            costs=costs,
        )
