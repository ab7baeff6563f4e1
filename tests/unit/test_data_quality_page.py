"""docs/reference/data-quality.md and the code know the same kinds of findings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from steelyard.analytics.quality import JumpKind
from steelyard.domain.transaction import Fault, TransactionKind
from steelyard.services.quality import MEANINGS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/data-quality.md"
MAKERS = {"Fault", "Finding", "TableFileError", "_UnfitTextError", "_about_file", "_word_fault"}
KIND = re.compile(r"[a-z]+(_[a-z]+)*")
SOURCES = [
    *(ROOT / "src/steelyard/statements").glob("*.py"),
    *((ROOT / "src/steelyard/services" / name) for name in ("loading.py", "prices.py", "references.py")),
]


def kinds_described() -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))


def literals() -> set[str]:
    """Give every word in the sources of loading that could be a kind."""
    return {
        node.value
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KIND.fullmatch(node.value)
    }


def kinds_made() -> Iterator[str]:
    """Yield the words given to what makes a finding."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS:
                words = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                yield from (word for word in words if isinstance(word, str) and KIND.fullmatch(word))


def test_every_kind_that_is_made_is_described() -> None:
    assert set(kinds_made()) | set(JumpKind) | set(Fault) | MEANINGS.keys() <= kinds_described()


def test_every_kind_that_is_described_is_made() -> None:
    assert kinds_described() <= literals() | set(JumpKind) | set(Fault) | MEANINGS.keys()


def test_every_kind_of_transaction_is_described() -> None:
    page = (ROOT / "docs/reference/transaction-kinds.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", page, re.MULTILINE)
    assert {kind for row in rows for kind in re.findall("[A-Z_]+", row)} == set(TransactionKind)
