"""`steelyard demo` as a newcomer runs it: it shows the sample book, serves its pages, and ends when told to."""

import signal
import socket
from contextlib import ExitStack, suppress

import pytest

from served_process import ServedProcess, started
from terminal import Terminal

PORT = 8000


@pytest.fixture
def served(terminal: Terminal) -> ServedProcess:
    """What it said, after a second run in a terminal in which port 8000 is taken."""
    process = serve(terminal)
    return serve(terminal) if process.port == PORT else process  # somebody else gave it back meanwhile


def serve(terminal: Terminal) -> ServedProcess:
    with ExitStack() as taken:
        with suppress(OSError):  # taken by somebody else, which is as good
            taken.enter_context(socket.create_server(("127.0.0.1", PORT)))
        process = taken.enter_context(started("demo", environment=terminal.environment(SERVE="1")))
        process.wait_until_it_says("http://localhost:")
        assert (process.get("/healthz"), process.get("/login")) == (200, 200)
        assert process.stop(signal.SIGINT) == 0
    return process


def test_the_demo_serves_its_pages_until_it_is_interrupted(served: ServedProcess) -> None:
    said = "".join(served.said)

    assert said.index("Try next") < said.index(f"Port {PORT} is taken") < said.index("Steelyard serves at")
    assert served.port not in {0, PORT}
    assert f"http://localhost:{served.port}/" in said.partition("Steelyard serves at")[2]
    assert served.log == []


@pytest.mark.parametrize("arguments", [("--no-serve",), ("--json",)])
def test_the_demo_ends_by_itself_when_told_to(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    done = terminal.run("demo", *arguments, SERVE="1")

    assert done.returncode == 0
    assert "serves at" not in done.stdout
