"""The command that looks at everything and says what to do about it."""

import asyncio
import platform
import shutil
from typing import TYPE_CHECKING, Final

import click

from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from steelyard.cli.screens.checks import Check
    from steelyard.storage.connection import Pool, ReadSession

PACKAGES: Final = (
    "steelyard",
    "sqlalchemy",
    "asyncpg",
    "alembic",
    "numpy",
    "pyarrow",
    "msgspec",
    "click",
    "rich",
)
GIGABYTE: Final = 10**9
SCARCE_BYTES: Final = 2 * GIGABYTE
EXHAUSTED_BYTES: Final = GIGABYTE // 5


@click.command(epilog=examples("steelyard doctor", "steelyard doctor --json"))
@as_json
@pass_shell
def doctor(shell: Shell, *, as_json: bool) -> None:
    """Check program, server, schema and data.

    Each line says what was found and, where something is to be done, what. The exit code is 1 when a check failed.
    """
    from steelyard.cli.screens.checks import Verdict, checks

    results = [_program(), *asyncio.run(_look_at_the_store(shell))]
    tell(results, checks, as_json=as_json)
    if any(check.verdict is Verdict.FAIL for check in results):
        click.get_current_context().exit(1)


async def _look_at_the_store(shell: Shell) -> "list[Check]":
    """Look as far as there is something to look at; what ends the looking is a check that failed."""
    from steelyard.cli.screens.checks import Check, Verdict
    from steelyard.storage.connection import get_db_session

    found: list[Check] = []
    try:
        async with shell.pool() as pool:
            async with get_db_session() as db:
                found += [await _server(db, pool), await _roles(db)]
            found += _disk(pool)
            async with get_db_session() as db:
                found += await _look_at_the_data(db)
    except SteelyardError as error:
        found.append(Check("Schema" if found else "Store", Verdict.FAIL, f"{error}"))
    return found


async def _look_at_the_data(db: "ReadSession") -> "list[Check]":
    from steelyard.cli.screens.checks import Check, Verdict
    from steelyard.storage.migration import HEAD, check_schema

    await check_schema(db)
    return [
        Check("Schema", Verdict.OK, f"revision {HEAD}, procedures as in this program"),
        await _last_load(db),
        await _newest_version(db),
        await _findings(db),
    ]


def _program() -> "Check":
    from importlib.metadata import version

    from steelyard.cli.screens.checks import Check, Verdict

    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return Check("Program", Verdict.OK, f"Python {platform.python_version()}; {packages}")


async def _server(db: "ReadSession", pool: "Pool") -> "Check":
    from steelyard.cli.screens.checks import Check, Verdict
    from steelyard.storage.health import get_server

    server = await get_server(db)
    size = f"{server.size_bytes / GIGABYTE:,.2f} GB"
    return Check("Store", Verdict.OK, f"PostgreSQL {server.version}, {pool.place}; {size}, as {server.role}")


async def _roles(db: "ReadSession") -> "Check":
    from steelyard.cli.screens.checks import Check, Verdict
    from steelyard.storage.health import get_missing_roles

    missing = await get_missing_roles(db)
    if missing:
        return Check(
            "Roles",
            Verdict.FAIL,
            f"missing: {', '.join(missing)}",
            "Run `steelyard init` as a role that may create roles.",
        )
    return Check("Roles", Verdict.OK, "migrator, app and auditor are there")


def _disk(pool: "Pool") -> "list[Check]":
    """Look at the disk of the embedded server; another server's is not ours to see."""
    from steelyard.cli.screens.checks import Check, Verdict

    if pool.server is None:
        return []
    free = shutil.disk_usage(pool.server.home).free
    found = f"{free / GIGABYTE:,.1f} GB free beside {pool.server.home}"
    if free < EXHAUSTED_BYTES:
        return [
            Check(
                "Disk", Verdict.FAIL, found, "Free some, or set STEELYARD_HOME to a folder on a larger disk."
            )
        ]
    if free < SCARCE_BYTES:
        return [Check("Disk", Verdict.WARN, found, "Free some before the next load.")]
    return [Check("Disk", Verdict.OK, found)]


async def _last_load(db: "ReadSession") -> "Check":
    from steelyard.cli.screens.checks import Check, Verdict
    from steelyard.storage.health import get_last_load

    last = await get_last_load(db)
    if last is None:
        return Check(
            "Last load",
            Verdict.WARN,
            "nothing was loaded yet",
            "Run `steelyard load DIR`, or `steelyard demo`.",
        )
    return Check(
        "Last load", Verdict.OK, f"{last.recorded_at:%Y-%m-%d %H:%M} UTC from {last.source}: {last.status}"
    )


async def _newest_version(db: "ReadSession") -> "Check":
    from steelyard.cli.screens.checks import Check, Verdict
    from steelyard.storage.asset_360 import get_last_price_date, get_versions

    newest = next((version for version in await get_versions(db) if version.is_current), None)
    if newest is None:
        return Check("Asset 360", Verdict.WARN, "no version was published yet", "Run `steelyard refresh`.")
    found = f"version {newest.version} as of {newest.as_of}, {newest.row_count:,} rows"
    last_price = await get_last_price_date(db)
    if last_price and last_price > newest.as_of:
        return Check(
            "Asset 360", Verdict.WARN, f"{found}; prices go on to {last_price}", "Run `steelyard refresh`."
        )
    return Check("Asset 360", Verdict.OK, found)


async def _findings(db: "ReadSession") -> "Check":
    from steelyard.cli.screens.checks import Check, Verdict
    from steelyard.storage.health import count_findings

    counts = await count_findings(db)
    if not counts:
        return Check("Findings", Verdict.OK, "no row was quarantined or flagged")
    found = ", ".join(f"{count.findings:,} {count.severity} {count.kind}" for count in counts)
    next_step = "`steelyard asset ID` shows those of an asset; table data_quality_findings has all."
    return Check("Findings", Verdict.WARN, found, next_step)
