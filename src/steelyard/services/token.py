"""API tokens: made and shown once, listed, ended."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from steelyard.errors import NotFoundError, NotPermittedError
from steelyard.identity import Random
from steelyard.identity.permissions import Actor, Role, read_scopes, scope_text
from steelyard.identity.token import NewToken, check_token_life, new_token
from steelyard.identity.user import check_name
from steelyard.services.user import UserStatusError, hold_user
from steelyard.storage import token as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.notice import add_notice
from steelyard.storage.token import Token


class UnknownTokenError(NotFoundError):
    """There is no such token."""

    def __init__(self, token_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no token {token_id}, or it has ended; list them to see those there are.")


class OthersTokenError(NotPermittedError):
    """A token was to be made that acts as another person."""

    def __init__(self) -> None:
        """Say for whom tokens can be made."""
        super().__init__(
            "A token acts as its user: you can make one for yourself or for a service, and for nobody else."
        )


async def create_token(
    db: WriteSession,
    actor: Actor,
    user_id: UUID,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime,
    now: datetime,
    random: Random,
) -> NewToken:
    """Make a token for oneself or for a service; the operator, for anybody.

    Args:
        db: acting as the actor.
        actor: who makes it.
        user_id: whom it acts as.
        name: what it is called in lists.
        scopes: what it may do of what its user may, each verb:object_type.
        expires_at: when it ends, a year from now at most.
        now: the time, with its zone.
        random: makes the token.

    Returns:
        The token, to be shown once; it is kept nowhere.

    Raises:
        UnknownUserError: there is no such user.
        OthersTokenError: it would act as another person.
        UserStatusError: the user is not active.
        ScopeError, TokenLifeError, UnusableNameError: what it may, how long, or what it is called cannot be.
    """
    role, status = await hold_user(db, user_id)
    if not (actor.is_operator or actor.user_id == user_id or role is Role.SERVICE):
        raise OthersTokenError
    if status != "active":
        raise UserStatusError(status, "active")
    permissions = sorted(map(scope_text, read_scopes(scopes, role)))
    check_token_life(expires_at, now)
    token = new_token(random)
    await stored.add_token(
        db,
        token.token_id,
        token.hash,
        user_id,
        name=check_name("name of the token", name),
        scopes=permissions,
        now=now,
        expires_at=expires_at,
    )
    await add_notice(db, user_id, "token.create")
    facts = {"user": str(user_id), "scopes": ", ".join(permissions), "expires_at": expires_at.isoformat()}
    await record_event(db, "token.create", "token", str(token.token_id), facts)
    return token


async def end_token(db: WriteSession, token_id: UUID, *, now: datetime, user_id: UUID | None = None) -> None:
    """End a token: it opens nothing from the next request on.

    Args:
        db: acting as who ends it.
        token_id: the token.
        now: the time, with its zone.
        user_id: whose it must be; None = anybody's of the tenant.

    Raises:
        UnknownTokenError: there is none of that id that had not ended.
    """
    owner = await stored.end_token(db, token_id, user_id=user_id, now=now)
    if owner is None:
        raise UnknownTokenError(token_id)
    await add_notice(db, owner, "token.end")
    await record_event(db, "token.end", "token", str(token_id), {"user": str(owner)})


async def get_tokens(
    db: ReadSession | WriteSession, user_id: UUID | None = None, *, now: datetime
) -> Sequence[Token]:
    """Return the tokens that open something, of a user or of everybody; the newest first."""
    return await stored.get_tokens(db, user_id, now=now)
