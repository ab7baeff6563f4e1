"""Bodies: bounded in size and time before anything is parsed, and strict JSON before any model sees it."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steelyard.network.strict_json import read_object
from steelyard.server.call import call_of, header_of
from steelyard.server.identity import SAFE_METHODS
from steelyard.server.refusals import (
    MalformedJsonError,
    MalformedRequestError,
    NotJsonError,
    SlowRequestError,
    TooLargeError,
)
from steelyard.server.wiring import Wiring

JSON_TYPES: Final = frozenset(
    {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
)


class Bodies:
    """Reads bodies whole, and hands on only those that are one plain JSON object."""

    def __init__(self, app: ASGIApp, wiring: Wiring) -> None:
        """Stand around an application."""
        self._app, self._limits = app, wiring.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        route = call_of(scope).route
        if route is None:  # the router answers without reading
            await self._app(scope, receive, send)
            return
        body = await self._read(scope, receive, route.body_bytes or self._limits.body_bytes)
        if scope["method"] not in SAFE_METHODS:
            check_json(body, header_of(scope, b"content-type"))
        elif body:
            raise MalformedRequestError(f"{scope['method']} has no body")
        await self._app(scope, _once(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive, limit: int) -> bytes:
        if int(_digits(header_of(scope, b"content-length"))) > limit:
            raise TooLargeError(limit)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise MalformedRequestError("it ended before its body did")
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise TooLargeError(limit)
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError as error:
            raise SlowRequestError(self._limits.body_seconds) from error


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


def _digits(text: str | None) -> str:
    """Content-Length was checked by the parser of HTTP; a missing one is 0."""
    return text or "0"


def _once(body: bytes, receive: Receive) -> Receive:
    """Give the body as one message, and after it whatever comes."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
