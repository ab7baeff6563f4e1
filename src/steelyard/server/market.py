"""Where a server asks for prices."""

from typing import Annotated

from fastapi import Depends, Request

from steelyard.market.port import Market


def market_of(request: Request) -> Market | None:
    """Return the price sources of the server; None = the settings name none."""
    market: Market | None = request.app.state.market
    return market


async def _market(request: Request) -> Market | None:
    return market_of(request)  # a dependency that waits for nothing needs no thread


AskedMarket = Annotated[Market | None, Depends(_market)]
"""The price sources that the settings name; None = there are none."""
