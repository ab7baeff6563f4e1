"""Holds at rest: what must not be sent now."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class Hold:
    """What must not be sent now; what was sent is still followed.

    Attributes:
        hold_id: key.
        account_id: the account; None = every account.
        order_id: the order; None = every order.
        kind: kill_switch, break, overfill, compliance or manual.
        reason: why.
        made_by, made_at: who placed it, as the audit names them, and when.
        released_by, released_at: who let it go, and when; None = it stands.
        release_reason: why it was let go.
    """

    hold_id: UUID
    account_id: str | None
    order_id: UUID | None
    kind: str
    reason: str
    made_by: str
    made_at: datetime
    released_by: str | None
    released_at: datetime | None
    release_reason: str


async def add_hold(
    db: WriteSession, kind: str, reason: str, *, account_id: str | None, order_id: UUID | None
) -> UUID | None:
    """Hold orders back; None where an open hold of the same says the same."""
    values = {"kind": kind, "reason": reason, "account_id": account_id, "order_id": order_id}
    found: UUID | None = (await db.execute(query("place_trading_hold"), values)).scalar_one_or_none()
    return found


async def end_hold(db: WriteSession, hold_id: UUID, reason: str) -> bool:
    """Let go of a hold; False = none of that key stands."""
    found = await db.execute(query("release_trading_hold"), {"hold_id": hold_id, "reason": reason})
    return found.scalar_one_or_none() is not None


async def lift_hold(
    db: WriteSession, kind: str, reason: str, why: str, *, account_id: str | None, order_id: UUID | None
) -> UUID | None:
    """Let go of the hold that stands and says something; None = there is none."""
    values = {"kind": kind, "reason": reason, "why": why, "account_id": account_id, "order_id": order_id}
    found: UUID | None = (await db.execute(query("lift_trading_hold"), values)).scalar_one_or_none()
    return found


async def get_holds(
    db: ReadSession | WriteSession,
    *,
    hold_id: UUID | None = None,
    account_id: str | None = None,
    household_id: str | None = None,
    with_released: bool = False,
    most: int | None = None,
) -> list[Hold]:
    """Return holds, the newest first: those that stand, or all; of an account or a household, and of every account."""
    values = {
        "hold_id": hold_id,
        "account_id": account_id,
        "household_id": household_id,
        "with_released": with_released,
        "most": most,
    }
    return [Hold(*row) for row in await db.execute(query("get_trading_holds"), values)]
