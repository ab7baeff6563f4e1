"""The screens of fills."""

from collections.abc import Sequence

from rich.console import Group

from steelyard.cli.screens.cells import UNKNOWN, Listing, note, quantity, title
from steelyard.cli.screens.user import moment
from steelyard.domain.fill import Fill


def listed(fills: Sequence[Fill]) -> Group:
    """Show fills, the newest first."""
    if not fills:
        return Group(title("Fills"), "There is none.")
    return Group(title("Fills"), "", _listing(fills))


def suspended(fills: Sequence[Fill]) -> Group:
    """Show the fills in suspense, the oldest first, and what is to be done."""
    if not fills:
        return Group(title("Suspense"), "There is none: the ledger says all that was executed.")
    unknown = sum(fill.account_id is None for fill in fills)
    todo = [note(f"{unknown} wait for you: steelyard fills assign LINK FILL …")] if unknown else []
    return Group(title("Suspense"), "", _listing(fills), *todo)


def _listing(fills: Sequence[Fill]) -> Listing:
    listing = Listing("!Executed", "!Fill", "?Account", "Asset", "!Side", ">Quantity", ">Price", "?Note")
    for fill in fills:
        listing.add_row(
            moment(fill.executed_at),
            fill.execution_id,
            fill.account_id or UNKNOWN,
            fill.asset_id or fill.symbol,
            fill.side.value,
            quantity(fill.quantity),
            f"{quantity(fill.price)} {fill.currency}",
            fill.suspended_because or ("taken back" if fill.busted_at else UNKNOWN),
        )
    return listing
