"""Breaches: how long accounts were beyond a limit, as the checks that stand in compliance_records say."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class Breach:
    """Checks of an account by a rule, one after the other, none of which some assets passed.

    Attributes:
        account_id: whose; None = the tenant as a whole.
        asset_ids: what it is about.
        is_ours: whether a rule of ours was checked; otherwise the firm's own books say so.
        rule_name: the id of a rule of ours, or the rule in the firm's words; "" = these say none.
        is_violation: whether any of the checks said VIOLATION; otherwise they warned.
        first_day, last_day: of those checks.
        checks: how many there were.
        is_open: whether no later check of the account by the rule let it pass.
        said: what the last of the checks said of the first of the assets.
    """

    account_id: str | None
    asset_ids: list[str]
    is_ours: bool
    rule_name: str
    is_violation: bool
    first_day: date
    last_day: date
    checks: int
    is_open: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachFilter:
    """Which breaches.

    Attributes:
        account_ids: of these accounts; None = of all that are seen.
        since, until: checks of these days, both included, are looked at.
        rule_name: only of this rule; None = of any.
        is_violation: only violations, or only what warned; None = both.
        is_open: only those that are open; None = all.
    """

    since: date
    until: date
    account_ids: Collection[str] | None = None
    rule_name: str | None = None
    is_violation: bool | None = None
    is_open: bool | None = None


@dataclass(frozen=True, slots=True)
class BreachKey:
    """The place of a breach in the list."""

    last_day: date
    first_day: date
    account_id: str
    rule_name: str
    is_ours: bool
    is_violation: bool


async def get_last_check(db: AsyncSession, account_ids: Collection[str] | None = None) -> date | None:
    """Return the day of the last check of some accounts; None = there was none."""
    values = {"account_ids": None if account_ids is None else sorted(account_ids)}
    day: date | None = (await db.execute(query("get_last_check"), values)).scalar_one()
    return day


async def get_breaches(
    db: AsyncSession, wanted: BreachFilter, *, after: BreachKey | None = None, limit: int
) -> list[Breach]:
    """Return breaches, those that lasted until the latest day first.

    Args:
        db: a session.
        wanted: which.
        after: the last one of the page before.
        limit: how many at most.
    """
    values = {
        "account_ids": None if wanted.account_ids is None else sorted(wanted.account_ids),
        "since": wanted.since,
        "until": wanted.until,
        "rule_name": wanted.rule_name,
        "is_violation": wanted.is_violation,
        "is_open": wanted.is_open,
        "last_day": after and after.last_day,
        "first_day": after and after.first_day,
        "last_account": after and after.account_id,
        "last_rule": after and after.rule_name,
        "last_is_ours": after and after.is_ours,
        "last_is_violation": after and after.is_violation,
        "most": limit,
    }
    return [Breach(**row) for row in (await db.execute(query("get_breaches"), values)).mappings()]
