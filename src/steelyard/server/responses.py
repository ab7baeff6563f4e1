"""The outermost part of the shell: gives a request its id, its answer its headers, and the log its line."""

from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steelyard.server.call import KEY, Call
from steelyard.server.figures import Figures
from steelyard.server.headers import completed, security_headers
from steelyard.server.logs import log_request
from steelyard.server.wiring import Wiring

ID_BYTES: Final = 16
CLOSING: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
)
"""After these the connection ends: the rest of the request may still be on its way, and is not waited for."""


class Responses:
    """Stands around everything, errors too."""

    def __init__(self, app: ASGIApp, wiring: Wiring, figures: Figures) -> None:
        """Stand around an application."""
        self._app, self._wiring, self._figures = app, wiring, figures
        self._headers = security_headers(is_secure=wiring.place.is_secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with an id of ours; whatever id it came with is left alone."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # as GET; uvicorn, which keeps the scope it made, sends no body
            scope = {**scope, "method": "GET"}
        call = Call(self._wiring.random(ID_BYTES).hex())
        scope[KEY] = call

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                headers = completed(list(message.get("headers", ())), self._headers, call.request_id)
                if message["status"] in CLOSING:
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            await send(message)

        began = self._wiring.seconds()
        try:
            with self._figures.under_way.track_inprogress():
                await self._app(scope, receive, complete)
        finally:
            seconds = self._wiring.seconds() - began
            self._figures.count(scope["method"], call.route.path if call.route else "", call.status, seconds)
            log_request(scope["method"], call, seconds)
