"""Every requirement of docs/security/requirements.csv has its test, or the work that will bring it.

A row names tests as pytest does (`file::function`, or `file::function[case]`), one or more, parted by "; ". What is not
wholly shown yet says `later`, the piece of work that shows the rest; the pieces up to DONE are done.
"""

import ast
import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/security/requirements.csv"
IDS = [f"S{number:02}" for number in range(1, 61)]
DONE = 6  # of 8

Row = dict[str, str]


def requirements() -> list[Row]:
    with PAGE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def nodes_of(row: Row) -> list[str]:
    return [node for node in row["test"].split("; ") if node]


@cache
def functions(path: str) -> frozenset[str]:
    """Give the test functions at the top of a file; none where there is no such file."""
    if not (ROOT / path).is_file():
        return frozenset()
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(n.name for n in tree.body if isinstance(n, kinds) and n.name.startswith("test_"))


def names_no_test(node: str) -> bool:
    """Whether there is no function `name` in `file` of `file::name[case]`; pytest itself answers for the case."""
    path, _, name = node.partition("::")
    return name.partition("[")[0] not in functions(path)


def cases_pytest_lacks(nodes: Iterable[str]) -> list[str]:
    """Give the nodes with a case that pytest does not find; a run that finds none of them all says so too."""
    cases = sorted({node for node in nodes if node.endswith("]")})
    files = sorted({node.partition("::")[0] for node in cases})
    if not cases:
        return []
    pytest_ = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
    ]
    plain = {
        name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"
    }  # ours is to be read
    found = subprocess.run(
        [*pytest_, *files], cwd=ROOT, env=plain, capture_output=True, text=True, check=False
    )
    return [node for node in cases if node not in found.stdout.splitlines()]


def defects(row: Row) -> list[str]:
    """Say what is wrong with a row, its cases aside."""
    later = re.fullmatch(r"([1-8]) of 8", row["later"])
    found = [f"{node} does not exist" for node in nodes_of(row) if names_no_test(node)]
    if not (row["test"] or row["later"]):
        found.append("neither a test nor a later piece of work")
    if row["later"] and not later:
        found.append(f"{row['later']!r} is no piece of work")
    if later and int(later[1]) <= DONE:
        found.append(f"{row['later']} is done, and shows it not")
    return found


def test_every_requirement_stands_there_once_and_in_order() -> None:
    assert [row["id"] for row in requirements()] == IDS


def test_every_requirement_has_a_test_or_a_later_piece_of_work() -> None:
    wrong = {row["id"]: found for row in requirements() if (found := defects(row))}

    assert wrong == {}, "\n".join(f"{name}: {', '.join(found)}" for name, found in wrong.items())


def test_every_case_that_is_named_is_one() -> None:
    assert cases_pytest_lacks(node for row in requirements() for node in nodes_of(row)) == []


def test_the_threat_model_names_requirements_and_leaves_only_finance_out() -> None:
    named = set(
        re.findall(r"\bS\d\d\b", (ROOT / "docs/security/threat-model.md").read_text(encoding="utf-8"))
    )
    # being right, which is no threat's business
    elsewhere = {"S29", "S32", "S33", "S34", "S35", "S39", "S42", "S43", "S44", "S55"}

    assert named <= set(IDS)
    assert set(IDS) - named == elsewhere


@pytest.mark.parametrize(
    ("test", "later"),
    [
        ("", ""),
        ("", "some day"),
        ("", "9 of 8"),
        ("", f"{DONE} of 8"),
        ("tests/test_tidy.py::test_every_rule_reads_files", f"{DONE} of 8"),
        ("tests/gone.py::test_it", ""),
        ("tests/test_docs.py::test_gone", f"{DONE + 1} of 8"),
        ("tests/test_tidy.py::strays", ""),
        ("tests/test_tidy.py", ""),
    ],
)
def test_an_unproven_requirement_is_noticed(test: str, later: str) -> None:
    assert defects({"id": "S00", "test": test, "later": later})


def test_a_case_that_nobody_wrote_is_noticed() -> None:
    there = "tests/test_tidy.py::test_the_project_keeps[SQL is never put together from strings]"
    gone = "tests/test_tidy.py::test_the_project_keeps[a rule that nobody wrote]"

    assert cases_pytest_lacks([there, gone]) == [gone]
