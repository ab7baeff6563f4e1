"""Sessions: begun, found at each request, made anew when something changes, ended."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from steelyard.errors import NotFoundError
from steelyard.identity import Random
from steelyard.identity.permissions import Actor, ObjectType, Permission, Right, Role, Verb
from steelyard.identity.session import (
    SEEN_EVERY,
    NotSignedInError,
    Session,
    hash_secret,
    is_live,
    new_secret,
    standing_of,
)
from steelyard.identity.token import hash_token, is_token
from steelyard.storage import session as stored
from steelyard.storage import token as stored_tokens
from steelyard.storage.acting import act_as
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession

LONGEST_ADDRESS: Final = 45
LONGEST_USER_AGENT: Final = 200


class UnknownSessionError(NotFoundError):
    """The user has no such session."""

    def __init__(self, session_id: UUID) -> None:
        """Name it."""
        super().__init__(
            f"You have no session {session_id}, or it has ended; list them to see those you have."
        )


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session and what opens it.

    Attributes:
        secret: for the browser's cookie and nobody else; it is kept nowhere.
        session: as lists show it.
    """

    secret: str = field(repr=False)
    session: Session


async def start_session(
    db: WriteSession,
    user_id: UUID,
    factors: Collection[str],
    *,
    epoch: int,
    now: datetime,
    random: Random,
    address: str = "",
    user_agent: str = "",
) -> OpenedSession:
    """Begin a session of a user who has proved who they are.

    Args:
        db: acting as the user.
        user_id: the user.
        factors: what they showed, words of `Factor`.
        epoch: theirs when it was checked.
        now: the time, with its zone.
        random: makes the secret.
        address: where from, for their list.
        user_agent: what with, for their list; shortened.

    Raises:
        NotSignedInError: they may not sign in, or password, factors, role or status changed since `epoch`.
    """
    secret = new_secret(random)
    row = await stored.add_session(
        db,
        hash_secret(secret),
        user_id,
        factors,
        epoch=epoch,
        now=now,
        address=address[:LONGEST_ADDRESS],
        user_agent=user_agent[:LONGEST_USER_AGENT],
    )
    opened = _opened(secret, row)
    await record_event(
        db, "session.start", "session", str(opened.session.session_id), {"factors": _listed(factors)}
    )
    return opened


@dataclass(frozen=True, slots=True)
class FoundActor:
    """Who asks, and whether it is to be noted that they were there."""

    actor: Actor
    is_to_be_noted: bool


async def find_actor(
    db: WriteSession, secret: str, *, now: datetime, request_id: str = "", is_present: bool = True
) -> Actor:
    """Say who asks: the user of a session or of an API token, with role and grants as they are now.

    One question to the store; once a minute a second, which notes that they were seen.

    Args:
        db: acting as nobody.
        secret: what the cookie or the token says.
        now: the time, with its zone.
        request_id: the request.
        is_present: whether somebody asks, and no page by itself: only who is present keeps a session alive.

    Raises:
        NotSignedInError: there is no such session or token, it has ended or is too old, or its user may not sign in.
    """
    found = (await find_actors([secret], now=now)).get(secret)
    if found is None:
        raise NotSignedInError
    actor = replace(found.actor, request_id=request_id)
    if is_present and found.is_to_be_noted:
        await note_presence(db, actor, now=now)
    return actor


async def find_actors(secrets: Collection[str], *, now: datetime) -> dict[str, FoundActor]:
    """Say who asks by each of some secrets, as `find_actor`; a secret that opens nothing is left out.

    One question to the store about all the sessions, and one about all the tokens.

    Args:
        secrets: what cookies and tokens say.
        now: the time, with its zone.
    """
    tokens = {hash_token(secret): secret for secret in secrets if is_token(secret)}
    sessions = {hash_secret(secret): secret for secret in secrets if not is_token(secret)}
    found: dict[str, FoundActor] = {}
    if sessions:
        for session_hash, row in (await stored.find_sessions(list(sessions))).items():
            if _counts(row) and is_live(_session(row), role=Role(row.role), now=now):
                found[sessions[session_hash]] = _visitor(row, session_hash, now)
    if tokens:
        for token_hash, token in (await stored_tokens.find_tokens(list(tokens))).items():
            if _counts(token) and now < token.expires_at:
                found[tokens[token_hash]] = _owner(token, now)
    return found


async def note_presence(db: WriteSession, actor: Actor, *, now: datetime) -> None:
    """Note that somebody was there, unless another request of the last minute did; the transaction is theirs then."""
    await act_as(db, actor.acting)
    if actor.session_id is not None:
        await stored.touch_session(db, actor.session_id, now=now, before=now - SEEN_EVERY)
    if actor.token_id is not None:
        await stored_tokens.touch_token(db, actor.token_id, now=now, before=now - SEEN_EVERY)


async def step_up(
    db: WriteSession, actor: Actor, factors: Collection[str], *, now: datetime, random: Random
) -> OpenedSession:
    """Note what a session has shown again, and give it a new secret; the old one opens nothing from now on.

    Args:
        db: acting as the actor.
        actor: whose session it is.
        factors: what they showed just now.
        now: the time, with its zone.
        random: makes the secret.

    Raises:
        NotSignedInError: the session has ended, or another request gave it a new secret before.
    """
    opened = await _rotate(db, actor, actor.factors | set(factors), auth_time=now, random=random, behind=0)
    await record_event(db, "session.step_up", "session", str(actor.session_id), {"factors": _listed(factors)})
    return opened


async def end_everything(db: WriteSession, user_id: UUID) -> None:
    """End all sessions and tokens of a user, whose password, factors, role or status changed.

    The caller records what changed, in the same transaction.
    """
    await stored.raise_epoch(db, user_id)


async def end_everything_else(
    db: WriteSession, actor: Actor, *, now: datetime, random: Random, factors: Collection[str] = ()
) -> OpenedSession:
    """End all sessions and tokens of a user who changed their password or factors, but for the one they did it in.

    That one goes on with a new secret. The caller records what changed, in the same transaction.

    Args:
        db: acting as the actor.
        actor: who changed something of theirs.
        now: the time, with its zone.
        random: makes the secret.
        factors: what they showed just now, such as the factor they enrolled.

    Raises:
        NotSignedInError: the session has ended, by a change from another one, for instance.
    """
    if actor.user_id is None or actor.auth_time is None:
        raise NotSignedInError
    await stored.raise_epoch(db, actor.user_id)
    auth_time = now if factors else actor.auth_time
    return await _rotate(
        db, actor, actor.factors | set(factors), auth_time=auth_time, random=random, behind=1
    )


async def get_sessions(db: ReadSession, user_id: UUID, *, now: datetime) -> tuple[Session, ...]:
    """Return the sessions of a user that are live, the last seen first; empty = none is."""
    rows = await stored.get_sessions(db, user_id)
    return tuple(session for row, role in rows if is_live(session := _session(row), role=Role(role), now=now))


async def end_session(db: WriteSession, user_id: UUID, session_id: UUID, *, now: datetime) -> None:
    """End one session of a user: theirs, or that of another device.

    Raises:
        UnknownSessionError: they have none of that id that had not ended.
    """
    if not await stored.end_session(db, user_id, session_id, now=now):
        raise UnknownSessionError(session_id)
    await record_event(db, "session.end", "session", str(session_id))


async def end_session_of(db: WriteSession, secret: str, *, now: datetime) -> None:
    """End the session that a secret opens, if it opens one: who signs in anew leaves the one before.

    Args:
        db: acting as nobody.
        secret: what the browser's cookie says.
        now: the time, with its zone.
    """
    try:
        actor = await find_actor(db, secret, now=now)
    except NotSignedInError:
        return
    if actor.user_id is not None and actor.session_id is not None:
        await act_as(db, actor.acting)
        await end_session(db, actor.user_id, actor.session_id, now=now)


async def end_other_sessions(db: WriteSession, actor: Actor, *, now: datetime) -> int:
    """End the sessions of a user but for the one they ask in; return how many there were.

    Raises:
        NotSignedInError: they ask in none.
    """
    if actor.user_id is None or actor.session_id is None:
        raise NotSignedInError
    ended = await stored.end_other_sessions(db, actor.user_id, actor.session_id, now=now)
    await record_event(db, "session.end_others", "user", str(actor.user_id), {"sessions": ended})
    return ended


def _visitor(row: stored.FoundSession, session_hash: bytes, now: datetime) -> FoundActor:
    role = Role(row.role)
    actor = Actor(
        row.tenant_id,
        row.user_id,
        role,
        session_id=row.session_id,
        factors=frozenset(row.factors),
        auth_time=row.auth_time,
        grants=_grants(row.grants),
        approval_limit=row.approval_limit,
        standing=standing_of(
            row.factors,
            role=role,
            tenant_requires=row.requires_mfa,
            is_enrolled=row.has_totp or row.has_passkey,
        ),
        session_hash=session_hash,
    )
    return FoundActor(actor, now - row.last_seen_at >= SEEN_EVERY)


def _owner(row: stored_tokens.FoundToken, now: datetime) -> FoundActor:
    actor = Actor(
        row.tenant_id,
        row.user_id,
        Role(row.role),
        token_id=row.token_id,
        scopes=frozenset(map(_permission, row.scopes)),
        grants=_grants(row.grants),
        approval_limit=row.approval_limit,
    )
    return FoundActor(actor, row.last_used_at is None or now - row.last_used_at >= SEEN_EVERY)


def _counts(row: stored.FoundSession | stored_tokens.FoundToken) -> bool:
    return row.revoked_at is None and row.epoch == row.user_epoch and row.status == "active"


async def _rotate(
    db: WriteSession,
    actor: Actor,
    factors: Collection[str],
    *,
    auth_time: datetime,
    random: Random,
    behind: int,
) -> OpenedSession:
    if actor.session_hash is None:
        raise NotSignedInError
    secret = new_secret(random)
    row = await stored.rotate_session(
        db, actor.session_hash, hash_secret(secret), factors, auth_time=auth_time, behind=behind
    )
    return _opened(secret, row)


def _opened(secret: str, row: stored.StoredSession | None) -> OpenedSession:
    if row is None:
        raise NotSignedInError
    return OpenedSession(secret, _session(row))


def _session(row: stored.StoredSession | stored.FoundSession) -> Session:
    return Session(
        row.session_id,
        row.user_id,
        frozenset(row.factors),
        row.auth_time,
        row.created_at,
        row.last_seen_at,
        getattr(row, "address", ""),
        getattr(row, "user_agent", ""),
    )


def _grants(granted: Mapping[str, Collection[str]]) -> dict[str, frozenset[Right]]:
    return {account_id: frozenset(map(Right, rights)) for account_id, rights in granted.items()}


def _permission(scope: str) -> Permission:
    verb, _, object_type = scope.partition(":")
    return Verb(verb), ObjectType(object_type)


def _listed(factors: Collection[str]) -> str:
    return ", ".join(sorted(factors))
