"""Links to brokers; nothing that opens one is ever in an answer."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Id, Name
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import broker_link
from steelyard.services.broker_settings import LONGEST_SECRET
from steelyard.storage.broker_link import BrokerLink
from steelyard.storage.connection import get_db_session, get_write_session

MOST_SETTINGS: Final = 20
LONGEST_ADDRESS: Final = 400

router = APIRouter(prefix="/brokers", tags=["brokers"])

Secret = Annotated[str, Field(min_length=1, max_length=LONGEST_SECRET)]
Word = Annotated[str, Field(min_length=1, max_length=64)]


class LinkBody(Body):
    """What a link is made of; docs/reference/brokers.md says what each broker takes."""

    broker: Literal["paper", "alpaca", "file"]
    name: Name
    environment: Literal["paper", "live"]
    address: Annotated[str, Field(min_length=1, max_length=LONGEST_ADDRESS)] | None = None
    settings: dict[Word, bool | int | Word] = Field(default_factory=dict, max_length=MOST_SETTINGS)
    credentials: dict[Word, Secret] = Field(default_factory=dict, max_length=MOST_SETTINGS, repr=False)


@dataclass(frozen=True, slots=True)
class Made:
    """The link that was made."""

    link_id: UUID


@router.get("", response_model=list[BrokerLink], dependencies=[permits(Verb.READ, ObjectType.BROKER_LINK)])
async def list_brokers(*, with_ended: bool = False) -> Answer:
    """The links to brokers, by name, and on request those that were ended."""
    async with get_db_session() as db:
        return Answer(await broker_link.get_broker_links(db, with_ended=with_ended))


@router.post(
    "", status_code=201, response_model=Made, dependencies=[permits(Verb.CREATE, ObjectType.BROKER_LINK)]
)
async def link_broker(browser: AskingBrowser, actor: RecentActor, body: LinkBody) -> Answer:
    """Link a broker; its credentials are kept encrypted, and never shown again."""
    made = Made(uuid4())
    async with get_write_session() as db:
        await broker_link.link_broker(
            db,
            browser.entrance.vault,
            actor,
            made.link_id,
            broker=body.broker,
            name=body.name,
            environment=body.environment,
            address=body.address,
            settings=body.settings,
            credentials=body.credentials,
            now=browser.now,
        )
    return Answer(made, status_code=201)


@router.put(
    "/{link_id}/accounts/{account_id}",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.CHANGE, ObjectType.BROKER_LINK, account="account_id")],
)
async def attach_account(
    request: Request, browser: AskingBrowser, actor: RecentActor, link_id: UUID, account_id: Id
) -> Response:
    """Let the orders of an account go by a link."""
    del actor  # whose session is fresh enough
    async with get_write_session() as db:
        await broker_link.attach_account(
            db, browser.entrance.vault, account_id, link_id, request.app.state.broker_tools
        )
    return Response(status_code=204)


@router.delete(
    "/{link_id}",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.END, ObjectType.BROKER_LINK)],
)
async def end_link(browser: AskingBrowser, actor: RecentActor, link_id: UUID) -> Response:
    """End a link: nothing is sent there any more."""
    del actor  # as above
    async with get_write_session() as db:
        await broker_link.end_broker_link(db, link_id, now=browser.now)
    return Response(status_code=204)
