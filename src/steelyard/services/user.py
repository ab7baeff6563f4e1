"""Users: added, invited, changed, disabled. Who may is asked before; that nobody lifts themselves up, here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from steelyard.errors import ConflictError, NotFoundError
from steelyard.identity import Random
from steelyard.identity.link import LinkPurpose, NewLink
from steelyard.identity.permissions import Actor, Role
from steelyard.identity.user import (
    JOINERS,
    LONGEST_LOGIN,
    MANAGERS,
    check_limit,
    check_may_manage,
    check_name,
)
from steelyard.identity.vault import Vault
from steelyard.services.entrance import fold_login
from steelyard.services.link import make_link
from steelyard.services.session import end_everything
from steelyard.storage import link as stored_links
from steelyard.storage import user as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.notice import add_notice


class UnknownUserError(NotFoundError):
    """There is no such user in the tenant."""

    def __init__(self, asked: str) -> None:
        """Name what was asked for."""
        super().__init__(f"There is no user {asked}. List those there are: `steelyard user list`.")


class LoginTakenError(ConflictError):
    """Somebody has this login name."""

    def __init__(self) -> None:
        """Say what to do; the name may be another tenant's, of whom nothing is said."""
        super().__init__(
            "This login name is somebody's already. Take another one, or invite that user again."
        )


class LastManagerError(ConflictError):
    """Nobody would be left who manages users."""

    def __init__(self) -> None:
        """Say what to do first."""
        super().__init__(
            "This is the last active user who can manage users. Make somebody else an owner or admin first."
        )


class UserStatusError(ConflictError):
    """What is asked for does not go with the status of the user."""

    def __init__(self, status: str, wanted: str) -> None:
        """Name both."""
        super().__init__(f"This user is {status}; that is for users who are {wanted}.")


class ServiceRoleError(ConflictError):
    """A person was to become a service, or a service a person."""

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__("A service is no person: add a user with the role wanted, and disable this one.")


@dataclass(frozen=True, slots=True)
class User:
    """A user.

    Attributes:
        user_id: key; what the audit calls them.
        login: the login name.
        name: the person's name.
        role: what they may do.
        status: invited, active or disabled.
        approval_limit: the largest order value they may approve alone, in the tenant's currency; None = the tenant's.
        created_at: when they were added.
        last_sign_in_at: None = never.
        has_password: whether they have one.
        has_second_factor: whether they have an authenticator app or a passkey.
    """

    user_id: UUID
    login: str = field(repr=False)
    name: str = field(repr=False)
    role: Role
    status: str
    approval_limit: Decimal | None
    created_at: datetime
    last_sign_in_at: datetime | None
    has_password: bool
    has_second_factor: bool


async def add_user(
    db: WriteSession,
    vault: Vault,
    actor: Actor,
    *,
    login: str,
    name: str,
    role: Role,
    now: datetime,
    random: Random,
    approval_limit: Decimal | None = None,
) -> User:
    """Add a user, who has no way in until they are invited; a service is active at once, and has tokens alone.

    Args:
        db: acting as the actor.
        vault: seals the names.
        actor: who adds.
        login: the login name: nobody else's, in whichever tenant.
        name: the person's name.
        role: what they may do.
        now: the time, with its zone.
        random: makes the key.
        approval_limit: the largest order value they may approve alone; None = the tenant's.

    Raises:
        OwnersOnlyError: somebody who is no owner adds one.
        UnusableNameError: a name is empty, too long, or cannot be typed.
        AmountError: the limit is below 0, or no amount that is kept exactly.
        LoginTakenError: the login name is somebody's.
    """
    check_may_manage(actor, None, role)
    check_limit(approval_limit)
    login = check_name("login name", login, LONGEST_LOGIN)
    name = check_name("name", name, allowed=JOINERS)
    user_id = UUID(bytes=random(16), version=4)
    added = await stored.add_user(
        db,
        user_id,
        role=role.value,
        status="active" if role is Role.SERVICE else "invited",
        login_index=vault.index("login", fold_login(login)),
        login_sealed=await vault.seal(db, "users", "login_sealed", str(user_id), login),
        name_sealed=await vault.seal(db, "users", "name_sealed", str(user_id), name),
        approval_limit=approval_limit,
        now=now,
    )
    if not added:
        raise LoginTakenError
    await record_event(db, "user.create", "user", str(user_id), {"role": role.value})
    return await get_user(db, vault, user_id)


async def invite_user(
    db: WriteSession, actor: Actor, user_id: UUID, *, now: datetime, random: Random
) -> NewLink:
    """Make the link that lets an invited user in; the links made before end.

    Raises:
        UnknownUserError: there is no such user.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        UserStatusError: they have a way in, or are disabled.
    """
    role, status = await hold_user(db, user_id)
    check_may_manage(actor, user_id, role)
    if status != "invited":
        raise UserStatusError(status, "invited and have not signed in yet")
    return await make_link(db, LinkPurpose.INVITATION, user_id, now=now, random=random)


async def change_role(db: WriteSession, actor: Actor, user_id: UUID, role: Role) -> None:
    """Give a user another role; their sessions and tokens end.

    Raises:
        UnknownUserError: there is no such user.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        ServiceRoleError: a person was to become a service, or a service a person.
        LastManagerError: nobody would be left who manages users.
    """
    managers = await stored.hold_managers(db, MANAGERS)
    before, _ = await hold_user(db, user_id)
    check_may_manage(actor, user_id, before, role)
    if before is role:
        return
    if Role.SERVICE in {before, role}:
        raise ServiceRoleError
    if role not in MANAGERS:
        _check_not_last(managers, user_id)
    await stored.set_role(db, user_id, role.value)
    await end_everything(db, user_id)
    await add_notice(db, user_id, "user.change_role")
    await record_event(db, "user.change_role", "user", str(user_id), {"from": before.value, "to": role.value})


async def disable_user(db: WriteSession, actor: Actor, user_id: UUID, *, now: datetime) -> None:
    """Let a user in no more; their sessions, tokens and links end.

    Raises:
        UnknownUserError: there is no such user.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        UserStatusError: they are disabled.
        LastManagerError: nobody would be left who manages users.
    """
    managers = await stored.hold_managers(db, MANAGERS)
    role, status = await hold_user(db, user_id)
    check_may_manage(actor, user_id, role)
    if status == "disabled":
        raise UserStatusError(status, "invited or active")
    _check_not_last(managers, user_id)
    await stored.disable_user(db, user_id)
    await end_everything(db, user_id)
    await stored_links.end_links(db, user_id, now=now)
    await add_notice(db, user_id, "user.disable")
    await record_event(db, "user.disable", "user", str(user_id))


async def enable_user(db: WriteSession, actor: Actor, user_id: UUID) -> str:
    """Let a user in again.

    Returns:
        The status: active, or invited where they have no way in and need a link.

    Raises:
        UnknownUserError: there is no such user.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        UserStatusError: they are not disabled.
    """
    role, before = await hold_user(db, user_id)
    check_may_manage(actor, user_id, role)
    if before != "disabled":
        raise UserStatusError(before, "disabled")
    status = await stored.enable_user(db, user_id)
    await end_everything(db, user_id)
    await add_notice(db, user_id, "user.enable")
    await record_event(db, "user.enable", "user", str(user_id), {"status": status})
    return status


async def set_approval_limit(db: WriteSession, actor: Actor, user_id: UUID, limit: Decimal | None) -> None:
    """Let a user approve orders up to another value alone, from the next request on.

    Args:
        db: acting as the actor.
        actor: who changes it.
        user_id: the user.
        limit: the largest order value, in the tenant's currency; 0 = none alone, None = the tenant's limit.

    Raises:
        UnknownUserError: there is no such user.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        AmountError: the limit is below 0, or no amount that is kept exactly.
    """
    check_limit(limit)
    role, _ = await hold_user(db, user_id)
    check_may_manage(actor, user_id, role)
    await stored.set_approval_limit(db, user_id, limit)
    await add_notice(db, user_id, "user.change_limit")
    await record_event(
        db, "user.change_limit", "user", str(user_id), {"limit": None if limit is None else str(limit)}
    )


async def get_users(db: ReadSession | WriteSession, vault: Vault) -> Sequence[User]:
    """Return the users of the tenant who are not erased, the oldest first."""
    return await _opened(db, vault, await stored.get_users(db))


async def get_user(db: ReadSession | WriteSession, vault: Vault, user_id: UUID) -> User:
    """Return a user.

    Raises:
        UnknownUserError: there is no such user.
    """
    for user in await _opened(db, vault, await stored.get_users(db, user_id=user_id)):
        return user
    raise UnknownUserError(str(user_id))


async def find_user(db: ReadSession | WriteSession, vault: Vault, login: str) -> User:
    """Return the user of a login name, however it is written.

    Raises:
        UnknownUserError: nobody of the tenant has it.
    """
    index = vault.index("login", fold_login(login))
    for user in await _opened(db, vault, await stored.get_users(db, login_index=index)):
        return user
    raise UnknownUserError(repr(login))


async def hold_user(db: WriteSession, user_id: UUID) -> tuple[Role, str]:
    """Return role and status of a user, whom nobody else changes until this transaction ends.

    Raises:
        UnknownUserError: there is no such user.
    """
    found = await stored.hold_user(db, user_id)
    if found is None:
        raise UnknownUserError(str(user_id))
    return Role(found[0]), found[1]


async def _opened(
    db: ReadSession | WriteSession, vault: Vault, rows: Sequence[stored.StoredUser]
) -> list[User]:
    if not rows:
        return []
    logins = await vault.unseal_all(
        db, "users", "login_sealed", {str(row.user_id): row.login_sealed for row in rows}
    )
    names = await vault.unseal_all(
        db, "users", "name_sealed", {str(row.user_id): row.name_sealed for row in rows}
    )
    return [_user(row, logins[str(row.user_id)], names[str(row.user_id)]) for row in rows]


def _user(row: stored.StoredUser, login: str, name: str) -> User:
    return User(
        row.user_id,
        login,
        name,
        Role(row.role),
        row.status,
        row.approval_limit,
        row.created_at,
        row.last_sign_in_at,
        row.has_password,
        row.has_second_factor,
    )


def _check_not_last(managers: Sequence[UUID], user_id: UUID) -> None:
    if list(managers) == [user_id]:
        raise LastManagerError
