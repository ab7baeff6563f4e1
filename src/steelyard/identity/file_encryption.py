"""Files that only we can read: each is encrypted with a key of its own, and that key is sealed as a field.

AES-256-GCM (NIST SP 800-38D). The key is made for one file and used once, so a key of the tenant is never used on much
data, and a rotation seals 88 characters anew where it would have sealed a file.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from steelyard.errors import ConflictError
from steelyard.identity import Random
from steelyard.identity.field_encryption import KEY_LENGTH, NONCE_LENGTH, TAG_LENGTH

OVERHEAD: Final = TAG_LENGTH
"""Bytes that an encrypted file is longer."""
PURPOSE: Final = b"steelyard: sealed file, 1"


class SealedFileError(ConflictError):
    """An encrypted file does not open."""

    def __init__(self) -> None:
        """Say what to do; which file, who asked knows."""
        super().__init__("A file that was kept does not open: it was damaged. Forget it, and give it again.")


def encrypt_file(content: bytes, random: Random) -> tuple[str, bytes]:
    """Encrypt a file with a new key.

    Args:
        content: any bytes; how many stays visible.
        random: gives key and nonce.

    Returns:
        key and nonce, as text to be sealed, and the encrypted file, which ends with 16 bytes of tag; the nonce stands
        with the key so that a large file is not copied to stand behind it.

    >>> key, encrypted = encrypt_file(b"Date,Amount", bytes)
    >>> len(encrypted) - len(b"Date,Amount"), decrypt_file(encrypted, key)
    (16, b'Date,Amount')
    """
    key, nonce = random(KEY_LENGTH), random(NONCE_LENGTH)
    return (key + nonce).hex(), AESGCM(key).encrypt(nonce, content, PURPOSE)


def decrypt_file(encrypted: bytes, key: str) -> bytes:
    """Decrypt what `encrypt_file` made.

    Raises:
        SealedFileError: it was made with another key, or a bit of it changed.
    """
    try:
        secret = bytes.fromhex(key)
        return AESGCM(secret[:KEY_LENGTH]).decrypt(secret[KEY_LENGTH:], encrypted, PURPOSE)
    except (InvalidTag, ValueError):
        raise SealedFileError from None
