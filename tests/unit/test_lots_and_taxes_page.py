"""The example on the page about lots and taxes gives what it says."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/explanation/lots-and-taxes.md"


def test_the_example_runs() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)

    assert result.attempted > 0
    assert result.failed == 0
