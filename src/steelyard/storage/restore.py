"""Put a backup in the place of the embedded store: restored beside it, verified, then swapped by renaming.

The two renames are one transaction, so that readers find the old store or the new one. Killed anywhere before
it, the old store stands as it was; after it, the new one does. The same command again finishes either.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.storage.backup import DUMP, Manifest, read_backup, require_same
from steelyard.storage.contents import read_contents
from steelyard.storage.embedded import EmbeddedServer, Report, make_roles
from steelyard.storage.migration import HEAD, SchemaNewerError
from steelyard.storage.programs import find_programs
from steelyard.storage.queries import query
from steelyard.storage.scratch import (
    MAINTENANCE,
    SCHEMA,
    absent_roles,
    connected,
    maintenance,
    scratch_database,
)

SET_ASIDE: Final = "steelyard_before_restore"
SWAP_TRIES: Final = 12


class NotConfirmedError(ConflictError):
    """A restore was not confirmed."""

    def __init__(self, server: EmbeddedServer, path: Path, manifest: Manifest, loss: "Loss") -> None:
        """Say what would be lost."""
        since = f"{manifest.taken_at:%Y-%m-%d %H:%M} UTC"
        others = f", and the tables {', '.join(loss.other_tables)}" if loss.other_tables else ""
        super().__init__(
            f"The store in {server.home} would become what it was at {since} ({manifest.rows:,} rows). "
            f"Lost would be what was recorded since: {loss.loads:,} loads, {loss.versions:,} versions of asset 360"
            f"{others}. Nothing was changed. Run `steelyard db restore {path} --yes` to do it."
        )


class BackupNewerError(InvalidInputError):
    """A backup comes from a newer PostgreSQL."""

    def __init__(self, path: Path, needed: int, found: int) -> None:
        """Name both versions."""
        super().__init__(
            f"{path} comes from PostgreSQL {needed}, and the store runs on {found}. "
            "Run `steelyard db upgrade` first."
        )


class RolesMissingError(NotFoundError):
    """Roles that were granted something in the backup are not here."""

    def __init__(self, roles: list[str]) -> None:
        """Name them, and what makes one."""
        super().__init__(
            f"The backup grants rights to roles that are not here: {', '.join(roles)}. Make each, as the superuser of "
            "the store, with PostgreSQL's `createuser --no-login`, and run the same command again."
        )


class StoreSetAsideError(ConflictError):
    """An earlier restore kept the store it replaced, where this one would keep its own."""

    def __init__(self) -> None:
        """Say how to remove it."""
        super().__init__(
            f"The database {SET_ASIDE}, kept by an earlier restore, stands where this one would keep the store. "
            "Run the command without --keep-old to drop it, or rename it."
        )


class StoreInUseError(ConflictError):
    """Somebody connects again and again."""

    is_temporary = True

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "The backup was restored and verified, but other processes connect to the store again and again, so it "
            "could not be swapped in; nothing was changed. Stop them and run the same command again."
        )


@dataclass(frozen=True, slots=True)
class Loss:
    """What a restore would lose.

    Attributes:
        loads: runs of a load since the backup.
        versions: versions of asset 360 since the backup.
        other_tables: some tables of the database that are not Steelyard's.
    """

    loads: int
    versions: int
    other_tables: tuple[str, ...]


async def describe_loss(server: EmbeddedServer, manifest: Manifest) -> Loss:
    """Return what a restore would lose."""
    async with connected(server, server.superuser, server.database) as connection:
        others = tuple(row["name"] for row in await connection.fetch(query("get_other_tables").text))
        if not await connection.fetchval(query("find_revision_table").text):
            return Loss(0, 0, others)
        later = await connection.fetch(query("count_later").text, manifest.taken_at)
        return Loss(later[0]["loads"], later[0]["versions"], others)


async def restore_backup(
    server: EmbeddedServer, path: Path, *, postgres_bin: Path | None, keep_old: bool, report: Report
) -> Manifest:
    """Replace the embedded store by a backup; sessions on it end, and what they had not committed is lost.

    Args:
        server: the store.
        path: a folder that `back_up` made.
        postgres_bin: the folder with PostgreSQL's programs that the settings name.
        keep_old: keep the store that is replaced, as the database `steelyard_before_restore`.
        report: told each step.

    Raises:
        BackupMissingError, BackupDamagedError, BackupNewerError, SchemaNewerError, RolesMissingError: it cannot
            be restored here.
        MaintenanceUnderWayError, StoreSetAsideError, StoreInUseError: something is in the way.
        ProgramsMissingError, ProgramFailedError, NoSpaceError: PostgreSQL's programs are absent, or failed.
        BackupUnfaithfulError: what was restored is not what the manifest names.
    """
    with maintenance(server.home):
        report("checking the backup")
        manifest = await read_backup(path)
        await make_roles(server)  # those that an older Steelyard did not know
        async with connected(server, server.superuser, MAINTENANCE) as connection:
            await _require_fitting(connection, path, manifest)
            if not await _swapped_before(server, connection, manifest, keep_old=keep_old):
                report("restoring beside the store")
                programs = find_programs(connection.get_server_version().major, postgres_bin)
                async with scratch_database(server, path / DUMP, programs, manifest.roles) as restored:
                    require_same(manifest.tables, restored)
                    report("swapping it in")
                    await _swap(connection)
            if not keep_old:
                report("dropping what was replaced")
                await connection.execute(query("drop_set_aside").text)
    return manifest


async def _require_fitting(connection: asyncpg.Connection, path: Path, manifest: Manifest) -> None:
    major = connection.get_server_version().major
    if manifest.major > major:
        raise BackupNewerError(path, manifest.major, major)
    if manifest.revision > HEAD:
        raise SchemaNewerError(manifest.revision)
    absent = await absent_roles(connection, manifest.roles)
    if absent:
        raise RolesMissingError(absent)


async def _swapped_before(
    server: EmbeddedServer, connection: asyncpg.Connection, manifest: Manifest, *, keep_old: bool
) -> bool:
    """Tell whether a killed run had come to the swap; a store set aside by another restore is cleared away."""
    if not await connection.fetchval(query("find_set_aside").text):
        return False
    async with connected(server, server.superuser, server.database) as inside:
        if await read_contents(inside, SCHEMA) == manifest.tables:
            return True
    if keep_old:
        raise StoreSetAsideError
    await connection.execute(query("drop_set_aside").text)
    return False


async def _swap(connection: asyncpg.Connection) -> None:
    """End the sessions on the store and rename; who connects in between is ended in the next try."""
    for _ in range(SWAP_TRIES):
        try:
            await connection.execute(query("swap_in_scratch").text)
        except asyncpg.ObjectInUseError:
            await asyncio.sleep(0.05)
        else:
            return
    raise StoreInUseError
