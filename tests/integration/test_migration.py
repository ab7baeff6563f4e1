"""Migrations on real databases: whole, once, and the same as the schema a fresh database gets."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from steelyard.storage import migration
from steelyard.storage.connection import (
    Pool,
    close_connection_pool,
    get_db_session,
    get_migrator_session,
    get_write_session,
    init_connection_pool,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.migration import (
    FOLDER,
    HEAD,
    MigrationError,
    MigrationResult,
    SchemaMissingError,
    SchemaNewerError,
    SchemaOlderError,
    check_schema,
    migrate,
)
from steelyard.storage.queries import query
from steelyard.storage.scratch import connected

Urls = Callable[[EmbeddedServer], tuple[str, str]]
REVISIONS = ("0001_base", "0002_ledger", "0003_identity", "0004_trading", "0005_imports")
SEEDED = ("category_thresholds", "minor_currencies", "tenants", "transaction_kinds")
PROCEDURES = tuple(sorted(path.name for path in (FOLDER / "procedures").glob("*.sql")))

CATALOGUE = text("""
    select 'column', format('%s.%s', c.relname, a.attname), format('%s %s %s %s',
        format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
        col_description(c.oid, a.attnum))
    from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'steelyard'::regnamespace and c.relname not like 'alembic%'
    union all
    select 'relation', relname, format('%s %s %s %s', relkind, relacl, reloptions, obj_description(oid, 'pg_class'))
    from pg_class where relnamespace = 'steelyard'::regnamespace and relname not like 'alembic%'
    union all
    select 'view', viewname, definition from pg_views where schemaname = 'steelyard'
    union all
    select 'constraint', format('%s.%s', conrelid::regclass, conname), pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'steelyard'::regnamespace and conname not like 'alembic%'
    union all
    select 'index', indexname, indexdef from pg_indexes
    where schemaname = 'steelyard' and indexname not like 'alembic%'
    union all
    select 'function', oid::regprocedure::text, format('%s %s', prosrc, proacl)
    from pg_proc where pronamespace = 'steelyard'::regnamespace
    union all
    select 'policy', policyname, format('%s %s %s', cmd, qual, with_check) from pg_policies
    where schemaname = 'steelyard'
    union all
    select 'trigger', format('%s.%s', tgrelid::regclass, tgname), pg_get_triggerdef(oid)
    from pg_trigger where not tgisinternal
    order by 1, 2, 3
""")


@pytest.fixture
async def blank_store(blank_database: EmbeddedServer, urls: Urls) -> AsyncIterator[Pool]:
    app, migrator = urls(blank_database)
    yield await init_connection_pool(app, migrator_url=migrator)
    await close_connection_pool()


async def read_catalogue() -> list[tuple[str, ...]]:
    async with get_migrator_session() as db:
        return [tuple(row) for row in await db.execute(CATALOGUE)]


async def read_seeded_rows() -> list[list[str]]:
    statement = "select t::text from steelyard.{} as t order by 1"
    async with get_migrator_session() as db:
        return [list((await db.execute(text(statement.format(name)))).scalars()) for name in SEEDED]


async def run(statement: str) -> None:
    async with get_migrator_session() as db:
        await (await raw_connection(db)).execute(statement)


async def check() -> None:
    async with get_db_session() as db:
        await check_schema(db)


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory(str(FOLDER / "migrations")).get_current_head() == HEAD


async def test_a_fresh_install_is_the_same_as_an_upgraded_one(blank_store: Pool) -> None:
    del blank_store
    await run((FOLDER / "schema.sql").read_text("utf-8"))
    for path in PROCEDURES:
        await run("set check_function_bodies = off;" + (FOLDER / "procedures" / path).read_text("utf-8"))
    fresh, rows = await read_catalogue(), await read_seeded_rows()
    await run("drop schema steelyard cascade")
    assert await migrate() == MigrationResult(REVISIONS, PROCEDURES)
    assert len(fresh) > 100
    assert await read_catalogue() == fresh
    assert await read_seeded_rows() == rows
    assert [len(found) for found in rows] == [9, 3, 1, 25]


async def test_the_second_time_nothing_is_done(store: Pool) -> None:
    del store
    assert await migrate() == MigrationResult()
    await check()


async def test_a_changed_procedure_is_installed_again(store: Pool) -> None:
    del store
    async with get_migrator_session() as db:
        await db.execute(query("record_repeatable_file"), {"path": PROCEDURES[0], "sha256": "old"})
    with pytest.raises(SchemaOlderError, match=PROCEDURES[0]):
        await check()
    assert await migrate() == MigrationResult((), (PROCEDURES[0],))
    await check()


async def test_an_empty_database_is_told_from_an_older_and_a_newer_one(blank_store: Pool) -> None:
    del blank_store
    with pytest.raises(SchemaMissingError, match="steelyard init"):
        await check()
    await migrate()
    await run("update steelyard.alembic_version set version_num = '0000_before'")
    with pytest.raises(SchemaOlderError, match="0000_before"):
        await check()
    await run("update steelyard.alembic_version set version_num = '9999_later'")
    with pytest.raises(SchemaNewerError, match="9999_later"):
        await check()
    with pytest.raises(SchemaNewerError):
        await migrate()


async def test_a_failing_file_changes_nothing(
    blank_store: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del blank_store
    (tmp_path / "procedures").mkdir()
    (tmp_path / "procedures" / "broken.sql").write_text("create function steelyard.broken() returns nothing;")
    for name in ("schema.sql", "migrations"):
        (tmp_path / name).symlink_to(FOLDER / name)
    monkeypatch.setattr(migration, "FOLDER", tmp_path)
    before = await read_schemas()
    with pytest.raises(MigrationError, match=r"broken\.sql failed: .*Nothing was changed"):
        await migrate()
    assert await read_schemas() == before


async def read_schemas() -> list[str]:
    async with get_migrator_session() as db:
        return list((await db.execute(text("select nspname::text from pg_namespace order by 1"))).scalars())


async def test_four_processes_migrate_once(blank_database: EmbeddedServer, urls: Urls) -> None:
    script = """if True:
        import asyncio, sys
        from steelyard.storage.connection import init_connection_pool
        from steelyard.storage.migration import migrate

        async def main():
            await init_connection_pool(sys.argv[1], migrator_url=sys.argv[2])
            print(*(await migrate()).revisions)

        asyncio.run(main())
    """
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, *urls(blank_database), stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    answers = [(await racer.communicate())[0].decode().strip() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    assert sorted(answers) == ["", "", "", " ".join(REVISIONS)]


async def test_a_role_that_an_older_embedded_server_lacks_is_made(home: Path) -> None:
    pool = await init_connection_pool(data_dir=home)
    assert pool.server is not None
    async with connected(pool.server, pool.server.superuser, "steelyard") as connection:
        await connection.execute("drop owned by steelyard_refresh; drop role steelyard_refresh")
    await migrate()
    async with get_write_session(begins_with=("adopt_refresh_role",)) as db:
        await db.execute(
            text("create temporary table figures on commit drop as select * from steelyard.accounts")
        )
    await close_connection_pool()


async def test_the_oldest_version_promised(home: Path, postgres_15: Path) -> None:
    await init_connection_pool(data_dir=home, postgres_bin=postgres_15)
    try:
        assert await migrate() == MigrationResult(REVISIONS, PROCEDURES)
        await check()
        async with get_db_session() as db:
            version = (await db.execute(text("show server_version_num"))).scalar_one()
            tenants = (await db.execute(text("select count(*) from steelyard.tenants"))).scalar_one()
        assert version.startswith("15")
        assert tenants == 1
    finally:
        await close_connection_pool()
