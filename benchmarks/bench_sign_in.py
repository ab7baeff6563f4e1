"""Fifty people who sign in at once: how long they wait, and what the server takes, beside bare hashes in the same run.

A password costs one argon2id hash whatever we do; a bare hash of as many at once, on as many threads as the server has,
is the least that anybody could wait. The server is `steelyard serve` in a process of its own, with a store of its own,
and everybody was invited over HTTP. `--small` lets ten in.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from base64 import b32decode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from scratch import private_bytes, show, watched_memory

from steelyard.identity.mfa import STEP_SECONDS, calculate_code
from steelyard.identity.passwords import ARGON2ID

STEELYARD = (sys.executable, "-c", "from steelyard.app import main; main()")
PASSWORD = "a heron counts the pebbles"
ROUNDS = 5


@dataclass(slots=True)
class Client:
    """One browser: cookies of its own, asking from a page of ours."""

    origin: str
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Sec-Fetch-Site": "same-origin"}
        self.client = httpx.Client(
            base_url=f"{self.origin}/api/v1", headers=headers, trust_env=False, verify=False, timeout=60
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@contextmanager
def served(home: Path) -> Iterator[tuple[str, str, int]]:
    """`steelyard serve` with a store of its own: its address, the set-up link's secret, its process."""
    environment = {**os.environ, "STEELYARD_HOME": str(home)}
    subprocess.run([*STEELYARD, "init"], env=environment, check=True, capture_output=True)
    process = subprocess.Popen(
        [*STEELYARD, "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    while "link#" not in said:
        line = process.stdout.readline()
        assert line, "the server ended"
        said += line
    try:
        origin = re.search(r"serves at (\S+)", said)
        link = re.search(r"link#(\S+)", said)
        assert origin
        assert link
        yield origin[1], link[1], process.pid
    finally:
        process.terminate()
        process.wait()
        subprocess.run([*STEELYARD, "db", "stop"], env=environment, check=True, capture_output=True)


def let_in(origin: str, secret: str, people: int) -> list[str]:
    """Set the installation up, and invite so many people, who choose their passwords; their login names."""
    owner = Client(origin)
    who = {"login": "owner@example.org", "name": "The owner"}
    owner.ask("POST", "/links/opened/password", {"secret": secret, "password": PASSWORD, **who})
    seed = b32decode(owner.ask("POST", "/factors/totp")["seed"])
    code = calculate_code(seed, int(time.time()) // STEP_SECONDS)
    owner.ask("PUT", "/factors/totp", {"code": code})
    logins = [f"person-{number}@example.org" for number in range(people)]
    for login in logins:
        body = {"login": login, "name": login, "role": "viewer"}
        user = owner.ask("POST", "/users", body)
        link = owner.ask("POST", f"/users/{user['user_id']}/invitation")["address"].partition("#")[2]
        Client(origin).ask("POST", "/links/opened/password", {"secret": link, "password": PASSWORD})
    return logins


def all_at_once(acts: Sequence[Callable[[], object]], threads: int) -> list[float]:
    """Begin everything at one moment; when each was done, in seconds from then."""
    began = time.perf_counter()

    def timed(act: Callable[[], object]) -> float:
        act()
        return time.perf_counter() - began

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(timed, acts))


def quantile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)]


@dataclass(slots=True)
class Waits:
    """How long each of many waited who came at once, over all rounds, and how long the last of each round did."""

    seconds: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)

    def add(self, waited: list[float]) -> None:
        self.seconds += waited
        self.last.append(max(waited))

    def row(self, name: str, bare: "Waits", memory: str) -> list[str]:
        p50, p95 = quantile(self.seconds, 0.5), quantile(self.seconds, 0.95)
        ratio = p95 / quantile(bare.seconds, 0.95)
        rate = len(self.seconds) / sum(self.last)
        return [name, f"{p50:.2f} s", f"{p95:.2f} s", f"{ratio:.2f}", f"{rate:.0f} / s", memory]


def sign_in(client: Client, login: str) -> None:
    client.ask("POST", "/sign-in/password", {"login": login, "password": PASSWORD})


def main() -> None:
    people = 10 if "--small" in sys.argv else 50
    threads, hashed = os.cpu_count() or 1, ARGON2ID.hash(PASSWORD)
    bare, ours, peak = Waits(), Waits(), 0
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
        Path(name).chmod(0o711)  # root's server runs as a system user, which must pass through
        with served(Path(name) / "home") as (origin, secret, pid):
            logins = let_in(origin, secret, people)
            idle = private_bytes(pid)
            for _ in range(ROUNDS):
                bare.add(all_at_once([partial(ARGON2ID.verify, hashed, PASSWORD)] * people, threads))
                acts = [partial(sign_in, Client(origin), login) for login in logins]
                with watched_memory(pid) as seen:
                    ours.add(all_at_once(acts, people))
                peak = max(peak, *seen)
    show(
        f"{people} at once, {ROUNDS} rounds, {threads} threads of hashing",
        ("work", "median", "p95", "÷ bare", "rate", "memory"),
        [
            bare.row("bare argon2id", bare, ""),
            ours.row("POST /sign-in/password", bare, f"{idle >> 20} MiB, at most {peak >> 20} MiB"),
        ],
    )


if __name__ == "__main__":
    main()
