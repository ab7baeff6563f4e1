"""What an account is: what it belongs to and follows, what keeps it, and where its orders go."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from steelyard.storage.connection import ReadSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account.

    Attributes:
        profile_version: of its investor's profile; None = nothing is known of them.
        kept_by: snapshots or ledger.
        link_id, link_name, broker, environment: where its orders go; None = it cannot be executed.
    """

    account_id: str
    account_name: str
    base_currency: str
    household_id: str | None
    household_name: str | None
    model_id: str | None
    model_name: str | None
    profile_version: int | None
    kept_by: str
    lot_method: str
    may_overdraw: bool
    may_short: bool
    link_id: UUID | None
    link_name: str | None
    broker: str | None
    environment: str | None


@dataclass(frozen=True, slots=True)
class AccountHold:
    """Why orders of an account are kept back."""

    kind: str
    reason: str
    made_at: datetime


async def get_account_row(db: ReadSession, account_id: str) -> AccountRow:
    """Return an account that is seen."""
    return AccountRow(*(await db.execute(query("get_account_information"), {"account_id": account_id})).one())


async def get_account_holds(db: ReadSession, account_id: str) -> list[AccountHold]:
    """Return what keeps orders of an account back, the oldest first."""
    rows = await db.execute(query("get_account_holds"), {"account_id": account_id})
    return [AccountHold(*row) for row in rows]
