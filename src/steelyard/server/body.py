"""Bodies: bounded in size and time before anything is parsed; strict JSON, or a strict form, before a route sees it."""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steelyard.network.strict_json import read_object
from steelyard.server.call import call_of, header_of
from steelyard.server.form import MEDIA_TYPE, read_form
from steelyard.server.identity import SAFE_METHODS
from steelyard.server.paths import is_api
from steelyard.server.refusals import (
    MalformedFormError,
    MalformedJsonError,
    MalformedRequestError,
    NotFormError,
    NotJsonError,
    SlowRequestError,
    TooLargeError,
)
from steelyard.server.wiring import Wiring

JSON_TYPES: Final = frozenset(
    {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
)

THROWN_AWAY: Final = 4 * 2**20  # bytes of a body that is too large, read so that who sends it hears why
THROWN_AWAY_SECONDS: Final = 1.0


class Bodies:
    """Reads bodies whole, and hands on only those that are one plain JSON object, or of a page one plain form."""

    def __init__(self, app: ASGIApp, wiring: Wiring) -> None:
        """Stand around an application."""
        self._app, self._limits = app, wiring.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        call, limits = call_of(scope), self._limits
        route = call.route
        if route is None:  # the router answers without reading
            await self._app(scope, receive, send)
            return
        limit = route.body_bytes or limits.body_bytes
        call.body = body = await read_body(receive, scope, limit, limits.body_seconds)
        if scope["method"] not in SAFE_METHODS:
            check = check_json if is_api(scope["path"]) else check_form
            check(body, header_of(scope, b"content-type"))
        elif body:
            raise MalformedRequestError(f"{scope['method']} has no body")
        await self._app(scope, _once(body, receive), send)


async def read_body(receive: Receive, scope: Scope, limit: int, seconds: float) -> bytes:
    """Read a body whole.

    Args:
        receive: gives it.
        scope: of the request.
        limit: how many bytes it may have.
        seconds: from its first byte to its last.

    Raises:
        TooLargeError: it has more.
        SlowRequestError: it takes longer.
        MalformedRequestError: it never ends.
    """
    announced = int(_digits(header_of(scope, b"content-length")))
    if announced > limit:
        if announced <= THROWN_AWAY and header_of(scope, b"expect") is None:
            await _throw_away(receive)
        raise TooLargeError(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise MalformedRequestError("it ended before its body did")
                body += message.get("body", b"")
                if len(body) > limit:
                    body.clear()
                    if message.get("more_body", False):
                        await _throw_away(receive)
                    raise TooLargeError(limit)
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise SlowRequestError(seconds) from error


async def _throw_away(receive: Receive) -> None:
    """Read on for a moment: a connection closed on bytes nobody read takes the answer with it."""
    left = THROWN_AWAY
    with suppress(TimeoutError):
        async with asyncio.timeout(THROWN_AWAY_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def check_json(body: bytes, content_type: str | None) -> None:
    """Refuse a body that is not one plain JSON object. An unsafe request without a body needs no type.

    Raises:
        NotJsonError: its type is another.
        MalformedJsonError: it is none.
    """
    if content_type is None and not body:
        return
    if (content_type or "").lower() not in JSON_TYPES:
        raise NotJsonError
    if body:
        try:
            read_object(body)
        except ValueError as error:
            raise MalformedJsonError from error


def check_form(body: bytes, content_type: str | None) -> None:
    """Refuse a body that is not one plain form. A form without a field needs no type.

    Raises:
        NotFormError: its type is another.
        MalformedFormError: it is none.
    """
    if content_type is None and not body:
        return
    if (content_type or "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise NotFormError
    try:
        read_form(body)
    except ValueError as error:
        raise MalformedFormError from error


def _digits(text: str | None) -> str:
    """Content-Length was checked by the parser of HTTP; a missing one is 0."""
    return text or "0"


def _once(body: bytes, receive: Receive) -> Receive:
    """Give the body as one message, and after it whatever comes."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
