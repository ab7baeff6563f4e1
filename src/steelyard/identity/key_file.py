"""The keys above all keys: what encrypts the tenants' keys stands outside the database, in a file or a service.

The key file is text, a key a line, `name base64`; what follows # is a remark:

    index  <32 bytes in base64>    the secret of keyed hashes; stays the same for the life of the store
    k-3f0c <32 bytes in base64>    a master key; the last one encrypts, the ones before still decrypt
"""

import os
import re
import stat
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from steelyard.errors import InvalidInputError, NotFoundError, UpstreamError
from steelyard.identity import Random
from steelyard.identity.field_encryption import KEY_LENGTH, NONCE_LENGTH, join_context
from steelyard.storage.files import sync_folder, write_private

INDEX: Final = "index"
KEY_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
PURPOSE: Final = "steelyard: wrapped key, 1"
HEAD: Final = (
    "# Steelyard's key file. Without it nobody reads what is encrypted in the database; with both, anybody does.\n"
    "# Keep a copy, apart from the backups of the database. docs/how-to/keep-your-keys.md says more.\n"
)
MAX_FILE_LENGTH: Final = 64 * 1024


class KeyFileMissingError(NotFoundError):
    """There is no key file where there should be one."""

    def __init__(self, path: Path) -> None:
        """Name it."""
        super().__init__(
            f"There is no key file {path}. Put it back from where you keep its copy, "
            "or name it in STEELYARD_KEY_FILE."
        )


class KeyFileError(InvalidInputError):
    """The key file breaks a rule."""

    def __init__(self, path: Path, fault: str, way_out: str) -> None:
        """Name the file and the fault; never what the file holds."""
        super().__init__(f"The key file {path} {fault}. {way_out}.")


class MasterKeyMissingError(NotFoundError):
    """The master key that encrypted a tenant's key is not at hand."""

    def __init__(self, name: str, place: str) -> None:
        """Name the key, and where it was looked for."""
        super().__init__(
            f"The database needs the master key {name}, which is not in {place}. Name the key file that belongs to "
            "this database in STEELYARD_KEY_FILE, or put that key's line back from where you keep its copy."
        )


class WrappedKeyError(UpstreamError):
    """A tenant's key does not open."""

    def __init__(self, tenant_id: int, key_id: int, name: str, place: str) -> None:
        """Name both keys."""
        super().__init__(
            f"Key {key_id} of tenant {tenant_id} does not open with the master key {name} of {place}: the row in "
            "tenant_keys was damaged or moved, or the file is another database's. Restore the one or the other."
        )


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A tenant's key, encrypted for one tenant and number.

    Attributes:
        name: of the master key that encrypted it.
        data: what it gave.
    """

    name: str
    data: bytes = field(repr=False)


class KeyWrapper(Protocol):
    """Encrypts and decrypts the tenants' keys: a key file, or a service that never gives its key away."""

    @property
    def index_key(self) -> bytes:
        """32 bytes for keyed hashes and cookies; the same for the life of the store, whatever master key is new."""

    async def wrap(self, key: bytes, tenant_id: int, key_id: int) -> WrappedKey:
        """Encrypt a key of a tenant, with the newest master key."""

    async def unwrap(self, wrapped: WrappedKey, tenant_id: int, key_id: int) -> bytes:
        """Decrypt it.

        Raises:
            MasterKeyMissingError: the master key it names is not at hand.
            WrappedKeyError: it was encrypted for another tenant or number, with another key, or a bit changed.
        """


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """What a key file holds.

    Attributes:
        index_key: the secret of keyed hashes, 32 bytes.
        masters: name → 32 bytes, at least one; the last one encrypts.
    """

    index_key: bytes = field(repr=False)
    masters: Mapping[str, bytes] = field(repr=False)

    @property
    def newest(self) -> str:
        """Name of the master key that encrypts."""
        return list(self.masters)[-1]


class KeyFile:
    """Wraps with the keys of a file, and reads it again where it may have changed: a rotation adds to it."""

    def __init__(self, path: Path, random: Random) -> None:
        """Read the file.

        Args:
            path: the file.
            random: gives keys and nonces.

        Raises:
            KeyFileMissingError, KeyFileError: it is not there, or breaks a rule.
        """
        self.path, self._random = path, random
        self._keys = read_key_file(path)

    def __repr__(self) -> str:
        """Name the file, not what it holds."""
        return f"KeyFile({str(self.path)!r})"

    @property
    def index_key(self) -> bytes:
        """As the port says."""
        return self._keys.index_key

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the master keys, the oldest first, as the file was read last."""
        return tuple(self._keys.masters)

    def read_names(self) -> tuple[str, ...]:
        """Read the file again; returns the names of the master keys, the oldest first."""
        self._keys = read_key_file(self.path)
        return self.names

    def add_master_key(self) -> str:
        """Add a master key that encrypts from now on; returns its name. The ones before stay and decrypt.

        Raises:
            KeyFileError: the file cannot be written.
        """
        name, path = new_key_name(self._random), self.path.resolve()
        try:
            owner = path.stat()
            before = path.read_bytes().rstrip(b"\n") + b"\n"
            write_private(path, before + key_line(name, self._random(KEY_LENGTH)).encode())
            if path.stat().st_uid != owner.st_uid:  # root's hand on another user's file
                os.chown(path, owner.st_uid, owner.st_gid)
            sync_folder(path.parent)
        except OSError as error:
            fault = f"cannot be written ({error.strerror or type(error).__name__})"
            raise KeyFileError(path, fault, "Let this user write the file and its folder") from None
        self.read_names()
        return name

    async def wrap(self, key: bytes, tenant_id: int, key_id: int) -> WrappedKey:
        """As the port says."""
        self._keys = read_key_file(self.path)
        name, nonce = self._keys.newest, self._random(NONCE_LENGTH)
        context = join_context(PURPOSE, name, str(tenant_id), str(key_id))
        return WrappedKey(name, nonce + AESGCM(self._keys.masters[name]).encrypt(nonce, key, context))

    async def unwrap(self, wrapped: WrappedKey, tenant_id: int, key_id: int) -> bytes:
        """As the port says."""
        context = join_context(PURPOSE, wrapped.name, str(tenant_id), str(key_id))
        nonce, encrypted = wrapped.data[:NONCE_LENGTH], wrapped.data[NONCE_LENGTH:]
        try:
            return AESGCM(self._master(wrapped.name)).decrypt(nonce, encrypted, context)
        except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
            raise WrappedKeyError(tenant_id, key_id, wrapped.name, str(self.path)) from None

    def _master(self, name: str) -> bytes:
        if name not in self._keys.masters:
            self._keys = read_key_file(self.path)
        try:
            return self._keys.masters[name]
        except KeyError:
            raise MasterKeyMissingError(name, str(self.path)) from None


def read_key_file(path: Path) -> MasterKeys:
    """Read a key file.

    Raises:
        KeyFileMissingError: it is not there.
        KeyFileError: others can read it, or a line breaks the form.
    """
    try:
        with path.open("rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            content = file.read(MAX_FILE_LENGTH + 1)
    except FileNotFoundError:
        raise KeyFileMissingError(path) from None
    except OSError as error:
        fault = f"cannot be read ({error.strerror or type(error).__name__})"
        raise KeyFileError(path, fault, "Make it readable for this user alone") from None
    return parse_keys(content, path)


def parse_keys(content: bytes, path: Path) -> MasterKeys:
    """Read the lines of a key file; `path` is named in errors.

    Raises:
        KeyFileError: a line is no key, a key is not 32 bytes long or stands there twice, or one is absent.
    """
    if len(content) > MAX_FILE_LENGTH:
        raise KeyFileError(path, f"is longer than {MAX_FILE_LENGTH} bytes", "Name the right file")
    keys: dict[str, bytes] = {}
    for number, line in enumerate(content.split(b"\n"), 1):
        words = line.partition(b"#")[0].split()
        if words:
            name, key = _read_line(words, path, number)
            if name in keys or key in keys.values():
                raise KeyFileError(path, f"has the key of line {number} twice", "Delete one of the two lines")
            keys[name] = key
    index_key = keys.pop(INDEX, None)
    if index_key is None or not keys:
        absent = "line `index`" if index_key is None else "master key"
        raise KeyFileError(path, f"has no {absent}", "Put it back from where you keep its copy")
    return MasterKeys(index_key, MappingProxyType(keys))


def make_key_file(path: Path, random: Random) -> None:
    """Make a key file with new keys; one that is there stays as it is, whoever made it.

    Its folder is made, too, for its owner alone. At every moment there is no file or a whole one.

    Raises:
        KeyFileError: it cannot be made there.
    """
    try:
        _make(path, random)
    except OSError as error:
        fault = f"cannot be made ({error.strerror or type(error).__name__})"
        raise KeyFileError(path, fault, "Name a place for it in STEELYARD_KEY_FILE") from None


def _make(path: Path, random: Random) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = {INDEX: random(KEY_LENGTH), new_key_name(random): random(KEY_LENGTH)}
    draft = path.with_name(f".{path.name}.{random(8).hex()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(HEAD + "".join(key_line(name, key) for name, key in keys.items()))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename it never replaces a file
        sync_folder(path.parent)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)


def new_key_name(random: Random) -> str:
    """Make a name for a master key; chance keeps the names of two files apart.

    >>> new_key_name(bytes)
    'k-00000000'
    """
    return f"k-{random(4).hex()}"


def key_line(name: str, key: bytes) -> str:
    """Write a line of a key file."""
    return f"{name} {b64encode(key).decode()}\n"


def _read_line(words: list[bytes], path: Path, number: int) -> tuple[str, bytes]:
    place = f"line {number}"
    if len(words) != 2 or not KEY_NAME.fullmatch(words[0].decode("latin-1")):  # noqa: PLR2004 - name and key
        raise KeyFileError(path, f"has no key in {place}", "Write a name and 32 bytes in base64 there")
    try:
        key = b64decode(words[1], validate=True)
    except Base64Error:
        raise KeyFileError(path, f"has no base64 in {place}", "Write 32 bytes in base64 there") from None
    if len(key) != KEY_LENGTH:
        fault = f"has a key of {len(key)} bytes in {place}"
        raise KeyFileError(path, fault, f"A key is {KEY_LENGTH} bytes long")
    return words[0].decode(), key


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyFileError(path, "is no file", "Name a file")
    if os.name == "posix" and status.st_mode & 0o077:  # elsewhere a mode says nothing about others
        mode = stat.S_IMODE(status.st_mode)
        raise KeyFileError(path, f"is open to other users (mode {mode:04o})", f"Run `chmod 600 {path}`")
