"""`steelyard export`: what is taken away at one terminal is loaded at another, and what is refused says why."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from terminal import Terminal

Run = Callable[..., str]


def test_a_book_moves_from_one_store_to_another(terminal: Terminal, ready: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    manifest = terminal.ask("export", str(folder), "--format", "parquet")
    ready.run("load", str(folder), "--trust-prices")

    assert manifest == json.loads((folder / "manifest.json").read_bytes())
    for file in manifest["files"]:
        content = (folder / file["name"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    for question in ("positions", "lots", "overview", "performance"):
        assert ready.ask(question) == terminal.ask(question), question


def test_the_screen_says_what_was_written_and_what_was_not(steelyard_here: Run, tmp_path: Path) -> None:
    said = steelyard_here("export", str(tmp_path / "taken"), "--only", "accounts,transactions")

    assert [path.name for path in sorted((tmp_path / "taken").iterdir())] == [
        "accounts.csv",
        "manifest.json",
        "transactions.csv",
    ]
    assert "transactions.csv" in said
    assert "Not in it" in said
    assert "--trust-prices" in said


def test_what_cannot_be_written_is_refused_in_a_sentence(steelyard_here: Run, tmp_path: Path) -> None:
    folder = str(tmp_path / "taken")
    steelyard_here("export", folder, "--format", "beancount", "--account", "RIVERA-IRA")
    assert "--force" in steelyard_here("export", folder, code=1)
    steelyard_here("export", folder, "--force", "--only", "accounts")
    assert "did you mean accounts" in steelyard_here("export", folder, "--force", "--only", "account", code=1)
    assert "leave --only out" in steelyard_here(
        "export", str(tmp_path / "more"), "--format", "beancount", "--only", "accounts", code=1
    )
    assert "RIVERA-IRA" in steelyard_here("export", str(tmp_path / "more"), "--account", "RIVERA", code=1)
    assert not (tmp_path / "more").exists()
