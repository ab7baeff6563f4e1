"""Model portfolios of the firm."""

from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.api.version import SENT, AskedVersion, ExpectedVersion
from steelyard.domain.profile import HORIZON_YEARS, RISK, Model
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.input import AssetId, Exact, Id, Name
from steelyard.server.permits import permits
from steelyard.services import model as service
from steelyard.storage.connection import get_write_session

BODY_BYTES: Final = 1_048_576
"""Five thousand weights."""

READ: Final = permits(Verb.READ, ObjectType.PORTFOLIO)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.MODEL)

router = APIRouter(tags=["models"])


class ModelBody(Body):
    """What a model holds, and whom it suits; exact weights, together 1."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Balanced",
                    "weights": {"AAPL": "0.6", "MSFT": "0.4"},
                    "risk_level": 3,
                    "min_horizon_years": 5,
                }
            ]
        }
    )

    name: Name
    weights: Annotated[dict[AssetId, Exact], Field(max_length=service.MOST_WEIGHTS)]
    risk_level: Annotated[int, Field(ge=RISK[0], le=RISK[-1])] | None = None
    min_horizon_years: Annotated[int, Field(ge=HORIZON_YEARS[0], le=HORIZON_YEARS[-1])] | None = None


@router.get("/models", response_model=list[Model], dependencies=[READ])
async def list_models() -> Answer:
    """Models with their weights, by id."""
    return Answer(await service.get_models())


@router.get("/model", response_model=Model, responses=SENT, dependencies=[READ])
async def read_model(versioned: AskedVersion, model: Id) -> Response:
    """A model with its weights."""
    found = await service.get_model(model)
    return versioned.answer(found, found.version)


@router.put("/model", response_model=Model, responses=SENT, dependencies=[CHANGE], max_body_size=BODY_BYTES)
async def set_model(
    versioned: AskedVersion, model: Id, expected: ExpectedVersion, body: ModelBody
) -> Response:
    """Make a model, or write another version in place of the one that If-Match names."""
    async with get_write_session() as db:
        written = await service.write_model(
            db,
            model,
            name=body.name,
            weights=body.weights,
            risk_level=body.risk_level,
            min_horizon_years=body.min_horizon_years,
            expected=expected,
        )
    return versioned.answer(written, written.version)
