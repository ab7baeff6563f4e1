"""What was done, and by whom: read in pages, or exported whole with every hash."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.domain.audit import AuditEvent
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.export import exported_events
from steelyard.server.input import Id, Moment, PageSize
from steelyard.server.permits import permits
from steelyard.services import audit
from steelyard.storage.audit import EventFilter

router = APIRouter(prefix="/audit", tags=["audit"])

MOST_EVENTS: Final = 2**62


class FilterBody(Body):
    """Which events; of any kind and time unless said otherwise."""

    since: Moment | None = None
    until: Moment | None = None
    actor: Id | None = None
    action: Id | None = None
    object_type: Id | None = None
    object_id: Id | None = None

    @property
    def wanted(self) -> EventFilter:
        """The same for the service."""
        return EventFilter(**dict(self))


async def _filter(
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    actor: Id | None = None,
    action: Id | None = None,
    object_type: Id | None = None,
    object_id: Id | None = None,
) -> EventFilter:
    return EventFilter(since, until, actor, action, object_type, object_id)


@router.get("/events", response_model=list[AuditEvent], dependencies=[permits(Verb.READ, ObjectType.AUDIT)])
async def list_events(
    wanted: Annotated[EventFilter, Depends(_filter)],
    before: Annotated[int | None, Query(ge=1, le=MOST_EVENTS)] = None,
    limit: PageSize = 50,
) -> Answer:
    """Events, the newest first; `before` is the sequence of the last one of the page before."""
    return Answer(await audit.get_events(wanted, before=before, limit=limit))


@router.post(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/jsonl": {}}, "description": "An event a line."}},
    dependencies=[permits(Verb.EXPORT, ObjectType.AUDIT)],
)
async def export(body: FilterBody) -> StreamingResponse:
    """Export events in their order, with their hashes; that it was done is recorded."""
    return exported_events(body.wanted)
