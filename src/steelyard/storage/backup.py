"""A backup: a folder with a dump and a manifest, made only after a restore of it gave the same rows.

<path>/store.dump      as `pg_dump --format=custom` writes it: schema `steelyard`, no roles
<path>/manifest.json   what it holds: when, which revision, the dump's hash, a count and a hash per table

It stands under another name until it is verified, so that a backup that was killed leaves none.
"""

import asyncio
import glob
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import asyncpg
import msgspec

from steelyard.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError, UpstreamError
from steelyard.storage.address import Address
from steelyard.storage.binaries import Binaries
from steelyard.storage.cluster import make_home, open_cluster
from steelyard.storage.contents import (
    Contents,
    TableContent,
    define_hashing,
    differing_tables,
    read_contents_of_snapshot,
)
from steelyard.storage.embedded import EmbeddedServer, Report
from steelyard.storage.files import sync_folder, write_private
from steelyard.storage.migration import SchemaMissingError
from steelyard.storage.programs import find_programs, login_variables, run_program
from steelyard.storage.queries import query
from steelyard.storage.scratch import SCHEMA, maintenance, open_connection, scratch_database, throwaway_server

FORM: Final = 1  # of the folder; a later form gets a higher number
DUMP: Final = "store.dump"
MANIFEST: Final = "manifest.json"
LAST_BACKUP: Final = "last-backup.json"  # in the home of the embedded server
VERIFYING: Final = "verifying"  # the home of a server that lives as long as a verification


class BackupPathError(InvalidInputError):
    """A backup cannot be made at that path."""

    def __init__(self, path: Path, reason: str) -> None:
        """Name both."""
        super().__init__(f"No backup can be made at {path}: {reason}. Name a folder that does not exist yet.")


class BackupMissingError(NotFoundError):
    """There is no backup at that path."""

    def __init__(self, path: Path, absent: str) -> None:
        """Name what is absent."""
        super().__init__(f"{path} is no backup: it has no {absent}. Name a folder that `db backup` made.")


class BackupDamagedError(InvalidInputError):
    """A backup is not what its manifest says."""

    def __init__(self, path: Path, reason: str) -> None:
        """Say what does not fit."""
        super().__init__(f"The backup {path} is damaged: {reason}. Nothing was changed; use another one.")


class BackupUnfaithfulError(UpstreamError):
    """A restore did not give the rows that the manifest names."""

    def __init__(self, tables: list[str]) -> None:
        """Name the tables."""
        super().__init__(
            f"The restored dump differs from what was dumped in {', '.join(tables)}; nothing was kept or changed. "
            "Check the disk and the memory of this machine, and run the same command again."
        )


class AttachedStoreError(ConflictError):
    """The store reads tables that are not its own, and that a backup of its own would not hold."""

    def __init__(self, tables: list[str]) -> None:
        """Name some of them."""
        super().__init__(
            f"The store reads tables in place that are not its own ({', '.join(tables[:3])}), and a backup of its "
            "own tables could not be restored without them. Back up the whole database with the means of its server."
        )


class RowsWithheldError(NotPermittedError):
    """The login does not see every row, so its backup would not be whole."""

    def __init__(self, tables: list[str]) -> None:
        """Name some of the tables, and what to grant."""
        super().__init__(
            f"The login may not see every row of {', '.join(tables[:3])}, and a backup would lack the others. Name the "
            "owner's login in DATABASE_MIGRATOR_URL, or `grant steelyard_migrator to` it."
        )


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """A version of asset 360 that readers saw."""

    tenant_id: int
    version: int
    as_of: date
    content_hash: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        form: of the folder.
        taken_at: when the backup began; it holds what was committed a moment later.
        place: the store, without a secret.
        postgres: version of its server, such as "18.4".
        revision: of its schema.
        dump_sha256: hexadecimal hash of the dump.
        roles: those that were granted something.
        versions: the versions of asset 360 that readers saw.
        tables: rows and hash of each table, by its name with its schema.
    """

    form: int
    taken_at: datetime
    place: str
    postgres: str
    revision: str
    dump_sha256: str
    roles: tuple[str, ...]
    versions: tuple[CurrentVersion, ...]
    tables: dict[str, TableContent]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())

    @property
    def major(self) -> int:
        """Major version of PostgreSQL that is needed at least."""
        return int(self.postgres.partition(".")[0])


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last backup of an embedded store."""

    path: str
    taken_at: datetime


async def back_up(
    server: EmbeddedServer, path: Path, *, postgres_bin: Path | None, taken_at: datetime, report: Report
) -> Manifest:
    """Back the embedded store up: dump it, restore the dump, compare, and keep it when every table is the same.

    Args:
        server: the store; the dump is restored into a scratch database of it.
        path: the folder to make.
        postgres_bin: the folder with PostgreSQL's programs that the settings name.
        taken_at: now.
        report: told each step.

    Raises:
        BackupPathError: the folder exists, or cannot be made.
        SchemaMissingError, AttachedStoreError, RowsWithheldError: there is nothing that could be backed up so.
        MaintenanceUnderWayError: another backup, restore or upgrade works on the store.
        ProgramsMissingError, ProgramFailedError, NoSpaceError: PostgreSQL's programs are absent, or failed.
        BackupUnfaithfulError: the restored dump differs.
    """
    with maintenance(server.home), _draft(path) as draft:
        source = server.address(server.superuser)
        manifest, programs = await _dump(source, draft / DUMP, postgres_bin, taken_at, report)
        await _verify(manifest, draft / DUMP, server, programs, report)
        _keep(manifest, draft, path)
        write_private(server.home / LAST_BACKUP, msgspec.json.encode(LastBackup(str(path), taken_at)))
    return manifest


async def back_up_other(
    source: Address,
    path: Path,
    *,
    data_dir: Path | None,
    postgres_bin: Path | None,
    taken_at: datetime,
    report: Report,
) -> Manifest:
    """Back a store on another server up; as `back_up`, but nothing is made there.

    Args:
        source: the store, as a role that may read all of the schema.
        path: the folder to make.
        data_dir: the folder in which an embedded server is made for the verification, and removed again.
        postgres_bin: the folder with PostgreSQL's programs that the settings name.
        taken_at: now.
        report: told each step.

    Raises:
        SteelyardError: as `back_up`.
    """
    cluster = open_cluster(data_dir)
    make_home(cluster)
    with maintenance(cluster.home), _draft(path) as draft:
        manifest, programs = await _dump(source, draft / DUMP, postgres_bin, taken_at, report)
        async with throwaway_server(cluster.home / VERIFYING, programs, report) as server:
            await _verify(manifest, draft / DUMP, server, programs, report)
        _keep(manifest, draft, path)
    return manifest


async def read_backup(path: Path) -> Manifest:
    """Return what a backup says it holds, after its dump was compared with that.

    Raises:
        BackupMissingError: there is none.
        BackupDamagedError: manifest or dump are not as they were made.
    """
    for name in (MANIFEST, DUMP):
        if not (path / name).is_file():
            raise BackupMissingError(path, name)
    try:
        manifest = msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupDamagedError(path, f"its manifest cannot be read ({error})") from error
    if manifest.form != FORM:
        raise BackupDamagedError(path, f"its form is {manifest.form}, and this Steelyard reads {FORM}")
    if await asyncio.to_thread(_sha256, path / DUMP) != manifest.dump_sha256:
        raise BackupDamagedError(path, "its dump is not the one the manifest names")
    return manifest


def require_same(expected: Contents, found: Contents) -> None:
    """Raise BackupUnfaithfulError unless both hold the same rows."""
    differing = differing_tables(expected, found)
    if differing:
        raise BackupUnfaithfulError(differing)


def last_backup(home: Path) -> LastBackup | None:
    """Return the last backup of the store in a folder; None when none was made."""
    try:
        return msgspec.json.decode((home / LAST_BACKUP).read_bytes(), type=LastBackup)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


async def _dump(
    source: Address, dump: Path, postgres_bin: Path | None, taken_at: datetime, report: Report
) -> tuple[Manifest, Binaries]:
    """Write the dump, and read what it holds in the same moment of the store."""
    report("dumping")
    async with open_connection(source) as connection:
        programs = find_programs(connection.get_server_version().major, postgres_bin)
        await define_hashing(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await _require_whole(connection)
            snapshot = await connection.fetchval(query("share_snapshot").text)
            await run_program(programs, "pg_dump", _dump_arguments(dump, snapshot), login_variables(source))
            return await _describe(connection, source, dump, taken_at), programs


def _dump_arguments(dump: Path, snapshot: str) -> list[str]:
    return [
        "--format=custom",
        "--compress=1",  # a tenth larger than the default level makes it, in half the time
        f"--schema={SCHEMA}",
        f"--snapshot={snapshot}",
        "--enable-row-security",  # holds back nothing: `_require_whole` has seen to it; without it an owner is refused
        "--lock-wait-timeout=10s",
        f"--file={dump}",
    ]


async def _require_whole(connection: asyncpg.Connection) -> None:
    if not await connection.fetchval(query("find_revision_table").text):
        raise SchemaMissingError
    borrowed = [row["name"] for row in await connection.fetch(query("get_borrowed_tables").text)]
    if borrowed:
        raise AttachedStoreError(borrowed)
    withheld = [row["name"] for row in await connection.fetch(query("get_withheld_tables").text)]
    if withheld:
        raise RowsWithheldError(withheld)


async def _describe(
    connection: asyncpg.Connection, source: Address, dump: Path, taken_at: datetime
) -> Manifest:
    server = connection.get_server_version()
    versions = await connection.fetch(query("get_current_versions").text)
    grantees = await connection.fetch(query("get_grantees").text)
    return Manifest(
        form=FORM,
        taken_at=taken_at,
        place=source.place,
        postgres=f"{server.major}.{server.minor}",
        revision=await connection.fetchval(query("get_revision").text),
        dump_sha256=await asyncio.to_thread(_sha256, dump),
        roles=tuple(row["name"] for row in grantees),
        versions=tuple(CurrentVersion(**row) for row in versions),
        tables=await read_contents_of_snapshot(connection, SCHEMA),
    )


async def _verify(
    manifest: Manifest, dump: Path, server: EmbeddedServer, programs: Binaries, report: Report
) -> None:
    report("verifying by a restore")
    async with scratch_database(server, dump, programs, manifest.roles) as restored:
        require_same(manifest.tables, restored)


def _keep(manifest: Manifest, draft: Path, path: Path) -> None:
    write_private(draft / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    sync_folder(draft)
    draft.rename(path)
    sync_folder(path.parent)


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A folder beside the path; gone at the end, unless it was renamed to it. Those of killed backups go first."""
    if path.exists():
        raise BackupPathError(path, "it exists")
    try:
        for abandoned in path.parent.glob(f".{glob.escape(path.name)}.????????.draft"):
            shutil.rmtree(abandoned)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".draft", dir=path.parent))
    except OSError as error:
        raise BackupPathError(path, error.strerror or str(error)) from error
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
