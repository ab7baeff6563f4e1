"""Holds: orders, accounts or a whole tenant of which nothing is sent until somebody lets it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.storage import hold as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.hold import Hold
from steelyard.storage.ledger import get_unknown_names
from steelyard.storage.notice import notify_owners
from steelyard.storage.order import get_order

__all__ = ["Hold", "HoldKind", "get_holds", "lift_hold", "place_hold", "release_hold"]

MAX_REASON: Final = 2000
MOST_RELEASED: Final = 1000


class HoldKind(StrEnum):
    """Why something is held."""

    KILL_SWITCH = "kill_switch"
    """Nothing of the tenant is sent."""
    BREAK = "break"
    """Broker and ledger say different things."""
    OVERFILL = "overfill"
    """The broker executed more than was ordered."""
    COMPLIANCE = "compliance"
    MANUAL = "manual"


class HoldNotFoundError(NotFoundError):
    """There is no hold of that key."""

    def __init__(self, hold_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no hold {hold_id}; `steelyard holds` lists them.")


class HoldReleasedError(ConflictError):
    """The hold was let go before."""

    def __init__(self, hold: Hold) -> None:
        """Say who let it go, and when."""
        super().__init__(f"Hold {hold.hold_id} was released by {hold.released_by} at {hold.released_at}.")


class HoldReasonError(InvalidInputError):
    """A hold has no reason, or one too long."""

    def __init__(self, length: int) -> None:
        """Name the bounds."""
        super().__init__(
            f"A hold, and its release, has a reason of 1 to {MAX_REASON:,} characters, not {length:,}: "
            "whoever comes later reads it."
        )


class HeldAccountError(NotFoundError):
    """The account that is to be held is not there."""

    def __init__(self, account_id: str) -> None:
        """Name it."""
        super().__init__(f"There is no account {account_id!r} to hold; `steelyard accounts` lists them.")


class HeldOrderError(NotFoundError):
    """The order that is to be held is not there."""

    def __init__(self, order_id: UUID) -> None:
        """Name it."""
        super().__init__(f"There is no order {order_id} to hold; `steelyard orders list` shows them.")


async def place_hold(
    db: WriteSession,
    kind: HoldKind,
    reason: str,
    *,
    account_id: str | None = None,
    order_id: UUID | None = None,
) -> UUID | None:
    """Hold orders back from now on, tell the owners, and leave an event.

    Args:
        db: the transaction to do it in; the actor at work is who placed it.
        kind: why; KILL_SWITCH names neither account nor order.
        reason: in words.
        account_id: whose orders; None = of every account.
        order_id: which; None = every one.

    Returns:
        Its key; None where an open hold of the same already says the same: nothing changes.

    Raises:
        HoldReasonError: there is no reason, or one too long.
        HeldAccountError, HeldOrderError: there is no such account, or order.
    """
    _require_reason(reason)
    if account_id is not None and (await get_unknown_names(db, [account_id], []))[0]:
        raise HeldAccountError(account_id)
    if order_id is not None and await get_order(db, order_id) is None:
        raise HeldOrderError(order_id)
    hold_id = await stored.add_hold(db, kind.value, reason, account_id=account_id, order_id=order_id)
    if hold_id is not None:
        await notify_owners(db, "hold.place")
        facts = {"kind": kind.value, "account": account_id or "", "order": str(order_id or "")}
        await record_event(db, "hold.place", "trading_hold", str(hold_id), facts)
    return hold_id


async def release_hold(db: WriteSession, hold_id: UUID, reason: str) -> None:
    """Let go of a hold, and leave an event; what it held is sent when its time comes.

    Args:
        db: the transaction to do it in; the actor at work is who let it go.
        hold_id: which.
        reason: in words.

    Raises:
        HoldReasonError: there is no reason, or one too long.
        HoldNotFoundError: there is no such hold.
        HoldReleasedError: somebody let it go before.
    """
    _require_reason(reason)
    if not await stored.end_hold(db, hold_id, reason):
        for hold in await stored.get_holds(db, hold_id=hold_id, with_released=True):
            raise HoldReleasedError(hold)
        raise HoldNotFoundError(hold_id)
    await record_event(db, "hold.release", "trading_hold", str(hold_id))


async def lift_hold(
    db: WriteSession,
    kind: HoldKind,
    reason: str,
    why: str,
    *,
    account_id: str | None = None,
    order_id: UUID | None = None,
) -> None:
    """Let go of what a rule held, when the rule does not say so any more; nothing where no such hold stands.

    Args:
        db: the transaction to do it in.
        kind: as it was placed.
        reason: as it was placed, word for word.
        why: why it is let go, in words.
        account_id: as it was placed.
        order_id: as it was placed.
    """
    hold_id = await stored.lift_hold(db, kind.value, reason, why, account_id=account_id, order_id=order_id)
    if hold_id is not None:
        await record_event(db, "hold.release", "trading_hold", str(hold_id))


async def get_holds(
    db: ReadSession | WriteSession,
    *,
    account_id: str | None = None,
    household_id: str | None = None,
    with_released: bool = False,
) -> Sequence[Hold]:
    """Return the holds that stand, or all, the newest first.

    Args:
        db: where to read.
        account_id: those of an account, its orders, and of every account; None = of any.
        household_id: the same of the accounts of a household.
        with_released: whether those that were let go are there too, then at most a thousand.
    """
    most = MOST_RELEASED if with_released else None
    return await stored.get_holds(
        db, account_id=account_id, household_id=household_id, with_released=with_released, most=most
    )


def _require_reason(reason: str) -> None:
    if not 1 <= len(reason.strip()) <= len(reason) <= MAX_REASON:
        raise HoldReasonError(len(reason.strip()) and len(reason))
