"""The screen of holds."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import note, title
from steelyard.cli.screens.user import moment
from steelyard.services.hold import Hold


def listed(holds: Sequence[Hold]) -> Group:
    """Show what is held, the newest first."""
    if not holds:
        return Group(title("Holds"), "Nothing is held.")
    return Group(title("Holds"), *(line for hold in holds for line in _lines(hold)))


def _lines(hold: Hold) -> Iterator[RenderableType]:
    whose = hold.account_id or (f"order {hold.order_id}" if hold.order_id else "everybody")
    yield ""
    yield Text(f"{hold.hold_id}  {hold.kind.replace('_', ' ')} of {whose}", style="bold")
    yield Text(f"  {hold.reason}")
    yield note(f"  by {hold.made_by}, {moment(hold.made_at)}")
    if hold.released_at is not None:
        yield note(f"  released by {hold.released_by}, {moment(hold.released_at)}: {hold.release_reason}")
