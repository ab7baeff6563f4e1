"""The scratch database: where a dump is restored before anybody relies on it."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import asyncpg

from steelyard.errors import ConflictError
from steelyard.storage.address import Address
from steelyard.storage.binaries import Binaries
from steelyard.storage.contents import Contents, read_contents
from steelyard.storage.embedded import EmbeddedServer, Login, Report, start, stop
from steelyard.storage.failures import explained
from steelyard.storage.programs import PARALLEL, login_variables, run_program
from steelyard.storage.queries import query

SCRATCH: Final = "steelyard_scratch"
SCHEMA: Final = "steelyard"
MAINTENANCE: Final = "postgres"  # the database to stand in while others are made, renamed and dropped
PREPARE: Final = ("drop_scratch", "create_scratch", "restrict_scratch", "admit_scratch")
LOCK: Final = "maintenance.lock"


class MaintenanceUnderWayError(ConflictError):
    """Another backup, restore or upgrade works on the same home."""

    is_temporary = True

    def __init__(self, home: Path) -> None:
        """Name it."""
        super().__init__(
            f"Another backup, restore or upgrade works in {home}. Wait for its end and run the command again."
        )


@asynccontextmanager
async def connected(server: EmbeddedServer, login: Login, database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database of the server for one block."""
    async with open_connection(server.address(login, database)) as connection:
        yield connection


@asynccontextmanager
async def open_connection(address: Address) -> AsyncIterator[asyncpg.Connection]:
    """A connection for one block; what the server does to it becomes our errors, the closing included."""
    connection = await address.connect()
    with explained(address.place):
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def scratch_database(
    server: EmbeddedServer, dump: Path, programs: Binaries, roles: Sequence[str]
) -> AsyncIterator[Contents]:
    """Restore a dump into the scratch database, which is gone at the end of the block; gives what it holds then.

    Nothing of the dump runs with more rights than the owner of the schema has.

    Args:
        server: where the scratch database is made.
        dump: as pg_dump wrote it.
        programs: of the server's version.
        roles: those that were granted something; where one is absent, grants are left out.

    Raises:
        ProgramFailedError, NoSpaceError: pg_restore failed.
    """
    async with connected(server, server.superuser, MAINTENANCE) as connection:
        try:
            for name in PREPARE:
                await connection.execute(query(name).text)
            grants = not await absent_roles(connection, roles)
            await _fill(server, dump, programs, grants=grants)
            async with connected(server, server.superuser, SCRATCH) as inside:
                contents = await read_contents(inside, SCHEMA)
            yield contents
        finally:
            if not connection.is_closed():
                await connection.execute(query("drop_scratch").text)


@asynccontextmanager
async def throwaway_server(home: Path, programs: Binaries, report: Report) -> AsyncIterator[EmbeddedServer]:
    """An embedded server for one block; one that a killed process left in that folder goes first."""
    await _remove_server(home)
    try:
        yield await start(home, postgres_bin=programs.folder, report=report)
    finally:
        await _remove_server(home)


async def absent_roles(connection: asyncpg.Connection, roles: Sequence[str]) -> list[str]:
    """Return those of the roles that the server does not have."""
    rows = await connection.fetch(query("get_absent_roles").text, list(roles))
    return [row["name"] for row in rows]


@contextmanager
def maintenance(home: Path) -> Iterator[None]:
    """Let one backup, restore or upgrade at a time work on a home; the system frees the lock of one that dies.

    Raises:
        MaintenanceUnderWayError: another one does.
    """
    descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, home)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise MaintenanceUnderWayError(home) from error


async def _remove_server(home: Path) -> None:
    await stop(home)
    shutil.rmtree(home, ignore_errors=True)


async def _fill(server: EmbeddedServer, dump: Path, programs: Binaries, *, grants: bool) -> None:
    """Restore a dump as the owner of the schema; policies last, for while some stand they hide rows from its checks."""
    login = login_variables(server.address(server.migrator, SCRATCH))
    entries = (await run_program(programs, "pg_restore", ["--list", dump], login)).splitlines(keepends=True)
    wanted = [line for line in entries if " DEFAULT ACL " not in line]
    policies = [line for line in wanted if " POLICY " in line or " ROW SECURITY " in line]
    for part in ([line for line in wanted if line not in policies], policies):
        with tempfile.NamedTemporaryFile("w", suffix=".list") as listed:
            listed.writelines(part)
            listed.flush()
            arguments: list[str | Path] = [
                f"--dbname={SCRATCH}",
                f"--use-list={listed.name}",
                PARALLEL,
                "--no-owner",
                "--exit-on-error",
                *([] if grants else ["--no-acl"]),
                dump,
            ]
            await run_program(programs, "pg_restore", arguments, login)
    async with connected(server, server.migrator, SCRATCH) as connection:
        await connection.execute(query("grant_future_tables").text)
        await connection.execute(query("analyze_all").text)
