"""The eight answers of the dashboard, asked for by many at once over HTTP, beside the route that only says it is alive.

The server is `steelyard serve` in a process of its own over the sample book, behind what it takes for a proxy, so that
everybody comes from an address of their own: its limits count as they do for people. A hundred users with two tokens
each ask for the eight answers of the accounts granted to them in turn; who they are, and what they see, is asked for in
the store at every request. `wrk` asks where it is installed, else a client of ours on the same machine: how much
processor time a request takes of the server, the store and the client is told, because they share it. At the end
/healthz is asked while a refresh computes.
`--small` measures two seconds of each.
"""

import asyncio
import os
import re
import resource
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from scratch import show

from steelyard.domain.scope import Scope
from steelyard.identity.key_file import KeyFile
from steelyard.identity.permissions import Actor, Right, Role
from steelyard.identity.vault import Vault
from steelyard.services.grant import grant
from steelyard.services.token import create_token
from steelyard.services.user import add_user
from steelyard.storage.connection import close_connection_pool, get_write_session, init_connection_pool
from steelyard.storage.postmaster import find_postmaster

STEELYARD = (sys.executable, "-c", "from steelyard.app import main; main()")
HOST = "book.example"
ANSWERS = (
    "overview",
    "allocation",
    "risk",
    "performers",
    "compliance",
    "transactions",
    "sectors",
    "countries",
)
ACCOUNTS = ("RIVERA-IRA", "RIVERA-JOINT", "OKAFOR-PENSION", "OKAFOR-BROKERAGE")
USERS, TOKENS = 100, 2
CONNECTIONS = 32
ANOTHER_DAY = "2021-06-30"
"""A day that the sample book is not published of yet: a refresh has something to do."""


@dataclass(slots=True)
class Asked:
    """What came back."""

    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0
    refused: int = 0
    client_seconds: float = 0.0
    server_seconds: float = 0.0
    store_seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.waits) / self.seconds

    def wait(self, share: float) -> float:
        return sorted(self.waits)[min(int(share * len(self.waits)), len(self.waits) - 1)]

    def row(self, name: str, base: "Asked") -> list[str]:
        p50, p99 = (f"{1000 * self.wait(share):.1f} ms" for share in (0.5, 0.99))
        spent = (self.server_seconds, self.store_seconds, self.client_seconds)
        each = [f"{1e6 * seconds / len(self.waits):.0f} µs" for seconds in spent]
        ratio = f"{self.rate / base.rate:.2f}"
        return [name, f"{self.rate:,.0f} / s", ratio, p50, p99, *each, f"{self.refused}"]

    def add(self, more: "Asked") -> None:
        """Go on with what came back later."""
        self.waits += more.waits
        self.seconds += more.seconds
        self.refused += more.refused
        self.client_seconds += more.client_seconds
        self.server_seconds += more.server_seconds
        self.store_seconds += more.store_seconds


@dataclass(frozen=True, slots=True)
class Machine:
    """The server and its store: where they are, and how much processor time they have had."""

    port: int
    server: int
    store: int

    def spent(self) -> tuple[float, float]:
        """Seconds of the server, and of the store with all that works for it."""
        return spent_by(psutil.Process(self.server)), spent_by_family(psutil.Process(self.store))


def spent_by(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def spent_by_family(root: psutil.Process) -> float:
    ended = root.cpu_times()
    total = spent_by(root) + ended.children_user + ended.children_system
    for child in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += spent_by(child)
    return float(total)


class Browser(asyncio.Protocol):
    """A connection that asks for one thing after the other, each as soon as the one before is there."""

    def __init__(self, asked: Asked, requests: Sequence[bytes], first: int, until: float | None) -> None:
        self._asked, self._requests, self._next, self._until = asked, requests, first, until
        self._received, self._began = b"", 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not blank or (length is not None and len(body) < int(length[1])):
            return
        now = time.perf_counter()
        self._asked.waits.append(now - self._began)
        self._asked.refused += head[9:12] not in {b"200", b"304"}
        self._received = b""
        if self._next < len(self._requests) if self._until is None else now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.ended.set_result(None)

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += CONNECTIONS


async def ask(machine: Machine, requests: Sequence[bytes], seconds: float | None = None) -> Asked:
    """Ask as fast as answers come, on so many connections: so long, or each request once."""
    asked, loop = Asked(), asyncio.get_running_loop()
    server, store = machine.spent()
    used = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    until = None if seconds is None else began + seconds
    browsers = [Browser(asked, requests, number, until) for number in range(CONNECTIONS)]
    for browser in browsers:
        await loop.create_connection(lambda browser=browser: browser, "127.0.0.1", machine.port)  # type: ignore[misc]  # bound now
    await asyncio.gather(*(browser.ended for browser in browsers))
    asked.seconds = time.perf_counter() - began
    spent = resource.getrusage(resource.RUSAGE_SELF)
    asked.client_seconds = spent.ru_utime + spent.ru_stime - used.ru_utime - used.ru_stime
    after = machine.spent()
    asked.server_seconds, asked.store_seconds = after[0] - server, after[1] - store
    return asked


def request(path: str, number: int = 0, **headers: str) -> bytes:
    """Write a request, from an address of somebody."""
    lines = {
        "Host": HOST,
        "X-Forwarded-For": f"198.51.{number % 256}.{number // 256 + 1}",
        "X-Forwarded-Proto": "https",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()


def dashboard(tokens: Sequence[str], **headers: str) -> list[bytes]:
    """Each of the eight answers, by each token in turn."""
    return [
        request(
            f"/api/v1/asset-360/{answer}?account={ACCOUNTS[number % len(ACCOUNTS)]}",
            number,
            authorization=f"Bearer {token}",
            **headers,
        )
        for answer in ANSWERS
        for number, token in enumerate(tokens)
    ]


async def let_in(home: Path) -> list[str]:
    """Make users who see an account each, and their tokens."""
    operator, now, tokens = Actor(1), datetime.now(UTC), []
    vault = Vault.open(KeyFile(home / "keys" / "master.key", secrets.token_bytes))
    await init_connection_pool(data_dir=home)
    for number in range(USERS):
        async with get_write_session() as db:
            login = f"program-{number}@example.org"
            user = await add_user(
                db,
                vault,
                operator,
                login=login,
                name=login,
                role=Role.SERVICE,
                now=now,
                random=secrets.token_bytes,
            )
            for account in ACCOUNTS:
                await grant(db, operator, user.user_id, Scope.account(account), [Right.READ], now=now)
            for _ in range(TOKENS):
                made = await create_token(
                    db,
                    operator,
                    user.user_id,
                    name="a dashboard",
                    scopes=["read:portfolio"],
                    expires_at=now + timedelta(days=1),
                    now=now,
                    random=secrets.token_bytes,
                )
                tokens.append(made.text)
    await close_connection_pool()
    return tokens


@contextmanager
def served(home: Path, environment: dict[str, str]) -> Iterator[Machine]:
    """`steelyard serve` behind what it takes for a proxy."""
    url = ("--behind-proxy", "127.0.0.1", "--public-url", f"https://{HOST}")
    process = subprocess.Popen(
        [*STEELYARD, "serve", "--port", "0", *url],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()  # where it serves, as others see it
        store = find_postmaster(home / "postgres")
        assert store is not None
        yield Machine(listening(process.pid), process.pid, store)
    finally:
        process.terminate()
        process.wait()


def listening(pid: int) -> int:
    """The port that a process listens on."""
    while True:
        ports = [
            one.laddr.port for one in psutil.Process(pid).net_connections("tcp") if one.status == "LISTEN"
        ]
        if ports:
            return int(ports[0])
        time.sleep(0.05)


@asynccontextmanager
async def refreshing(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A refresh that computes while the block lasts; it ends before the block does."""
    process = await asyncio.create_subprocess_exec(
        *STEELYARD, "refresh", "--as-of", ANOTHER_DAY, env=environment, stdout=-3, stderr=-3
    )
    yield process
    assert await process.wait() == 0


async def measure(
    machine: Machine, tokens: Sequence[str], environment: dict[str, str], seconds: float
) -> None:
    """Ask for everything, and show it."""
    alive = [request("/healthz", number) for number in range(256)]
    await ask(machine, dashboard(tokens)[: 2 * len(tokens)])  # that each was there is noted once a minute
    health = await ask(machine, alive, seconds)
    answers = await ask(machine, dashboard(tokens), seconds)
    known = await ask(machine, dashboard(tokens, if_none_match="*"), seconds)
    async with refreshing(environment) as process:
        meanwhile = Asked()
        while process.returncode is None:
            meanwhile.add(await ask(machine, alive[:CONNECTIONS], 0.2))
            await asyncio.sleep(0.05)
    show(
        f"{CONNECTIONS} connections, {USERS} users, {os.cpu_count()} processors for all of it",
        ("route", "rate", "÷ health", "median", "p99", "server", "store", "client", "refused"),
        [
            health.row("GET /healthz", health),
            answers.row("GET /asset-360/…, eight answers", health),
            known.row("… to who has them (304)", health),
            meanwhile.row("GET /healthz while a refresh computes", health),
        ],
    )


def ask_with_wrk(port: int, token: str, seconds: float) -> None:
    """What wrk says of one answer, for one user."""
    headers = {"Host": HOST, "X-Forwarded-Proto": "https", "Authorization": f"Bearer {token}"}
    url = f"http://127.0.0.1:{port}/api/v1/asset-360/overview?account={ACCOUNTS[0]}"
    arguments = [f"-c{CONNECTIONS}", "-t1", f"-d{seconds:.0f}s", "--latency"]
    for name, value in headers.items():
        arguments += ["-H", f"{name}: {value}"]
    print(subprocess.run(["wrk", *arguments, url], check=True, capture_output=True, text=True).stdout)


def main() -> None:
    seconds = 2.0 if "--small" in sys.argv else 10.0
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
        Path(name).chmod(0o711)  # root's server runs as a system user, which must pass through
        home = Path(name) / "home"
        environment = {**os.environ, "STEELYARD_HOME": str(home)}
        try:
            subprocess.run(
                [*STEELYARD, "demo", "--no-serve"], env=environment, check=True, capture_output=True
            )
            tokens = asyncio.run(let_in(home))
            with served(home, environment) as machine:
                asyncio.run(measure(machine, tokens, environment, seconds))
                if shutil.which("wrk"):
                    ask_with_wrk(machine.port, tokens[0], seconds)
        finally:
            subprocess.run([*STEELYARD, "db", "stop"], env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    main()
