"""Grants: what users may do with which accounts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body, RightText
from steelyard.domain.scope import TENANT, Scope
from steelyard.identity.permissions import ObjectType, Right, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Id
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.scope import TwoScopesError
from steelyard.services import grant
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.grant import Grant

router = APIRouter(tags=["grants"])


class GrantBody(Body):
    """An account or a household, and what for; READ is among it always."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"account": "RIVERA-IRA", "rights": ["PROPOSE"]}]}
    )

    account: Id | None = None
    household: Id | None = None
    rights: Annotated[list[RightText], Field(max_length=len(Right))]


async def _named(account: Id | None = None, household: Id | None = None) -> Scope:
    """Give the account or household that is named; the service refuses neither."""
    if account is not None and household is not None:
        raise TwoScopesError
    if household is not None:
        return Scope.household(household)
    return TENANT if account is None else Scope.account(account)


@router.get("/grants", response_model=list[Grant], dependencies=[permits(Verb.READ, ObjectType.GRANT)])
async def list_grants() -> Answer:
    """What everybody may do with which accounts."""
    async with get_db_session() as db:
        return Answer(await grant.get_grants(db))


@router.get(
    "/users/{user_id}/grants",
    response_model=list[Grant],
    dependencies=[permits(Verb.READ, ObjectType.GRANT)],
)
async def list_grants_of(user_id: UUID) -> Answer:
    """What a user may do with which accounts."""
    async with get_db_session() as db:
        return Answer(await grant.get_grants(db, user_id))


@router.put(
    "/users/{user_id}/grants",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.CREATE, ObjectType.GRANT)],
)
async def set_grant(browser: AskingBrowser, actor: RecentActor, user_id: UUID, body: GrantBody) -> Response:
    """Let a user do something with an account or household, in place of what they could."""
    scope = await _named(body.account, body.household)
    async with get_write_session() as db:
        await grant.grant(db, actor, user_id, scope, body.rights, now=browser.now)
    return Response(status_code=204)


@router.delete(
    "/users/{user_id}/grants",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.END, ObjectType.GRANT)],
)
async def end_grant(actor: RecentActor, user_id: UUID, scope: Annotated[Scope, Depends(_named)]) -> Response:
    """Take a grant back; it counts at the user's next request."""
    async with get_write_session() as db:
        await grant.end_grant(db, actor, user_id, scope)
    return Response(status_code=204)
