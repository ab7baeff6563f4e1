"""Sign-ins under way: what the browser keeps, sealed, from the moment it leaves for a provider until it comes back."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from steelyard.errors import InvalidInputError
from steelyard.identity import LEEWAY, Random

LIFETIME: Final = timedelta(minutes=10)
PURPOSE: Final = b"steelyard: sign-in under way, 1"
NONCE_LENGTH: Final = 12
PATH: Final = re.compile(r"/[A-Za-z0-9_.~!$&'()*+,;=:?%/-]{0,1000}")
HIDDEN: Final = re.compile(r"%(?:2f|5c|40|7f|[01])", re.IGNORECASE)
"""A slash, backslash, @ or control character, encoded."""

MAX_SEALED_LENGTH: Final = 4096
"""What a browser keeps in one cookie."""


class ReturnPathError(InvalidInputError):
    """Where to go after the sign-in is not a page of ours."""

    def __init__(self) -> None:
        """Say the rule; the path comes from a link that anybody may have made, and is not repeated."""
        super().__init__(
            "After signing in you can only go to a page of this site: `next` is a path such as /accounts?page=2, "
            "with one slash in front. Open the page from the start page."
        )


class NoSignInError(InvalidInputError):
    """Nothing is known of a sign-in under way."""

    def __init__(self) -> None:
        """Say what may have happened."""
        super().__init__(
            "No sign-in is under way in this browser: it was begun in another one, more than "
            f"{LIFETIME // timedelta(minutes=1)} minutes ago, or its cookie was lost. Sign in again."
        )


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in under way at a provider. Whoever holds it can end it: it is sealed before it leaves us.

    Attributes:
        provider: its name.
        state: comes back in the callback.
        nonce: comes back in the identity token.
        verifier: shown with the code (PKCE).
        began_at: when.
        return_to: a path of ours to go to afterwards.
        max_age: how long ago at most they may have proved who they are, for a step-up; None = any time.
    """

    provider: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    began_at: datetime
    return_to: str
    max_age: timedelta | None

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the state, to be recorded when it has ended, so that it ends once."""
        return sha256(self.state.encode()).digest()


def begin_pending(
    provider: str, *, now: datetime, random: Random, return_to: str, max_age: timedelta | None
) -> PendingSignIn:
    """Make a sign-in with state, nonce and verifier of 256 bits each; raises ReturnPathError."""
    state, nonce, verifier = (_base64(random(32)) for _ in range(3))
    return PendingSignIn(provider, state, nonce, verifier, now, check_return_path(return_to), max_age)


def check_return_path(path: str) -> str:
    r"""Give the path back where it is one of this site; browsers take `//`, `/\` and what hides them elsewhere.

    Raises:
        ReturnPathError: it is anything else.

    >>> check_return_path("/accounts?page=2")
    '/accounts?page=2'
    >>> check_return_path("//evil.example")
    Traceback (most recent call last):
    ...
    steelyard.identity.pending.ReturnPathError: After signing in you can only go to a page of this site: ...
    """
    place = path.partition("?")[0]
    if not PATH.fullmatch(path) or "//" in place or HIDDEN.search(place):
        raise ReturnPathError
    return path


def seal(pending: PendingSignIn, key: bytes, random: Random) -> str:
    """Encrypt for a cookie, with AES-256-GCM.

    Args:
        pending: what to seal.
        key: 32 bytes that only our servers know.
        random: gives the nonce.
    """
    values = asdict(pending) | {
        "began_at": pending.began_at.isoformat(),
        "max_age": None if pending.max_age is None else pending.max_age.total_seconds(),
    }
    nonce = random(NONCE_LENGTH)
    return _base64(nonce + AESGCM(key).encrypt(nonce, json.dumps(values).encode(), PURPOSE))


def unseal(sealed: str | None, key: bytes, now: datetime) -> PendingSignIn:
    """Read what `seal` wrote.

    Raises:
        NoSignInError: there is nothing, it was not sealed with this key, or it is older than ten minutes.
    """
    if not sealed or len(sealed) > MAX_SEALED_LENGTH or not sealed.isascii():
        raise NoSignInError
    try:
        data = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        text = AESGCM(key).decrypt(data[:NONCE_LENGTH], data[NONCE_LENGTH:], PURPOSE)
    except (InvalidTag, ValueError, Base64Error) as error:
        raise NoSignInError from error
    pending = _read(json.loads(text))
    if not -LEEWAY <= now - pending.began_at < LIFETIME:
        raise NoSignInError
    return pending


def _read(values: dict[str, Any]) -> PendingSignIn:
    pending = PendingSignIn(**values)
    max_age = values["max_age"]
    return replace(
        pending,
        began_at=datetime.fromisoformat(values["began_at"]),
        max_age=None if max_age is None else timedelta(seconds=max_age),
    )


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
