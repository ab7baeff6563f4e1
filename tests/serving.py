"""A server for tests: uvicorn on a loopback port, in a thread with a loop of its own, around routes that a test gives.

with serving(make_routers, on_loop=open_store, find_actor=find) as server:
    answer = server.ask("GET", "/healthz")
    everything = server.say(b"GET / HTTP/1.1 and whatever no client would send")
"""

import asyncio
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from ipaddress import ip_address
from typing import Any

from fastapi import APIRouter, FastAPI

from steelyard.identity import Clock
from steelyard.identity.permissions import Actor
from steelyard.identity.session import NotSignedInError
from steelyard.server.application import make_application
from steelyard.server.place import plan_place
from steelyard.server.problem import DrawProblem
from steelyard.server.serving import Serving, listen
from steelyard.server.wiring import FindActor, Limits, Wiring

LOOPBACK = "127.0.0.1"
SECONDS = 10  # what a test waits for an answer that does not come


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    port: int
    wiring: Wiring
    app: FastAPI

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Answer:
        """Send a request; an underscore in a header's name is a hyphen. Host, Origin and the rest are as said."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=SECONDS)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = {"host": self.host} | {
            name.replace("_", "-").lower(): value for name, value in headers.items()
        }
        if body is not None:
            sent.setdefault("content-length", str(len(body)))
        for name, value in sent.items():
            connection.putheader(name, value)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # an answer may come before the body's end
                connection.endheaders(body)
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """Open a connection, for what no client would send."""
        return socket.create_connection((LOOPBACK, self.port), timeout=SECONDS)

    def say(self, data: bytes) -> bytes:
        """Send bytes and return all that comes back until the server hangs up."""
        with self.connect() as connection:
            connection.sendall(data)
            return everything_from(connection)


def request(line: str, body: bytes = b"", /, **headers: str) -> bytes:
    """Write a request; an underscore in a header's name is a hyphen."""
    lines = [f"{line} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, "", "")).encode() + body


def everything_from(connection: socket.socket) -> bytes:
    """Read until the other side hangs up."""
    received = bytearray()
    try:
        while data := connection.recv(65_536):
            received += data
    except ConnectionResetError:  # it hung up while we were still sending
        pass
    return bytes(received)


async def nobody(secret: str, request_id: str, *, is_present: bool = True) -> Actor:
    """Know nobody."""
    del secret, request_id, is_present
    raise NotSignedInError


async def always() -> None:
    """Be ready."""


def wiring_of(
    port: int = 0,
    *,
    find_actor: FindActor = nobody,
    proxies: Sequence[str] = (),
    public_url: str | None = None,
    limits: Limits | None = None,
    clock: Clock = lambda: datetime.now(UTC),
) -> Wiring:
    """The parts of a server on loopback, with limits that tests of one machine do not reach."""
    place = plan_place(
        LOOPBACK, port or 1, tls=None, proxies=proxies, public_url=public_url, resolve=lambda _: []
    )
    generous = Limits(
        address_rate=1e6,
        address_burst=10**6,
        principal_rate=1e6,
        principal_burst=10**6,
        stream_seconds=0.2,
        look_seconds=0.02,
    )
    return Wiring(
        place=place,
        find_actor=find_actor,
        check_ready=always,
        clock=clock,
        seconds=time.monotonic,
        random=secrets.token_bytes,
        limits=limits or generous,
    )


@contextmanager
def serving(
    routers: Callable[[Wiring], Sequence[APIRouter]] = lambda _: (),
    *,
    on_loop: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
    draw_problem: DrawProblem | None = None,
    **parts: Any,
) -> Iterator[Served]:
    """Serve routes for as long as the block lasts, then let what is under way finish.

    Args:
        routers: makes the routes.
        on_loop: entered on the server's loop before it serves, and left after: opens the pool, say.
        parts: of `wiring_of`.
    """
    sock = listen(ip_address(LOOPBACK), 0)
    wiring = wiring_of(sock.getsockname()[1], **parts)
    app = make_application(wiring, routers(wiring), draw_problem=draw_problem)
    stops: Future[Callable[[], object]] = Future()

    async def run() -> None:
        server, loop = Serving(app, wiring, sock), asyncio.get_running_loop()
        try:
            async with on_loop():
                await server.run(lambda: stops.set_result(partial(loop.call_soon_threadsafe, server.stop)))
        except BaseException as error:
            if not stops.done():  # it never served: the test must hear of it
                stops.set_exception(error)
            raise

    with ThreadPoolExecutor(1) as thread:
        ended = thread.submit(asyncio.run, run())
        stop = stops.result()
        try:
            yield Served(wiring.place.port, wiring, app)
        finally:
            stop()
            ended.result()


def _answer(response: HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())
