"""The paper broker dies at any moment, and several work on one file: what it acknowledged is there, whole."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

from paper import Market, all_fills, holdings, open_paper, order

TESTS = Path(__file__).parents[1]
ROUNDS = int(os.environ.get("STEELYARD_PAPER_KILLS", "4"))
AT_ONCE = 2

PLACE = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from paper import Market, open_paper, order

async def place():
    market = Market()
    broker = open_paper(Path(sys.argv[2]), market)
    await broker.open_account("T", "", {"USD": 1_000_000_000}, {})
    for number in range(10_000):
        placed = await broker.place_order(order(f"{sys.argv[3]}-{number // 2}", quantity="1"))
        print(placed.client_order_id, placed.broker_order_id, flush=True)
        await broker.list_fills("")

asyncio.run(place())
"""
"""Places each order twice, one after the other, and says of each that it was acknowledged."""


def placed_until_killed(folder: Path, name: str, seconds: float) -> list[str]:
    """Let several processes place orders, kill them, and return what was acknowledged to them."""
    arguments = [sys.executable, "-c", PLACE, str(TESTS), str(folder)]
    workers = [
        subprocess.Popen([*arguments, f"{name}-{number}"], stdout=subprocess.PIPE, text=True)
        for number in range(AT_ONCE)
    ]
    first = [worker.stdout.readline() for worker in workers if worker.stdout]
    time.sleep(seconds)
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
    rest = [worker.communicate()[0] for worker in workers]
    # the last line may be half a line
    return [
        *first,
        *(line for text in rest for line in text.splitlines(keepends=True) if line.endswith("\n")),
    ]


def test_what_was_acknowledged_survives_kill_9_and_a_client_id_stays_one_order(tmp_path: Path) -> None:
    told = {
        line
        for number in range(ROUNDS)
        for line in placed_until_killed(tmp_path, f"R{number}", number % 6 / 20)
    }
    acknowledged = dict(line.split() for line in told)
    assert len(acknowledged) == len(told) >= ROUNDS * AT_ONCE

    async def look() -> None:
        market = Market()
        broker = open_paper(tmp_path, market)
        orders = await broker.list_orders(market.now)
        names = Counter(one.client_order_id for one in orders)
        assert set(names.values()) == {1}
        assert acknowledged.items() <= {one.client_order_id: one.broker_order_id for one in orders}.items()
        fills = await all_fills(broker)
        assert Counter(one.client_order_id for one in fills) == names
        cash = 1_000_000_000 - 100 * len(fills)
        assert await holdings(broker) == (Decimal(cash), {"VTI": Decimal(len(fills))})
        await broker.place_order(order("after"))

    asyncio.run(look())
