"""`steelyard serve` as people run it: a process that begins, serves and ends."""

import asyncio
import os
import re
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from http.client import HTTPSConnection
from pathlib import Path
from secrets import token_bytes

import asyncpg
import pytest
import trustme

from served_process import SECONDS, SERVING, ServedProcess, started
from serving import everything_from, request
from steelyard.app import main
from steelyard.identity.key_file import make_key_file
from steelyard.storage.embedded import EmbeddedServer
from terminal import Terminal

Start = Callable[..., ServedProcess]
Refused = Callable[..., str]


@pytest.fixture
def settings(
    own_database: EmbeddedServer, urls: Callable[[EmbeddedServer], tuple[str, str]], tmp_path: Path
) -> dict[str, str]:
    """A store of this test alone, as an operator would name it."""
    terminal = Terminal(tmp_path / "home")
    make_key_file(tmp_path / "keys/master.key", token_bytes)
    app, migrator = urls(own_database)
    named = {
        "DATABASE_URL": app,
        "DATABASE_MIGRATOR_URL": migrator,
        "STEELYARD_KEY_FILE": str(tmp_path / "keys/master.key"),
        "STEELYARD_AUDIT_HEADS": "log",
    }
    return terminal.environment(**named)


@pytest.fixture
def start(settings: dict[str, str]) -> Iterator[Start]:
    """start(*arguments): a server on a free port, once it serves."""
    with ExitStack() as processes:

        def begin(*arguments: str) -> ServedProcess:
            process = processes.enter_context(
                started("serve", "--port", "0", *arguments, environment=settings)
            )
            process.wait_until_it_says(SERVING)
            return process

        yield begin


@asynccontextmanager
async def held_up(database: EmbeddedServer) -> AsyncIterator[asyncpg.Connection]:
    """Keep whoever asks whether the store is ready waiting."""
    connection = await asyncpg.connect(
        host=str(database.host),
        user=database.superuser.user,
        password=database.superuser.password,
        database=database.database,
    )
    async with connection.transaction():
        await connection.execute("lock table steelyard.alembic_version in access exclusive mode")
        yield connection
    await connection.close()


async def until_under_way(connection: asyncpg.Connection) -> None:
    """Wait until a request waits for the lock."""
    while not await connection.fetchval("select count(*) from pg_locks where not granted"):
        await asyncio.sleep(0.01)


def until_closed(port: int) -> None:
    """Wait until nobody takes connections any more."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return


@pytest.fixture
def refused(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """refused(*arguments): run what must not start, in this process; gives the sentence."""
    monkeypatch.setattr(os, "environ", settings)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["steelyard", "serve", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert (end.value.code, said.out) == (1, "")
        return said.err.rpartition("steelyard: ")[2]

    return run


def test_the_first_run_shows_a_link_and_sigterm_ends_it_well(start: Start) -> None:
    server = start()
    assert (server.get("/healthz"), server.get("/readyz")) == (200, 200)
    code = server.stop()

    [link] = [line for line in server.said if "/setup#" in line]
    assert re.fullmatch(rf"http://localhost:{server.port}/setup#[A-Za-z0-9_-]{{43}}\n", link)
    assert code == 0
    assert {line["event"] for line in server.log} == {"serving", "request", "audit head"}
    assert link.partition("#")[2].strip() not in str(server.log)


async def test_sigterm_drains(start: Start, own_database: EmbeddedServer) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)) as waiting:
        async with held_up(own_database) as connection:
            waiting.sendall(request("GET /readyz", Host=f"localhost:{server.port}"))
            await until_under_way(connection)
            server.process.send_signal(signal.SIGTERM)
            until_closed(server.port)
        answer = everything_from(waiting)

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert server.end() == 0


async def test_a_second_signal_ends_it_at_once(start: Start, own_database: EmbeddedServer) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)) as waiting:
        async with held_up(own_database) as connection:
            waiting.sendall(request("GET /readyz", Host=f"localhost:{server.port}"))
            await until_under_way(connection)
            server.process.send_signal(signal.SIGINT)
            until_closed(server.port)
            assert server.stop(signal.SIGINT) == 130


def test_a_store_that_is_away_is_told_and_comes_back(
    start: Start, own_database: EmbeddedServer, as_superuser: Callable[[str], None]
) -> None:
    server = start()
    as_superuser(f"alter database {own_database.database} with allow_connections false")
    backends = f"pg_stat_activity where datname = '{own_database.database}'"
    as_superuser("select pg_terminate_backend(pid) from " + backends)  # noqa: S608  a name that the test made
    assert (server.get("/readyz"), server.get("/healthz")) == (503, 200)
    as_superuser(f"alter database {own_database.database} with allow_connections true")
    assert server.get("/readyz") == 200

    assert server.stop() == 0
    assert own_database.database not in str(server.log)


def test_over_tls(start: Start, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    server = start("--tls-cert", str(certificate), "--tls-key", str(key))
    trusting = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())

    connection = HTTPSConnection("localhost", server.port, timeout=SECONDS, context=trusting)
    connection.request("GET", "/healthz")
    with closing(connection), connection.getresponse() as answer:
        assert answer.status == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert f"serves at https://localhost:{server.port}" in server.said[0]
    assert server.get_in_the_clear() == b""


def test_what_would_be_unprotected_does_not_start(refused: Refused, tmp_path: Path) -> None:
    assert "nothing would protect sessions" in refused("--host", "0.0.0.0")  # noqa: S104  what is tested is that it is refused
    assert "--tls-key is missing" in refused("--tls-cert", "chain.pem")
    proxied = ("--host", "0.0.0.0", "--behind-proxy", "10.0.0.2")  # noqa: S104  what is tested is that it is refused
    assert "--public-url is missing" in refused(*proxied)
    assert "nothing would protect" in refused(*proxied, "--public-url", "http://book.example")
    missing = ("--tls-cert", str(tmp_path / "none.pem"), "--tls-key", str(tmp_path / "none.pem"))
    assert "cannot be used for TLS" in refused(*missing)


def test_a_port_that_is_taken_is_named(refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} of 127.0.0.1 cannot be listened on" in refused("--port", str(port))


def test_a_store_without_a_schema_is_not_served(
    refused: Refused, own_database: EmbeddedServer, as_superuser: Callable[[str], None]
) -> None:
    name = own_database.database
    as_superuser(f"drop database {name} with (force)")
    as_superuser(f"create database {name} owner steelyard_migrator")

    assert "Run `steelyard init`" in refused("--port", "0")
