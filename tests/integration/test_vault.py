import asyncio
from itertools import product
from pathlib import Path

import pytest

from people import add_person, as_user
from people_rows import new_vault
from steelyard.identity.field_encryption import SealedFieldError
from steelyard.identity.permissions import Role
from steelyard.identity.vault import NoTenantError, UnknownColumnError, Vault
from steelyard.storage.acting import NOBODY, acting_as
from steelyard.storage.connection import Pool, get_db_session, get_write_session
from steelyard.storage.tenant_key import find_keys, get_tenant_keys

NAME = "users", "name_sealed"


@pytest.fixture
def vault(tmp_path: Path, own_store: Pool) -> Vault:
    del own_store  # opening it is what matters
    return new_vault(tmp_path)


async def test_first_seals_at_once_make_one_key(vault: Vault) -> None:
    async def seal_one(number: int) -> bytes:
        async with get_write_session() as db:
            return await vault.seal(db, *NAME, str(number), f"name {number}")

    sealed = await asyncio.gather(*(seal_one(number) for number in range(8)))
    async with get_db_session() as db:
        keys = await get_tenant_keys(db)
        names = await vault.unseal_all(db, *NAME, {str(n): value for n, value in enumerate(sealed)})
    assert [key.key_id for key in keys] == [1]
    assert names == {str(number): f"name {number}" for number in range(8)}


async def test_swapped_between_rows_and_columns_nothing_opens(vault: Vault) -> None:
    async with get_write_session() as db:
        sealed = await vault.seal(db, *NAME, "1", "Ada")
        places = list(product(("name_sealed", "login_sealed", "totp_seed_sealed"), ("1", "2", "11")))
        for column, row_id in places:
            if (column, row_id) != ("name_sealed", "1"):
                with pytest.raises(SealedFieldError):
                    await vault.unseal(db, "users", column, row_id, sealed)
        assert await vault.unseal(db, *NAME, "1", sealed) == "Ada"


async def test_nobody_seals_nothing(vault: Vault) -> None:
    with acting_as(NOBODY):
        async with get_write_session() as db:
            with pytest.raises(NoTenantError):
                await vault.seal(db, *NAME, "1", "Ada")
            with pytest.raises(NoTenantError):
                await vault.unseal(db, *NAME, "1", bytes(40))


async def test_only_a_listed_column_is_sealed(vault: Vault) -> None:
    async with get_write_session() as db:
        with pytest.raises(UnknownColumnError, match=r"users\.role"):
            await vault.seal(db, "users", "role", "1", "owner")


async def test_a_user_of_any_role_seals_and_opens_what_is_theirs(vault: Vault) -> None:
    viewer = await add_person(Role.VIEWER)
    with acting_as(as_user(viewer)):
        async with get_write_session() as db:
            sealed = await vault.seal(db, "users", "totp_seed_sealed", str(viewer), "SEED")
        async with get_db_session() as db:
            assert await vault.unseal(db, "users", "totp_seed_sealed", str(viewer), sealed) == "SEED"
            assert await find_keys(db) == ()  # every tenant's keys are the operator's to see
    async with get_db_session() as db:
        assert len(await find_keys(db)) == 1
