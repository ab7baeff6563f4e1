"""On PostgreSQL 15, the oldest version promised: procedures are checked statement by statement, and they run."""

import os
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from steelyard.demo import book_path
from steelyard.services.asset_360 import get_portfolio_overview, refresh
from steelyard.services.loading import load_tables
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.migration import migrate

# plpgsql_check reads every statement of every function, also those that no test reaches. The temporary tables that
# a procedure makes must be there, and those of an attachment, so it looks after they ran, in the same transaction. A
# trigger's function is read with each table it watches.
RUN = """
    set local app.tenant = '1';
    insert into steelyard.transactions (
        tenant_id, transaction_id, asset_id, transaction_date, transaction_type, currency, quantity, counter_quantity
    ) values (1, 'split', 'AAPL', '2022-12-20', 'SPLIT', 'USD', 1, 2);
    select steelyard.post_transactions(1, '2026-01-01');
    select steelyard.stage_incoming('market_data', array['asset_id']);
    call steelyard.create_asset_360('2022-12-28', true);
    create table public.px (id text, d date, p numeric);
    create table public.books (id text);
    select steelyard.attach_tables('{
        "tables": {
            "accounts": {"schema": "public", "table": "books", "columns": {"account_id": {"column": "id"}}},
            "market_data": {"schema": "public", "table": "px", "columns": {
                "asset_id": {"column": "id"}, "price_date": {"column": "d"}, "closing_price": {"column": "p"}
            }}
        },
        "stated_values": {}
    }');
    select steelyard.note_attached_changes();
"""
CHECK = """
    select p.oid::regprocedure::text as name, c.lineno, c.message
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_language as l on p.prolang = l.oid and l.lanname = 'plpgsql'
    left join pg_catalog.pg_trigger as t on t.tgfoid = p.oid
    cross join lateral plpgsql_check_function_tb(
        p.oid, coalesce(t.tgrelid, 0), oldtable => t.tgoldtable, newtable => t.tgnewtable, fatal_errors => false
    ) as c
    where p.pronamespace = 'steelyard'::regnamespace and c.level in ('error', 'warning')
"""


@pytest.fixture
async def oldest(home: Path, postgres_15: Path) -> AsyncIterator[EmbeddedServer]:
    pool = await init_connection_pool(data_dir=home, postgres_bin=postgres_15)
    await migrate()
    assert pool.server is not None
    yield pool.server
    await close_connection_pool()


async def test_the_sample_book_is_analysed_and_procedures_are_sound(oldest: EmbeddedServer) -> None:
    await load_tables(book_path(), today=date(2026, 1, 1))
    await refresh(today=date(2026, 1, 1))
    overview = await get_portfolio_overview()
    assert overview["total_assets"] == 30
    assert overview["total_value"] > 0
    assert [tuple(row) for row in await complaints(oldest)] == []


async def complaints(server: EmbeddedServer) -> list[asyncpg.Record]:
    login = server.superuser
    connection = await asyncpg.connect(
        host=str(server.host), user=login.user, password=login.password, database=server.database
    )
    try:
        await connection.execute("create extension plpgsql_check")
        async with connection.transaction():
            await connection.execute(RUN)
            return await connection.fetch(CHECK)
    except asyncpg.FeatureNotSupportedError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(
            "plpgsql_check is missing; `apt install postgresql-15-plpgsql-check` to check the procedures"
        )
    finally:
        await connection.close()
