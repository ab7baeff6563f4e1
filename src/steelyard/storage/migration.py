"""Bring the schema to what this code needs: tables by Alembic's revisions, procedures by their content.

`sql/schema.sql` is the whole schema as a fresh database gets it; the revisions, one after the other, must make
the same (a test compares). To add revision 0006:

1. write `sql/migrations/0006_<what>.sql` and `versions/revision_0006.py`, which runs it;
2. change `sql/schema.sql` to the new whole, and HEAD below to `0006_<what>`.

A file in `sql/procedures` runs again whenever its content differs from what was installed, so it replaces what
it makes. Everything happens in one transaction under an advisory lock: all of it, or nothing.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.errors import ConflictError, UpstreamError
from steelyard.storage.audit import record_event
from steelyard.storage.connection import MigratorSession, current_pool, get_migrator_session, raw_connection
from steelyard.storage.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steelyard.storage.embedded import EmbeddedServer

HEAD: Final = "0005_imports"  # the newest revision this code knows
ROLES_CAME_WITH: Final = "0003_identity"
FOLDER: Final = Path(__file__).parent / "sql"


class SchemaMissingError(UpstreamError):
    """The database has no Steelyard in it."""

    def __init__(self) -> None:
        """Name the command that puts it there."""
        super().__init__("The database is not initialised. Run `steelyard init`.")


class SchemaOlderError(UpstreamError):
    """The schema is older than the code."""

    def __init__(self, found: str) -> None:
        """Name what is older, and the command that brings it up."""
        super().__init__(
            f"The database is older than this Steelyard ({found}; needed is {HEAD}). Run `steelyard init`."
        )


class SchemaNewerError(ConflictError):
    """The schema is newer than the code."""

    def __init__(self, found: str) -> None:
        """Name both revisions."""
        super().__init__(
            f"The database is at revision {found}, newer than {HEAD}, which this Steelyard knows. "
            "Upgrade Steelyard: `pip install --upgrade steelyard`."
        )


class AttachedSchemaError(ConflictError):
    """The schema is to change while views stand in the place of its tables."""

    def __init__(self, found: str) -> None:
        """Name the commands, in their order."""
        super().__init__(
            f"The database is at revision {found}, {HEAD} is needed, and a firm's tables are attached. Run `steelyard "
            "detach --keep-store` with the Steelyard that attached them, then `steelyard init` and `steelyard attach`."
        )


class MigrationError(UpstreamError):
    """A file of the schema failed."""

    def __init__(self, file: str, reason: str) -> None:
        """Name the file and quote the server."""
        super().__init__(
            f"{file} failed: {reason}. Nothing was changed. If a right is missing, set DATABASE_MIGRATOR_URL to a "
            "role that has it."
        )


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What a migration did; empty when there was nothing to do.

    Attributes:
        revisions: revisions applied, in order.
        files: files of `sql/procedures` that were run.
    """

    revisions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


async def migrate() -> MigrationResult:
    """Bring the store of the open pool to HEAD. Safe from many processes at once, and quick with nothing to do.

    Raises:
        SchemaNewerError: a newer Steelyard has been here.
        MigrationError: a file failed; nothing was changed.
        DatabaseBusyError: a long transaction held a table for more than ten seconds.
    """
    pool = await current_pool()
    async with get_migrator_session() as db:
        if await get_revision(db) == HEAD and not await _changed_files(db):
            return MigrationResult()
        await db.execute(query("lock_migrations"))
        await db.execute(query("limit_lock_waits"))
        if pool.server is not None:
            await _make_roles(pool.server)
        revisions = await _upgrade_tables(db)
        files = await _install_files(db)
        facts = {"revisions": len(revisions), "files": len(files)}
        await record_event(db, "schema.migrate", "schema", HEAD, facts)
    if ROLES_CAME_WITH in revisions:
        await pool.engine.dispose()  # connections made before there was a role to work as
    return MigrationResult(revisions, files)


async def _make_roles(server: "EmbeddedServer") -> None:
    """Make roles that a newer schema needs: the owner of the embedded store's tables cannot."""
    from steelyard.storage.embedded import make_roles  # noqa: PLC0415 - needs Unix, which a store named by a URL does not

    await make_roles(server)


async def check_schema(db: AsyncSession) -> None:
    """See that the store fits this code.

    Raises:
        SchemaMissingError, SchemaOlderError, SchemaNewerError: it does not.
    """
    revision = await get_revision(db)
    if revision is None:
        raise SchemaMissingError
    if revision > HEAD:
        raise SchemaNewerError(revision)
    if revision < HEAD:
        raise SchemaOlderError(revision)
    for path in await _changed_files(db):
        raise SchemaOlderError(path)


def run_script(path: str) -> None:
    """Run a file of `sql` in the migration that calls; many statements are sent as one.

    Raises:
        MigrationError: the server refuses a statement.
    """
    from alembic import op  # noqa: PLC0415 - slow to import, and needed only when there is something to do

    script = (FOLDER / path).read_text("utf-8")
    try:
        op.get_bind().connection.run_async(lambda driver: driver.execute(script))
    except asyncpg.SyntaxOrAccessError as error:
        raise MigrationError(path, str(error).partition("\n")[0]) from error


async def get_revision(db: AsyncSession) -> str | None:
    """Return the revision of the tables; None = there are none."""
    if not (await db.execute(query("find_revision_table"))).scalar_one():
        return None
    revision: str | None = (await db.execute(query("get_revision"))).scalar_one_or_none()
    return revision


async def _upgrade_tables(db: MigratorSession) -> tuple[str, ...]:
    revision = await get_revision(db)
    if revision == HEAD:
        return ()
    if revision is not None and revision > HEAD:
        raise SchemaNewerError(revision)
    if revision is not None and (await db.execute(query("find_attachment"))).scalar_one():
        raise AttachedSchemaError(revision)
    if not (await db.execute(query("find_schema"))).scalar_one():
        await db.execute(query("create_schema"))
    connection = await db.connection()
    applied = await connection.run_sync(_run_alembic)
    await db.execute(query("show_revision"))
    return applied


def _run_alembic(connection: Connection) -> tuple[str, ...]:
    from alembic import command  # noqa: PLC0415 - slow to import, and needed only when there is something to do
    from alembic.config import Config  # noqa: PLC0415 - as above

    applied: list[str] = []
    config = Config(attributes={"connection": connection, "applied": applied})
    config.set_main_option("script_location", str(FOLDER / "migrations").replace("%", "%%"))
    command.upgrade(config, "head")
    return tuple(applied)


async def _install_files(db: MigratorSession) -> tuple[str, ...]:
    changed = await _changed_files(db)
    await db.execute(query("defer_body_checks"))
    driver = await raw_connection(db)
    for path, sha256 in changed.items():
        try:
            await driver.execute((FOLDER / "procedures" / path).read_text("utf-8"))
        except asyncpg.SyntaxOrAccessError as error:
            raise MigrationError(path, str(error).partition("\n")[0]) from error
        await db.execute(query("record_repeatable_file"), {"path": path, "sha256": sha256})
    return tuple(changed)


async def _changed_files(db: AsyncSession) -> "Mapping[str, str]":
    rows: Any = await db.execute(query("get_repeatable_files"))
    installed = {row.path: row.sha256 for row in rows}
    packaged = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((FOLDER / "procedures").glob("*.sql"))
    }
    return {path: sha256 for path, sha256 in packaged.items() if installed.get(path) != sha256}
