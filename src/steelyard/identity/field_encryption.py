"""Fields that only we can read: what stands in a column is good in its own row and nowhere else.

AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits. The tenant, table, column, row and key are
authenticated with it, so a sealed value moved to another row, column or tenant does not open. A sealed value is
1 byte of version, 4 bytes of key id, 12 bytes of nonce, and the ciphertext with its tag of 16 bytes.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from steelyard.errors import InvalidInputError, UpstreamError
from steelyard.identity import Random

VERSION: Final = 1
KEY_LENGTH: Final = 32
NONCE_LENGTH: Final = 12
TAG_LENGTH: Final = 16
HEADER: Final = struct.Struct(">BI")
PURPOSE: Final = "steelyard: sealed field, 1"


class UnencodableTextError(InvalidInputError):
    """A text is no Unicode text."""

    def __init__(self, place: str) -> None:
        """Name where it was meant to go; the text is secret."""
        super().__init__(
            f"The text for {place} holds half of a character (a lone surrogate). Write it again."
        )


class SealedFieldError(UpstreamError):
    """A sealed field does not open."""

    def __init__(self, place: "Field") -> None:
        """Name the field; what it holds stays closed."""
        super().__init__(
            f"{place} does not open: it was damaged, or moved here from another row. "
            "Restore the row from a backup, or write the field again."
        )


@dataclass(frozen=True, slots=True)
class Field:
    """The one place where a sealed value is good.

    >>> print(Field(1, "users", "name_sealed", "42"))
    users.name_sealed of 42

    Attributes:
        tenant_id: whose.
        table: the table.
        column: the column.
        row_id: the key of the row within the tenant.
    """

    tenant_id: int
    table: str
    column: str
    row_id: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.table}.{self.column} of {self.row_id}"


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that fields are encrypted with.

    >>> DataKey(1, bytes(32))
    DataKey(key_id=1)

    Attributes:
        key_id: its number within the tenant.
        secret: 32 bytes.
    """

    key_id: int
    secret: bytes = field(repr=False)


def seal(text: str, key: DataKey, place: Field, random: Random) -> bytes:
    """Encrypt a text for one field.

    Args:
        text: any Unicode text, the empty one included; its length in bytes stays visible.
        key: the tenant's.
        place: where it will stand.
        random: gives the nonce; a nonce must never come twice under one key.

    Raises:
        UnencodableTextError: the text holds a lone surrogate.
    """
    nonce = random(NONCE_LENGTH)
    encrypted = AESGCM(key.secret).encrypt(nonce, encode(text, str(place)), _context(place, key.key_id))
    return HEADER.pack(VERSION, key.key_id) + nonce + encrypted


def unseal(sealed: bytes, key: DataKey, place: Field) -> str:
    """Decrypt what `seal` made for this field.

    Raises:
        SealedFieldError: it was sealed with another key or for another field, or a bit of it changed.
    """
    if key_id_of(sealed, place) != key.key_id:
        raise SealedFieldError(place)
    nonce, encrypted = sealed[HEADER.size :][:NONCE_LENGTH], sealed[HEADER.size + NONCE_LENGTH :]
    try:
        return AESGCM(key.secret).decrypt(nonce, encrypted, _context(place, key.key_id)).decode()
    except InvalidTag:
        raise SealedFieldError(place) from None


def key_id_of(sealed: bytes, place: Field) -> int:
    """Tell which of the tenant's keys a value was sealed with.

    Raises:
        SealedFieldError: it is too short, or of a version that is not ours.

    >>> place = Field(1, "users", "name_sealed", "42")
    >>> key_id_of(seal("Ada", DataKey(7, bytes(32)), place, bytes), place)
    7
    """
    if len(sealed) < HEADER.size + NONCE_LENGTH + TAG_LENGTH:
        raise SealedFieldError(place)
    version, key_id = HEADER.unpack_from(sealed)
    if version != VERSION:
        raise SealedFieldError(place)
    return int(key_id)


def encode(text: str, place: str) -> bytes:
    """Give the text as UTF-8; raises UnencodableTextError without the text, which Python's own error carries."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UnencodableTextError(place) from None


def join_context(*parts: str) -> bytes:
    """Join parts so that no other parts give the same bytes: each after its length in bytes.

    >>> join_context("ab", "c") == join_context("a", "bc")
    False
    """
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(struct.pack(">I", len(part)) + part for part in encoded)


def _context(place: Field, key_id: int) -> bytes:
    return join_context(PURPOSE, str(place.tenant_id), place.table, place.column, place.row_id, str(key_id))
