"""Assets: the list of a scope, as a page and as a file."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator

from steelyard.domain.scope import Scope
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.input import read_id
from steelyard.server.permits import CurrentActor, permits
from steelyard.server.scope import ScopeAsked
from steelyard.server.table_file import Row, csv_file
from steelyard.services.asset_list import (
    FROM_THE_LARGEST,
    AssetList,
    Column,
    Order,
    Side,
    export_assets,
    get_asset_list,
)
from steelyard.storage.asset import AssetFilter
from steelyard.storage.asset_360 import NoVersionError
from steelyard.storage.connection import get_db_session
from steelyard.web.answer import go_to
from steelyard.web.choosing import draw_choice, must_choose, sees_some
from steelyard.web.shell import AskedShell
from steelyard.web.templates import wants_part

ON_A_PAGE: Final = 50
LONGEST: Final = 200
COLUMNS: Final[Mapping[Column, str]] = {
    "asset": "Asset",
    "class": "Class",
    "value": "Value",
    "age": "Price",
    "return": "1-year return",
    "volatility": "Volatility",
    "risk": "VaR",
    "violations": "Compliance",
}
"""Columns that a list is sorted by; what else it can be sorted by stands in no column of its own."""

HEADER: Final = (
    *("asset_id", "asset_name", "asset_type", "isin", "currency", "sector", "issuing_country", "as_of"),
    *("quantity", "price", "price_date", "market_value", "base_currency", "total_return", "volatility"),
    *("value_at_risk", "risk_category", "performance_category", "position_size", "active_violations"),
    *("last_compliance_check", "quality_flags"),
)

router = APIRouter(dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO)])

Typed = Annotated[str, Query(max_length=LONGEST), AfterValidator(read_id)]


@dataclass(frozen=True, slots=True)
class AskedList:
    """Which assets are asked for, in which order, and the query that asks for it."""

    wanted: AssetFilter
    order: Order
    query: Mapping[str, str]

    @property
    def is_filtered(self) -> bool:
        """Whether some assets may be left out."""
        return self.wanted != AssetFilter()

    def sorted_by(self, column: Column) -> dict[str, str]:
        """Return the query of the same list by a column; by the one it is sorted by, the other way round."""
        is_descending = column in FROM_THE_LARGEST
        if column == self.order.sort:
            is_descending = not self.order.is_descending
        return {**self.query, "sort": column, "order": "descending" if is_descending else "ascending"}

    def aria(self, column: Column) -> str:
        """Return how a column is sorted; "" = the list is sorted by another."""
        if column != self.order.sort:
            return ""
        return "descending" if self.order.is_descending else "ascending"


async def _asked(
    *,
    q: Typed = "",
    asset_type: Typed = "",
    sector: Typed = "",
    country: Typed = "",
    risk: Typed = "",
    performance: Typed = "",
    size: Typed = "",
    violations: Literal["", "yes"] = "",
    unvalued: Literal["", "yes"] = "",
    sort: Column = "value",
    order: Literal["", "ascending", "descending"] = "",
    after: Typed = "",
    before: Typed = "",
) -> AskedList:
    wanted = AssetFilter(
        search=q.strip(),
        asset_type=asset_type or None,
        sector=sector or None,
        country=country or None,
        risk=risk or None,
        performance=performance or None,
        size=size or None,
        with_violations=bool(violations),
        without_value=bool(unvalued),
    )
    is_descending = order == "descending" if order else sort in FROM_THE_LARGEST
    side: Side = "after" if after else "before" if before else ""
    query = {
        "q": wanted.search,
        "asset_type": asset_type,
        "sector": sector,
        "country": country,
        "risk": risk,
        "performance": performance,
        "size": size,
        "violations": violations,
        "unvalued": unvalued,
        "sort": "" if sort == "value" and is_descending else sort,
        "order": order,
    }
    return AskedList(wanted, Order(sort, is_descending, side, after or before), query)


Asked = Annotated[AskedList, Depends(_asked)]


@router.get("/assets")
async def show(request: Request, shell: AskedShell, asked: Asked) -> Response:
    """Show the assets of a scope; to htmx only their table."""
    if must_choose(shell):
        return draw_choice(shell, "Assets")
    found = await _find(shell.scope, asked)
    template = "asset_list_part.html" if wants_part(request) else "asset_list.html"
    return shell.draw(template, title="Assets", found=found, asked=asked, columns=COLUMNS)


async def _find(scope: Scope, asked: AskedList) -> AssetList | None:
    """Return the page of a list; None = nothing was published of the scope yet."""
    async with get_db_session() as db:
        try:
            return await get_asset_list(db, scope, asked.wanted, asked.order, limit=ON_A_PAGE)
        except NoVersionError:
            return None


@router.get("/assets.csv")
async def export(actor: CurrentActor, scope: ScopeAsked, asked: Asked) -> Response:
    """Send the assets of a list as a file, all of them; who has to choose an account first is asked to."""
    if sees_some(actor, scope):
        return go_to("/assets")
    return await csv_file("assets.csv", HEADER, _rows(scope, asked))


async def _rows(scope: Scope, asked: AskedList) -> AsyncIterator[Row]:
    async for as_of, one in export_assets(scope, asked.wanted, asked.order):
        yield (
            *(one.asset_id, one.asset_name, one.asset_type, one.isin, one.currency, one.sector),
            *(one.issuing_country, as_of, one.quantity, one.price, one.price_date, one.market_value),
            *(one.base_currency, one.total_return, one.avg_volatility, one.value_at_risk),
            *(one.risk_category, one.performance_category, one.position_size, one.active_violations),
            *(one.last_compliance_check, " ".join(one.quality_flags)),
        )
