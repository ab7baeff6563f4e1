"""A terminal in which the demo has been run, and one with nothing in it.

demo       the terminal, shared by the tests of a worker, and what the first `steelyard demo` printed
terminal   that terminal; who publishes a version there publishes the last price date again afterwards
blank      a terminal without a store, for this test alone
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from terminal import Terminal


@dataclass(frozen=True, slots=True)
class Demo:
    """What the first `steelyard demo` printed, and where."""

    terminal: Terminal
    first: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def demo(run_folder: Path) -> Iterator[Demo]:
    terminal = _terminal(run_folder)
    yield Demo(terminal, terminal.run("demo"))
    _remove(terminal)


@pytest.fixture
def terminal(demo: Demo) -> Terminal:
    return demo.terminal


@pytest.fixture
def blank(run_folder: Path) -> Iterator[Terminal]:
    terminal = _terminal(run_folder)
    yield terminal
    _remove(terminal)


def _terminal(run_folder: Path) -> Terminal:
    folder = Path(tempfile.mkdtemp(prefix="terminal-", dir=run_folder))
    folder.chmod(0o711)  # root's server runs as a system user, which must pass through
    return Terminal(folder / "home")


def _remove(terminal: Terminal) -> None:
    terminal.run("db", "stop")
    shutil.rmtree(terminal.home.parent)
