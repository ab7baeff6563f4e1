"""Screens of personal data: what an erasure did, and the legal holds."""

from collections.abc import Sequence

from rich.console import Group

from steelyard.cli.screens.cells import Listing, day, facts, note, title
from steelyard.services.personal_data import Erased
from steelyard.storage.personal_data import LegalHold


def erased(done: Erased) -> Group:
    """Show what an erasure deleted, and what stays."""
    rows = [(table, f"{count:,} rows deleted") for table, count in done.rows.items() if count]
    stays = "Nothing leads from the key to the person any more." if done.is_whole else _stays(done)
    return Group(title(f"User {done.user_id}"), "", facts(rows), "", note(stays))


def _stays(done: Erased) -> str:
    when = f"until {done.retained_until}" if done.retained_until else "until you erase them without --early"
    return f"Name and login name stay {when}."


def holds(found: Sequence[LegalHold]) -> Group:
    """Show legal holds."""
    if not found:
        return Group(title("Legal holds"), "", "None stands.")
    listing = Listing("!Hold", "On", "Reason", "?!Placed", "?By", "?!Released")
    for hold in found:
        on = "everybody" if hold.user_id is None else f"user {hold.user_id}"
        released = day(hold.released_at and hold.released_at.date())
        listing.add_row(
            str(hold.hold_id), on, hold.reason, day(hold.placed_at.date()), hold.placed_by, released
        )
    return Group(title("Legal holds"), "", listing)
