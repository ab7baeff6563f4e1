"""The keys of a store from the terminal: made with it, rotated, asked for where they are lost, destroyed."""

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from steelyard.app import main
from terminal import OUR_BOOK, Terminal

Run = Callable[..., str]
NUMBER = "CANARY DE00 0001"
LOST = (("accounts", "number", "show", "SAVINGS"), ("keys", "rotate"), ("init",))


@pytest.fixture
def steelyard(blank: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `steelyard` of that terminal in this process; gives what it printed, or why it refused."""
    monkeypatch.setattr(os, "environ", blank.environment())

    def run(*arguments: str, typed: str = "", code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["steelyard", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code == code, said.err
        return said.err if code else said.out

    return run


def test_a_store_keeps_its_keys_and_is_erased_with_them(
    steelyard: Run, blank: Terminal, tmp_path: Path
) -> None:
    key_file = blank.home / "keys" / "master.key"
    assert "Made the key file" in steelyard("init")
    assert key_file.is_file()
    assert "No tenant has a key yet" in steelyard("keys", "list")
    for table, rows in OUR_BOOK.items():
        (tmp_path / f"{table}.csv").write_text(rows)
    steelyard("load", str(tmp_path), "--no-refresh")

    kept = steelyard("accounts", "number", "set", "SAVINGS", typed=f"{NUMBER}\n")
    assert kept == "The number of SAVINGS is kept.\n"
    (rotated,) = json.loads(steelyard("keys", "rotate", "--json"))
    assert (rotated["resealed"], rotated["destroyed"]) == (1, [1])
    assert json.loads(steelyard("keys", "rotate-master", "--json"))["rewrapped"] == 1
    assert steelyard("accounts", "number", "show", "SAVINGS") == f"{NUMBER}\n"

    key_file.rename(tmp_path / "kept")
    for command in LOST:
        assert f"there is no key file {key_file}. Put it back" in steelyard(*command, code=1)
    (tmp_path / "kept").rename(key_file)

    destroy = ("keys", "destroy", "--tenant", "1")
    assert "not the name of tenant 1" in steelyard(*destroy, "--name", "canary", code=1)
    (tenant,) = json.loads(steelyard("tenant", "list", "--json"))
    erased = steelyard(*destroy, typed=f"{tenant['tenant_name']}\n")
    assert erased == "Tenant 1 is erased: 1 of its keys were destroyed.\n"
    assert "were destroyed: what they encrypted is erased" in steelyard(*LOST[0], code=1)
    assert "destroyed" in steelyard("keys", "list")
