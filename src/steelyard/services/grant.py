"""Grants: given, taken back, listed. They count at the user's next request."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from steelyard.domain.scope import Scope
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity.permissions import Actor, Right, Role
from steelyard.identity.user import GRANTED, check_may_manage
from steelyard.services.user import hold_user
from steelyard.storage import grant as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.grant import Grant
from steelyard.storage.notice import add_notice


class UselessGrantError(ConflictError):
    """A grant would change nothing."""

    def __init__(self, role: Role) -> None:
        """Say why."""
        sees = "no account, whatever is granted" if role is Role.ADMIN else "every account without a grant"
        super().__init__(f"The role {role.value} sees {sees}. Give the user another role first.")


class WholeTenantError(InvalidInputError):
    """A grant was to be of everything."""

    def __init__(self) -> None:
        """Say what can be granted."""
        super().__init__("A grant is of one account or of one household. Name it.")


class NoGrantError(NotFoundError):
    """There is nothing to take back."""

    def __init__(self, scope: Scope) -> None:
        """Name what was not granted."""
        super().__init__(
            f"{str(scope).capitalize()} is not granted to this user; it may come with the household, or be none."
        )


async def grant(
    db: WriteSession,
    actor: Actor,
    user_id: UUID,
    scope: Scope,
    rights: Collection[Right],
    *,
    now: datetime,
) -> None:
    """Let a user do something with an account, or with every account of a household, in place of what they could.

    Args:
        db: acting as the actor.
        actor: who grants.
        user_id: the user.
        scope: an account or a household.
        rights: what for; READ is among them always.
        now: the time, with its zone.

    Raises:
        UnknownUserError: there is no such user.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        UselessGrantError: the user's role sees every account, or none.
        WholeTenantError: the scope is neither an account nor a household.
        UngrantableError: there is none of that id.
    """
    account_id, household_id = _ids(scope)
    role, _ = await hold_user(db, user_id)
    check_may_manage(actor, user_id, role)
    if role not in GRANTED:
        raise UselessGrantError(role)
    granted = sorted({right.value for right in rights} | {Right.READ.value})
    await stored.set_grant(
        db, user_id, account_id=account_id, household_id=household_id, rights=granted, now=now
    )
    await add_notice(db, user_id, "grant.create")
    facts = {"scope": str(scope), "rights": ", ".join(granted)}
    await record_event(db, "grant.create", "user", str(user_id), facts)


async def end_grant(db: WriteSession, actor: Actor, user_id: UUID, scope: Scope) -> None:
    """Take a grant back; what comes by another grant of the same account stays.

    Raises:
        UnknownUserError: there is no such user.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        WholeTenantError: the scope is neither an account nor a household.
        NoGrantError: there is none.
    """
    account_id, household_id = _ids(scope)
    role, _ = await hold_user(db, user_id)
    check_may_manage(actor, user_id, role)
    if not await stored.end_grant(db, user_id, account_id=account_id, household_id=household_id):
        raise NoGrantError(scope)
    await add_notice(db, user_id, "grant.end")
    await record_event(db, "grant.end", "user", str(user_id), {"scope": str(scope)})


async def get_grants(db: ReadSession | WriteSession, user_id: UUID | None = None) -> Sequence[Grant]:
    """Return the grants of a user, or of everybody."""
    return await stored.get_grants(db, user_id)


def _ids(scope: Scope) -> tuple[str | None, str | None]:
    if scope.kind == "tenant":
        raise WholeTenantError
    return (scope.id, None) if scope.kind == "account" else (None, scope.id)
