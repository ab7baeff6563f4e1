"""Alpaca's Market Data API v2: prices of US shares, many in one request, and their daily history as traded.

Source: the published OpenAPI of the Market Data API; tests check every request and every sample answer against it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from steelyard.domain.calendar import time_zone
from steelyard.market.port import AssetKey, Bar, BarPage, Quote, SourceDownError, SourceRefusedError, Told
from steelyard.market.said import moment_of, number_of, part_of, positive_of
from steelyard.market.symbol import askable
from steelyard.market.way import Way, together

ADDRESS: Final = "https://data.alpaca.markets"
NAME: Final = "alpaca"
CURRENCY: Final = "USD"
SYMBOLS_AT_ONCE: Final = 100
BARS_AT_ONCE: Final = 1000
NEW_YORK: Final = time_zone("XNYS")


@dataclass(frozen=True, slots=True)
class AlpacaSource:
    """Prices and daily closes from Alpaca."""

    way: Way

    @property
    def name(self) -> str:
        """What it is called in prices and settings."""
        return NAME

    async def get_quotes(self, assets: Sequence[AssetKey]) -> Mapping[str, Told]:
        """Return asset → newest price, of those that it has, or why it does not answer.

        The price is that of the last trade, else the middle of bid and ask, else the close of the newest bar.
        """
        known = list(askable(assets))
        parts = [known[at : at + SYMBOLS_AT_ONCE] for at in range(0, len(known), SYMBOLS_AT_ONCE)]
        answers = await together(self._snapshots(part) for part in parts)
        pairs = (_told(part, answer) for part, answer in zip(parts, answers, strict=True))
        return {asset_id: told for pair in pairs for asset_id, told in pair}

    async def get_bars(self, asset: AssetKey, first: date, last: date, page: str = "") -> BarPage:
        """Return the sessions of a period, both days included, a page at a time: closes as they were traded.

        Raises:
            SourceDownError: it does not answer, or not in a way that can be read.
            SourceRefusedError: it has no prices of such an asset.
        """
        if asset.currency != CURRENCY:
            raise SourceRefusedError(
                NAME, f"its prices are in {CURRENCY}, and {asset.asset_id} is in {asset.currency}"
            )
        if not list(askable([asset])):
            raise SourceRefusedError(NAME, f"{asset.symbol!r} is no symbol that it can be asked for")
        query = {
            "symbols": asset.symbol,
            "timeframe": "1Day",
            "start": f"{first}T00:00:00Z",
            "end": f"{last}T23:59:59Z",
            "limit": str(BARS_AT_ONCE),
            "adjustment": "raw",
            **({"page_token": page} if page else {}),
        }
        said = await self.way.get_object("/v2/stocks/bars", query)
        rows = part_of(said, "bars").get(asset.symbol) or ()
        return BarPage([self._bar(asset, row) for row in rows], said.get("next_page_token") or "")

    async def close(self) -> None:
        """Keep nothing open: the way out belongs to who opened it."""

    async def _snapshots(self, assets: Sequence[AssetKey]) -> Mapping[str, Any]:
        symbols = ",".join(asset.symbol for asset in assets)
        return await self.way.get_object("/v2/stocks/snapshots", {"symbols": symbols})

    def _bar(self, asset: AssetKey, row: object) -> Bar:
        begun = moment_of(row.get("t")) if isinstance(row, Mapping) else None
        if begun is None or not isinstance(row, Mapping):
            raise SourceDownError(NAME, f"a session of {asset.symbol} has no time")
        return Bar(
            asset_id=asset.asset_id,
            price_date=begun.astimezone(NEW_YORK).date(),
            close=number_of(row.get("c")),
            volume=number_of(row["v"]) if "v" in row else None,
        )


def _told(
    assets: Sequence[AssetKey], answer: Mapping[str, Any] | SourceDownError
) -> Iterator[tuple[str, Told]]:
    """Yield what an answer says of each asset that it was asked for."""
    for asset in assets:
        told = answer if isinstance(answer, SourceDownError) else _quote(asset, answer.get(asset.symbol))
        if told is not None:
            yield asset.asset_id, told


def _quote(asset: AssetKey, snapshot: object) -> Quote | None:
    """Return the newest price of a snapshot; None where it has none."""
    trade, quote = part_of(snapshot, "latestTrade"), part_of(snapshot, "latestQuote")
    bid, ask = positive_of(quote.get("bp")), positive_of(quote.get("ap"))
    middle = (bid + ask) / 2 if bid is not None and ask is not None else None
    bars = (part_of(snapshot, name) for name in ("minuteBar", "dailyBar", "prevDailyBar"))
    found = [
        (number_of(trade["p"]) if "p" in trade else None, trade.get("t")),
        (middle, quote.get("t")),
        *((positive_of(bar.get("c")), bar.get("t")) for bar in bars),
    ]
    for price, said in found:
        made_at = moment_of(said)
        if price is not None and made_at is not None:
            return Quote(
                asset_id=asset.asset_id,
                price=price,
                currency=CURRENCY,
                made_at=made_at,
                source=NAME,
                bid=bid,
                ask=ask,
            )
    return None
