"""Orders: where each is, what a person does about one, and the kill switch of the tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.api.once import AskedOnce
from steelyard.api.version import SENT, AskedVersion
from steelyard.domain.fill import Fill
from steelyard.domain.order import LotTaken, Order, OrderState, OrderType, Side
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Cursor, Exact, Id, PageSize
from steelyard.server.listing import Page, page_of, place_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import order as service
from steelyard.services.order import Replacement, Resolution
from steelyard.services.trading_stop import get_stops, resume_trading, stop_trading
from steelyard.storage.connection import WriteSession, get_db_session
from steelyard.storage.order import OrderEvent, OrderFilter
from steelyard.storage.trading_stop import PulledStop

router = APIRouter(prefix="/orders", tags=["orders"])
stops = APIRouter(prefix="/trading-stop", tags=["orders"])

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
STEER: Final = permits(Verb.EXECUTE, ObjectType.ORDER, moves_money=True)
HOLD: Final = permits(Verb.HOLD, ObjectType.ORDER, moves_money=True)

Reason = Annotated[str, Field(min_length=1, max_length=service.MAX_REASON)]
Version = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShown:
    """An order, as its people see it; see `Order`.

    Attributes:
        raised_at: when somebody was asked to decide about it; null = nobody has to.
    """

    order_id: UUID
    proposal_id: UUID | None
    run_id: UUID | None
    block_id: UUID | None
    account_id: str | None
    link_id: UUID | None
    asset_id: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    currency: str
    reference_price: Decimal
    order_value: Decimal
    phase: int
    lots: Sequence[LotTaken]
    state: OrderState
    version: int
    reason: str
    client_order_id: str
    broker_order_id: str | None
    filled_quantity: Decimal
    released_at: datetime | None
    sent_at: datetime | None
    attempts: int
    cancel_asked_at: datetime | None
    raised_at: datetime | None
    replaces: UUID | None
    made_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderHistory:
    """An order with the states it was in, the first first, and what was executed of it."""

    order: OrderShown
    events: Sequence[OrderEvent]
    fills: Sequence[Fill]


class CancelBody(Body):
    """Which version of the order was seen, where another one is not to be cancelled."""

    version: Version | None = None


class ReplaceBody(CancelBody):
    """What the order is replaced by: at most what is open of it; without a limit price at the market."""

    quantity: Exact | None = None
    limit_price: Exact | None = None


class ResolveBody(Body):
    """What was found out at the broker, and how; its key of the order where it has it."""

    resolution: Annotated[Resolution, Field(strict=False)]
    reason: Reason
    broker_order_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ReasonBody(Body):
    """Why."""

    reason: Reason


def order_shown(order: Order) -> OrderShown:
    """Leave out who has an order in hand: machines of ours are nobody's business."""
    return OrderShown(**{field.name: getattr(order, field.name) for field in fields(OrderShown)})


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", response_model=Page[OrderShown], dependencies=[SEE])
async def list_orders(
    *,
    account: Id | None = None,
    proposal: UUID | None = None,
    run: UUID | None = None,
    state: Annotated[list[OrderState] | None, Query(max_length=len(OrderState))] = None,
    after: Cursor | None = None,
    limit: PageSize = 100,
) -> Answer:
    """Orders you may see, the newest first; `after` is `next` of the page before."""
    wanted = OrderFilter(account_id=account, proposal_id=proposal, run_id=run, states=state)
    before = place_of(after)
    async with get_db_session() as db:
        found = await service.list_orders(db, wanted, before=before, limit=limit + 1)
    rows = [order_shown(order) for order in found]
    return Answer(page_of(rows, limit, lambda row: [row.made_at.isoformat(), str(row.order_id)]))


@router.get("/{order_id}", response_model=OrderHistory, responses=SENT, dependencies=[SEE])
async def read_order(versioned: AskedVersion, order_id: UUID) -> Response:
    """An order with every state it was in and its fills."""
    async with get_db_session() as db:
        found = await service.get_order(db, order_id)
    return versioned.answer(
        OrderHistory(order_shown(found.order), found.events, found.fills), found.order.version
    )


@router.post("/{order_id}/cancel", response_model=OrderShown, dependencies=[STEER])
async def cancel_order(once: AskedOnce, browser: AskingBrowser, order_id: UUID, body: CancelBody) -> Response:
    """Cancel an order: at once where nothing was sent, else its broker is asked to."""
    return await once(
        partial(_shown, service.cancel_order, order_id=order_id, version=body.version, now=browser.now)
    )


@router.post("/{order_id}/replace", status_code=201, response_model=OrderShown, dependencies=[STEER])
async def replace_order(
    once: AskedOnce, browser: AskingBrowser, actor: RecentActor, order_id: UUID, body: ReplaceBody
) -> Response:
    """Cancel an order, and send another of the same asset and side in its place; the answer is the other."""
    del actor  # that they showed a factor a short while ago is what matters
    effect = partial(
        _shown,
        service.replace_order,
        order_id=order_id,
        wanted=Replacement(quantity=body.quantity, limit_price=body.limit_price),
        version=body.version,
        now=browser.now,
        random=browser.entrance.random,
    )
    return await once(effect, status=201)


@router.post("/{order_id}/resolve", response_model=OrderShown, dependencies=[STEER])
async def resolve_order(
    once: AskedOnce, browser: AskingBrowser, actor: RecentActor, order_id: UUID, body: ResolveBody
) -> Response:
    """Say of an unknown order what its broker has: `found`, `never` or, as a new order, `again`."""
    del actor  # as above
    effect = partial(
        _shown,
        service.resolve_order,
        order_id=order_id,
        resolution=body.resolution,
        reason=body.reason,
        broker_order_id=body.broker_order_id,
        now=browser.now,
        random=browser.entrance.random,
    )
    return await once(effect)


# ── The kill switch ─────────────────────────────────────────────────────────────────────────────────────


@stops.get("", response_model=list[PulledStop], dependencies=[SEE])
async def read_stops() -> Answer:
    """The kill switches that are pulled: of the installation, and of the tenant."""
    async with get_db_session() as db:
        return Answer(await get_stops(db))


@stops.post("", status_code=204, response_class=Response, dependencies=[HOLD])
async def stop(once: AskedOnce, body: ReasonBody) -> Response:
    """Pull the kill switch of the tenant: nothing more is sent; what is at a broker is followed."""
    return await once(partial(stop_trading, reason=body.reason), status=204)


@stops.post("/release", status_code=204, response_class=Response, dependencies=[HOLD])
async def go(once: AskedOnce, browser: AskingBrowser, actor: RecentActor, body: ReasonBody) -> Response:
    """Release the kill switch of the tenant: what waited is sent, unless its day is over."""
    del actor  # as above
    return await once(partial(resume_trading, reason=body.reason, now=browser.now), status=204)


async def _shown(work: Any, db: WriteSession, **what: Any) -> OrderShown:
    return order_shown(await work(db, **what))
