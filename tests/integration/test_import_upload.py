"""Files that wait for the page of imports: few, small, for an hour, and nobody else's."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from people_rows import new_vault
from steelyard.identity.file_encryption import SealedFileError
from steelyard.identity.vault import Vault
from steelyard.services.import_upload import (
    MAX_UPLOAD_BYTES,
    MAX_UPLOADS,
    UploadError,
    UploadGoneError,
    drop_uploads,
    keep_upload,
    list_uploads,
    open_uploads,
)
from steelyard.services.key_rotation import rotate_keys
from steelyard.storage.acting import OPERATOR, Acting, acting_as
from steelyard.storage.connection import Pool, get_migrator_session, get_write_session

KEPT = "select key_sealed, content from steelyard.import_uploads where upload_id = :key"
USER = "insert into steelyard.users (tenant_id, user_id, role, status) values (1, :user, 'owner', 'active')"


@pytest.fixture
async def somebody(store: Pool) -> AsyncIterator[UUID]:
    """An owner, for whom the block works."""
    del store
    user = await owner()
    with acting_as(Acting(1, f"user:{user}", user)):
        yield user


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return new_vault(tmp_path_factory.mktemp("vault"))


async def owner() -> UUID:
    user = uuid4()
    async with get_migrator_session() as db:
        await db.execute(text(USER), {"user": user})
    return user


async def keep(vault: Vault, name: str, content: bytes = b"x") -> UUID:
    async with get_write_session() as db:
        kept = await keep_upload(db, vault, name, content)
        assert kept in await list_uploads(db)
        assert kept.size == len(content)
        return kept.upload_id


async def test_a_file_is_given_back_as_it_came(somebody: UUID, vault: Vault) -> None:
    del somebody
    content = bytes(range(256))
    key = await keep(vault, "C:\\folder\\a.csv", content)
    async with get_write_session() as db:
        assert [(one.name, one.size) for one in await list_uploads(db)] == [("a.csv", 256)]
        async with open_uploads(db, vault, [key]) as [file]:
            path = file.path
            assert (file.name, path.read_bytes()) == ("a.csv", content)
        assert not path.exists()
        assert await drop_uploads(db, [key]) == 1
        assert await list_uploads(db) == ()


async def test_a_file_rests_encrypted_and_opens_after_the_keys_were_rotated(
    somebody: UUID, vault: Vault
) -> None:
    del somebody
    content = b"Date,Amount\n2024-01-02,31.50\n" * 10
    key = await keep(vault, "a.csv", content)
    async with get_write_session() as db:
        [(sealed, kept)] = await db.execute(text(KEPT), {"key": key})
    assert not [word for word in (b"Date", b"31.50") if word in kept]

    with acting_as(OPERATOR):
        [done] = await rotate_keys(vault, tenant_id=1)
    assert done.destroyed
    async with get_write_session() as db:
        [(sealed_anew, same)] = await db.execute(text(KEPT), {"key": key})
        assert (sealed_anew != sealed, same) == (True, kept)
        async with open_uploads(db, vault, [key]) as [file]:
            assert file.path.read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [
        "content = set_byte(content, 19, 255 - get_byte(content, 19))",
        "key_sealed = set_byte(key_sealed, 30, 255 - get_byte(key_sealed, 30))",
        "content = (select o.content from steelyard.import_uploads as o where o.upload_id = :other)",
        "key_sealed = (select o.key_sealed from steelyard.import_uploads as o where o.upload_id = :other)",
    ],
)
async def test_a_file_that_was_damaged_or_changed_for_another_does_not_open(
    somebody: UUID, vault: Vault, damage: str
) -> None:
    del somebody
    other = await keep(vault, "other.csv", b"other rows")
    key = await keep(vault, "a.csv", b"rows")
    async with get_migrator_session() as db:
        change = (
            f"update steelyard.import_uploads set {damage} where upload_id = :key and upload_id <> :other"  # noqa: S608 - our own
        )
        await db.execute(text(change), {"key": key, "other": other})
    async with get_write_session() as db:
        with pytest.raises(
            SealedFileError, match=r"^A file that was kept does not open: it was damaged. Forget it"
        ):
            async with open_uploads(db, vault, [key]):
                pass


async def test_a_file_of_somebody_else_is_not_there(somebody: UUID, vault: Vault) -> None:
    del somebody
    key, other = await keep(vault, "a.csv"), await owner()
    with acting_as(Acting(1, f"user:{other}", other)):
        async with get_write_session() as db:
            assert await list_uploads(db) == ()
            assert await drop_uploads(db, [key]) == 0
            with pytest.raises(
                UploadGoneError, match=r"^A file is not there any more: they are kept for an hour"
            ):
                async with open_uploads(db, vault, [key]):
                    pass


async def test_after_an_hour_a_file_is_gone_by_anybodys_next_call(somebody: UUID, vault: Vault) -> None:
    del somebody
    key, other = await keep(vault, "a.csv"), await owner()
    async with get_migrator_session() as db:
        await db.execute(
            text(
                "update steelyard.import_uploads set uploaded_at = now() - interval '61 minutes' where upload_id = :k"
            ),
            {"k": key},
        )
    async with get_write_session() as db:
        assert await list_uploads(db) == ()
    with acting_as(Acting(1, f"user:{other}", other)):
        await keep(vault, "b.csv")
    async with get_migrator_session() as db:
        left = await db.scalars(text("select upload_id from steelyard.import_uploads"))
        assert key not in set(left)


@pytest.mark.parametrize("name", ["", "folder/", "a\x00.csv", "a" * 256])
async def test_a_name_that_is_none_is_refused(somebody: UUID, vault: Vault, name: str) -> None:
    del somebody
    with pytest.raises(UploadError, match="give it a name"):
        await keep(vault, name)
    await keep(vault, "a" * 255)


async def test_what_is_too_much_is_refused(somebody: UUID, vault: Vault) -> None:
    del somebody
    with pytest.raises(UploadError, match=r"a\.csv\W.* it is empty\b"):
        await keep(vault, "a.csv", b"")
    with pytest.raises(UploadError, match=r"a\.csv\W.* it is larger than 16 MiB"):
        await keep(vault, "a.csv", bytes(MAX_UPLOAD_BYTES + 1))
    await keep(vault, "largest.csv", bytes(MAX_UPLOAD_BYTES))
    for number in range(1, MAX_UPLOADS):
        await keep(vault, f"{number}.csv")
    with pytest.raises(UploadError, match="10 files wait already"):
        await keep(vault, "a.csv")
