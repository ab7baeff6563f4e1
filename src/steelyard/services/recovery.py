"""Recovery of users who lost their factors: one person asks, another approves, and a link lets the user in again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from steelyard.errors import ConflictError, NotFoundError, NotPermittedError
from steelyard.identity import Random
from steelyard.identity.link import LinkPurpose, NewLink
from steelyard.identity.permissions import Actor
from steelyard.identity.user import check_may_manage
from steelyard.services.link import make_link
from steelyard.services.session import end_everything
from steelyard.services.user import UserStatusError, hold_user
from steelyard.storage import recovery as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.notice import add_notice
from steelyard.storage.recovery import RecoveryRequest

LIFETIME: Final = timedelta(hours=24)


class RecoveryAskedError(ConflictError):
    """Somebody asked for it before."""

    def __init__(self) -> None:
        """Say what is missing."""
        super().__init__("That is asked for already, and waits for another person to approve it.")


class NoRecoveryError(NotFoundError):
    """Nothing waits to be approved."""

    def __init__(self) -> None:
        """Say what comes first."""
        super().__init__(
            "Nobody has asked that this user's factors be reset, or it was approved, or it has ended. Ask first; "
            "another person approves."
        )


class FourEyesError(NotPermittedError):
    """Who asked was to approve."""

    def __init__(self) -> None:
        """Say who can."""
        super().__init__(
            "You asked for this yourself: another owner or admin approves it. The operator at the terminal counts "
            "as one person."
        )


async def ask_recovery(
    db: WriteSession, actor: Actor, user_id: UUID, *, now: datetime, random: Random
) -> UUID:
    """Ask that a user who lost their factors be let in again; nothing happens until another person approves.

    Args:
        db: acting as the actor.
        actor: who asks.
        user_id: who lost the factors.
        now: the time, with its zone.
        random: makes the key.

    Returns:
        The request's key.

    Raises:
        UnknownUserError: there is no such user.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        UserStatusError: they are not active.
        RecoveryAskedError: it is asked for.
    """
    await _hold_active(db, actor, user_id)
    request_id = UUID(bytes=random(16), version=4)
    if not await stored.ask_recovery(db, request_id, user_id, now=now, expires_at=now + LIFETIME):
        raise RecoveryAskedError
    await add_notice(db, user_id, "recovery.ask")
    await record_event(db, "recovery.ask", "user", str(user_id), {"request": str(request_id)})
    return request_id


async def approve_recovery(
    db: WriteSession, actor: Actor, request_id: UUID, *, now: datetime, random: Random
) -> NewLink:
    """Approve what another person asked for: the user's sessions and tokens end, and a link lets them in again.

    Their factors count until they use the link, and are gone then.

    Args:
        db: acting as the actor.
        actor: who approves: neither who asked, nor the user.
        request_id: the request.
        now: the time, with its zone.
        random: makes the link.

    Raises:
        NoRecoveryError: nothing waits under this key.
        FourEyesError: the actor asked for it.
        OwnersOnlyError, OneselfError: see `check_may_manage`.
        UserStatusError: the user is not active any more.
    """
    waiting = {request.request_id: request for request in await stored.get_recovery_requests(db, now=now)}
    if request_id not in waiting:
        raise NoRecoveryError
    request = waiting[request_id]
    await _hold_active(db, actor, request.user_id)
    if request.asked_by == actor.name:
        raise FourEyesError
    if not await stored.approve_recovery(db, request_id, now=now):
        raise NoRecoveryError
    await end_everything(db, request.user_id)
    link = await make_link(db, LinkPurpose.RECOVERY, request.user_id, now=now, random=random)
    await add_notice(db, request.user_id, "recovery.approve")
    facts = {"request": str(request_id), "asked_by": request.asked_by}
    await record_event(db, "recovery.approve", "user", str(request.user_id), facts)
    return link


async def get_recovery_requests(
    db: ReadSession | WriteSession, *, now: datetime
) -> Sequence[RecoveryRequest]:
    """Return what waits for a second person, the oldest first."""
    return await stored.get_recovery_requests(db, now=now)


async def _hold_active(db: WriteSession, actor: Actor, user_id: UUID) -> None:
    role, status = await hold_user(db, user_id)
    check_may_manage(actor, user_id, role)
    if status != "active":
        raise UserStatusError(status, "active")
