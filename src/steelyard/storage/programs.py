"""PostgreSQL's own programs for dumps: found, told the login, run."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from steelyard.errors import NotFoundError, UpstreamError
from steelyard.storage.address import Address
from steelyard.storage.binaries import Binaries, find_binaries

VARIABLES: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "database": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
}
REDIRECTING: Final = (
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGHOSTADDR",
    "PGOPTIONS",
)  # they would win over the login
PARALLEL: Final = (
    f"--jobs={min(4, os.cpu_count() or 1)}"  # of pg_restore: tables and indexes at the same time
)
NO_SPACE: Final = "No space left on device"


class ProgramsMissingError(NotFoundError):
    """There is no pg_dump of the server's version on this machine."""

    def __init__(self, major: int) -> None:
        """Print the recipe."""
        super().__init__(
            f"The server is PostgreSQL {major}, and no pg_dump of that version was found. Install PostgreSQL {major}, "
            "or set STEELYARD_PG_BIN to its bin folder, and run the same command again. By hand, without the "
            "verification, it is:\n"
            "  pg_dump --format=custom --schema=steelyard --file=store.dump DATABASE_URL"
        )


class ProgramFailedError(UpstreamError):
    """A program of PostgreSQL failed."""

    def __init__(self, program: str, lines: str) -> None:
        """Quote the last lines it said."""
        super().__init__(f"{program} failed, and what it made was removed. It said:\n{lines}")


class NoSpaceError(UpstreamError):
    """The disk is full."""

    def __init__(self, program: str, line: str) -> None:
        """Quote the line that names the file."""
        super().__init__(
            f"The disk is full, and what {program} made was removed ({line}). "
            "Free space, or name another disk, and run the same command again."
        )


def find_programs(major: int, postgres_bin: Path | None = None) -> Binaries:
    """Find the pg_dump, pg_restore and server of one major version.

    Args:
        major: the version of the server that is dumped or filled.
        postgres_bin: the folder the settings name; looked at first.

    Raises:
        ProgramsMissingError: there is none of that version.
    """
    for folder in (postgres_bin, None):
        found = find_binaries(folder, major=major)
        if found.major == major and found.program("pg_dump").is_file():
            return found
    raise ProgramsMissingError(major)


def login_variables(address: Address) -> dict[str, str]:
    """Return the environment that tells libpq's programs an address; arguments are seen by the whole machine.

    >>> from steelyard.storage.address import address_of_url
    >>> login_variables(address_of_url("postgres://me:s%20t@db/book?sslmode=verify-full", adopts_role=False))
    {'PGHOST': 'db', 'PGUSER': 'me', 'PGPASSWORD': 's t', 'PGDATABASE': 'book', 'PGSSLMODE': 'verify-full'}
    """
    known = address.arguments
    if "dsn" in known:
        parts = urlsplit(known["dsn"])
        known = {
            "host": parts.hostname,
            "port": parts.port,
            "user": parts.username and unquote(parts.username),
            "password": parts.password and unquote(parts.password),
            "database": unquote(parts.path.removeprefix("/")),
            **dict(parse_qsl(parts.query)),
        }
    return {VARIABLES[name]: str(value) for name, value in known.items() if name in VARIABLES and value}


async def run_program(
    binaries: Binaries, name: str, arguments: Sequence[str | Path], login: Mapping[str, str]
) -> str:
    """Run a program of PostgreSQL to its end and return what it printed; it ends with us.

    Raises:
        NoSpaceError: the disk is full, ours or the server's.
        ProgramFailedError: it failed otherwise; its last lines are quoted.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in REDIRECTING}
    process = await asyncio.create_subprocess_exec(
        binaries.program(name),
        *arguments,
        env={**inherited, **login, "LC_ALL": "C"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _failure(name, said.decode("utf-8", "replace").strip())
    return printed.decode()


def _failure(name: str, said: str) -> UpstreamError:
    lines = said.splitlines()
    for line in lines:
        if NO_SPACE in line:
            return NoSpaceError(name, line)
    return ProgramFailedError(name, "\n".join(lines[-4:]))
