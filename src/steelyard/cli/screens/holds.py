"""The screen of holds."""

from collections.abc import Sequence

from rich.console import Group

from steelyard.cli.screens.cells import UNKNOWN, Listing, title
from steelyard.cli.screens.user import moment
from steelyard.services.hold import Hold


def listed(holds: Sequence[Hold]) -> Group:
    """Show what is held, the newest first."""
    if not holds:
        return Group(title("Holds"), "Nothing is held.")
    listing = Listing("!Hold", "!Kind", "Of", "!Since", "Why", "?Released")
    for hold in holds:
        listing.add_row(
            f"{hold.hold_id}",
            hold.kind,
            hold.account_id or (f"order {hold.order_id}" if hold.order_id else "everybody"),
            moment(hold.made_at),
            hold.reason,
            f"by {hold.released_by}: {hold.release_reason}" if hold.released_by else UNKNOWN,
        )
    return Group(title("Holds"), "", listing)
