"""The page that counts the published cases is what the tests say today."""

import subprocess
import sys
from pathlib import Path

from books import shared

ROOT = Path(__file__).parents[2]


def test_every_case_is_counted_on_the_page() -> None:
    shared("vectors/cases")
    counted = subprocess.run(
        [sys.executable, "scripts/published_cases.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    page = (ROOT / "docs/reference/published-cases.md").read_text(encoding="utf-8")
    assert counted.stdout == page, "make published writes the page anew"
