"""The examples on the pages that explain give what they say."""

import doctest
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs/explanation"


@pytest.mark.parametrize("page", ["households.md", "lots-and-taxes.md", "performance.md", "rebalancing.md"])
def test_the_examples_run(page: str) -> None:
    result = doctest.testfile(str(PAGES / page), module_relative=False)

    assert result.attempted > 0
    assert result.failed == 0
