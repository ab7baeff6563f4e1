"""kill -9 of the server or of the client, at random moments of a load and the refresh after it.

`steelyard load` and `steelyard refresh` run as processes; what they print is their acknowledgement. The moment of
each kill lies in one of the phases, as seen in the server's locks, at a random part of what the phase took when
nobody disturbed it. Six rounds, which is what a run has, kill the client and the server in every phase once;
STEELYARD_CRASH_ROUNDS asks for more, STEELYARD_CRASH_SEED sets where the seeds begin.
"""

import asyncio
import csv
import gzip
import json
import logging
import os
import random
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pyarrow as pa
import pytest

from steelyard.demo import book_path
from steelyard.services.asset_360 import refresh
from steelyard.services.loading import load_tables
from steelyard.storage import embedded
from steelyard.storage.connection import (
    close_connection_pool,
    get_write_session,
    init_connection_pool,
    raw_connection,
)
from steelyard.storage.copying import copy_rows
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseLostError
from steelyard.storage.migration import migrate
from terminal import STEELYARD, Terminal
from versions import LEFT_BEHIND, check_versions, fingerprints

ROUNDS = int(os.environ.get("STEELYARD_CRASH_ROUNDS", "6"))
FIRST_SEED = int(os.environ.get("STEELYARD_CRASH_SEED", "360"))
PATIENCE = 60
"""Seconds after which what should have ended is taken to hang."""
TODAY = date(2023, 1, 2)
FIRST_DAY = "2021-07-01"
CHANGED_SINCE = ("2022-12-20", "2022-03-01", FIRST_DAY)
"""From which day on the prices of a book differ: a few days, most of a year, all of them."""

PHASES = {  # phase → the command it belongs to, and the lock that is held in it
    "load": ("load", "locktype = 'advisory'"),
    "derive": ("refresh", "mode = 'ShareRowExclusiveLock'"),
    "publish": ("refresh", "locktype = 'advisory'"),
}
LOCKED = "select exists (select from pg_locks where granted and pid <> pg_backend_pid() and {})"
AT_WORK = "select count(*) from pg_stat_activity where usename = 'steelyard_app'"
INPUT = (
    "asset_master",
    "accounts",
    "market_data",
    "portfolio_allocation",
    "transactions",
    "compliance_records",
)
DERIVED = ("performance_history", "risk_metrics")
RESULTS = (*DERIVED, "asset_360_current", "asset_360_versions", "asset_360_rows", "asset_360_documents")
FORGET = """
delete from steelyard.performance_history;
insert into steelyard.derivations_pending (asset_id) select asset_id from steelyard.asset_master
"""

Kill = Callable[[EmbeddedServer], None]
log = logging.getLogger(__name__)


@dataclass
class Client:
    """A person at a terminal who loads a book and then refreshes, and what was acknowledged to him."""

    terminal: Terminal
    book: Path
    command: str = ""
    process: asyncio.subprocess.Process | None = None
    acknowledged: dict[str, Any] = field(default_factory=dict)

    async def work(self) -> None:
        """Run both commands; end where one fails or is killed."""
        for command in (["load", str(self.book), "--no-refresh"], ["refresh"]):
            self.process = await asyncio.create_subprocess_exec(
                *STEELYARD,
                *command,
                "--json",
                env=self.terminal.environment(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            self.command = command[0]
            answer, said = await self.process.communicate()
            if answer:
                self.acknowledged[self.command] = json.loads(answer)
            assert b"Traceback" not in said, said.decode()
            if self.process.returncode != 0:
                return


@dataclass(frozen=True)
class State:
    """What is stored: hashes of the input, hashes of what is made of it, and the runs of loads."""

    version: int | None
    input: dict[str, str]
    results: dict[str, str]
    runs: dict[int, str]


@asynccontextmanager
async def superuser(server: EmbeddedServer) -> AsyncIterator[asyncpg.Connection]:
    login = server.superuser
    connection = await asyncpg.connect(
        host=str(server.host), user=login.user, password=login.password, database=server.database
    )
    try:
        yield connection
    finally:
        connection.terminate()  # the server may be dead


# ── Books that give something to do ─────────────────────────────────────────────────────────────────────


def changed_book(folder: Path, number: int, since: str) -> Path:
    """Copy the sample book, each table that grows changed in a few rows; prices from a day on."""
    folder.mkdir()
    for path in book_path().iterdir():
        shutil.copy(path, folder)
    with gzip.open(folder / "market_data.csv.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["price_date"] >= FIRST_DAY]
    (folder / "market_data.csv.gz").unlink()
    factor = 1 + Decimal(number) / 1000
    changed = ({"closing_price": Decimal(row["closing_price"]) * factor} for row in rows)
    write(
        folder / "market_data.csv",
        [
            row | change if row["price_date"] >= since else row
            for row, change in zip(rows, changed, strict=True)
        ],
    )
    for table, column in (("transactions", "transaction_costs"), ("portfolio_allocation", "quantity")):
        rows = read(folder / f"{table}.csv")
        for row in rows[number % 10 :: 10]:
            row[column] = number
        write(folder / f"{table}.csv", rows)
    checks = read(folder / "compliance_records.csv")
    write(folder / "compliance_records.csv", [*checks, checks[-1] | {"record_id": f"R{number}"}])
    return folder


def read(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def prices(book: Path) -> dict[tuple[str, str], Decimal]:
    rows = read(book / "market_data.csv")
    return {(row["asset_id"], row["price_date"]): Decimal(row["closing_price"]) for row in rows}


# ── The moment ──────────────────────────────────────────────────────────────────────────────────────────


async def phase_begins(
    client: Client, work: asyncio.Task[None], connection: asyncpg.Connection, phase: str
) -> bool:
    """Wait until the client is in a phase; False when it ends before."""
    command, lock = PHASES[phase]
    while not work.done():
        if client.command == command and await connection.fetchval(LOCKED.format(lock)):
            return True
        await asyncio.sleep(0.002)
    return False


async def measure(client: Client, server: EmbeddedServer) -> dict[str, float]:
    """Seconds from the begin of each phase to the begin of the next, or to the acknowledgement."""
    work, begins = asyncio.create_task(client.work()), {}
    async with superuser(server) as connection:
        for phase in PHASES:
            assert await phase_begins(client, work, connection, phase)
            begins[phase] = time.monotonic()
            if phase == "load":
                while client.command == "load":
                    await asyncio.sleep(0.002)
                loaded = time.monotonic()
    await work
    return {
        "load": loaded - begins["load"],
        "derive": begins["publish"] - begins["derive"],
        "publish": time.monotonic() - begins["publish"],
    }


async def disturb(
    client: Client, server: EmbeddedServer, phase: str, delay: float, kill: Kill | None
) -> bool:
    """Let the client work and kill the server, or without `kill` the client; tell whether it fell inside the phase."""
    work = asyncio.create_task(client.work())
    async with superuser(server) as connection:
        assert await phase_begins(client, work, connection, phase), client.acknowledged
        await asyncio.sleep(delay)
        command, lock = PHASES[phase]
        inside = client.command == command and await connection.fetchval(LOCKED.format(lock))
        if kill is not None:
            kill(server)
        elif not work.done() and client.process is not None and client.process.returncode is None:
            client.process.kill()
    await ended(work, client)
    return bool(inside)


async def ended(work: asyncio.Task[None], client: Client) -> None:
    """Wait for a client that must end by itself, for its server or it was killed."""
    done, _ = await asyncio.wait({work}, timeout=PATIENCE)
    if not done and client.process is not None:
        client.process.kill()
    await work
    assert done, f"{client.command} hung"


# ── What must hold afterwards ───────────────────────────────────────────────────────────────────────────


async def look(server: EmbeddedServer) -> State:
    """Wait until the server has noticed who is gone, and look."""
    async with superuser(server) as connection:
        async with asyncio.timeout(PATIENCE):
            while await connection.fetchval(AT_WORK):
                await asyncio.sleep(0.005)
        assert await connection.fetch(LEFT_BEHIND) == []
        runs = await connection.fetch("select run_id, status from steelyard.load_runs")
        return State(
            version=await check_versions(connection),
            input=await fingerprints(connection, *INPUT),
            results=await fingerprints(connection, *RESULTS),
            runs={run["run_id"]: run["status"] for run in runs},
        )


def check_kept(before: State, after: State, acknowledged: dict[str, Any]) -> tuple[bool, bool]:
    """Hold what survived to what was acknowledged; tell whether the load and whether the refresh was kept."""
    more_runs = after.runs.keys() - before.runs.keys()
    loaded, refreshed = after.input != before.input, after.version != before.version
    assert [after.runs[run] for run in more_runs] == ["loaded"] * loaded
    assert (after.results != before.results) == refreshed
    if "load" in acknowledged:
        assert more_runs == {acknowledged["load"]["load"]["run_id"]}
    if "refresh" in acknowledged:
        assert after.version == acknowledged["refresh"]["version"]
    return loaded, refreshed


async def check_goes_on(
    server: EmbeddedServer, crashed: State, book: Path, *, loaded: bool, refreshed: bool
) -> State:
    """Refresh, load and refresh again, and hold what survived to what they make of the same book."""
    await init_connection_pool(data_dir=server.home)
    again = await refresh(today=TODAY)
    assert again.published == (loaded and not refreshed), "the figures are not those of the input"
    assert (await load_tables(book, today=TODAY)).status == ("unchanged" if loaded else "loaded")
    assert (await refresh(today=TODAY)).published == (not loaded)
    await close_connection_pool()

    settled = await look(server)
    assert not loaded or crashed.input == settled.input
    assert not refreshed or crashed.results == settled.results
    async with superuser(server) as connection:
        stored = await connection.fetch(
            "select asset_id, price_date::text, closing_price from steelyard.market_data"
        )
    assert {(row[0], row[1]): row[2] for row in stored} == prices(book)
    return settled


@pytest.fixture
async def victim(run_folder: Path) -> AsyncIterator[EmbeddedServer]:
    """A server of this test alone."""
    home = run_folder / f"crash-{os.getpid()}"
    await init_connection_pool(data_dir=home)
    await migrate()
    await close_connection_pool()
    yield await embedded.start(home)
    await embedded.stop(home)


async def test_no_kill_leaves_half_of_anything(
    victim: EmbeddedServer, kill_server: Kill, tmp_path: Path
) -> None:
    for number in (0, 1):  # what a change takes, not what the first load does
        book = changed_book(tmp_path / f"undisturbed-{number}", number, FIRST_DAY)
        took = await measure(Client(Terminal(victim.home), book), victim)
    state = await look(victim)
    hit = set()
    for number in range(ROUNDS):
        chance = random.Random(FIRST_SEED + number)  # noqa: S311 - moments of death, not secrets
        phase = list(PHASES)[number % len(PHASES)]
        # The first kills of each phase come early, so that a faster run than the measured one cannot escape all.
        delay = took[phase] * chance.uniform(0, (0.2, 0.6, 1)[min(number // len(PHASES), 2)])
        whom = ("client", "server")[number // len(PHASES) % 2]
        book = changed_book(tmp_path / str(number), number + 2, chance.choice(CHANGED_SINCE))
        client = Client(Terminal(victim.home), book)

        inside = await disturb(client, victim, phase, delay, kill_server if whom == "server" else None)

        server = await embedded.start(victim.home)
        crashed = await look(server)
        loaded, refreshed = check_kept(state, crashed, client.acknowledged)
        state = await check_goes_on(server, crashed, book, loaded=loaded, refreshed=refreshed)
        hit |= {PHASES[phase][0]} if inside else set()
        log.info(
            "seed %d: %s killed %.3f s into %s, inside: %s, acknowledged: %s, kept: load %s, refresh %s",
            *(FIRST_SEED + number, whom, delay, phase, inside, list(client.acknowledged), loaded, refreshed),
        )
        shutil.rmtree(book)
    assert hit == {"load", "refresh"}
    await check_derived_anew(victim)


async def check_derived_anew(server: EmbeddedServer) -> None:
    """Deriving everything from scratch gives the same version: no crash left a trace in what is derived."""
    async with superuser(server) as connection:
        before = await fingerprints(connection, *DERIVED)
        await connection.execute(FORGET)
        await init_connection_pool(data_dir=server.home)
        assert not (await refresh(today=TODAY)).published
        await close_connection_pool()
        assert await fingerprints(connection, "performance_history") == {k: before[k] for k in DERIVED[:1]}


async def test_a_client_whose_server_dies_under_a_copy_is_told(victim: EmbeddedServer) -> None:
    """The server stops reading, the client waits to write more, and then the server is gone."""
    await init_connection_pool(data_dir=victim.home)
    days = pa.table({"days": pa.array(range(3_000_000), pa.int32())})

    async def copy() -> None:
        async with get_write_session() as db:
            driver = await raw_connection(db)
            await driver.execute("create temporary table counted (days integer)")
            backend.set_result(await driver.fetchval("select pg_backend_pid()"))
            await stopped.wait()
            await copy_rows(driver, "counted", days, schema=None)

    backend, stopped = asyncio.get_running_loop().create_future(), asyncio.Event()
    work = asyncio.create_task(copy())
    os.kill(await backend, signal.SIGSTOP)
    stopped.set()
    await asyncio.sleep(0.5)
    assert not work.done()
    os.kill(await backend, signal.SIGKILL)
    done, _ = await asyncio.wait({work}, timeout=PATIENCE)
    assert done, "the client waits for a server that is gone"
    with pytest.raises(DatabaseLostError):
        await work
    await close_connection_pool()
    await embedded.start(victim.home)  # it is left to recover, for it does not like to be stopped just then


async def test_a_server_that_lost_a_process_can_be_stopped_at_once(
    victim: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "ENDING_SECONDS", 1)
    for _ in range(3):
        async with superuser(victim) as connection:
            os.kill(await connection.fetchval("select pg_backend_pid()"), signal.SIGKILL)
        assert await embedded.stop(victim.home)
        await embedded.start(victim.home)
    await look(victim)


async def test_a_client_whose_server_dies_between_batches_is_told(
    victim: EmbeddedServer, kill_server: Kill
) -> None:
    """What the driver then says depends on the moment; people are told the same."""
    days = pa.table({"days": pa.array(range(200_000), pa.int32())})

    async def copy_on_and_on(begun: asyncio.Event) -> None:
        async with get_write_session() as db:
            driver = await raw_connection(db)
            await driver.execute("create temporary table counted (days integer)")
            begun.set()
            while True:
                await copy_rows(driver, "counted", days, schema=None)

    for seed in range(FIRST_SEED, FIRST_SEED + 6):
        await embedded.start(victim.home)
        await init_connection_pool(data_dir=victim.home)
        begun = asyncio.Event()
        work = asyncio.create_task(copy_on_and_on(begun))
        await begun.wait()
        await asyncio.sleep(random.Random(seed).uniform(0, 0.1))  # noqa: S311 - moments of death, not secrets
        kill_server(victim)
        done, _ = await asyncio.wait({work}, timeout=PATIENCE)
        assert done, "the client waits for a server that is gone"
        with pytest.raises(DatabaseLostError):
            await work
        await close_connection_pool()
