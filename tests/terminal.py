"""`steelyard` as people run it: a process with a store of its own, new or the copy of one that was made before."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import zygote
from steelyard.storage import embedded
from steelyard.storage.embedded import EmbeddedServer

STEELYARD = (sys.executable, "-c", "from steelyard.app import main; main()")

OUR_BOOK = {
    "asset_master": "asset_id,asset_name,asset_type,currency\nOURS,Our own,Equity,USD\n",
    "market_data": "asset_id,price_date,closing_price\nOURS,2024-01-02,10\nOURS,2024-01-03,11\n",
    "portfolio_allocation": "portfolio,asset_id,quantity\nSAVINGS,OURS,100\n",
    "transactions": "transaction_id,account,asset_id,transaction_date,transaction_type,total_amount\n"
    "1,SAVINGS,OURS,2024-01-02,BUY,1000\n",
    "compliance_records": "asset_id,check_date,status\nOURS,2024-01-03,VIOLATION\n",
}


@dataclass(frozen=True, slots=True)
class Terminal:
    """A shell whose STEELYARD_HOME is a folder of the test."""

    home: Path

    def environment(self, **settings: str) -> dict[str, str]:
        foreign = ("DATABASE_", "STEELYARD_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "SERVE")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        ours = {"STEELYARD_HOME": str(self.home), "COLUMNS": "80", "SERVE": "0"}
        return {**inherited, **ours, **settings}

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return zygote.run(list(arguments), self.environment(**settings))

    def show(self, *arguments: str, **settings: str) -> str:
        """Run what must go well, and has nothing to say on standard error."""
        done = self.run(*arguments, **settings)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def ask(self, *arguments: str) -> Any:
        """Run what must answer in JSON, decimals kept exact."""
        return json.loads(self.show(*arguments, "--json"), parse_float=Decimal)

    def refused(self, *arguments: str, code: int = 1, **settings: str) -> str:
        """Run what must be refused: exit code 1 or another, no answer, no traceback; gives the sentence."""
        done = self.run(*arguments, **settings)
        steps, _, sentence = done.stderr.partition("steelyard: ")
        assert (done.returncode, done.stdout) == (code, "")
        assert "Traceback" not in steps
        return sentence.rstrip("\n")

    def server(self) -> EmbeddedServer:
        running = asyncio.run(embedded.attach(self.home))
        assert running is not None
        return running


@contextmanager
def new_terminal(run_folder: Path) -> Iterator[Terminal]:
    """A terminal without a store, for the block; what it started is stopped then, and what it wrote removed."""
    folder = Path(tempfile.mkdtemp(prefix="terminal-", dir=run_folder))
    folder.chmod(0o711)  # root's server runs as a system user, which must pass through
    terminal = Terminal(folder / "home")
    yield terminal
    terminal.run("db", "stop")  # in a process of its own: a browser may have this thread's event loop
    shutil.rmtree(folder)


@contextmanager
def copied_terminal(made: Terminal, run_folder: Path) -> Iterator[Terminal]:
    """A terminal with the store of another one, whose server is stopped."""
    with new_terminal(run_folder) as terminal:
        subprocess.run(["cp", "-pPR", made.home, terminal.home], check=True)
        yield terminal


def write_book(folder: Path, **changed: str | None) -> Path:
    """Write a small book of our own, some tables changed or, where None, left out."""
    folder.mkdir()
    for table, text in {**OUR_BOOK, **changed}.items():
        if text is not None:
            (folder / f"{table}.csv").write_text(text, encoding="utf-8")
    return folder
