"""Lists of assets of any length: filtered, sorted and cut into pages by the store."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from steelyard.domain.scope import Scope
from steelyard.services.asset_360 import get_document
from steelyard.storage import asset as store
from steelyard.storage.asset import AssetFilter, AssetGroup, ListedAsset
from steelyard.storage.asset_360 import Document
from steelyard.storage.connection import ReadSession, get_db_session

Column = Literal[
    "asset", "class", "sector", "country", "value", "age", "return", "volatility", "risk", "violations"
]
"""By what assets are listed."""

FROM_THE_LARGEST: Final = frozenset({"value", "age", "return", "volatility", "risk", "violations"})
"""Columns whose largest figures come first, unless it is asked for otherwise."""

DIMENSIONS: Final = ("asset_type", "sector", "country", "risk", "performance", "size")
"""By what assets are parted."""

Side = Literal["", "after", "before"]


@dataclass(frozen=True, slots=True)
class Order:
    """In which order assets are listed, and where in the list a page lies.

    Attributes:
        sort: by what.
        is_descending: whether the largest come first.
        side: whether the page follows an asset of the list or ends before it; "" = it is the first.
        beside: that asset.
    """

    sort: Column = "value"
    is_descending: bool = True
    side: Side = ""
    beside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetList:
    """A page of a list of assets.

    Attributes:
        version, as_of: of asset 360.
        base_currency: of the values.
        total_value: of all that the scope holds, whatever the filter.
        assets: of the page.
        among: how many the list has.
        before, after: whether there are assets before the page, and after it.
        groups: asset_type, sector, country, risk, performance and size → what there is of it, whatever the filter.
    """

    version: int
    as_of: date
    base_currency: str
    total_value: Decimal
    assets: tuple[ListedAsset, ...]
    among: int
    before: bool
    after: bool
    groups: dict[str, list[AssetGroup]]

    def weight(self, asset: ListedAsset) -> float | None:
        """Return an asset's share of the value of all; None = not known."""
        if asset.market_value is None or not self.total_value:
            return None
        return float(asset.market_value / self.total_value)


async def get_asset_list(
    db: ReadSession, scope: Scope, wanted: AssetFilter, order: Order, *, limit: int
) -> AssetList:
    """Return a page of the assets of a scope, of the current version.

    Args:
        db: a read session.
        scope: the tenant, a household or an account.
        wanted: which assets.
        order: of the list. A page beside an asset that is not in the list any more is empty.
        limit: assets on the page.

    Raises:
        NoVersionError: asset 360 has nothing on the scope.
    """
    document = await get_document(db, scope=scope)
    found = await _listed(db, document, wanted, order, limit + 1)
    assets = found[-limit:] if order.side == "before" else found[:limit]
    groups: dict[str, list[AssetGroup]] = {name: [] for name in DIMENSIONS}
    for group in await store.get_asset_groups(db, document):
        groups[group.dimension].append(group)
    return AssetList(
        version=document.version,
        as_of=document.as_of,
        base_currency=document.base_currency,
        total_value=document.overview.total_value,
        assets=tuple(assets),
        among=assets[0].among if assets else 0,
        before=bool(assets) and assets[0].place > 1,
        after=bool(assets) and assets[-1].place < assets[-1].among,
        groups=groups,
    )


async def export_assets(
    scope: Scope, wanted: AssetFilter, order: Order, *, limit: int = 5_000
) -> AsyncIterator[tuple[date, ListedAsset]]:
    """Give every asset of a list with the day of its figures, all of one version; arguments as `get_asset_list`."""
    async with get_db_session() as db:
        document = await get_document(db, scope=scope)
    side, beside = "", ""
    while True:
        at = Order(order.sort, order.is_descending, "after" if side else "", beside)
        async with get_db_session() as db:
            found = await _listed(db, document, wanted, at, limit)
        for asset in found:
            yield document.as_of, asset
        if len(found) < limit:
            return
        side, beside = "after", found[-1].asset_id


async def _listed(
    db: ReadSession, document: Document, wanted: AssetFilter, order: Order, most: int
) -> Sequence[ListedAsset]:
    return await store.list_assets(
        db,
        document,
        wanted,
        sort=order.sort,
        is_descending=order.is_descending,
        side=order.side,
        beside=order.beside,
        most=most,
    )
