"""The commands that bring in statements, and show and take back what they brought."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell, working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.short_key import IMPORT_KEY
from steelyard.domain.short_key import AnyKey
from steelyard.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.services.statement_plan import (
        Choices,
        Imported,
        ImportedRow,
        ImportPlan,
        KeptImport,
        StatementFile,
    )


MOST_LINES: Final = 100_000
"""Lines in one span; more is a slip of the fingers."""


class InTheWayError(InvalidInputError):
    """An import cannot be run as it is; the screen before says why."""

    def __init__(self, plan: "ImportPlan") -> None:
        """Count what is in the way."""
        from steelyard.services.statement_plan import counted

        found = [
            f"{counted(len(plan.questions), 'question', 'is', 'are')} open" if plan.questions else "",
            f"{counted(len(plan.refused), 'row', 'is', 'are')} refused" if plan.refused else "",
            "an account would be overdrawn" if plan.overdrawn else "",
        ]
        super().__init__(
            f"{', '.join(reason for reason in found if reason)}. Nothing was imported: answer, or leave rows out with "
            "--leave-out."
        )


class PairsType(click.ParamType[tuple[str, str]]):
    """A name and what it means, with = between them."""

    name = "NAME=ID"

    def __init__(self, *, at_last: bool = False) -> None:
        """Split at the first =, for ids that hold one, or at the last, for names that hold one."""
        self._at_last = at_last

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Read both, or end with the rule."""
        if isinstance(value, tuple):
            return value
        name, mark, meant = value.rpartition("=") if self._at_last else value.partition("=")
        if not mark or not meant:
            self.fail(f"{value!r} has no = between a name and what it means.", param, ctx)
        return name, meant


class LinesType(click.ParamType[tuple[str, frozenset[int]]]):
    """Lines of a file: `3,7-9`, or `statement.csv:3,7-9` where there are several."""

    name = "LINES"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, frozenset[int]]:
        """Read them, or end with the rule."""
        if isinstance(value, tuple):
            return value
        name, _, lines = value.rpartition(":")
        try:
            return name, frozenset(line for part in lines.split(",") for line in _span(part))
        except ValueError:
            self.fail(f"{value!r} are no lines; write them as 3,7-9 or FILE:3,7-9.", param, ctx)


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    span = range(int(first), int(last or first) + 1)
    if not span or span[0] < 1 or len(span) > MOST_LINES:
        raise ValueError(text)
    return span


@click.command(
    "import",
    epilog=examples(
        "steelyard import statement.ofx --account RIVERA-IRA --dry-run",
        "steelyard import 2023.csv 2024.csv --account RIVERA-IRA --new-assets",
        "steelyard import activity.xml --as ibkr_flex --account RIVERA-JOINT --json",
        "steelyard import 2024.csv --account RIVERA-IRA --opening --leave-out 12,40-44",
    ),
)
@click.argument(
    "paths",
    metavar="FILE…",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option("--account", metavar="ID", help="The account of rows whose statement names none.")
@click.option("--dry-run", is_flag=True, help="Show what would be booked, and book nothing.")
@click.option(
    "--as", "reader", metavar="READER", help="Read the files as this kind.  [default: what they are]"
)
@click.option(
    "--asset",
    "assets",
    type=PairsType(),
    metavar="KEY=ASSET",
    multiple=True,
    help="The asset that a statement means; +ASSET makes it. Remembered; may be said again.",
)
@click.option(
    "--statement-account",
    "accounts",
    type=PairsType(at_last=True),
    metavar="NAME=ID",
    multiple=True,
    help="The account that a statement means; NAME may hold =, ID not. Remembered; may be said again.",
)
@click.option(
    "--new-assets", is_flag=True, help="Make the assets that nobody knows, as --dry-run shows them."
)
@click.option(
    "--opening", is_flag=True, help="Book what was there before, where that is shown to be missing."
)
@click.option(
    "--leave-out",
    type=LinesType(),
    metavar="LINES",
    multiple=True,
    help="Rows not to book: 3,7-9, or FILE:3,7-9. May be said again.",
)
@tenant_option
@as_json
@pass_shell
def import_(
    shell: Shell, /, *, paths: tuple[Path, ...], dry_run: bool, tenant_id: int, as_json: bool, **chosen: Any
) -> None:
    """Bring in statements of brokers and banks: all that is new in them, or nothing.

    The kind of each file is found out; what its names mean follows from their numbers, or is asked. The same files
    again change nothing. Exit code 1: a row was refused and not left out, or a question is open.
    """
    from steelyard.cli.screens.imports import imported, planned
    from steelyard.services.statement_import import ImportRefusedError
    from steelyard.services.statement_plan import StatementFile

    files = [StatementFile(path.name, path) for path in paths]
    choices = _choices(files, chosen)
    with working("Reading statements"):
        if dry_run:
            plan = asyncio.run(_plan(shell, tenant_id, files, choices))
        else:
            try:
                done = asyncio.run(_run(shell, tenant_id, files, choices))
            except ImportRefusedError as refused:
                plan = refused.plan
            else:
                tell(done, imported, as_json=as_json)
                return
    tell(plan, planned, as_json=as_json)
    if not plan.can_run:
        raise InTheWayError(plan)


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "steelyard imports", "steelyard imports show 2f0c7f0e", "steelyard imports undo 2f0c7f0e"
    ),
)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="The newest so many."
)
@tenant_option
@as_json
@pass_shell
@click.pass_context
def imports(context: click.Context, shell: Shell, *, limit: int, tenant_id: int, as_json: bool) -> None:
    """Show what was imported, the newest first."""
    if context.invoked_subcommand is None:
        _list(shell, tenant_id, limit, as_json=as_json)


@imports.command("list", epilog=examples("steelyard imports list --limit 100"))
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="The newest so many."
)
@tenant_option
@as_json
@pass_shell
def list_(shell: Shell, *, limit: int, tenant_id: int, as_json: bool) -> None:
    """Show what was imported, the newest first."""
    _list(shell, tenant_id, limit, as_json=as_json)


@imports.command(epilog=examples("steelyard imports show 2f0c7f0e"))
@click.argument("import_id", type=IMPORT_KEY, metavar="IMPORT")
@tenant_option
@as_json
@pass_shell
def show(shell: Shell, *, import_id: AnyKey, tenant_id: int, as_json: bool) -> None:
    """Show an import: its files, and the row that each of its transactions came from."""
    from steelyard.cli.screens.imports import shown

    tell(asyncio.run(_show(shell, tenant_id, import_id)), shown, as_json=as_json)


@imports.command(epilog=examples("steelyard imports undo 2f0c7f0e"))
@click.argument("import_id", type=IMPORT_KEY, metavar="IMPORT")
@tenant_option
@as_json
@pass_shell
def undo(shell: Shell, *, import_id: AnyKey, tenant_id: int, as_json: bool) -> None:
    """Take an import back: all it booked is reversed, or nothing.

    The journal keeps both. Assets it made stay, and the files can be imported again.
    """
    from steelyard.cli.screens.imports import undone

    with working("Reversing"):
        done = asyncio.run(_undo(shell, tenant_id, import_id))
    tell(done, undone, as_json=as_json)


def _list(shell: Shell, tenant_id: int, limit: int, *, as_json: bool) -> None:
    from steelyard.cli.screens.imports import listed

    tell(asyncio.run(_all(shell, tenant_id, limit)), listed, as_json=as_json)


def _choices(files: "Sequence[StatementFile]", chosen: dict[str, Any]) -> "Choices":
    from steelyard.services.statement_plan import Choices

    only = files[0].name if len(files) == 1 else ""
    if not only and any(not name for name, _ in chosen["leave_out"]):
        raise click.UsageError("of several files, say of which the lines are: --leave-out FILE:3,7-9.")
    return Choices(
        account=chosen["account"],
        accounts=_said_once("--statement-account", chosen["accounts"]),
        assets=_said_once("--asset", chosen["assets"]),
        new_assets=chosen["new_assets"],
        reader=chosen["reader"],
        opening=chosen["opening"],
        leave_out=frozenset((name or only, line) for name, lines in chosen["leave_out"] for line in lines),
    )


def _said_once(option: str, pairs: "Sequence[tuple[str, str]]") -> dict[str, str]:
    """Return answers by name; two that differ are a slip, and neither is taken."""
    said: dict[str, str] = {}
    for name, meant in pairs:
        if said.setdefault(name, meant) != meant:
            raise click.UsageError(
                f"{option} says two things of {name!r}: {said[name]} and {meant}. Say one of them."
            )
    return said


async def _plan(
    shell: Shell, tenant_id: int, files: "Sequence[StatementFile]", choices: "Choices"
) -> "ImportPlan":
    from steelyard.services.statement_import import plan_import

    async with open_desk(shell, tenant_id) as desk:
        return await plan_import(files, choices, today=shell.today(), vault=desk.vault, db=desk.db)


async def _run(
    shell: Shell, tenant_id: int, files: "Sequence[StatementFile]", choices: "Choices"
) -> "Imported":
    from steelyard.services.statement_import import run_import

    async with open_desk(shell, tenant_id) as desk:
        return await run_import(files, choices, today=shell.today(), vault=desk.vault, db=desk.db)


async def _all(shell: Shell, tenant_id: int, limit: int) -> "tuple[KeptImport, ...]":
    from steelyard.services.statement_import import list_imports

    async with open_desk(shell, tenant_id) as desk:
        return await list_imports(limit=limit, db=desk.db)


async def _show(
    shell: Shell, tenant_id: int, import_id: AnyKey
) -> "tuple[KeptImport, tuple[ImportedRow, ...]]":
    from steelyard.services.short_key import whole_key
    from steelyard.services.statement_import import get_import

    async with open_desk(shell, tenant_id) as desk:
        return await get_import(await whole_key(import_id, desk.db), db=desk.db)


async def _undo(shell: Shell, tenant_id: int, import_id: AnyKey) -> "KeptImport":
    from steelyard.services.short_key import whole_key
    from steelyard.services.statement_import import undo_import

    async with open_desk(shell, tenant_id) as desk:
        return await undo_import(await whole_key(import_id, desk.db), today=shell.today(), db=desk.db)
