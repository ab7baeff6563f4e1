"""The real ledger of 9,367 trades through the store: files, load, posting, balances and columns, up to the returns.

What test_pyfolio_ledger.py shows of Python's rules is shown here of PostgreSQL's: a load books the trades, and
what it holds on any day, and what every day returned, are pyfolio's.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from books import Row, write_table
from conftest import urls_of
from ledger_positions import read_ledger_positions
from posting_columns import days
from pyfolio_ledger import ACCOUNT, CURRENCY, PyfolioLedger, day_of, read_pyfolio
from steelyard.analytics.price_table import PriceTable
from steelyard.analytics.time_weighted import FlowTiming, grow
from steelyard.analytics.valuation import PostingColumns, cells_of, value_groups
from steelyard.domain.transaction import Transaction
from steelyard.services.loading import load_tables
from steelyard.storage.connection import Pool, get_db_session
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.ledger import StoredPostings, get_entries, get_posting_columns

CENT = Decimal("0.01")


@cache
def pyfolio() -> PyfolioLedger:
    return read_pyfolio()


def write_files(directory: Path) -> None:
    """Write the tables of a firm that keeps one account."""
    ledger = pyfolio()
    write_table(directory, "asset_master", "asset_id,asset_name,asset_type,currency", _assets(ledger.assets))
    write_table(
        directory, "accounts", "account_id,account_name,base_currency", [(ACCOUNT, ACCOUNT, CURRENCY)]
    )
    prices = (
        (asset, day, round(price, 6))
        for asset, quotes in ledger.quotes.items()
        for day, price in quotes.items()
    )
    write_table(directory, "market_data", "asset_id,price_date,closing_price", prices)
    columns = "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,total_amount"
    write_table(directory, "transactions", columns, map(_row, ledger.transactions))


def _assets(assets: list[str]) -> Iterator[Row]:
    yield from ((asset, asset, "Equity", CURRENCY) for asset in assets)
    yield CURRENCY, "US dollars", "Cash", CURRENCY


def _row(one: Transaction) -> Row:
    asset = one.asset_id or CURRENCY
    return (
        one.transaction_id,
        one.account_id,
        asset,
        one.trade_date,
        one.kind.value,
        one.quantity or one.amount,
        one.price or 1,
        one.currency,
        one.amount,
    )


@pytest.fixture
async def loaded(store: Pool, database: EmbeddedServer, tmp_path: Path) -> Pool:
    async with get_db_session() as session:
        if (await get_entries(session)).entries:
            return store
    write_files(tmp_path)
    tables = ["asset_master", "accounts", "market_data", "transactions"]
    await load_tables(tmp_path, today=pyfolio().dates[-1], only=tables, trust_prices=True)
    # What autovacuum does within the minute: without it the planner takes 18,000 postings for a few.
    owner = await asyncpg.connect(urls_of(database)[1])
    await owner.execute("analyze")
    await owner.close()
    return store


@pytest.mark.usefixtures("loaded")
async def test_every_trade_is_posted() -> None:
    async with get_db_session() as session:
        entries = (await get_entries(session)).entries

    assert len(entries) == len(pyfolio().transactions)
    assert {one.transaction.transaction_id for one in entries} == {
        one.transaction_id for one in pyfolio().transactions
    }


@pytest.mark.usefixtures("loaded")
async def test_what_is_held_on_any_day_is_what_pyfolio_holds() -> None:
    rows = [*pyfolio().positions[:3], *pyfolio().positions[40::75], pyfolio().positions[-1]]

    for row in rows:
        async with get_db_session() as session:
            held = {one.commodity: one.quantity for one in await read_ledger_positions(session, day_of(row))}
        assert abs(held.pop(CURRENCY) - Decimal(row["cash"])) < CENT
        quotes = pyfolio().quotes
        worth = {name: quantity * quotes[name][day_of(row)] for name, quantity in held.items()}
        expected = {name: Decimal(row[name]) for name in pyfolio().assets if Decimal(row[name])}
        assert worth.keys() == expected.keys()
        assert max(abs(worth[name] - expected[name]) for name in worth) < CENT


def columns_of(stored: StoredPostings) -> PostingColumns:
    return PostingColumns(
        entry=stored.entry,
        date=stored.day.astype("datetime64[D]"),
        account=stored.account,
        place=stored.place,
        commodity=stored.commodity,
        quantity=stored.whole + stored.parts * 1e-12,
        about_account=stored.about_account,
        about_commodity=stored.about_commodity,
    )


@pytest.mark.usefixtures("loaded")
async def test_the_returns_of_every_day_are_pyfolios() -> None:
    async with get_db_session() as session:
        stored = await get_posting_columns(session)
    ledger, columns = pyfolio(), columns_of(stored)
    dates = [ledger.dates[0] - timedelta(days=1), *ledger.dates]
    quotes = [ledger.quotes.get(name, {}) for name, _ in stored.commodities]
    nothing = Decimal("nan")
    prices = np.array([[float(one.get(day, nothing)) if one else 1.0 for one in quotes] for day in dates])
    cells = cells_of(columns)

    whole = value_groups(
        columns,
        PriceTable(days(*dates), prices, np.ones_like(prices)),
        cells=cells,
        groups=np.zeros(len(cells), dtype=np.int64),
        after_fees=True,
        after_taxes=True,
    )
    growth = grow(whole.values, whole.flows_in, whole.flows_out, timing=FlowTiming.START)

    published = np.array([ledger.returns[day] for day in ledger.dates])
    assert np.max(np.abs(growth.returns[1:, 0] - published)) < 1e-10
