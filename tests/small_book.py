"""A book small enough to redo any figure by hand: three assets and a market over the weekdays of 2023.

Prices count up and down in quarters, so that no two assets move alike and nothing looks like a bad tick. E is
quoted in euros (1 EUR = 1.25 USD on every day) on an exchange that is closed on the last weekday of a month.
"""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from books import Row, write_table
from steelyard.services.loading import LoadSummary, load_tables
from steelyard.storage.connection import WriteSession

DAYS = [day for n in range(365) if (day := date(2023, 1, 1) + timedelta(n)).weekday() < 5]
AS_OF = DAYS[-1]
TODAY = date(2024, 1, 2)

Tables = dict[str, list[Row]]

_HEADERS = {
    "asset_master": "asset_id,asset_name,asset_type,currency,sector,issuing_country,benchmark_asset_id",
    "benchmarks": "currency,asset_id",
    "fx_rates": "currency,rate_date,units_per_eur",
    "risk_free_rates": "currency,rate_date,annual_rate,series",
    "households": "household_id,household_name,base_currency",
    "accounts": "account_id,account_name,household_id,base_currency,stated_value",
    "market_data": "asset_id,price_date,closing_price",
    "performance_history": "asset_id,date,daily_return,total_return",
    "risk_metrics": "asset_id,calculation_date,volatility,var_95,beta,sharpe_ratio",
    "portfolio_allocation": "portfolio,asset_id,as_of,quantity,actual_weight",
    "transactions": "transaction_id,account,asset_id,transaction_date,transaction_type,currency,total_amount,"
    "transaction_costs",
    "compliance_records": "record_id,account,asset_id,check_date,status",
}


def price_of(asset_id: str, day: date) -> Decimal:
    """Closing price of a weekday: 100 and up to sixteen quarters, in steps of the asset's own."""
    step = {"A": 3, "B": 5, "M": 7, "E": 11}.get(asset_id, 13)
    return 100 + Decimal(DAYS.index(day) * step % 17) / 4


def exchange_days(asset_id: str) -> list[date]:
    """Return the weekdays with a price."""
    if asset_id != "E":
        return DAYS
    return [day for day, after in pairwise(DAYS) if day.month == after.month]


def prices(*asset_ids: str) -> list[Row]:
    """Return the rows of market_data."""
    return [(a, day, price_of(a, day)) for a in asset_ids for day in exchange_days(a)]


def small_book() -> Tables:
    """Return the whole book, to be changed before it is loaded."""
    first = DAYS[0]
    return {
        "asset_master": [
            ("A", "Anvil", "Equity", "USD", "Tools", "US", ""),
            ("B", "Bellows", "Bond", "USD", "Air", "US", ""),
            ("M", "Market", "Index", "USD", "", "US", ""),
            ("E", "Einhorn", "Equity", "EUR", "Tools", "DE", ""),
        ],
        "benchmarks": [("USD", "M")],
        "fx_rates": [("USD", day, "1.25") for day in DAYS[::5]],
        "households": [("H", "Hill", "USD")],
        "accounts": [
            ("ONE", "First", "H", "USD", ""),
            ("TWO", "Second", "H", "USD", ""),
            ("ALONE", "Third", "", "EUR", ""),
        ],
        "market_data": prices("A", "B", "M", "E"),
        "portfolio_allocation": [
            ("ONE", "A", first, 10, ""),
            ("ONE", "B", first, 20, ""),
            ("TWO", "A", first, 5, ""),
            ("TWO", "E", first, 8, ""),
            ("ALONE", "E", first, 2, ""),
        ],
        "transactions": [
            ("T1", "ONE", "A", DAYS[10], "BUY", "USD", 1000, 1),
            ("T2", "ONE", "B", DAYS[20], "BUY", "USD", 2000, 3),
            ("T3", "TWO", "E", DAYS[250], "SELL", "EUR", 800, 2),
        ],
        "compliance_records": [
            ("C1", "ONE", "A", DAYS[200], "VIOLATION"),
            ("C2", "ONE", "A", DAYS[210], "PASS"),
            ("C3", "TWO", "E", DAYS[220], "VIOLATION"),
        ],
    }


async def load(directory: Path, tables: Tables, db: WriteSession | None = None) -> LoadSummary:
    """Write these tables and no others, and load them."""
    directory.mkdir(exist_ok=True)
    for name, rows in tables.items():
        write_table(directory, name, _HEADERS[name], rows)
    return await load_tables(directory, today=TODAY, only=list(tables), db=db)
