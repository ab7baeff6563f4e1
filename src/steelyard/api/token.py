"""API tokens: one's own, and those of others such as services."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.identity.permissions import Actor, ObjectType, Verb
from steelyard.identity.token import NewToken
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.input import Moment, Name
from steelyard.server.own import OwnId, RecentActor
from steelyard.server.permits import permits
from steelyard.services import token
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.token import Token

MOST_SCOPES: Final = 100

own = APIRouter(prefix="/tokens", tags=["own tokens"])
others = APIRouter(prefix="/users/{user_id}/tokens", tags=["tokens of others"])


class TokenBody(Body):
    """What a token is called, may do and when it ends."""

    name: Name
    scopes: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=MOST_SCOPES)]
    expires_at: Moment


@own.get("", response_model=list[Token], dependencies=[permits(Verb.READ, ObjectType.OWN_TOKEN)])
async def list_own_tokens(browser: AskingBrowser, me: OwnId) -> Answer:
    """Your tokens that open something."""
    return await _list(browser, me)


@own.post(
    "", status_code=201, response_model=NewToken, dependencies=[permits(Verb.CREATE, ObjectType.OWN_TOKEN)]
)
async def create_own_token(browser: AskingBrowser, actor: RecentActor, me: OwnId, body: TokenBody) -> Answer:
    """Make a token for yourself; it is shown this once."""
    return await _create(browser, actor, me, body)


@own.delete(
    "/{token_id}",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.END, ObjectType.OWN_TOKEN)],
)
async def end_own_token(browser: AskingBrowser, me: OwnId, token_id: UUID) -> Response:
    """End a token of yours."""
    return await _end(browser, me, token_id)


@others.get("", response_model=list[Token], dependencies=[permits(Verb.READ, ObjectType.TOKEN)])
async def list_tokens(browser: AskingBrowser, user_id: UUID) -> Answer:
    """The tokens of a user that open something."""
    return await _list(browser, user_id)


@others.post(
    "", status_code=201, response_model=NewToken, dependencies=[permits(Verb.CREATE, ObjectType.TOKEN)]
)
async def create_token(browser: AskingBrowser, actor: RecentActor, user_id: UUID, body: TokenBody) -> Answer:
    """Make a token for a service; it is shown this once."""
    return await _create(browser, actor, user_id, body)


@others.delete(
    "/{token_id}",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.END, ObjectType.TOKEN)],
)
async def end_token(browser: AskingBrowser, user_id: UUID, token_id: UUID) -> Response:
    """End a token of a user."""
    return await _end(browser, user_id, token_id)


async def _list(browser: Browser, user_id: UUID) -> Answer:
    async with get_db_session() as db:
        return Answer(await token.get_tokens(db, user_id, now=browser.now))


async def _create(browser: Browser, actor: Actor, user_id: UUID, body: TokenBody) -> Answer:
    async with get_write_session() as db:
        made = await token.create_token(
            db,
            actor,
            user_id,
            name=body.name,
            scopes=body.scopes,
            expires_at=body.expires_at,
            now=browser.now,
            random=browser.entrance.random,
        )
    return Answer(made, status_code=201)


async def _end(browser: Browser, user_id: UUID, token_id: UUID) -> Response:
    async with get_write_session() as db:
        await token.end_token(db, token_id, now=browser.now, user_id=user_id)
    return Response(status_code=204)
