"""Assets as pages show them: a part of a long list, and the history of one."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.storage.asset_360 import Document
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFilter:
    """Which assets; None = of any. `search` is looked for in id, name and ISIN, upper and lower case alike.

    `without_value` are those that are held and whose value is not known.
    """

    search: str = ""
    asset_type: str | None = None
    sector: str | None = None
    country: str | None = None
    risk: str | None = None
    performance: str | None = None
    size: str | None = None
    with_violations: bool = False
    without_value: bool = False


@dataclass(frozen=True, slots=True)
class ListedAsset:
    """A row of asset 360 in a list; its figures are those of `create_asset_360`.

    Attributes:
        place: in the list, from 1.
        among: how many the list has.
    """

    asset_id: str
    asset_name: str
    asset_type: str
    isin: str | None
    currency: str
    sector: str | None
    issuing_country: str | None
    base_currency: str
    quantity: Decimal | None
    price: Decimal | None
    price_date: date | None
    market_value: Decimal | None
    total_return: float | None
    avg_volatility: float | None
    value_at_risk: float | None
    active_violations: int
    last_compliance_check: date | None
    risk_category: str
    performance_category: str
    position_size: str
    quality_flags: list[str]
    place: int
    among: int


@dataclass(frozen=True, slots=True)
class AssetGroup:
    """Assets of one type, sector, country or category."""

    dimension: str
    name: str
    assets: int


@dataclass(frozen=True, slots=True)
class DayReturn:
    """A return of one day, as a fraction; `origin` is loaded or derived."""

    asset_id: str
    day: date
    daily_return: float
    origin: str


@dataclass(frozen=True, slots=True)
class RiskOfDay:
    """Risk over the three months before a day: fractions, a loss positive; `origin` is loaded or derived."""

    day: date
    volatility: float | None
    value_at_risk: float | None
    expected_shortfall: float | None
    parametric_value_at_risk: float | None
    beta: float | None
    sharpe_ratio: float | None
    max_drawdown: float | None
    observations: int | None
    origin: str


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """What a check said of an asset; account "" = of all together, `rule` in its words."""

    record_id: str
    account_id: str
    check_date: date
    status: str
    rule: str


async def list_assets(
    db: AsyncSession,
    document: Document,
    wanted: AssetFilter,
    *,
    sort: str,
    is_descending: bool,
    side: str,
    beside: str,
    most: int,
) -> list[ListedAsset]:
    """Return a page of the assets of a scope in the order of the list.

    Args:
        db: a session.
        document: of asset 360: the assets are those of its scope, version and day.
        wanted: which assets.
        sort: value, age, return, volatility, risk, violations, asset, class, sector or country.
        is_descending: whether the largest come first; unknown ones come last either way, and equal ones by their id.
        side: after or before an asset of the list; "" = from its beginning.
        beside: that asset.
        most: at most so many.
    """
    values = asdict(wanted) | {
        "scope_kind": document.scope_kind,
        "scope_id": document.scope_id,
        "version": document.version,
        "as_of": document.as_of,
        "sort": sort,
        "is_descending": is_descending,
        "side": side,
        "beside": beside,
        "most": most,
    }
    return [ListedAsset(*row) for row in await db.execute(query("list_assets"), values)]


async def get_asset_groups(db: AsyncSession, document: Document) -> list[AssetGroup]:
    """Return the types, sectors, countries and categories of the assets of a document."""
    values = {
        "scope_kind": document.scope_kind,
        "scope_id": document.scope_id,
        "version": document.version,
    }
    return [AssetGroup(*row) for row in await db.execute(query("get_asset_groups"), values)]


async def get_return_history(
    db: AsyncSession, asset_ids: Collection[str], after: date, until: date
) -> list[DayReturn]:
    """Return the daily returns of assets, each one's oldest first."""
    values = {"asset_ids": list(asset_ids), "after": after, "until": until}
    return [DayReturn(*row) for row in await db.execute(query("get_return_history"), values)]


async def get_risk_history(db: AsyncSession, asset_id: str, until: date) -> list[RiskOfDay]:
    """Return the risk of an asset at the days it was measured, oldest first."""
    values = {"asset_id": asset_id, "until": until}
    return [RiskOfDay(*row) for row in await db.execute(query("get_risk_history"), values)]


async def get_asset_records(
    db: AsyncSession, asset_id: str, account_ids: Collection[str], most: int
) -> list[AssetRecord]:
    """Return what checks said of an asset in some accounts, or of all together, newest first."""
    values = {"asset_id": asset_id, "account_ids": list(account_ids), "most": most}
    return [AssetRecord(*row) for row in await db.execute(query("get_asset_records"), values)]
