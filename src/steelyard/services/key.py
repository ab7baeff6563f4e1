"""Keys: the key file of a store, and the vault it opens."""

from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.identity import Random
from steelyard.identity.key_file import (
    KeyFile,
    KeyFileMissingError,
    MasterKeyMissingError,
    make_key_file,
    read_key_file,
)
from steelyard.identity.vault import Vault
from steelyard.storage.connection import get_db_session
from steelyard.storage.tenant_key import find_key_holders

if TYPE_CHECKING:
    from steelyard.storage.connection import Pool

KEY_FILE: Final = Path("keys", "master.key")  # in the folder of the embedded server


class KeyFileUnnamedError(InvalidInputError):
    """The store is on another server, and no key file is named for it."""

    def __init__(self, place: str) -> None:
        """Name the setting."""
        super().__init__(
            f"The store is {place}, and no key file is named for it: people's data in it is encrypted. Set "
            "STEELYARD_KEY_FILE to a file on this machine; `steelyard init` makes it where there is none."
        )


class KeyFileLostError(NotFoundError):
    """The store has keys, and the file that opens them is not there."""

    def __init__(self, path: Path, names: list[str]) -> None:
        """Name the file and the master keys it must hold."""
        super().__init__(
            f"The database holds keys encrypted with {', '.join(names)}, and there is no key file {path}. Put it back "
            "from where you keep its copy, or name it in STEELYARD_KEY_FILE. A new one would not open them."
        )


def find_key_file(named: Path | None, pool: "Pool") -> Path:
    """Return where the key file of a store is.

    Args:
        named: as the settings name it; None = beside the data of the embedded server.
        pool: on the store.

    Raises:
        KeyFileUnnamedError: the store is not the embedded one, and none is named.
    """
    if named is not None:
        return named.absolute()
    if pool.server is None:
        raise KeyFileUnnamedError(pool.place)
    return pool.server.home / KEY_FILE


async def open_vault(named: Path | None, pool: "Pool", *, random: Random = token_bytes) -> Vault:
    """Open the vault of the open store; the embedded one's key file is made where nothing needs an older one.

    Args:
        named: the key file as the settings name it.
        pool: on the store.
        random: gives keys and nonces.

    Raises:
        KeyFileUnnamedError, KeyFileMissingError, KeyFileError: there is no key file, or it breaks a rule.
        KeyFileLostError, MasterKeyMissingError: what opens the store's keys is not there.
    """
    path = find_key_file(named, pool)
    if named is None:
        await make_first_keys(named, pool, random=random)
    async with get_db_session() as db:
        holders = await find_key_holders(db)
    master = KeyFile(path, random)
    for _, name in holders:
        if name not in master.names:
            raise MasterKeyMissingError(name, str(path))
    return Vault.open(master, random)


async def make_first_keys(named: Path | None, pool: "Pool", *, random: Random = token_bytes) -> Path | None:
    """Make the key file of the open store; returns where it was made, None where it was there.

    Raises:
        KeyFileUnnamedError: the store is not the embedded one, and none is named.
        KeyFileLostError: the store's keys need the file that is gone.
        KeyFileError: it cannot be made there.
    """
    path = find_key_file(named, pool)
    try:
        read_key_file(path)
    except KeyFileMissingError:
        async with get_db_session() as db:
            holders = await find_key_holders(db)
        if holders:
            raise KeyFileLostError(path, sorted({name for _, name in holders})) from None
        make_key_file(path, random)
        return path
    return None
