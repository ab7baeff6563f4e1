"""What one is told: a password, factor, role or token changed."""

from fastapi import APIRouter, Response

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Moment
from steelyard.server.own import OwnId
from steelyard.server.permits import permits
from steelyard.services import notice
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.notice import Notice

router = APIRouter(
    prefix="/notices", tags=["own notices"], dependencies=[permits(Verb.READ, ObjectType.OWN_SESSION)]
)


class SeenBody(Body):
    """When the newest notice that was seen was made."""

    until: Moment


@router.get("", response_model=list[Notice])
async def list_notices(me: OwnId) -> Answer:
    """What you were told, the newest first."""
    async with get_db_session() as db:
        return Answer(await notice.get_notices(db, me))


@router.post("/seen", status_code=204, response_class=Response)
async def read_notices(browser: AskingBrowser, me: OwnId, body: SeenBody) -> Response:
    """Say that you have seen what you were told up to a moment."""
    async with get_write_session() as db:
        await notice.read_notices(db, me, until=body.until, now=browser.now)
    return Response(status_code=204)
