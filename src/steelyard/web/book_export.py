"""Settings: everything the tenant owns, to be taken away."""

from fastapi import APIRouter, Request, Response

from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.export import exported_book
from steelyard.server.form import AskedForm
from steelyard.server.permits import CurrentActor, permits
from steelyard.services.book_export import read_format

router = APIRouter(prefix="/settings")


@router.post("/export", dependencies=[permits(Verb.EXPORT, ObjectType.PORTFOLIO)])
async def export(request: Request, actor: CurrentActor, form: AskedForm) -> Response:
    """Send everything the tenant owns as a zip file; that it was done is recorded."""
    return await exported_book(request.app, actor, read_format(form.text("format") or "csv"))
