"""Loading against a real PostgreSQL: what is stored, what is refused, and that a refusal stores nothing."""

import gzip
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from books import four_currency_book, sp500_book, write_table
from steelyard.domain.finding import Finding, Severity
from steelyard.services.loading import LoadRefusedError, LoadSummary, load_tables
from steelyard.statements.tables import HalfDirectoryError
from steelyard.storage.connection import ReadSession, WriteSession, get_db_session

TODAY = date(2018, 2, 8)
BAD_TICK = ("reversal", Severity.QUARANTINED)
SPIN_OFF = ("level_shift", Severity.FLAGGED)
SPLIT = ("split_like", Severity.FLAGGED)
DEFECT_DAYS = {
    ("EBAY", "2015-07-20"): SPIN_OFF,
    ("BAX", "2015-07-01"): SPIN_OFF,
    ("NI", "2015-07-02"): SPIN_OFF,
    ("DISCA", "2014-08-07"): SPLIT,
    ("DISCK", "2014-08-07"): SPLIT,
    ("LNT", "2016-05-19"): BAD_TICK,
    ("NWL", "2017-09-14"): BAD_TICK,
    ("MRO", "2017-09-14"): BAD_TICK,
}
"""What ../shared/data/README.md says is wrong in the 505-name set."""

PRICE_HEADER = "asset_id,price_date,closing_price"
PRICES = [("AAPL", f"2018-01-{day:02}", f"{100 + day}.25") for day in (2, 3, 4, 5, 8, 9, 10, 11, 12)]
DAILY = PRICES[-1][1]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The smallest whole directory."""
    write_table(
        tmp_path,
        "asset_master",
        "asset_id,asset_name,asset_type,isin,currency",
        [("AAPL", "Apple", "Equity", "US0378331005", "USD"), ("VOD", "Vodafone", "Equity", "", "GBX")],
    )
    write_table(tmp_path, "market_data", "asset_id,price_date,closing_price", PRICES)
    write_table(tmp_path, "portfolio_allocation", "portfolio,asset_id,quantity", [("P1", "AAPL", "10")])
    write_table(
        tmp_path,
        "transactions",
        "asset_id,transaction_date,transaction_type,total_amount",
        [*[("AAPL", "2018-01-02", "Buy", "1022.50")] * 2, ("VOD", DAILY, "SELL", "7")],
    )
    write_table(tmp_path, "compliance_records", "asset_id,check_date,status", [("AAPL", DAILY, "violation")])
    return tmp_path


async def load(directory: Path, db: WriteSession, **options: Any) -> LoadSummary:
    return await load_tables(directory, today=TODAY, db=db, **options)


async def ask(db: WriteSession | ReadSession, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await db.execute(text(statement))]


def kinds(findings: Iterable[Finding]) -> list[str]:
    return sorted(finding.kind for finding in findings)


async def refusal(directory: Path, db: WriteSession, **options: Any) -> LoadRefusedError:
    with pytest.raises(LoadRefusedError) as caught:
        await load(directory, db, **options)
    return caught.value


# ── What is stored ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_book_is_stored_exactly(book: Path, write_session: WriteSession) -> None:
    summary = await load(book, write_session)
    assert summary.status == "loaded"
    assert await ask(write_session, "select sum(closing_price) from steelyard.market_data") == [
        (Decimal("966.25"),)
    ]
    trades = (
        "select transaction_type, currency, total_amount from steelyard.transactions order by currency desc"
    )
    assert await ask(write_session, trades) == [("BUY", "USD", Decimal("1022.5"))] * 2 + [
        ("SELL", "GBX", Decimal(7))
    ]
    assert await ask(write_session, "select account_id, base_currency from steelyard.accounts") == [
        ("P1", "USD")
    ]
    assert await ask(write_session, "select status from steelyard.compliance_records") == [("VIOLATION",)]
    assert await ask(write_session, "select * from steelyard.derivations_pending") == [
        ("AAPL", date(2018, 1, 2))
    ]
    assert kinds(summary.findings) == [*["no_account"] * 3, "repeated_row"]
    assert any("performance_history" in note for note in summary.notes)
    assert any("P1" in note for note in summary.notes)


async def test_the_same_files_again_change_nothing(book: Path, write_session: WriteSession) -> None:
    await load(book, write_session)
    await write_session.execute(text("delete from steelyard.derivations_pending"))
    again = await load(book, write_session)
    assert again.status == "unchanged"
    assert again.new_findings == 0
    assert [(table.added, table.corrected, table.removed) for table in again.tables] == [(0, 0, 0)] * 5
    assert await ask(write_session, "select * from steelyard.derivations_pending") == []


async def test_a_later_price_is_added_and_a_different_one_corrected(
    book: Path, write_session: WriteSession
) -> None:
    await load(book, write_session)
    await write_session.execute(text("delete from steelyard.derivations_pending"))
    changed = [PRICES[-1], ("AAPL", "2018-01-11", "111.26"), ("AAPL", "2018-01-16", "113")]
    write_table(book, "market_data", PRICE_HEADER, changed)
    summary = await load(book, write_session, only=["market_data"])
    [prices] = summary.tables
    assert (prices.added, prices.corrected, prices.unchanged) == (1, 1, 1)
    assert await ask(write_session, "select * from steelyard.derivations_pending") == [
        ("AAPL", date(2018, 1, 11))
    ]


async def test_a_snapshot_is_replaced_whole(book: Path, write_session: WriteSession) -> None:
    header = "portfolio,asset_id,quantity"
    write_table(
        book, "portfolio_allocation", header, [("P1", "AAPL", "10"), ("P1", "VOD", "5"), ("P2", "VOD", "1")]
    )
    await load(book, write_session)
    write_table(book, "portfolio_allocation", header, [("P1", "VOD", "6")])
    [table] = (await load(book, write_session, only=["portfolio_allocation"])).tables
    assert (table.corrected, table.removed) == (1, 1)
    held = await ask(
        write_session, "select portfolio, asset_id, quantity from steelyard.portfolio_allocation order by 1"
    )
    assert held == [("P1", "VOD", 6), ("P2", "VOD", 1)]


async def test_a_column_the_file_lacks_keeps_what_is_stored(book: Path, write_session: WriteSession) -> None:
    await load(book, write_session)
    renamed = [("AAPL", "Apple Inc.", "Equity", "USD")]
    write_table(book, "asset_master", "asset_id,asset_name,asset_type,currency", renamed)
    await load(book, write_session, only=["asset_master"])
    stored = await ask(
        write_session, "select asset_name, isin from steelyard.asset_master where asset_id = 'AAPL'"
    )
    assert stored == [("Apple Inc.", "US0378331005")]


async def test_a_changed_benchmark_marks_the_assets_it_is_for(
    book: Path, write_session: WriteSession
) -> None:
    await load(book, write_session)
    await write_session.execute(text("delete from steelyard.derivations_pending"))
    write_table(book, "benchmarks", "currency,asset_id", [("GBX", "AAPL")])
    await load(book, write_session, only=["benchmarks"])
    assert await ask(write_session, "select asset_id from steelyard.derivations_pending") == [("VOD",)]


async def test_the_firms_own_figures_replace_derived_ones(book: Path, write_session: WriteSession) -> None:
    await load(book, write_session)
    insert = "insert into steelyard.performance_history values ('AAPL', '2018-01-03', 0.5, 0.5, 'derived')"
    await write_session.execute(text(insert))
    own = [("AAPL", "2018-01-03", "0.01", ""), ("AAPL", "2018-01-04", "1.5e-3", "")]
    write_table(book, "performance_history", "asset_id,date,daily_return,total_return", own)
    [table] = (await load(book, write_session, only=["performance_history"])).tables
    assert (table.added, table.corrected) == (1, 1)
    stored = await ask(
        write_session, "select daily_return, total_return, origin from steelyard.performance_history"
    )
    assert sorted(stored) == [(0.0015, None, "loaded"), (0.01, None, "loaded")]


# ── Prices in doubt ─────────────────────────────────────────────────────────────────────────────────────


async def test_unusable_prices_are_quarantined_and_the_rest_loads(
    book: Path, write_session: WriteSession
) -> None:
    bad = [("VOD", f"2018-01-0{day}", price) for day, price in ((2, "nan"), (3, ""), (4, "0"), (5, "-1"))]
    write_table(book, "market_data", PRICE_HEADER, [*PRICES, *bad])
    summary = await load(book, write_session)
    stored = (
        "select kind, severity, row_number, row_data ->> 'closing_price' from steelyard.data_quality_findings"
    )
    assert sorted(await ask(write_session, f"{stored} where table_name = 'market_data'")) == [
        ("missing_price", "quarantined", 12, ""),
        ("negative_price", "quarantined", 14, "-1"),
        ("not_a_number", "quarantined", 11, "nan"),
        ("zero_price", "quarantined", 13, "0"),
    ]
    assert await ask(write_session, "select distinct asset_id from steelyard.market_data") == [("AAPL",)]
    assert (await load(book, write_session)).new_findings == 0
    assert [table.quarantined for table in summary.tables if table.table_name == "market_data"] == [4]


async def test_a_stored_price_that_the_next_day_disproves_is_taken_back(
    book: Path, write_session: WriteSession
) -> None:
    tick, after = ("AAPL", "2018-01-16", "70"), ("AAPL", "2018-01-17", "112.5")
    write_table(book, "market_data", PRICE_HEADER, [*PRICES, tick])
    assert "unconfirmed" in kinds((await load(book, write_session)).findings)
    write_table(book, "market_data", PRICE_HEADER, [after])
    summary = await load(book, write_session, only=["market_data"])
    [reversal] = [finding for finding in summary.findings if finding.kind == "reversal"]
    assert (reversal.severity, reversal.finding_date) == (Severity.QUARANTINED, date(2018, 1, 16))
    last = "select price_date from steelyard.market_data order by price_date desc limit 2"
    assert await ask(write_session, last) == [(date(2018, 1, 17),), (date(2018, 1, 12),)]


async def test_trusted_prices_are_not_screened(book: Path, write_session: WriteSession) -> None:
    write_table(book, "market_data", PRICE_HEADER, [*PRICES, ("AAPL", "2018-01-16", "55")])
    summary = await load(book, write_session, trust_prices=True)
    assert kinds(f for f in summary.findings if f.table_name == "market_data") == []
    assert any("not searched" in note for note in summary.notes)


async def test_pence_for_pounds_is_quarantined(book: Path, write_session: WriteSession) -> None:
    write_table(book, "market_data", PRICE_HEADER, [*PRICES, ("AAPL", "2018-01-16", "1.12")])
    summary = await load(book, write_session)
    assert "unit_jump" in kinds(summary.findings)
    assert await ask(write_session, "select max(price_date) from steelyard.market_data") == [
        (date(2018, 1, 12),)
    ]


async def test_505_names_show_their_known_defects(tmp_path: Path, write_session: WriteSession) -> None:
    summary = await load(sp500_book(tmp_path), write_session)
    prices = [finding for finding in summary.findings if finding.table_name == "market_data"]
    found = {(f.asset_id, str(f.finding_date)): (f.kind, f.severity) for f in prices}
    assert {day: found.get(day) for day in DEFECT_DAYS} == DEFECT_DAYS
    assert len(found.keys() - DEFECT_DAYS.keys()) <= 45
    assert (await load(tmp_path, write_session)).status == "unchanged"


async def test_703_names_in_four_currencies_load(tmp_path: Path, write_session: WriteSession) -> None:
    await load(four_currency_book(tmp_path), write_session)
    counted = "select currency, count(*) from steelyard.asset_master group by 1 order by 1"
    assert await ask(write_session, counted) == [("EUR", 50), ("GBX", 98), ("HKD", 50), ("USD", 505)]
    pence = "select closing_price from steelyard.market_data where asset_id = 'AAL.L' and price_date = '2008-01-01'"
    assert await ask(write_session, pence) == [(Decimal("2488.191"),)]


# ── What is refused, and that nothing of it stays ───────────────────────────────────────────────────────


@pytest.mark.usefixtures("store")
async def test_an_error_in_the_last_file_stores_nothing(book: Path) -> None:
    write_table(book, "compliance_records", "asset_id,check_date,status", [("AAPL", "2018-02-30", "PASS")])
    with pytest.raises(LoadRefusedError):
        await load_tables(book, today=TODAY)
    async with get_db_session() as db:
        assert await ask(db, "select (select count(*) from steelyard.asset_master)") == [(0,)]
        kept = "select r.status, f.kind, f.file_name, f.row_number from steelyard.data_quality_findings as f"
        assert await ask(db, f"{kept} inner join steelyard.load_runs as r using (run_id)") == [
            ("refused", "bad_date", "compliance_records.csv", 2)
        ]


async def test_every_refusal_of_every_file_is_listed(book: Path, write_session: WriteSession) -> None:
    (book / "transactions.csv").write_bytes(b"")
    write_table(book, "market_data", "asset_id,price_date,closing_prise", PRICES)
    write_table(book, "compliance_records", "asset_id,check_date,status", [("AAPL", "2018-13-01", "PASS")])
    refused = await refusal(book, write_session)
    assert kinds(refused.findings) == ["bad_date", "empty_file", "unknown_column"]
    assert "did you mean closing_price?" in str(refused)


@pytest.mark.parametrize(
    ("kind", "table", "header", "row"),
    [
        ("unknown_asset", "market_data", PRICE_HEADER, ("TSLA", "2018-01-02", "1")),
        ("unknown_asset", "benchmarks", "currency,asset_id", ("USD", "TSLA")),
        ("unknown_household", "accounts", "account_id,account_name,household_id", ("A", "A", "H9")),
        ("unknown_model", "accounts", "account_id,account_name,model_id", ("A", "A", "M9")),
        ("unknown_model", "target_weights", "model_id,asset_id,target_weight", ("M9", "AAPL", "1")),
    ],
)
async def test_a_row_that_names_nothing_known_is_refused(
    book: Path, write_session: WriteSession, *, kind: str, table: str, header: str, row: tuple[str, ...]
) -> None:
    await load(book, write_session)
    write_table(book, table, header, [row])
    [finding] = (await refusal(book, write_session, only=[table])).findings
    assert (finding.kind, finding.row_number) == (kind, 2)


async def test_a_portfolio_keeps_to_dates_or_to_none(book: Path, write_session: WriteSession) -> None:
    await load(book, write_session)
    write_table(
        book, "portfolio_allocation", "portfolio,asset_id,as_of,quantity", [("P1", "VOD", DAILY, "1")]
    )
    [finding] = (await refusal(book, write_session, only=["portfolio_allocation"])).findings
    assert finding.kind == "mixed_dates"


async def test_half_a_directory_names_the_files_and_the_way_out(
    book: Path, write_session: WriteSession
) -> None:
    (book / "transactions.csv").unlink()
    with pytest.raises(
        HalfDirectoryError, match=r"no file for transactions.*--only asset_master,market_data"
    ):
        await load(book, write_session)
    summary = await load(book, write_session, only=["asset_master", "market_data"])
    assert [table.table_name for table in summary.tables] == ["asset_master", "market_data"]


async def test_declared_rounding_is_done_half_up_and_said(book: Path, write_session: WriteSession) -> None:
    write_table(book, "market_data", PRICE_HEADER, [("AAPL", "2018-01-02", "45.07499999999999929")])
    assert kinds((await refusal(book, write_session)).findings) == ["inexact_number"]
    summary = await load(book, write_session, price_places=2)
    assert await ask(write_session, "select closing_price from steelyard.market_data") == [
        (Decimal("45.07"),)
    ]
    assert any("rounded to 2" in note for note in summary.notes)


async def test_gzip_and_parquet_hold_the_same_facts(book: Path, write_session: WriteSession) -> None:
    await load(book, write_session)
    for name in ("market_data", "transactions"):
        pq.write_table(pacsv.read_csv(book / f"{name}.csv"), book / f"{name}.parquet")
        (book / f"{name}.csv").unlink()
    allocation = book / "portfolio_allocation.csv"
    with gzip.open(f"{allocation}.gz", "wb") as file:
        file.write(allocation.read_bytes())
    allocation.unlink()
    assert (await load(book, write_session)).status == "unchanged"
