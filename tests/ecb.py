"""Reference rates of the European Central Bank, as the shared data holds them."""

import csv
import gzip
from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache

from books import shared

EURO = "EUR"


@cache
def series(currency: str, first: date, last: date) -> tuple[tuple[date, ...], tuple[Decimal, ...]]:
    """Return the days with a rate, ascending, and euros for one unit of the currency."""
    with gzip.open(shared("market/ecb_eurofxref_hist.csv.gz"), "rt", encoding="utf-8") as file:
        rows = [
            (date.fromisoformat(row["Date"]), 1 / Decimal(row[currency]))
            for row in csv.DictReader(file)
            if row[currency] not in {"", "N/A"}
        ]
    known = sorted(row for row in rows if first <= row[0] <= last)
    return tuple(day for day, _ in known), tuple(rate for _, rate in known)


def euro_rates(first: date, last: date) -> Callable[[str, date], Decimal]:
    """Give euros for one unit of a currency on a day: the last rate known, the first one before it."""

    def rate(currency: str, day: date) -> Decimal:
        if currency == EURO:
            return Decimal(1)
        known, rates = series(currency, first, last)
        return rates[max(bisect_right(known, day) - 1, 0)]

    return rate
