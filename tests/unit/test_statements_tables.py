"""Files as they come, most of them wrong: each wrong one is refused with its line and its reason."""

import gzip
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steelyard.domain.finding import Finding, Severity
from steelyard.statements.cells import Reading
from steelyard.statements.columns import FORMATS
from steelyard.statements.rows import MAX_REFUSED_ROWS, CheckedTable, read_checked
from steelyard.statements.tables import (
    HalfDirectoryError,
    NoDirectoryError,
    TwoFilesError,
    UnknownTableError,
    find_tables,
    ignored_files,
)

READING = Reading(date(2018, 2, 7))
HEADER = "asset_id,price_date,closing_price"
ROW = "AAPL,2018-01-02,10.5"


def check(path: Path, name: str = "market_data", reading: Reading = READING) -> tuple[Finding, ...]:
    checked = read_checked(path, FORMATS[name], reading)
    return checked.findings if isinstance(checked, CheckedTable) else (checked,)


def rows_of(path: Path, name: str = "market_data", reading: Reading = READING) -> list[dict[str, Any]]:
    checked = read_checked(path, FORMATS[name], reading)
    assert isinstance(checked, CheckedTable), checked
    rows: list[dict[str, Any]] = checked.rows.to_pylist()
    return rows


def csv_file(folder: Path, *lines: str, name: str = "market_data") -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def parquet_file(folder: Path, columns: Mapping[str, Any], name: str = "market_data") -> Path:
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table(dict(columns)), path)
    return path


# ── Whole files ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "kind", "line", "says"),
    [
        (b"", "empty_file", None, "is empty"),
        (f"{HEADER},volume\n".encode(), "unknown_column", 1, "unknown column 'volume'"),
        (b"asset_id,price_date,closing_prise\n", "unknown_column", 1, "did you mean closing_price?"),
        (b"asset_id,price_date\n", "missing_column", 1, "has no column closing_price"),
        (f"{HEADER},asset_id\n".encode(), "repeated_column", 1, "asset_id stands there twice"),
        (b"asset_id;price_date;closing_price\n", "wrong_delimiter", 1, "';'"),
        (f"{HEADER}\n{ROW}\n".encode("utf-16"), "wrong_encoding", 1, "UTF-16"),
        (f"{HEADER}\n{ROW}\nSOCI\xc9T\xc9,2018-01-02,1\n".encode("cp1252"), "broken_line", 3, "not UTF-8"),
        (f"{HEADER}\n{ROW}\nAAPL,2018-01-03\n".encode(), "broken_line", 3, "2 cells where the header has 3"),
        (f"{HEADER}\n{ROW}\nAAPL,2018-01-03,1,2\n".encode(), "broken_line", 3, "4 cells"),
        (f'{HEADER}\n{ROW}\n"AAPL,2018-01-03,1\n{ROW}\n'.encode(), "broken_line", 3, "never closed"),
        (f"{HEADER}\n{ROW}\n".encode() + b"A" * 9_000_000, "broken_line", 3, "longer than"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(
    tmp_path: Path, *, content: bytes, kind: str, line: int | None, says: str
) -> None:
    path = tmp_path / "market_data.csv"
    path.write_bytes(content)
    [finding] = check(path)
    assert (finding.kind, finding.row_number, finding.severity) == (kind, line, Severity.REFUSED)
    assert says in finding.reason


def test_damaged_gzip_and_parquet_are_refused(tmp_path: Path) -> None:
    zipped = tmp_path / "market_data.csv.gz"
    zipped.write_bytes(gzip.compress(f"{HEADER}\n{ROW}\n".encode())[:-9])
    no_parquet = tmp_path / "market_data.parquet"
    no_parquet.write_bytes(b"PAR1 but not really")
    assert [check(path)[0].severity for path in (zipped, no_parquet)] == [Severity.REFUSED] * 2


def test_a_header_alone_is_an_empty_table(tmp_path: Path) -> None:
    assert rows_of(csv_file(tmp_path, HEADER)) == []


def test_columns_come_in_any_order_with_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "market_data.csv"
    path.write_bytes("\ufeffclosing_price,price_date,asset_id\r\n10.5,2018-01-02,AAPL\r\n".encode())
    [row] = rows_of(path)
    assert row == {"asset_id": "AAPL", "price_date": date(2018, 1, 2), "closing_price": Decimal("10.5")}


def test_empty_lines_are_no_rows_and_keep_the_numbers_right(tmp_path: Path) -> None:
    [finding] = check(csv_file(tmp_path, HEADER, ROW, "", "AAPL,2018-01-03,x"))
    assert finding.row_number == 4


def test_a_header_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert {finding.row_number for finding in check(csv_file(tmp_path, HEADER, ROW, HEADER))} == {3}


def test_long_lists_of_refusals_end_with_how_many_more(tmp_path: Path) -> None:
    findings = check(csv_file(tmp_path, HEADER, *["AAPL,2018-01-02,x"] * (MAX_REFUSED_ROWS + 5)))
    assert len(findings) == MAX_REFUSED_ROWS + 1
    assert "5 more" in findings[-1].reason


# ── Cells ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("price", "kind", "severity"),
    [
        ("", "missing_price", Severity.QUARANTINED),
        ("nan", "not_a_number", Severity.QUARANTINED),
        ("NULL", "not_a_number", Severity.QUARANTINED),
        ("-Inf", "not_a_number", Severity.QUARANTINED),
        ("0", "zero_price", Severity.QUARANTINED),
        ("-0.00", "zero_price", Severity.QUARANTINED),
        ("-5", "negative_price", Severity.QUARANTINED),
        ("1.1234567890123", "inexact_number", Severity.REFUSED),
        ('"1,000.5"', "malformed_number", Severity.REFUSED),
        ('"1.000,5"', "malformed_number", Severity.REFUSED),
        ("1_000", "malformed_number", Severity.REFUSED),
        ("1e3", "malformed_number", Severity.REFUSED),
        ("1e999999", "malformed_number", Severity.REFUSED),
        ("1e-30", "malformed_number", Severity.REFUSED),
        ("1000000000000000000", "malformed_number", Severity.REFUSED),
        ("+1", "malformed_number", Severity.REFUSED),
        (" 1", "malformed_number", Severity.REFUSED),
        (".5", "malformed_number", Severity.REFUSED),
        ("\u0661\u0662", "malformed_number", Severity.REFUSED),
        ("\uff11\uff12", "malformed_number", Severity.REFUSED),
        ("1\0", "malformed_number", Severity.REFUSED),
    ],
)
def test_a_price_that_is_none(tmp_path: Path, *, price: str, kind: str, severity: Severity) -> None:
    [finding] = check(csv_file(tmp_path, HEADER, f"AAPL,2018-01-02,{price}"))
    assert (finding.kind, finding.severity, finding.row_number) == (kind, severity, 2)


def test_long_prices_are_exact(tmp_path: Path) -> None:
    [row] = rows_of(csv_file(tmp_path, HEADER, "AAPL,2018-01-02,123456789012345.123456789012"))
    assert row["closing_price"] == Decimal("123456789012345.123456789012")


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2018-02-30", "bad_date"),
        ("2018-1-2", "bad_date"),
        ("02/01/2018", "bad_date"),
        ("2018-01-02T24:00", "bad_date"),
        ("20180102", "bad_date"),
        ("\uff12018-01-02", "bad_date"),
        ("1900-01-01", "date_out_of_range"),
        ("2018-02-09", "date_out_of_range"),
        ("", "missing_value"),
    ],
)
def test_a_date_that_is_none_is_refused(tmp_path: Path, *, day: str, kind: str) -> None:
    [finding] = check(csv_file(tmp_path, HEADER, f"AAPL,{day},1"))
    assert (finding.kind, finding.severity) == (kind, Severity.REFUSED)


def test_tomorrow_is_a_date_somewhere(tmp_path: Path) -> None:
    assert rows_of(csv_file(tmp_path, HEADER, "AAPL,2018-02-08,1"))


@pytest.mark.parametrize(
    "asset_id",
    [
        "",
        "\u0410APL",
        "AA\u202ePL",
        "AA\u200dPL",
        "\U0001f600",
        "A" * 10_000,
        "A\0",
        "../A",
        "A;drop",
        " AAPL",
    ],
)
def test_an_asset_id_that_could_deceive_is_refused(tmp_path: Path, asset_id: str) -> None:
    [finding] = check(csv_file(tmp_path, HEADER, f"{asset_id},2018-01-02,1"))
    assert finding.kind in {"bad_asset_id", "missing_value"}
    assert len(str(finding)) < 300


@pytest.mark.parametrize(
    "asset_id", ["BRK.B", "BRK/B", "^GSPC", "EURUSD=X", "M&M.NS", "XNAS:AAPL", "BTC-USD"]
)
def test_an_asset_id_that_firms_use_is_kept(tmp_path: Path, asset_id: str) -> None:
    assert rows_of(csv_file(tmp_path, HEADER, f"{asset_id},2018-01-02,1"))[0]["asset_id"] == asset_id


def test_full_width_letters_are_the_plain_asset_and_count_as_its_duplicate(tmp_path: Path) -> None:
    wide = ROW.replace("AAPL", "\uff21\uff21\uff30\uff2c")
    assert [finding.kind for finding in check(csv_file(tmp_path, HEADER, ROW, wide))] == ["duplicate_row"]


@pytest.mark.parametrize(
    ("name", "header", "row", "kind"),
    [
        ("asset_master", "asset_id,asset_name,asset_type,currency", "A,A,Equity,usd", "unknown_currency"),
        ("asset_master", "asset_id,asset_name,asset_type,currency", "A,,Equity,USD", "missing_value"),
        ("asset_master", "asset_id,asset_name,asset_type,currency", "A,B\x07,Equity,USD", "unprintable"),
        (
            "asset_master",
            "asset_id,asset_name,asset_type,currency,isin",
            "A,A,E,USD,US0378331006",
            "bad_isin",
        ),
        (
            "performance_history",
            "asset_id,date,daily_return,total_return",
            "A,2018-01-02,-3.2,",
            "out_of_range",
        ),
        (
            "performance_history",
            "asset_id,date,daily_return,total_return",
            "A,2018-01-02,nan,",
            "not_a_number",
        ),
        (
            "risk_metrics",
            "asset_id,calculation_date,volatility,var_95,beta,sharpe_ratio",
            "A,2018-01-02,0.2,2.5,1,1",
            "out_of_range",
        ),
        (
            "risk_metrics",
            "asset_id,calculation_date,volatility,var_95,beta,sharpe_ratio",
            "A,2018-01-02,0.2,-0.02,1,1",
            "out_of_range",
        ),
        ("portfolio_allocation", "portfolio,asset_id,target_weight", "P,A,25", "out_of_range"),
        ("portfolio_allocation", "portfolio,asset_id,quantity", "P,A,", "missing_value"),
        ("portfolio_allocation", "portfolio,asset_id,actual_weight", "P,A,8", "weights_sum"),
        (
            "transactions",
            "asset_id,transaction_date,transaction_type,total_amount",
            "A,2018-01-02,BUY,-1",
            "out_of_range",
        ),
        (
            "transactions",
            "asset_id,transaction_date,transaction_type,total_amount",
            "A,2018-01-02,BUY,1.123456789",
            "inexact_number",
        ),
        ("target_weights", "model_id,asset_id,target_weight", "M,A,0.999999", "weights_sum"),
        ("fx_rates", "currency,rate_date,units_per_eur", "XXX,2018-01-02,1", "unknown_currency"),
        ("risk_free_rates", "currency,rate_date,annual_rate,series", "USD,2018-01-02,4.5,x", "out_of_range"),
        ("market_data", f"{HEADER},price_time", f"{ROW},2018-01-02T21:00:00", "bad_time"),
    ],
)
def test_a_row_that_means_nothing_is_refused(
    tmp_path: Path, *, name: str, header: str, row: str, kind: str
) -> None:
    [finding] = check(csv_file(tmp_path, header, row, name=name), name)
    assert (finding.kind, finding.severity) == (kind, Severity.REFUSED)


def test_the_difference_to_one_is_said(tmp_path: Path) -> None:
    lines = ("model_id,asset_id,target_weight", "M,A,0.5", "M,B,0.500001", "N,A,1")
    [finding] = check(csv_file(tmp_path, *lines, name="target_weights"), "target_weights")
    assert "+0.000001" in finding.reason


def test_formulas_are_stored_verbatim(tmp_path: Path) -> None:
    lines = ("asset_id,asset_name,asset_type,currency", '=A,"=HYPERLINK(""x"")",@sum,USD')
    [row] = rows_of(csv_file(tmp_path, *lines, name="asset_master"), "asset_master")
    assert (row["asset_id"], row["asset_name"], row["asset_type"]) == ("=A", '=HYPERLINK("x")', "@sum")


# ── Rows beside each other ──────────────────────────────────────────────────────────────────────────────


def test_equal_rows_count_once_and_different_ones_are_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER, ROW, "MSFT,2018-01-02,1", ROW, ROW.replace("10.5", "10.6"))
    same, other = sorted(check(path), key=lambda finding: finding.row_number or 0)
    assert (same.kind, same.severity, same.row_number) == ("duplicate_row", Severity.FLAGGED, 4)
    assert (other.kind, other.severity, other.row_number) == ("conflicting_rows", Severity.REFUSED, 5)
    assert "line 2" in other.reason


def test_equal_trades_without_an_id_both_count(tmp_path: Path) -> None:
    header, trade = "asset_id,transaction_date,transaction_type,total_amount", "A,2018-01-02,BUY,7"
    path = csv_file(tmp_path, header, trade, trade, name="transactions")
    ids = [row["transaction_id"] for row in rows_of(path, "transactions")]
    assert len(set(ids)) == 2
    assert [finding.kind for finding in check(path, "transactions")] == ["repeated_row"]
    shuffled = csv_file(
        tmp_path,
        "total_amount,transaction_type,asset_id,transaction_date",
        "7.00,buy,A,2018-01-02",
        name="transactions",
    )
    assert rows_of(shuffled, "transactions")[0]["transaction_id"] == ids[0]


def test_a_portfolio_with_and_without_dates_is_refused(tmp_path: Path) -> None:
    lines = ("portfolio,asset_id,as_of,quantity", "P,A,2018-01-02,1", "P,B,,1", "Q,A,,1")
    findings = check(csv_file(tmp_path, *lines, name="portfolio_allocation"), "portfolio_allocation")
    assert [(finding.kind, finding.row_number) for finding in findings] == [("mixed_dates", 3)]


# ── Parquet ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "price",
    [
        pa.array([0.1]),
        pa.array([Decimal("0.1000000000000000")], pa.decimal128(38, 16)),
        pa.array(["0.1"]),
        pa.array([0.1], pa.float32()),
    ],
)
def test_parquet_prices_are_their_shortest_decimal(tmp_path: Path, price: pa.Array) -> None:
    columns = {"asset_id": ["A"], "price_date": [date(2018, 1, 2)], "closing_price": price}
    assert rows_of(parquet_file(tmp_path, columns))[0]["closing_price"] == Decimal("0.1")


def test_parquet_numbers_without_an_exponent(tmp_path: Path) -> None:
    columns = {
        "asset_id": pa.array(["A", "A"]).dictionary_encode(),
        "price_date": np.array(["2018-01-02", "2018-01-03"], "datetime64[ns]"),  # days as pandas writes them
    }
    path = parquet_file(tmp_path, columns | {"closing_price": [1e-7, 123456789012.125]})
    assert [row["closing_price"] for row in rows_of(path)] == [Decimal("1E-7"), Decimal("123456789012.125")]


def test_parquet_prices_with_too_many_places_are_refused_by_row(tmp_path: Path) -> None:
    columns = {
        "asset_id": ["A", "B"],
        "price_date": [date(2018, 1, 2)] * 2,
        "closing_price": [1.5, 0.1 + 0.2],
    }
    [finding] = check(parquet_file(tmp_path, columns))
    assert str(finding).startswith(
        "market_data.parquet row 2: closing_price 0.30000000000000004 has more than 12"
    )


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("price_date", np.array(["2018-01-02T12"], "datetime64[ns]")),
        ("price_date", [20180102]),
        ("closing_price", [True]),
        ("asset_id", [1.5]),
    ],
)
def test_parquet_types_that_cannot_be_meant_are_refused(
    tmp_path: Path, *, column: str, values: list[Any]
) -> None:
    columns = {"asset_id": ["A"], "price_date": [date(2018, 1, 2)], "closing_price": [1.0]} | {column: values}
    [finding] = check(parquet_file(tmp_path, columns))
    assert (finding.kind, finding.severity) == ("unreadable_file", Severity.REFUSED)


# ── Directories ─────────────────────────────────────────────────────────────────────────────────────────


def test_tables_are_found_in_the_order_they_are_stored(tmp_path: Path) -> None:
    for name in (
        "transactions.csv",
        "market_data.csv.gz",
        "asset_master.parquet",
        "notes.txt",
        "market-data.csv",
    ):
        (tmp_path / name).touch()
    only = ["transactions", "market_data", "asset_master"]
    assert list(find_tables(tmp_path, only)) == ["asset_master", "market_data", "transactions"]
    assert ignored_files(tmp_path) == ["market-data.csv"]
    with pytest.raises(HalfDirectoryError, match="no file for portfolio_allocation, compliance_records"):
        find_tables(tmp_path)
    with pytest.raises(UnknownTableError, match="did you mean market_data"):
        find_tables(tmp_path, ["market_dat"])
    (tmp_path / "market_data.csv").touch()
    with pytest.raises(TwoFilesError, match="both hold market_data"):
        find_tables(tmp_path, only)
    with pytest.raises(NoDirectoryError):
        find_tables(tmp_path / "nowhere")
