"""What dashboards and the list of accounts are made of, beside the published documents."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from steelyard.domain.scope import Scope
from steelyard.storage.connection import ReadSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class DashboardState:
    """What a dashboard is made from.

    Attributes:
        as_of: the day of the version.
        recorded_at: when it was published.
        models: a mark that changes when an account follows another model, or a model that is followed is written anew.
    """

    as_of: date
    recorded_at: datetime
    models: str


@dataclass(frozen=True, slots=True)
class AccountDrift:
    """How far an account stood from the model it follows.

    Attributes:
        drift: the share of its value that would have to change hands, a fraction; None = its value is not known.
        outside: assets outside the band; None likewise.
    """

    account_id: str
    drift: Decimal | None
    outside: int | None


@dataclass(frozen=True, slots=True)
class CheckLine:
    """What checks said against an asset by one rule.

    Attributes:
        rule: in the firm's words; "" = none is named.
        is_violated: else it was only warned of.
        checks: how many said so.
        last_check: day of the newest of them.
    """

    asset_id: str
    asset_name: str
    rule: str
    is_violated: bool
    checks: int
    last_check: date


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account, and what is published of it; None = not known.

    Attributes:
        kept_by: snapshots or ledger.
        link_name, broker: where its orders go; None = it cannot be executed.
        total_value, cash: in `base_currency`.
        unvalued_assets: that count for nothing in it.
        one_year_return: of what it holds, weighted by value, a fraction.
        violated_assets: with violations in six months.
        size, word: its place in the order that was asked for, before its id.
    """

    account_id: str
    account_name: str
    base_currency: str
    household_id: str | None
    household_name: str | None
    model_id: str | None
    model_name: str | None
    kept_by: str
    link_name: str | None
    broker: str | None
    total_value: Decimal | None
    unvalued_assets: int | None
    one_year_return: Decimal | None
    violated_assets: int | None
    cash: Decimal | None
    size: Decimal
    word: str


@dataclass(frozen=True, slots=True)
class HouseholdLine:
    """A household, how many of its accounts are seen, and what is published of it where all are."""

    household_id: str
    household_name: str
    base_currency: str
    accounts: int
    total_value: Decimal | None
    unvalued_assets: int | None
    one_year_return: Decimal | None
    violated_assets: int | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which accounts are listed; None and "" = whichever.

    Attributes:
        search: part of the id or the name, upper and lower case alike.
        account_ids: only these.
    """

    household_id: str | None = None
    model_id: str | None = None
    search: str = ""
    account_ids: tuple[str, ...] | None = None


async def get_dashboard_state(db: ReadSession, version: int) -> DashboardState | None:
    """Return what the dashboards of a version are made from; None = it is gone."""
    row = (await db.execute(query("get_dashboard_state"), {"version": version})).one_or_none()
    return None if row is None else DashboardState(*row)


async def get_drifts(
    db: ReadSession,
    version: int,
    *,
    absolute: Decimal,
    relative: Decimal,
    account_ids: Collection[str] | None = None,
    household_id: str | None = None,
) -> list[AccountDrift]:
    """Return the drift of accounts that follow a model, by id.

    Args:
        db: a session.
        version: whose positions and prices count; targets are those of now.
        absolute: how far a weight may be from its target, a fraction of the whole.
        relative: the same as a fraction of the target; the narrower of the two holds.
        account_ids: of these; None = of all that are seen.
        household_id: of its accounts.
    """
    values = {
        "version": version,
        "absolute": absolute,
        "relative": relative,
        "account_ids": None if account_ids is None else list(account_ids),
        "household_id": household_id,
    }
    return [AccountDrift(*row) for row in await db.execute(query("get_drifts"), values)]


async def get_check_lines(db: ReadSession, scope: Scope, as_of: date, *, most: int) -> list[CheckLine]:
    """Return what checks of the six months up to a day said against assets of a scope, violations first."""
    values = {"scope_kind": scope.kind, "scope_id": scope.id, "as_of": as_of, "most": most}
    return [CheckLine(*row) for row in await db.execute(query("get_check_lines"), values)]


async def get_account_lines(
    db: ReadSession,
    chosen: Chosen,
    *,
    sort: str,
    after: tuple[Decimal, str, str] | None,
    most: int,
) -> list[AccountLine]:
    """Return accounts that are seen, a page of them.

    Args:
        db: a session.
        chosen: which.
        sort: by value, return or cash, the largest first; by name, household or model.
        after: size, word and id of the last one of the page before.
        most: how many.
    """
    size, word, account = after or (None, "", None)
    values = _filters(chosen) | {
        "sort": sort,
        "after_size": size,
        "after_word": word,
        "after_account": account,
        "most": most,
    }
    return [AccountLine(*row) for row in await db.execute(query("get_account_lines"), values)]


async def count_accounts(db: ReadSession, chosen: Chosen) -> int:
    """Return how many accounts there are to list."""
    found: int = (await db.execute(query("count_accounts"), _filters(chosen))).scalar_one()
    return found


async def get_listed_ids(db: ReadSession, chosen: Chosen) -> list[str]:
    """Return the ids of the accounts there are to list."""
    return list(await db.scalars(query("get_listed_ids"), _filters(chosen)))


async def get_household_lines(db: ReadSession, search: str, *, most: int) -> list[HouseholdLine]:
    """Return households that are seen, the most valuable first."""
    rows = await db.execute(query("get_household_lines"), {"search": search, "most": most})
    return [HouseholdLine(*row) for row in rows]


def _filters(chosen: Chosen) -> dict[str, object]:
    return {
        "household_id": chosen.household_id,
        "model_id": chosen.model_id,
        "search": chosen.search,
        "account_ids": None if chosen.account_ids is None else list(chosen.account_ids),
    }
