"""The shipped sample book follows from its prices, and its figures hold together."""

import gzip
import zipfile
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.demo import book_path
from steelyard.demo.ledger import Ledger, OverdrawnError
from steelyard.demo.make_book import make_book
from steelyard.demo.make_prices import make_prices
from steelyard.demo.market import read_table

MADE = ("accounts.csv", "compliance_records.csv", "portfolio_allocation.csv", "transactions.csv")

Table = list[dict[str, str]]
Holdings = dict[tuple[str, str], Decimal]


def book(name: str) -> Table:
    return read_table(book_path() / name)


@pytest.fixture(scope="module")
def transactions() -> Table:
    return book("transactions.csv")


@pytest.fixture(scope="module")
def snapshots() -> Table:
    return book("portfolio_allocation.csv")


@pytest.fixture(scope="module")
def closes() -> dict[tuple[str, str], Decimal]:
    rows = book("market_data.csv.gz")
    return {(row["asset_id"], row["price_date"]): Decimal(row["closing_price"]) for row in rows}


@pytest.fixture(scope="module")
def as_of(closes: dict[tuple[str, str], Decimal]) -> str:
    return max(day for _, day in closes)


def cash_flow(row: dict[str, str]) -> Decimal:
    """Return what a transaction adds to the cash in its currency, written anew from the README."""
    total, costs = Decimal(row["total_amount"]), Decimal(row["transaction_costs"])
    direction = {"DEPOSIT": 1, "SELL": 1, "BUY": -1, "FEE": -1, "FX": -1}[row["transaction_type"]]
    return direction * total - costs


def holdings(transactions: Table, day: str) -> Holdings:
    """Add up what each account holds by (account, asset), in any order of the day."""
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in transactions:
        if row["transaction_date"] > day:
            continue
        held[row["account"], row["currency"]] += cash_flow(row)
        if row["transaction_type"] == "FX":
            held[row["account"], row["counter_currency"]] += Decimal(row["counter_amount"])
        elif sign := {"BUY": 1, "SELL": -1}.get(row["transaction_type"], 0):
            held[row["account"], row["asset_id"]] += sign * Decimal(row["quantity"])
    return {key: quantity for key, quantity in held.items() if quantity}


def isin_check_digit(isin: str) -> int:
    """ISO 6166: letters become two digits, then the doubling rule of Luhn from the right."""
    digits = "".join(str(int(character, 36)) for character in isin[:-1])
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return -sum(value // 10 + value % 10 for value in doubled) % 10


def test_made_files_follow_from_the_shipped_prices_byte_for_byte(tmp_path: Path) -> None:
    make_book(book_path(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == list(MADE)
    for name in MADE:
        assert (tmp_path / name).read_bytes() == (book_path() / name).read_bytes(), name


def test_snapshots_hold_exactly_what_the_transactions_leave(transactions: Table, snapshots: Table) -> None:
    by_day: defaultdict[str, Holdings] = defaultdict(dict)
    for row in snapshots:
        if Decimal(row["quantity"]):
            by_day[row["as_of"]][row["portfolio"], row["asset_id"]] = Decimal(row["quantity"])
    assert by_day == {day: holdings(transactions, day) for day in by_day}


def test_no_position_is_ever_below_zero(transactions: Table) -> None:
    days = sorted({row["transaction_date"] for row in transactions})
    assert all(quantity > 0 for day in days for quantity in holdings(transactions, day).values())


def test_trades_are_at_the_close_of_their_day(
    transactions: Table, closes: dict[tuple[str, str], Decimal]
) -> None:
    cash = {row["asset_id"] for row in book("asset_master.csv") if row["asset_type"] == "Cash"}
    trades = [row for row in transactions if row["asset_id"] not in cash]
    assert {row["transaction_type"] for row in trades} == {"BUY", "SELL"}
    for row in trades:
        assert Decimal(row["price"]) == closes[row["asset_id"], row["transaction_date"]]


def test_exchanges_are_at_the_last_ecb_rates(transactions: Table) -> None:
    exchanges = [row for row in transactions if row["transaction_type"] == "FX"]
    rates: defaultdict[str, dict[str, Decimal]] = defaultdict(lambda: {"": Decimal(1)})
    for row in book("fx_rates.csv.gz"):
        rates[row["currency"]][row["rate_date"]] = Decimal(row["units_per_eur"])
    assert {row["counter_currency"] for row in exchanges} == {"USD", "EUR", "GBP", "JPY", "CHF"}
    for row in exchanges:
        sold, bought = (
            rates[currency][max(day for day in rates[currency] if day <= row["transaction_date"])]
            for currency in (row["currency"], row["counter_currency"])
        )
        sent, got = Decimal(row["total_amount"]), Decimal(row["counter_amount"])
        cent = Decimal("0.01")  # the rate has 8 decimals and the amount in the account's own currency two
        assert abs(got / bought - sent / sold) <= (cent + got * Decimal("1e-8")) / min(sold, bought)


def test_weights_are_the_share_of_value_and_sum_to_one(
    snapshots: Table, closes: dict[tuple[str, str], Decimal]
) -> None:
    groups: defaultdict[tuple[str, str], Table] = defaultdict(list)
    for row in snapshots:
        groups[row["portfolio"], row["as_of"]].append(row)
    for (portfolio, day), rows in groups.items():
        assert sum(Decimal(row["actual_weight"]) for row in rows) == 1
        assert sum(Decimal(row["target_weight"]) for row in rows) == 1
        if portfolio.startswith("RIVERA"):  # all in dollars, so no exchange rate has a say
            values = [Decimal(row["quantity"]) * closes[row["asset_id"], day] for row in rows]
            for row, value in zip(rows, values, strict=True):
                assert abs(Decimal(row["actual_weight"]) - value / sum(values)) < Decimal("1e-11")


def test_models_sum_to_one() -> None:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in book("target_weights.csv"):
        sums[row["model_id"]] += Decimal(row["target_weight"])
    assert sums == {row["model_id"]: Decimal(1) for row in book("model_portfolios.csv")}


def test_every_asset_named_anywhere_is_in_the_asset_master_and_priced_to_the_end(
    closes: dict[tuple[str, str], Decimal], as_of: str
) -> None:
    known = {row["asset_id"] for row in book("asset_master.csv")}
    for path in book_path().iterdir():
        assert {row["asset_id"] for row in read_table(path) if "asset_id" in row} <= known, path.name
    assert {asset for asset, day in closes if day == as_of} == known


def test_isins_have_the_right_check_digit_and_only_currencies_lack_one() -> None:
    assets = book("asset_master.csv")
    isins = [row["isin"] for row in assets if row["isin"]]
    assert all(isin_check_digit(isin) == int(isin[-1]) for isin in isins)
    assert {row["asset_type"] for row in assets if not row["isin"]} == {"Cash"}


def test_active_violations_are_true_of_what_is_held(snapshots: Table, as_of: str) -> None:
    assets = {row["asset_id"]: row for row in book("asset_master.csv")}
    limits = {"Equity": Decimal("0.15"), "ETF": Decimal("0.25")}
    expected = set()
    for row in (row for row in snapshots if row["as_of"] == as_of):
        asset = assets[row["asset_id"]]
        over = Decimal(row["actual_weight"]) > limits.get(asset["asset_type"], 1)
        if over or (row["portfolio"] == "OKAFOR-BROKERAGE" and asset["sector"] == "Energy"):
            expected.add((row["portfolio"], row["asset_id"]))
    records = [row for row in book("compliance_records.csv") if row["check_date"] == as_of]
    found = {(row["account"], row["asset_id"]) for row in records if row["status"] == "VIOLATION"}
    assert found == expected
    assert len(found) > 1


def test_the_last_year_has_trades_and_the_book_ends_with_its_prices(
    transactions: Table, snapshots: Table, as_of: str
) -> None:
    year = as_of[:4]
    months = {
        row["transaction_date"][5:7] for row in transactions if row["transaction_date"].startswith(year)
    }
    assert len(months) == 12
    assert max(row["as_of"] for row in snapshots) == as_of
    assert {row["stated_value_date"] for row in book("accounts.csv")} == {as_of}


def test_the_readme_labels_every_file_and_what_is_made() -> None:
    readme = (book_path().parent / "README.md").read_text(encoding="utf-8")
    assert "| real | made |" in readme
    for path in book_path().iterdir():
        assert path.name in readme


def test_a_ledger_refuses_to_spend_cash_it_lacks() -> None:
    ledger = Ledger("A")
    ledger.move_cash(date(2020, 1, 2), "DEPOSIT", "USD", Decimal(100))
    with pytest.raises(OverdrawnError, match=r"A would hold -1\.00 USD on 2020-01-02"):
        ledger.trade(date(2020, 1, 2), "KO", Decimal(2), Decimal(50), "USD")
    assert len(ledger.bookings) == 1


def test_a_ledger_refuses_to_sell_a_currency_it_lacks_the_costs_of() -> None:
    ledger = Ledger("A")
    ledger.move_cash(date(2020, 1, 2), "DEPOSIT", "USD", Decimal(100))
    with pytest.raises(OverdrawnError, match=r"A would hold -1\.00 USD on 2020-01-02"):
        ledger.exchange(date(2020, 1, 2), "EUR", Decimal(80), Decimal("1.25"), "USD")


def test_prices_are_cut_to_the_shortest_history_and_pass_through_as_text(tmp_path: Path) -> None:
    sources = {
        "sp500_dataset.csv.gz": "Date,KO\n2014-01-01,1.10\n2014-01-02,1.20\n2014-01-03,1.30\n",
        "factors_dataset.csv.gz": "Date,USMV\n2014-01-02,7.000\n2014-01-03,8\n",
        "sp500_index.csv.gz": "Date,SP500\n2014-01-02,100\n2014-01-03,101\n",
    }
    for name, text in sources.items():
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(tmp_path / "fx.zip", "w") as archive:
        newest_first = ("2014-01-03,1.3,140,.8,1,", "2014-01-02,1.30,141,.9,1,", "2014-01-01,1,1,1,1,")
        archive.writestr("eurofxref-hist.csv", "\n".join(("Date,USD,JPY,GBP,CHF,", *newest_first)))
    make_prices(tmp_path, tmp_path / "fx.zip", tmp_path)
    prices = read_table(tmp_path / "market_data.csv.gz")
    assert [tuple(row.values()) for row in prices[:4]] == [
        ("KO", "2014-01-02", "1.20"),
        ("KO", "2014-01-03", "1.30"),
        ("USMV", "2014-01-02", "7.000"),
        ("USMV", "2014-01-03", "8"),
    ]
    pounds = [row for row in read_table(tmp_path / "fx_rates.csv.gz") if row["currency"] == "GBP"]
    assert [(row["rate_date"], row["units_per_eur"]) for row in pounds] == [
        ("2014-01-02", ".9"),
        ("2014-01-03", ".8"),
    ]
