"""Second factors that are typed: codes of an authenticator app (TOTP, RFC 6238), and recovery codes."""

import hmac
import re
from base64 import b32encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal
from urllib.parse import quote, urlencode

from steelyard.errors import NotPermittedError
from steelyard.identity import Random

Algorithm = Literal["sha1", "sha256", "sha512"]

STEP_SECONDS: Final = 30
WINDOW: Final = 1
"""Steps before and after the present one whose codes count: clocks differ, and people type for a while."""

DIGITS: Final = 6
SEED_LENGTH: Final = 20
"""Bytes; as long as the hash, as RFC 4226 recommends."""

RECOVERY_CODES: Final = 10
RECOVERY_LENGTH: Final = 15
"""Bytes: 120 bits, of which a plain hash may be kept (ASVS 5.0, 6.5.2: 112 or more)."""


class WrongCodeError(NotPermittedError):
    """A code does not count. Wrong and used are one answer: nobody learns that a code they saw was right."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "This code is wrong or was used before. Wait for the next one in your app, and see that the clock of your "
            "phone is right; or use a recovery code that you have not used."
        )


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """New recovery codes.

    Attributes:
        codes: to be shown once and kept by nobody here.
        hashes: to be kept, in the same order.
    """

    codes: tuple[str, ...] = field(repr=False)
    hashes: tuple[bytes, ...]


def new_seed(random: Random) -> bytes:
    """Make the secret that an app and we share; to be kept encrypted."""
    return random(SEED_LENGTH)


def enrolment_address(seed: bytes, *, user: str, issuer: str) -> str:
    """Give the address that an app reads as a picture, in the form that Google Authenticator set.

    >>> enrolment_address(b"12345678901234567890", user="ada@example.org", issuer="Steelyard")
    'otpauth://totp/Steelyard:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Steelyard'
    """
    values = urlencode({"secret": b32encode(seed).decode().rstrip("="), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(user, safe='')}?{values}"


def calculate_code(seed: bytes, step: int, *, digits: int = DIGITS, algorithm: Algorithm = "sha1") -> str:
    """Calculate the code of a time step (RFC 6238; RFC 4226, 5.3).

    Args:
        seed: the shared secret.
        step: whole steps of 30 seconds since 1970.
        digits: of the code.
        algorithm: apps know SHA-1 alone; in an HMAC it is sound.

    >>> calculate_code(b"12345678901234567890", 1, digits=8)
    '94287082'
    """
    digest = hmac.digest(seed, step.to_bytes(8), algorithm)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def check_code(seed: bytes, typed: str, *, now: datetime, last_step: int | None) -> int:
    """Let a code count once.

    Args:
        seed: the shared secret.
        typed: six digits, spaces aside.
        now: the time, with its zone. The codes of one step before and after count too.
        last_step: the step whose code counted last; None = none did yet.

    Returns:
        The step of this code, to be kept as `last_step` in the transaction that lets them in, and only where it is
        still greater than what is kept.

    Raises:
        WrongCodeError: it is no code of these steps, or a code of this step or a later one has counted.

    >>> from datetime import UTC
    >>> at_59 = datetime(1970, 1, 1, 0, 0, 59, tzinfo=UTC)
    >>> check_code(b"12345678901234567890", "287 082", now=at_59, last_step=None)
    1
    >>> check_code(b"12345678901234567890", "287 082", now=at_59, last_step=1)
    Traceback (most recent call last):
    ...
    steelyard.identity.mfa.WrongCodeError: This code is wrong or was used before. ...
    """
    code = typed.replace(" ", "")
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", code):
        raise WrongCodeError
    present = int(now.timestamp()) // STEP_SECONDS
    steps = range(max(present - WINDOW, 0), present + WINDOW + 1)
    # Every step is compared, so that the time taken tells nothing.
    matching = [step for step in steps if hmac.compare_digest(calculate_code(seed, step), code)]
    unused = [step for step in matching if last_step is None or step > last_step]
    if not unused:
        raise WrongCodeError
    return unused[0]


def make_recovery_codes(random: Random) -> RecoveryCodes:
    """Make ten codes of 120 bits each; those before them are to be forgotten."""
    codes = tuple(_grouped(b32encode(random(RECOVERY_LENGTH)).decode()) for _ in range(RECOVERY_CODES))
    return RecoveryCodes(codes, tuple(_hash(code) for code in codes))


def find_recovery_code(typed: str, hashes: Collection[bytes]) -> bytes:
    """Find the hash of a recovery code; to be deleted in the transaction that lets them in.

    Args:
        typed: as it was shown; case, hyphens and spaces do not matter.
        hashes: those of the codes that are left.

    Raises:
        WrongCodeError: it is none of them.
    """
    hashed = _hash(typed)
    found = [kept for kept in hashes if hmac.compare_digest(kept, hashed)]
    if not found:
        raise WrongCodeError
    return found[0]


def _grouped(text: str) -> str:
    parts: Sequence[str] = re.findall(".{4}", text)
    return "-".join(parts)


def _hash(code: str) -> bytes:
    plain = re.sub(r"[\s-]", "", code).upper()
    return sha256(plain.encode("utf-8", "replace")).digest()
