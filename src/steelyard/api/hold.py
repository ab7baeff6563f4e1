"""Holds: orders and accounts of which nothing is sent until somebody lets it."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.api.once import AskedOnce
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.input import Id
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import hold as service
from steelyard.services.hold import MAX_REASON, Hold, HoldKind
from steelyard.storage.connection import WriteSession, get_db_session

router = APIRouter(prefix="/trading-holds", tags=["orders"])

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
HOLD: Final = permits(Verb.HOLD, ObjectType.ORDER, moves_money=True)

Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


class HoldBody(Body):
    """What is held and why: an account, an order, or with neither everything of the tenant."""

    kind: Literal["compliance", "manual"]
    reason: Reason
    account: Id | None = None
    order: Annotated[UUID | None, Field(strict=False)] = None


class ReasonBody(Body):
    """Why it is let go."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Placed:
    """The hold that was placed; null = one that says the same stands."""

    hold_id: UUID | None


@router.get("", response_model=list[Hold], dependencies=[SEE])
async def list_holds(*, account: Id | None = None, with_released: bool = False) -> Answer:
    """Holds that stand, the newest first, and on request the last thousand that were let go."""
    async with get_db_session() as db:
        return Answer(await service.get_holds(db, account_id=account, with_released=with_released))


@router.post("", status_code=201, response_model=Placed, dependencies=[HOLD])
async def place_hold(once: AskedOnce, body: HoldBody) -> Response:
    """Hold orders back from now on; what is at a broker is followed."""
    return await once(partial(_place, body=body), status=201)


@router.post("/{hold_id}/release", status_code=204, response_class=Response, dependencies=[HOLD])
async def release_hold(once: AskedOnce, actor: RecentActor, hold_id: UUID, body: ReasonBody) -> Response:
    """Let go of a hold: what it held is sent when its time comes."""
    del actor  # whose session is fresh enough
    return await once(partial(service.release_hold, hold_id=hold_id, reason=body.reason), status=204)


async def _place(db: WriteSession, *, body: HoldBody) -> Placed:
    kind = HoldKind(body.kind)
    return Placed(
        await service.place_hold(db, kind, body.reason, account_id=body.account, order_id=body.order)
    )
