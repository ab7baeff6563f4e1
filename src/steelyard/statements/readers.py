"""Every reader there is."""

from functools import cache

from steelyard.statements.camt import CamtReader
from steelyard.statements.ghostfolio import GhostfolioReader
from steelyard.statements.port import Reader


@cache
def get_readers() -> tuple[Reader, ...]:
    """Return the readers, in the order in which they look."""
    return (CamtReader(), GhostfolioReader())
