"""Run a page of the documentation and print it with what its commands and examples print.

`python scripts/run_page.py docs/tutorial/first-rebalancing.md` prints the page as it should be; a test compares.
With `--write` before the page it is put in the place of the old one.
A block ```csv NAME (toml, json likewise) is a file; in a ```console block what follows `$ ` is run by the shell in
the folder of those files; a ```python block holds examples with `>>>`.
"""

import code
import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Page:
    """A page under way: the folder of its files, and the names its examples made."""

    def __init__(self, folder: Path) -> None:
        """Start with no file and no name."""
        self._folder = folder
        self._names: dict[str, Any] = {}

    def run(self, text: str) -> str:
        """Return the page with the outputs it has today."""
        return BLOCK.sub(lambda block: f"```{block[1]}\n{self._block(block[1], block[2])}```", text)

    def _block(self, info: str, body: str) -> str:
        kind, _, name = info.partition(" ")
        if name:
            (self._folder / name).write_text(body, encoding="utf-8")
        if kind == "console":
            commands = [line for line in body.splitlines() if line.startswith("$ ")]
            return "".join(f"{line}\n{self._shell(line[2:])}" for line in commands)
        if kind == "python":
            return "".join(self._example(example) for example in doctest.DocTestParser().get_examples(body))
        return body

    def _shell(self, command: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(  # noqa: S602  the pages of this repository are trusted, and use pipes
            command,
            shell=True,
            cwd=self._folder,
            env={**os.environ, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout

    def _example(self, example: doctest.Example) -> str:
        first, *rest = example.source.splitlines()
        shown = "".join(f"... {line}\n" if line else "...\n" for line in rest)
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            code.InteractiveInterpreter(self._names).runsource(example.source, symbol="single")
        return f">>> {first}\n{shown}{out.getvalue()}"


def main(write: bool, path: Path) -> None:  # noqa: FBT001  as the command line has it
    """Run a page in an empty folder; print it, or write it."""
    with tempfile.TemporaryDirectory() as folder:
        page = Page(Path(folder)).run(path.read_text(encoding="utf-8"))
    if write:
        path.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main(sys.argv[1] == "--write", Path(sys.argv[-1]))
