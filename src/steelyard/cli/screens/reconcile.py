"""The screens of reconciling: what came of each link, and breaks."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import UNKNOWN, Listing, note, quantity, short_keys, title
from steelyard.cli.screens.user import moment
from steelyard.services.broker_reconciliation import Break
from steelyard.services.sync import Synced, SyncedLink


def reconciled(done: Sequence[SyncedLink]) -> Group:
    """Show what came of each link."""
    if not done:
        return Group(title("Reconciled"), "No link has accounts: steelyard brokers attach LINK ACCOUNT")
    return Group(title("Reconciled"), *(line for one in done for line in _of_link(one)))


def listed(breaks: Sequence[Break]) -> Group:
    """Show breaks, the newest first."""
    if not breaks:
        return Group(title("Breaks"), "There is none: brokers and the ledger say the same.")
    return Group(title("Breaks"), "", _listing(breaks))


def _of_link(one: SyncedLink) -> Iterator[RenderableType]:
    if one.synced is None:
        yield Text(f"{one.link_name}: {one.fault}", style="red")
        return
    yield _summary(one.link_name, one.synced)
    for activity in one.synced.unbooked:
        yield Text(f"  not booked: {activity.activity.activity_id} {activity.why}", style="red")
    for account_id, names in sorted(one.synced.reconciled.undecided.items()):
        yield note(f"  not judged while orders are at the broker: {account_id} ({', '.join(names)})")
    standing = [*one.synced.reconciled.found, *one.synced.reconciled.standing]
    if standing:
        yield _listing(standing)


def _summary(name: str, done: Synced) -> str:
    seen = done.reconciled
    parts = [
        f"{len(seen.accounts)} accounts",
        f"{done.fills} fills",
        f"{done.activities} activities",
        f"{len(seen.found)} breaks found",
        f"{len(seen.standing)} standing",
        f"{len(seen.resolved)} gone",
    ]
    return f"{name}: {', '.join(parts)}"


def _listing(breaks: Sequence[Break]) -> Listing:
    keys = short_keys([one.break_id for one in breaks])
    listing = Listing("!Break", "Account", "Of", ">Ledger", ">Broker", "?!Found", "?Resolved")
    for one in breaks:
        by = f"{one.resolved_by}: {one.explanation}".rstrip(": ") if one.resolved_by else UNKNOWN
        listing.add_row(
            keys[one.break_id],
            one.account_id,
            one.commodity,
            quantity(one.ledger_quantity),
            quantity(one.broker_quantity),
            moment(one.found_at),
            by,
        )
    return listing
