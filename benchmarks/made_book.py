"""A book of any size, made from a seed: prices that walk with a market, accounts, transactions, checks.

Everything is made by chance and means nothing; its shape is what matters. Each of five accounts holds every
asset, which is what makes the historical procedure's join multiply rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LAST_DAY = np.datetime64("2025-12-31", "D")
ACCOUNTS = ["core", "growth", "income", "global", "reserve"]
CURRENCIES = ["USD", "EUR", "GBP"]
SECTORS = [
    "Technology",
    "Financials",
    "Health Care",
    "Industrials",
    "Energy",
    "Utilities",
    "Materials",
    "Staples",
]
COUNTRIES = ["US", "DE", "FR", "GB", "JP", "NL", "IE", "CA"]
BENCHMARKS = 5
UNITS = 10_000  # prices and amounts are whole ten-thousandths until they are decimals

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Size:
    """How much to make."""

    assets: int
    days: int
    transactions: int

    def __str__(self) -> str:
        return f"{self.assets:,} assets × {self.days} days, {self.transactions:,} transactions"


FULL = Size(assets=20_000, days=522, transactions=5_000_000)
SMALL = Size(assets=1_000, days=522, transactions=100_000)


@dataclass(frozen=True, slots=True)
class Book:
    """Tables as Arrow columns, in the order in which they may be stored."""

    tables: dict[str, pa.Table]
    as_of: date
    prices: Ints

    def next_day(self, asset_ids: pa.Array, *, days_after: int, seed: int) -> pa.Table:
        """Make one more business day of prices."""
        moves = 1 + 0.01 * np.random.default_rng(seed).standard_normal(len(asset_ids))
        day = np.busday_offset(LAST_DAY, days_after)
        return _price_table(
            asset_ids, np.array([day]), (self.prices[-1] * moves).astype(np.int64)[np.newaxis]
        )


def make_book(size: Size, seed: int) -> Book:
    """Make a book; the same size and seed make the same one."""
    chance = np.random.default_rng(seed)
    days = np.busday_offset(LAST_DAY, np.arange(1 - size.days, 1))
    currency = chance.choice(3, size.assets, p=[0.9, 0.06, 0.04])
    currency[: len(CURRENCIES)] = range(len(CURRENCIES))
    asset_ids = pa.array([f"A{n:05d}" for n in range(size.assets)])
    prices = _walk(chance, size)
    tables = {
        "asset_master": _assets(chance, asset_ids, currency),
        "benchmarks": pa.table({"currency": CURRENCIES, "asset_id": asset_ids[: len(CURRENCIES)]}),
        "fx_rates": _rates(chance, days),
        "risk_free_rates": _risk_free(days),
        "accounts": _accounts(),
        "market_data": _price_table(asset_ids, days, prices),
        "portfolio_allocation": _positions(chance, asset_ids, days[-1]),
        "transactions": _transactions(chance, size, asset_ids, currency, days),
        "compliance_records": _checks(chance, asset_ids),
    }
    return Book(tables, days[-1].astype(date), prices)


def _walk(chance: np.random.Generator, size: Size) -> Ints:
    """Prices [day, asset]: one market that all follow a little or a lot, and each one's own way."""
    market = 0.0003 + 0.008 * chance.standard_normal((size.days, 1))
    returns = market * chance.uniform(0.2, 1.8, size.assets)
    returns += 0.012 * chance.standard_normal((size.days, size.assets))
    return (100 * np.cumprod(1 + returns, axis=0) * UNITS).astype(np.int64)


def _assets(chance: np.random.Generator, asset_ids: pa.Array, currency: Ints) -> pa.Table:
    count = len(asset_ids)
    own_benchmark = np.where(np.arange(count) % 10 == 9, np.arange(count) % BENCHMARKS, -1)
    return pa.table(
        {
            "asset_id": asset_ids,
            "asset_name": pa.array([f"Asset {n}" for n in range(count)]),
            "asset_type": _words(chance.choice(3, count, p=[0.8, 0.15, 0.05]), ["Equity", "ETF", "Bond"]),
            "currency": _words(currency, CURRENCIES),
            "sector": _words(chance.integers(len(SECTORS), size=count), SECTORS),
            "issuing_country": _words(chance.integers(len(COUNTRIES), size=count), COUNTRIES),
            "benchmark_asset_id": _words(own_benchmark, asset_ids),
        }
    )


def _rates(chance: np.random.Generator, days: NDArray[np.datetime64]) -> pa.Table:
    """Dollars and pounds for a euro on each day."""
    moves = 1 + 0.003 * chance.standard_normal((len(days), 2))
    rates = (np.array([1.1, 0.85]) * np.cumprod(moves, axis=0) * UNITS).astype(np.int64)
    return pa.table(
        {
            "currency": _words(np.tile([0, 1], len(days)), ["USD", "GBP"]),
            "rate_date": pa.array(np.repeat(days, 2)),
            "units_per_eur": _decimals(rates.ravel()),
        }
    )


def _risk_free(days: NDArray[np.datetime64]) -> pa.Table:
    starts = days[:: len(days) // 4]
    rates = 0.04 + 0.0025 * np.arange(len(starts))
    return pa.table(
        {
            "currency": _words(np.zeros(len(starts), np.int64), ["USD"]),
            "rate_date": pa.array(starts),
            "annual_rate": pa.array(rates),
            "series": _words(np.zeros(len(starts), np.int64), ["made"]),
        }
    )


def _accounts() -> pa.Table:
    count = len(ACCOUNTS)
    return pa.table(
        {
            "tenant_id": pa.array(np.ones(count, np.int32)),
            "account_id": ACCOUNTS,
            "account_name": [name.title() for name in ACCOUNTS],
            "base_currency": ["USD"] * count,
        }
    )


def _price_table(asset_ids: pa.Array, days: NDArray[np.datetime64], prices: Ints) -> pa.Table:
    """Lay prices [day, asset] out as rows, in the order of days, as they come in life."""
    return pa.table(
        {
            "asset_id": _words(np.tile(np.arange(len(asset_ids)), len(days)), asset_ids),
            "price_date": pa.array(np.repeat(days, len(asset_ids))),
            "closing_price": _decimals(prices.ravel()),
        }
    )


def _positions(chance: np.random.Generator, asset_ids: pa.Array, day: np.datetime64) -> pa.Table:
    count = len(asset_ids) * len(ACCOUNTS)
    return pa.table(
        {
            "tenant_id": pa.array(np.ones(count, np.int32)),
            "portfolio": _words(np.repeat(np.arange(len(ACCOUNTS)), len(asset_ids)), ACCOUNTS),
            "asset_id": _words(np.tile(np.arange(len(asset_ids)), len(ACCOUNTS)), asset_ids),
            "as_of": pa.array(np.full(count, day)),
            "quantity": _decimals(UNITS * chance.integers(1, 5_000, count)),
            "actual_weight": _decimals(chance.integers(0, UNITS, count)),
        }
    )


def _transactions(
    chance: np.random.Generator, size: Size, asset_ids: pa.Array, currency: Ints, days: NDArray[np.datetime64]
) -> pa.Table:
    count = size.transactions
    asset = chance.integers(size.assets, size=count)
    return pa.table(
        {
            "tenant_id": pa.array(np.ones(count, np.int32)),
            "transaction_id": _numbered("T", count),
            "account_id": _words(chance.integers(len(ACCOUNTS), size=count), ACCOUNTS),
            "asset_id": _words(asset, asset_ids),
            "transaction_date": pa.array(np.sort(chance.choice(days, count))),
            "transaction_type": _words(
                chance.choice(3, count, p=[0.5, 0.4, 0.1]), ["BUY", "SELL", "DIVIDEND"]
            ),
            "currency": _words(currency[asset], CURRENCIES),
            "total_amount": _decimals(100 * chance.integers(1, 5_000_000, count)),
            "transaction_costs": _decimals(100 * chance.integers(0, 2_000, count)),
        }
    )


def _checks(chance: np.random.Generator, asset_ids: pa.Array) -> pa.Table:
    """Two checks of each asset a year, of which one in two hundred finds something."""
    count = 4 * len(asset_ids)
    days = np.busday_offset(LAST_DAY, np.arange(-521, 1))
    return pa.table(
        {
            "tenant_id": pa.array(np.ones(count, np.int32)),
            "record_id": _numbered("C", count),
            "account_id": _words(chance.integers(len(ACCOUNTS), size=count), ACCOUNTS),
            "asset_id": _words(chance.integers(len(asset_ids), size=count), asset_ids),
            "check_date": pa.array(np.sort(chance.choice(days, count))),
            "status": _words(chance.choice(2, count, p=[0.995, 0.005]), ["PASS", "VIOLATION"]),
        }
    )


def _words(places: Ints, words: Sequence[str] | pa.Array) -> pa.DictionaryArray:
    """Words by their place in a list; -1 is none."""
    indices = pa.array(places, pa.int32(), mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))


def _numbered(letter: str, count: int) -> pa.Array:
    """T1, T2, ..."""
    return pc.binary_join_element_wise(letter, pa.array(np.arange(count)).cast(pa.string()), "")


def _decimals(units: Ints) -> pa.Array:
    """Exact decimals from whole ten-thousandths, without an object per number."""
    words = np.column_stack([units, np.where(units < 0, -1, 0)]).astype("<i8")
    return pa.Array.from_buffers(pa.decimal128(27, 4), len(units), [None, pa.py_buffer(words)])
