"""What may be answered once: sign-ins under way or half done, and passkey challenges."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


class Purpose(StrEnum):
    """What an answer is good for."""

    SIGN_IN = "sign_in"
    SECOND_FACTOR = "second_factor"
    """A sign-in that waits for its second factor."""
    PASSKEY = "passkey"
    """The passkey that is this second factor."""
    STEP_UP = "step_up"
    REGISTER = "register"
    """A new passkey."""
    ENROL = "enrol"
    """A new authenticator app."""
    IDENTITY = "identity"
    """A provider's person whom a user says they are."""
    ACCEPT = "accept"
    """A one-time link."""
    APPROVE = "approve"
    """A proposal or a run, whose hash is part of the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What is asked, of whom and for what.

    Attributes:
        hash: SHA-256 of what is asked.
        purpose: what an answer is good for.
        session_id: the session that must answer; None = nobody is signed in yet.
        user_id: who must answer; None = whoever can.
        epoch: the user's when it was asked.
        factors: what was shown before.
        link_hash: the one-time link that is accepted by answering.
        tries: how many answers were given.
    """

    hash: bytes
    purpose: Purpose
    session_id: UUID | None = None
    user_id: UUID | None = None
    epoch: int | None = None
    factors: frozenset[str] = frozenset()
    link_hash: bytes | None = None
    tries: int = 0


async def add_challenge(db: WriteSession, challenge: Challenge, *, expires_at: datetime) -> None:
    """Ask, in the tenant of the transaction."""
    values = {
        "challenge_hash": challenge.hash,
        "session_id": challenge.session_id,
        "user_id": challenge.user_id,
        "epoch": challenge.epoch,
        "factors": sorted(challenge.factors),
        "link_hash": challenge.link_hash,
        "purpose": challenge.purpose.value,
        "expires_at": expires_at,
    }
    await db.execute(query("insert_challenge"), values)


async def find_challenge(
    db: WriteSession, challenge_hash: bytes, *purposes: Purpose, now: datetime
) -> tuple[int | None, UUID | None] | None:
    """Find out who is to answer, before it is known who asks.

    Returns:
        Tenant and user, each None where it is nobody in particular; None = nothing is asked there.
    """
    values = {
        "challenge_hash": challenge_hash,
        "purposes": [purpose.value for purpose in purposes],
        "now": now,
    }
    row = (await db.execute(query("find_challenge"), values)).one_or_none()
    return None if row is None else (row.tenant_id, row.user_id)


async def try_challenge(
    db: WriteSession, challenge_hash: bytes, purpose: Purpose, *, most: int, now: datetime
) -> Challenge | None:
    """Count an answer before it is looked at; None = there is no such question, or it had `most` answers."""
    values = {"challenge_hash": challenge_hash, "purpose": purpose.value, "most": most, "now": now}
    row = (await db.execute(query("try_challenge"), values)).one_or_none()
    return None if row is None else _challenge(challenge_hash, row)


async def take_challenge(
    db: WriteSession, challenge_hash: bytes, *purposes: Purpose, now: datetime
) -> Challenge | None:
    """Take what is answered away; None = nothing was asked there for any of these purposes, or it was answered."""
    values = {
        "challenge_hash": challenge_hash,
        "purposes": [purpose.value for purpose in purposes],
        "now": now,
    }
    row = (await db.execute(query("take_challenge"), values)).one_or_none()
    return None if row is None else _challenge(challenge_hash, row)


async def delete_old_challenges(db: WriteSession, *, now: datetime) -> None:
    """Forget what nobody answered in time, as far as this transaction sees it."""
    await db.execute(query("delete_old_challenges"), {"now": now})


def _challenge(challenge_hash: bytes, row: Any) -> Challenge:
    return Challenge(
        hash=challenge_hash,
        purpose=Purpose(row.purpose),
        session_id=row.session_id,
        user_id=row.user_id,
        epoch=row.epoch,
        factors=frozenset(row.factors),
        link_hash=row.link_hash,
        tries=row.tries,
    )
