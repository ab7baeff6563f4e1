"""Exchange rates, exact, on any day: the last of the ten days before, as everywhere."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np

from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.domain.money import conversion_rate, major_currency, units_per_major
from steelyard.errors import NotFoundError
from steelyard.storage import valuation as store
from steelyard.storage.connection import AnySession

RATE_DAYS: Final = 10
"""How many days a rate holds; asset 360 uses the same."""

PIVOT: Final = "EUR"

Series = tuple[Sequence[date], Sequence[Decimal]]


class MissingRateError(NotFoundError):
    """No rate of a currency is known on a day."""

    def __init__(self, currency: str, day: date) -> None:
        """Name the currency and the day."""
        self.currency, self.day = currency, day
        super().__init__(f"No rate of {currency} is known in the ten days up to {day}; load fx_rates.")


class ExchangeRates:
    """Rates between currencies, from their units for 1 EUR.

    >>> rates = ExchangeRates({"USD": ([date(2024, 1, 2)], [Decimal("1.25")])})
    >>> rates.rate("EUR", "USD", date(2024, 1, 3)), rates.rate("USD", "USD", date(1900, 1, 1))
    (Decimal('1.250000000000000000'), Decimal('1'))
    """

    def __init__(self, series: Mapping[str, Series]) -> None:
        """Take each currency's days, ascending, and its units for 1 EUR on them."""
        self.series = series
        self._found: dict[tuple[str, str, date], Decimal] = {}
        self._columns: dict[str, tuple[DateArray, FloatArray]] = {}

    def rate(self, source: str, target: str, day: date) -> Decimal:
        """Return what one unit of a currency is worth in another, 18 decimals; 1 where both are the same.

        Raises:
            MissingRateError: one of them has no rate on the day.
        """
        if source == target:
            return Decimal(1)
        key = (source, target, day)
        if key not in self._found:
            self._found[key] = conversion_rate(self._per_eur(source, day), self._per_eur(target, day))
        return self._found[key]

    def columns(self, currency: str) -> tuple[DateArray, FloatArray]:
        """Return the days of a currency, ascending, and its units for 1 EUR on them, as floats."""
        if currency not in self._columns:
            dates, units = self.series[currency]
            self._columns[currency] = (
                np.array(dates, dtype="datetime64[D]"),
                np.array([float(unit) for unit in units], dtype=np.float64),
            )
        return self._columns[currency]

    def _per_eur(self, currency: str, day: date) -> Decimal:
        major = major_currency(currency)
        if major == PIVOT:
            return Decimal(units_per_major(currency))
        days, units = self.series.get(major, ((), ()))
        place = bisect_right(days, day) - 1
        if place < 0 or (day - days[place]).days > RATE_DAYS:
            raise MissingRateError(major, day)
        return units[place] * units_per_major(currency)


async def read_rates(db: AnySession, currencies: Collection[str]) -> ExchangeRates:
    """Return every rate of currencies, or of those that they are units of."""
    return ExchangeRates(await store.get_rates(db, sorted({major_currency(c) for c in currencies} - {PIVOT})))
