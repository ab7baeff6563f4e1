"""The embedded PostgreSQL: started when it does not answer, shared by every process, gone only when told.

`start` is all a caller needs: it attaches when the server answers, and otherwise creates, repairs or starts
it under a lock. Whether it lives is decided by a real connection and by nothing else. It outlives us, listens
on a Unix socket in a private folder only, and asks every role for a password.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

import asyncpg

from steelyard.errors import UpstreamError
from steelyard.storage.address import Address
from steelyard.storage.cluster import (
    APP,
    MIGRATOR,
    SUPERUSER,
    Cluster,
    make_home,
    open_cluster,
    prepare_cluster,
)
from steelyard.storage.postmaster import (
    ask_to_end,
    clear_stale_files,
    find_postmaster,
    is_alive,
    last_lines,
    launch,
)
from steelyard.storage.queries import query

DATABASE = "steelyard"
PORT = 5432  # names the socket; nothing listens on TCP
CONNECT_SECONDS = 5.0
QUIET_SECONDS = 90.0
UNREACHABLE_SECONDS = 5.0
ENDING_SECONDS = 15.0
REPORT_AFTER_SECONDS = 2.0
LINGERING = "shared memory"
REFUSED = "FATAL:  the database system is"  # what the log says of our own questions while it starts or ends

Report = Callable[[str], None]


class ServerFailedError(UpstreamError):
    """The server ended instead of starting."""

    def __init__(self, log: Path) -> None:
        """Quote the end of its log."""
        super().__init__(
            f"The embedded PostgreSQL did not start. Its log, {log}, ends:\n{last_lines(log)}\n"
            "Repair that (a full disk is the usual cause) and run the same command again."
        )


class ServerSilentError(UpstreamError):
    """The server lives, but neither answers nor makes progress."""

    def __init__(self, pid: int, seconds: float, log: Path) -> None:
        """Name the process and how long it has been silent."""
        super().__init__(
            f"The embedded PostgreSQL (process {pid}) has not answered for {seconds:.0f} s and its log, "
            f"{log}, stands still. Look at the process, end it with `kill -QUIT {pid}`, and try again."
        )


class PasswordLostError(UpstreamError):
    """The server runs and refuses the passwords beside its data."""

    def __init__(self, cluster: Cluster) -> None:
        """Name the file."""
        super().__init__(
            f"The embedded PostgreSQL refuses the password in {cluster.home / 'passwords' / SUPERUSER}. "
            "Restore that file from the backup the data came from."
        )


@dataclass(frozen=True, slots=True)
class Login:
    """A role and its password.

    >>> Login("steelyard_app", "secret")
    Login(user='steelyard_app')
    """

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server and the ways in.

    Attributes:
        home: the folder with data, passwords and log.
        host: the folder of its Unix socket.
        port: the number in the socket's name.
        database: the database with the schema `steelyard`.
        app: the role that reads and writes rows.
        migrator: the role that owns the schema.
        superuser: makes roles and databases, reads what is backed up; nothing else in Steelyard works as it.
    """

    home: Path
    host: Path
    port: int
    database: str
    app: Login
    migrator: Login
    superuser: Login

    def address(self, login: Login, database: str | None = None) -> Address:
        """How the driver connects as a role, to the store's database or another."""
        arguments = {
            "host": str(self.host),
            "port": self.port,
            "user": login.user,
            "password": login.password,
            "database": database or self.database,
            "ssl": False,
        }
        return Address(f"the embedded server in {self.home}", arguments)


class _Answer(Enum):
    READY = auto()
    BUSY = auto()  # starting, recovering or shutting down
    DENIED = auto()  # it runs, but the role or the database is not there
    SILENT = auto()  # something holds the socket and says nothing
    NOBODY = auto()


async def attach(data_dir: Path | None = None) -> EmbeddedServer | None:
    """Return the running server of a folder (the platform's when None); None when none answers."""
    return await _attach(open_cluster(data_dir))


async def start(
    data_dir: Path | None = None, *, postgres_bin: Path | None = None, report: Report = lambda _: None
) -> EmbeddedServer:
    """Return the running server of a folder; create and start it first where that is needed.

    Safe to call from many processes at once: one starts the server and the others attach to it.

    Args:
        data_dir: the folder; None means the platform's data folder.
        postgres_bin: a folder with the programs of PostgreSQL to prefer.
        report: told what is waited for, when that takes more than a moment.

    Raises:
        DataFolderError, DataVersionError, InitdbError: the data cannot be made or used.
        BinariesNotFoundError, BinariesUnfitError: there are no programs to run.
        ServiceUserError: we are root and the system user could not be made.
        ServerFailedError: the server ended while starting; the end of its log is quoted.
        ServerSilentError: it lives, but answers nobody and makes no progress.
    """
    cluster = open_cluster(data_dir)
    server = await _attach(cluster)
    if server:
        return server
    make_home(cluster)
    async with start_lock(cluster, report):
        return await _attach(cluster) or await _start(cluster, postgres_bin, report)


async def stop(data_dir: Path | None = None, *, report: Report = lambda _: None) -> bool:
    """End the server of a folder; open transactions are rolled back. False when none was running.

    Raises:
        ServerSilentError: it does not end.
    """
    cluster = open_cluster(data_dir)
    if cluster.major is None:
        return False
    async with start_lock(cluster, report):
        pid = find_postmaster(cluster.data)
        if pid:
            await end_server(cluster, pid, report)
        return pid is not None


async def _attach(cluster: Cluster) -> EmbeddedServer | None:
    server = describe(cluster)
    ready = await _ask(server, server.app, DATABASE) is _Answer.READY
    return server if ready else None


async def _start(cluster: Cluster, postgres_bin: Path | None, report: Report) -> EmbeddedServer:
    binaries = await asyncio.to_thread(prepare_cluster, cluster, postgres_bin)
    server = describe(cluster)
    await bring_up(cluster, server, cluster.command(binaries), report)
    if await _ask(server, server.app, DATABASE) is _Answer.DENIED:
        await _create_database(server)
    return server


def describe(cluster: Cluster) -> EmbeddedServer:
    """The server of a cluster as it is when it runs."""
    app, migrator, superuser = (
        Login(role, cluster.password(role) or "") for role in (APP, MIGRATOR, SUPERUSER)
    )
    return EmbeddedServer(cluster.home, cluster.socket_folder, PORT, DATABASE, app, migrator, superuser)


async def _ask(server: EmbeddedServer, login: Login, database: str) -> _Answer:
    """Find out by a real connection whether the server lives."""
    try:
        connection = await _connect(server, login, database)
    except (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError):
        return _Answer.BUSY
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError):
        return _Answer.DENIED
    except TimeoutError:
        return _Answer.SILENT
    except (OSError, asyncpg.PostgresConnectionError):
        return _Answer.NOBODY
    await connection.close()
    return _Answer.READY


async def _connect(server: EmbeddedServer, login: Login, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=str(server.host),
        port=server.port,
        user=login.user,
        password=login.password,
        database=database,
        ssl=False,
        timeout=CONNECT_SECONDS,
    )


async def bring_up(
    cluster: Cluster, server: EmbeddedServer, command: list[str | Path], report: Report
) -> None:
    """Start the server where none lives, and wait until it answers; recovery takes as long as it takes."""
    launched = None
    patience = _Patience(cluster.log, report)
    while (answer := await _ask(server, server.superuser, SUPERUSER)) is not _Answer.READY:
        if answer is _Answer.DENIED:
            raise PasswordLostError(cluster)
        pid = launched if launched and is_alive(launched) else find_postmaster(cluster.data)
        if pid is None:
            if launched and LINGERING not in last_lines(cluster.log):
                raise ServerFailedError(cluster.log)
            clear_stale_files(cluster.data, cluster.socket_folder)
            pid = launched = launch(command, cluster.account, folder=cluster.data, log=cluster.log)
        elif answer is _Answer.NOBODY and pid != launched and patience.seconds > UNREACHABLE_SECONDS:
            await end_server(
                cluster, pid, report
            )  # its socket was removed under it: nobody can reach it any more
        await patience.wait(pid)


async def end_server(cluster: Cluster, pid: int, report: Report) -> None:
    """Shut a server down; call under the start lock.

    At once when it stands still, as PostgreSQL 18 does when asked just after a crash.
    """
    ask_to_end(pid)
    patience = _Patience(cluster.log, report)
    while is_alive(pid):
        if patience.seconds > ENDING_SECONDS:
            ask_to_end(pid, at_once=True)
        await patience.wait(pid)


async def make_roles(server: EmbeddedServer) -> None:
    """Make the roles of the house that the server lacks."""
    connection = await _connect(server, server.superuser, SUPERUSER)
    try:
        await connection.fetch(query("keep_passwords").text, server.migrator.password, server.app.password)
        await connection.execute(query("create_roles").text)
    finally:
        await connection.close()


async def _create_database(server: EmbeddedServer) -> None:
    """Make the absent roles and database; the next start completes one that was killed here."""
    await make_roles(server)
    connection = await _connect(server, server.superuser, SUPERUSER)
    try:
        if not await connection.fetchval(query("find_database").text):
            await connection.execute(query("create_database").text)
        await connection.execute(query("restrict_database").text)
        await connection.execute(query("admit_roles").text)
    finally:
        await connection.close()


@asynccontextmanager
async def start_lock(cluster: Cluster, report: Report) -> AsyncIterator[None]:
    """Let one process at a time start or stop the server; the system frees the lock of one that dies."""
    descriptor = os.open(cluster.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        started = time.monotonic()
        while not _try_lock(descriptor):
            if time.monotonic() - started > REPORT_AFTER_SECONDS:
                report("Waiting for another process that starts or stops the embedded PostgreSQL.")
            await asyncio.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Patience:
    """Wait in growing steps, as long as the server's log shows progress."""

    def __init__(self, log: Path, report: Report) -> None:
        self._log = log
        self._report = report
        self._delay = 0.01
        self._started = self._moved = time.monotonic()
        self._said = ""

    @property
    def seconds(self) -> float:
        """How long it has been since the last progress."""
        return time.monotonic() - self._moved

    async def wait(self, pid: int) -> None:
        """Sleep a little; raise ServerSilentError after QUIET_SECONDS without progress."""
        said = last_lines(self._log, 1, without=REFUSED)
        if said != self._said:
            self._said, self._moved = said, time.monotonic()
            if self._moved - self._started > REPORT_AFTER_SECONDS:
                self._report(f"Waiting for PostgreSQL (process {pid}): {said}")
        if self.seconds > QUIET_SECONDS:
            raise ServerSilentError(pid, self.seconds, self._log)
        await asyncio.sleep(self._delay)
        self._delay = min(self._delay * 1.3, 0.5)
