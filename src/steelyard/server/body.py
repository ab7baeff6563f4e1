"""Bodies: bounded in size and time before anything is parsed; strict JSON, or a strict form, before a route sees it."""

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final, Protocol

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
from steelyard.server.upload import is_upload, read_upload
from steelyard.server.wiring import Wiring

JSON_TYPES: Final = frozenset(
    {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
)


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
        if route.access.takes_files and is_upload(header_of(scope, b"content-type")):
            await self._keep_files(scope, receive, send, limit)
            return
        call.body = body = await read_body(receive, scope, limit, limits.body_seconds)
        if scope["method"] not in SAFE_METHODS:
            check = check_json if is_api(scope["path"]) else check_form
            check(body, header_of(scope, b"content-type"))
        elif body:
            raise MalformedRequestError(f"{scope['method']} has no body")
        await self._app(scope, _once(body, receive), send)

    async def _keep_files(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        """Keep a form with files on disk until it is answered: together they are more than memory is for."""
        call = call_of(scope)
        with tempfile.TemporaryFile(prefix="steelyard-") as kept:
            await _take_body(
                receive, scope, _Kept(kept), limit, self._limits.upload_seconds, patience=_OF_UPLOADS
            )
            call.body = b""
            call.upload = read_upload(kept, header_of(scope, b"content-type") or "")
            await self._app(scope, _once(b"", receive), send)


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
    body = bytearray()
    await _take_body(receive, scope, body, limit, seconds, patience=_OF_OTHERS)
    return bytes(body)


class _Sink(Protocol):
    """Where a body goes."""

    def extend(self, part: bytes, /) -> None: ...

    def clear(self) -> None: ...


class _Kept:
    """A body on disk."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def extend(self, part: bytes, /) -> None:
        self._file.write(part)

    def clear(self) -> None:
        self._file.seek(0)
        self._file.truncate()


@dataclass(frozen=True, slots=True)
class _Patience:
    """How much of a body that is too large is read, and for how long, so that who sends it hears why."""

    bytes: int
    seconds: float


_OF_OTHERS: Final = _Patience(4 * 2**20, 1.0)
_OF_UPLOADS: Final = _Patience(48 * 2**20, 5.0)


async def _take_body(
    receive: Receive, scope: Scope, body: _Sink, limit: int, seconds: float, *, patience: _Patience
) -> None:
    """Read a body to where it goes; raises as `read_body`."""
    announced, size = int(_digits(header_of(scope, b"content-length"))), 0
    if announced > limit:
        if announced <= patience.bytes and header_of(scope, b"expect") is None:
            await _throw_away(receive, patience)
        raise TooLargeError(limit)
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise MalformedRequestError("it ended before its body did")
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    body.clear()
                    if message.get("more_body", False):
                        await _throw_away(receive, patience)
                    raise TooLargeError(limit)
                body.extend(part)
                if not message.get("more_body", False):
                    return
    except TimeoutError as error:
        raise SlowRequestError(seconds) from error


async def _throw_away(receive: Receive, patience: _Patience) -> None:
    """Read on for a moment: a connection closed on bytes nobody read takes the answer with it."""
    left = patience.bytes
    with suppress(TimeoutError):
        async with asyncio.timeout(patience.seconds):
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
