"""The screen of links to brokers."""

from collections.abc import Sequence

from rich.console import Group

from steelyard.cli.screens.cells import Listing, note, title
from steelyard.cli.screens.user import moment
from steelyard.storage.broker_link import BrokerLink


def listed(links: Sequence[BrokerLink]) -> Group:
    """Show the links; none of this opens anything."""
    if not links:
        return Group(
            title("Brokers"), "There is no link.", note("Make one: steelyard brokers link paper practice")
        )
    listing = Listing("Link", "!Broker", "!Environment", "Accounts", "?!Synced", "?!Ended")
    for link in links:
        listing.add_row(
            link.link_name,
            link.broker,
            link.environment,
            ", ".join(link.accounts) or "–",
            moment(link.synced_at),
            moment(link.ended_at),
        )
    return Group(title("Brokers"), "", listing)
