"""Sessions: what a browser holds, how long it counts, and what it has proved."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import UUID

from steelyard.errors import NotPermittedError
from steelyard.identity import Random
from steelyard.identity.permissions import Actor, Role, Standing, needs_second_factor

SECRET_LENGTH: Final = 32
"""Bytes: 256 bits, of which a plain hash may be kept."""

SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")

ABSOLUTE: Final = timedelta(hours=12)
IDLE: Final = timedelta(minutes=30)
IDLE_SHORT: Final = timedelta(minutes=15)
SHORT_IDLE_ROLES: Final = frozenset({Role.ADVISOR, Role.COMPLIANCE, Role.ADMIN})
STEP_UP_AGE: Final = timedelta(minutes=5)
SEEN_EVERY: Final = timedelta(minutes=1)
"""How often at most it is written down that somebody was seen; the idle limit counts from there, so never too late."""


class Factor(StrEnum):
    """What somebody proved who they are with."""

    PASSWORD = "password"  # noqa: S105 - the name of a factor, not a password
    TOTP = "totp"
    PASSKEY = "passkey"
    """With user verification: the device, and what unlocks it."""
    RECOVERY_CODE = "recovery_code"
    OIDC = "oidc"
    OIDC_MFA = "oidc_mfa"
    """At a provider that is believed when it says that there were two factors."""


FIRST: Final = frozenset({Factor.PASSWORD, Factor.OIDC})
SECOND: Final = frozenset({Factor.TOTP, Factor.RECOVERY_CODE})
BOTH: Final = frozenset({Factor.PASSKEY, Factor.OIDC_MFA})


class NotSignedInError(NotPermittedError):
    """There is no such session or token, or it has ended: one answer, whatever the cause."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("You are not signed in, or no longer. Sign in, or make a new token.")


class StepUpNeededError(NotPermittedError):
    """What is asked for needs a factor shown a short while ago."""

    def __init__(self, age: timedelta) -> None:
        """Say how old it may be."""
        super().__init__(
            f"Prove again who you are: this needs a factor shown in the last {age // timedelta(minutes=1)} minutes."
        )
        self.age = age


@dataclass(frozen=True, slots=True)
class Session:
    """A session, as lists show it; nothing in it opens one.

    Attributes:
        session_id: what lists and audits call it.
        user_id: whose.
        factors: what was shown.
        auth_time: when a factor was last shown.
        created_at: when the person signed in.
        last_seen_at: the last request, to the minute.
        address: where it was begun from.
        user_agent: what it was begun with.
    """

    session_id: UUID
    user_id: UUID
    factors: frozenset[str]
    auth_time: datetime
    created_at: datetime
    last_seen_at: datetime
    address: str = ""
    user_agent: str = ""


def new_secret(random: Random) -> str:
    """Make what opens a session: 256 bits that nobody can foresee, as 43 characters that a cookie may hold."""
    return urlsafe_b64encode(random(SECRET_LENGTH)).decode().rstrip("=")


def hash_secret(secret: str) -> bytes:
    """Give what is kept of a secret: SHA-256, which suffices for 256 bits of chance.

    Raises:
        NotSignedInError: it is none of ours; nothing needs to be looked up.

    >>> len(hash_secret("A" * 43))
    32
    """
    if not SECRET.fullmatch(secret):
        raise NotSignedInError
    return sha256(secret.encode()).digest()


def idle_limit(role: Role) -> timedelta:
    """How long a session of the role lives without a request.

    >>> str(idle_limit(Role.ADVISOR))
    '0:15:00'
    """
    return IDLE_SHORT if role in SHORT_IDLE_ROLES else IDLE


def is_live(session: Session, *, role: Role, now: datetime) -> bool:
    """Whether neither limit of a session is reached; at the very limit it is over.

    Args:
        session: one that nobody ended.
        role: the user's now.
        now: the time, with its zone.
    """
    return now < session.last_seen_at + idle_limit(role) and now < session.created_at + ABSOLUTE


def has_second_factor(factors: Collection[str]) -> bool:
    """Whether two factors of different kinds were shown; a passkey is two, and so is a provider that says so.

    >>> has_second_factor({"password", "totp"}), has_second_factor({"totp", "recovery_code"})
    (True, False)
    """
    shown = frozenset(factors)
    return bool(shown & BOTH) or bool(shown & FIRST and shown & SECOND)


def standing_of(
    factors: Collection[str], *, role: Role, tenant_requires: bool, is_enrolled: bool
) -> Standing:
    """Say how far a session has proved who it is.

    Args:
        factors: what it has shown.
        role: the user's.
        tenant_requires: whether the tenant asks everybody for a second factor.
        is_enrolled: whether the user has an authenticator app or a passkey; who has one must show it, whatever
            the role.

    >>> standing_of({"password"}, role=Role.VIEWER, tenant_requires=False, is_enrolled=True).value
    'must_show'
    """
    if has_second_factor(factors):
        return Standing.FULL
    if is_enrolled:
        return Standing.MUST_SHOW
    return (
        Standing.MUST_ENROL if needs_second_factor(role, tenant_requires=tenant_requires) else Standing.FULL
    )


def require_recent(actor: Actor, now: datetime, age: timedelta = STEP_UP_AGE) -> None:
    """Return where a factor was shown a short while ago, or the operator asks.

    Raises:
        StepUpNeededError: the factor is as old as `age`, or older; a token never has one.
    """
    if actor.is_operator:
        return
    if actor.auth_time is None or now >= actor.auth_time + age:
        raise StepUpNeededError(age)
