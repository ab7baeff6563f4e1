"""What the sample book's households see of the market: assets, closes and exchange rates, exact decimals."""

import csv
import gzip
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from steelyard.domain.money import conversion_rate


@dataclass(frozen=True)
class Market:
    """Asset master rows, closing prices in the asset's own currency, ECB rates in units of currency per euro.

    `assets[asset][column]`, `closes[asset][day]` and `rates[currency][day]`, days ascending, no rate for EUR.
    """

    assets: dict[str, dict[str, str]]
    closes: dict[str, dict[date, Decimal]]
    rates: dict[str, dict[date, Decimal]]

    @cached_property
    def days(self) -> list[date]:
        """Every day with a close, ascending; the last one is the book's as_of."""
        return sorted({day for closes in self.closes.values() for day in closes})

    def convert(self, amount: Decimal, source: str, target: str, day: date) -> Decimal:
        """Return `amount` of the source currency in the target currency, at the latest rates up to `day`.

        >>> rates = {"USD": {date(2020, 1, 2): Decimal("1.25")}}
        >>> Market({}, {}, rates).convert(Decimal(100), "EUR", "USD", date(2020, 1, 3))
        Decimal('125.000000000000000000')
        """
        return amount * conversion_rate(self._rate(source, day), self._rate(target, day))

    def value(self, asset: str, quantity: Decimal, currency: str, day: date) -> Decimal:
        """Return what `quantity` of the asset is worth in the currency at the day's close; not rounded."""
        return self.convert(quantity * self.closes[asset][day], self.currency(asset), currency, day)

    def currency(self, asset: str) -> str:
        """Return the currency the asset is priced and paid in."""
        return self.assets[asset]["currency"]

    def is_cash(self, asset: str) -> bool:
        """Say whether the asset is a currency, whose price is 1 by definition."""
        return self.assets[asset]["asset_type"] == "Cash"

    def _rate(self, currency: str, day: date) -> Decimal:
        if currency == "EUR":
            return Decimal(1)
        days = self._rate_days[currency]
        return self.rates[currency][days[bisect_right(days, day) - 1]]

    @cached_property
    def _rate_days(self) -> dict[str, list[date]]:
        return {currency: list(rates) for currency, rates in self.rates.items()}


def read_market(book: Path) -> Market:
    """Read the market of a book directory: asset_master, market_data and fx_rates."""
    assets = {row["asset_id"]: row for row in read_table(book / "asset_master.csv")}
    closes: defaultdict[str, dict[date, Decimal]] = defaultdict(dict)
    for row in read_table(book / "market_data.csv.gz"):
        closes[row["asset_id"]][date.fromisoformat(row["price_date"])] = Decimal(row["closing_price"])
    rates: defaultdict[str, dict[date, Decimal]] = defaultdict(dict)
    for row in read_table(book / "fx_rates.csv.gz"):
        rates[row["currency"]][date.fromisoformat(row["rate_date"])] = Decimal(row["units_per_eur"])
    return Market(assets, closes, rates)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file of the book, gzipped when its name says so, as one dict per row by header."""
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
