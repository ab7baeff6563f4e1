"""The commands that look after keys: those of the tenants, and the master key above them."""

import asyncio
from typing import TYPE_CHECKING

import click

from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell, working
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from steelyard.services.key_rotation import MasterRotation, Rotation
    from steelyard.storage.tenant_key import TenantKey


@click.group(epilog=examples("steelyard keys list", "steelyard keys rotate", "steelyard keys rotate-master"))
def keys() -> None:
    """Look after the keys that people's data is encrypted with.

    Each tenant has keys of its own in the store, encrypted with a master key in the key file.
    """


@keys.command("list", epilog=examples("steelyard keys list", "steelyard keys list --json"))
@as_json
@pass_shell
def list_(shell: Shell, *, as_json: bool) -> None:
    """Show the keys of every tenant.

    One encrypts, those that were replaced only decrypt, and then are destroyed.
    """
    from steelyard.cli.screens.keys import listed

    tell(asyncio.run(_list(shell)), listed, as_json=as_json)


@keys.command(epilog=examples("steelyard keys rotate", "steelyard keys rotate --tenant 1"))
@click.option(
    "--tenant", "tenant_id", type=click.IntRange(min=1), metavar="N", help="Only this tenant.  [default: all]"
)
@as_json
@pass_shell
def rotate(shell: Shell, *, tenant_id: int | None, as_json: bool) -> None:
    """Give tenants new keys, encrypt their data anew and destroy the old keys.

    Others work on meanwhile. Run it again when it was interrupted: it goes on where it stood.
    """
    from steelyard.cli.screens.keys import rotated

    with working("Encrypting with new keys"):
        done = asyncio.run(_rotate(shell, tenant_id))
    tell(done, rotated, as_json=as_json)


@keys.command(
    "rotate-master",
    epilog=examples("steelyard keys rotate-master", "steelyard keys rotate-master --only-add"),
)
@click.option(
    "--only-add",
    is_flag=True,
    help="Only add the key to the file, to copy the file to other machines before it is needed there.",
)
@as_json
@pass_shell
def rotate_master(shell: Shell, *, only_add: bool, as_json: bool) -> None:
    """Add a master key to the key file and encrypt the tenants' keys with it.

    The old one stays in the file, for backups from before. Run it again when it was interrupted.
    """
    from steelyard.cli.screens.keys import master_rotated

    tell(asyncio.run(_rotate_master(shell, only_add=only_add)), master_rotated, as_json=as_json)


@keys.command(epilog=examples("steelyard keys destroy --tenant 3"))
@click.option("--tenant", "tenant_id", type=click.IntRange(min=1), metavar="N", required=True, help="Whose.")
@click.option(
    "--name",
    metavar="NAME",
    help="The tenant's name, as a sign that you mean it; asked for where it is not given.",
)
@pass_shell
def destroy(shell: Shell, *, tenant_id: int, name: str | None) -> None:
    """Erase a tenant: destroy its keys.

    What they encrypt is gone for good, and the tenant's users are let in no more. Accounts and transactions stay. A
    legal hold prevents it.
    """
    if name is None:
        name = click.prompt("This erases people's data for good. Type the tenant's name", err=True)
    destroyed = asyncio.run(_destroy(shell, tenant_id, name))
    click.echo(f"Tenant {tenant_id} is erased: {destroyed} of its keys were destroyed.")


async def _list(shell: Shell) -> "tuple[TenantKey, ...]":
    from steelyard.services.key import list_keys

    async with shell.store():
        return await list_keys()


async def _rotate(shell: Shell, tenant_id: int | None) -> "tuple[Rotation, ...]":
    from steelyard.services.key_rotation import rotate_keys

    async with shell.store() as pool:
        return await rotate_keys(await shell.vault(pool), tenant_id=tenant_id)


async def _rotate_master(shell: Shell, *, only_add: bool) -> "MasterRotation":
    from steelyard.services.key_rotation import rotate_master_key

    async with shell.store() as pool:
        return await rotate_master_key(await shell.vault(pool), only_add=only_add)


async def _destroy(shell: Shell, tenant_id: int, name: str) -> int:
    from steelyard.services.key import destroy_tenant_keys

    async with shell.store():
        return await destroy_tenant_keys(tenant_id, name)
