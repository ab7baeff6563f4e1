"""Transactions with prices and rates, as the columns that the analytics value: what services read from the store."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

import numpy as np

from posting_columns import columns, days, post
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.price_table import PriceTable, carry_forward
from steelyard.analytics.valuation import (
    NOWHERE,
    Cells,
    PostingColumns,
    Valuation,
    cells_of,
    value_groups,
)
from steelyard.domain.transaction import Transaction

Quotes = Mapping[date, Decimal]
Rate = Callable[[str, date], Decimal]
"""(currency, day) → units of the base currency for one."""
Chosen = Callable[[str, str], bool]
"""(account, commodity) → whether a cell belongs to what is measured."""

FOR_EVER: Final = 10**6


@dataclass(frozen=True)
class PricedLedger:
    """A ledger, and what its commodities are worth.

    Attributes:
        transactions: in any order.
        quotes: per asset, its prices by day in its own currency; the last known one holds until the next.
        currencies: per asset.
        rate: of every currency.
    """

    transactions: tuple[Transaction, ...]
    quotes: Mapping[str, Quotes]
    currencies: Mapping[str, str]
    rate: Rate

    @cached_property
    def commodities(self) -> tuple[str, ...]:
        """Assets, then currencies: the columns of the price table."""
        used = {one.currency for one in self.transactions} | {
            one.counter_currency for one in self.transactions
        }
        return (*self.quotes, *sorted(used - {""}))

    @cached_property
    def accounts(self) -> tuple[str, ...]:
        """Every account that a transaction names."""
        named = {one.account_id for one in self.transactions}
        return tuple(sorted(named | {one.counter_account_id for one in self.transactions}))

    @cached_property
    def lines(self) -> PostingColumns:
        """The postings of all transactions."""
        return self.columns(self.transactions)

    def columns(self, transactions: Iterable[Transaction]) -> PostingColumns:
        """Return the postings of some transactions."""
        return columns(post(transactions), accounts=self.accounts, commodities=self.commodities)

    def table(self, dates: Sequence[date]) -> PriceTable:
        """Return a row for each date."""
        shape = (len(dates), len(self.commodities))
        prices = [self._worth(name, dates) for name in self.commodities]
        homes = [self.currencies.get(name, name) for name in self.commodities]
        rates = [[float(self.rate(home, day)) for home in homes] for day in dates]
        return PriceTable(
            days(*dates), np.array(prices).reshape(shape[::-1]).T, np.array(rates).reshape(shape)
        )

    def _worth(self, name: str, dates: Sequence[date]) -> FloatArray:
        if name not in self.quotes:
            return np.ones(len(dates))
        quotes = self.quotes[name]
        known = sorted(set(quotes) | set(dates))
        prices = np.array([float(quotes.get(day, Decimal("nan"))) for day in known])
        carried = carry_forward(prices, days(*known), most_days=FOR_EVER)
        return carried[np.searchsorted(days(*known), days(*dates))]

    def value(
        self, dates: Sequence[date], *, chosen: Chosen, after_fees: bool = True, after_taxes: bool = True
    ) -> Valuation:
        """Value what is chosen as one group, from the end of the first date on."""
        cells = cells_of(self.lines)
        groups = [0 if chosen(*name) else NOWHERE for name in self.names(cells)]
        return value_groups(
            self.lines,
            self.table(dates),
            cells=cells,
            groups=np.array(groups, dtype=np.int64),
            after_fees=after_fees,
            after_taxes=after_taxes,
        )

    def names(self, cells: Cells) -> list[tuple[str, str]]:
        """Name the account and the commodity of each cell."""
        return [
            (self.accounts[account], self.commodities[commodity])
            for account, commodity in zip(cells.account, cells.commodity, strict=True)
        ]

    def at_rate(self, rate: Rate) -> "PricedLedger":
        """Return the same ledger at other rates."""
        return replace(self, rate=rate)


def calendar(first: date, last: date) -> list[date]:
    """List every day from the first to the last."""
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]
