"""The page that counts the published cases is what the tests say today, and no case may be left out of it."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from books import shared
from published import Reason, Skip

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/published_cases.py"


def test_every_case_is_counted_on_the_page() -> None:
    shared("vectors/cases")
    counted = subprocess.run([sys.executable, SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)

    page = (ROOT / "docs/reference/published-cases.md").read_text(encoding="utf-8")
    assert counted.stdout == page, "make published writes the page anew"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("published_cases", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["published_cases"] = module  # where its dataclasses look for themselves
    spec.loader.exec_module(module)
    return module


SUITE = {"suite": "a suite", "source": "", "cases": [{"id": "one"}, {"id": "two"}]}
SKIP = Skip(Reason.CONTEXT_LOST, "says nothing")


def test_a_suite_counts_what_it_runs_and_skips(script: ModuleType) -> None:
    suite = script.Suite.of(SUITE, {"one", "a parameter that is no case"}, {"two": SKIP})

    assert suite.run == {"one"}
    assert suite.reasons == {Reason.CONTEXT_LOST: 1}


@pytest.mark.parametrize(
    ("run", "skipped", "sentence"),
    [
        ({"one"}, {}, r"neither run nor skipped \['two'\], both \[\], unknown \[\]"),
        ({"one", "two"}, {"two": SKIP}, r"neither run nor skipped \[\], both \['two'\], unknown \[\]"),
        ({"one", "two"}, {"three": SKIP}, r"neither run nor skipped \[\], both \[\], unknown \['three'\]"),
    ],
)
def test_a_case_that_is_not_counted_once_is_refused(
    script: ModuleType, run: set[str], skipped: dict[str, Skip], sentence: str
) -> None:
    with pytest.raises(script.UncountedError, match=sentence):
        script.Suite.of(SUITE, run, skipped)
