"""What must hold of asset 360 at every moment, whoever was killed and whatever failed."""

import hashlib
from typing import Any

import asyncpg

SCOPES = """
select 'tenant' as kind, '' as id
union all
select distinct 'household', a.household_id from steelyard.accounts as a where a.household_id is not null
union all
select 'account', a.account_id from steelyard.accounts as a
"""
COLUMNS = """
select string_agg(column_name, ', ' order by ordinal_position) from information_schema.columns
where table_name = 'asset_360_rows' and column_name not in ('tenant_id', 'version')
"""
ROWS = """
select record_send(n)
from (select {columns} from steelyard.asset_360_rows as r where r.version = $1) as n
order by n.scope_kind, n.scope_id, n.asset_id
"""
FINGERPRINT = """
select md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)), '')) from steelyard.{table} as t
"""
STRAYS = """
select r.version from steelyard.asset_360_rows as r
where not exists (select from steelyard.asset_360_versions as v where v.version = r.version)
union
select d.version from steelyard.asset_360_documents as d
where not exists (select from steelyard.asset_360_versions as v where v.version = d.version)
"""
LEFT_BEHIND = """
select 'advisory lock' as what from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()
union all
select 'prepared transaction' from pg_prepared_xacts
"""


async def check_versions(connection: asyncpg.Connection) -> int | None:
    """Hold every kept version to its promises; return the current one, None before the first."""
    assert await connection.fetch(STRAYS) == []
    current: int | None = await connection.fetchval("select version from steelyard.asset_360_current")
    newest = await connection.fetchval("select max(version) from steelyard.asset_360_versions")
    assert current == newest
    kept = await connection.fetch(
        "select v.* from steelyard.asset_360_versions as v where exists"
        " (select from steelyard.asset_360_documents as d where d.version = v.version)"
    )
    assert current is None or current in {version["version"] for version in kept}
    for version in kept:
        await _check_version(connection, version)
    if current is not None:
        scopes = await connection.fetch(
            "select scope_kind, scope_id from steelyard.asset_360_documents where version = $1", current
        )
        assert {tuple(s) for s in scopes} == {tuple(s) for s in await connection.fetch(SCOPES)}
    return current


async def _check_version(connection: asyncpg.Connection, version: asyncpg.Record) -> None:
    """Count the rows, take the content hash again from what is stored, and look into the documents."""
    columns = await connection.fetchval(COLUMNS)
    rows = await connection.fetch(ROWS.format(columns=columns), version["version"])
    assert len(rows) == version["row_count"]
    digests = b"".join(hashlib.sha256(row[0]).digest() for row in rows)
    assert hashlib.sha256(digests).hexdigest() == version["content_hash"]
    said = await connection.fetch(
        "select distinct (document ->> 'version')::bigint, (document ->> 'as_of')::date"
        " from steelyard.asset_360_documents where version = $1",
        version["version"],
    )
    assert [tuple(s) for s in said] == [(version["version"], version["as_of"])]


async def fingerprints(connection: asyncpg.Connection, *tables: str) -> dict[str, Any]:
    """Return a hash of each table's rows, whatever their order."""
    return {table: await connection.fetchval(FINGERPRINT.format(table=table)) for table in tables}
