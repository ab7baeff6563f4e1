"""The page that counts the sample statements is what the readers do today, and its exceptions are all there are."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from beancount_files import want_beancount
from books import shared

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/statements_reference.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("statements_reference", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["statements_reference"] = module  # where its dataclasses look for themselves
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(script: ModuleType) -> Any:
    shared("clients")
    want_beancount()
    return script.outcomes()


def test_every_sample_is_counted_on_the_page(script: ModuleType, found: Any) -> None:
    page = (ROOT / "docs/reference/statements.md").read_text(encoding="utf-8")

    assert script.page(found) == page, "make statements writes the page anew"


def test_the_files_that_others_judge_otherwise_are_a_closed_list(script: ModuleType, found: Any) -> None:
    assert script.judged_otherwise(found) == set(script.JUDGED_OTHERWISE)


def test_a_file_with_one_refused_row_is_not_valid(script: ModuleType) -> None:
    sound = script.Outcome(Path("a"), "ofx")
    refused = script.Outcome(Path("a"), "ofx", refused={"`Price` is 'n/a', no number": [3]})

    assert sound.is_valid
    assert not refused.is_valid
    assert not script.Outcome(Path("a"), why="of no kind that is known").is_valid
