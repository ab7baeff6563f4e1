"""Ledgers of plain-text accounting, for published cases: what an investment held, and its prices, as columns."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np

from posting_columns import days
from steelyard.analytics.price_table import PriceTable
from steelyard.analytics.valuation import NOWHERE, PLACES, PostingColumns, Valuation, cells_of, value_groups
from steelyard.domain.posting import Place


@dataclass(frozen=True)
class Line:
    """One posting of a transaction; the place says what it is to the investment."""

    entry: int
    day: date
    account: str
    place: Place
    commodity: str
    quantity: Decimal


@dataclass
class PlainTextLedger:
    """What was booked and what was quoted.

    Attributes:
        lines: in order.
        quotes: price of the first commodity in the second, by day.
    """

    lines: list[Line] = field(default_factory=list)
    quotes: dict[tuple[str, str], dict[date, Decimal]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def priced_days(self) -> set[date]:
        """Days on which anything was quoted."""
        return {day for quotes in self.quotes.values() for day in quotes}

    def worth(self, commodity: str, base: str, day: date) -> float:
        """Return the last price until a day, direct or by way of one other; NaN without any."""
        others = {other for pair in self.quotes for other in pair}
        ways = [
            (commodity, base),
            *((commodity, other, base) for other in sorted(others - {commodity, base})),
        ]
        worths = (math.prod(self._quoted(one, other, day) for one, other in pairwise(way)) for way in ways)
        return next((worth for worth in worths if not math.isnan(worth)), math.nan)

    def _quoted(self, one: str, other: str, day: date) -> float:
        if one == other:
            return 1.0
        known = [(when, price) for when, price in self.quotes.get((one, other), {}).items() if when <= day]
        turned = [
            (when, 1 / price) for when, price in self.quotes.get((other, one), {}).items() if when <= day
        ]
        return float(max(known + turned)[1]) if known or turned else math.nan

    def value(self, first: date, last: date, *, base: str) -> Valuation:
        """Value what is held as one group on every calendar day, from the end of the first."""
        calendar = [first + timedelta(days=count) for count in range((last - first).days + 1)]
        names = sorted({line.commodity for line in self.lines})
        prices = np.array([[self.worth(name, base, day) for name in names] for day in calendar])
        postings = self._columns(names)
        cells = cells_of(postings)
        accounts = sorted({line.account for line in self.lines})
        held = {accounts.index(line.account) for line in self.lines if line.place is Place.HELD}
        groups = np.array([0 if account in held else NOWHERE for account in cells.account], dtype=np.int64)
        return value_groups(
            postings,
            PriceTable(days(*calendar), prices, np.ones_like(prices)),
            cells=cells,
            groups=groups,
            after_fees=True,
            after_taxes=True,
        )

    def _columns(self, names: list[str]) -> PostingColumns:
        """Lay the lines out; an entry is about the first thing held in it, income about the first thing held at all."""
        accounts = sorted({line.account for line in self.lines})
        held = [line for line in self.lines if line.place is Place.HELD]
        about = {line.entry: held[0] for line in self.lines if line.place is Place.INCOME}
        about |= {line.entry: line for line in reversed(held)}
        lines = [line for line in self.lines if line.entry in about]
        return PostingColumns(
            entry=np.array([line.entry for line in lines]),
            date=days(*(line.day for line in lines)),
            account=np.array([accounts.index(line.account) for line in lines]),
            place=np.array([PLACES[line.place] for line in lines]),
            commodity=np.array([names.index(line.commodity) for line in lines]),
            quantity=np.array([float(line.quantity) for line in lines]),
            about_account=np.array([accounts.index(about[line.entry].account) for line in lines]),
            about_commodity=np.array([names.index(about[line.entry].commodity) for line in lines]),
        )
