"""Reference rates of the European Central Bank: of today, or of every day since 1999, as it publishes them.

Source: https://www.ecb.europa.eu/stats/eurofxref/ — ZIP archives of one CSV file each. The daily file writes its day
as "20 November 2026", the history as 2026-11-20; a currency without a rate on a day is N/A or empty.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from zipfile import BadZipFile, ZipFile

from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.money import is_currency
from steelyard.market.port import Rate, SourceDownError
from steelyard.market.way import Way

ADDRESS: Final = "https://www.ecb.europa.eu"
NAME: Final = "ecb"
DAILY: Final = "/stats/eurofxref/eurofxref.zip"
HISTORY: Final = "/stats/eurofxref/eurofxref-hist.zip"
MOST_BYTES: Final = 16_000_000
"""Of the file in an archive: the whole history since 1999 has two million."""

ABSENT: Final = frozenset({"", "N/A"})
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class EcbRates:
    """Exchange rates from the European Central Bank."""

    way: Way

    @property
    def name(self) -> str:
        """What it is called where rates are kept."""
        return NAME

    async def get_rates(self, first: date, last: date) -> Sequence[Rate]:
        """Return the rates of a period, both days included: out of today's file where that is all of it.

        Raises:
            SourceDownError: it does not answer, or not with a file that can be read.
        """
        if last - first < timedelta(days=1):
            found = await self._read(DAILY)
            if all(rate.rate_date <= first for rate in found):
                return [rate for rate in found if rate.rate_date == first]
        return [rate for rate in await self._read(HISTORY) if first <= rate.rate_date <= last]

    async def _read(self, path: str) -> list[Rate]:
        archive = await self.way.get_bytes(path)
        try:
            return list(read_rates(_only_file(archive)))
        except (BadZipFile, ValueError, AmountError) as error:
            raise SourceDownError(NAME, f"{path} cannot be read ({error})") from error


def read_rates(text: str) -> Iterator[Rate]:
    r"""Yield the rates of a file of the European Central Bank, in the file's order.

    Args:
        text: CSV; the first line names `Date` and currencies, each other line is a day.

    Raises:
        ValueError: a line is not of that form; names it.
        AmountError: a rate is no number above 0.

    >>> [(rate.currency, str(rate.rate_date), rate.units_per_eur) for rate in read_rates(
    ...     "Date, USD, JPY, \n20 November 2026, 1.0562, N/A, \n")]
    [('USD', '2026-11-20', Decimal('1.0562'))]
    """
    lines = csv.reader(io.StringIO(text), skipinitialspace=True)
    header = [cell.strip() for cell in next(lines, [])]
    if header[:1] != ["Date"]:
        raise ValueError("its first line does not begin with Date")
    for line in lines:
        cells = [cell.strip() for cell in line]
        if len(cells) != len(header):
            raise ValueError(f"line {lines.line_num} has {len(cells)} cells and not {len(header)}")
        day = _day(cells[0])
        for currency, cell in zip(header[1:], cells[1:], strict=True):
            if cell not in ABSENT and is_currency(currency):
                yield Rate(currency, day, _rate(f"the rate of {currency} on {day}", cell))


def _rate(item: str, cell: str) -> Decimal:
    rate = read_amount(item, cell)
    if rate <= 0:
        raise AmountError(item, cell, "not above 0")
    return rate


def _day(text: str) -> date:
    try:
        if "-" in text:
            return date.fromisoformat(text)
        day, month, year = text.split()
        return date(int(year), MONTHS.index(month) + 1, int(day))
    except ValueError as error:
        raise ValueError(f"{text!r} is no day") from error


def _only_file(archive: bytes) -> str:
    """Return the text of the one file in an archive; it says its size, and not more is unpacked."""
    with ZipFile(io.BytesIO(archive)) as opened:
        files = opened.infolist()
        if len(files) != 1 or files[0].file_size > MOST_BYTES:
            raise ValueError("it is not an archive of one file of a usual size")
        with opened.open(files[0]) as file:
            return file.read(MOST_BYTES).decode("utf-8")
