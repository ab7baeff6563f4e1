"""Screens of tables that are attached, let go, and compared."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType

from steelyard.cli.screens.cells import UNKNOWN, Listing, facts, money, note, title
from steelyard.cli.screens.data import refreshed
from steelyard.services.attachment import Detached, Gap
from steelyard.services.comparison import Comparison, Difference
from steelyard.statements.mapping import table_columns

if TYPE_CHECKING:
    from steelyard.cli.attach import Answers

DERIVED: Final = {"performance_history", "risk_metrics"}


def attached(answers: "Answers") -> Group:
    """Show what is read where, what came of it, and how it differs from what was there."""
    listing = Listing("Table", "Read from")
    for name, source in answers.attached.sources.items():
        listing.add_row(name, source)
    parts: list[RenderableType] = [title("Attached"), "", listing, ""]
    parts += [
        note(
            f"{name}: {'derived from market_data' if name in DERIVED else 'nothing is attached; it is empty'}."
        )
        for name in answers.attached.left_out
    ]
    parts += [note(sentence) for gap in answers.attached.gaps for sentence in _gap_sentences(gap)]
    parts.append(refreshed(answers.refresh) if answers.refresh else note("Next: steelyard refresh"))
    if answers.comparison is not None:
        parts += ["", compared(answers.comparison)]
    return Group(*parts)


def _gap_sentences(gap: Gap) -> Iterator[str]:
    if gap.left_out:
        needed = ", ".join(
            c.name for c in table_columns()[gap.table].values() if c.required and not c.nullable
        )
        yield f"{_rows(gap, gap.left_out)} without one of {needed}, not counted."
    if gap.unknown_rows:
        yield (
            f"{_rows(gap, gap.unknown_rows)} of an asset that asset_master lacks, as {gap.unknown_asset}, "
            "not counted."
        )


def _rows(gap: Gap, count: int) -> str:
    return f"{gap.table}: {count:,} {'row' if count == 1 else 'rows'} of {gap.source}"


def detached(done: Detached) -> Group:
    """Say what is left."""
    if done.store_kept:
        return Group(
            "Your tables are let go; the store is empty.",
            note("Next: steelyard attach, or steelyard load DIR"),
        )
    parts: list[RenderableType] = ["Your tables are let go, and the schema steelyard is gone."]
    if done.roles_left:
        parts.append(
            note(
                f"Roles that something else still needs, or that are not ours to drop: {', '.join(done.roles_left)}."
            )
        )
    return Group(*parts)


def compared(comparison: Comparison) -> Group:
    """Show the causes first, then the columns."""
    return Group(
        title(f"{comparison.source} beside asset 360"),
        note(f"version {comparison.version} as of {comparison.as_of}, all accounts"),
        "",
        _sizes(comparison),
        "",
        _faults(comparison),
        "",
        _columns(comparison),
    )


def _sizes(comparison: Comparison) -> RenderableType:
    theirs = f"{comparison.their_rows:,} rows of {comparison.their_assets:,} assets, {money(comparison.their_total)}"
    ours = f"{comparison.our_assets:,} assets, {money(comparison.our_total)} {comparison.currency}"
    return facts([("Theirs", theirs), ("Ours", ours)])


def _faults(comparison: Comparison) -> RenderableType:
    if not comparison.faults:
        return "Every figure is the same."
    listing = Listing("Cause", ">Assets", ">Figures", "What it is", "?For example")
    for fault in comparison.faults:
        listing.add_row(
            fault.cause, f"{fault.assets:,}", f"{fault.figures:,}", fault.explanation, example(fault.example)
        )
    return listing


def _columns(comparison: Comparison) -> RenderableType:
    listing = Listing("Column", ">Same", ">Different", "Because of")
    for column in comparison.columns:
        causes = ", ".join(f"{cause} {count:,}" for cause, count in column.different.items())
        listing.add_row(column.column, f"{column.same:,}", f"{sum(column.different.values()):,}", causes)
    return listing


def example(difference: Difference) -> str:
    """Return one difference in a line."""
    if difference.column == "row":
        return difference.asset_id
    return f"{difference.asset_id} {difference.column}: {short(difference.theirs)} / {short(difference.ours)}"


def short(figure: str | None) -> str:
    """Return a figure with at most eight digits; a word as it is.

    >>> short("0.00133675032109"), short("HIGH"), short(None)
    ('0.0013367503', 'HIGH', '–')
    """
    if figure is None:
        return UNKNOWN
    try:
        return f"{float(figure):.8g}"
    except ValueError:
        return figure
