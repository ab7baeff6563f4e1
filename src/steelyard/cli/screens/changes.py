"""The screen of what changed between two versions."""

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, change_of, facts, money, note, title
from steelyard.services.changes import AssetMove, CategoryMove, Changes, Side, ValueMove

MOST_LINES: Final = 20


def changed(changes: Changes) -> Group:
    """Show the totals of both sides and what makes the difference."""
    before, after = changes.before, changes.after
    parts: list[RenderableType] = [
        title(f"Changes from version {before.version} to {after.version}"),
        "",
        facts(
            [
                ("As of", f"{before.as_of} → {after.as_of}"),
                ("Total value", _totals(before, after)),
                ("Assets", f"{before.total_assets:,} → {after.total_assets:,}"),
            ]
        ),
        "",
        *_assets("Assets in", changes.assets_in),
        *_assets("Assets out", changes.assets_out),
        *_categories(changes.category_moves),
        *_values(changes.value_moves, after.base_currency),
    ]
    if not (changes.assets_in or changes.assets_out or changes.category_moves or changes.value_moves):
        parts += [_quiet(before, after), ""]
    return Group(*parts, note(f"all accounts · money in {after.base_currency}"))


def _quiet(before: Side, after: Side) -> str:
    if before.base_currency != after.base_currency:
        return "No asset came, went or changed its category; values in two currencies are not compared."
    return "No asset came or went, no category changed and no value moved; other figures may have."


def _totals(before: Side, after: Side) -> Text:
    old, new = before.total_value, after.total_value
    text = Text.assemble(
        f"{money(old)} {before.base_currency} → ", (f"{money(new)} {after.base_currency}", "bold")
    )
    if before.base_currency == after.base_currency and old > 0:
        text.append("  ").append(change_of(float(new / old - 1)))
    return text


def _assets(name: str, moves: Sequence[AssetMove]) -> list[RenderableType]:
    listing = Listing("Asset", "Name", ">Value")
    for move in moves[:MOST_LINES]:
        listing.add_row(move.asset_id, move.asset_name, money(move.market_value))
    return _part(name, listing, moves)


def _categories(moves: Sequence[CategoryMove]) -> list[RenderableType]:
    listing = Listing("Asset", "Name", "Category", "Before", "After")
    for move in moves[:MOST_LINES]:
        listing.add_row(move.asset_id, move.asset_name, move.category, move.before, move.after)
    return _part("Other categories", listing, moves)


def _values(moves: Sequence[ValueMove], currency: str) -> list[RenderableType]:
    listing = Listing("Asset", "Name", "?>Before", f">Value {currency}", ">Change", ">Percent")
    for move in moves:
        listing.add_row(
            move.asset_id,
            move.asset_name,
            money(move.before),
            money(move.after),
            f"{'+' if move.amount > 0 else ''}{money(move.amount)}",
            change_of(move.change),
        )
    return _part("Biggest moves of value", listing, moves, shown=len(moves))


def _part(
    name: str, listing: Listing, moves: Sequence[Any], *, shown: int = MOST_LINES
) -> list[RenderableType]:
    if not listing:
        return []
    more = len(moves) - shown
    rest = [note(f"… and {more:,} more; `steelyard changes --json` has all.")] if more > 0 else []
    return [title(f"{name}, {len(moves):,}"), listing, *rest, ""]
