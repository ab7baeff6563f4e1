"""Breaks at rest: where a broker and the ledger say different things."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from steelyard.domain.reconciliation import Commodity, Difference, OnTheWay
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class Break:
    """Where a broker and the ledger say different things of an account.

    Attributes:
        break_id: key.
        link_id: the way to the broker.
        commodity: an asset, or what the broker calls one that is not known here; where `is_cash`, a currency.
        ledger_quantity, broker_quantity: units or money by each; of accounts that share one there, by all of them.
        hold_id: the hold it put on the account; None = one that says the same stood.
        found_at, seen_at: when it was first and last seen.
        resolved_at, resolved_by: when it was gone or explained, and by whom; None = it stands.
        explanation: what it was, in their words; "" = it went by itself.
    """

    break_id: UUID
    link_id: UUID
    account_id: str
    commodity: str
    is_cash: bool
    ledger_quantity: Decimal
    broker_quantity: Decimal
    hold_id: UUID | None
    found_at: datetime
    seen_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    explanation: str

    @property
    def key(self) -> tuple[str, Commodity]:
        """Of which account and commodity it is."""
        return self.account_id, Commodity(self.commodity, self.is_cash)


async def get_accounts_of_link(db: ReadSession | WriteSession, link_id: UUID) -> list[str]:
    """Return the accounts whose orders go by a link, by id."""
    return list((await db.execute(query("get_accounts_of_link"), {"link_id": link_id})).scalars())


async def get_held_by_ledger(
    db: ReadSession | WriteSession, account_ids: Sequence[str], as_of: datetime | None = None
) -> dict[Commodity, Decimal]:
    """Return what some accounts hold together by the ledger: all that is booked, or what was by a moment."""
    values = {"account_ids": list(account_ids), "as_of": as_of}
    rows = await db.execute(query("get_held_by_ledger"), values)
    return {Commodity(name, is_cash): quantity for name, is_cash, quantity in rows}


async def get_on_the_way(db: WriteSession, account_ids: Sequence[str]) -> dict[str, OnTheWay]:
    """Return what orders of some accounts at a broker have open, by asset."""
    rows = await db.execute(query("get_on_the_way"), {"account_ids": list(account_ids)})
    return {asset_id: OnTheWay(bought, sold) for asset_id, bought, sold in rows}


async def get_open_breaks(
    db: ReadSession | WriteSession, account_ids: Sequence[str] | None = None
) -> list[Break]:
    """Return the breaks that stand, of some accounts or of all, the oldest first."""
    values = {"account_ids": None if account_ids is None else list(account_ids)}
    return [Break(*row) for row in await db.execute(query("get_open_breaks"), values)]


async def list_breaks(
    db: ReadSession | WriteSession,
    *,
    account_id: str | None,
    household_id: str | None = None,
    with_resolved: bool,
    before: tuple[datetime, UUID] | None,
    most: int,
) -> list[Break]:
    """Return some breaks, the newest first.

    Args:
        db: where to read.
        account_id: of this account.
        household_id: of the accounts of this household.
        with_resolved: whether those that are gone or explained are there too.
        before: moment and key to go on from; neither is in the answer.
        most: at most so many.
    """
    moment, break_id = before or (None, None)
    values = {
        "account_id": account_id,
        "household_id": household_id,
        "with_resolved": with_resolved,
        "before": moment,
        "before_id": break_id,
        "most": most,
    }
    return [Break(*row) for row in await db.execute(query("list_breaks"), values)]


async def hold_break(db: WriteSession, break_id: UUID) -> Break | None:
    """Return a break that nobody else changes until the transaction ends; None = there is none."""
    row = (await db.execute(query("hold_break"), {"break_id": break_id})).one_or_none()
    return None if row is None else Break(*row)


async def see_explained_break(db: WriteSession, account_id: str, found: Difference, now: datetime) -> bool:
    """Note that what somebody explained is still as it was at the look before; False = it is something new."""
    values = {
        "account_id": account_id,
        "commodity": found.commodity.name,
        "is_cash": found.commodity.is_cash,
        "units": found.units,
        "now": now,
    }
    return (await db.execute(query("see_explained_break"), values)).first() is not None


async def see_break(db: WriteSession, break_id: UUID, found: Difference, now: datetime) -> None:
    """Note that a break still stands, and of how much it is now."""
    values = {"break_id": break_id, "now": now}
    await db.execute(query("see_break"), values | _quantities(found))


async def add_break(
    db: WriteSession,
    link_id: UUID,
    account_id: str,
    found: Difference,
    *,
    hold_id: UUID | None,
    now: datetime,
) -> UUID:
    """Write a break down; returns its key."""
    values = {
        "link_id": link_id,
        "account_id": account_id,
        "commodity": found.commodity.name,
        "is_cash": found.commodity.is_cash,
        "hold_id": hold_id,
        "now": now,
    }
    key: UUID = (await db.execute(query("add_break"), values | _quantities(found))).scalar_one()
    return key


async def resolve_break(
    db: WriteSession, break_id: UUID, *, resolved_by: str, explanation: str, now: datetime
) -> None:
    """Note that a break is gone, or was explained."""
    values = {"break_id": break_id, "resolved_by": resolved_by, "explanation": explanation, "now": now}
    await db.execute(query("resolve_break"), values)


async def set_synced(db: WriteSession, link_id: UUID, now: datetime) -> None:
    """Note when what a broker holds was last compared."""
    await db.execute(query("set_link_synced"), {"link_id": link_id, "now": now})


def _quantities(found: Difference) -> dict[str, Decimal]:
    return {"ledger_quantity": found.ledger, "broker_quantity": found.broker}
