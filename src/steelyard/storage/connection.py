"""The connection pool and the sessions on it: one type each for reading, writing and owning the schema.

Each event loop has one pool, because a connection belongs to the loop that made it; it is disposed of with
`close_connection_pool`, or when `asyncio.run` ends. A child process forgets the pool of its parent.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from steelyard.errors import (
    ConflictError,
    InvalidInputError,
)
from steelyard.storage.acting import OPERATOR, Acting, begin_acting, current_acting
from steelyard.storage.address import address_of_url
from steelyard.storage.engine import make_engine
from steelyard.storage.failures import explained
from steelyard.storage.look_up import LookUps
from steelyard.storage.queries import query

if TYPE_CHECKING:
    from steelyard.storage.cloud_sql import CloudSqlInstance, CloudSqlLink
    from steelyard.storage.embedded import EmbeddedServer, Report

Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


class NoPoolError(ConflictError):
    """A session was asked for before a pool was opened."""

    def __init__(self) -> None:
        """Name the call that is missing."""
        super().__init__("No connection pool is open. Call `await init_connection_pool()` first.")


class PoolOpenError(ConflictError):
    """A pool is open on another store, or with other settings."""

    def __init__(self, place: str) -> None:
        """Name where it is open."""
        super().__init__(
            f"A connection pool is already open on {place} with other settings. "
            "Call `await close_connection_pool()` first."
        )


class TwoStoresError(InvalidInputError):
    """A URL and a Cloud SQL instance are both given."""

    def __init__(self) -> None:
        """Name the settings."""
        super().__init__(
            "Two stores are named: DATABASE_URL (or DATABASE_MIGRATOR_URL) and INSTANCE_CONNECTION_NAME are both set. "
            "Unset one of them."
        )


class NoEmbeddedServerError(InvalidInputError):
    """The embedded server does not run on this system."""

    def __init__(self) -> None:
        """Name the way out."""
        super().__init__(
            "The embedded PostgreSQL runs on Linux and macOS. Set DATABASE_URL to a server, or use WSL."
        )


class _ActingSession(Session):
    """Says at the beginning of each transaction for whom it works."""


@event.listens_for(_ActingSession, "after_begin")
def _say_for_whom(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    del transaction
    for name in session.info["begins_with"]:
        connection.execute(query(name))
    begin_acting(connection, session.info["acting"])


class ReadSession(AsyncSession):
    """Sees one moment of the store and changes nothing."""


class WriteSession(AsyncSession):
    """Commits when its block ends, and rolls back on an error; the block's code never commits."""


class MigratorSession(AsyncSession):
    """Works as the role that owns the schema."""


AnySession = ReadSession | WriteSession
"""Either: for what is read to be shown, and read again where it is acted on."""

S = TypeVar("S", bound=AnySession)


@dataclass(frozen=True, slots=True)
class Pool:
    """The connections of one event loop to one store.

    Attributes:
        place: where the store is, without a secret.
        engine: connections of the role that reads and writes rows.
        owner: connections of the role that owns the schema, opened when needed and not kept.
        server: the embedded server; None when the store is another.
        link: the connector of a Cloud SQL instance, closed after the engines; None when the store is another.
        acts_as: for whom a session works where no `acting_as` says.
        look_ups: what requests begin with.
    """

    place: str
    engine: AsyncEngine = field(repr=False)
    owner: AsyncEngine = field(repr=False)
    server: "EmbeddedServer | None" = None
    link: "CloudSqlLink | None" = None
    acts_as: Acting = OPERATOR
    look_ups: LookUps = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare for look-ups; none has a connection yet."""
        object.__setattr__(self, "look_ups", LookUps(self.engine))

    @property
    def session(self) -> dict[str, Any]:
        """How a session on it begins."""
        return {
            "expire_on_commit": False,
            "sync_session_class": _ActingSession,
            "info": {"acting": current_acting(self.acts_as), "begins_with": ()},
        }

    async def close(self) -> None:
        """Close the connections, and then what they were made with."""
        await self.look_ups.close()
        await self.engine.dispose()
        await self.owner.dispose()
        if self.link is not None:
            await self.link.close()


@dataclass(frozen=True, slots=True)
class _Store:
    """What a pool was opened on, to tell a second call with other settings."""

    database_url: str | None = field(repr=False)
    migrator_url: str | None = field(repr=False)
    cloud_sql: "CloudSqlInstance | None"
    data_dir: Path | None
    postgres_bin: Path | None
    pool_size: int
    acts_as: Acting
    trusts_network: bool


@dataclass(slots=True)
class _Slot:
    """The pool of one event loop, and the lock that lets it be opened once."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    store: _Store | None = None
    pool: Pool | None = None
    keeper: AsyncGenerator[None] | None = None


_slots: dict[asyncio.AbstractEventLoop, _Slot] = {}
_openers: list[Callable[[], Awaitable[Pool]]] = []
_inherited: list[_Slot] = []


def _forget_parents_pools() -> None:
    """Set the pools of the parent process aside: collected as garbage, they would hang up on its server."""
    _inherited.extend(_slots.values())
    _slots.clear()


os.register_at_fork(after_in_child=_forget_parents_pools)


def set_default(opener: Callable[[], Awaitable[Pool]]) -> None:
    """Name the function that opens the default store when a session is asked for and no pool is open."""
    _openers[:] = [opener]


async def init_connection_pool(
    database_url: str | None = None,
    *,
    migrator_url: str | None = None,
    cloud_sql: "CloudSqlInstance | None" = None,
    data_dir: Path | None = None,
    postgres_bin: Path | None = None,
    pool_size: int = 5,
    acts_as: Acting = OPERATOR,
    trusts_network: bool = False,
    report: "Report" = lambda _: None,
) -> Pool:
    """Open the pool of this event loop, or return the one that is open.

    Args:
        database_url: a PostgreSQL address; without one, and without `cloud_sql`, the store is the embedded
            server, which is started when needed.
        migrator_url: the address of the role that owns the schema; None means `database_url`.
        cloud_sql: a Cloud SQL instance, in place of a URL.
        data_dir: the folder of the embedded server; None means the platform's data folder.
        postgres_bin: a folder with the programs of PostgreSQL to prefer for the embedded server.
        pool_size: connections kept open.
        acts_as: for whom a session works where no `acting_as` says; a server gives NOBODY.
        trusts_network: whether a URL may lead off this machine without sslmode=verify-full.
        report: told what is waited for, when the embedded server takes more than a moment.

    Raises:
        PoolOpenError: a pool is open with other arguments.
        TwoStoresError: a URL and a Cloud SQL instance are both given.
        SteelyardError: the store cannot be reached; see `Address.connect`, `CloudSqlLink.connect`, `embedded.start`.
    """
    for ended in [loop for loop in _slots if loop.is_closed()]:  # their pools could not be opened
        del _slots[ended]
    slot = _slots.setdefault(asyncio.get_running_loop(), _Slot())
    store = _Store(
        database_url, migrator_url, cloud_sql, data_dir, postgres_bin, pool_size, acts_as, trusts_network
    )
    async with slot.lock:
        if slot.pool is None:
            slot.pool, slot.store = replace(await _open(store, report), acts_as=acts_as), store
            slot.keeper = _keep(slot.pool)
            await anext(slot.keeper)
        elif slot.store != store:
            raise PoolOpenError(slot.pool.place)
        return slot.pool


async def close_connection_pool() -> None:
    """Close the pool of this event loop; does nothing when none is open."""
    slot = _slots.get(asyncio.get_running_loop())
    if slot is None:
        return
    async with slot.lock:
        if slot.keeper is not None:
            await slot.keeper.aclose()


@asynccontextmanager
async def get_db_session() -> AsyncIterator[ReadSession]:
    """Open a session that reads one moment of the store (REPEATABLE READ, READ ONLY).

    Raises:
        NoPoolError: no pool is open and no default store is named.
        UpstreamError: the store cannot be reached, or was lost.
    """
    pool = await current_pool()
    engine = pool.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with explained(pool.place):
        async with ReadSession(engine, **pool.session) as db:
            yield db


@asynccontextmanager
async def get_write_session(
    *, isolation: Isolation = "READ COMMITTED", begins_with: Sequence[str] = ()
) -> AsyncIterator[WriteSession]:
    """Open a session that commits at the end of its block, and rolls back when the block raises.

    Args:
        isolation: what the transaction sees of the others.
        begins_with: named statements that come before everything else, so that what they wait for is seen.

    Raises:
        NoPoolError: no pool is open and no default store is named.
        DatabaseBusyError: another transaction was in the way.
        UpstreamError: the store cannot be reached, was lost, or is full.
    """
    pool = await current_pool()
    engine = pool.engine.execution_options(isolation_level=isolation)
    with explained(pool.place):
        async with WriteSession(engine, **pool.session) as db, db.begin():
            db.info["begins_with"] = begins_with
            yield db


@asynccontextmanager
async def reading(db: S | None) -> AsyncIterator[S | ReadSession]:
    """Use the caller's session, or one of `get_db_session` for the length of the block."""
    if db is not None:
        yield db
        return
    async with get_db_session() as session:
        yield session


@asynccontextmanager
async def writing(db: WriteSession | None) -> AsyncIterator[WriteSession]:
    """Use the caller's session, which commits when the caller does, or one of `get_write_session` for the block."""
    if db is not None:
        yield db
        return
    async with get_write_session() as session:
        yield session


@asynccontextmanager
async def get_migrator_session() -> AsyncIterator[MigratorSession]:
    """Open a session of the role that owns the schema; commits at the end of its block.

    Raises:
        NoPoolError: no pool is open and no default store is named.
        UpstreamError: the store cannot be reached, was lost, or is full.
    """
    pool = await current_pool()
    with explained(pool.place):
        async with MigratorSession(pool.owner, **pool.session) as db, db.begin():
            yield db


async def look_up(name: str, values: Mapping[str, Any]) -> Sequence[asyncpg.Record]:
    """Run a named statement that reads and works for nobody; see `LookUps`.

    Raises:
        NoPoolError: no pool is open and no default store is named.
        UpstreamError: the store cannot be reached, or was lost.
    """
    pool = await current_pool()
    with explained(pool.place):
        return await pool.look_ups.find(name, values)


async def raw_connection(db: AsyncSession) -> asyncpg.Connection:
    """Return the driver's connection, inside the session's transaction: for COPY and for scripts."""
    connection = await db.connection()
    await connection.execute(query("begin_transaction"))  # BEGIN goes with the first statement only
    return cast("asyncpg.Connection", (await connection.get_raw_connection()).driver_connection)


async def current_pool() -> Pool:
    """Return the pool of this event loop; open the default store where none is open.

    Raises:
        NoPoolError: no pool is open and no default store is named.
    """
    slot = _slots.get(asyncio.get_running_loop())
    if slot is not None and slot.pool is not None:
        return slot.pool
    if not _openers:
        raise NoPoolError
    return await _openers[0]()


async def _keep(pool: Pool) -> AsyncGenerator[None]:
    """Hold the pool until closed; `asyncio.run` closes its generators at the end, and so the pool."""
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:
            _slots.pop(asyncio.get_running_loop(), None)
            await pool.close()


async def _open(store: _Store, report: "Report") -> Pool:
    pool = await _make_pool(store, report)
    try:
        with explained(pool.place):  # say at once what is wrong
            async with pool.engine.connect():
                return pool
    except BaseException:
        await pool.close()
        raise


async def _make_pool(store: _Store, report: "Report") -> Pool:
    if store.cloud_sql is not None:
        return await _make_cloud_sql_pool(store, store.cloud_sql)
    if store.database_url is not None:
        read = partial(address_of_url, trusts_network=store.trusts_network)
        app = read(store.database_url, adopts_role=True)
        owner = read(store.migrator_url or store.database_url, adopts_role=False)
        return Pool(
            app.place, make_engine(app.connect, pool_size=store.pool_size), make_engine(owner.connect)
        )
    return await _make_embedded_pool(store, report)


async def _make_cloud_sql_pool(store: _Store, instance: "CloudSqlInstance") -> Pool:
    from steelyard.storage.cloud_sql import open_link  # noqa: PLC0415 - only who uses it needs to load it

    if store.database_url is not None or store.migrator_url is not None:
        raise TwoStoresError
    link = await open_link(instance)
    app = make_engine(partial(link.connect, adopts_role=True), pool_size=store.pool_size)
    return Pool(instance.place, app, make_engine(partial(link.connect, adopts_role=False)), link=link)


async def _make_embedded_pool(store: _Store, report: "Report") -> Pool:
    if sys.platform == "win32":
        raise NoEmbeddedServerError
    from steelyard.storage import embedded  # noqa: PLC0415 - needs Unix, which a store named by a URL does not

    server = await embedded.start(store.data_dir, postgres_bin=store.postgres_bin, report=report)
    app = server.address(server.app)
    owner = server.address(server.migrator)
    return Pool(
        app.place,
        make_engine(app.connect, pool_size=store.pool_size),
        make_engine(owner.connect),
        server=server,
    )
