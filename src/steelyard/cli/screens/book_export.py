"""The screen of `export`: what was written, and how it comes back."""

from pathlib import Path

from rich.console import Group, RenderableType

from steelyard.cli.screens.cells import Listing, note, title
from steelyard.services.book_export import ExportFormat, ExportManifest


def exported(done: ExportManifest, directory: Path) -> Group:
    """Show each file, and what to do with them."""
    listing = Listing("File", ">Rows", "?>Bytes", "?SHA-256")
    for file in done.files:
        listing.add_row(file.name, f"{file.rows:,}", f"{file.bytes:,}", file.sha256[:16])
    way_back = (
        f"bean-check {directory / done.files[0].name}"
        if done.format is ExportFormat.BEANCOUNT
        else f"steelyard load {directory} --trust-prices, in an empty store"
    )
    parts: list[RenderableType] = [
        title("Export"),
        f"Of {done.scope}, as of {done.taken_at:%Y-%m-%d %H:%M} UTC, in {directory}.",
        "",
        listing,
        "",
        note(f"Not in it: {'; '.join(done.not_in_it)}."),
        note(f"Back: {way_back}"),
    ]
    return Group(*parts)
