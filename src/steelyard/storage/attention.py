"""What needs somebody's attention: what they were told, and orders that wait, failed or were filled."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from steelyard.domain.order import OrderState, Side
from steelyard.storage.connection import ReadSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class OrderNews:
    """An order about which there is something to say.

    Attributes:
        account_id: whose; None = a block, of several.
        reason: why it is in its state; "" = nothing to say.
        changed_at: when it last changed, UTC.
        is_to_decide: whether it waits for somebody.
    """

    order_id: UUID
    account_id: str | None
    asset_id: str
    asset_name: str
    side: Side
    quantity: Decimal
    state: OrderState
    reason: str
    changed_at: datetime
    is_to_decide: bool


async def count_news(db: ReadSession, user_id: UUID, *, sees_orders: bool) -> int:
    """Return how much a user has not seen yet: what they were told, and orders that wait for a decision.

    Args:
        db: a session of the user.
        user_id: the user.
        sees_orders: whether they may read orders.
    """
    values = {"user_id": user_id, "sees_orders": sees_orders}
    count: int = (await db.execute(query("count_news"), values)).scalar_one()
    return count


async def list_order_news(
    db: ReadSession, *, rejected_since: datetime, filled_since: datetime, most: int
) -> list[OrderNews]:
    """Return orders that wait for a decision, then those rejected, then those filled, the newest first."""
    values = {"rejected_since": rejected_since, "filled_since": filled_since, "most": most}
    return [
        OrderNews(**{**row, "side": Side(row["side"]), "state": OrderState(row["state"])})
        for row in (await db.execute(query("list_order_news"), values)).mappings()
    ]


async def get_name_of_user(db: ReadSession, user_id: UUID) -> bytes | None:
    """Return what a user is called, sealed; None = there is no such user."""
    name: bytes | None = (
        await db.execute(query("get_name_of_user"), {"user_id": user_id})
    ).scalar_one_or_none()
    return name
