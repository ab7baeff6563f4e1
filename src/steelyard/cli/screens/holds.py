"""The screen of holds."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import note, short_keys, title
from steelyard.cli.screens.user import moment
from steelyard.services.hold import Hold


def listed(holds: Sequence[Hold]) -> Group:
    """Show what is held, the newest first."""
    if not holds:
        return Group(title("Holds"), "Nothing is held.")
    keys = short_keys([hold.hold_id for hold in holds])
    orders = short_keys([hold.order_id for hold in holds if hold.order_id])
    return Group(title("Holds"), *(line for hold in holds for line in _lines(hold, keys | orders)))


def _lines(hold: Hold, keys: Mapping[UUID, str]) -> Iterator[RenderableType]:
    whose = hold.account_id or (f"order {keys[hold.order_id]}" if hold.order_id else "everybody")
    yield ""
    yield Text(f"{keys[hold.hold_id]}  {hold.kind.replace('_', ' ')} of {whose}", style="bold")
    yield Text(f"  {hold.reason}")
    yield note(f"  by {hold.made_by}, {moment(hold.made_at)}")
    if hold.released_at is not None:
        yield note(f"  released by {hold.released_by}, {moment(hold.released_at)}: {hold.release_reason}")
