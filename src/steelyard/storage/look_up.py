"""Look-ups that requests begin with: one prepared statement each, on a connection of its own, and nothing around it.

A transaction of a session costs several questions to the server, and many times the work of one here. So a look-up
works for nobody: what it asks says itself what may be known (`find_session`), or for whom each question is
(`find_documents_seen`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from steelyard.storage.queries import query

if TYPE_CHECKING:
    from asyncpg.prepared_stmt import PreparedStatement

BROKEN: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class LookUps:
    """The look-ups of a pool, each with the connection that it keeps."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Begin without a connection."""
        self._engine = engine
        self._kept: dict[str, _LookUp] = {}

    async def find(self, name: str, values: Mapping[str, Any]) -> Sequence[asyncpg.Record]:
        """Run a named statement that reads.

        Args:
            name: of the query.
            values: of its parameters.
        """
        return await self._kept.setdefault(name, _LookUp(self._engine, name)).find(values)

    async def close(self) -> None:
        """Let go of the connections."""
        for kept in self._kept.values():
            await kept.close()


class _LookUp:
    """One statement and its connection; whoever comes while it is at work waits."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine, self._lock = engine, asyncio.Lock()
        compiled = query(name).compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]  # as SQLAlchemy has it
        self._sql, self._order = str(compiled), tuple(compiled.positiontup or ())
        self._connection: AsyncConnection | None = None
        self._statement: PreparedStatement[asyncpg.Record] | None = None

    async def find(self, values: Mapping[str, Any]) -> Sequence[asyncpg.Record]:
        """Run it. Where the connection was lost since the last time, it is run again on a new one: it only reads."""
        arguments = [values[name] for name in self._order]
        async with self._lock:
            if self._statement is not None:
                with suppress(*BROKEN):
                    return await self._statement.fetch(*arguments)
                await self.close()
            try:
                self._statement = await self._prepare()
                return await self._statement.fetch(*arguments)
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Let go of the connection; nobody else gets it."""
        connection, self._connection, self._statement = self._connection, None, None
        if connection is not None:
            with suppress(*BROKEN):
                await connection.invalidate()
            await connection.close()

    async def _prepare(self) -> "PreparedStatement[asyncpg.Record]":
        self._connection = await self._engine.connect()
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        statement: PreparedStatement[asyncpg.Record] = await driver.prepare(self._sql)
        return statement
