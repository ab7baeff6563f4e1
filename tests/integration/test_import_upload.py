"""Files that wait for the page of imports: few, small, for an hour, and nobody else's."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

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
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import Pool, get_migrator_session, get_write_session

USER = "insert into steelyard.users (tenant_id, user_id, role, status) values (1, :user, 'owner', 'active')"


@pytest.fixture
async def somebody(store: Pool) -> AsyncIterator[UUID]:
    """An owner, for whom the block works."""
    del store
    user = await owner()
    with acting_as(Acting(1, f"user:{user}", user)):
        yield user


async def owner() -> UUID:
    user = uuid4()
    async with get_migrator_session() as db:
        await db.execute(text(USER), {"user": user})
    return user


async def keep(name: str, content: bytes = b"x") -> UUID:
    async with get_write_session() as db:
        return (await keep_upload(db, name, content)).upload_id


async def test_a_file_is_given_back_as_it_came(somebody: UUID) -> None:
    del somebody
    content = bytes(range(256))
    key = await keep("C:\\folder\\a.csv", content)
    async with get_write_session() as db:
        assert [(one.name, one.size) for one in await list_uploads(db)] == [("a.csv", 256)]
        async with open_uploads(db, [key]) as [file]:
            path = file.path
            assert (file.name, path.read_bytes()) == ("a.csv", content)
        assert not path.exists()
        assert await drop_uploads(db, [key]) == 1
        assert await list_uploads(db) == ()


async def test_a_file_of_somebody_else_is_not_there(somebody: UUID) -> None:
    del somebody
    key, other = await keep("a.csv"), await owner()
    with acting_as(Acting(1, f"user:{other}", other)):
        async with get_write_session() as db:
            assert await list_uploads(db) == ()
            assert await drop_uploads(db, [key]) == 0
            with pytest.raises(UploadGoneError):
                async with open_uploads(db, [key]):
                    pass


async def test_after_an_hour_a_file_is_gone_by_anybodys_next_call(somebody: UUID) -> None:
    del somebody
    key, other = await keep("a.csv"), await owner()
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
        await keep("b.csv")
    async with get_migrator_session() as db:
        left = await db.scalars(text("select upload_id from steelyard.import_uploads"))
        assert key not in set(left)


@pytest.mark.parametrize("name", ["", "folder/", "a\x00.csv", "a" * 256])
async def test_a_name_that_is_none_is_refused(somebody: UUID, name: str) -> None:
    del somebody
    with pytest.raises(UploadError, match="give it a name"):
        await keep(name)


async def test_what_is_too_much_is_refused(somebody: UUID) -> None:
    del somebody
    with pytest.raises(UploadError, match="it is empty"):
        await keep("a.csv", b"")
    with pytest.raises(UploadError, match="larger than 16 MiB"):
        await keep("a.csv", bytes(MAX_UPLOAD_BYTES + 1))
    for number in range(MAX_UPLOADS):
        await keep(f"{number}.csv")
    with pytest.raises(UploadError, match="10 files wait already"):
        await keep("a.csv")
