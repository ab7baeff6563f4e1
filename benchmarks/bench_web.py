"""Pages at 20,000 assets: `steelyard serve` in a process of its own, asked as a browser asks, one page after the other.

    python benchmarks/bench_web.py [--assets 20000] [--rounds 200] [--seed 1]

Beside each page stand /healthz and the JSON of the overview, of the same run on the same connection. What is told
beside the wait is the processor time of a request in the server, and what is sent; at the end the server's memory. The
first view of a version, which is made and then kept, is told by itself.
"""

import argparse
import asyncio
import http.client
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
from bench_dashboard import STEELYARD, listening, spent_by
from made_book import Size, make_book
from scratch import fill, scratch_store, settle, show, superuser

from steelyard.identity.key_file import KeyFile
from steelyard.identity.permissions import Actor, Role
from steelyard.identity.vault import Vault
from steelyard.services.asset_360 import refresh
from steelyard.services.key import make_first_keys
from steelyard.services.session import start_session
from steelyard.services.user import add_user
from steelyard.storage import factors
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import current_pool, get_write_session

DAYS = 130
BREATH = 0.2
"""Seconds between rounds, so that one user stays below the rate that one user may ask at."""
TODAY = date(2100, 1, 1)
BOTH = {"password", "totp"}
ROUTES = {
    "GET /healthz": "/healthz",
    "the overview as JSON": "/api/v1/asset-360/overview",
    "GET /dashboard": "/dashboard",
    "GET /accounts": "/accounts",
}


@dataclass(slots=True)
class Asked:
    """How a route answered."""

    waits: list[float] = field(default_factory=list)
    spent: float = 0.0
    sent: int = 0

    def wait(self, share: float) -> float:
        return sorted(self.waits)[min(int(share * len(self.waits)), len(self.waits) - 1)]


async def let_in(home: Path) -> str:
    """Make an owner, and a session of theirs; return its secret."""
    await make_first_keys(None, await current_pool())
    vault = Vault.open(KeyFile(home / "keys" / "master.key", secrets.token_bytes))
    operator, now = Actor(1), datetime.now(UTC)
    async with get_write_session() as db:
        user = await add_user(
            db,
            vault,
            operator,
            login="owner@example.org",
            name="An owner",
            role=Role.OWNER,
            now=now,
            random=secrets.token_bytes,
        )
        await factors.activate_user(db, user.user_id)
    with acting_as(Acting(1, f"user:{user.user_id}", user.user_id)):
        async with get_write_session() as db:
            found = await factors.get_factors(db, user.user_id)
            assert found is not None
            opened = await start_session(
                db, user.user_id, BOTH, epoch=found.epoch, now=now, random=secrets.token_bytes
            )
    return opened.secret


@contextmanager
def served(home: Path) -> Iterator[psutil.Process]:
    """`steelyard serve` on this machine."""
    process = subprocess.Popen(
        [*STEELYARD, "serve", "--port", "0"],
        env={**os.environ, "STEELYARD_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def ask(connection: http.client.HTTPConnection, path: str, secret: str) -> int:
    """Ask as a browser does where its user typed the address; return how many bytes came."""
    headers = {"Cookie": f"sid={secret}", "Accept-Encoding": "gzip", "Sec-Fetch-Site": "none"}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (path, answer.status, body[:300])
    return len(body)


def measure(server: psutil.Process, secret: str, rounds: int, assets: int) -> None:
    """Ask for everything in turn, and show it."""
    connection = http.client.HTTPConnection("localhost", listening(server.pid))
    began = time.perf_counter()
    ask(connection, "/dashboard", secret)
    first = time.perf_counter() - began
    before = server.memory_info().rss
    found = {name: Asked() for name in ROUTES}
    for _ in range(rounds):
        for name, path in ROUTES.items():
            one, spent, began = found[name], spent_by(server), time.perf_counter()
            one.sent = ask(connection, path, secret)
            one.waits.append(time.perf_counter() - began)
            one.spent += spent_by(server) - spent
        time.sleep(BREATH)
    base = found["GET /healthz"]
    lines = [
        (
            name,
            f"{1000 * one.wait(0.5):.1f} ms",
            f"{1000 * one.wait(0.95):.1f} ms",
            f"{one.wait(0.5) / base.wait(0.5):.1f}",
            f"{1000 * one.spent / rounds:.1f} ms",
            f"{one.sent / 1000:.1f} kB",
        )
        for name, one in found.items()
    ]
    show(
        f"{assets:,} assets; first view {first:.2f} s; server {before / 2**20:.0f} MiB before, "
        f"{server.memory_info().rss / 2**20:.0f} MiB after {rounds} rounds",
        ("route", "median", "p95", "÷ health", "server", "sent"),
        lines,
    )


async def main(assets: int, rounds: int, seed: int) -> None:
    book = make_book(Size(assets, DAYS, transactions=5 * assets), seed)
    async with scratch_store() as store:
        await fill(store, book.tables)
        async with superuser(store) as connection:
            await connection.execute(
                "insert into steelyard.derivations_pending (asset_id) select asset_id from steelyard.asset_master"
            )
        await refresh(today=TODAY)
        await settle(store)
        secret = await let_in(store.home)
        with served(store.home) as server:
            await asyncio.to_thread(measure, server, secret, rounds, assets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assets", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(main(given.assets, given.rounds, given.seed))
