"""Screens of prices: what they are and how far they are trusted, and what a backfill did."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType

from steelyard.cli.screens.cells import Listing, day, facts, note, quantity, title
from steelyard.market.port import CheckedPrice
from steelyard.services.backfill import Backfill

MOST_NAMED: Final = 10


def current(prices: Sequence[CheckedPrice], *, limit: int) -> Group:
    """Show prices, those in doubt first, and below them why."""
    if not prices:
        return Group(title("Prices"), "", "The store has no asset that has a price.")
    listing = Listing("Asset", ">Price", "Currency", "Day", ">Sessions old", "Source", "Trust")
    for price in prices[:limit]:
        listing.add_row(
            price.asset_id,
            "–" if price.price is None else quantity(price.price),
            price.currency,
            day(price.price_date) if price.price_date else "–",
            f"{price.age}" if price.price_date else "",
            price.source or "–",
            price.quality.value,
        )
    doubts = [price.doubt for price in prices if price.doubt]
    good = len(prices) - len(doubts)
    return Group(
        title("Prices"), "", listing, "", *_named(doubts), note(f"{good:,} of {len(prices):,} are traded on.")
    )


def brought_in(done: Backfill) -> Group:
    """Show what a backfill did."""
    rows = [
        ("Period", f"{done.first_date} to {done.last_date}"),
        ("Looked at", f"{done.assets:,}, {done.complete:,} were complete"),
        ("New", f"{done.added:,} days, {done.corrected:,} corrected, {done.removed:,} taken back"),
        ("Kept", f"{done.kept:,} days that a file or another source has brought"),
        ("Volumes", f"{done.volumes:,} days"),
        ("In doubt", f"{done.quarantined:,} set aside, {done.flagged:,} flagged"),
    ]
    faults = [f"{name}: {reason}." for name, reason in done.faults.items()]
    more = [note("`steelyard refresh` derives what follows.")] if done.added or done.corrected else []
    return Group(title(f"History from {done.source}"), "", facts(rows), "", *_named(faults), *more)


def _named(sentences: Sequence[str]) -> list[RenderableType]:
    """Show the first sentences, and how many more there are."""
    if not sentences:
        return []
    rest = len(sentences) - MOST_NAMED
    more = [f"and {rest:,} more; --json has them all"] if rest > 0 else []
    return [*sentences[:MOST_NAMED], *more, ""]
