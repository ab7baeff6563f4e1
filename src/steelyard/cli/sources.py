"""The price sources that the settings name."""

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from steelyard.config import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steelyard.market.opening import Sources


def make_sources(settings: Settings) -> "Sources":
    """Make the sources that the settings name; nothing is asked yet.

    Raises:
        SteelyardError: the settings name none that there is, or not what one needs.
    """
    from steelyard.market.opening import Sources, SourceSettings

    keys = settings.alpaca_key_id, settings.alpaca_secret_key
    chosen = SourceSettings(
        order=settings.price_sources,
        folder=settings.price_folder,
        alpaca_keys=(keys[0], keys[1]) if keys[0] and keys[1] else None,
        alpaca_address=settings.alpaca_data_url,
        private_networks=settings.private_networks,
    )
    return Sources(chosen, clock=time.monotonic)


@asynccontextmanager
async def price_sources(settings: Settings) -> "AsyncIterator[Sources]":
    """Make the sources for one command."""
    sources = make_sources(settings)
    try:
        yield sources
    finally:
        await sources.close()
