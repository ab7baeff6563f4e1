"""Count the published cases that run and those that do not: `python scripts/published_cases.py`.

Prints docs/reference/published-cases.md as it should be, from the tests that pytest collects in tests/golden and the
suites in ../shared/data; a test compares. With `--write` the page is put in the place of the old one. What a suite
has to say for itself: tests/published.py. Ends with 1 where a case is neither run nor skipped, or both.
"""

import contextlib
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference/published-cases.md"

sys.path.insert(0, str(ROOT / "tests"))  # as pytest does, before published is imported

from books import SHARED_DATA  # noqa: E402 - after the path
from published import Reason, Skip, load_suite  # noqa: E402 - after the path

INTRODUCTION = """\
# Published cases

Figures that others have published, with the inputs they follow from: test suites of open projects, textbooks,
regulations. Each is a file of `../shared/data/vectors/cases`, and a module of `tests/golden` says how it runs. This
page is counted from the tests that pytest collects (`make published`); every case either runs, and then passes, or
stands here with one of four reasons.
"""


class UncountedError(Exception):
    """Cases are neither run nor skipped, or both, or skipped and not in the suite."""

    def __init__(
        self, suite: str, neither: Iterable[str], both: Iterable[str], unknown: Iterable[str]
    ) -> None:
        """Name them."""
        super().__init__(
            f"{suite}: neither run nor skipped {sorted(neither)}, both {sorted(both)}, unknown {sorted(unknown)}."
        )


@dataclass(frozen=True)
class Suite:
    """A suite with the cases it runs and those it skips."""

    name: str
    source: str
    run: frozenset[str]
    skipped: dict[str, Skip]

    @property
    def reasons(self) -> Counter[Reason]:
        """Count the skipped cases by reason."""
        return Counter(skip.reason for skip in self.skipped.values())

    @classmethod
    def of(cls, content: dict[str, Any], named: set[str], skipped: dict[str, Skip]) -> "Suite":
        """Check that every case of a suite is either run or skipped."""
        known = {case["id"] for case in content["cases"]}
        run = known & named
        if (known - run) ^ skipped.keys():
            neither, both, unknown = (
                known - run - skipped.keys(),
                run & skipped.keys(),
                skipped.keys() - known,
            )
            raise UncountedError(content["suite"], neither, both, unknown)
        return cls(content["suite"], content["source"], frozenset(run), skipped)


class Collector:
    """A plugin of pytest that keeps what it collected."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the tests."""
        self.items = session.items


def cases_of(item: pytest.Item) -> Iterator[str]:
    """Give the ids of cases that a test's mark or parameters name."""
    for mark in item.iter_markers("runs"):
        yield from mark.args
    for value in getattr(getattr(item, "callspec", None), "params", {}).values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict) and "id" in value:
            yield value["id"]


def collect() -> list[Suite]:
    """Collect tests/golden, and count each suite in it."""
    collector = Collector()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        code = pytest.main(
            ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/golden"],
            plugins=[collector],
        )
    if code:
        sys.exit(f"pytest could not collect tests/golden ({code}); run it to see why.")
    return count(item for item in collector.items if hasattr(getattr(item, "module", None), "SUITE"))


def count(items: Iterable[Any]) -> list[Suite]:
    """Count the suites of tests; one may be spread over several modules."""
    contents: dict[str, dict[str, Any]] = {}
    named: dict[str, set[str]] = defaultdict(set)
    skipped: dict[str, dict[str, Skip]] = defaultdict(dict)
    for item in items:
        content = item.module.SUITE
        named[content["suite"]].update(cases_of(item))
        if hasattr(item.module, "SKIPPED"):
            contents[content["suite"]] = content
            skipped[content["suite"]].update(item.module.SKIPPED)
    return [Suite.of(contents[name], named[name], skipped[name]) for name in sorted(contents)]


def table(suites: list[Suite]) -> Iterator[str]:
    """Give the counts: a row a suite, and the sums."""
    yield (
        "| suite | cases | passed | skipped | "
        + " | ".join(reason.value for reason in Reason)
        + " | source |"
    )
    yield "|---|--:|--:|--:|" + "--:|" * len(Reason) + "---|"
    for suite in suites:
        yield row(f"`{suite.name}`", len(suite.run), suite.reasons, suite.source)
    whole: Counter[Reason] = sum((suite.reasons for suite in suites), Counter())
    yield row("all", sum(len(suite.run) for suite in suites), whole, "")


def row(name: str, passed: int, reasons: Counter[Reason], source: str) -> str:
    """Write a row of the table."""
    skipped = reasons.total()
    counts = [passed + skipped, passed, skipped, *(reasons[reason] for reason in Reason)]
    return f"| {name} | " + " | ".join(map(str, counts)) + f" | {source} |"


def details(suites: list[Suite]) -> Iterator[str]:
    """Give what each reason means in each suite, with the number of cases."""
    yield "## Why cases are skipped\n"
    for suite in suites:
        for skip, cases in Counter(suite.skipped.values()).items():
            yield f"- `{suite.name}`, {skip.reason.value}, {cases}: {skip.detail.removesuffix('.')}."


def untouched(suites: list[Suite]) -> Iterator[str]:
    """Name the suites beside the checkout that no module runs."""
    known = {suite.name for suite in suites}
    for path in sorted((SHARED_DATA / "vectors/cases").glob("*.json")):
        if path.stem not in known:
            yield f"- `{path.stem}` ({len(load_suite(path.stem)['cases'])})"


def page(suites: list[Suite]) -> str:
    """Write the page."""
    parts = [INTRODUCTION, *table(suites), "", *details(suites)]
    if rest := list(untouched(suites)):
        parts += ["", "## Suites not taken up yet", "", *rest]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    os.chdir(ROOT)
    text = page(collect())
    if "--write" in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
