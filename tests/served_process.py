"""`steelyard serve`, or `demo`, as a process of its own that begins, serves and ends."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import IO, Any, Final

import pytest

from serving import everything_from, request
from terminal import STEELYARD

SECONDS: Final = 30
SERVING: Final = '"event":"serving"'
"""What a server logs when it takes requests."""


@dataclass
class ServedProcess:
    """A server that was started.

    Attributes:
        process: it.
        port: where it can be asked.
        said: lines of both streams, as far as they were read.
    """

    process: subprocess.Popen[str]
    port: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def wait_until_it_says(self, words: str) -> str:
        """Read what it says until it says this; the line with it."""
        for line in self.out:
            self.said.append(line)
            if found := re.search(r"serves at https?://[^:]+:(\d+)", line):
                self.port = int(found[1])
            if words in line:
                return line.strip()
        pytest.fail(f"it ended: {self.said}")

    def get(self, path: str) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("GET", path, headers={"Host": f"localhost:{self.port}"})
        with closing(connection), connection.getresponse() as answer:
            return answer.status

    def get_in_the_clear(self) -> bytes:
        """Speak http where https is spoken."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as connection:
            connection.sendall(request("GET /healthz", Host=f"localhost:{self.port}"))
            return everything_from(connection)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        return self.end()

    def end(self) -> int:
        self.said += self.out.readlines()
        return self.process.wait(SECONDS)

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said if line.startswith("{")]


@contextmanager
def started(
    *arguments: str, environment: dict[str, str], program: Sequence[str] = STEELYARD
) -> Iterator[ServedProcess]:
    """Start `steelyard` with these arguments; where the test does not end it, it is killed."""
    process = subprocess.Popen(
        [*program, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    made = ServedProcess(process)
    try:
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        made.out.close()
