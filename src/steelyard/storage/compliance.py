"""What rules ask of the store: what assets are, what was traded before, and how much of it usually is."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.compliance.holdings import Described
from steelyard.storage.connection import WriteSession
from steelyard.storage.memory import remembered
from steelyard.storage.portfolio import StoredAccount
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class BookedTrade:
    """A trade as it was booked; `amount` is in `currency`, positive = bought."""

    asset_id: str
    trade_date: date
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DayTrade:
    """A trade as it was booked; signed, positive = bought; quantity None = none is known."""

    account_id: str
    asset_id: str
    trade_date: date
    currency: str
    amount: Decimal
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class DayPosition:
    """What an account held on a day; quantity None = it is kept as weights."""

    account_id: str
    asset_id: str
    quantity: Decimal | None
    is_cash: bool
    currency: str


@dataclass(frozen=True, slots=True)
class Override:
    """That a proposal was let pass a rule.

    Attributes:
        rule_id, rule_version: the rule that held it.
        reason: why, in the words of who did.
        made_by, made_at: who, as in the audit, and when, UTC.
    """

    rule_id: str
    rule_version: int
    reason: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """A row of compliance_records."""

    record_id: str
    account_id: str
    asset_id: str
    status: str
    rule: str


@remembered
async def get_ruled_assets(db: AsyncSession, asset_ids: Collection[str]) -> dict[str, Described]:
    """Return what assets are, by id; those that do not exist are left out."""
    rows = await db.execute(query("get_ruled_assets"), {"asset_ids": sorted(asset_ids)})
    return {row.asset_id: Described(*row) for row in rows}


@remembered
async def get_volumes(
    db: AsyncSession, asset_ids: Collection[str], day: date, sessions: int
) -> dict[str, list[Decimal]]:
    """Return asset → units traded in its last sessions before a day, the newest first.

    Args:
        db: a session.
        asset_ids: which.
        day: before it.
        sessions: at most so many; none older than twice as many days and ten more, for holidays.
    """
    oldest = day - timedelta(days=2 * sessions + 10)
    values = {"asset_ids": sorted(asset_ids), "day": day, "oldest": oldest, "sessions": sessions}
    volumes: dict[str, list[Decimal]] = defaultdict(list)
    for asset_id, volume in await db.execute(query("get_volumes"), values):
        volumes[asset_id].append(volume)
    return volumes


async def get_past_trades(db: AsyncSession, account_id: str, since: date, until: date) -> list[BookedTrade]:
    """Return what an account bought and sold in some days, both included."""
    values = {"account_id": account_id, "since": since, "until": until}
    return [BookedTrade(*row) for row in await db.execute(query("get_past_trades"), values)]


async def get_accounts_with_transactions(db: AsyncSession, account_ids: Collection[str]) -> set[str]:
    """Return those of some accounts of which any transaction is known."""
    values = {"account_ids": sorted(account_ids)}
    return set(await db.scalars(query("get_accounts_with_transactions"), values))


async def sees_whole_household(db: AsyncSession, household_id: str) -> bool:
    """Whether every account of a household is seen."""
    seen: bool = (
        await db.execute(query("sees_whole_household"), {"household_id": household_id})
    ).scalar_one()
    return seen


async def add_override(
    db: WriteSession, proposal_id: UUID, rule_id: str, rule_version: int, reason: str
) -> bool:
    """Let a proposal pass a rule; returns False where it was let pass already."""
    values = {
        "proposal_id": proposal_id,
        "rule_id": rule_id,
        "rule_version": rule_version,
        "reason": reason,
    }
    return (await db.execute(query("add_override"), values)).one_or_none() is not None


async def get_overrides(db: AsyncSession, proposal_id: UUID) -> list[Override]:
    """Return who let a proposal pass which rule, by rule."""
    rows = await db.execute(query("get_overrides"), {"proposal_id": proposal_id})
    return [Override(*row) for row in rows]


async def get_ruled_accounts(
    db: AsyncSession, account_ids: Collection[str] | None = None
) -> list[StoredAccount]:
    """Return accounts that are seen, by id; None = all."""
    values = {"account_ids": None if account_ids is None else sorted(account_ids)}
    return [StoredAccount(*row) for row in await db.execute(query("get_ruled_accounts"), values)]


async def get_ruled_days(
    db: AsyncSession, account_ids: Collection[str], since: date, until: date
) -> list[tuple[date, list[str]]]:
    """Return the days of a period on which something of accounts was stated or booked, in order, each with those."""
    values = {"account_ids": sorted(account_ids), "since": since, "until": until}
    return [(row.day, row.account_ids) for row in await db.execute(query("get_ruled_days"), values)]


async def get_ruled_positions(db: AsyncSession, account_ids: Collection[str], day: date) -> list[DayPosition]:
    """Return what accounts held on a day, cash among it."""
    values = {"account_ids": sorted(account_ids), "day": day}
    return [DayPosition(*row) for row in await db.execute(query("get_ruled_positions"), values)]


async def get_trades_of_days(
    db: AsyncSession, account_ids: Collection[str], since: date, until: date
) -> list[DayTrade]:
    """Return what accounts bought and sold in some days, both included, by account and day."""
    values = {"account_ids": sorted(account_ids), "since": since, "until": until}
    return [DayTrade(*row) for row in await db.execute(query("get_trades_of_days"), values)]


async def get_cash_assets(db: AsyncSession, currencies: Collection[str]) -> dict[str, str]:
    """Return currency → the asset that stands for money of it; a currency without one is left out."""
    rows = await db.execute(query("get_cash_assets"), {"currencies": sorted(currencies)})
    return {row.currency: row.asset_id for row in rows}


async def are_records_attached(db: AsyncSession) -> bool:
    """Whether a firm's table stands in the place of our compliance_records, so that nothing can be written there."""
    attached: bool = (await db.execute(query("are_records_attached"))).scalar_one()
    return attached


async def replace_records(
    db: WriteSession, account_ids: Collection[str], day: date, records: Sequence[Record]
) -> None:
    """Write what checks of accounts on a day said, in place of what an earlier check of ours did.

    Args:
        db: a session.
        account_ids: which accounts were checked.
        day: the day.
        records: each of another record_id, which begins with "steelyard:".
    """
    await db.execute(query("forget_records"), {"account_ids": sorted(account_ids), "day": day})
    values = {
        "day": day,
        "record_ids": [one.record_id for one in records],
        "account_ids": [one.account_id for one in records],
        "asset_ids": [one.asset_id for one in records],
        "statuses": [one.status for one in records],
        "rules": [one.rule for one in records],
    }
    await db.execute(query("add_records"), values)


async def get_rate_currencies(db: AsyncSession) -> list[str]:
    """Return the currencies of which any exchange rate is known."""
    return list(await db.scalars(query("get_rate_currencies")))
