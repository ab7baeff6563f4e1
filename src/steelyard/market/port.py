"""What every price source does for us; each source is a file beside this one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from steelyard.errors import UpstreamError


class SourceDownError(UpstreamError):
    """A source does not answer, or not in a way that can be read."""

    is_temporary = True

    def __init__(self, source: str, reason: str) -> None:
        """Name the source and what happened."""
        self.source, self.reason = source, reason
        super().__init__(f"The price source {source} gave no answer: {reason}.")


class SourceBusyError(SourceDownError):
    """A source was asked too often.

    Attributes:
        seconds: after which it may be asked again, as it says; None = it does not say.
    """

    def __init__(self, source: str, seconds: float | None) -> None:
        """Name the source."""
        self.seconds = seconds
        super().__init__(source, "it was asked too often")


class SourceRefusedError(SourceDownError):
    """A source refuses what it is asked; asking again does not help.

    Attributes:
        is_unknown: whether it says that there is no such thing.
    """

    is_temporary = False

    def __init__(self, source: str, reason: str, *, is_unknown: bool = False) -> None:
        """Name the source and the reason."""
        self.is_unknown = is_unknown
        super().__init__(source, reason)


class Quality(StrEnum):
    """How far a price is trusted; only what is good is traded on."""

    GOOD = "good"
    STALE = "stale"
    """Older than the sessions allowed."""
    OUTLIER = "outlier"
    """Far from the last price, without a corporate action that would explain it."""
    CROSSED = "crossed"
    """Its bid is not below its ask."""
    CURRENCY = "currency"
    """In another currency than the asset's, or pence taken for pounds."""
    SPLIT = "split"
    """About 2:1 or the like of the last price, and no split is known."""
    INVALID = "invalid"
    """No number, not above 0, or of the future."""
    MISSING = "missing"
    """No source has one."""


@dataclass(frozen=True, slots=True)
class AssetKey:
    """How an asset is asked for.

    Attributes:
        asset_id: ours.
        symbol: what sources call it; ours where nobody says.
        currency: the unit its prices are quoted in: ISO 4217, or a unit of minor_currencies.
        mic: the exchange; "" where nobody says.
    """

    asset_id: str
    symbol: str
    currency: str
    mic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A price as a source gave it, not yet checked.

    Attributes:
        price: of one unit, in `currency`: the last trade, else the middle of bid and ask.
        currency: as the source says; "" = it does not.
        made_at: when it was made, UTC.
        bid, ask: None = the source has none.
        source: which source.
        price_date: the exchange's day it is of; None = that of made_at.
    """

    asset_id: str
    price: Decimal
    currency: str
    made_at: datetime
    source: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    price_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPrice:
    """A price, and how far it is trusted.

    Attributes:
        price: of one unit in `currency`, never in a fraction of it such as pence; None = there is none.
        currency: ISO 4217.
        made_at: when it was made, UTC; None = there is none.
        source: where it is from; "" = nowhere.
        quality: GOOD, or why it is not traded on.
        doubt: the sentence that says so; "" where it is good.
        price_date: the exchange's day it is of; None = there is none.
        age: exchange sessions since that day, as far as anybody has to know: no more than weekdays.
    """

    asset_id: str
    price: Decimal | None
    currency: str
    made_at: datetime | None
    source: str
    quality: Quality
    doubt: str = ""
    price_date: date | None = None
    age: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it is traded on."""
        return self.quality is Quality.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A session of an asset: its close, in the asset's quotation unit, and the units traded; None = not said."""

    asset_id: str
    price_date: date
    close: Decimal
    volume: Decimal | None
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BarPage:
    """Some sessions, in order, and where the source goes on; "" = that is all."""

    bars: Sequence[Bar]
    next: str


Told = Quote | SourceDownError
"""What a source says of an asset: its newest price, or why it cannot say."""


class PriceSource(Protocol):
    """Where prices come from."""

    @property
    def name(self) -> str:
        """What it is called in prices and settings."""

    async def get_quotes(self, assets: Sequence[AssetKey]) -> Mapping[str, Told]:
        """Return asset → newest price, of those that it has, or why it cannot say.

        Raises:
            SourceDownError: it does not answer; of none of them anything is known.
        """

    async def get_bars(self, asset: AssetKey, first: date, last: date, page: str = "") -> BarPage:
        """Return the sessions of a period, both days included, a page at a time."""

    async def close(self) -> None:
        """Let go of connections and files."""


@dataclass(frozen=True, slots=True)
class Rate:
    """An exchange rate of a day: units of a currency for 1 EUR, above 0."""

    currency: str
    rate_date: date
    units_per_eur: Decimal


class RateSource(Protocol):
    """Where exchange rates come from."""

    @property
    def name(self) -> str:
        """What it is called where rates are kept."""

    async def get_rates(self, first: date, last: date) -> Sequence[Rate]:
        """Return the rates of a period, both days included.

        Raises:
            SourceDownError: it does not answer, or not in a way that can be read.
        """


@dataclass(frozen=True, slots=True)
class Market:
    """Where current prices are asked for.

    Attributes:
        sources: in the order they are asked.
        then_stored: whether a stored close will do where none of them has a price that is trusted.
    """

    sources: Sequence[PriceSource]
    then_stored: bool
