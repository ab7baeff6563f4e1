"""The price sources of one process, as the settings name them: each with its own rate, its own breaker, one way out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from steelyard.errors import InvalidInputError
from steelyard.market import alpaca, ecb, files, yahoo
from steelyard.market.alpaca import AlpacaSource
from steelyard.market.ecb import EcbRates
from steelyard.market.files import FileSource
from steelyard.market.guarded import CachedSource, Care, Guard
from steelyard.market.port import Market, PriceSource, RateSource
from steelyard.market.way import Way
from steelyard.market.yahoo import YahooSource
from steelyard.network.outbound import Network, Outbound, OutboundRules

STORED: Final = "stored"
KNOWN: Final = (STORED, files.NAME, alpaca.NAME, yahoo.NAME)

CARE: Final[Mapping[str, Care]] = {
    alpaca.NAME: Care(requests=200),
    # Nobody says how much is allowed; people are refused for some hundreds an hour.
    yahoo.NAME: Care(requests=60, cache_seconds=60.0),
    ecb.NAME: Care(requests=10, total_seconds=60.0),
}
RULES: Final = OutboundRules(total_seconds=20.0, max_bytes=8_000_000, connections=100)


class UnknownSourceError(InvalidInputError):
    """There is no such source of prices."""

    def __init__(self, name: str) -> None:
        """Name it, and those there are."""
        super().__init__(f"There is no price source {name!r}; there are {', '.join(KNOWN)}.")


class SourceOrderError(InvalidInputError):
    """Sources stand in an order that means nothing."""

    def __init__(self, names: Sequence[str]) -> None:
        """Show the order."""
        super().__init__(
            f"STEELYARD_PRICE_SOURCES is {','.join(names)}: name each source once, and stored last: a stored close is "
            "what remains where no source answers."
        )


class SourceSettingError(InvalidInputError):
    """A source lacks a setting."""

    def __init__(self, name: str, setting: str) -> None:
        """Name both."""
        super().__init__(
            f"The price source {name} needs {setting}; set it, or take {name} out of the sources."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """What the sources need.

    Attributes:
        order: their names, in the order they are asked; `stored` comes last.
        folder: of the files.
        alpaca_keys: key id and secret.
        alpaca_address: where Alpaca's data is asked; None = Alpaca's own.
        private_networks: where a source may be besides the public internet.
    """

    order: Sequence[str] = (STORED,)
    folder: Path | None = None
    alpaca_keys: tuple[str, str] | None = None
    alpaca_address: str | None = None
    private_networks: tuple[Network, ...] = ()


class Sources:
    """The sources of one process; opened where there is an event loop, and closed in it."""

    def __init__(self, settings: SourceSettings, *, clock: Callable[[], float]) -> None:
        """Ask nothing yet.

        Args:
            settings: which there are, and what they need.
            clock: seconds that never go back.

        Raises:
            UnknownSourceError, SourceOrderError, SourceSettingError: the settings do not name a market.
        """
        check_order(settings.order)
        self._settings, self._clock = settings, clock
        self._outbound: Outbound | None = None
        self._made: dict[str, PriceSource] = {}
        self.market = self._market()

    def source(self, name: str) -> PriceSource:
        """Return a source by its name, made when it is first asked for.

        Raises:
            UnknownSourceError: there is none of that name that could be asked.
            SourceSettingError: it lacks a setting.
        """
        if name not in self._made:
            makers = {
                alpaca.NAME: self._alpaca,
                yahoo.NAME: lambda: YahooSource(self._way(yahoo.NAME, yahoo.ADDRESS)),
                files.NAME: self._files,
            }
            if name not in makers:
                raise UnknownSourceError(name)
            self._made[name] = self._cached(makers[name]())
        return self._made[name]

    def rates(self) -> RateSource:
        """Return where exchange rates come from."""
        return EcbRates(self._way(ecb.NAME, ecb.ADDRESS))

    async def close(self) -> None:
        """Let go of connections and files."""
        for source in self._made.values():
            await source.close()
        if self._outbound is not None:
            await self._outbound.close()

    def _market(self) -> Market | None:
        names = [name for name in self._settings.order if name != STORED]
        if not names:
            return None
        return Market([self.source(name) for name in names], then_stored=STORED in self._settings.order)

    def _alpaca(self) -> PriceSource:
        if self._settings.alpaca_keys is None:
            raise SourceSettingError(alpaca.NAME, "STEELYARD_ALPACA_KEY_ID and STEELYARD_ALPACA_SECRET_KEY")
        key_id, secret_key = self._settings.alpaca_keys
        login = {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret_key}
        return AlpacaSource(self._way(alpaca.NAME, self._settings.alpaca_address or alpaca.ADDRESS, login))

    def _files(self) -> PriceSource:
        if self._settings.folder is None:
            raise SourceSettingError(files.NAME, "STEELYARD_PRICE_FOLDER")
        return FileSource(self._settings.folder)

    def _cached(self, source: PriceSource) -> PriceSource:
        care = CARE.get(source.name)
        return CachedSource(source, care.cache_seconds, self._clock) if care else source

    def _way(self, name: str, address: str, headers: Mapping[str, str] | None = None) -> Way:
        if self._outbound is None:
            self._outbound = Outbound(replace(RULES, allowed_networks=self._settings.private_networks))
        guard = Guard(name, CARE[name], clock=self._clock)
        return Way(name, self._outbound, guard, address=address, headers=headers)


def check_order(names: Sequence[str]) -> None:
    """See that sources are known, each named once, and stored closes last.

    Raises:
        UnknownSourceError, SourceOrderError: they are not.
    """
    for name in names:
        if name not in KNOWN:
            raise UnknownSourceError(name)
    if not names or len(set(names)) < len(names) or STORED in names[:-1]:
        raise SourceOrderError(names)
