"""HTTP/1.1 on a connection, with what uvicorn leaves open: a deadline for headers, and our own answer to nonsense."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from steelyard.server.door import address_of
from steelyard.server.headers import completed, security_headers
from steelyard.server.problem import MEDIA_TYPE, problem_body
from steelyard.server.rates import bucket_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from steelyard.server.wiring import Wiring

DETAIL: Final = "This is no HTTP request that is taken here: its form is wrong, or its headers are too long."


class Protocol(H11Protocol):
    """A connection of ours."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """As uvicorn makes it; the application says the limits."""
        super().__init__(config, server_state, app_state, _loop)
        self._wiring: Wiring = config.app.wiring  # type: ignore[union-attr]  # it is our application
        self._deadline: asyncio.TimerHandle | None = None
        self.bucket: Hashable = None
        """Who is at the other end, as limits count; None = a proxy of ours, which brings many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for headers; more connections than there may be are closed."""
        super().connection_made(transport)  # type: ignore[arg-type]  # as asyncio declares it
        address = address_of(self.client[0]) if self.client else None
        if address is not None and not self._wiring.place.trusts(address):
            self.bucket = bucket_of(address)
        if self._are_too_many():
            transport.close()
            return
        self._expect_headers()

    def _are_too_many(self) -> bool:
        """Whether there are more connections than there may be, in all or from this address."""
        limits = self._wiring.limits
        if len(self.connections) > limits.connections:
            return True
        if self.bucket is None:
            return False
        others = [other.bucket for other in self.connections if isinstance(other, Protocol)]
        return others.count(self.bucket) > limits.address_connections

    def data_received(self, data: bytes) -> None:
        """Take what came. Headers that have begun must end within their deadline."""
        is_idle = self.cycle is None or self.cycle.response_complete
        super().data_received(data)
        began = self.cycle is not None and not self.cycle.response_complete
        if began:
            self._forget_deadline()
        elif is_idle and self._deadline is None:
            self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything."""
        self._forget_deadline()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer as everywhere, without repeating anything; then end."""
        del msg
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()
            return
        status = HTTPStatus.BAD_REQUEST
        request_id = self._wiring.random(16).hex()
        body = problem_body(status, "about:blank", DETAIL, request_id)
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        ours = security_headers(is_secure=self._wiring.place.is_secure)
        response = h11.Response(
            status_code=status.value,
            headers=completed(headers, ours, request_id),
            reason=status.phrase.encode(),
        )
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _expect_headers(self) -> None:
        self._forget_deadline()
        self._deadline = self.loop.call_later(self._wiring.limits.header_seconds, self.transport.close)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
