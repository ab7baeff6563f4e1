"""Rows of people as a store keeps them: what is theirs is sealed."""

from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes
from uuid import UUID

from sqlalchemy import text

from steelyard.identity.key_file import KeyFile, make_key_file
from steelyard.identity.vault import Vault
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session

INSERT = """
insert into steelyard.users (tenant_id, user_id, role, name_sealed)
values (steelyard.current_tenant(), :user_id, 'viewer', :sealed)
on conflict (tenant_id, user_id) do update set name_sealed = excluded.name_sealed
"""
READ = """
select user_id::text as user_id, name_sealed
from steelyard.users
where tenant_id = steelyard.current_tenant() and name_sealed is not null
"""
NAME = "users", "name_sealed"


def user_id(number: int) -> str:
    return str(UUID(int=number))


def new_vault(folder: Path) -> Vault:
    """A vault with a key file of its own in a folder."""
    path = folder / "keys" / "master.key"
    make_key_file(path, token_bytes)
    return Vault.open(KeyFile(path, token_bytes))


async def write_name(db: WriteSession, vault: Vault, number: int, name: str) -> None:
    sealed = await vault.seal(db, *NAME, user_id(number), name)
    await db.execute(text(INSERT), {"user_id": UUID(int=number), "sealed": sealed})


async def write_names(vault: Vault, names: Mapping[int, str]) -> None:
    async with get_write_session() as db:
        for number, name in names.items():
            await write_name(db, vault, number, name)


async def read_names(vault: Vault) -> dict[int, str]:
    """Every name of the tenant, opened; READ COMMITTED, as a request reads that also writes."""
    async with get_write_session() as db:
        sealed = {row.user_id: row.name_sealed for row in await db.execute(text(READ))}
        names = await vault.unseal_all(db, *NAME, sealed)
    return {UUID(row).int: name for row, name in names.items()}


async def read_key_numbers() -> set[int]:
    """The keys that names are sealed with."""
    async with get_db_session() as db:
        return {int.from_bytes(row.name_sealed[1:5]) for row in await db.execute(text(READ))}
