"""Serving: a socket, uvicorn on it, and an end that lets requests under way finish."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from steelyard.errors import InvalidInputError, UpstreamError
from steelyard.server.application import Application
from steelyard.server.place import Address, Place, Tls
from steelyard.server.protocol import Protocol
from steelyard.server.wiring import Wiring

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
KEEP_ALIVE_SECONDS: Final = 5
BACKLOG: Final = 512


class PortTakenError(UpstreamError):
    """The port cannot be had."""

    def __init__(self, address: Address, port: int, reason: str) -> None:
        """Name it, and quote the system."""
        super().__init__(f"Port {port} of {address} cannot be listened on: {reason}. Give another --port.")


class TlsFilesError(InvalidInputError):
    """Certificate and key cannot be used."""

    def __init__(self, tls: Tls, reason: str) -> None:
        """Name the files, and quote the library."""
        super().__init__(
            f"{tls.certificate} and {tls.key} cannot be used for TLS: {reason}. Give a certificate with its chain, and "
            "its key without a password, both in PEM."
        )


def listen(address: Address, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        address: of this machine.
        port: 0 = any that is free.

    Raises:
        PortTakenError: the system refuses.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004  as in IPv4
    # asyncio turns Nagle's algorithm off only for sockets that say they are TCP; with it each answer takes 40 ms
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((str(address), port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortTakenError(address, port, error.strerror or "refused") from error
    return sock


class Serving:
    """A server on a socket, which can be told to stop."""

    def __init__(self, app: Application, wiring: Wiring, sock: socket.socket) -> None:
        """Prepare it.

        Args:
            app: what `make_application` made.
            wiring: what it was made with.
            sock: listens.

        Raises:
            TlsFilesError: certificate and key cannot be used.
        """
        self._server = uvicorn.Server(_config(app, wiring))
        self._app = app
        self._sock = sock
        self._running: asyncio.Task[None] | None = None

    async def run(self, is_ready: Callable[[], None]) -> bool:
        """Serve until told to stop.

        Args:
            is_ready: called when requests are taken.

        Returns:
            Whether everything under way was finished.
        """
        self._running = asyncio.current_task()
        try:
            await self._serve(is_ready)
        except asyncio.CancelledError:
            if not self._server.should_exit:
                raise
            return False
        return True

    def stop(self) -> None:
        """Take no more requests and let those under way finish; told again, end them."""
        if self._server.should_exit and self._running is not None:
            self._running.cancel()
        self._server.should_exit = True
        self._app.stopping.set()

    async def _serve(self, is_ready: Callable[[], None]) -> None:
        """As uvicorn does, without its signals: it ends the process by the signal that told it to stop."""
        server, config = self._server, self._server.config
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[self._sock])
        is_ready()
        await server.main_loop()
        await server.shutdown(sockets=[self._sock])


@contextmanager
def signals_call(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at each SIGTERM and SIGINT while the block lasts."""
    loop = asyncio.get_running_loop()
    for name in SIGNALS:
        loop.add_signal_handler(name, stop)
    try:
        yield
    finally:
        for name in SIGNALS:
            loop.remove_signal_handler(name)


def check_tls(place: Place) -> None:
    """See that the certificate and the key can be used; raises TlsFilesError."""
    if place.tls is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            place.tls.certificate, place.tls.key, password=""
        )
    except (OSError, ssl.SSLError) as error:
        raise TlsFilesError(place.tls, error.strerror or type(error).__name__) from error


def _config(app: Application, wiring: Wiring) -> uvicorn.Config:
    tls = wiring.place.tls
    check_tls(wiring.place)
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(wiring.limits.drain_seconds),
        h11_max_incomplete_event_size=wiring.limits.header_bytes,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
