"""One-time links: whoever opens one gets a way in. What it takes away and what it gives happen together, once.

A set-up link makes the first owner; an invitation lets a user in who has no way yet; a recovery takes every factor
that was lost away, and ends every session. All of them lead to a session that may enrol what the role asks for.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from steelyard.errors import ConflictError, InvalidInputError
from steelyard.identity.link import LinkEndedError, LinkPurpose, hash_link
from steelyard.identity.passwords import check_new_password
from steelyard.identity.permissions import Role
from steelyard.identity.session import Factor
from steelyard.identity.user import LONGEST_LOGIN, check_name
from steelyard.services.entrance import (
    Entrance,
    Signed,
    Visitor,
    act_for,
    act_in,
    fold_login,
    let_in,
    login_of,
)
from steelyard.services.factors import check_password_of
from steelyard.services.link import find_link, find_link_of_hash, take_link
from steelyard.services.session import end_everything
from steelyard.services.user import LoginTakenError
from steelyard.storage import factors as store
from steelyard.storage.acting import NOBODY, act_as
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.factors import Factors
from steelyard.storage.link import FoundLink
from steelyard.storage.notice import add_notice
from steelyard.storage.passkeys import delete_passkeys
from steelyard.storage.user import add_user


class NewcomerError(InvalidInputError):
    """Whoever sets an installation up does not say who they are."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("You are the first user: give a login name and your name with it.")


class SetUpDoneError(ConflictError):
    """The installation has users already."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "This installation is set up already. Sign in, or ask an administrator for an invitation."
        )


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who sets an installation up."""

    login: str = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """What a link is for, to whoever has it.

    Attributes:
        purpose: setup asks for a login name and a name.
        login: of whom it is for; "" = whoever sets the installation up.
        expires_at: until when.
    """

    purpose: LinkPurpose
    login: str = field(repr=False)
    expires_at: datetime


async def look_at_link(entrance: Entrance, secret: str, *, now: datetime) -> LinkSeen:
    """Say what a link is for, without using it; raises LinkEndedError."""
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        found = await find_link(db, secret, now=now)
        user = await _user_of(db, found)
        login = "" if user is None else await login_of(db, entrance, user)
        return LinkSeen(LinkPurpose(found.purpose), login, found.expires_at)


async def accept_with_password(
    entrance: Entrance,
    visitor: Visitor,
    secret: str,
    password: str,
    *,
    now: datetime,
    newcomer: Newcomer | None = None,
) -> Signed:
    """Accept a link with a password.

    Args:
        entrance: what signing in needs.
        visitor: where the request comes from.
        secret: of the link.
        password: as typed.
        now: the time, with its zone.
        newcomer: who sets the installation up; None = another kind of link.

    Raises:
        LinkEndedError: the link was used or has ended.
        PasswordTooShortError, PasswordTooLongError, CommonPasswordError: it would be guessed.
        NewcomerError: the link sets the installation up, and they do not say who they are.
        SetUpDoneError: the installation has users.
    """
    async with get_write_session() as db:
        await _check_password(db, entrance, secret, password, newcomer, now=now)
    hashed = await entrance.passwords.hash(password)
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        user = await take(db, entrance, hash_link(secret), newcomer, now=now)
        await store.set_password_hash(db, user.user_id, hashed)
        return await accepted(db, entrance, visitor, user, Factor.PASSWORD, now=now)


async def _check_password(
    db: WriteSession,
    entrance: Entrance,
    secret: str,
    password: str,
    newcomer: Newcomer | None,
    *,
    now: datetime,
) -> None:
    await act_as(db, NOBODY)
    user = await _user_of(db, await find_link(db, secret, now=now))
    if user is not None:
        await check_password_of(db, entrance, user, password)
    else:
        who = _known(newcomer)
        check_new_password(password, has_second_factor=True, names=[who.login, who.name])


# ── What every acceptance does ──────────────────────────────────────────────────────────────────────────


async def take(
    db: WriteSession, entrance: Entrance, link_hash: bytes, newcomer: Newcomer | None, *, now: datetime
) -> Factors:
    """Use a link: make its user, or take away what they have lost; the transaction then works for them.

    Raises:
        LinkEndedError: it was used or has ended, or invites somebody who is here.
        NewcomerError, SetUpDoneError: see `accept_with_password`.
    """
    found = await find_link_of_hash(db, link_hash, now=now)
    user_id = found.user_id or owner_id(entrance, link_hash)
    if found.user_id is None:
        await _make_owner(db, entrance, found.tenant_id, user_id, newcomer, now=now)
    user = await _held(db, found.tenant_id, user_id)
    if found.purpose == LinkPurpose.INVITATION and user.status != "invited":
        raise LinkEndedError  # it would give a way in to who has one, beside their factors
    await take_link(db, link_hash, now=now)
    if found.purpose != LinkPurpose.RECOVERY:
        return user
    await _forget_factors(db, user_id)
    return await _held(db, found.tenant_id, user_id)


async def accepted(
    db: WriteSession, entrance: Entrance, visitor: Visitor, user: Factors, factor: Factor, *, now: datetime
) -> Signed:
    """End the transaction in which a link gave somebody a way in: they are signed in, and told."""
    await store.activate_user(db, user.user_id)
    await add_notice(db, user.user_id, "link.accept")
    await record_event(db, "link.accept", "user", str(user.user_id), {"factor": factor.value})
    return await let_in(db, entrance, visitor, user, frozenset({factor}), now=now)


def owner_id(entrance: Entrance, link_hash: bytes) -> UUID:
    """Give the key of who sets the installation up: a passkey is made for it before there is the user."""
    return UUID(bytes=entrance.vault.index("who sets up", link_hash.hex())[:16], version=4)


async def link_user_id(
    db: WriteSession, entrance: Entrance, secret: str, *, now: datetime
) -> tuple[UUID, Factors | None]:
    """Give the key of whom a link is for, and what they sign in with; None = they are the first user to be."""
    await act_as(db, NOBODY)
    found = await find_link(db, secret, now=now)
    await act_in(db, found.tenant_id)
    user = await _user_of(db, found)
    return (owner_id(entrance, hash_link(secret)), None) if user is None else (user.user_id, user)


async def _user_of(db: WriteSession, found: FoundLink) -> Factors | None:
    return None if found.user_id is None else await _held(db, found.tenant_id, found.user_id)


async def _held(db: WriteSession, tenant_id: int, user_id: UUID) -> Factors:
    user = await act_for(db, tenant_id, user_id)
    if user is None:
        raise LinkEndedError
    return user


async def _make_owner(
    db: WriteSession,
    entrance: Entrance,
    tenant_id: int,
    user_id: UUID,
    newcomer: Newcomer | None,
    *,
    now: datetime,
) -> None:
    who = _known(newcomer)
    await act_in(db, tenant_id)
    if await store.has_users(db):
        raise SetUpDoneError
    vault, row_id = entrance.vault, str(user_id)
    added = await add_user(
        db,
        user_id,
        role=Role.OWNER.value,
        status="invited",
        login_index=vault.index("login", fold_login(who.login)),
        login_sealed=await vault.seal(db, "users", "login_sealed", row_id, who.login),
        name_sealed=await vault.seal(db, "users", "name_sealed", row_id, who.name),
        approval_limit=None,
        now=now,
    )
    if not added:
        raise LoginTakenError
    await record_event(db, "user.create", "user", row_id, {"role": Role.OWNER.value})


async def _forget_factors(db: WriteSession, user_id: UUID) -> None:
    """Take away all that a user signed in with: whoever has it may not be them."""
    await store.set_password_hash(db, user_id, None)
    await store.set_seed(db, user_id, None, None)
    await store.replace_recovery_codes(db, user_id, ())
    await store.delete_identities(db, user_id)
    await delete_passkeys(db, user_id)
    await end_everything(db, user_id)


def _known(newcomer: Newcomer | None) -> Newcomer:
    if newcomer is None:
        raise NewcomerError
    return Newcomer(
        check_name("login name", newcomer.login, LONGEST_LOGIN), check_name("name", newcomer.name)
    )
