"""Move the embedded store to a newer major version of PostgreSQL, by a dump of everything and its restore.

<home>/hidden/      the socket of the old server meanwhile: nobody else reaches it, so nothing can be written
<home>/upgrading/   a new server that is being filled; a killed upgrade leaves it, and the next one starts anew
<home>/upgraded/    its data, verified, on the way to <home>/postgres
<home>/outgoing/    the old data, until the new server has answered

Until `upgraded` is there, the old data is the store. Between the two renames neither stands in its place, and
whoever starts the server next completes the second (`finish_swap`).
"""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from steelyard.errors import NotFoundError
from steelyard.storage.backup import require_same
from steelyard.storage.binaries import Binaries, find_binaries
from steelyard.storage.cluster import (
    Cluster,
    DataFolderError,
    finish_swap,
    make_home,
    open_cluster,
    prepare_cluster,
)
from steelyard.storage.contents import Contents, read_contents
from steelyard.storage.embedded import (
    EmbeddedServer,
    Report,
    bring_up,
    describe,
    end_server,
    start,
    start_lock,
)
from steelyard.storage.files import sync_folder
from steelyard.storage.postmaster import find_postmaster
from steelyard.storage.programs import PARALLEL, ProgramsMissingError, login_variables, run_program
from steelyard.storage.queries import query
from steelyard.storage.scratch import MAINTENANCE, connected, maintenance

UPGRADING = "upgrading"
BOOTSTRAP_ROLE = ["CREATE", "ROLE", "postgres;"]  # initdb has made it


class NothingToUpgradeError(NotFoundError):
    """There is no data yet."""

    def __init__(self, home: Path) -> None:
        """Name the folder."""
        super().__init__(f"{home} holds no store. `steelyard db start` makes one, of the newest version.")


class OldProgramsMissingError(NotFoundError):
    """There are no programs that read the old data."""

    def __init__(self, data: Path, major: int) -> None:
        """Name the version."""
        super().__init__(
            f"{data} holds data of PostgreSQL {major}, and only its own programs can read it. Install PostgreSQL "
            f"{major}, or name its bin folder: `steelyard db upgrade --old-bin FOLDER`. Nothing was changed."
        )


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did.

    Attributes:
        old_major: version of the data before; None when there was nothing to do.
        version: of the server now.
        tables: how many were moved and compared; 0 when a killed run had done that.
        rows: of these tables.
        kept: the old data; None when it was removed.
    """

    old_major: int | None
    version: str
    tables: int = 0
    rows: int = 0
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class _Dumps:
    """All of a server as files, and what they hold."""

    folder: Path
    contents: Mapping[str, Contents]

    @property
    def roles(self) -> Path:
        return self.folder / "roles.sql"

    def file(self, database: str) -> Path:
        return self.folder / f"{list(self.contents).index(database)}.dump"


async def upgrade(
    data_dir: Path | None,
    *,
    postgres_bin: Path | None = None,
    old_bin: Path | None = None,
    keep_old: bool = False,
    report: Report = lambda _: None,
) -> Upgrade:
    """Move the store to the newest PostgreSQL at hand; nobody else reaches it meanwhile.

    Every database of the server moves, with its roles and passwords; settings made by hand in postgresql.conf
    do not. Killed at any moment, the same command again completes it.

    Args:
        data_dir: the folder of the embedded server; None means the platform's data folder.
        postgres_bin: a folder with the programs to move to; None means the newest found.
        old_bin: a folder with the programs that read the data; None means they are found.
        keep_old: keep the old data, as `postgres-<its version>`.
        report: told each step.

    Raises:
        NothingToUpgradeError, OldProgramsMissingError, ProgramsMissingError: something is absent.
        MaintenanceUnderWayError: another backup, restore or upgrade works on the store.
        ProgramFailedError, NoSpaceError, BackupUnfaithfulError: the new data is not the old; that stays the store.
        UpstreamError: a server did not start; see `embedded.start`.
    """
    cluster, new = open_cluster(data_dir), find_binaries(postgres_bin)
    if cluster.major is None and not cluster.upgraded.exists():
        raise NothingToUpgradeError(cluster.home)
    with maintenance(cluster.home):
        async with start_lock(cluster, report):
            finish_swap(cluster)
            moved = await _move(cluster, old_bin, new, report)
        report("starting the new server")
        await start(cluster.home, postgres_bin=postgres_bin)
        old_major = _major(_outgoing(cluster))
        kept = _let_go(cluster, old_major, keep_old=keep_old)
    tables = [table for contents in moved.values() for table in contents.values()]
    return Upgrade(old_major, new.version, len(tables), sum(table.rows for table in tables), kept)


async def _move(
    cluster: Cluster, old_bin: Path | None, new: Binaries, report: Report
) -> Mapping[str, Contents]:
    """Put new data in the place of the old, which goes aside; does nothing when the data is new already."""
    if cluster.major is None or cluster.major >= new.major:
        return {}
    if not new.program("pg_dumpall").is_file():
        raise ProgramsMissingError(new.major)
    old = find_binaries(old_bin, major=cluster.major)
    if old.major != cluster.major:
        raise OldProgramsMissingError(cluster.data, cluster.major)
    fresh = Cluster(cluster.home / UPGRADING, cluster.account)
    await _clear(cluster, fresh, report)
    make_home(fresh)
    folder = fresh.home / "dumps"
    folder.mkdir(mode=0o700)
    dumps = await _dump(cluster, old, new, folder, report)
    await _fill(fresh, new, dumps, describe(cluster), report)
    report("swapping")
    _swap(cluster, fresh)
    return dumps.contents


async def _clear(cluster: Cluster, fresh: Cluster, report: Report) -> None:
    """End what runs, and remove what a killed upgrade left."""
    for each in (cluster, fresh):
        pid = find_postmaster(each.data)
        if pid:
            await end_server(each, pid, report)
    for leftover in (fresh.home, cluster.upgraded, _outgoing(cluster)):
        shutil.rmtree(leftover, ignore_errors=True)


async def _dump(cluster: Cluster, old: Binaries, new: Binaries, folder: Path, report: Report) -> _Dumps:
    report("dumping the old data")
    async with _running(replace(cluster, hidden=True), old, report) as server:
        dumps = _Dumps(folder, await _read_databases(server))
        login = login_variables(server.address(server.superuser, MAINTENANCE))
        await run_program(new, "pg_dumpall", ["--roles-only", f"--file={dumps.roles}"], login)
        for database in dumps.contents:
            login = login_variables(server.address(server.superuser, database))
            arguments = ["--format=custom", "--compress=1", f"--file={dumps.file(database)}"]
            await run_program(await _dumper(server, database, old, new), "pg_dump", arguments, login)
    return dumps


async def _dumper(server: EmbeddedServer, database: str, old: Binaries, new: Binaries) -> Binaries:
    """Choose who dumps: the newer programs, but for a server that writes what only its own can leave out."""
    async with connected(server, server.superuser, database) as connection:
        is_marked = await connection.fetchval(query("has_column_marks").text)
    return old if is_marked and old.program("pg_dump").is_file() else new


async def _fill(fresh: Cluster, new: Binaries, dumps: _Dumps, old: EmbeddedServer, report: Report) -> None:
    """Restore everything into a new server and compare; from the roles on, the old passwords count."""
    report("restoring into the new server")
    statements = dumps.roles.read_text().splitlines(keepends=True)
    dumps.roles.write_text("".join(line for line in statements if line.split() != BOOTSTRAP_ROLE))
    async with _running(fresh, new, report) as server:
        login = login_variables(server.address(server.superuser, MAINTENANCE))
        quietly = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dumps.roles}"]
        await run_program(new, "psql", quietly, login)
        filled = replace(server, superuser=old.superuser)
        login = login_variables(filled.address(filled.superuser, MAINTENANCE))
        for database in dumps.contents:
            made = [] if database == MAINTENANCE else ["--create"]
            arguments = [
                f"--dbname={MAINTENANCE}",
                "--exit-on-error",
                PARALLEL,
                *made,
                str(dumps.file(database)),
            ]
            await run_program(new, "pg_restore", arguments, login)
        report("comparing")
        await _compare(filled, dumps)


async def _compare(server: EmbeddedServer, dumps: _Dumps) -> None:
    found = await _read_databases(server)
    for database, expected in dumps.contents.items():
        require_same(expected, found.get(database, {}))
        async with connected(server, server.superuser, database) as connection:
            await connection.execute(query("analyze_all").text)


async def _read_databases(server: EmbeddedServer) -> dict[str, Contents]:
    """Return what every database holds, by its name."""
    async with connected(server, server.superuser, MAINTENANCE) as connection:
        names = [row["name"] for row in await connection.fetch(query("get_databases").text)]
    found: dict[str, Contents] = {}
    for name in names:
        async with connected(server, server.superuser, name) as connection:
            found[name] = await read_contents(connection)
    return found


@asynccontextmanager
async def _running(cluster: Cluster, binaries: Binaries, report: Report) -> AsyncIterator[EmbeddedServer]:
    """A server on a cluster for one block."""
    runnable = prepare_cluster(cluster, binaries.folder)
    server = describe(cluster)
    try:
        await bring_up(cluster, server, cluster.command(runnable), report)
        yield server
    finally:
        pid = find_postmaster(cluster.data)
        if pid:
            await end_server(cluster, pid, report)


def _swap(cluster: Cluster, fresh: Cluster) -> None:
    """Exchange the data; each rename lasts before the next begins."""
    for source, target in (
        (fresh.data, cluster.upgraded),
        (cluster.data, _outgoing(cluster)),
        (cluster.upgraded, cluster.data),
    ):
        source.rename(target)
        sync_folder(source.parent)
        sync_folder(target.parent)


def _let_go(cluster: Cluster, major: int | None, *, keep_old: bool) -> str | None:
    """Clear up; remove the old data or give it its lasting name, and return that."""
    outgoing = _outgoing(cluster)
    for leftover in ("hidden", UPGRADING):
        shutil.rmtree(cluster.home / leftover, ignore_errors=True)
    if major is None:
        return None
    if not keep_old:
        shutil.rmtree(outgoing)
        return None
    kept = cluster.home / f"{cluster.data.name}-{major}"
    if kept.exists():
        raise DataFolderError(kept, "it exists, and the old data cannot be renamed to it")
    outgoing.rename(kept)
    sync_folder(cluster.home)
    return str(kept)


def _outgoing(cluster: Cluster) -> Path:
    return cluster.home / "outgoing"


def _major(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None
