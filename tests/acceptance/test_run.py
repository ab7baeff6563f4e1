"""A run over fifty accounts with one approval: over HTTP, signed by a passkey, to the last fill of a paper broker."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from uuid import UUID

from house import House, transaction
from house_trading import as_operator, traded_account
from passkey_device import Device
from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.port import Broker
from steelyard.domain.order import Order
from steelyard.identity.permissions import Role
from steelyard.market.port import CheckedPrice
from steelyard.services.order_hand import Hand
from steelyard.services.order_worker import OrderWorker
from steelyard.services.run import get_run, is_moving
from steelyard.services.run_worker import RunTiming, RunWorker
from steelyard.storage.acting import OPERATOR
from trading import PRICES
from workshop import checked, no_number, no_sleep

ACCOUNTS = 50


async def fill_all(house: House, run_id: UUID, folder: Path) -> None:
    """Let workers send what was executed to a paper broker and share out what it fills, until all has ended."""
    moments = count()

    def clock() -> datetime:
        return house.clock() + timedelta(seconds=next(moments))

    async def price_of(symbol: str) -> Decimal | None:
        return Decimal(PRICES[symbol])

    broker = PaperBroker(
        folder / "paper.sqlite",
        "run",
        price_of=price_of,
        clock=clock,
        chance=Random(1),  # noqa: S311 - parts of orders, no secret
        sleep=no_sleep,
    )
    await broker.open_account("all", "", {"USD": Decimal(5000 * ACCOUNTS)}, {"AAA": Decimal(100 * ACCOUNTS)})

    async def opened(_: UUID) -> Broker:
        return broker

    async def priced(order: Order) -> CheckedPrice:
        return checked(order, Decimal(PRICES[order.asset_id]), clock())

    hand = Hand(clock=clock, open_broker=opened, account_number=no_number, read_price=priced)
    orders = OrderWorker(hand, "w1", token=lambda: f"{next(moments)}")
    runs = RunWorker(clock, timing=RunTiming(poll=timedelta(seconds=1)))
    try:
        for _ in range(60):
            await orders.work()
            await runs.work()
            async with transaction(OPERATOR) as db:
                shown = await get_run(run_id, db, limit=1)
            if not is_moving(shown.run, shown.progress):
                return
    finally:
        await broker.close()


def test_a_run_over_fifty_accounts_goes_from_one_post_over_one_signature_to_filled(
    house: House, tmp_path: Path
) -> None:
    owner = house.do(house.person(Role.OWNER))
    device = Device(house.served.wiring.place.public_url)
    house.do(house.give_passkey(owner, device))
    window = house.window_of(owner)
    house.rows("update steelyard.tenants set approval_limit = 1000000 where tenant_id = 1 returning 1")
    accounts = [traded_account(house, owner) for _ in range(ACCOUNTS)]

    begun = window.ask("POST", "/runs", {"name": "Quarter end", "accounts": accounts})
    assert begun.status_code == 201, begun.text
    run_id = begun.json()["run_id"]
    house.do(as_operator(RunWorker(house.clock).work()))
    shown = window.ask("GET", f"/runs/{run_id}").json()
    assert (shown["run"]["state"], shown["progress"]["states"]) == ("made", {"made": ACCOUNTS})
    assert shown["run"]["order_value"] == f"{10_000 * ACCOUNTS}"

    seen = {"content_hash": shown["run"]["content_hash"]}
    question = window.ask("POST", f"/runs/{run_id}/approve/passkey/question", seen).json()
    signed = seen | {
        "nonce": question["nonce"],
        "credential": json.loads(device.prove(question["options"])),
    }
    approved = window.ask("POST", f"/runs/{run_id}/approve/passkey", signed)
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert len(approved.json()["approvals"]) == 1
    executed = window.ask("POST", f"/runs/{run_id}/execute", seen)
    assert executed.status_code == 200, executed.text

    house.do(as_operator(fill_all(house, UUID(run_id), tmp_path)))
    done = window.ask("GET", f"/runs/{run_id}").json()
    assert done["progress"]["orders"] == {"filled": 3 * ACCOUNTS}
    [(blocks,)] = house.rows(
        "select count(*) from steelyard.orders where run_id = :id and account_id is null", id=run_id
    )
    assert blocks == 3
    [(units,)] = house.rows(
        "select sum(quantity) from steelyard.balances where commodity = 'BBB' and account_id = any(:ids)",
        ids=accounts,
    )
    assert units == 250 * ACCOUNTS
