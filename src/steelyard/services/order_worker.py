"""Workers: take what is due in hand, and do with each order what its state asks for.

Any number may run, on any number of machines: an order is in one hand at a time, and goes to another when the lease of
the first runs out. A worker that is told to stop takes nothing new in hand and finishes what it has.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from steelyard.domain.order import OrderState
from steelyard.errors import SteelyardError
from steelyard.services.fill_reading import read_fills
from steelyard.services.order_hand import Hand, conclude, link_of
from steelyard.services.order_lookup import doubt_order, follow_order, identify_order
from steelyard.services.order_rules import let_go
from steelyard.services.order_sending import send_order
from steelyard.services.proposal import end_expired
from steelyard.storage.acting import NOBODY, Acting, acting_as
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.order import Claim, claim_link, claim_orders, find_due_tenants, set_fills_due
from steelyard.storage.statement_import import drop_old_uploads

ACTOR = "system:worker"
AT_ONCE = 8
"""Orders and links that a worker has in hand at a time: most of that time they wait for brokers, not for the store."""

FORGETS_EVERY = timedelta(minutes=1)

log = logging.getLogger(__name__)


async def no_clock_to_set() -> None:
    """Leave a clock as it is that others set."""


class OrderWorker:
    """A worker, under a name that no other has."""

    def __init__(
        self,
        hand: Hand,
        name: str,
        *,
        token: Callable[[], str],
        set_clock: Callable[[], Awaitable[None]] = no_clock_to_set,
        at_once: int = AT_ONCE,
    ) -> None:
        """Make it.

        Args:
            hand: what it works with.
            name: what the leases call it: its machine and process.
            token: tells its claims apart, so that a lease it lost is not its own.
            set_clock: sets the clock of the hand, before anything is due by it.
            at_once: orders and links that it has in hand at a time.
        """
        self._hand, self._name, self._token, self._at_once = hand, name, token, at_once
        self._set_clock = set_clock
        self._running: set[asyncio.Task[None]] = set()
        self._forgot_at: datetime | None = None

    async def run(self, stop: asyncio.Event, *, idle_seconds: float) -> None:
        """Work until told to stop; what is in hand then is finished.

        A broker that is slow keeps its own orders waiting and no others: what is done makes room for what is due.

        Args:
            stop: set by whoever wants it to end.
            idle_seconds: pause when nothing is due.
        """
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                begun = await self._begin_patiently()
                if (
                    not begun or self._room < self._at_once // 2
                ):  # to take one by one would cost more than to send it
                    await asyncio.wait(
                        {stopping, *self._running}, timeout=idle_seconds, return_when=asyncio.FIRST_COMPLETED
                    )
                self._see_what_fell()
        finally:
            stopping.cancel()
            await self._finish()

    async def work_off(self, stop: asyncio.Event) -> int:
        """Work until nothing is due or it is told to stop; returns how often an order or a link was in hand."""
        done = 0
        while not stop.is_set() and (more := await self.work()):
            done += more
        return done

    async def work(self) -> int:
        """Do what is due now, of every tenant, as much as there is room for; returns how much that was."""
        begun = await self._begin()
        await self._finish()
        return begun

    @property
    def _room(self) -> int:
        return self._at_once - len(self._running)

    async def _begin_patiently(self) -> int:
        """Begin, and take a store that is away, busy or full for nothing to do: it is asked again after the pause."""
        try:
            return await self._begin()
        except SteelyardError as error:
            log.warning("worker waits", extra={"error": type(error).__name__, "reason": str(error)})
            return 0

    async def _begin(self) -> int:
        """Take what is due in hand, each tenant's share of the room; returns how much that was."""
        with acting_as(NOBODY):
            await self._set_clock()
            await self._forget()
            async with get_db_session() as db:
                tenants = await find_due_tenants(db, self._hand.clock())
        begun = 0
        for place, tenant_id in enumerate(tenants):
            share = -(-self._room // (len(tenants) - place))
            if share > 0:
                with acting_as(Acting(tenant_id, ACTOR)):
                    begun += await self._begin_for_tenant(share)
        return begun

    async def _forget(self) -> None:
        """Once a minute, forget every firm's uploads of an hour ago: whoever gave them may never come back."""
        now = self._hand.clock()
        if self._forgot_at is None or now - self._forgot_at >= FORGETS_EVERY:
            self._forgot_at = now
            async with get_write_session() as db:
                await drop_old_uploads(db)

    async def _begin_for_tenant(self, most: int) -> int:
        link_id, claims = await self._take(most)
        work = [self._handle(claim) for claim in claims]
        if link_id is not None:
            work.append(self._read_link(link_id))
        for one in work:
            self._running.add(asyncio.create_task(one))  # acts for whom this does
        return len(work)

    async def _take(self, most: int) -> tuple[UUID | None, list[Claim]]:
        """Take a link and orders in hand, and withdraw proposals that ran out."""
        now = self._hand.clock()
        until = now + self._hand.timing.lease
        async with get_write_session() as db:
            link_id = await claim_link(db, now=now, until=until)
            owner = f"{self._name}/{self._token()}"
            claims = await claim_orders(db, owner=owner, now=now, until=until, most=most)
            await end_expired(db, now=now)
        return link_id, claims

    async def _finish(self) -> None:
        """Wait for what is in hand."""
        if self._running:
            await asyncio.wait(self._running)
        self._see_what_fell()

    def _see_what_fell(self) -> None:
        """Forget what is done; a defect in it ends the worker, and its leases tell the others."""
        done = {task for task in self._running if task.done()}
        self._running -= done
        defects = [defect for task in done if (defect := task.exception()) is not None]
        if defects:
            raise defects[0]

    async def _handle(self, claim: Claim) -> None:
        """Do what an order's state asks for; what goes wrong leaves it to whoever finds its lease run out."""
        self._hand.fault("claimed")
        try:
            await self._do(claim)
        except SteelyardError as error:
            facts = {"order": str(claim.order.order_id), "error": type(error).__name__, "reason": str(error)}
            log.warning("order left to its lease", extra=facts)

    async def _do(self, claim: Claim) -> None:
        hand, order = self._hand, claim.order
        if order.block_id is not None or order.link_id is None:
            await conclude(hand, order, lambda it, _: replace(let_go(it), due_at=None))
            return
        broker = await hand.open_broker(link_of(order))
        if order.state is OrderState.SENDING and claim.lost_owner is not None:
            log.warning("worker lost", extra={"order": str(order.order_id), "worker": claim.lost_owner})
            await doubt_order(hand, broker, order)
        elif order.state in {OrderState.APPROVED, OrderState.SENDING}:
            await send_order(hand, broker, order)
        elif order.state is OrderState.UNKNOWN and order.broker_order_id is None:
            await identify_order(hand, broker, order)
        else:
            await follow_order(hand, broker, order)

    async def _read_link(self, link_id: UUID) -> None:
        """Read the fills of a link; what goes wrong leaves it to whoever finds it due again."""
        try:
            broker = await self._hand.open_broker(link_id)
            await read_fills(self._hand, broker, link_id)
        except SteelyardError as error:
            log.warning("fills not read", extra=_facts(link_id, error))
        try:
            await self._put_off(link_id)
        except SteelyardError as error:
            log.warning("link left as it was claimed", extra=_facts(link_id, error))

    async def _put_off(self, link_id: UUID) -> None:
        timing, now = self._hand.timing, self._hand.clock()
        async with get_write_session() as db:
            await set_fills_due(db, link_id, soon=now + timing.fills, later=now + timing.idle_fills)


def _facts(link_id: UUID, error: SteelyardError) -> dict[str, str]:
    return {"link": str(link_id), "error": type(error).__name__, "reason": str(error)}
