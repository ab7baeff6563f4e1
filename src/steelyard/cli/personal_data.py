"""The commands about people's data: giving it to them, erasing it, and what law holds back."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from steelyard.cli.desk import open_desk, tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import print_json, tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.errors import ConflictError, InvalidInputError

if TYPE_CHECKING:
    from steelyard.cli.desk import Desk
    from steelyard.services.personal_data import Erased, PersonalData
    from steelyard.storage.personal_data import LegalHold


class NotConfirmedError(ConflictError):
    """An erasure was not confirmed."""

    def __init__(self, login: str) -> None:
        """Say what would go."""
        super().__init__(
            f"What is held of {login} would be erased for good; the audit and the books keep a key that leads to "
            "nobody. Nothing was erased. Give --yes to do it."
        )


class OutputTakenError(InvalidInputError):
    """The file of an export cannot be made."""

    def __init__(self, path: Path, reason: str) -> None:
        """Name both."""
        super().__init__(f"Nothing can be written to {path}: {reason}. Name a file that does not exist.")


@click.group("personal-data")
def personal_data() -> None:
    """Give people their data, erase it, and hold what law holds."""


@personal_data.command(epilog=examples("steelyard personal-data export ada@example.org --output ada.json"))
@click.argument("login", metavar="LOGIN|KEY")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A new file, for your eyes only.  [default: standard output]",
)
@tenant_option
@pass_shell
def export(shell: Shell, *, login: str, output: Path | None, tenant_id: int) -> None:
    """Write everything that is held of a user as JSON; that it was done is recorded.

    Encrypted texts are decrypted. Of passwords, keys and codes it says only whether there are any.
    """
    found = asyncio.run(_export(shell, login, tenant_id))
    if output is None:
        print_json(found)
    else:
        _write(output, found)


@personal_data.command(epilog=examples("steelyard personal-data erase ada@example.org --early --yes"))
@click.argument("login", metavar="LOGIN|KEY")
@click.option(
    "--early", is_flag=True, help="Only what no law holds: sign-in data, sessions, devices, grants."
)
@click.option("--yes", is_flag=True, help="Do it.")
@tenant_option
@as_json
@pass_shell
def erase(shell: Shell, *, login: str, early: bool, yes: bool, tenant_id: int, as_json: bool) -> None:
    """Erase a disabled user for good.

    A legal hold forbids it, and what they did in books and records keeps their name for some years. Backups hold it
    until they are gone: docs/how-to/personal-data.md.
    """
    from steelyard.cli.screens.personal_data import erased

    if not yes:
        raise NotConfirmedError(login)
    tell(asyncio.run(_erase(shell, login, tenant_id, early=early)), erased, as_json=as_json)


@personal_data.group()
def hold() -> None:
    """Keep data from being erased, while a case is open."""


@hold.command(
    epilog=examples(
        "steelyard personal-data hold place --user ada@example.org --reason 'case 2026-117'",
        "steelyard personal-data hold place --everybody --reason 'inquiry of 3 March'",
    )
)
@click.option("--user", "login", metavar="LOGIN|KEY", help="Hold the data of this user.")
@click.option("--everybody", is_flag=True, help="Hold everything of the tenant.")
@click.option("--reason", required=True, help="Why, without names: it outlives what it holds.")
@tenant_option
@pass_shell
def place(shell: Shell, *, login: str | None, everybody: bool, reason: str, tenant_id: int) -> None:
    """Place a legal hold, and print its key."""
    if (login is None) is not everybody:
        raise click.UsageError("Give --user or --everybody, and not both.")
    click.echo(asyncio.run(_place(shell, login, reason, tenant_id)))


@hold.command(epilog=examples("steelyard personal-data hold release 0b1f3a52-8f0e-4d64-9f6c-2f5c2a3d9e11"))
@click.argument("hold_id", metavar="HOLD", type=click.UUID)
@tenant_option
@pass_shell
def release(shell: Shell, *, hold_id: UUID, tenant_id: int) -> None:
    """Let a hold go."""
    asyncio.run(_release(shell, hold_id, tenant_id))
    click.echo(f"The hold {hold_id} is released.")


@hold.command("list", epilog=examples("steelyard personal-data hold list --all"))
@click.option("--all", "with_released", is_flag=True, help="Those that were released, too.")
@tenant_option
@as_json
@pass_shell
def list_(shell: Shell, *, with_released: bool, tenant_id: int, as_json: bool) -> None:
    """Show the holds that stand."""
    from steelyard.cli.screens.personal_data import holds

    tell(asyncio.run(_holds(shell, tenant_id, with_released=with_released)), holds, as_json=as_json)


def _write(path: Path, found: "PersonalData") -> None:
    import msgspec

    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(found)))
    except OSError as error:
        raise OutputTakenError(path, error.strerror or str(error)) from error


async def _find(desk: "Desk", named: str) -> UUID:
    """Return the key of a user, who is named by it or by the login name."""
    from steelyard.services.user import find_user

    try:
        return UUID(named)
    except ValueError:
        return (await find_user(desk.db, desk.vault, named)).user_id


async def _export(shell: Shell, login: str, tenant_id: int) -> "PersonalData":
    from steelyard.services.personal_data import export_personal_data

    async with open_desk(shell, tenant_id) as desk:
        user_id = await _find(desk, login)
        return await export_personal_data(desk.db, desk.vault, user_id, now=desk.now)


async def _erase(shell: Shell, login: str, tenant_id: int, *, early: bool) -> "Erased":
    from steelyard.services.personal_data import erase_personal_data

    async with open_desk(shell, tenant_id) as desk:
        user_id = await _find(desk, login)
        years = shell.settings.retention_years
        return await erase_personal_data(desk.db, user_id, now=desk.now, retention_years=years, early=early)


async def _place(shell: Shell, login: str | None, reason: str, tenant_id: int) -> UUID:
    from steelyard.services.personal_data import place_hold

    async with open_desk(shell, tenant_id) as desk:
        return await place_hold(desk.db, None if login is None else await _find(desk, login), reason)


async def _release(shell: Shell, hold_id: UUID, tenant_id: int) -> None:
    from steelyard.services.personal_data import release_hold

    async with open_desk(shell, tenant_id) as desk:
        await release_hold(desk.db, hold_id)


async def _holds(shell: Shell, tenant_id: int, *, with_released: bool) -> "list[LegalHold]":
    from steelyard.services.personal_data import get_holds

    async with open_desk(shell, tenant_id) as desk:
        return await get_holds(desk.db, with_released=with_released)
