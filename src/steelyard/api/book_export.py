"""Everything the tenant owns, to be taken away."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from steelyard.api.body import Body
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.export import ZIP, exported_book
from steelyard.server.permits import CurrentActor, permits
from steelyard.services.book_export import ExportFormat

router = APIRouter(tags=["export"])


class ExportBody(Body):
    """What to write it as."""

    format: Annotated[ExportFormat, Field(strict=False)] = ExportFormat.CSV


@router.post(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {ZIP: {}}, "description": "A zip file: a table a file, and manifest.json."}},
    dependencies=[permits(Verb.EXPORT, ObjectType.PORTFOLIO)],
)
async def export(request: Request, actor: CurrentActor, body: ExportBody) -> StreamingResponse:
    """Take away everything the tenant owns, all of one moment, as a zip file; that it was done is recorded."""
    return await exported_book(request.app, actor, body.format)
