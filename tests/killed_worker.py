"""A worker as a process of its own, which dies at a point that chance names, if nobody kills it before."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from uuid import UUID

from far_broker import PRICE, FarBroker, Office
from steelyard.brokers.port import Broker
from steelyard.domain.order import Order
from steelyard.errors import SteelyardError
from steelyard.market.port import CheckedPrice
from steelyard.services.order_hand import Hand
from steelyard.services.order_rules import Timing
from steelyard.services.order_worker import OrderWorker
from steelyard.services.retrying import Patience
from steelyard.services.store_clock import StoreClock
from steelyard.storage.acting import NOBODY
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from workshop import checked, no_number

HASTE = Timing(
    lease=timedelta(seconds=1.8),
    call=timedelta(seconds=0.5),
    poll=timedelta(seconds=0.5),
    longest_poll=timedelta(seconds=2),
    retry=timedelta(seconds=0.1),
    longest_retry=timedelta(seconds=1),
    hold=timedelta(seconds=0.2),
    fills=timedelta(seconds=0.2),
    idle_fills=timedelta(seconds=0.5),
    skew=timedelta(seconds=0.5),
)


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker works.

    Attributes:
        urls: of the store.
        office: where the broker is.
        seed: of the point at which it dies.
        danger: how probable it is to die at each point.
        log: where it complains.
    """

    urls: tuple[str, str]
    office: Office
    seed: int
    danger: float
    log: Path


def work(post: Post) -> None:
    """Be a worker, until SIGTERM or death."""
    os.dup2(os.open(post.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    asyncio.run(_work(post))


async def _work(post: Post) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await _open_store(post.urls)
    clock = StoreClock(time.monotonic)
    hand = Hand(
        clock=clock,
        open_broker=_opener(post.office),
        account_number=no_number,
        read_price=_pricer(clock),
        fault=_deadly(post),
        timing=HASTE,
        patience=Patience(attempts=8, pause_seconds=0.05),
    )
    worker = OrderWorker(hand, f"worker {os.getpid()}", token=lambda: token_hex(4), set_clock=clock.set)
    await worker.run(stop, idle_seconds=0.05)
    await close_connection_pool()


async def _open_store(urls: tuple[str, str]) -> None:
    """Open the store, which may just be starting; what supervises workers would begin them again."""
    while True:
        try:
            await init_connection_pool(urls[0], migrator_url=urls[1], pool_size=4, acts_as=NOBODY)
        except SteelyardError:
            await asyncio.sleep(0.1)
        else:
            return


def _deadly(post: Post) -> Callable[[str], None]:
    chance = random.Random(post.seed)  # noqa: S311 - points of death, no secret

    def fault(point: str) -> None:
        # a fill passes six points, and a page of a hundred fills is read from its beginning after each death
        if chance.random() < (post.danger / 10 if point.startswith("fill") else post.danger):
            os.kill(os.getpid(), signal.SIGKILL)

    return fault


def _opener(office: Office) -> Callable[[UUID], Awaitable[Broker]]:
    async def open_broker(link_id: UUID) -> Broker:
        return FarBroker(office, str(link_id))

    return open_broker


def _pricer(clock: StoreClock) -> Callable[[Order], Awaitable[CheckedPrice]]:
    async def read_price(order: Order) -> CheckedPrice:
        return checked(order, Decimal(PRICE), clock())

    return read_price
