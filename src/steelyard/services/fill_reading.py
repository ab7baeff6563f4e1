"""Reading the fills of a link: page after page, each fill booked in a transaction of its own, once."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from uuid import UUID

from steelyard.brokers.port import Broker, BrokerFill, FillPage
from steelyard.domain.calendar import CLOCK_SKEW
from steelyard.services.fill import Fault, no_fault, take_fill
from steelyard.services.order_hand import Hand
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.fill import get_booked_terms
from steelyard.storage.order import get_fills_page, may_be_on_its_way, turn_fills_page


async def read_fills(hand: Hand, broker: Broker, link_id: UUID) -> int:
    """Book what a broker executed since the fills of its link were last read, as a worker; see `collect_fills`."""

    def list_fills(after: str) -> Awaitable[FillPage]:
        return hand.ask(broker, broker.list_fills(after))

    async with hand.readers[link_id]:
        return await collect_fills(
            list_fills,
            link_id,
            today=lambda: hand.clock().date(),
            skew=hand.timing.skew,
            fault=hand.fault,
        )


async def collect_fills(
    list_fills: Callable[[str], Awaitable[FillPage]],
    link_id: UUID,
    *,
    today: Callable[[], date],
    skew: timedelta = CLOCK_SKEW,
    fault: Fault = no_fault,
) -> int:
    """Book what a broker executed since the fills of its link were last read; returns how many it told.

    A page counts as read when all of it is booked: whoever dies before reads it again, and books nothing twice. A fill
    that may be of an order whose call has not returned yet waits for it, so that it need not go into suspense.

    Args:
        list_fills: asks the broker for the page after a place.
        link_id: the link.
        today: gives the day, for the ledger.
        skew: how far the broker's clock may be from ours.
        fault: called at each point at which a test may end a transaction.

    Raises:
        NotReceivedError, OutcomeUnknownError: it did not say; what was booked stays.
    """
    told = 0
    while True:
        page, is_last = await _read_page(list_fills, link_id, today(), skew, fault)
        told += page
        if is_last:
            return told


async def _read_page(
    list_fills: Callable[[str], Awaitable[FillPage]],
    link_id: UUID,
    today: date,
    skew: timedelta,
    fault: Fault,
) -> tuple[int, bool]:
    async with get_db_session() as looking:
        before = await get_fills_page(looking, link_id)
    page = await list_fills(before)
    async with get_db_session() as looking:
        booked = await get_booked_terms(looking, link_id, [fill.execution_id for fill in page.fills])
    for fill in page.fills:
        if not fill.is_bust and booked.get(fill.execution_id) == (fill.quantity, fill.price, fill.fees):
            continue  # it says nothing new: most of a page does not, where somebody died while reading it
        async with get_write_session() as db:
            if await _may_be_on_its_way(db, link_id, fill, skew):
                return 0, True
            await take_fill(db, link_id, fill, today=today, fault=fault)
        fault("fill booked")
    async with get_write_session() as db:
        await turn_fills_page(db, link_id, before, page.next)
    return len(page.fills), page.is_last or page.next == before


async def _may_be_on_its_way(db: WriteSession, link_id: UUID, fill: BrokerFill, skew: timedelta) -> bool:
    return await may_be_on_its_way(
        db,
        link_id,
        broker_order_id=fill.broker_order_id,
        client_order_id=fill.client_order_id,
        symbol=fill.symbol,
        side=fill.side,
        sent_until=fill.executed_at + skew,
    )
