"""The limits of orders: of the tenant and of single accounts."""

from typing import Final

from fastapi import APIRouter, Response

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.compliance.order_limits import OrderLimits
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.input import Exact, Id
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import order_limit
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.order_limit import StoredLimits

router = APIRouter(prefix="/order-limits", tags=["rules"])

CHANGE: Final = permits(Verb.CHANGE, ObjectType.RULE)


class LimitsBody(Body):
    """Each limit; null = none of its own, and of the collar the default."""

    max_order_value: Exact | None = None
    max_day_value: Exact | None = None
    price_collar: Exact | None = None
    max_participation: Exact | None = None

    @property
    def limits(self) -> OrderLimits:
        """What they say."""
        return OrderLimits(
            max_order_value=self.max_order_value,
            max_day_value=self.max_day_value,
            price_collar=self.price_collar,
            max_participation=self.max_participation,
        )


async def _write(account_id: str | None, body: LimitsBody) -> Response:
    async with get_write_session() as db:
        await order_limit.set_order_limits(db, account_id, body.limits)
    return Response(status_code=204)


async def _end(account_id: str | None) -> Response:
    async with get_write_session() as db:
        await order_limit.end_order_limits(db, account_id)
    return Response(status_code=204)


@router.get("", response_model=list[StoredLimits], dependencies=[permits(Verb.READ, ObjectType.ORDER)])
async def list_limits() -> Answer:
    """The limits of the tenant, and of accounts you may see."""
    async with get_db_session() as db:
        return Answer(await order_limit.get_order_limits(db))


@router.put("", status_code=204, response_class=Response, dependencies=[CHANGE])
async def set_limits(actor: RecentActor, body: LimitsBody) -> Response:
    """Limit the orders of each account, in place of what the tenant's limits were."""
    del actor  # whose session is fresh enough
    return await _write(None, body)


@router.delete("", status_code=204, response_class=Response, dependencies=[CHANGE])
async def end_limits(actor: RecentActor) -> Response:
    """Take the tenant's limits away; those of accounts stay."""
    del actor  # as above
    return await _end(None)


@router.put("/{account_id}", status_code=204, response_class=Response, dependencies=[CHANGE])
async def set_account_limits(actor: RecentActor, account_id: Id, body: LimitsBody) -> Response:
    """Limit the orders of an account; the narrower of its limits and the tenant's holds."""
    del actor  # as above
    return await _write(account_id, body)


@router.delete("/{account_id}", status_code=204, response_class=Response, dependencies=[CHANGE])
async def end_account_limits(actor: RecentActor, account_id: Id) -> Response:
    """Take the limits of an account away; those of the tenant hold on."""
    del actor  # as above
    return await _end(account_id)
