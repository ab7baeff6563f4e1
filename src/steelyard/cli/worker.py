"""The command that sends what was executed, and follows it until it has ended."""

import asyncio
import logging
import os
import socket
import time
from contextlib import asynccontextmanager
from importlib.util import find_spec
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import click

from steelyard.cli.brokers import broker_tools
from steelyard.cli.options import examples
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steelyard.domain.order import Order
    from steelyard.market.port import CheckedPrice
    from steelyard.services.run_worker import Workers
    from steelyard.storage.connection import Pool


PAUSE_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


@click.command(epilog=examples("steelyard worker", "steelyard worker --once"))
@click.option("--once", is_flag=True, help="Do what is due, and end.")
@click.option(
    "--pause",
    "pause_seconds",
    type=click.FloatRange(0.05, 60),
    default=PAUSE_SECONDS,
    show_default=True,
    help="Seconds to wait when nothing is due.",
)
@pass_shell
def worker(shell: Shell, *, once: bool, pause_seconds: float) -> None:
    """Send executed orders and book their fills; make runs and share them out.

    Any number of workers may run, on any number of machines. Each order is committed as about to be sent before its
    broker is called, and in the hands of one worker at a time. SIGTERM and Ctrl-C let what is in hand finish. The log
    goes to standard error, as lines of JSON.
    """
    from steelyard.server.logs import logged

    with logged():
        done = asyncio.run(_work(shell, pause_seconds, once=once))
    if once:
        click.echo(
            f"Nothing is due any more; {done} time{'s' * (done != 1)} an order, a link or a run was in hand."
        )


async def _work(shell: Shell, pause_seconds: float, *, once: bool) -> int:
    from steelyard.server.serving import signals_call
    from steelyard.storage.acting import NOBODY

    stop = asyncio.Event()
    async with shell.store(acts_as=NOBODY) as pool, open_worker(shell, pool) as made:
        with signals_call(stop.set):
            if once:
                return await made.work_off(stop)
            await made.run(stop, idle_seconds=pause_seconds)
            return 0


@asynccontextmanager
async def worker_beside(shell: Shell, pool: "Pool", *, runs: bool) -> "AsyncIterator[None]":
    """Let a worker run in this process as long as the context lasts, and finish what it has in hand then."""
    if not runs:
        yield
        return
    stop = asyncio.Event()
    async with open_worker(shell, pool) as made:
        work = asyncio.create_task(made.run(stop, idle_seconds=PAUSE_SECONDS))
        work.add_done_callback(_say_if_it_fell)
        try:
            yield
        finally:
            stop.set()
            await work


def _say_if_it_fell(work: "asyncio.Task[None]") -> None:
    if not work.cancelled() and work.exception() is not None:
        log.critical("worker ended by a defect: no order is sent", exc_info=work.exception())


@asynccontextmanager
async def open_worker(shell: Shell, pool: "Pool") -> "AsyncIterator[Workers]":
    """Gather what a worker works with.

    Args:
        shell: the settings, and the way to the keys.
        pool: on the store.

    Raises:
        SteelyardError: as `Shell.vault`.
    """
    from steelyard.cli.sources import price_sources
    from steelyard.services.broker_link import Brokers, get_number_at_broker
    from steelyard.services.order_hand import Hand
    from steelyard.services.order_worker import OrderWorker
    from steelyard.services.run_worker import RunWorker, Workers
    from steelyard.services.store_clock import StoreClock
    from steelyard.storage.acting import OPERATOR, acting_as
    from steelyard.storage.connection import WriteSession

    _compile()
    with acting_as(OPERATOR):
        vault = await shell.vault(pool)
    clock = StoreClock(time.monotonic)

    async def number_of(db: WriteSession, account_id: str) -> str:
        return await get_number_at_broker(db, vault, account_id)

    async with broker_tools(shell, pool) as tools, price_sources(shell.settings) as sources:
        brokers = Brokers(vault, tools)

        async def price_of(order: "Order") -> "CheckedPrice":
            from steelyard.services.market import read_prices

            found = await read_prices([order.asset_id], now=clock(), market=sources.market)
            return found[order.asset_id]

        hand = Hand(clock=clock, open_broker=brokers, account_number=number_of, read_price=price_of)
        name = f"{socket.gethostname()}:{os.getpid()}"
        try:
            orders = OrderWorker(hand, name, token=lambda: token_hex(4), set_clock=clock.set)
            yield Workers(orders, RunWorker(clock, set_clock=clock.set, market=sources.market))
        finally:
            await brokers.close()


def _compile() -> None:
    """Let the search be compiled while the worker begins, where that is installed: a run is over many accounts."""
    if find_spec("numba") is not None:
        from steelyard.rebalancing.kernel import compile_in_background

        compile_in_background()
