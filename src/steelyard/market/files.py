"""Prices out of files that somebody else puts into a folder: `quotes.csv`, and `bars.csv` for the history.

UTF-8, the first line names the columns; docs/reference/prices.md lists them. A file is read whole or not at all.
"""

import asyncio
import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from steelyard.domain.amount import AmountError, read_amount
from steelyard.market.port import AssetKey, Bar, BarPage, Quote, SourceDownError, Told
from steelyard.market.said import NO_NUMBER, moment_of

NAME: Final = "files"
QUOTES: Final = ("quotes.csv", ("asset_id", "price", "made_at"), ("currency", "bid", "ask"))
BARS: Final = ("bars.csv", ("asset_id", "price_date", "close"), ("volume",))
MOST_BYTES: Final = 64_000_000

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileSource:
    """Prices from a folder."""

    folder: Path

    @property
    def name(self) -> str:
        """What it is called in prices and settings."""
        return NAME

    async def get_quotes(self, assets: Sequence[AssetKey]) -> Mapping[str, Told]:
        """Return asset → its price in quotes.csv.

        Raises:
            SourceDownError: the file is not there, or a line of it breaks the form; names it.
        """
        wanted = {asset.asset_id for asset in assets}
        quotes = [_quote(line, row) for line, row in await asyncio.to_thread(_read, self.folder, *QUOTES)]
        _refuse_doubles(QUOTES[0], [quote.asset_id for quote in quotes])
        return {quote.asset_id: quote for quote in quotes if quote.asset_id in wanted}

    async def get_bars(self, asset: AssetKey, first: date, last: date, page: str = "") -> BarPage:
        """Return the sessions of a period that are in bars.csv, in order.

        Raises:
            SourceDownError: as `get_quotes`.
        """
        del page
        rows = await asyncio.to_thread(_read, self.folder, *BARS)
        own = [_bar(line, row) for line, row in rows if row["asset_id"] == asset.asset_id]
        _refuse_doubles(BARS[0], [f"{bar.asset_id} on {bar.price_date}" for bar in own])
        inside = (bar for bar in own if first <= bar.price_date <= last)
        return BarPage(sorted(inside, key=lambda bar: bar.price_date), "")

    async def close(self) -> None:
        """Keep nothing open."""


def _read(folder: Path, name: str, needed: Sequence[str], optional: Sequence[str]) -> list[tuple[int, Row]]:
    try:
        if (folder / name).stat().st_size > MOST_BYTES:
            raise SourceDownError(NAME, f"{name} is larger than {MOST_BYTES:,} bytes")
        with (folder / name).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(name, reader.fieldnames or (), needed, optional)
            return [_whole(name, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceDownError(NAME, f"{name} in {folder} cannot be read ({error})") from error


def _check_columns(name: str, found: Sequence[str], needed: Sequence[str], optional: Sequence[str]) -> None:
    if missing := [column for column in needed if column not in found]:
        raise SourceDownError(NAME, f"{name} has no column {missing[0]}")
    if strange := [column for column in found if column not in {*needed, *optional}]:
        raise SourceDownError(NAME, f"{name} has a column {strange[0]}, which is not known")


def _whole(name: str, line: int, row: dict[str, str]) -> tuple[int, Row]:
    if None in row or None in row.values():
        raise SourceDownError(NAME, f"{name} line {line} has more or fewer cells than its first line")
    return line, row


def _refuse_doubles(name: str, keys: Sequence[str]) -> None:
    for key, times in Counter(keys).items():
        if times > 1:
            raise SourceDownError(NAME, f"{name} has {key} {times} times")


def _quote(line: int, row: Row) -> Quote:
    made_at = moment_of(row["made_at"])
    if made_at is None:
        raise SourceDownError(
            NAME, f"{QUOTES[0]} line {line} has no time with its offset: {row['made_at']!r}"
        )
    return Quote(
        asset_id=row["asset_id"],
        price=_number(row["price"]),
        currency=row.get("currency", ""),
        made_at=made_at,
        source=NAME,
        bid=_number(row["bid"]) if row.get("bid") else None,
        ask=_number(row["ask"]) if row.get("ask") else None,
    )


def _bar(line: int, row: Row) -> Bar:
    try:
        day = date.fromisoformat(row["price_date"])
    except ValueError as error:
        raise SourceDownError(NAME, f"{BARS[0]} line {line} has no day: {row['price_date']!r}") from error
    return Bar(
        asset_id=row["asset_id"],
        price_date=day,
        close=_number(row["close"]),
        volume=_number(row["volume"]) if row.get("volume") else None,
    )


def _number(text: str) -> Decimal:
    """Return a number; what is none is refused where prices are checked, with its asset named."""
    try:
        return read_amount("price", text)
    except AmountError:
        return NO_NUMBER
