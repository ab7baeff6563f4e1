"""Signed heads of the audit: whoever rewrites a chain cannot sign the head that somebody kept elsewhere.

A head is signed with Ed25519 (RFC 8032). The key is a file of PEM (PKCS #8), 0600, that OpenSSL reads too; the signed
bytes are a JSON array as RFC 8785 writes it: `["steelyard audit head",tenant,sequence,"hash","signed_at"]`.
"""

import json
import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from steelyard.domain.audit import AuditHead
from steelyard.errors import InvalidInputError
from steelyard.identity import Random
from steelyard.network.strict_json import read_object

PURPOSE: Final = "steelyard audit head"
KEY_LENGTH: Final = 32
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_FIELDS: Final = ("tenant_id", "sequence", "hash", "signed_at", "public_key", "signature")


class AuditKeyError(InvalidInputError):
    """The file of the audit's key cannot be used."""

    def __init__(self, path: Path, fault: str, way_out: str) -> None:
        """Name the file and the fault; never what the file holds."""
        super().__init__(f"The audit's key file {path} {fault}. {way_out}.")


class PublicKeyError(InvalidInputError):
    """A text is no public key."""

    def __init__(self, text: str) -> None:
        """Quote it: it is public."""
        super().__init__(
            f"{text!r:.80} is no public key; give the 64 hexadecimal digits that `steelyard audit key` prints."
        )


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The head of a chain, and who says so.

    Attributes:
        head: the head.
        signed_at: when it was signed: UTC to the second, `2026-11-21T09:30:00Z`.
        public_key: of the key that signed, 32 bytes.
        signature: 64 bytes.
    """

    head: AuditHead
    signed_at: str
    public_key: bytes
    signature: bytes


def sign_head(head: AuditHead, signed_at: str, key: Ed25519PrivateKey) -> SignedHead:
    """Sign a head.

    Args:
        head: the head.
        signed_at: now, as `SignedHead` says.
        key: the audit's key.
    """
    return SignedHead(head, signed_at, public_bytes(key), key.sign(_signed_bytes(head, signed_at)))


def is_signed_by(signed: SignedHead, trusted: Collection[bytes]) -> bool:
    """Tell whether a head was signed with one of the keys whose public halves are `trusted`, and not changed since."""
    if signed.public_key not in trusted:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(signed.public_key)
        key.verify(signed.signature, _signed_bytes(signed.head, signed.signed_at))
    except (InvalidSignature, ValueError):  # ValueError: what is trusted is no point of the curve
        return False
    return True


def describe_head(signed: SignedHead) -> dict[str, str | int]:
    """Return a head as kept: six names with numbers and texts, for a line of JSON or of a log."""
    return {
        "tenant_id": signed.head.tenant_id,
        "sequence": signed.head.sequence,
        "hash": signed.head.hash.hex(),
        "signed_at": signed.signed_at,
        "public_key": signed.public_key.hex(),
        "signature": signed.signature.hex(),
    }


def read_head(line: bytes) -> SignedHead:
    """Read a kept head; other names in the object, as logs add them, do not matter.

    Raises:
        ValueError: it is none, with a sentence that names no place.

    >>> read_head(b'{"tenant_id": 1}')
    Traceback (most recent call last):
    ...
    ValueError: it has no sequence
    """
    found = read_object(line)
    for name in _FIELDS:
        if name not in found:
            raise ValueError(f"it has no {name}")
    head = AuditHead(_number(found, "tenant_id"), _number(found, "sequence"), _bytes(found, "hash"))
    if not isinstance(found["signed_at"], str):
        raise ValueError("its signed_at is no text")  # noqa: TRY004  what was read is wrong, not the argument
    return SignedHead(head, found["signed_at"], _bytes(found, "public_key"), _bytes(found, "signature"))


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the public half of a key: 32 bytes, which anybody may know."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def parse_public_key(text: str) -> bytes:
    """Read a public key as people hand it over: 64 hexadecimal digits.

    Raises:
        PublicKeyError: it is something else.
    """
    if len(text) != 2 * KEY_LENGTH or not _HEX.fullmatch(text.lower()):
        raise PublicKeyError(text)
    return bytes.fromhex(text)


# ── The key's file ──────────────────────────────────────────────────────────────────────────────────────────


def read_audit_key(path: Path) -> Ed25519PrivateKey | None:
    """Read the audit's key; None where there is no file.

    Raises:
        AuditKeyError: others may read the file, or it holds no key of the kind.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuditKeyError(path, f"cannot be read ({error.strerror})", "Make it this user's own") from None
    if mode & 0o077:
        raise AuditKeyError(path, f"is open to other users (mode {mode:04o})", f"Run `chmod 600 {path}`")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditKeyError(path, "holds no Ed25519 key", "Put it back from where you keep its copy")
    return key


def make_audit_key(path: Path, random: Random) -> Ed25519PrivateKey:
    """Return the audit's key, and make its file where there is none; one that is there stays, whoever made it.

    Raises:
        AuditKeyError: as for `read_audit_key`, or it cannot be made there.
    """
    key = read_audit_key(path)
    if key is not None:
        return key
    made = Ed25519PrivateKey.from_private_bytes(random(KEY_LENGTH))
    content = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        _write_once(path, content, random(8).hex())
    except OSError as error:
        fault = f"cannot be made ({error.strerror})"
        raise AuditKeyError(path, fault, "Name a place for the keys in STEELYARD_KEY_FILE") from None
    return read_audit_key(path) or made


def _write_once(path: Path, content: bytes, suffix: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{suffix}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename it never replaces a file
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)


def _signed_bytes(head: AuditHead, signed_at: str) -> bytes:
    items = [PURPOSE, head.tenant_id, head.sequence, head.hash.hex(), signed_at]
    return json.dumps(items, ensure_ascii=False, separators=(",", ":")).encode()


def _number(found: dict[str, object], name: str) -> int:
    value = found[name]
    if type(value) is not int:
        raise ValueError(f"its {name} is no whole number")
    return value


def _bytes(found: dict[str, object], name: str) -> bytes:
    value = found[name]
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError(f"its {name} is no hexadecimal number")
    return bytes.fromhex(value)
