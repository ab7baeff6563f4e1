"""The set-up finds a Python that will do, or says what to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/find-python"


def find_python(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the script where `path` is all of the PATH."""
    command = ["/bin/sh", str(SCRIPT)]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


def python_that(path: Path, name: str, *, fails_on: str) -> None:
    """Put this Python on the path, but failing on programs that contain a word."""
    program = f'#!/bin/sh\ncase "$2" in *{fails_on}*) exit 1;; esac\nexec "{sys.executable}" "$@"\n'
    (path / name).write_text(program, encoding="utf-8")
    (path / name).chmod(0o755)


def test_the_newest_that_works_is_taken(tmp_path: Path) -> None:
    python_that(tmp_path, "python3.14", fails_on="import")  # a shim that leads nowhere
    python_that(tmp_path, "python3.13", fails_on="ensurepip")
    python_that(tmp_path, "python3.12", fails_on="nothing")
    python_that(tmp_path, "python3", fails_on="nothing")

    assert find_python(tmp_path).stdout == "python3.12\n"


@pytest.mark.parametrize(
    ("fails_on", "sentence"),
    [
        ("ensurepip", "python{0}.{1} cannot make a virtual environment. Install it"),
        ("version_info", "Steelyard needs Python 3.11 or newer on the PATH"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, fails_on: str, sentence: str) -> None:
    python_that(tmp_path, "python3", fails_on=fails_on)

    result = find_python(tmp_path)

    assert result.returncode == 1
    assert result.stderr.startswith(sentence.format(*sys.version_info))
    assert result.stderr.count(os.linesep) == 1
