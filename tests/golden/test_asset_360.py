"""Two statements of one truth: the SQL procedure and plain Python over the same tables agree.

Money and counts are equal exactly, fractions to 1e-9. The Python side starts from the stored prices again, not
from the history that was derived from them.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from books import four_currency_book, sp500_book
from reference_asset_360 import Key, Reference, Row
from steelyard.analytics.asset_360 import Asset360Figures, calculate_asset_360
from steelyard.analytics.categories import Thresholds, performance_categories, position_sizes, risk_categories
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.returns import daily_returns
from steelyard.demo import book_path
from steelyard.services.asset_360 import refresh
from steelyard.services.history import CONVENTION
from steelyard.services.loading import load_tables
from steelyard.storage.connection import Pool, get_db_session, raw_connection

Rows = list[Row]

_NAMES = """
tenants households accounts asset_master market_data portfolio_allocation target_weights transactions
compliance_records fx_rates benchmarks risk_free_rates asset_360_scoped risk_metrics
"""
TABLES = {name: f"select * from steelyard.{name}" for name in _NAMES.split()}  # noqa: S608 - the names above
FRACTIONS: dict[str, Callable[[Asset360Figures], FloatArray]] = {
    "avg_daily_return": lambda f: f.avg_daily_return,
    "max_daily_return": lambda f: f.max_daily_return,
    "min_daily_return": lambda f: f.min_daily_return,
    "total_return": lambda f: f.total_return,
    "avg_volatility": lambda f: f.risk.volatility,
    "value_at_risk": lambda f: f.risk.value_at_risk,
    "expected_shortfall": lambda f: f.risk.expected_shortfall,
    "beta": lambda f: f.risk.beta,
    "sharpe_ratio": lambda f: f.risk.sharpe_ratio,
}
DERIVED_RISK = {
    "volatility": "avg_volatility",
    "var_95": "value_at_risk",
    "expected_shortfall_95": "expected_shortfall",
    "beta": "beta",
    "sharpe_ratio": "sharpe_ratio",
}


def sample_book(_: Path) -> Path:
    return book_path()


BOOKS: dict[str, tuple[Callable[[Path], Path], date, int]] = {
    "sample": (sample_book, date(2022, 12, 28), 31),
    "sp500": (sp500_book, date(2018, 2, 7), 505),
    "four currencies": (four_currency_book, date(2015, 12, 31), 703),
}


@pytest.fixture(scope="module", params=BOOKS)
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, date, int]:
    make, as_of, assets = BOOKS[request.param]
    return make(tmp_path_factory.mktemp("book")), as_of, assets


@pytest.fixture
async def tables(book: tuple[Path, date, int], own_store: Pool) -> dict[str, Rows]:
    """Load the book, refresh, and return every table's rows."""
    del own_store  # opening it is what matters
    directory, as_of, _ = book
    await load_tables(directory, today=date(2026, 1, 1))
    result = await refresh(today=date(2026, 1, 1))
    assert result.as_of == as_of
    async with get_db_session() as db:
        connection = await raw_connection(db)
        return {
            name: [dict(row) for row in await connection.fetch(statement)]
            for name, statement in TABLES.items()
        }


def returns_panel(tables: dict[str, Rows]) -> tuple[list[str], NDArray[np.datetime64], FloatArray]:
    """Assets, days, and the returns of every asset from its stored prices."""
    assets = [row["asset_id"] for row in tables["asset_master"]]
    place = {asset: n for n, asset in enumerate(assets)}
    days = sorted({row["price_date"] for row in tables["market_data"]})
    at = {day: n for n, day in enumerate(days)}
    prices = np.full((len(days), len(assets)), np.nan)
    for row in tables["market_data"]:
        prices[at[row["price_date"]], place[row["asset_id"]]] = row["closing_price"]
    return assets, np.array(days, dtype="datetime64[D]"), daily_returns(prices)


def figures_of(tables: dict[str, Rows], as_of: date) -> tuple[list[str], Asset360Figures]:
    assets, days, returns = returns_panel(tables)
    currency = {row["asset_id"]: row["currency"] for row in tables["asset_master"]}
    of_currency = {row["currency"]: row["asset_id"] for row in tables["benchmarks"]}
    benchmark, risk_free = np.full(returns.shape, np.nan), np.zeros(returns.shape)
    rates = sorted((r["currency"], r["rate_date"], r["annual_rate"]) for r in tables["risk_free_rates"])
    for n, asset in enumerate(assets):
        if currency[asset] in of_currency:
            benchmark[:, n] = returns[:, assets.index(of_currency[currency[asset]])]
        for code, day, rate in rates:
            if code == currency[asset]:
                risk_free[days >= np.datetime64(day), n] = rate / 252
    return assets, calculate_asset_360(
        days, returns, benchmark=benchmark, risk_free=risk_free, as_of=as_of, convention=CONVENTION
    )


async def test_sql_and_python_agree(book: tuple[Path, date, int], tables: dict[str, Rows]) -> None:
    _, as_of, known_assets = book
    published: dict[Key, Row] = {
        (r["scope_kind"], r["scope_id"], r["asset_id"]): r for r in tables["asset_360_scoped"]
    }
    expected = Reference(tables, as_of).rows()

    assert published.keys() == expected.keys()
    assert len({asset for kind, _, asset in published if kind == "tenant"}) >= known_assets - 1
    for key, figures in expected.items():
        assert {name: published[key][name] for name in figures} == figures, key
    check_fractions(tables, as_of, published)
    check_categories(published)
    check_derived_history(tables, as_of)


def check_fractions(tables: dict[str, Rows], as_of: date, published: dict[Key, Row]) -> None:
    assets, figures = figures_of(tables, as_of)
    place = {asset: n for n, asset in enumerate(assets)}
    rows = list(published.values())
    for column, pick in FRACTIONS.items():
        ours = np.array([np.nan if r[column] is None else r[column] for r in rows])
        theirs = pick(figures)[[place[r["asset_id"]] for r in rows]]
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12, err_msg=column)
        assert np.isfinite(ours).any(), column


def check_categories(published: dict[Key, Row]) -> None:
    def column(name: str) -> FloatArray:
        return np.array([np.nan if r[name] is None else float(r[name]) for r in published.values()])

    bounds = Thresholds()
    for name, labels in (
        ("risk_category", risk_categories(column("value_at_risk"), bounds)),
        ("performance_category", performance_categories(column("total_return"), bounds)),
        ("position_size", position_sizes(column("market_value"), bounds)),
    ):
        assert [r[name] for r in published.values()] == labels.tolist()


def check_derived_history(tables: dict[str, Rows], as_of: date) -> None:
    """What analytics wrote to risk_metrics at as_of is what the procedure published."""
    written = {r["asset_id"]: r for r in tables["risk_metrics"] if r["calculation_date"] == as_of}
    checked = 0
    for row in tables["asset_360_scoped"]:
        for stored, column in DERIVED_RISK.items():
            if row[column] is not None:
                assert row[column] == pytest.approx(written[row["asset_id"]][stored], rel=1e-9, abs=1e-12)
                checked += 1
    assert checked > 0
