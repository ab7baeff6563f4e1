"""Yahoo's chart service: the last price of one symbol a request, without a key; docs/decisions says why this one.

It is no published interface and may change or refuse at any time. Its history is restated for splits, and written in
single precision: it is not taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from urllib.parse import quote as in_path

from steelyard.market.port import AssetKey, BarPage, Quote, SourceDownError, SourceRefusedError, Told
from steelyard.market.said import number_of, part_of
from steelyard.market.symbol import askable
from steelyard.market.way import Way, together

ADDRESS: Final = "https://query1.finance.yahoo.com"
NAME: Final = "yahoo"
UNITS: Final = {"GBp": "GBX", "ZAc": "ZAC", "ILA": "ILA"}
"""How it writes quotation units that are a fraction of a currency."""


@dataclass(frozen=True, slots=True)
class YahooSource:
    """Last prices from Yahoo."""

    way: Way

    @property
    def name(self) -> str:
        """What it is called in prices and settings."""
        return NAME

    async def get_quotes(self, assets: Sequence[AssetKey]) -> Mapping[str, Told]:
        """Return asset → last price, of those that it has, or why it does not answer."""
        known = list(askable(assets))
        answers = await together(self._quote(asset) for asset in known)
        return {asset.asset_id: told for asset, told in zip(known, answers, strict=True) if told is not None}

    async def get_bars(self, asset: AssetKey, first: date, last: date, page: str = "") -> BarPage:
        """Refuse.

        Raises:
            SourceRefusedError: always.
        """
        del asset, first, last, page
        raise SourceRefusedError(NAME, "its history is restated for splits; take that of another source")

    async def close(self) -> None:
        """Keep nothing open: the way out belongs to who opened it."""

    async def _quote(self, asset: AssetKey) -> Quote | None:
        path = f"/v8/finance/chart/{in_path(asset.symbol, safe='')}"
        try:
            said = await self.way.get_object(path, {"interval": "1d", "range": "1d"})
        except SourceRefusedError as error:
            if error.is_unknown:
                return None
            raise
        results = part_of(said, "chart").get("result")
        meta = part_of(results[0], "meta") if isinstance(results, list) and results else {}
        seconds, unit = meta.get("regularMarketTime"), meta.get("currency")
        if "regularMarketPrice" not in meta or not isinstance(seconds, int) or not isinstance(unit, str):
            raise SourceDownError(NAME, "its answer is of another shape than it used to be")
        return Quote(
            asset_id=asset.asset_id,
            price=number_of(meta["regularMarketPrice"]),
            currency=UNITS.get(unit, unit),
            made_at=datetime.fromtimestamp(seconds, UTC),
            source=NAME,
        )
