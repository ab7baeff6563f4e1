"""The command that serves the store to programs and browsers."""

import asyncio
import gc
import logging
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

import click

from steelyard.cli.codes import INTERRUPTED
from steelyard.cli.options import examples
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.worker import worker_beside
from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from socket import socket

    from steelyard.server.place import Address, Place
    from steelyard.storage.connection import Pool

HOST: Final = "127.0.0.1"
PORT: Final = 8000
HEAD_SECONDS: Final = 3600
FILE: Final = click.Path(path_type=Path)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeRequest:
    """What `serve` was asked; see its options.

    Attributes:
        or_any_port: whether another port will do where this one is taken, which is said.
    """

    host: str
    port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None
    proxies: Sequence[str] = ()
    public_url: str | None = None
    with_worker: bool = False
    or_any_port: bool = False

    def place(self, port: int) -> "Place":
        """Decide where the server can be reached; see `plan_place`."""
        from steelyard.server.place import plan_place, tls_of

        return plan_place(
            self.host,
            port,
            tls=tls_of(self.tls_cert, self.tls_key),
            proxies=self.proxies,
            public_url=self.public_url,
            resolve=_resolve,
        )


@click.command(
    epilog=examples(
        "steelyard serve",
        "steelyard serve --host book.example --port 443 --tls-cert chain.pem --tls-key key.pem",
        "steelyard serve --host 10.0.0.5 --behind-proxy 10.0.0.2 --public-url https://book.example",
    )
)
@click.option("--host", default=HOST, show_default=True, help="Name or address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="0 = any free one."
)
@click.option("--tls-cert", type=FILE, metavar="FILE", help="Certificate and its chain, PEM: speak https.")
@click.option("--tls-key", type=FILE, metavar="FILE", help="Its key, PEM, without a password.")
@click.option(
    "--behind-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Address or network of a proxy in front, believed about who asks; may come several times.",
)
@click.option("--public-url", metavar="URL", help="What people type, where it is not the address itself.")
@click.option(
    "--worker", "with_worker", is_flag=True, help="Send orders, too, as the command worker does by itself."
)
@pass_shell
def serve(
    shell: Shell,
    *,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    proxies: tuple[str, ...],
    public_url: str | None,
    with_worker: bool,
) -> None:
    """Serve the store over HTTP, to this machine alone unless told otherwise.

    Other machines are served only over https: with a certificate, or behind a proxy that speaks it. On the first run a
    link is printed that makes whoever opens it the owner. The log goes to standard error, as lines of JSON. SIGTERM and
    Ctrl-C let requests under way finish; the same again ends at once.
    """
    from steelyard.server.logs import logged

    request = ServeRequest(host, port, tls_cert, tls_key, proxies, public_url, with_worker)
    with logged():
        finished = asyncio.run(serve_store(shell, request))
    if not finished:
        click.get_current_context().exit(INTERRUPTED)


async def serve_store(shell: Shell, request: ServeRequest) -> bool:
    """Serve until told to stop; returns whether everything under way was finished.

    Raises:
        SteelyardError: it cannot be served as asked, or the store cannot be used.
    """
    from steelyard.server.serving import Serving, check_tls, signals_call
    from steelyard.storage.acting import NOBODY

    planned = request.place(request.port or 1)
    check_tls(planned)
    with _listen(planned.address, request) as sock:
        place = request.place(sock.getsockname()[1])
        async with shell.store(acts_as=NOBODY) as pool:
            app = await shell.make_server(shell.settings, place, pool)
            server = Serving(app, app.wiring, sock)
            gc.freeze()  # what lives as long as the server need not be looked through again: it would pause for it
            await _greet(place)
            async with _keeping_heads(shell, pool), worker_beside(shell, pool, runs=request.with_worker):
                with signals_call(server.stop):
                    return await server.run(lambda: log.info("serving"))


def _listen(address: "Address", request: ServeRequest) -> "socket":
    from steelyard.server.serving import PortTakenError, listen

    try:
        return listen(address, request.port)
    except PortTakenError:
        if not request.or_any_port:
            raise
    click.echo(f"Port {request.port} is taken, so this is another one.")
    return listen(address, 0)


async def _greet(place: "Place") -> None:
    """Say where the server is, and on the first run how to get in."""
    from steelyard.services.set_up import is_set_up, make_set_up_link
    from steelyard.storage.acting import OPERATOR, acting_as

    click.echo(f"Steelyard serves at {place.public_url}")
    with acting_as(OPERATOR):
        if await is_set_up():
            click.echo(f"Sign in at {place.public_url}/login")
            return
        link = await make_set_up_link(now=datetime.now(UTC), random=token_bytes)
    click.echo(
        f"Nobody can sign in yet. Open this link to become the owner; it works once, until "
        f"{link.expires_at:%Y-%m-%d %H:%M} UTC:\n{link.address(place.public_url)}"
    )


@asynccontextmanager
async def _keeping_heads(shell: Shell, pool: "Pool") -> "AsyncIterator[None]":
    heads = asyncio.create_task(_keep_heads(shell, pool))
    try:
        yield
    finally:
        heads.cancel()
        with suppress(asyncio.CancelledError):
            await heads


async def _keep_heads(shell: Shell, pool: "Pool") -> None:
    """Keep signed heads of the audit, now and every hour; a failure is logged, and the next hour tries again."""
    from steelyard.server.logs import told
    from steelyard.services.audit import ship_heads
    from steelyard.storage.acting import OPERATOR, acting_as

    while True:
        try:
            with acting_as(OPERATOR):
                await ship_heads(shell.audit_places(pool), datetime.now(UTC))
        except SteelyardError as error:
            log.error("audit head not kept", extra=told(error))  # noqa: TRY400 - an error raised on purpose
        await asyncio.sleep(HEAD_SECONDS)


def _resolve(host: str) -> "Sequence[Address]":
    from socket import getaddrinfo

    return [ip_address(str(place[0])) for *_, place in getaddrinfo(host, None)]
