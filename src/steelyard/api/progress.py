"""What happens, as it happens: orders that move, and a run while it is made."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from steelyard.api.stream import AskedStream, EventStream, Look, Seen
from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Verb, authorize
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Id
from steelyard.server.permits import CurrentActor, permits
from steelyard.services.progress import (
    get_orders_of_account,
    get_orders_of_proposal,
    get_orders_of_run,
    get_run_progress,
    have_ended,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steelyard.storage.progress import OrderWatched

    _Read = Callable[..., Awaitable[list[OrderWatched]]]

router = APIRouter(tags=["progress"], dependencies=[permits(Verb.READ, ObjectType.ORDER, by_itself=True)])

UNDER_WAY: Final = frozenset({"making"})


class OneOfThreeError(InvalidInputError):
    """It is not said, once, whose orders are watched."""

    def __init__(self) -> None:
        """Say what there is."""
        super().__init__("Name whose orders to watch, and only that: `proposal`, `run` or `account`.")


async def _look_asked(
    browser: AskingBrowser,
    actor: CurrentActor,
    proposal: UUID | None = None,
    run: UUID | None = None,
    account: Id | None = None,
) -> Look:
    match proposal, run, account:
        case UUID(), None, None:
            read: _Read = partial(get_orders_of_proposal, proposal)
        case None, UUID(), None:
            read = partial(get_orders_of_run, run)
        case None, None, str():
            authorize(actor, Verb.READ, ObjectType.ORDER, account)
            read = partial(get_orders_of_account, account)
        case _:
            raise OneOfThreeError

    async def look() -> Seen:
        orders = await read(now=browser.now)
        is_over = account is None and have_ended(orders)  # an account may have another order any time
        return Seen({str(order.order_id): order for order in orders}, is_over)

    return look


@router.get("/progress/orders", response_class=EventStream)
async def watch_orders(stream: AskedStream, look: Annotated[Look, Depends(_look_asked)]) -> Response:
    """Watch orders of a proposal, a run or an account: `order` events as they move; `end` when all of them ended."""
    return await stream("order", look)


@router.get("/progress/runs/{run_id}", response_class=EventStream)
async def watch_run(stream: AskedStream, run_id: UUID) -> Response:
    """Watch a run while it is made: `run` events; `end` when it is."""

    async def look() -> Seen:
        run = await get_run_progress(run_id)
        return Seen({str(run_id): run}, run.state not in UNDER_WAY)

    return await stream("run", look)
