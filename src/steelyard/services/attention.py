"""What needs somebody: orders that wait or failed, violations, accounts off their model, and what they were told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from steelyard.domain.scope import TENANT
from steelyard.identity.vault import Vault
from steelyard.services.concern import Concern, get_concerns
from steelyard.services.drift import BAND_ABSOLUTE, BAND_RELATIVE
from steelyard.storage import attention as stored
from steelyard.storage.asset_360 import get_current_version
from steelyard.storage.attention import OrderNews
from steelyard.storage.connection import ReadSession
from steelyard.storage.dashboard import get_drifts
from steelyard.storage.notice import Notice, list_notices
from steelyard.storage.portfolio import get_accounts

REJECTED_FOR: Final = timedelta(days=14)
FILLED_FOR: Final = timedelta(days=3)
"""How long it is told that an order failed, or was filled."""

MOST: Final = 25
"""Of each kind."""

TOLD_OTHERWISE: Final = "order.raise"
"""A notice whose order stands among those that wait."""


@dataclass(frozen=True, slots=True)
class Drifted:
    """An account off the model it follows.

    Attributes:
        drift: the share of its value that would have to change hands, a fraction.
        outside: assets outside the band.
    """

    account_id: str
    account_name: str
    drift: Decimal
    outside: int


@dataclass(frozen=True, slots=True)
class Attention:
    """What needs somebody, of each kind the most pressing first, and at most 25.

    Attributes:
        to_decide, rejected, filled: orders.
        violations: of rules, as they are now.
        violation_count: how many there are.
        drifted: accounts off their models.
        drifted_count: how many there are.
        told: what the user was told.
    """

    to_decide: Sequence[OrderNews] = ()
    rejected: Sequence[OrderNews] = ()
    filled: Sequence[OrderNews] = ()
    violations: Sequence[Concern] = ()
    violation_count: int = 0
    drifted: Sequence[Drifted] = ()
    drifted_count: int = 0
    told: Sequence[Notice] = ()

    @property
    def unread(self) -> Sequence[Notice]:
        """What they were told and have not seen, the newest first."""
        return [one for one in self.told if one.read_at is None]


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who looks, and how much is new to them."""

    name: str
    news: int


async def greet(db: ReadSession, vault: Vault, user_id: UUID, *, sees_orders: bool) -> Greeting:
    """Return what a user is called, and how much they have not seen: what they were told, and orders that wait.

    Args:
        db: a session of the user.
        vault: opens the name.
        user_id: the user.
        sees_orders: whether they may read orders.
    """
    sealed = await stored.get_name_of_user(db, user_id)
    name = "" if sealed is None else await vault.unseal(db, "users", "name_sealed", str(user_id), sealed)
    return Greeting(name, await stored.count_news(db, user_id, sees_orders=sees_orders))


async def get_attention(db: ReadSession, user_id: UUID, *, now: datetime, sees_accounts: bool) -> Attention:
    """Return what needs a user, of the accounts that they see.

    Args:
        db: a session of the user.
        user_id: the user.
        now: the time, with its zone.
        sees_accounts: whether they may read portfolios and orders.
    """
    told = [one for one in await list_notices(db, user_id) if one.kind != TOLD_OTHERWISE]
    if not sees_accounts:
        return Attention(told=told)
    orders = await stored.list_order_news(
        db, rejected_since=now - REJECTED_FOR, filled_since=now - FILLED_FOR, most=4 * MOST
    )
    violations = await _violations(db, now.date())
    drifted = await _drifted(db)
    return Attention(
        to_decide=[one for one in orders if one.is_to_decide],
        rejected=[one for one in orders if one.state == "rejected"][:MOST],
        filled=[one for one in orders if one.state == "filled"][:MOST],
        violations=violations[:MOST],
        violation_count=len(violations),
        drifted=await _named(db, drifted[:MOST]),
        drifted_count=len(drifted),
        told=told,
    )


async def _violations(db: ReadSession, day: date) -> list[Concern]:
    found = await get_concerns(db, TENANT, day)
    return [one for one in found.items if one.is_violation]


async def _drifted(db: ReadSession) -> list[Drifted]:
    """Return accounts off their models by the figures that are published, the farthest first, still without names."""
    current = await get_current_version(db)
    if current is None:
        return []

    found = [
        Drifted(one.account_id, "", one.drift, one.outside)
        for one in await get_drifts(
            db, current[0], absolute=Decimal(BAND_ABSOLUTE), relative=Decimal(BAND_RELATIVE)
        )
        if one.drift is not None and one.outside
    ]
    return sorted(found, key=lambda one: (-one.drift, one.account_id))


async def _named(db: ReadSession, drifted: Sequence[Drifted]) -> list[Drifted]:
    accounts = await get_accounts(db, [one.account_id for one in drifted])
    names = {one.account_id: one.account_name for one in accounts}
    return [Drifted(one.account_id, names.get(one.account_id, ""), one.drift, one.outside) for one in drifted]
