"""Files of transactions: quantities, moments, duplicates, days ahead; what is wrong has its line and its reason."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from books import Row, write_table
from steelyard.domain.finding import Finding, Severity
from steelyard.statements.cells import MAX_ANNOUNCED_DAYS, Reading
from steelyard.statements.columns import FORMATS
from steelyard.statements.rows import CheckedTable, read_checked

TODAY = date(2024, 12, 2)
READING = Reading(
    TODAY, now=datetime(2024, 12, 2, 15, tzinfo=UTC), exchanges={"VTI": "ARCX", "SONY": "XTKS", "ODD": "NYSE"}
)
HEADER = (
    "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,total_amount,currency"
)
BUY = ("T1", "A", "VTI", "2024-03-14", "BUY", "10", "250", "2500", "USD")


def check(folder: Path, *rows: Row, header: str = HEADER) -> tuple[Finding, ...]:
    write_table(folder, "transactions", header, rows)
    checked = read_checked(folder / "transactions.csv", FORMATS["transactions"], READING)
    return checked.findings if isinstance(checked, CheckedTable) else (checked,)


def read(folder: Path, *rows: Row, header: str = HEADER) -> list[dict[str, Any]]:
    write_table(folder, "transactions", header, rows)
    checked = read_checked(folder / "transactions.csv", FORMATS["transactions"], READING)
    assert isinstance(checked, CheckedTable), checked
    found: list[dict[str, Any]] = checked.rows.to_pylist()
    return found


def changed(**cells: str) -> Row:
    return tuple((dict(zip(HEADER.split(","), BUY, strict=True)) | cells).values())


# ── Quantities ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("quantity", "kind"),
    [
        ("1000000000000000000", "malformed_number"),
        ("1e999999", "malformed_number"),
        ("9" * 100_000, "malformed_number"),
        ("1e-30", "malformed_number"),
        ("0." + "0" * 29 + "1", "inexact_number"),
        ("10.1234567890123", "inexact_number"),
        ("-10", "out_of_range"),
        ("1,000.5", "malformed_number"),
        ("1.000,5", "malformed_number"),
        ("1 000", "malformed_number"),
        ("1_000", "malformed_number"),
        ("1'000", "malformed_number"),
        ("\u0661\u0660", "malformed_number"),  # Arabic digits
        ("\uff11\uff10", "malformed_number"),  # full-width digits
        ("+10", "malformed_number"),
        (" 10", "malformed_number"),
        ("10 ", "malformed_number"),
        ("0x10", "malformed_number"),
        (".5", "malformed_number"),
        ("5.", "malformed_number"),
        ("\u221210", "malformed_number"),  # a minus sign that is none in ASCII
        ("nan", "not_a_number"),
        ("Infinity", "not_a_number"),
    ],
)
def test_a_quantity_that_is_none_is_refused_with_its_line(
    tmp_path: Path, *, quantity: str, kind: str
) -> None:
    [finding] = check(tmp_path, BUY, changed(transaction_id="T2", quantity=quantity))
    assert (finding.kind, finding.severity, finding.row_number) == (kind, Severity.REFUSED, 3)
    assert finding.reason.startswith("quantity ")
    assert len(finding.reason) < 200


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("-0", "0"),
        ("-0.000", "0"),
        ("0", "0"),
        ("007", "7"),
        ("10.50", "10.5"),
        ("999999999999999.999999999999", "999999999999999.999999999999"),
        ("0.000000000001", "0.000000000001"),
    ],
)
def test_a_quantity_is_read_exactly_and_minus_zero_is_zero(
    tmp_path: Path, *, written: str, read_as: str
) -> None:
    [row] = read(tmp_path, changed(quantity=written))
    assert row["quantity"] == Decimal(read_as)
    assert not row["quantity"].is_signed()


@pytest.mark.parametrize(
    ("column", "written", "kind"),
    [
        ("total_amount", "2500.123456789", "inexact_number"),
        ("total_amount", "", "missing_value"),
        ("total_amount", "-2500", "out_of_range"),
        ("total_amount", "1000000000000000", "malformed_number"),
        ("price", "0.1234567890123", "inexact_number"),
        ("currency", "usd", "unknown_currency"),
    ],
)
def test_an_amount_that_is_none_is_refused(tmp_path: Path, *, column: str, written: str, kind: str) -> None:
    [finding] = check(tmp_path, changed(**{column: written}))
    assert (finding.kind, finding.severity, finding.row_number) == (kind, Severity.REFUSED, 2)


def test_money_without_an_asset_says_its_currency(tmp_path: Path) -> None:
    deposit = {"asset_id": "", "transaction_type": "DEPOSIT", "quantity": "", "price": ""}
    [row] = read(tmp_path, changed(**deposit))
    assert (row["asset_id"], row["currency"], row["total_amount"]) == (None, "USD", Decimal(2500))
    [finding] = check(tmp_path, BUY, changed(transaction_id="T2", **deposit, currency=""))
    assert (finding.kind, finding.row_number) == ("missing_value", 3)
    [finding] = check(tmp_path, BUY[:8], changed(transaction_id="T2", **deposit)[:8], header=HEADER[:-9])
    assert (finding.kind, finding.row_number) == ("missing_value", 3)


# ── Moments ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "asset", "answer"),
    [
        ("2024-03-14T20:30:00-04:00", "VTI", date(2024, 3, 14)),
        ("2024-03-14 20:30-04:00", "VTI", date(2024, 3, 14)),
        ("2024-03-15T00:30:00Z", "VTI", date(2024, 3, 14)),
        ("2024-03-14T20:30:00-04:00", "SONY", date(2024, 3, 15)),  # over the date line
        ("2024-11-03T01:30:00-04:00", "VTI", date(2024, 11, 3)),  # twice that day, an hour apart:
        ("2024-11-03T01:30:00-05:00", "VTI", date(2024, 11, 3)),  # the offset says which
        ("2024-12-02T15:04:00Z", "VTI", date(2024, 12, 2)),
        (
            "2024-03-14T09:30:00",
            "VTI",
            "bad_time: if it is the time of ARCX, write 2024-03-14T09:30:00-04:00",
        ),
        ("2024-11-03T01:30:00", "VTI", "bad_time: was twice at ARCX"),
        ("2024-03-10T02:30:00", "VTI", "bad_time: never was: the clocks of ARCX skipped it"),
        ("2024-03-14T24:00:00Z", "VTI", "bad_time: is no ISO 8601 time"),
        ("2016-12-31T23:59:60Z", "VTI", "bad_time: is no ISO 8601 time"),
        ("2024-02-30T10:00:00Z", "VTI", "bad_time: is no ISO 8601 time"),
        ("1900-01-01T10:00:00Z", "VTI", "date_out_of_range: 1900"),
        ("2024-12-02T15:05:01Z", "VTI", "date_out_of_range: lies in the future"),
        ("2024-03-14T10:00:00Z", "ODD", "unknown_exchange: exchange 'NYSE' is no MIC known here"),
        ("2024-03-14T10:00:00Z", "ACME", "unknown_exchange: ACME has no exchange in asset_master"),
        ("2024-03-14T10:00:00Z", "", "unknown_exchange: its row names no asset"),
    ],
)
def test_a_moment_in_a_file_is_of_the_exchanges_day_or_refused(
    tmp_path: Path, *, written: str, asset: str, answer: date | str
) -> None:
    row = changed(transaction_id="T2", asset_id=asset, transaction_date=written)
    if isinstance(answer, date):
        assert [found["transaction_date"] for found in read(tmp_path, BUY, row)] == [
            date(2024, 3, 14),
            answer,
        ]
        return
    [finding] = check(tmp_path, BUY, row)
    kind, _, says = answer.partition(": ")
    assert (finding.kind, finding.severity, finding.row_number) == (kind, Severity.REFUSED, 3)
    assert says in finding.reason
    assert finding.row_data["transaction_date"] == written


def test_moments_of_parquet_files_are_read_alike(tmp_path: Path) -> None:
    moment = datetime.fromisoformat("2024-03-15T00:30:00+00:00")
    columns = {
        "asset_id": ["VTI"],
        "transaction_type": ["BUY"],
        "total_amount": [Decimal("2500.00")],
        "transaction_date": pa.array([moment], pa.timestamp("us", "Asia/Tokyo")),
    }
    path = tmp_path / "transactions.parquet"
    pq.write_table(pa.table(columns), path)
    checked = read_checked(path, FORMATS["transactions"], READING)
    assert isinstance(checked, CheckedTable)
    assert checked.rows["transaction_date"].to_pylist() == [date(2024, 3, 14)]
    pq.write_table(pa.table(columns | {"transaction_date": [moment.replace(tzinfo=None)]}), path)
    again = read_checked(path, FORMATS["transactions"], READING)
    assert isinstance(again, CheckedTable)
    assert [finding.kind for finding in again.findings] == ["bad_time"]


@pytest.mark.parametrize(
    ("kind", "days", "is_taken"),
    [
        ("BUY", 1, True),
        ("BUY", 2, False),
        ("DEPOSIT", 30, False),
        ("SPLIT", 30, True),
        ("DIVIDEND", 30, True),
        ("MERGER", MAX_ANNOUNCED_DAYS, True),
        ("MERGER", MAX_ANNOUNCED_DAYS + 1, False),
    ],
)
def test_only_what_is_announced_lies_ahead(tmp_path: Path, *, kind: str, days: int, is_taken: bool) -> None:
    row = changed(transaction_type=kind, transaction_date=str(TODAY + timedelta(days)))
    findings = check(tmp_path, row)
    assert [finding.kind for finding in findings] == ([] if is_taken else ["date_out_of_range"])


# ── Duplicates ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_with_a_known_id_is_skipped_and_one_that_differs_is_refused(tmp_path: Path) -> None:
    same, other = sorted(
        check(tmp_path, BUY, BUY, changed(quantity="11")), key=lambda finding: finding.row_number or 0
    )
    assert (same.kind, same.severity, same.row_number) == ("duplicate_row", Severity.FLAGGED, 3)
    assert same.reason == "is the same as line 2"
    assert (other.kind, other.severity, other.row_number) == ("conflicting_rows", Severity.REFUSED, 4)
    assert "line 2" in other.reason
    assert len(read(tmp_path, BUY, BUY)) == 1


def test_equal_rows_without_an_id_are_both_kept_and_flagged_with_their_lines(tmp_path: Path) -> None:
    rows = (changed(transaction_id=""), BUY, changed(transaction_id=""), changed(transaction_id=""))
    assert len({row["transaction_id"] for row in read(tmp_path, *rows)}) == 4
    findings = check(tmp_path, *rows)
    assert [(finding.kind, finding.severity, finding.row_number) for finding in findings] == [
        ("repeated_row", Severity.FLAGGED, 4),
        ("repeated_row", Severity.FLAGGED, 5),
    ]
    assert {finding.reason for finding in findings} == {"says the same as line 2, and has no id; both count"}


def test_an_id_made_from_a_row_stays_when_columns_are_added(tmp_path: Path) -> None:
    """The id of this row as the first release made it: stores that were loaded then know it by that."""
    header, *row = (
        "account,asset_id,transaction_date,transaction_type,quantity,price,total_amount",
        *BUY[1:8],
    )
    [old] = read(tmp_path, ("A", "VTI", "2018-01-02", *row[3:]), header=header)
    assert old["transaction_id"] == "34ba73c60da59287cdd79723596b4a8a"
    wider = f"{header},settlement_date,tax_amount,lot_id"
    [empty] = read(tmp_path, ("A", "VTI", "2018-01-02", *row[3:], "", "", ""), header=wider)
    assert empty["transaction_id"] == old["transaction_id"]
    [settled] = read(tmp_path, ("A", "VTI", "2018-01-02", *row[3:], "2018-01-04", "", ""), header=wider)
    assert settled["transaction_id"] != old["transaction_id"]


# ── The columns of the ledger ───────────────────────────────────────────────────────────────────────────


def test_every_column_of_the_ledger_is_read(tmp_path: Path) -> None:
    columns = {
        "settlement_date": ("2024-03-18", date(2024, 3, 18)),
        "tax_amount": ("0.25", Decimal("0.25")),
        "counter_account": ("B", "B"),
        "counter_asset_id": ("VOO", "VOO"),
        "counter_quantity": ("2.5", Decimal("2.5")),
        "counter_currency": ("EUR", "EUR"),
        "counter_amount": ("10.12345678", Decimal("10.12345678")),
        "acquired_date": ("2010-01-02", date(2010, 1, 2)),
        "basis_fraction": ("0.123456789012", Decimal("0.123456789012")),
        "lot_id": ("T0", "T0"),
    }
    header = f"{HEADER},{','.join(columns)}"
    [row] = read(tmp_path, (*BUY, *(written for written, _ in columns.values())), header=header)
    stored = {column.name: column.store_name for column in FORMATS["transactions"].columns}
    assert {name: row[stored[name]] for name in columns} == {
        name: value for name, (_, value) in columns.items()
    }
    [bare] = read(tmp_path, (*BUY, *("" for _ in columns)), header=header)
    assert {bare[stored[name]] for name in columns} == {None}


@pytest.mark.parametrize(
    ("column", "written", "kind"),
    [
        ("settlement_date", "18.03.2024", "bad_date"),
        ("tax_amount", "-1", "out_of_range"),
        ("counter_quantity", "-1", "out_of_range"),
        ("counter_currency", "EURO", "unknown_currency"),
        ("counter_amount", "1.123456789", "inexact_number"),
        ("acquired_date", "2030-01-01", "date_out_of_range"),
        ("basis_fraction", "12.5", "out_of_range"),
        ("counter_asset_id", "\u0410APL", "bad_asset_id"),
    ],
)
def test_a_cell_of_the_ledger_that_is_none_is_refused(
    tmp_path: Path, *, column: str, written: str, kind: str
) -> None:
    [finding] = check(tmp_path, (*BUY, written), header=f"{HEADER},{column}")
    assert (finding.kind, finding.severity, finding.row_number) == (kind, Severity.REFUSED, 2)


ACCOUNT_HEADER = "account_id,account_name,lot_method,may_overdraw,may_short"


@pytest.mark.parametrize(
    ("cells", "read_as"),
    [
        (("", "", ""), ("fifo", True, True)),
        (("HIFO", "no", "No"), ("hifo", False, False)),
        (("average", "TRUE", "false"), ("average", True, False)),
    ],
)
def test_an_account_says_how_it_is_kept(
    tmp_path: Path, *, cells: Row, read_as: tuple[str, bool, bool]
) -> None:
    write_table(tmp_path, "accounts", ACCOUNT_HEADER, [("A", "Anna", *cells)])
    checked = read_checked(tmp_path / "accounts.csv", FORMATS["accounts"], READING)
    assert isinstance(checked, CheckedTable), checked
    [row] = checked.rows.to_pylist()
    assert (row["lot_method"], row["may_overdraw"], row["may_short"]) == read_as


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (("oldest", "", ""), "lot_method 'oldest' is none of fifo, lifo"),
        (("", "maybe", ""), "may_overdraw 'maybe' is neither yes nor no"),
        (("", "", "0"), "may_short '0' is neither yes nor no"),
    ],
)
def test_a_word_that_is_none_of_the_choices_is_refused(tmp_path: Path, *, cells: Row, says: str) -> None:
    write_table(tmp_path, "accounts", ACCOUNT_HEADER, [("A", "Anna", *cells)])
    checked = read_checked(tmp_path / "accounts.csv", FORMATS["accounts"], READING)
    assert isinstance(checked, CheckedTable)
    [finding] = checked.findings
    assert (finding.kind, finding.severity, finding.row_number) == ("unknown_word", Severity.REFUSED, 2)
    assert says in finding.reason


def test_prices_say_whether_splits_are_in_them(tmp_path: Path) -> None:
    header = "asset_id,asset_name,asset_type,currency,price_basis"
    rows = [("A", "A", "ETF", "USD", ""), ("B", "B", "ETF", "USD", "Split_Adjusted")]
    write_table(tmp_path, "asset_master", header, rows)
    checked = read_checked(tmp_path / "asset_master.csv", FORMATS["asset_master"], READING)
    assert isinstance(checked, CheckedTable), checked
    assert checked.rows["price_basis"].to_pylist() == ["raw", "split_adjusted"]
