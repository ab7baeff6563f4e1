"""Quality flags: what limits an asset's figures, in words."""

from rich.console import RenderableType

from steelyard.cli.screens.cells import Listing, note
from steelyard.services.quality import meaning
from steelyard.storage.asset_360 import Document


def quality(document: Document) -> list[RenderableType]:
    """Return how many assets carry each flag, most first; nothing where none does."""
    if not document.quality:
        return []
    listing = Listing("Data quality", ">Assets", "Means")
    for flag, assets in sorted(document.quality.items(), key=lambda item: (-item[1], item[0])):
        listing.add_row(flag, f"{assets:,}", note(meaning(flag)))
    return [listing, ""]
