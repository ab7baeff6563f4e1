"""The tutorial of the first order: its program runs as it stands on the page, and prints what the page says."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from terminal import Terminal

PAGE = Path(__file__).parents[2] / "docs/tutorial/first-order.md"
SECONDS = 300


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(program: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    """Run a program; where it fails, what it began ends with it."""
    process = subprocess.Popen(
        [sys.executable, program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, complaints = process.communicate(timeout=SECONDS)
        return process.returncode, said, complaints
    finally:
        if process.returncode != 0:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_the_whole_flow_of_the_page_prints_what_the_page_says(blank: Terminal, tmp_path: Path) -> None:
    [asked] = re.findall(r"^\$ steelyard (.+)$", "".join(blocks("console")), re.MULTILINE)
    assert blank.run(*asked.split()).returncode == 0
    program = tmp_path / "first_order.py"
    program.write_text("\n\n".join(blocks("python")), encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    code, said, complaints = run(program, blank.environment(PATH=path))
    [expected] = blocks("text")

    assert (code, complaints) == (0, "")
    assert said == expected
