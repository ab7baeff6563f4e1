"""Directories of the seven tables made from ../shared/data, for the tests of loading and of asset 360.

Prices, names, sectors, countries, currencies and exchange rates are real; positions, transactions and checks are
made by counting, so that every asset has some of each and any figure can be redone by hand.
"""

import csv
import gzip
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
"""Real input beside the checkout; not part of the project."""

Row = Sequence[object]


def shared(name: str) -> Path:
    """Return a file of the shared data, or skip the test that wants it."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not beside the checkout")
    return path


def in_ci() -> bool:
    """Whether a missing install is a failure rather than a skip."""
    return os.environ.get("CI") == "true"


def write_table(directory: Path, name: str, header: str, rows: Iterable[Row]) -> None:
    """Write one table as CSV."""
    with (directory / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def sp500_book(directory: Path, since: date = date.min) -> Path:
    """505 names in US dollars from 2013-02-08, or a later day, to 2018-02-07, the newest day of the set."""
    return _write_book(
        directory, _securities("USD"), ["sp500_close_2013_2018.csv.gz"], until=date(2018, 2, 7), since=since
    )


def four_currency_book(directory: Path) -> Path:
    """703 names in US dollars, pence, euros and Hong Kong dollars to 2015-12-31."""
    files = ["sp500_close_2013_2018.csv.gz"]
    files += [f"qrmdata_{market}_adjclose_2008_2015.csv.gz" for market in ("FTSE", "EURSTX", "HSI")]
    return _write_book(directory, _securities("USD", "GBX", "EUR", "HKD"), files, until=date(2015, 12, 31))


def _securities(*currencies: str) -> list[dict[str, str]]:
    with shared("market/securities.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["currency"] in currencies]


def _write_book(
    directory: Path,
    securities: list[dict[str, str]],
    price_files: list[str],
    until: date,
    since: date = date.min,
) -> Path:
    assets = [row["ticker"] for row in securities]
    _write_reference(directory, securities, price_files, until, since)
    _write_tenant(directory, assets, {row["ticker"]: row["currency"] for row in securities}, until)
    return directory


def _write_reference(
    directory: Path, securities: list[dict[str, str]], price_files: list[str], until: date, since: date
) -> None:
    write_table(
        directory,
        "asset_master",
        "asset_id,asset_name,asset_type,isin,currency,sector,issuing_country,status",
        (
            (
                r["ticker"],
                r["name"] or r["ticker"],
                "Equity",
                r["isin"],
                r["currency"],
                r["sector"],
                r["country"],
                "ACTIVE",
            )
            for r in securities
        ),
    )
    prices = (row for name in price_files for row in _prices(shared(f"market/{name}"), until, since))
    write_table(directory, "market_data", "asset_id,price_date,closing_price", prices)
    write_table(
        directory, "fx_rates", "currency,rate_date,units_per_eur", _rates(("USD", "GBP", "HKD"), until)
    )
    # One name of each currency stands for its market: any will do to check a slope.
    first = {r["currency"]: r["ticker"] for r in reversed(securities)}
    write_table(directory, "benchmarks", "currency,asset_id", sorted(first.items()))
    rates = [("USD", until - timedelta(days=400 - 50 * n), 0.01 + n / 1000, "made") for n in range(8)]
    write_table(directory, "risk_free_rates", "currency,rate_date,annual_rate,series", rates)


def _write_tenant(directory: Path, assets: list[str], currency: dict[str, str], until: date) -> None:
    households = [("H1", "First", "EUR"), ("H2", "Second", "USD")]
    write_table(directory, "households", "household_id,household_name,base_currency", households)
    accounts = [
        ("A1", "One", "H1", "USD", ""),
        ("A2", "Two", "H1", "GBP", ""),
        ("A3", "Three", "H2", "HKD", 123456.78),
    ]
    write_table(
        directory, "accounts", "account_id,account_name,household_id,base_currency,stated_value", accounts
    )
    write_table(
        directory,
        "portfolio_allocation",
        "portfolio,asset_id,as_of,quantity,target_weight,actual_weight",
        _positions(assets, until),
    )
    write_table(
        directory,
        "transactions",
        "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,total_amount,"
        "transaction_costs",
        _transactions(assets, currency, until),
    )
    checks = (
        (
            f"C{n}",
            ("A1", "A2", "")[n % 3],
            a,
            until - timedelta(days=n % 300),
            ("PASS", "VIOLATION")[n % 7 == 0],
        )
        for n, a in enumerate(assets)
    )
    write_table(directory, "compliance_records", "record_id,account,asset_id,check_date,status", checks)


def _prices(path: Path, until: date, since: date) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        _, *assets = next(reader)
        for day, *closes in reader:
            if date.fromisoformat(day) > until:
                return
            if date.fromisoformat(day) >= since:
                yield from ((a, day, price) for a, price in zip(assets, closes, strict=True) if price)


def _rates(currencies: Sequence[str], until: date) -> Iterator[Row]:
    with gzip.open(shared("market/ecb_eurofxref_hist.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if until - timedelta(days=500) < date.fromisoformat(row["Date"]) <= until:
                yield from ((c, row["Date"], row[c]) for c in currencies)


def _positions(assets: list[str], until: date) -> Iterator[Row]:
    """An older snapshot of A1 that must not count, then the newest of each; A3 is kept as weights."""
    yield from (("A1", a, until - timedelta(days=90), 1, "", "") for a in assets)
    for n, a in enumerate(assets):
        if n % 2 == 0:
            yield ("A1", a, until, f"{n * 7}.125", "", "")
        if n % 3 == 0:
            yield ("A2", a, until - timedelta(days=5), n + 1, "", "")
        if n % 5 == 0:
            yield ("A3", a, until - timedelta(days=1), "", "", f"0.{n:06d}")


def _transactions(assets: list[str], currency: dict[str, str], until: date) -> Iterator[Row]:
    for n, a in enumerate(assets):
        paid_in = {"GBX": "GBP"}.get(currency[a], currency[a])
        for k in range(3):
            day = until - timedelta(days=(n * 13 + k * 170) % 500)
            kind = ("BUY", "SELL", "DIVIDEND")[(n + k) % 3]
            account = ("A1", "A2", "A3", "")[(n + k) % 4]
            yield (
                f"T{n}-{k}",
                account,
                a,
                day,
                kind,
                n + 1,
                "1.5",
                paid_in,
                f"{(n + 1) * 3}.{k}1",
                f"{k}.99",
            )
