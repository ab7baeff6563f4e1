"""A terminal in which the demo has been run, and one with nothing in it.

first_demo  a terminal in which the demo has been run, stopped, to be copied, and what was printed
demo       a copy of it, shared by the tests of a worker, and what was printed
terminal   that terminal; who publishes a version there publishes the last price date again afterwards
spare_terminal  another in which the demo has been run: for tests that change the book, and say in their module that
           this is their `terminal`
steelyard_here  runs `steelyard` of that terminal in this process, which spares it the imports; gives what it printed,
           or with `code=1` why it refused
blank      a terminal without a store, for this test alone
ready      one with a store in which `steelyard init` has been run, for this test alone
initialised  that store, stopped, to be copied
served_demo  the process of `steelyard demo` in that terminal, as people start it: the last line that it has said is the
           link that sets the installation up
browser    Chromium, for the tests of a module; a module that uses it runs no event loop of its own
origin     where the pages of `house` are
house      a server of the whole interface over two tenants, shared by the tests of a worker; see tests/house.py
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from chromium import opened_browser
from house import House, furnish, opened_house
from served_process import ServedProcess, started
from steelyard.app import main
from steelyard.storage.embedded import EmbeddedServer
from terminal import Terminal, copied_terminal, new_terminal


@dataclass(frozen=True, slots=True)
class Demo:
    """What the first `steelyard demo` printed, and where."""

    terminal: Terminal
    first: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def first_demo(run_folder: Path) -> Iterator[Demo]:
    with new_terminal(run_folder) as terminal:
        first = terminal.run("demo")
        terminal.run("db", "stop")
        yield Demo(terminal, first)


@pytest.fixture(scope="session")
def demo(first_demo: Demo, run_folder: Path) -> Iterator[Demo]:
    with copied_terminal(first_demo.terminal, run_folder) as terminal:
        yield Demo(terminal, first_demo.first)


@pytest.fixture
def terminal(demo: Demo) -> Terminal:
    return demo.terminal


@pytest.fixture(scope="session")
def spare_terminal(first_demo: Demo, run_folder: Path) -> Iterator[Terminal]:
    with copied_terminal(first_demo.terminal, run_folder) as terminal:
        yield terminal


@pytest.fixture
def blank(run_folder: Path) -> Iterator[Terminal]:
    with new_terminal(run_folder) as terminal:
        yield terminal


@pytest.fixture(scope="session")
def initialised(run_folder: Path) -> Iterator[Terminal]:
    with new_terminal(run_folder) as terminal:
        terminal.show("init")
        terminal.run("db", "stop")
        yield terminal


@pytest.fixture
def ready(initialised: Terminal, run_folder: Path) -> Iterator[Terminal]:
    with copied_terminal(initialised, run_folder) as terminal:
        yield terminal


@pytest.fixture
def served_demo(blank: Terminal) -> Iterator[ServedProcess]:
    with started("demo", environment=blank.environment(SERVE="1")) as process:
        process.wait_until_it_says("/setup#")
        yield process


@pytest.fixture
def steelyard_here(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run `steelyard` in this process, which spares it the imports; gives what it printed, or why it refused."""
    monkeypatch.setattr(os, "environ", terminal.environment())

    def run(*arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["steelyard", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    return run


@pytest.fixture(scope="session")
def house(
    shared_database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with opened_house(shared_database, urls(shared_database), folder) as opened:
        opened.do(furnish(opened, folder))
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as opened:
        yield opened


@pytest.fixture
def origin(house: House) -> str:
    return house.served.wiring.place.public_url
