"""API tokens: what a program holds, and how long it counts."""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from steelyard.errors import InvalidInputError
from steelyard.identity import Random

SECRET_LENGTH: Final = 32
"""Bytes: 256 bits, of which a plain hash may be kept."""

TOKEN: Final = re.compile(r"sy_[0-9a-f]{32}_[A-Za-z0-9_-]{43}")
"""The prefix lets scanners of source code find one that was left there; the id says which one to revoke."""

LONGEST_LIFE: Final = timedelta(days=365)


class TokenLifeError(InvalidInputError):
    """A token is to live longer than tokens do, or has ended before it begins."""

    def __init__(self, expires_at: datetime) -> None:
        """Name the day, and the longest life."""
        super().__init__(
            f"A token cannot end at {expires_at:%Y-%m-%d %H:%M} UTC: it lives {LONGEST_LIFE.days} days at most, and "
            "ends in the future."
        )


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made.

    Attributes:
        token_id: what lists and audits call it; opens nothing.
        text: the token; to be shown once and kept by nobody here.
    """

    token_id: UUID
    text: str = field(repr=False)

    @property
    def hash(self) -> bytes:
        """What is kept of it."""
        return hash_token(self.text)


def new_token(random: Random) -> NewToken:
    """Make a token of 256 bits that nobody can foresee."""
    token_id = UUID(bytes=random(16), version=4)
    secret = urlsafe_b64encode(random(SECRET_LENGTH)).decode().rstrip("=")
    return NewToken(token_id, f"sy_{token_id.hex}_{secret}")


def is_token(text: str) -> bool:
    """Whether a text has the form of a token; a session's secret never has.

    >>> is_token(f"sy_{'0' * 32}_{'A' * 43}"), is_token("A" * 43)
    (True, False)
    """
    return TOKEN.fullmatch(text) is not None


def hash_token(text: str) -> bytes:
    """Give what is kept of a token: SHA-256, which suffices for 256 bits of chance."""
    return sha256(text.encode()).digest()


def check_token_life(expires_at: datetime, now: datetime) -> None:
    """Refuse a life of more than a year, or of none.

    Raises:
        TokenLifeError: `expires_at` is not in the year after `now`.
    """
    if not now < expires_at <= now + LONGEST_LIFE:
        raise TokenLifeError(expires_at)
