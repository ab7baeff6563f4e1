"""The command `export`: everything a tenant owns, as files."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from steelyard.cli.desk import tenant_option
from steelyard.cli.options import TABLES, as_json, examples, scope_options
from steelyard.cli.output import progress_bar, tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.domain.scope import Scope

if TYPE_CHECKING:
    from steelyard.services.book_export import ExportManifest

FORMATS: Final = ("csv", "parquet", "json", "beancount")


@dataclass(frozen=True, slots=True)
class _Request:
    """What `export` was asked; see its options."""

    directory: Path
    format: str
    scope: Scope
    only: tuple[str, ...] | None
    force: bool
    tenant_id: int


@click.command(
    epilog=examples(
        "steelyard export my-book/",
        "steelyard export parquet/ --format parquet --only transactions,accounts",
        "steelyard export rivera/ --household RIVERA",
        "steelyard export ledger/ --format beancount",
    )
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "as_",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="What to write: tables that `load` reads, or a ledger for beancount.",
)
@click.option("--only", metavar="TABLES", type=TABLES, help="Only these tables, separated by commas.")
@click.option(
    "--force", is_flag=True, help="Replace an export that is in DIR; nothing else is ever replaced."
)
@tenant_option
@scope_options
@as_json
@pass_shell
def export(
    shell: Shell,
    *,
    directory: Path,
    as_: str,
    only: tuple[str, ...] | None,
    force: bool,
    tenant_id: int,
    scope: Scope,
    as_json: bool,
) -> None:
    """Write everything you own into a new folder DIR, all of it as of one moment.

    A table a file, with the prices and rates of its assets, and manifest.json with the hash of each. `steelyard load
    DIR --trust-prices` into an empty store gives the same ledger. That it was done is recorded.
    """
    from steelyard.cli.screens.book_export import exported

    request = _Request(directory, as_, scope, only, force, tenant_id)
    tell(asyncio.run(_export(shell, request)), partial(exported, directory=directory), as_json=as_json)


async def _export(shell: Shell, request: _Request) -> "ExportManifest":
    from steelyard.services.book_export import ExportFormat, export_book
    from steelyard.storage.acting import OPERATOR, Acting, acting_as

    async with shell.store() as pool:
        with acting_as(Acting(request.tenant_id, OPERATOR.actor)), progress_bar() as progress:
            done = await export_book(
                request.directory,
                as_=ExportFormat(request.format),
                now=datetime.now(UTC),
                scope=request.scope,
                only=request.only,
                force=request.force,
                progress=progress,
            )
        await shell.keep_heads(pool)
    return done
