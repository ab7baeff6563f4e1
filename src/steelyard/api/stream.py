"""Server-sent events: what changes while somebody watches, for a minute or two; the browser then asks again.

A stream is bounded: so many at once, of everybody and of one, so long each, and none outlives a server that stops. It
ends with the session, which is asked for at every look and not kept alive by it. Each look is a short transaction of
whoever watches, so that a grant taken back ends what is seen. What was sent and has not changed is not sent again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Request, Response
from starlette.responses import StreamingResponse

from steelyard.api.answer import Answer
from steelyard.errors import SteelyardError
from steelyard.server.call import call_of
from steelyard.server.identity import secret_of
from steelyard.storage.acting import NOBODY, acting_as

if TYPE_CHECKING:
    from steelyard.server.application import Application

MEDIA_TYPE: Final = "text/event-stream"
RETRY: Final = b"retry: 2000\n\n"
HEARTBEAT: Final = b": nothing new\n\n"
END: Final = b"event: end\ndata: {}\n\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found.

    Attributes:
        things: key → what is shown of it.
        is_over: nothing will change any more, and nobody need ask again.
    """

    things: Mapping[str, Any]
    is_over: bool


Look = Callable[[], Awaitable[Seen]]


class EventStream(StreamingResponse):
    """A stream of events, as `response_class` of its route."""

    media_type = MEDIA_TYPE


class Stream:
    """A request that watches something."""

    def __init__(self, request: Request) -> None:
        """Read the request."""
        self._app: Application = request.app
        self._scope = request.scope
        self._call = call_of(request.scope)

    async def __call__(self, name: str, look: Look) -> Response:
        """Send how things are, and then what changes.

        Args:
            name: of the events; `data` is the key, and what is shown.
            look: says how things are, in a session of its own. What it raises is answered as any route's error, and
                later ends the stream: who asks again is then told.

        Raises:
            BusyError: as many watch as may.
        """
        self._app.watchers.check(self._name)
        return EventStream(self._events(name, look, await look()))

    @property
    def _name(self) -> str:
        return self._call.actor.name if self._call.actor else ""

    async def _events(self, name: str, look: Look, seen: Seen) -> AsyncIterator[bytes]:
        wiring, sent = self._app.wiring, dict[str, bytes]()
        ends = wiring.seconds() + wiring.limits.stream_seconds
        with self._app.watchers.one_more(self._name):
            yield RETRY
            while True:
                for event in _news(name, seen, sent):
                    yield event
                if seen.is_over:
                    yield END
                    return
                if wiring.seconds() >= ends or await self._is_stopping():
                    return
                try:
                    await self._require_session()
                    seen = await look()
                except SteelyardError:
                    return

    async def _is_stopping(self) -> bool:
        """Wait for the next look; True where the server stops meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._app.wiring.limits.look_seconds):
                await self._app.stopping.wait()
        return self._app.stopping.is_set()

    async def _require_session(self) -> None:
        """See that the session, or the token, still stands; raises NotSignedInError."""
        wiring = self._app.wiring
        with acting_as(NOBODY):
            await wiring.find_actor(
                secret_of(self._scope, wiring.place) or "", self._call.request_id, is_present=False
            )


def _news(name: str, seen: Seen, sent: dict[str, bytes]) -> list[bytes]:
    """Write what is otherwise than it was sent, and note it as sent; a heartbeat where nothing is."""
    written = {key: Answer({"key": key, "shown": shown}).body for key, shown in seen.things.items()}
    news = {key: bytes(text) for key, text in written.items() if sent.get(key) != text}
    sent |= news
    return [b"event: %b\ndata: %b\n\n" % (name.encode(), text) for text in news.values()] or [HEARTBEAT]


async def _stream(request: Request) -> Stream:
    return Stream(request)


AskedStream = Annotated[Stream, Depends(_stream)]
"""The request, in a route that is watched."""
