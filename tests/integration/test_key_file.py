"""The key file of a store: made once, never replaced, and asked for where it is gone."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.identity.key_file import KeyFileMissingError, MasterKeyMissingError
from steelyard.services.key import (
    KeyFileLostError,
    KeyFileUnnamedError,
    find_key_file,
    make_first_keys,
    open_vault,
)
from steelyard.storage.connection import Pool, get_write_session
from steelyard.storage.embedded import EmbeddedServer

NAME = "users", "name_sealed", "1"


@pytest.fixture
def own_home(own_store: Pool, own_database: EmbeddedServer, tmp_path: Path) -> Pool:
    """The store, as if its data were in a folder of this test."""
    return replace(own_store, server=replace(own_database, home=tmp_path))


async def test_the_embedded_store_makes_its_key_file_at_first_need(own_home: Pool, tmp_path: Path) -> None:
    vault = await open_vault(None, own_home)
    path = tmp_path / "keys" / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    before = path.read_bytes()
    again = await open_vault(None, own_home)
    assert (path.read_bytes(), again.index("login", "ada")) == (before, vault.index("login", "ada"))


async def test_a_store_elsewhere_needs_a_named_key_file(own_store: Pool, tmp_path: Path) -> None:
    elsewhere = own_store  # opened by its URL
    with pytest.raises(KeyFileUnnamedError, match="STEELYARD_KEY_FILE"):
        await open_vault(None, elsewhere)
    named = tmp_path / "named"
    with pytest.raises(KeyFileMissingError, match=str(named)):
        await open_vault(named, elsewhere)
    assert await make_first_keys(named, elsewhere) == named == find_key_file(named, elsewhere)
    assert await make_first_keys(named, elsewhere) is None
    await open_vault(named, elsewhere)


async def test_a_lost_or_foreign_key_file_is_told_and_not_replaced(own_home: Pool, tmp_path: Path) -> None:
    vault = await open_vault(None, own_home)
    async with get_write_session() as db:
        await vault.seal(db, *NAME, "Ada")
    path = tmp_path / "keys" / "master.key"
    path.rename(tmp_path / "kept")
    with pytest.raises(KeyFileLostError, match=f"k-[0-9a-f]{{8}}, and there is no key file {path}"):
        await open_vault(None, own_home)
    assert not path.exists()
    other = tmp_path / "other"
    with pytest.raises(KeyFileLostError):
        await make_first_keys(other, own_home)
    (tmp_path / "kept").rename(path)
    await open_vault(None, own_home)
    own = path.read_bytes()
    path.unlink()
    async with get_write_session() as db:
        await vault.seal(db, *NAME, "Ada")  # a vault that is open has what it needs
    path.write_bytes(own.replace(b"\nk-", b"\nx-"))
    path.chmod(0o600)
    with pytest.raises(MasterKeyMissingError, match=r"k-[0-9a-f]{8}"):
        await open_vault(None, own_home)
