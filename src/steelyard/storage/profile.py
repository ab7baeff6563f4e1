"""Investor profiles at rest, one an account."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.profile import Investor, InvestorProfile, Named
from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


async def get_profile(db: AsyncSession, account_id: str) -> InvestorProfile | None:
    """Return the profile of an account; None = nothing is known of its investor."""
    row = (await db.execute(query("get_profile"), {"account_id": account_id})).one_or_none()
    if row is None:
        return None
    investor = Investor(
        row.risk_tolerance,
        row.horizon_years,
        tuple(row.goals),
        json.loads(row.preferences),
        json.loads(row.exclusions),
    )
    return InvestorProfile(row.account_id, row.version, investor, row.changed_by, row.changed_at)


async def add_profile(db: WriteSession, account_id: str, investor: Investor, *, now: datetime) -> int | None:
    """Write the first profile of an account; return its version, None = there is one."""
    values = _values(account_id, investor, now)
    version: int | None = (await db.execute(query("add_profile"), values)).scalar_one_or_none()
    return version


async def change_profile(
    db: WriteSession, account_id: str, investor: Investor, *, expected: int, now: datetime
) -> int | None:
    """Write another version of a profile; return it, None = the one there is not the expected one."""
    values = _values(account_id, investor, now) | {"expected": expected}
    version: int | None = (await db.execute(query("change_profile"), values)).scalar_one_or_none()
    return version


async def get_unknown_traits(db: AsyncSession, named: Named) -> list[tuple[str, str]]:
    """Return which of some names, by kind, no asset has."""
    asked = [{"kind": kind, "name": name} for kind, names in named.items() for name in names]
    rows = await db.execute(query("get_unknown_traits"), {"named": json.dumps(asked)})
    return [(row.kind, row.name) for row in rows]


async def get_traits(db: AsyncSession, kind: str) -> Sequence[str]:
    """Return what assets have of a kind."""
    return list(await db.scalars(query("get_traits"), {"kind": kind}))


def _values(account_id: str, investor: Investor, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "risk_tolerance": investor.risk_tolerance,
        "horizon_years": investor.horizon_years,
        "goals": list(investor.goals),
        "preferences": json.dumps({kind: list(names) for kind, names in investor.preferences.items()}),
        "exclusions": json.dumps({kind: list(names) for kind, names in investor.exclusions.items()}),
        "now": now,
    }
