"""Screen of a book: how many accounts are proven, how many are not, and what limits the answers."""

from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType

from steelyard.cli.screens.cells import Listing, bars, facts, note, percentage, title
from steelyard.services.book import BookSummary

MOST_STALE: Final = 10

_MEANINGS: Final = {
    "optimal": "no trades come nearer; proven",
    "within_gap": "others are better by the gap at most",
    "infeasible": "no trades keep every constraint",
    "refused": "something is not known or not right",
}


def summary(done: BookSummary, output: Path | None) -> Group:
    """Show what became of the accounts."""
    if not done.accounts:
        return Group(
            title("Rebalance the book"), "", "No account follows a model; load accounts with their model_id."
        )
    return Group(
        title("Rebalance the book"),
        "",
        _statuses(done),
        "",
        facts(
            [("Accounts", f"{done.accounts:,}"), ("Trades", f"{done.trades:,}"), ("As of", f"{done.as_of}")]
        ),
        "",
        *_stale(done),
        *(note(f"Note: {said}") for said in done.notes),
        f"Wrote {output}." if output else note("Nothing was written; --output FILE writes the answers."),
    )


def _statuses(done: BookSummary) -> Listing:
    listing = Listing("Answer", ">Accounts", ">Share", "=", "?Means")
    counts = [done.statuses[status] for status in _MEANINGS]
    for (status, meaning), count, bar in zip(_MEANINGS.items(), counts, bars(counts), strict=True):
        listing.add_row(status, f"{count:,}", percentage(100 * count / done.accounts), bar, meaning)
    return listing


def _stale(done: BookSummary) -> list[RenderableType]:
    if not done.stale_prices:
        return []
    shown = sorted(done.stale_prices.items(), key=lambda item: (-item[1], item[0]))[:MOST_STALE]
    more = len(done.stale_prices) - len(shown)
    named = ", ".join(f"{asset} ({age})" for asset, age in shown) + (f" and {more:,} more" if more else "")
    fate = (
        f"used: {done.stale_reason}" if done.stale_reason else "not used; accounts that need them are refused"
    )
    return [note(f"Prices more than three sessions old, {fate}: {named}."), ""]
