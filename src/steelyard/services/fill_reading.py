"""Reading the fills of a link: page after page, each fill booked in a transaction of its own, once."""

from uuid import UUID

from steelyard.brokers.port import Broker, BrokerFill
from steelyard.services.fill import record_fill
from steelyard.services.order_hand import Hand
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.order import get_fills_page, may_be_on_its_way, turn_fills_page


async def read_fills(hand: Hand, broker: Broker, link_id: UUID) -> int:
    """Book what a broker executed since the fills of its link were last read; returns how many it told.

    A page counts as read when all of it is booked: whoever dies before reads it again, and books nothing twice. A fill
    that may be of an order whose call has not returned yet waits for it, so that it need not go into suspense.

    Args:
        hand: what the worker works with.
        broker: who tells them.
        link_id: the link.

    Raises:
        NotReceivedError, OutcomeUnknownError: it did not say; what was booked stays.
    """
    told = 0
    async with hand.readers[link_id]:
        while True:
            page, is_last = await _read_page(hand, broker, link_id)
            told += page
            if is_last:
                return told


async def _read_page(hand: Hand, broker: Broker, link_id: UUID) -> tuple[int, bool]:
    async with get_db_session() as looking:
        before = await get_fills_page(looking, link_id)
    page = await hand.ask(broker, broker.list_fills(before))
    for fill in page.fills:
        async with get_write_session() as db:
            if await _may_be_on_its_way(db, hand, link_id, fill):
                return 0, True
            await record_fill(db, link_id, fill, today=hand.clock().date(), fault=hand.fault)
        hand.fault("fill booked")
    async with get_write_session() as db:
        await turn_fills_page(db, link_id, before, page.next)
    return len(page.fills), page.is_last or page.next == before


async def _may_be_on_its_way(db: WriteSession, hand: Hand, link_id: UUID, fill: BrokerFill) -> bool:
    return await may_be_on_its_way(
        db,
        link_id,
        broker_order_id=fill.broker_order_id,
        client_order_id=fill.client_order_id,
        symbol=fill.symbol,
        side=fill.side,
        sent_until=fill.executed_at + hand.timing.skew,
    )
