"""Current prices, each with its source, its time and how far it is trusted."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request

from steelyard.api.answer import Answer
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.market.port import CheckedPrice, Market
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import AssetId
from steelyard.server.permits import permits
from steelyard.services.market import read_prices

MOST_ASSETS: Final = 500

router = APIRouter(tags=["prices"], dependencies=[permits(Verb.READ, ObjectType.ASSET)])


@router.get("/prices", response_model=list[CheckedPrice])
async def list_prices(
    request: Request,
    browser: AskingBrowser,
    asset: Annotated[list[AssetId], Query(min_length=1, max_length=MOST_ASSETS)],
    source: Literal["market", "stored"] = "market",
) -> Answer:
    """The newest price of each asset, where it is from, and what speaks against it; one that has none says why."""
    market: Market | None = request.app.state.market if source == "market" else None
    prices = await read_prices(asset, now=browser.now, market=market)
    return Answer(list(prices.values()))
