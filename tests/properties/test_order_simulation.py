"""Workers, a broker, people and death in one event loop with a clock of its own, seed after seed.

After each step: no order is at the broker twice, and with the kill switch pulled no new one is. At the end, when
nobody dies any more: every order has ended or a person was asked, and the ledger says what the broker executed.
STEELYARD_ORDER_SEEDS asks for more seeds; the seed of a failure is in its name.
"""

import os
import random
import sqlite3
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orders import read, transaction
from steelyard.brokers.paper_faults import Call, Fault, faults_by_chance
from steelyard.brokers.paper_market import PaperSettings
from steelyard.domain.order import Order, OrderState, Side
from steelyard.errors import SteelyardError
from steelyard.services.order import Replacement, Resolution, cancel_order, replace_order, resolve_order
from steelyard.services.order_hand import no_fault
from steelyard.services.order_rules import CALLS_BEFORE_A_PERSON
from steelyard.services.order_worker import OrderWorker
from steelyard.services.trading_stop import resume_trading, stop_trading
from steelyard.storage.connection import Pool
from steelyard.storage.order import OrderFilter, list_orders
from workshop import WINDOW, Workshop, holdings_at, is_over, ledger_of, opened_workshop

SEEDS = int(os.environ.get("STEELYARD_ORDER_SEEDS", "3"))
STEPS = 25
ORDERS = 5
WRONG = {
    Call.PLACE: {
        Fault.UNREACHABLE: 0.1,
        Fault.REFUSE: 0.05,
        Fault.LOSE_REQUEST: 0.1,
        Fault.LOSE_REPLY: 0.15,
        Fault.EXECUTE_LATE: 0.1,
    },
    Call.CANCEL: {Fault.UNREACHABLE: 0.1, Fault.LOSE_REQUEST: 0.1, Fault.LOSE_REPLY: 0.1},
    Call.READ: {Fault.UNREACHABLE: 0.05, Fault.LOSE_REPLY: 0.05},
    Call.FILL: {Fault.DUPLICATE_FILL: 0.2, Fault.REORDER_FILL: 0.2, Fault.BUST_FILL: 0.05},
}


class DeathError(Exception):
    """A worker dies."""


@dataclass
class World:
    """What happens, by chance.

    Attributes:
        danger: how probable it is to die at each point.
        is_stopped: whether the kill switch is pulled.
    """

    shop: Workshop
    chance: random.Random
    file: Path
    danger: float = 0.02
    is_stopped: bool = False
    workers: list[OrderWorker] = field(default_factory=list)

    def placed(self) -> Counter[str]:
        """How often the broker has each client id, those that it tells nobody too."""
        connection = sqlite3.connect(self.file)
        try:
            return Counter(name for (name,) in connection.execute("select client_order_id from orders"))
        finally:
            connection.close()

    def mortal(self, name: str) -> OrderWorker:
        """A worker whose points are its own: once dead it does nothing more."""
        is_dead = False

        def fault(point: str) -> None:
            nonlocal is_dead
            is_dead = is_dead or self.chance.random() < self.danger
            if is_dead:
                raise DeathError(point)

        hand = replace(self.shop.hand(), fault=fault)
        return OrderWorker(hand, name, token=lambda: f"{self.chance.random()}")

    async def step(self) -> None:
        """Let something happen."""
        happens = self.chance.choices(
            (self.work, self.wait, self.order, self.cancel, self.replace, self.switch), (10, 6, 2, 1, 1, 1)
        )[0]
        try:
            await happens()
        except (DeathError, SteelyardError):
            return  # a worker died, or a person was told why not

    async def work(self) -> None:
        await self.mortal("w").work()

    async def wait(self) -> None:
        self.shop.clock.go_on(seconds=self.chance.choice((0.5, 2, 8, 40)))

    async def order(self) -> None:
        side = self.chance.choice(list(Side))
        await self.shop.order(side=side, quantity=Decimal(self.chance.randrange(1, 1000)) / 100)

    async def cancel(self) -> None:
        order = self.chance.choice(await self.orders())
        async with transaction() as db:
            await cancel_order(db, order.order_id, now=self.shop.clock())

    async def replace(self) -> None:
        order = self.chance.choice(await self.orders())
        async with transaction() as db:
            await replace_order(
                db, order.order_id, Replacement(), now=self.shop.clock(), random=self.chance.randbytes
            )

    async def switch(self) -> None:
        async with transaction() as db:
            if self.is_stopped:
                await resume_trading(db, "it is right again", now=self.shop.clock())
            else:
                await stop_trading(db, "a wrong price")
        self.is_stopped = not self.is_stopped

    async def orders(self) -> list[Order]:
        async with transaction() as db:
            return await list_orders(db, OrderFilter(account_id=self.shop.accounts[0]), limit=100)

    async def decide(self, calm_since: datetime, looked_at: datetime) -> None:
        """Be the person who is asked, and looks at the broker.

        A broker that keeps our ids answers the next look: who has the order there may only be asked about it because
        three calls had no answer, and no look was due since everything goes well.
        """
        there = self.placed()
        for order in await self.orders():
            if order.state is OrderState.UNKNOWN and order.raised_at is not None:
                if order.client_order_id not in there:
                    await self.resolve(order)
                elif self.shop.broker.capabilities.keeps_client_ids:
                    assert order.attempts >= CALLS_BEFORE_A_PERSON
                    assert order.changed_at <= calm_since
                    assert order.due_at is not None
                    assert order.due_at > looked_at

    async def resolve(self, order: Order) -> None:
        async with transaction() as db:
            await resolve_order(
                db,
                order.order_id,
                self.chance.choice((Resolution.NEVER, Resolution.AGAIN)),
                reason="it is not there",
                now=self.shop.clock(),
                random=self.chance.randbytes,
            )

    async def calm_down(self) -> None:
        """Let nobody die and nothing go wrong any more, until everything has come to an end."""
        self.danger, self.shop.fault, self.shop.plan[0] = 0, no_fault, no_faults_left
        if self.is_stopped:
            await self.switch()
        calm_since = self.shop.clock()
        for _ in range(60):
            looked_at = self.shop.clock()
            await self.mortal("last").work()
            self.shop.clock.go_on(seconds=10)
            await self.decide(calm_since, looked_at)
            if all(is_over(order) for order in await self.orders()):
                break
        for _ in range(3):  # late fills, and what is to be looked at once more
            await self.mortal("last").work()
            self.shop.clock.go_on(minutes=2)


def no_faults_left(call: Call) -> None:
    del call


@pytest.mark.parametrize("keeps", [True, False], ids=["keeps ids", "forgets ids"])
@pytest.mark.parametrize("seed", range(SEEDS), ids=lambda seed: f"seed {seed}")
async def test_nothing_is_sent_twice_or_lost_whatever_happens(
    store: Pool, tmp_path: Path, seed: int, *, keeps: bool
) -> None:
    del store  # opening it is what matters
    chance = random.Random(seed)  # noqa: S311 - what happens
    settings = PaperSettings(
        keeps_client_ids=keeps,
        settle_window=WINDOW,
        most_parts=3,
        delay=timedelta(seconds=3),
        lateness=timedelta(seconds=6),
    )
    async with opened_workshop(tmp_path, settings) as shop:
        shop.plan[0] = faults_by_chance(WRONG, chance)
        world = World(shop, chance, tmp_path / f"{shop.link_id}.sqlite")
        for _ in range(ORDERS):
            await world.order()
        for _ in range(STEPS):
            before = world.placed()
            was_stopped = world.is_stopped
            await world.step()
            after = world.placed()
            assert [name for name, count in after.items() if count > 1] == [], "sent twice"
            if was_stopped and world.is_stopped:
                assert before == after, "sent though trading is stopped"
        await world.calm_down()
        for order in await world.orders():
            assert is_over(order), (order.state, order.reason)
            if order.state is OrderState.FILLED:
                assert order.filled_quantity == order.quantity
            assert (await read(order.order_id)).lease_owner is None
        assert await ledger_of(shop.accounts[0]) == await holdings_at(shop.broker)
