"""The screen of `doctor`: one line a check."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from steelyard.cli.screens.cells import title


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes:
        name: what was looked at.
        verdict: how it is.
        found: what was found.
        next_step: what to do about it; empty where nothing is to be done.
    """

    name: str
    verdict: Verdict
    found: str
    next_step: str = ""


_STYLES: Final = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


def checks(results: Sequence[Check]) -> Group:
    """Show every check, and in the last line how all of it is."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True)
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    for check in results:
        found = Text(check.found)
        if check.next_step:
            found.append(f"\n→ {check.next_step}", "dim")
        lines.add_row(Text(check.verdict, _STYLES[check.verdict]), check.name, found)
    return Group(title("Doctor"), "", lines, "", _sum_up(results))


def _sum_up(results: Sequence[Check]) -> Text:
    failed = sum(check.verdict is Verdict.FAIL for check in results)
    warned = sum(check.verdict is Verdict.WARN for check in results)
    if not failed and not warned:
        return Text("Everything is well.", "green")
    return Text(
        f"{len(results)} checks: {failed} failed, {warned} with a warning.", "red" if failed else "yellow"
    )
