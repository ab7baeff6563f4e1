"""People's data: given to them, erased, and what law holds back."""

from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Name
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import personal_data
from steelyard.services.personal_data import Erased, PersonalData
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.personal_data import LegalHold

router = APIRouter(tags=["personal data"])

HOLD: Final = permits(Verb.HOLD, ObjectType.PERSONAL_DATA)


@dataclass(frozen=True, slots=True)
class Held:
    """A hold that was just placed."""

    hold_id: UUID


class HoldBody(Body):
    """Why, without names; and whose data, null = everything of the tenant."""

    reason: Name
    user_id: Annotated[UUID | None, Field(strict=False)] = None


@router.post(
    "/users/{user_id}/personal-data/export",
    response_model=PersonalData,
    dependencies=[permits(Verb.EXPORT, ObjectType.PERSONAL_DATA)],
)
async def export(browser: AskingBrowser, actor: RecentActor, user_id: UUID) -> Answer:
    """Everything that is held of a user; that it was taken is recorded."""
    del actor  # whose session is fresh enough
    async with get_write_session() as db:
        found = await personal_data.export_personal_data(db, browser.entrance.vault, user_id, now=browser.now)
    return Answer(found)


@router.delete(
    "/users/{user_id}/personal-data",
    response_model=Erased,
    dependencies=[permits(Verb.ERASE, ObjectType.PERSONAL_DATA)],
)
async def erase(
    request: Request, browser: AskingBrowser, actor: RecentActor, user_id: UUID, *, early: bool = False
) -> Answer:
    """Erase a disabled user for good; with `early` only what no law holds."""
    del actor  # as above
    async with get_write_session() as db:
        done = await personal_data.erase_personal_data(
            db,
            user_id,
            now=browser.now,
            retention_years=request.app.state.retention_years,
            early=early,
        )
    return Answer(done)


@router.get("/holds", response_model=list[LegalHold], dependencies=[HOLD])
async def list_holds(*, with_released: bool = False) -> Answer:
    """The legal holds that stand, and on request those that were released."""
    async with get_db_session() as db:
        return Answer(await personal_data.get_holds(db, with_released=with_released))


@router.post("/holds", status_code=201, response_model=Held, dependencies=[HOLD])
async def place_hold(actor: RecentActor, body: HoldBody) -> Answer:
    """Let nothing of a user, or of the whole tenant, be erased."""
    del actor  # as above
    async with get_write_session() as db:
        hold_id = await personal_data.place_hold(db, body.user_id, body.reason)
    return Answer(Held(hold_id), status_code=201)


@router.delete("/holds/{hold_id}", status_code=204, response_class=Response, dependencies=[HOLD])
async def release_hold(actor: RecentActor, hold_id: UUID) -> Response:
    """Let a hold go."""
    del actor  # as above
    async with get_write_session() as db:
        await personal_data.release_hold(db, hold_id)
    return Response(status_code=204)
