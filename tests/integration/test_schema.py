"""The schema as the catalogue tells it: money is exact and bounded, and what is a float is a ratio, by name."""

from typing import Any

import pytest
from sqlalchemy import text

from steelyard.storage.connection import Pool, get_migrator_session, raw_connection

FLOATS = {
    "performance_history": {"daily_return", "total_return"},
    "risk_free_rates": {"annual_rate"},
    "risk_metrics": {
        "beta",
        "expected_shortfall_95",
        "expected_shortfall_95_parametric",
        "max_drawdown",
        "sharpe_ratio",
        "var_95",
        "var_95_parametric",
        "volatility",
    },
    "asset_360_rows": {
        "avg_daily_return",
        "avg_volatility",
        "beta",
        "expected_shortfall",
        "max_daily_return",
        "min_daily_return",
        "sharpe_ratio",
        "total_return",
        "value_at_risk",
        # estimates in money: a statistic times a value, shown and never booked
        "expected_shortfall_amount",
        "value_at_risk_amount",
    },
}
"""The float columns of every table: ratios, and two estimates. Another one is money until it stands here."""

COLUMNS = text("""
    select c.relname, a.attname, a.atttypid::regtype::text, a.atttypmod
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace = 'steelyard'::regnamespace
    where a.attnum > 0 and not a.attisdropped
    order by 1, 2
""")


async def columns_of(type_name: str) -> list[Any]:
    async with get_migrator_session() as db:
        return [row for row in await db.execute(COLUMNS) if row[2] == type_name]


async def test_every_float_column_is_a_ratio_known_by_name(store: Pool) -> None:
    del store
    found: dict[str, set[str]] = {}
    for type_name in ("double precision", "real"):
        for table, column, _, _ in await columns_of(type_name):
            found.setdefault(table, set()).add(column)
    assert found == FLOATS


async def test_every_numeric_has_precision_and_scale(store: Pool) -> None:
    del store
    numerics = await columns_of("numeric")
    assert len(numerics) > 20
    assert [(table, column) for table, column, _, modifier in numerics if modifier == -1] == []


async def test_no_numeric_holds_as_much_as_a_quadrillion_or_more_than_twelve_places(store: Pool) -> None:
    del store
    for table, column, _, modifier in await columns_of("numeric"):
        precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0xFFFF
        assert (precision - scale <= 15, scale <= 12) == (True, True), (table, column)


@pytest.mark.parametrize("type_name", ["money", "json"])
async def test_no_column_is_of_a_type_that_loses_what_it_is_given(store: Pool, type_name: str) -> None:
    del store
    assert await columns_of(type_name) == []


async def test_what_looks_wrong_is_found(store: Pool) -> None:
    del store
    async with get_migrator_session() as db:
        await (await raw_connection(db)).execute(
            "create table steelyard.wrong (fee numeric, tax numeric(40, 20), price float8)"
        )
        rows = [tuple(row) for row in await db.execute(COLUMNS) if row[0] == "wrong"]
        await db.rollback()
    assert rows == [
        ("wrong", "fee", "numeric", -1),
        ("wrong", "price", "double precision", -1),
        ("wrong", "tax", "numeric", ((40 << 16) | 20) + 4),
    ]
