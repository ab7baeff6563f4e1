"""Orders: what somebody has to decide first, then all by their filters; and what is done about one."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from steelyard.domain.order import ENDED, Order, OrderState
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import Form
from steelyard.server.input import read_asset_id
from steelyard.server.listing import page_of, place_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services import desk
from steelyard.services import order as service
from steelyard.services.desk import DeskFilter, DeskOrder
from steelyard.services.order import Replacement, Resolution
from steelyard.services.trading_stop import get_stops
from steelyard.storage.connection import WriteSession, get_db_session
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove
from steelyard.web.people import people_of
from steelyard.web.query import PAGE, begin_of, query_of
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.templates import wants_part

KINDS: Final = {"": "All", "open": "On their way", "planned": "Not executed yet", "done": "Done"}
DONE: Final = {
    "cancelled": "The order is cancelled, or its broker is asked to; what it fills before that stays.",
    "replaced": "This order takes the place of the other as soon as that has ended.",
    "found": "The broker has the order: its fills are read from now on.",
    "never": "The broker never had the order: it is cancelled.",
    "again": "This order is sent again in the place of the one that the broker never had.",
}
MOST_TO_DECIDE: Final = 25

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
STEER: Final = permits(Verb.EXECUTE, ObjectType.ORDER, moves_money=True)

router = APIRouter(prefix="/orders")


@dataclass(frozen=True, slots=True)
class Refused:
    """A form about an order that was not carried out.

    Attributes:
        what: replace, resolve or cancel.
        order_id: the order.
        reading: what was typed, and what is wrong with it.
        error: why a service refused it; None = it was not asked.
    """

    what: str
    order_id: UUID
    reading: Reading
    error: SteelyardError | None = None


@router.get("", dependencies=[SEE])
async def show_orders(request: Request, shell: AskedShell) -> Response:
    """Show what somebody has to decide, then orders by their filters."""
    query = query_of(request, shell.region)
    kind = query.one_of("kind", KINDS, is_needed=False) or ""
    first = query.day("from", is_needed=False)
    last = query.day("to", is_needed=False)
    wanted = DeskFilter(
        scope=shell.scope,
        kind=kind or None,
        asset_id=query.read("asset", read_asset_id, is_needed=False),
        made_from=begin_of(first, shell.region),
        made_before=begin_of(last, shell.region, days_on=1),
    )
    found = await desk.get_orders(wanted, before=place_of(query.form.text("after")), limit=PAGE + 1)
    content: dict[str, Any] = {
        "page": page_of(found, PAGE, _keys),
        "kinds": KINDS,
        "kind": kind,
        "query": query,
        "kept": {name: query.form.text(name) for name in ("asset", "from", "to")},
    }
    status = 422 if query.faults else 200
    if wants_part(request):
        return shell.draw("orders_part.html", title="Orders", status=status, **content)
    to_decide = DeskFilter(scope=shell.scope, kind="decide")
    async with get_db_session() as db:
        stops = await get_stops(db)
    return shell.draw(
        "orders.html",
        title="Orders",
        status=status,
        counts=await desk.get_counts(shell.scope),
        to_decide=await desk.get_orders(to_decide, limit=MOST_TO_DECIDE),
        stops=stops,
        people=await people_of(shell),
        **content,
    )


@router.get("/order/{order_id}", dependencies=[SEE])
async def show_order(request: Request, shell: AskedShell, browser: AskingBrowser, order_id: UUID) -> Response:
    """Show an order with every state it was in, its fills, and what may be done about it."""
    return await _drawn(shell, order_id, browser.now, done=request.query_params.get("done", ""))


@router.post("/order/{order_id}/cancel", dependencies=[STEER])
async def cancel_order(
    shell: AskedShell, browser: AskingBrowser, move: AskedMove, order_id: UUID
) -> Response:
    """Cancel an order, if it is as it was seen."""
    reading = Reading(move.form, shell.region)
    version = reading.read("version", _read_version)

    async def effect(db: WriteSession) -> str:
        await service.cancel_order(db, order_id, version=version, now=browser.now)
        return shell.link(f"/orders/order/{order_id}", done="cancelled")

    return await _carried_out(shell, browser, move, Refused("cancel", order_id, reading), effect)


@router.post("/order/{order_id}/replace", dependencies=[STEER])
async def replace_order(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, move: AskedMove, order_id: UUID
) -> Response:
    """Cancel an order, and send another in its place."""
    del actor  # that they showed a factor a short while ago is what matters
    reading = Reading(move.form, shell.region)
    version = reading.read("version", _read_version)
    wanted = Replacement(
        quantity=reading.number("quantity"),
        limit_price=reading.number("limit_price", is_needed=False),
    )

    async def effect(db: WriteSession) -> str:
        made = await service.replace_order(
            db, order_id, wanted, version=version, now=browser.now, random=browser.entrance.random
        )
        return shell.link(f"/orders/order/{made.order_id}", done="replaced")

    return await _carried_out(shell, browser, move, Refused("replace", order_id, reading), effect)


@router.post("/order/{order_id}/resolve", dependencies=[STEER])
async def resolve_order(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, move: AskedMove, order_id: UUID
) -> Response:
    """Say of an unknown order what its broker has."""
    del actor  # as above
    reading = Reading(move.form, shell.region)
    resolution = reading.one_of("resolution", [*Resolution])
    reason = reading.note("reason", longest=service.MAX_REASON)
    is_found = resolution == Resolution.FOUND
    broker_order_id = reading.key("broker_order_id", is_needed=is_found) if is_found else None

    async def effect(db: WriteSession) -> str:
        answer = await service.resolve_order(
            db,
            order_id,
            Resolution(resolution or ""),
            reason=reason or "",
            broker_order_id=broker_order_id,
            now=browser.now,
            random=browser.entrance.random,
        )
        return shell.link(f"/orders/order/{answer.order_id}", done=resolution or "")

    return await _carried_out(shell, browser, move, Refused("resolve", order_id, reading), effect)


async def _carried_out(
    shell: Shell, browser: AskingBrowser, move: AskedMove, asked: Refused, effect: Any
) -> Response:
    """Do what a form asks for and go where it leads, or show it again with what is wrong."""
    if asked.reading.faults:
        return await _drawn(shell, asked.order_id, browser.now, refused=asked)
    try:
        return go_to(await move(effect))
    except SteelyardError as error:
        return await _drawn(shell, asked.order_id, browser.now, refused=replace(asked, error=error))


async def _drawn(
    shell: Shell, order_id: UUID, now: datetime, *, refused: Refused | None = None, done: str = ""
) -> Response:
    page = await desk.get_order_page(order_id)
    error = refused.error if refused else None
    form = refused.reading.form if refused else Form({})
    return shell.draw(
        "order.html",
        title="Order",
        status=200 if refused is None else status_of(error) if error else 422,
        people=await people_of(shell),
        page=page,
        order=page.shown.order,
        can=partial(_can, page.shown.order, now),
        refused=refused,
        form=form,
        faults=refused.reading.faults if refused else {},
        error=error,
        said=DONE.get(done, ""),
    )


def _can(order: Order, now: datetime, what: str) -> bool:
    """Whether something can be done about an order now; who may, is another question.

    What is only proposed is withdrawn with its proposal, and what is part of a block is cancelled with it.
    """
    if what == "resolve":
        return order.state is OrderState.UNKNOWN
    if what == "say_never":
        return order.settle_until is None or now >= order.settle_until
    is_open = order.state not in ENDED and order.block_id is None and order.released_at is not None
    return is_open and (what == "replace" or order.cancel_asked_at is None)


def _read_version(typed: str) -> int:
    if not typed.isascii() or not typed.isdigit() or len(typed) > 9:  # noqa: PLR2004  far more than an order has
        raise ValueError("not a version")
    return int(typed)


def _keys(order: DeskOrder) -> list[str]:
    return [order.made_at.isoformat(), f"{order.order_id}"]
