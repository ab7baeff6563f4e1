"""What a worker does for runs: it makes them, shares out what blocks were filled, releases what waited for that.

Each of these is a transaction that finds out itself what there is to do, so that it does not matter who does it, how
often, or who died before.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from steelyard.errors import SteelyardError
from steelyard.market.port import Market
from steelyard.services.apportionment import apportion_block
from steelyard.services.block import release_paid_buys
from steelyard.services.order_worker import OrderWorker
from steelyard.services.run import end_run
from steelyard.services.run_making import make_run
from steelyard.storage import run as store
from steelyard.storage.acting import NOBODY, Acting, acting_as
from steelyard.storage.audit import record_event
from steelyard.storage.block import count_open_orders, find_unshared_blocks
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.run import OPEN, Run, RunState

ACTOR: Final = "system:worker"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunTiming:
    """How long to wait.

    Attributes:
        poll: until an executed run is looked at again of which orders are on their way.
        again: until a run is looked at again of which something went wrong.
    """

    poll: timedelta = timedelta(seconds=1)
    again: timedelta = timedelta(seconds=15)


class RunWorker:
    """A worker for runs; any number may run, on any number of machines."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        set_clock: Callable[[], Awaitable[None]] | None = None,
        market: Market | None = None,
        timing: RunTiming | None = None,
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Make it.

        Args:
            clock: tells the time, with its zone.
            set_clock: lets the clock follow the store's; None = it needs no setting.
            market: where prices come from that are not the stored ones; None = there is none.
            timing: how long it waits.
            fault: called at each point at which a test may end it.
        """
        self._clock, self._market, self._fault = clock, market, fault
        self._set_clock = set_clock
        self._timing = timing or RunTiming()
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event, *, idle_seconds: float) -> None:
        """Work until told to stop; the accounts in hand then are finished.

        Args:
            stop: set by whoever wants it to end.
            idle_seconds: pause when nothing is due.
        """
        self._stop = stop
        while not stop.is_set():
            if not await self._work_patiently():
                try:
                    await asyncio.wait_for(stop.wait(), idle_seconds)
                except TimeoutError:
                    continue

    async def work(self) -> int:
        """Do what is due now, of every tenant, once; returns how many runs were looked at."""
        with acting_as(NOBODY):
            if self._set_clock is not None:
                await self._set_clock()
            async with get_db_session() as db:
                tenants = await store.find_tenants_with_runs(db, self._clock())
        done = 0
        for tenant_id in tenants:
            with acting_as(Acting(tenant_id, ACTOR)):
                async with get_db_session() as db:
                    runs = await store.find_due_runs(db, self._clock())
                for run in runs:
                    await self._look_at(run)
                done += len(runs)
        return done

    async def _work_patiently(self) -> int:
        """Work, and take a store that is away, busy or full for nothing to do: it is asked again after the pause."""
        try:
            return await self.work()
        except SteelyardError as error:
            log.warning("runs wait", extra={"error": type(error).__name__, "reason": str(error)})
            return 0

    async def _look_at(self, run: Run) -> None:
        """Do what a run asks for; what goes wrong leaves it for later."""
        try:
            if run.state in OPEN and run.expires_at <= self._clock():
                await self._expire(run.run_id)
            elif run.state is RunState.MAKING:
                await make_run(
                    run.run_id, clock=self._clock, market=self._market, stop=self._stop, fault=self._fault
                )
            elif run.state is RunState.EXECUTED:
                await self._follow(run.run_id)
        except SteelyardError as error:
            facts = {"run": str(run.run_id), "error": type(error).__name__, "reason": str(error)}
            log.warning("run left for later", extra=facts)
            await self._set_due(run.run_id, self._timing.again)

    async def _expire(self, run_id: UUID) -> None:
        async with get_write_session() as db:
            run = await store.hold_run(db, run_id)
            if run is not None and run.state in OPEN:
                await end_run(db, run, fault="it ran out", now=self._clock())
                await record_event(db, "run.expire", "run", str(run_id))

    async def _follow(self, run_id: UUID) -> None:
        """Share out what blocks were filled, release what waited for it, and look again until every order has ended."""
        async with get_db_session() as db:
            blocks = await find_unshared_blocks(db, run_id)
        for block_id in blocks:
            self._fault("block.found")
            now = self._clock()
            async with get_write_session() as db:
                await apportion_block(db, run_id, block_id, today=now.date(), now=now)
                self._fault("block.shared")
        async with get_write_session() as db:
            await store.hold_run(db, run_id)
            await release_paid_buys(db, run_id, now=self._clock())
            goes_on = await count_open_orders(db, run_id) or await find_unshared_blocks(db, run_id)
            await store.set_due(db, run_id, self._clock() + self._timing.poll if goes_on else None)

    async def _set_due(self, run_id: UUID, after: timedelta) -> None:
        async with get_write_session() as db:
            await store.set_due(db, run_id, self._clock() + after)


@dataclass(frozen=True, slots=True)
class Workers:
    """What `steelyard worker` is: one for orders and one for runs, in one process."""

    orders: OrderWorker
    runs: RunWorker

    async def run(self, stop: asyncio.Event, *, idle_seconds: float) -> None:
        """Work until told to stop; arguments as of each of them."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.orders.run(stop, idle_seconds=idle_seconds))
            tasks.create_task(self.runs.run(stop, idle_seconds=idle_seconds))

    async def work_off(self, stop: asyncio.Event) -> int:
        """Work until nothing is due or told to stop; returns how often an order, a link or a run was in hand."""
        done = 0
        while not stop.is_set() and (more := await self.runs.work() + await self.orders.work_off(stop)):
            done += more
        return done
