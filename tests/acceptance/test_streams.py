"""What is watched: events as they happen, bounded in number and time, and ended with the session."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from fastapi import APIRouter, Response

from serving import Served, serving
from steelyard.api.stream import AskedStream, EventStream, Seen
from steelyard.errors import NotFoundError
from steelyard.identity.permissions import Actor, ObjectType, Verb
from steelyard.identity.session import NotSignedInError
from steelyard.server.permits import permits
from steelyard.server.wiring import Limits
from toys import BEARER, find_actor

LIMITS = Limits(streams=5, principal_streams=3, stream_seconds=30, look_seconds=0.01)
PATIENCE = 10  # seconds that a test waits for an event


class GoneError(NotFoundError):
    """What is watched is there no more."""


@dataclass
class Watched:
    """What a test moves while somebody watches it."""

    things: dict[str, Any] = field(default_factory=lambda: {"A": {"state": "sent"}})
    is_over: bool = False
    is_gone: bool = False
    is_signed_in: bool = True
    presences: list[bool] = field(default_factory=list)

    async def look(self) -> Seen:
        if self.is_gone:
            raise GoneError
        return Seen(dict(self.things), self.is_over)

    async def find_actor(self, secret: str, request_id: str, *, is_present: bool = True) -> Actor:
        self.presences.append(is_present)
        if not self.is_signed_in:
            raise NotSignedInError
        return await find_actor(secret, request_id)

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/v1")
        read = permits(Verb.READ, ObjectType.PORTFOLIO, by_itself=True)

        @router.get("/watched", response_class=EventStream, dependencies=[read])
        async def watch(stream: AskedStream) -> Response:
            return await stream("toy", self.look)

        return router


class Watcher:
    """Who reads a stream as it comes."""

    def __init__(self, served: Served) -> None:
        self.socket = served.connect()
        head = f"GET /api/v1/watched HTTP/1.1\r\nhost: {served.host}\r\nauthorization: {BEARER}\r\n\r\n"
        self.socket.sendall(head.encode())
        self.said = b""

    def wait_for(self, text: bytes) -> bytes:
        """Read until it has been said; all that was."""
        self.socket.settimeout(PATIENCE)
        while text not in self.said:
            more = self.socket.recv(65_536)
            assert more, f"it ended without {text!r}: {self.said!r}"
            self.said += more
        return self.said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def events(self) -> list[Any]:
        lines = [line for line in self.said.split(b"\n") if line.startswith(b"data: ")]
        return [json.loads(line.removeprefix(b"data: ")) for line in lines]

    def wait_for_end(self) -> bytes:
        """Read until the server has said all."""
        return self.wait_for(b"\r\n0\r\n\r\n")


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def served(watched: Watched) -> Iterator[Served]:
    with serving(lambda _: [watched.router()], find_actor=watched.find_actor, limits=LIMITS) as server:
        yield server


def test_what_changes_is_sent_and_what_does_not_is_not_sent_again(served: Served, watched: Watched) -> None:
    with Watcher(served) as watcher:
        watcher.wait_for(b'"sent"')
        watched.things["B"] = {"state": "filled"}
        watcher.wait_for(b'"filled"')
        watched.things["A"] = {"state": "cancelled"}
        watcher.wait_for(b'"cancelled"')
        watcher.wait_for(b": nothing new")
        watched.is_over = True
        said = watcher.wait_for_end()

    assert watcher.events() == [
        {"key": "A", "shown": {"state": "sent"}},
        {"key": "B", "shown": {"state": "filled"}},
        {"key": "A", "shown": {"state": "cancelled"}},
        {},
    ]
    assert said.count(b"event: toy\n") == 3
    assert b"event: end\n" in said


def test_it_comes_under_the_headers_of_every_answer(served: Served, watched: Watched) -> None:
    watched.is_over = True
    answer = served.ask("GET", "/api/v1/watched", authorization=BEARER)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "connect-src 'self'" in answer.headers["content-security-policy"]


def test_it_ends_with_the_session(served: Served, watched: Watched) -> None:
    with Watcher(served) as watcher:
        watcher.wait_for(b'"sent"')
        watched.is_signed_in = False
        watcher.wait_for_end()

    assert served.ask("GET", "/api/v1/watched", authorization=BEARER).status == 401


def test_watching_keeps_no_session_alive(served: Served, watched: Watched) -> None:
    with Watcher(served) as watcher:
        watcher.wait_for(b": nothing new")

    assert len(watched.presences) > 1
    assert not any(watched.presences)


def test_it_ends_when_what_is_watched_is_no_longer_seen(served: Served, watched: Watched) -> None:
    with Watcher(served) as watcher:
        watcher.wait_for(b'"sent"')
        watched.is_gone = True
        watcher.wait_for_end()

    assert served.ask("GET", "/api/v1/watched", authorization=BEARER).status == 404


def test_it_lasts_so_long_and_no_longer(watched: Watched) -> None:
    short = Limits(stream_seconds=0.05, look_seconds=0.01)
    with (
        serving(lambda _: [watched.router()], find_actor=watched.find_actor, limits=short) as server,
        Watcher(server) as watcher,
    ):
        said = watcher.wait_for_end()

    assert b"retry: 2000" in said
    assert b"event: end" not in said


def test_there_are_so_many_of_one_and_their_ends_make_room(served: Served) -> None:
    with ExitStack() as opened:
        watchers = [opened.enter_context(Watcher(served)) for _ in range(3)]
        for watcher in watchers:
            watcher.wait_for(b'"sent"')
        refused = served.ask("GET", "/api/v1/watched", authorization=BEARER)
        assert (refused.status, "retry-after" in refused.headers) == (503, True)

        watchers[0].socket.shutdown(socket.SHUT_RDWR)  # who goes away is noticed
        while served.app.watchers.total == len(watchers):  # type: ignore[attr-defined]  # it is our application
            time.sleep(0.01)
        with Watcher(served) as another:
            another.wait_for(b'"sent"')


def test_a_server_that_stops_waits_for_none(watched: Watched) -> None:
    with ExitStack() as opened:
        with serving(lambda _: [watched.router()], find_actor=watched.find_actor, limits=LIMITS) as server:
            watcher = opened.enter_context(Watcher(server))
            watcher.wait_for(b'"sent"')
            stopped = time.monotonic()
        assert time.monotonic() - stopped < LIMITS.drain_seconds / 2
        watcher.wait_for_end()
