"""Prices and rates by day: what one unit of every commodity is worth, and whether splits and prices agree.

A commodity is an asset or a currency. Currencies stand in the table too, at a price of 1 in themselves. NaN means
"not known" and stays so: to go on with an earlier price is the caller's choice (`carry_forward`).
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from steelyard.analytics.observations import DateArray, FloatArray, IntArray
from steelyard.analytics.returns import UnorderedDatesError
from steelyard.errors import InvalidInputError

BoolArray = NDArray[np.bool_]

SMALLEST_JUDGED_SPLIT: Final = 1.2
"""A split nearer to 1:1 moves a price no more than a day of news does, so prices cannot tell whether they knew it."""


class PriceTableShapeError(InvalidInputError):
    """Prices and rates are not one a day and commodity."""

    def __init__(self, days: int, prices: tuple[int, ...], rates: tuple[int, ...]) -> None:
        """Name the shapes."""
        super().__init__(
            f"Prices of shape {prices} and rates of shape {rates} do not stand side by side on {days} days; "
            "give both one row a day and one column a commodity."
        )


class SplitRatioError(InvalidInputError):
    """A split makes nothing, or less, of a unit."""

    def __init__(self, commodity: int, ratio: float) -> None:
        """Name the commodity's number and the ratio."""
        super().__init__(
            f"The split of commodity number {commodity} has the ratio {ratio}; give the units that one unit "
            "becomes, above 0."
        )


@dataclass(frozen=True, slots=True)
class PriceTable:
    """What a unit of each commodity is worth on each day.

    Attributes:
        dates: [day], datetime64[D], strictly ascending.
        prices: [day, commodity], in the commodity's own currency; 1 for a currency. NaN = not known.
        rates: [day, commodity], units of the base currency for one of the commodity's currency; NaN = not known.

    Raises:
        UnorderedDatesError: the dates are not strictly ascending, or not one a row.
        PriceTableShapeError: prices and rates differ in shape.

    >>> days = np.array(["2024-03-14"], dtype="datetime64[D]")
    >>> PriceTable(days, np.array([[250.0]]), np.array([[0.9]])).worth.tolist()
    [[225.0]]
    """

    dates: DateArray
    prices: FloatArray
    rates: FloatArray

    def __post_init__(self) -> None:
        """Refuse what does not stand side by side."""
        days = len(self.dates)
        if len(self.prices) != days or np.any(np.diff(self.dates).astype(np.int64) <= 0):
            raise UnorderedDatesError(days, len(self.prices))
        if self.prices.ndim != 2 or self.prices.shape != self.rates.shape:  # noqa: PLR2004 - [day, commodity]
            raise PriceTableShapeError(days, self.prices.shape, self.rates.shape)

    @property
    def worth(self) -> FloatArray:
        """Base currency for one unit [day, commodity]; NaN where price or rate is not known."""
        return self.prices * self.rates

    def at_previous_rates(self) -> "PriceTable":
        """Return the same prices, each day at the exchange rates of the row before; the first row at its own.

        Values at these are what there would be had no rate moved that day: see `time_weighted.currency_effect`.
        """
        return replace(self, rates=np.concatenate([self.rates[:1], self.rates[:-1]]))

    def position_of(self, dates: DateArray) -> IntArray:
        """Return the first row on or after each date; the number of rows for a date after the last.

        >>> days = np.array(["2024-03-15", "2024-03-18"], dtype="datetime64[D]")
        >>> table = PriceTable(days, np.ones((2, 1)), np.ones((2, 1)))
        >>> table.position_of(np.array(["2024-03-16", "2024-03-19"], dtype="datetime64[D]")).tolist()
        [1, 2]
        """
        return np.searchsorted(self.dates, dates, side="left").astype(np.int64)


def carry_forward(values: FloatArray, dates: DateArray, *, most_days: int) -> FloatArray:
    """Put the last known value of each column where there is none, for so many calendar days and no longer.

    Args:
        values: [day] or [day, column]; NaN = not known.
        dates: [day], datetime64[D], ascending.
        most_days: how old a value may get, in calendar days; 0 carries nothing.

    Returns:
        The same shape. NaN before the first known value and where the last one is older.

    >>> days = np.array(["2024-03-14", "2024-03-15", "2024-03-18"], dtype="datetime64[D]")
    >>> carry_forward(np.array([250.0, np.nan, np.nan]), days, most_days=1).tolist()
    [250.0, 250.0, nan]
    """
    if not len(values):
        return values.copy()
    panel = values.reshape(len(values), -1)
    rows = np.arange(len(panel))[:, np.newaxis]
    source = np.maximum.accumulate(np.where(np.isnan(panel), -1, rows), axis=0)
    numbers = dates.astype("datetime64[D]").astype(np.int64)
    age = numbers[:, np.newaxis] - numbers[source]
    carried = np.take_along_axis(panel, np.maximum(source, 0), axis=0)
    return np.where((source >= 0) & (age <= most_days), carried, np.nan).reshape(values.shape)


@dataclass(frozen=True, slots=True)
class Splits:
    """Splits of many commodities, a split an element.

    Attributes:
        commodity: [split], numbers of columns of a price table.
        date: [split], the ex-date, datetime64[D].
        ratio: [split], units that one unit becomes: 2 for 2:1, 0.1 for a reverse split 1:10. Above 0.

    Raises:
        SplitRatioError: a ratio is not above 0.
    """

    commodity: IntArray
    date: DateArray
    ratio: FloatArray

    def __post_init__(self) -> None:
        """Refuse a ratio that is no number above 0."""
        for split in np.flatnonzero(~(self.ratio > 0) | np.isinf(self.ratio)):
            raise SplitRatioError(int(self.commodity[split]), float(self.ratio[split]))


def split_factors(dates: DateArray, splits: Splits, *, commodities: int) -> FloatArray:
    """Count the units of today that one unit of each day has become: the product of the splits after that day.

    A price list adjusted for splits is in units of today, a ledger in units of its day; quantity × factor is in
    adjusted units, and adjusted price × factor is what was quoted that day. On the ex-date itself the split is done.

    Args:
        dates: [day], datetime64[D], ascending.
        splits: all that the prices are adjusted for, also those after the last day.
        commodities: how many columns to make.

    Returns:
        [day, commodity]; 1 where no split follows.

    >>> days = np.array(["2024-03-14", "2024-03-15"], dtype="datetime64[D]")
    >>> split = Splits(np.array([0]), days[1:], np.array([2.0]))
    >>> split_factors(days, split, commodities=1).tolist()
    [[2.0], [1.0]]
    """
    factors = np.ones((len(dates), commodities))
    for commodity, date, ratio in zip(splits.commodity, splits.date, splits.ratio, strict=True):
        factors[: np.searchsorted(dates, date), commodity] *= ratio
    return factors


def quoted_prices(table: PriceTable, splits: Splits, adjusted: BoolArray) -> PriceTable:
    """Take back the adjustment of the commodities whose prices are adjusted for splits.

    Args:
        table: prices as stored.
        splits: every split of those commodities.
        adjusted: [commodity], True where the stored prices are adjusted (`price_basis` split_adjusted).

    Returns:
        The table in the prices of each day, which fit the units of a ledger.
    """
    factors = split_factors(table.dates, splits, commodities=table.prices.shape[1])
    return replace(table, prices=np.where(adjusted, table.prices * factors, table.prices))


@dataclass(frozen=True, slots=True)
class SplitMismatch:
    """A split that the prices around its ex-date contradict.

    Attributes:
        commodity: its number.
        date: the ex-date.
        ratio: units that one unit became.
        before: the last price before the ex-date.
        after: the first on or after it.
        looks_adjusted: True where prices called raw do not move with the split, False where prices called adjusted do.
    """

    commodity: int
    date: np.datetime64
    ratio: float
    before: float
    after: float
    looks_adjusted: bool


def find_split_mismatches(
    table: PriceTable, splits: Splits, adjusted: BoolArray
) -> tuple[SplitMismatch, ...]:
    """Name the splits whose prices move as if the price basis were the other one.

    A raw price falls by the ratio, an adjusted one stays; a price is judged by which of the two it is nearer to, in
    logarithms. Not judged: splits without a price on both sides, and those nearer to 1:1 than SMALLEST_JUDGED_SPLIT.

    Args:
        table: prices as stored.
        splits: what the ledger knows.
        adjusted: [commodity], True where the prices are said to be adjusted.

    >>> days = np.array(["2024-03-14", "2024-03-15"], dtype="datetime64[D]")
    >>> table = PriceTable(days, np.array([[100.0], [50.5]]), np.ones((2, 1)))
    >>> split = Splits(np.array([0]), days[1:], np.array([2.0]))
    >>> find_split_mismatches(table, split, np.array([False]))
    ()
    >>> find_split_mismatches(table, split, np.array([True]))[0].looks_adjusted
    False
    """
    found = []
    for commodity, date, ratio in zip(splits.commodity, splits.date, splits.ratio, strict=True):
        row = int(np.searchsorted(table.dates, date))
        before, after = _around(table.prices[:, commodity], row)
        if not (before > 0 and after > 0) or abs(np.log(ratio)) < np.log(SMALLEST_JUDGED_SPLIT):
            continue
        fell = np.log(before / after)
        looks_adjusted = bool(abs(fell) < abs(fell - np.log(ratio)))
        if looks_adjusted != adjusted[commodity]:
            found.append(SplitMismatch(int(commodity), date, float(ratio), before, after, looks_adjusted))
    return tuple(found)


def _around(prices: FloatArray, row: int) -> tuple[float, float]:
    """Return the last known price before a row and the first from it on; NaN where there is none."""
    before, after = prices[:row][~np.isnan(prices[:row])], prices[row:][~np.isnan(prices[row:])]
    return (float(before[-1]) if len(before) else np.nan), (float(after[0]) if len(after) else np.nan)
