"""What keys are for: what is sealed, who is erased with them, and what a dump shows."""

import base64
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from orders import add_link
from people_rows import NAME, new_vault, read_names, user_id, write_names
from steelyard.identity.field_encryption import SealedFieldError
from steelyard.identity.vault import KeyDestroyedError, Vault
from steelyard.services.account_number import AccountNumberError, get_account_number, set_account_number
from steelyard.services.import_upload import keep_upload
from steelyard.services.key import (
    LegalHoldError,
    TenantNameError,
    destroy_tenant_keys,
    list_keys,
)
from steelyard.services.key_rotation import rotate_keys
from steelyard.services.scope import UnknownScopeError
from steelyard.services.tenant import UnknownTenantError, create_tenant
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.binaries import find_binaries
from steelyard.storage.connection import Pool, get_db_session, get_write_session
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.tenant_key import SEALED_COLUMNS

SEALED_IN_THE_CATALOGUE = """
select table_name, column_name from information_schema.columns
where table_schema = 'steelyard' and (column_name like '%sealed%' or column_name like '%encrypted%')
"""
KEY_OF_TABLE = """
select a.attname
from pg_index as i
inner join pg_attribute as a on i.indrelid = a.attrelid and a.attnum = any(i.indkey)
where i.indrelid = cast(:table as regclass) and i.indisprimary
"""
ACCOUNT = """
insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency)
values (1, 'IRA', 'Savings', 'USD')
"""
HOLD = "insert into steelyard.legal_holds (tenant_id, reason, placed_by) values (2, 'a suit', 'operator')"
OTHER = Acting(2, "operator")
CANARY_FILE = b"Date,Amount\n2024-01-02,CANARY-IN-A-FILE\n"


@pytest.fixture
def vault(tmp_path: Path, own_store: Pool) -> Vault:
    del own_store  # opening it is what matters
    return new_vault(tmp_path)


async def run(*statements: str) -> None:
    async with get_write_session() as db:
        for statement in statements:
            await db.execute(text(statement))


async def add_other_tenant() -> None:
    async with get_write_session() as db:
        assert await create_tenant(db, "Harbour & Sons") == OTHER.tenant_id


async def actions() -> list[str]:
    async with get_db_session() as db:
        events = "select action from steelyard.audit_events where tenant_id = 2 order by sequence"
        return list(await db.scalars(text(events)))


async def test_every_sealed_column_is_listed(store: Pool) -> None:
    del store
    async with get_db_session() as db:
        found = {tuple(row) for row in await db.execute(text(SEALED_IN_THE_CATALOGUE))}
        assert found == {(sealed.table, sealed.column) for sealed in SEALED_COLUMNS}
        for sealed in SEALED_COLUMNS:
            keyed = await db.scalars(text(KEY_OF_TABLE), {"table": f"steelyard.{sealed.table}"})
            assert list(keyed) == ["tenant_id", sealed.row_key]


async def test_what_one_tenant_sealed_opens_for_no_other(vault: Vault) -> None:
    await add_other_tenant()
    async with get_write_session() as db:
        sealed = await vault.seal(db, *NAME, user_id(1), "Ada")
    with acting_as(OTHER):
        async with get_write_session() as db:
            await vault.seal(db, *NAME, user_id(1), "Bob")
            with pytest.raises(SealedFieldError):
                await vault.unseal(db, *NAME, user_id(1), sealed)


async def test_rotation_of_one_tenant_leaves_the_others(vault: Vault) -> None:
    await add_other_tenant()
    await write_names(vault, {1: "Ada"})
    with acting_as(OTHER):
        await write_names(vault, {2: "Bob"})
    assert [one.tenant_id for one in await rotate_keys(vault, tenant_id=2)] == [2]
    assert [(key.tenant_id, key.key_id, key.destroyed_at is None) for key in await list_keys()] == [
        (1, 1, True),
        (2, 1, False),
        (2, 2, True),
    ]
    assert [one.tenant_id for one in await rotate_keys(vault)] == [1, 2]
    with acting_as(OTHER):
        assert await read_names(vault) == {2: "Bob"}
        assert (await actions()).count("key.rotate") == 2


async def test_destroyed_keys_erase_the_tenant_and_nobody_else(vault: Vault) -> None:
    await add_other_tenant()
    await write_names(vault, {1: "Ada"})
    with acting_as(OTHER):
        await write_names(vault, {2: "Bob"})
        async with get_write_session() as db:
            sealed = await vault.seal(db, *NAME, user_id(2), "Bob")
    for wrong in ("", "harbour & sons", "Harbour"):
        with pytest.raises(TenantNameError):
            await destroy_tenant_keys(2, wrong)
    with pytest.raises(UnknownTenantError, match="no tenant 3"):
        await destroy_tenant_keys(3, "")
    assert await destroy_tenant_keys(2, "Harbour & Sons") == 1
    assert await destroy_tenant_keys(2, "Harbour & Sons") == 0
    with acting_as(OTHER):
        async with get_write_session() as db:
            with pytest.raises(KeyDestroyedError):
                await vault.unseal(db, *NAME, user_id(2), sealed)
            with pytest.raises(KeyDestroyedError):
                await vault.seal(db, *NAME, user_id(3), "Eve")
            left = (await db.execute(text("select status, epoch, name_sealed from steelyard.users"))).all()
        assert [tuple(row) for row in left if row.status == "erased"] == [("erased", 3, None)]
        assert (await actions())[-2:] == ["tenant.erase"] * 2
    assert await read_names(vault) == {1: "Ada"}
    assert [one.tenant_id for one in await rotate_keys(vault)] == [1]


async def test_a_legal_hold_keeps_the_keys(vault: Vault) -> None:
    await add_other_tenant()
    with acting_as(OTHER):
        await write_names(vault, {2: "Bob"})
        await run(HOLD)
        before = await actions()
    with pytest.raises(
        LegalHoldError, match="1 legal hold stands on data of tenant 2; nothing was destroyed"
    ):
        await destroy_tenant_keys(2, "Harbour & Sons")
    with acting_as(OTHER):
        assert await read_names(vault) == {2: "Bob"}
        assert await actions() == before
        await run("update steelyard.legal_holds set released_at = now(), released_by = 'operator'")
    assert await destroy_tenant_keys(2, "Harbour & Sons") == 1


async def test_account_numbers_are_kept_sealed_and_audited_without_them(vault: Vault) -> None:
    await run(ACCOUNT)
    async with get_write_session() as db:
        await set_account_number(db, vault, "IRA", " DE89 3704 0044 0532 0130 00 ")
    await rotate_keys(vault)
    async with get_write_session() as db:
        assert await get_account_number(db, vault, "IRA") == "DE89 3704 0044 0532 0130 00"
        events = (await db.execute(text("select action, facts::text from steelyard.audit_events"))).all()
        assert ("account_number.set", "{}") in {tuple(event) for event in events}
        await set_account_number(db, vault, "IRA", None)
        assert await get_account_number(db, vault, "IRA") is None
        for bad in ("", " ", "1" * 65, "12\x0034", "12\n34"):
            with pytest.raises(AccountNumberError):
                await set_account_number(db, vault, "IRA", bad)
    async with get_write_session() as db:
        with pytest.raises(UnknownScopeError, match="no account ROTH"):
            await set_account_number(db, vault, "ROTH", "123")
        with pytest.raises(UnknownScopeError, match="no account ROTH"):
            await get_account_number(db, vault, "ROTH")


async def test_a_dump_shows_no_canary_of_any_sealed_column(
    vault: Vault, own_database: EmbeddedServer, tmp_path: Path
) -> None:
    canaries = {
        "login_sealed": "canary.login@example.org",
        "name_sealed": "Canary Ünal",
        "totp_seed_sealed": "CANARYSEED234567",
        "totp_new_seed_sealed": "CANARYNEWSEED234",
        "external_number_sealed": "DE00CANARY0000000001",
        "credentials_sealed": '{"secret_key": "CANARYKEY234567"}',
        "key_sealed": "CANARYFILEKEY234567",
    }
    assert set(canaries) == {sealed.column for sealed in SEALED_COLUMNS}
    await run(ACCOUNT)
    rows = {"users": user_id(1), "accounts": "IRA", "broker_links": f"{await add_link()}"}
    await write_names(vault, {1: "to be written over"})
    async with get_write_session() as db:
        upload = await keep_upload(db, vault, "a.csv", CANARY_FILE)
        rows["import_uploads"] = f"{upload.upload_id}"
        for sealed in SEALED_COLUMNS:
            row_id, canary = rows[sealed.table], canaries[sealed.column]
            value = await vault.seal(db, sealed.table, sealed.column, row_id, canary)
            update = f"update steelyard.{sealed.table} set {sealed.column} = :value"  # noqa: S608 - our own names
            await db.execute(text(update), {"value": value})
        index = vault.index("login", canaries["login_sealed"])
        await db.execute(text("update steelyard.users set login_index = :index"), {"index": index})
    await rotate_keys(vault)
    dump = subprocess.run(
        [find_binaries(None).program("pg_dump"), "--format=plain"],
        env={
            "PGHOST": str(own_database.host),
            "PGUSER": own_database.superuser.user,
            "PGPASSWORD": own_database.superuser.password,
            "PGDATABASE": own_database.database,
        },
        capture_output=True,
        check=True,
    ).stdout
    assert index.hex().encode() in dump  # so a canary would be
    key_file = (tmp_path / "keys" / "master.key").read_text().splitlines()
    secrets = [base64.b64decode(line.split()[1]) for line in key_file if not line.startswith("#")]
    secrets += [key.secret for key in vault._opened.values()]  # noqa: SLF001 - what must not be outside of it
    assert len(secrets) == 4
    for secret in [*(canary.encode() for canary in canaries.values()), CANARY_FILE, *secrets]:
        for shown in shapes(secret):
            assert shown not in dump


def shapes(secret: bytes) -> list[bytes]:
    """A secret as it stands, in hexadecimal, and the part of its base64 that no neighbour changes."""
    inner = [base64.b64encode(b"\0" * shift + secret)[4:-4] for shift in range(3)]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), *inner]
