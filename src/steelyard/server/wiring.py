"""What the composition root hands the shell."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from steelyard.identity import Clock, Random
from steelyard.identity.permissions import Actor
from steelyard.server.place import Place


class FindActor(Protocol):
    """Finds who asks."""

    def __call__(self, secret: str, request_id: str, *, is_present: bool = True) -> Awaitable[Actor]:
        """Return whose session, or token, has this secret.

        Args:
            secret: what the request shows.
            request_id: the request.
            is_present: whether somebody asks, and no page by itself: it keeps their session alive.

        Raises:
            NotSignedInError: nobody's, or no longer.
        """


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything one process takes.

    Attributes:
        body_bytes: of a body, where the route does not say otherwise.
        body_seconds: from the first byte of a body to its last.
        upload_seconds: the same of a form that sends files; less than answer_seconds.
        header_seconds: from the beginning of a connection, or of its next request, to the end of the headers.
        header_bytes: of the request line and headers together.
        header_count: of headers.
        answer_seconds: from a request's headers to the last byte of its answer, body included.
        at_once: requests under way, streams among them; one more is asked to come back.
        streams, principal_streams: of all, and of one user or token, that are watched at once.
        stream_seconds: how long one lasts; less than answer_seconds. The browser asks again.
        look_seconds: between two looks of a stream.
        exports: of whole books at once, of a tenant one.
        connections: open at once.
        address_connections: open at once from one address that is no proxy of ours.
        address_rate, address_burst: requests a second of one address, and at once.
        principal_rate, principal_burst: the same of one user or token.
        drain_seconds: what requests under way are given when the server is told to stop.
    """

    body_bytes: int = 65_536
    body_seconds: float = 20.0
    upload_seconds: float = 90.0
    header_seconds: float = 10.0
    header_bytes: int = 16_384
    header_count: int = 64
    answer_seconds: float = 120.0
    at_once: int = 200
    streams: int = 60
    principal_streams: int = 6
    stream_seconds: float = 100.0
    look_seconds: float = 1.0
    exports: int = 3
    connections: int = 1_000
    address_connections: int = 100
    address_rate: float = 50.0
    address_burst: int = 400
    principal_rate: float = 25.0
    principal_burst: int = 200
    drain_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the shell works with.

    Attributes:
        place: where it can be reached, and by whose hands.
        find_actor: finds who asks.
        check_ready: returns when the store can be used; raises SteelyardError when it cannot.
        clock: gives the time.
        seconds: gives seconds that only grow, for durations.
        random: gives random bytes.
        limits: how much it takes.
    """

    place: Place
    find_actor: FindActor
    check_ready: Callable[[], Awaitable[None]]
    clock: Clock
    seconds: Callable[[], float]
    random: Random
    limits: Limits = field(default_factory=Limits)
