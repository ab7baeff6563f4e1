"""Pages whose commands and examples run: they show what the program says today, and leave no key out."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from steelyard.cli.order_file import LAYOUTS
from steelyard.cli.rebalance import LAYOUT_NAMES, MODES, OBJECTIVES, TAX_MODES
from steelyard.rebalancing.options import Mode, Objective
from steelyard.rebalancing.policy import Policy
from steelyard.statements.lot import COLUMNS as LOT_COLUMNS
from steelyard.statements.policy import SECTIONS
from steelyard.statements.portfolio import COLUMNS, DOCUMENT_KEYS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference/rebalancing-files.md"
PAGES = [
    ROOT / "README.md",
    ROOT / "docs/how-to/rebalance-a-book.md",
    ROOT / "docs/tutorial/first-rebalancing.md",
    REFERENCE,
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(page: Path) -> None:
    written = subprocess.run(
        [sys.executable, ROOT / "scripts/run_page.py", page], capture_output=True, text=True, check=True
    )

    assert page.read_text(encoding="utf-8") == written.stdout, (
        "write it anew: python scripts/run_page.py --write PAGE"
    )


@pytest.mark.parametrize("name", [*COLUMNS, *DOCUMENT_KEYS, *LOT_COLUMNS])
def test_every_column_and_key_is_described(name: str) -> None:
    assert f"`{name}`" in REFERENCE.read_text(encoding="utf-8")


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_every_key_of_a_policy_is_described(section: str) -> None:
    blocks = REFERENCE.read_text(encoding="utf-8").split("```toml")[1:]
    tables = "".join(block.partition("```")[0] for block in blocks).split("\n[")
    shown = [table for table in tables[1:] if table.startswith(section)] if section else tables[:1]
    keys = {field.name for field in fields(SECTIONS[section] if section else Policy)} - set(SECTIONS)

    assert shown
    assert [key for key in keys if key not in "".join(shown)] == []


def test_options_know_every_layout_mode_and_objective() -> None:
    assert tuple(LAYOUTS) == LAYOUT_NAMES
    assert tuple(Mode) == MODES
    assert set(TAX_MODES) < set(MODES)
    assert tuple(Objective) == OBJECTIVES
