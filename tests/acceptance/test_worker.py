"""`steelyard worker` and `steelyard orders` as people run them: processes over a store of their own."""

import asyncio
import json
import random
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import UUID

import pytest

import zygote
from orders import add_asset, add_link, add_trading_account, put_order, read, transaction
from people import run
from steelyard.brokers.paper import PaperBroker
from steelyard.domain.order import Order, OrderState
from steelyard.identity.key_file import make_key_file
from steelyard.storage.connection import Pool
from steelyard.storage.embedded import EmbeddedServer
from terminal import STEELYARD, Terminal
from trading import trading_day
from workshop import fund, ledger_of

SECONDS = 60


@dataclass
class Desk:
    """A store with an account that can be traded, and the environment of its commands."""

    environment: dict[str, str]
    link_id: UUID
    paper: Path

    async def order(self, state: OrderState = OrderState.APPROVED, **what: Any) -> Order:
        now = datetime.now(UTC)
        async with transaction() as db:
            return await put_order(
                db,
                state,
                now=now,
                then={"released_at": now, "due_at": now},
                link_id=self.link_id,
                **what,
            )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return zygote.run(list(arguments), self.environment)

    def ask(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*STEELYARD, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
async def desk(
    own_store: Pool,
    own_database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    tmp_path: Path,
) -> Desk:
    del own_store  # opening it is what matters
    make_key_file(tmp_path / "keys/master.key", token_bytes)
    app, migrator = urls(own_database)
    paper = tmp_path / "paper.sqlite"
    link_id = await add_link(address=str(paper))
    await add_asset()
    today = trading_day(datetime.now(UTC))
    for day in (today - timedelta(days=1), today):
        await run(
            "insert into steelyard.market_data (asset_id, price_date, closing_price) values ('VTI', :day, 100)",
            day=day,
        )
    await add_trading_account("A", link_id)
    await fund("A", Decimal(50_000), {})
    broker = PaperBroker(
        paper,
        str(link_id),
        price_of=no_price,
        clock=lambda: datetime.now(UTC),
        chance=random.Random(1),  # noqa: S311 - no secret
    )
    await broker.open_account("A", "", {"USD": Decimal(50_000)}, {})
    await broker.close()
    environment = Terminal(tmp_path / "home").environment(
        DATABASE_URL=app,
        DATABASE_MIGRATOR_URL=migrator,
        STEELYARD_KEY_FILE=str(tmp_path / "keys/master.key"),
        STEELYARD_AUDIT_HEADS="log",
    )
    return Desk(environment, link_id, paper)


async def no_price(symbol: str) -> None:
    del symbol


async def until(state: OrderState, order: Order) -> Order:
    async with asyncio.timeout(SECONDS):
        while (found := await read(order.order_id)).state is not state:
            await asyncio.sleep(0.05)
    return found


async def test_what_is_due_is_done_once(desk: Desk) -> None:
    order = await desk.order()
    done = desk.run("worker", "--once")
    assert done.returncode == 0, done.stderr
    assert "Nothing is due any more" in done.stdout
    await until_filled(desk, order)
    assert (await ledger_of("A"))["VTI"] == 10
    shown = desk.ask("orders", "show", str(order.order_id))
    assert [event["to_state"] for event in shown["events"]][-2:] == ["sent", "filled"]
    assert len(shown["fills"]) == 1


async def until_filled(desk: Desk, order: Order) -> None:
    """Work until it is: the fills of an order are looked for some seconds after it was sent."""
    async with asyncio.timeout(SECONDS):
        while (await read(order.order_id)).state is not OrderState.FILLED:
            assert desk.run("worker", "--once").returncode == 0
            await asyncio.sleep(0.5)


async def test_sigterm_lets_what_is_in_hand_finish_and_leaves_no_order_half_sent(desk: Desk) -> None:
    order = await desk.order()
    with closing(sqlite3.connect(desk.paper, isolation_level=None)) as lock:
        lock.execute("begin immediate")  # the broker answers when this ends
        worker = desk.start("worker")
        await until(OrderState.SENDING, order)
        another = await desk.order()
        worker.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert worker.poll() is None, "it left an order half sent"
        lock.execute("rollback")
    said, _ = worker.communicate(timeout=SECONDS)
    assert worker.returncode == 0, said
    found = await read(order.order_id)
    assert found.state in {OrderState.SENT, OrderState.FILLED}
    assert found.broker_order_id is not None
    assert (await read(another.order_id)).attempts in {0, 1}, "and takes nothing new in hand"
    assert (await read(another.order_id)).state is not OrderState.SENDING


async def test_a_server_sends_orders_beside_answering(desk: Desk) -> None:
    order = await desk.order()
    server = desk.start("serve", "--port", "0", "--worker")
    try:
        found = await until(OrderState.FILLED, order)
    finally:
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=SECONDS)
    assert server.returncode == 0, said
    assert found.filled_quantity == found.quantity


async def test_orders_are_listed_cancelled_replaced_resolved_and_stopped(desk: Desk) -> None:
    order = await desk.order()
    listed = desk.ask("orders", "list", "--account", "A", "--state", "approved")
    assert [one["order_id"] for one in listed["orders"]] == [str(order.order_id)]
    assert desk.run("orders", "stop", "--reason", "a wrong price").returncode == 0
    assert "a wrong price" in desk.run("orders", "list").stdout
    assert desk.run("orders", "stop", "--reason", "again").returncode == 1
    assert desk.run("worker", "--once").returncode == 0
    assert (await read(order.order_id)).state is OrderState.APPROVED
    replaced = desk.run(
        "orders", "replace", str(order.order_id)[:8], "--limit-price", "99.50", "--quantity", "4"
    )
    assert replaced.returncode == 0, replaced.stderr
    assert (await read(order.order_id)).state is OrderState.CANCELLED
    assert replaced.stdout.endswith(f" is sent when {order.order_id} has ended.\n")
    other = UUID(replaced.stdout.split()[1])
    found = await read(other)
    assert (found.quantity, found.limit_price) == (Decimal(4), Decimal("99.5"))
    assert desk.run("orders", "cancel", str(other)[:8]).stdout == "Cancelled.\n"
    assert desk.run("orders", "go", "--reason", "right again").returncode == 0
    lost = await desk.order(OrderState.UNKNOWN)
    resolved = desk.run("orders", "resolve", str(lost.order_id)[:8], "never", "--reason", "the desk says so")
    assert resolved.stdout == f"{lost.order_id} is cancelled.\n", resolved.stderr
    assert str(lost.order_id) in desk.run("orders", "show", str(lost.order_id)).stdout
