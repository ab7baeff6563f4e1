"""The commands that keep the store: backups, their return, and the way to a newer PostgreSQL."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steelyard.cli.embedded import require_embedded, start_embedded
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell, working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.errors import ConflictError

if TYPE_CHECKING:
    from steelyard.config import Settings
    from steelyard.domain.audit import Fact
    from steelyard.storage.backup import Manifest
    from steelyard.storage.upgrade import Upgrade

FOLDER = click.Path(path_type=Path, file_okay=False)


class CloudBackupError(ConflictError):
    """A Cloud SQL instance has backups of its own."""

    def __init__(self, connection_name: str) -> None:
        """Print what makes one."""
        instance = connection_name.rpartition(":")[2]
        super().__init__(
            "A Cloud SQL instance is backed up by Google, with a recovery to any moment: "
            f"`gcloud sql backups create --instance={instance}`."
        )


class RestoreElsewhereError(ConflictError):
    """A restore into a server that is not the embedded one is its administrator's."""

    def __init__(self, path: Path) -> None:
        """Print the recipe."""
        super().__init__(
            "DATABASE_URL or INSTANCE_CONNECTION_NAME is set, and Steelyard replaces no database on a server that is "
            "not its own. Nothing was changed. By hand, as a role that may make and rename databases:\n"
            "  createdb --owner=steelyard_migrator restored\n"
            "  pg_restore --no-owner --role=steelyard_migrator --exit-on-error --dbname=restored "
            f"{path / 'store.dump'}\n"
            "  psql -c 'alter database steelyard rename to before_restore' \\\n"
            "       -c 'alter database restored rename to steelyard'"
        )


@click.command(epilog=examples("steelyard db backup backups/monday"))
@click.argument("path", metavar="PATH", type=FOLDER)
@as_json
@pass_shell
def backup(shell: Shell, *, path: Path, as_json: bool) -> None:
    """Back the store up into a new folder, and verify it by a restore.

    The folder appears when the restored dump holds the same rows in every table, and not before. Others work on
    meanwhile.
    """
    from steelyard.cli.screens.database import backed_up

    made = asyncio.run(_back_up(shell, path.absolute()))
    tell(made, partial(backed_up, path=path), as_json=as_json)


@click.command(epilog=examples("steelyard db restore backups/monday --yes"))
@click.argument("path", metavar="PATH", type=FOLDER)
@click.option("--yes", is_flag=True, help="Do it. Without, say what would be lost, and change nothing.")
@click.option("--keep-old", is_flag=True, help="Keep what is replaced, as database steelyard_before_restore.")
@as_json
@pass_shell
def restore(shell: Shell, *, path: Path, yes: bool, keep_old: bool, as_json: bool) -> None:
    """Put a backup in the place of the store.

    It is restored beside the store and compared with its manifest; then the two change places. What was recorded
    after the backup is lost. Run it again when it was interrupted.
    """
    from steelyard.cli.screens.database import restored

    settings = shell.settings
    if settings.database_url is not None or settings.instance_connection_name is not None:
        raise RestoreElsewhereError(path)
    made = asyncio.run(_restore(shell, path, yes=yes, keep_old=keep_old))
    tell(made, restored, as_json=as_json)


@click.command(
    epilog=examples(
        "steelyard db upgrade", "steelyard db upgrade --old-bin /usr/lib/postgresql/15/bin --keep-old"
    )
)
@click.option(
    "--old-bin", type=FOLDER, help="The programs of the version that wrote the data.  [default: searched]"
)
@click.option("--keep-old", is_flag=True, help="Keep the old data folder, as postgres-VERSION.")
@as_json
@pass_shell
def upgrade(shell: Shell, *, old_bin: Path | None, keep_old: bool, as_json: bool) -> None:
    """Move the embedded store to the newest PostgreSQL at hand.

    Everything is dumped, restored into a new server and compared; the old data stays aside until that answers.
    Others wait meanwhile. Run it again when it was interrupted. Settings made by hand in postgresql.conf do not move.
    """
    from steelyard.cli.screens.database import upgraded

    require_embedded(shell.settings, "upgrade")
    tell(asyncio.run(_upgrade(shell, old_bin, keep_old=keep_old)), upgraded, as_json=as_json)


async def _back_up(shell: Shell, path: Path) -> "Manifest":
    made = await _make_backup(shell.settings, path)
    await _record(shell, "store.back_up", {"dump_sha256": made.dump_sha256, "rows": made.rows})
    return made


async def _record(shell: Shell, action: str, facts: "dict[str, Fact]") -> None:
    """Record what was done to the store as a whole, in the store as it is now."""
    from steelyard.services.audit import record_upkeep

    async with shell.pool():
        await record_upkeep(action, facts)


async def _make_backup(settings: "Settings", path: Path) -> "Manifest":
    from steelyard.storage.address import address_of_url
    from steelyard.storage.backup import back_up, back_up_other

    if settings.instance_connection_name is not None:
        raise CloudBackupError(settings.instance_connection_name)
    now, programs = datetime.now(UTC), settings.postgres_bin
    url = settings.migrator_url or settings.database_url
    server = await start_embedded(settings) if settings.database_url is None else None
    with working("Backing up") as report:
        if server is not None:
            return await back_up(server, path, postgres_bin=programs, taken_at=now, report=report)
        return await back_up_other(
            address_of_url(url or "", adopts_role=False, trusts_network=settings.trusts_network),
            path,
            data_dir=settings.data_dir,
            postgres_bin=programs,
            taken_at=now,
            report=report,
        )


async def _restore(shell: Shell, path: Path, *, yes: bool, keep_old: bool) -> "Manifest":
    from steelyard.storage.backup import read_backup
    from steelyard.storage.restore import NotConfirmedError, describe_loss, restore_backup

    settings = shell.settings
    server = await start_embedded(settings)
    if not yes:
        manifest = await read_backup(path)
        raise NotConfirmedError(server, path, manifest, await describe_loss(server, manifest))
    with working("Restoring") as report:
        made = await restore_backup(
            server, path, postgres_bin=settings.postgres_bin, keep_old=keep_old, report=report
        )
    facts: dict[str, Fact] = {"dump_sha256": made.dump_sha256, "taken_at": made.taken_at.isoformat()}
    await _record(shell, "store.restore", facts)
    return made


async def _upgrade(shell: Shell, old_bin: Path | None, *, keep_old: bool) -> "Upgrade":
    from steelyard.storage.upgrade import upgrade as move

    settings = shell.settings
    with working("Upgrading") as report:
        done = await move(
            settings.data_dir,
            postgres_bin=settings.postgres_bin,
            old_bin=old_bin,
            keep_old=keep_old,
            report=report,
        )
    await _record(shell, "store.upgrade", {"postgres": done.version})
    return done
