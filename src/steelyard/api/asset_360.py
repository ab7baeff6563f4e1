"""Asset 360: the eight answers about a scope, and its assets."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steelyard.api.answer import Answer
from steelyard.api.version import SENT
from steelyard.identity.permissions import Actor, ObjectType, Verb
from steelyard.server.input import AssetId, Day, Id
from steelyard.server.kept import Kept
from steelyard.server.permits import CurrentActor, current_actor, permits
from steelyard.server.scope import ScopeAsked, require_whole_tenant, scope_of
from steelyard.server.version import has_already, tag_of_parts
from steelyard.services import asset_360
from steelyard.services.asset import AssetSort, arrange, get_asset, get_assets
from steelyard.services.asset_360 import Which
from steelyard.services.document import read_seen
from steelyard.services.scope import require_scope
from steelyard.storage.asset_360 import ComplianceRow, Document, PerformanceRow, RiskRow
from steelyard.storage.connection import get_db_session

if TYPE_CHECKING:
    from steelyard.server.application import Application

LONGEST_SEARCH: Final = 100
MOST_PAGES: Final = 10_000
MOST_ASSETS: Final = 1_000
NEWEST: Final = 2**62
"""No version has a higher number."""

router = APIRouter(tags=["asset 360"], dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO)])


@dataclass(frozen=True, slots=True)
class RiskCategory:
    """A group of the overview."""

    risk_category: str
    count: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Overview:
    """What `answer_overview` says."""

    total_assets: int
    total_value: Decimal
    average_return: Decimal | None
    mean_return: Decimal | None
    risk_distribution: list[RiskCategory]
    unvalued_assets: int
    base_currency: str
    as_of: date
    version: int


@dataclass(frozen=True, slots=True)
class Performers:
    """What `answer_performance` says."""

    top_performers: list[PerformanceRow]


Figure = dict[str, Any]
"""A Plotly figure."""

ANSWERS: Final[dict[str, tuple[Callable[[Document], Any], Any, str]]] = {
    "overview": (asset_360.answer_overview, Overview, "Value, return and risk in a few figures."),
    "allocation": (asset_360.answer_allocation, Figure, "A Plotly figure: the value of each asset type."),
    "risk": (asset_360.answer_risk, list[RiskRow], "The ten assets with the highest value at risk."),
    "performers": (asset_360.answer_performance, Performers, "The five best performers of one year."),
    "compliance": (asset_360.answer_compliance, list[ComplianceRow], "Assets with violations in six months."),
    "transactions": (asset_360.answer_transactions, Figure, "A Plotly figure: the amount traded each month."),
    "sectors": (asset_360.answer_sectors, Figure, "A Plotly figure: value and number of assets by sector."),
    "countries": (asset_360.answer_countries, Figure, "A Plotly figure: the same by issuing country."),
}
"""Path → the answer, its shape and what it is."""


async def _which(
    actor: CurrentActor,
    scope: ScopeAsked,
    as_of: Day | None = None,
    version: Annotated[int | None, Query(ge=1, le=NEWEST)] = None,
) -> Which:
    require_whole_tenant(actor, scope)
    return {"scope": scope, "as_of": as_of, "version": version}


WhichAsked = Annotated[Which, Depends(_which)]


class WhichQuery(BaseModel):
    """Of which scope, version or day."""

    model_config = ConfigDict(hide_input_in_errors=True)

    account: Id | None = None
    household: Id | None = None
    as_of: Day | None = None
    version: Annotated[int | None, Field(ge=1, le=NEWEST)] = None

    def which(self, actor: Actor) -> Which:
        """Say what somebody asks for; raises as `scope_of` and `require_whole_tenant`."""
        scope = scope_of(actor, self.account, self.household)
        require_whole_tenant(actor, scope)
        return {"scope": scope, "as_of": self.as_of, "version": self.version}


def read_query(request: Request) -> WhichQuery:
    """Read what one of the eight answers is asked for; raises RequestValidationError, as FastAPI would.

    Dashboards ask for them more often than for all else, and FastAPI takes longer to read four parameters than the
    rest of the answer does.
    """
    try:
        return WhichQuery.model_validate(dict(request.query_params))
    except ValidationError as error:
        faults = [{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error


QUERY: Final = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in WhichQuery.model_json_schema()["properties"].items()
    ]
}
"""What FastAPI would say of the parameters."""


def _reader(name: str) -> Callable[..., Awaitable[Response]]:
    answer = ANSWERS[name][0]

    async def read(request: Request) -> Response:
        app: Application = request.app
        seen = await app.documents.find(**read_query(request).which(current_actor(request)))
        kept = app.kept.find((name, seen))
        if kept is None:
            body = bytes(Answer(answer(await read_seen(seen))).body)
            kept = Kept(tag_of_parts(name, seen), body)
            app.kept.keep((name, seen), kept)
        if has_already(request.scope, kept.tag):
            return Response(status_code=304, headers={"ETag": kept.tag})
        return Response(kept.body, headers={"ETag": kept.tag}, media_type=Answer.media_type)

    return read


for _name, (_answer, _shape, _purpose) in ANSWERS.items():
    router.get(
        f"/asset-360/{_name}",
        name=f"read_{_name}",
        response_model=_shape,
        summary=_purpose,
        responses=SENT,
        openapi_extra=QUERY,
    )(_reader(_name))


@dataclass(frozen=True, slots=True)
class AssetPage:
    """A page of assets, and how many there are."""

    assets: list[dict[str, Any]]
    among: int


@router.get("/asset-360/assets", response_model=AssetPage)
async def list_assets(
    which: WhichAsked,
    search: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "",
    sort: AssetSort = AssetSort.VALUE,
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
    limit: Annotated[int, Query(ge=1, le=MOST_ASSETS)] = 100,
) -> Answer:
    """Assets with their value, return and risk; `search` looks in id, name and ISIN."""
    async with get_db_session() as db:
        await require_scope(db, which["scope"])
        rows = arrange(await get_assets(db, **which), sort=sort, search=search)
    return Answer(AssetPage(rows[(page - 1) * limit : page * limit], len(rows)))


@router.get("/asset-360/asset", response_model=dict[str, Any])
async def read_asset(which: WhichAsked, asset: AssetId) -> Answer:
    """Everything known about one asset, and what limits its figures."""
    async with get_db_session() as db:
        await require_scope(db, which["scope"])
        return Answer(await get_asset(db, asset, **which))
