"""Screen of the report: what was written."""

from typing import TYPE_CHECKING

from rich.console import Group

from steelyard.cli.screens.cells import note, title

if TYPE_CHECKING:
    from steelyard.cli.report import WrittenReport


def written(answer: "WrittenReport") -> Group:
    """Say what was written, where to and how large it is."""
    return Group(
        title(f"Wrote {answer.output}, {answer.bytes / 1000:,.0f} kB"),
        note(f"as of {answer.as_of} · version {answer.version}"),
        note(answer.content_hash),
    )
