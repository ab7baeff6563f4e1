"""kill -9 of workers, of connections and of the database server, while a broker loses requests and answers.

Workers are processes, the broker is one, and nobody tells anybody who died. Afterwards every order is at the broker
once or not at all, what nobody could say was resolved by rule or a person was asked, and the ledger says what the
broker executed. The seeds are in the names of the cases; STEELYARD_ORDER_CRASHES asks for more orders and seeds, as
10x1000.
"""

import asyncio
import logging
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

import far_broker
import killed_worker
import zygote
from conftest import kill_whole_server, urls_of
from far_broker import Office, opened
from killed_worker import Post
from orders import add_asset, add_link, add_trading_account, put_order, transaction
from people import run
from steelyard.domain.order import Order, OrderState, Side
from steelyard.services.order import Resolution, resolve_order
from steelyard.storage import embedded
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.migration import migrate
from steelyard.storage.order import OrderFilter, list_orders
from workshop import CASH, fund, is_over

SEEDS, ORDERS = map(int, os.environ.get("STEELYARD_ORDER_CRASHES", "3x200").split("x"))
WORKERS = 3
DANGER = 0.006
"""How probable it is that a worker dies at each of the points it passes."""
KILLS = 20
PATIENCE = 120 + ORDERS
"""Seconds after which orders that have not come to an end are taken to hang."""
UNITS = Decimal(100_000)

log = logging.getLogger(__name__)


@dataclass
class Chaos:
    """A broker, workers, and who kills them.

    Attributes:
        killed: what was killed how often.
    """

    server: EmbeddedServer
    office: Office
    chance: random.Random
    folder: Path
    workers: list[BaseProcess] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)

    def hire(self, danger: float = DANGER) -> None:
        post = Post(
            urls_of(self.server), self.office, self.chance.randrange(2**32), danger, self.folder / "log"
        )
        self.workers.append(zygote.start(killed_worker.work, post))

    def bury(self, danger: float = DANGER) -> None:
        """Put somebody in the place of each worker that died."""
        for worker in [worker for worker in self.workers if not worker.is_alive()]:
            worker.join()
            assert worker.exitcode == -9, (self.folder / "log").read_text("utf-8")
            self.killed["worker"] += 1
            self.workers.remove(worker)
            self.hire(danger)

    async def strike(self) -> None:
        """Kill something."""
        what = self.chance.choices(("worker", "backend", "server"), (10, 4, 1))[0]
        if what == "worker":
            self.chance.choice(self.workers).kill()  # counted when buried
        elif what == "backend":
            await self.kill_backend()
        else:
            kill_whole_server(self.server)
            await embedded.start(self.server.home)
            self.killed["server"] += 1

    async def kill_backend(self) -> None:
        login = self.server.superuser
        connection = await asyncpg.connect(
            host=str(self.server.host),
            user=login.user,
            password=login.password,
            database=self.server.database,
        )
        try:
            ended = await connection.fetchval(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'steelyard_app' "
                "order by (state = 'active') desc, random() limit 1"
            )
            self.killed["backend"] += bool(ended)
        finally:
            await connection.close()

    def end(self) -> None:
        """Kill whoever is left, where a test failed."""
        for worker in self.workers:
            worker.kill()
            worker.join()

    def dismiss(self) -> None:
        """Let the workers finish what they have in hand, and end."""
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.join(30)
            assert worker.exitcode in {0, -9}, (self.folder / "log").read_text("utf-8")
        self.workers.clear()


@pytest.fixture(scope="module")
def victim(run_folder: Path) -> Iterator[EmbeddedServer]:
    """A server of these tests alone."""
    home = run_folder / f"orders-{os.getpid()}"
    yield asyncio.run(_started(home))
    asyncio.run(embedded.stop(home))


async def _started(home: Path) -> EmbeddedServer:
    await init_connection_pool(data_dir=home)
    await migrate()
    await close_connection_pool()
    return await embedded.start(home)


@contextmanager
def broker_of(office: Office) -> Iterator[None]:
    process = zygote.start(far_broker.serve, office)
    while not office.socket.exists():
        assert process.is_alive()
        time.sleep(0.01)
    try:
        yield
    finally:
        process.terminate()
        process.join()


@contextmanager
def closing_down(chaos: Chaos) -> Iterator[None]:
    try:
        yield
    finally:
        chaos.end()


@asynccontextmanager
async def store_of(server: EmbeddedServer) -> AsyncIterator[None]:
    app, migrator = urls_of(server)
    await init_connection_pool(app, migrator_url=migrator, pool_size=2)
    yield
    await close_connection_pool()


async def open_accounts(seed: int, folder: Path) -> tuple[Office, dict[str, str]]:
    """Open an account at each of two brokers, one of which keeps client ids; link → account.

    What another seed left unknown, and is looked for on and on, is let be: its broker is gone.
    """
    await run("update steelyard.orders set due_at = null, version = version + 1 where due_at is not null")
    await run("update steelyard.broker_links set ended_at = now() where ended_at is null")
    await add_asset("VTI")
    links = {str(await add_link(f"{seed} {keeps}")): keeps for keeps in (True, False)}
    office = Office(folder / "socket", folder / "paper.sqlite", seed, links)
    accounts = {}
    for link, keeps in links.items():
        accounts[link] = f"C-{seed}-{keeps}"
        await add_trading_account(accounts[link], UUID(link))
        await fund(accounts[link], CASH, {"VTI": UNITS})
        broker = opened(office, link, random.Random(seed))  # noqa: S311 - no secret
        await broker.open_account(accounts[link], "", {"USD": CASH}, {"VTI": UNITS})
        await broker.close()
    return office, accounts


async def put_orders(accounts: Mapping[str, str], chance: random.Random) -> None:
    """Execute orders, no two of which are alike, so that each can be told from the others at the broker."""
    now = datetime.now(UTC)
    async with transaction() as db:
        for number in range(ORDERS):
            link = sorted(accounts)[number % 2]
            await put_order(
                db,
                OrderState.APPROVED,
                now=now,
                then={"released_at": now, "due_at": now},
                link_id=UUID(link),
                account_id=accounts[link],
                side=chance.choice(list(Side)),
                quantity=Decimal(number + 100) / 100,
                order_value=Decimal(number + 100),
            )


async def orders_of(accounts: Mapping[str, str]) -> list[Order]:
    async with transaction() as db:
        found = [
            await list_orders(db, OrderFilter(account_id=account), limit=10 * ORDERS)
            for account in accounts.values()
        ]
    return [order for orders in found for order in orders]


async def strike_out(chaos: Chaos) -> None:
    """Kill now and then."""
    for _ in range(KILLS):
        await asyncio.sleep(chaos.chance.uniform(0.05, 0.2))
        chaos.bury()
        await chaos.strike()


async def until_over(chaos: Chaos, accounts: Mapping[str, str], *, danger: float) -> None:
    """Wait until every order has come to an end; workers die by themselves."""
    began = time.monotonic()
    async with store_of(chaos.server):
        while waiting := [order for order in await orders_of(accounts) if not is_over(order)]:
            await asyncio.sleep(0.3)
            chaos.bury(danger)
            assert time.monotonic() - began < PATIENCE, [
                (order.state, order.reason, order.due_at, order.lease_owner) for order in waiting
            ]


async def at_the_broker(office: Office) -> dict[str, Counter[str]]:
    """How many orders the broker took, by link and by the id that we gave them, whether it tells ids or not."""
    connection = sqlite3.connect(office.file)
    try:
        rows = connection.execute("select link, client_order_id from orders").fetchall()
    finally:
        connection.close()
    taken: dict[str, Counter[str]] = {link: Counter() for link in office.links}
    for link, client_order_id in rows:
        taken[link][client_order_id] += 1
    return taken


async def check_once(office: Office, orders: list[Order]) -> None:
    """Every order is at the broker once, or nobody knows of it and a person was asked."""
    taken = await at_the_broker(office)
    for link, counts in taken.items():
        assert [name for name, count in counts.items() if count > 1] == [], "sent twice"
        ours = {order.client_order_id: order for order in orders if str(order.link_id) == link}
        assert counts.keys() <= ours.keys()
        for name, order in ours.items():
            if order.state is OrderState.UNKNOWN:
                assert name not in counts, f"{order.order_id} is there, and was not found"
                assert not office.links[link], "with ids that are kept nothing stays unknown"
            elif order.state is not OrderState.CANCELLED or order.filled_quantity:
                assert name in counts, f"{order.order_id} is {order.state} and not there"


async def check_ledger(office: Office, accounts: Mapping[str, str]) -> None:
    """The ledger says what the broker executed, to the last unit and cent."""
    for link, account in accounts.items():
        broker = opened(office, link, random.Random(0), is_honest=True)  # noqa: S311 - no secret
        at_broker = await broker.get_account()
        await broker.close()
        held = at_broker.cash | {one.symbol: one.quantity for one in at_broker.positions}
        rows = await run(
            "select commodity, quantity from steelyard.balances where account_id = :id", id=account
        )
        assert {str(name): Decimal(str(quantity)) for name, quantity in rows} == held


async def resolve_all(orders: list[Order], chance: random.Random) -> int:
    """Be the person who is asked: half of what never arrived is sent again."""
    unknown = [order for order in orders if order.state is OrderState.UNKNOWN]
    for order in unknown:
        async with transaction() as db:
            await resolve_order(
                db,
                order.order_id,
                chance.choice([Resolution.NEVER, Resolution.AGAIN]),
                reason="the desk says so",
                now=datetime.now(UTC),
                random=chance.randbytes,
            )
    return len(unknown)


@pytest.mark.parametrize("seed", range(1, SEEDS + 1), ids=lambda seed: f"seed {seed}")
async def test_no_kill_and_no_lost_answer_sends_an_order_twice_or_loses_one(
    victim: EmbeddedServer, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - what is killed when
    async with store_of(victim):
        office, accounts = await open_accounts(seed, tmp_path)
        await put_orders(accounts, chance)
    chaos = Chaos(victim, office, chance, tmp_path)
    with broker_of(office), closing_down(chaos):
        for _ in range(WORKERS):
            chaos.hire()
        await strike_out(chaos)
        await until_over(chaos, accounts, danger=DANGER)
        async with store_of(victim):
            orders = await orders_of(accounts)
            await check_once(office, orders)
            resolved = await resolve_all(orders, chance)
        await until_over(chaos, accounts, danger=0)
        await asyncio.sleep(1)
        chaos.dismiss()
    async with store_of(victim):
        orders = await orders_of(accounts)
        await check_once(office, orders)
        await check_ledger(office, accounts)
    states: Any = Counter(order.state.value for order in orders)
    log.warning(
        "seed %d: killed %s; a person resolved %d; %s", seed, dict(chaos.killed), resolved, dict(states)
    )
    assert sum(chaos.killed.values()) >= KILLS
