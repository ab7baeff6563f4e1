"""The audit changed by who owns the server, for tests: with its guards taken away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from steelyard.storage.embedded import EmbeddedServer

REHASH = """
do $$
declare
    e steelyard.audit_events;
    before bytea;
begin
    for e in select * from steelyard.audit_events order by sequence loop
        e.previous_hash := coalesce(before, e.previous_hash);
        before := steelyard.hash_of_event(e);
        update steelyard.audit_events set previous_hash = e.previous_hash, hash = before where sequence = e.sequence;
    end loop;
    update steelyard.audit_heads set hash = before, sequence = (select max(sequence) from steelyard.audit_events);
end
$$
"""


@asynccontextmanager
async def superuser(database: EmbeddedServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        host=str(database.host),
        user=database.superuser.user,
        password=database.superuser.password,
        database=database.database,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def tamper(database: EmbeddedServer, *statements: str) -> None:
    """Change the chain as who owns the server may: with its guards taken away."""
    async with superuser(database) as connection:
        for table in ("audit_events", "audit_heads"):
            await connection.execute(f"alter table steelyard.{table} disable trigger user")
        for statement in statements:
            await connection.execute(statement)
