"""`steelyard` as a process of its own that need not import everything first.

A server of the standard library (`multiprocessing.forkserver`) has imported the program and makes a process of itself
for each command. The command has its own environment, arguments, streams and exit code, as if a shell had started it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import steelyard
from steelyard.app import main

PRELOADED = (
    "zygote",
    "alembic.command",
    "asyncpg",
    "highspy",
    "numpy",
    "pandas",  # nobody asks for it, but where it is installed pyarrow imports it
    "pyarrow.dataset",
    "pyarrow.parquet",
    "sqlalchemy.ext.asyncio",
)
FLOORS = ("cli", "services")
"""Of ours, and what stands below: commands import what they need when they run."""


@cache
def _context() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, *_ours()])
    return context


def _ours() -> Iterator[str]:
    house = Path(steelyard.__file__).parent
    for floor in FLOORS:
        for path in sorted((house / floor).rglob("*.py")):
            yield ".".join(("steelyard", *path.relative_to(house).with_suffix("").parts)).removesuffix(
                ".__init__"
            )


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `steelyard` with these arguments in this environment, and give its exit code and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        said, complained = Path(folder) / "stdout", Path(folder) / "stderr"
        process = _context().Process(target=_be_steelyard, args=(arguments, environment, said, complained))
        process.start()
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(
            ["steelyard", *arguments],
            process.exitcode,
            said.read_text("utf-8"),
            complained.read_text("utf-8"),
        )


def _be_steelyard(arguments: list[str], environment: dict[str, str], said: Path, complained: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((1, said), (2, complained)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    sys.argv = ["steelyard", *arguments]
    main()


def start(work: Callable[..., None], *arguments: object) -> BaseProcess:
    """Start a function in a process of its own, and give the process; the function is found by its module's name."""
    process = _context().Process(target=work, args=arguments)
    process.start()
    return process
