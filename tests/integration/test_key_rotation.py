"""S47: rotation of keys while others work, killed in the middle, and the master key above."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from secrets import token_bytes

import pytest
from sqlalchemy import text

from people_rows import NAME, new_vault, read_key_numbers, read_names, user_id, write_name, write_names
from steelyard.identity.field_encryption import SealedFieldError
from steelyard.identity.key_file import KeyFile, MasterKeyMissingError
from steelyard.identity.vault import Vault
from steelyard.services.key import list_keys
from steelyard.services.key_rotation import rotate_keys, rotate_master_key
from steelyard.storage.connection import Pool, get_db_session, get_write_session
from steelyard.storage.embedded import EmbeddedServer

ROTATE_SLOWLY = """
import asyncio, sys
from pathlib import Path
from secrets import token_bytes
from steelyard.identity.key_file import KeyFile
from steelyard.identity.vault import Vault
from steelyard.services import key_rotation
from steelyard.storage.connection import init_connection_pool

key_rotation.ROWS_AT_ONCE = 1

async def rotate():
    await init_connection_pool(sys.argv[1])
    await key_rotation.rotate_keys(Vault.open(KeyFile(Path(sys.argv[2]), token_bytes)))

asyncio.run(rotate())
"""
SWAP = """
update steelyard.users
set name_sealed = (select name_sealed from steelyard.users where user_id = cast(:a as uuid))
where user_id = cast(:b as uuid)
"""
WAITING = "select exists (select from pg_locks where not granted and locktype in ('tuple', 'transactionid'))"


@pytest.fixture
def vault(tmp_path: Path, own_store: Pool) -> Vault:
    del own_store  # opening it is what matters
    return new_vault(tmp_path)


async def states() -> dict[int, str]:
    """Key → what it does."""
    return {
        key.key_id: "destroyed" if key.destroyed_at else "decrypts" if key.retired_at else "encrypts"
        for key in await list_keys()
    }


async def somebody_waits() -> bool:
    async with get_db_session() as db:
        return bool((await db.execute(text(WAITING))).scalar_one())


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.005)


async def test_rotation_under_load_loses_nothing(vault: Vault) -> None:
    names = {number: f"name {number}, 0" for number in range(1, 301)}
    await write_names(vault, names)
    ended, reads = asyncio.Event(), 0

    async def write(numbers: range) -> None:
        turn = 0
        while not ended.is_set():
            turn += 1
            for number in numbers:
                await write_names(vault, {number: f"name {number}, {turn}"})
                names[number] = f"name {number}, {turn}"

    async def read() -> None:
        nonlocal reads
        while not ended.is_set():
            found = await read_names(vault)
            assert {number: name.partition(",")[0] for number, name in found.items()} == {
                number: f"name {number}" for number in names
            }
            reads += 1

    async def rotate() -> None:
        for key_id in range(2, 7):
            (done,) = await rotate_keys(vault)
            assert (done.key_id, done.resumed, done.destroyed) == (key_id, False, (key_id - 1,))
        ended.set()

    async with asyncio.TaskGroup() as group:
        for task in (write(range(1, 20)), write(range(20, 40)), read(), rotate()):
            group.create_task(task)
    assert reads
    assert await read_names(vault) == names
    assert await read_key_numbers() == {6}
    assert await states() == {
        1: "destroyed",
        2: "destroyed",
        3: "destroyed",
        4: "destroyed",
        5: "destroyed",
    } | {6: "encrypts"}


async def test_rotation_waits_for_who_is_sealing(vault: Vault) -> None:
    await write_names(vault, {1: "Ada"})
    async with get_write_session() as db:
        await write_name(db, vault, 2, "Bob")
        rotation = asyncio.create_task(rotate_keys(vault))
        await until(somebody_waits)
    (done,) = await rotation
    assert (done.resealed, done.destroyed) == (2, (1,))
    assert await read_names(vault) == {1: "Ada", 2: "Bob"}


async def test_who_seals_while_keys_change_takes_the_new_one(vault: Vault) -> None:
    await write_names(vault, {1: "Ada"})
    async with get_write_session() as db:
        await db.execute(text("update steelyard.tenant_keys set retired_at = now()"))
        await vault.add_key(db, 2)
        writing = asyncio.create_task(write_names(vault, {2: "Bob"}))
        await until(somebody_waits)
    await writing
    assert await read_key_numbers() == {1, 2}
    (done,) = await rotate_keys(vault)
    assert (done.resumed, done.resealed) == (True, 1)


async def test_who_read_a_row_before_its_key_was_destroyed_opens_it(vault: Vault) -> None:
    await write_names(vault, {1: "Ada"})
    async with get_write_session() as db:
        read = "select name_sealed from steelyard.users where user_id = cast(:id as uuid)"
        sealed = (await db.execute(text(read), {"id": user_id(1)})).scalar_one()
        await rotate_keys(vault)
        stranger = Vault.open(vault.master)  # remembers no key
        assert await stranger.unseal(db, *NAME, user_id(1), sealed) == "Ada"


async def test_a_rotation_killed_in_the_middle_is_taken_to_its_end(
    vault: Vault,
    tmp_path: Path,
    own_database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
) -> None:
    names = {number: f"name {number}" for number in range(1, 201)}
    await write_names(vault, names)
    for old in (1, 2):
        arguments = [urls(own_database)[0], f"{tmp_path}/keys/master.key"]
        process = subprocess.Popen([sys.executable, "-c", ROTATE_SLOWLY, *arguments])
        await until(in_the_middle)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert await read_key_numbers() == {old, old + 1}
        assert await states() == {1: "destroyed"} | {old: "decrypts", old + 1: "encrypts"}
        assert await read_names(vault) == names
        await write_names(vault, {1: names[1], 200: names[200]})
        (done,) = await rotate_keys(vault)
        assert (done.key_id, done.resumed, done.destroyed) == (old + 1, True, (old,))
        assert await read_names(vault) == names
    assert await read_key_numbers() == {3}


async def in_the_middle() -> bool:
    return len(await read_key_numbers()) == 2


async def test_two_rotations_at_once_are_one_or_two_whole_ones(vault: Vault) -> None:
    names = {number: f"name {number}" for number in range(1, 101)}
    await write_names(vault, names)
    await asyncio.gather(rotate_keys(vault), rotate_keys(vault))
    found = list((await states()).values())
    assert found == ["destroyed"] * (len(found) - 1) + ["encrypts"]
    assert await read_names(vault) == names


async def test_a_damaged_field_keeps_its_key(vault: Vault) -> None:
    await write_names(vault, {1: "Ada", 2: "Bob"})
    async with get_write_session() as db:
        await db.execute(text(SWAP), {"a": user_id(1), "b": user_id(2)})
    with pytest.raises(SealedFieldError, match=f"users.name_sealed of {user_id(2)} does not open"):
        await rotate_keys(vault)
    assert await states() == {1: "decrypts", 2: "encrypts"}
    await write_names(vault, {2: "Bob"})
    await rotate_keys(vault)
    assert await read_names(vault) == {1: "Ada", 2: "Bob"}


async def test_the_master_key_rotates_beneath_open_vaults(vault: Vault, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    await write_names(vault, {1: "Ada"})
    await rotate_keys(vault)
    before, elsewhere = path.read_text(), Vault.open(KeyFile(path, token_bytes))
    done = await rotate_master_key(vault)
    assert (done.resumed, done.rewrapped) == (False, 1)
    assert path.read_text().startswith(before)
    assert {key.wrapped_by for key in await list_keys() if not key.destroyed_at} == {done.name}
    assert await read_names(elsewhere) == {1: "Ada"}
    again = Vault.open(KeyFile(path, token_bytes))
    assert (again.index("login", "ada"), again.cookie_key) == (vault.index("login", "ada"), vault.cookie_key)
    path.write_text(before)
    with pytest.raises(MasterKeyMissingError, match=done.name):
        await read_names(Vault.open(KeyFile(path, token_bytes)))


async def test_a_master_key_that_was_only_added_is_used_by_the_next_rotation(vault: Vault) -> None:
    await write_names(vault, {1: "Ada"})
    added = await rotate_master_key(vault, only_add=True)
    assert (added.resumed, added.rewrapped) == (False, 0)
    done = await rotate_master_key(vault)
    assert (done.name, done.resumed, done.rewrapped) == (added.name, True, 1)
    assert await read_names(vault) == {1: "Ada"}
