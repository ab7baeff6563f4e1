"""What a person sees, from answers made by hand."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from io import StringIO
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from steelyard.cli.screens import answers as screens
from steelyard.cli.screens.assets import listing, page
from steelyard.cli.screens.cells import Listing, bars
from steelyard.cli.screens.checks import Check, Verdict, checks
from steelyard.cli.screens.data import loaded, versions
from steelyard.domain.finding import Finding, Severity
from steelyard.domain.scope import TENANT
from steelyard.domain.transaction import Fault
from steelyard.services import asset_360
from steelyard.services.asset_360 import Refresh
from steelyard.services.keeping import Keeping
from steelyard.services.loading import LoadedTable, LoadSummary
from steelyard.services.quality import MEANINGS
from steelyard.storage.asset_360 import (
    ComplianceRow,
    Document,
    ExposureRow,
    Overview,
    PerformanceRow,
    RiskRow,
    Version,
    VolumeRow,
)

EMPTY = Document(
    as_of=date(2022, 12, 28),
    version=3,
    scope_kind="tenant",
    scope_id="",
    base_currency="USD",
    overview=Overview(0, Decimal(0), 0),
    risk=[],
    performers=[],
    compliance=[],
    volume=[VolumeRow("2022-11", Decimal(0)), VolumeRow("2022-12", Decimal(0))],
    exposure={},
    risk_free={},
    quality={},
)
BOOK = replace(
    EMPTY,
    scope_kind="household",
    scope_id="RIVERA",
    overview=Overview(3, Decimal("12345678.905"), 1, weighted_return=-0.1234, mean_return=0.05),
    risk=[
        RiskRow("AMD", "Advanced Micro Devices", 0.0523, 1.8, -0.35),
        RiskRow("CHF", "Swiss franc", None, None, None),
    ],
    performers=[PerformanceRow("XOM", "Exxon Mobil", 0.0028, 0.3, 0.82, "OUTPERFORMING")],
    compliance=[ComplianceRow("AMD", "Advanced Micro Devices", 2, date(2022, 9, 30))],
    volume=[VolumeRow("2022-11", Decimal("1500.5")), VolumeRow("2022-12", None)],
    exposure={
        "risk_category": [
            ExposureRow("HIGH", 1, Decimal(10000000)),
            ExposureRow("LOW", 1, Decimal("2345678.905")),
            ExposureRow("UNKNOWN", 1, Decimal(0)),
        ],
        "asset_type": [ExposureRow("Equity", 3, Decimal("12345678.905"))],
        "sector": [ExposureRow("Energy", 3, Decimal("12345678.905"))],
        "country": [ExposureRow("Unknown", 3, Decimal(-5))],
    },
    quality={"no_benchmark": 2, "zero_price": 1},
)
READERS = {
    "overview": asset_360.answer_overview,
    "allocation": asset_360.answer_allocation,
    "risk": asset_360.answer_risk,
    "performers": asset_360.answer_performance,
    "compliance": asset_360.answer_compliance,
    "transactions": asset_360.answer_transactions,
    "sectors": asset_360.answer_sectors,
    "countries": asset_360.answer_countries,
}
ROW: dict[str, Any] = {
    "asset_id": "AMD",
    "asset_name": "Advanced Micro Devices",
    "asset_type": "Equity",
    "isin": "US0079031078",
    "currency": "USD",
    "exchange": "XNAS",
    "issuer": None,
    "issue_date": None,
    "maturity_date": None,
    "par_value": None,
    "rating": None,
    "sector": "Information Technology",
    "issuing_country": "United States",
    "status": "ACTIVE",
    "base_currency": "USD",
    "as_of": date(2022, 12, 28),
    "version": 3,
    "quantity": Decimal("1250.500000000000"),
    "current_price": Decimal("62.570000000000"),
    "price_date": date(2022, 12, 28),
    "market_value": Decimal("78243.78500000"),
    "avg_daily_return": -0.002,
    "max_daily_return": 0.1427,
    "min_daily_return": -0.1387,
    "total_return": -0.5704,
    "performance_origin": "derived",
    "avg_volatility": 0.66,
    "value_at_risk": 0.0523,
    "value_at_risk_amount": 4092.15,
    "expected_shortfall": 0.07,
    "expected_shortfall_amount": 5477.06,
    "beta": 2.1,
    "sharpe_ratio": -0.4,
    "risk_origin": "derived",
    "benchmark_asset_id": "SP500",
    "total_transactions": 4,
    "total_purchases": Decimal(20000),
    "total_sales": Decimal(0),
    "avg_transaction_cost": None,
    "active_violations": 2,
    "last_compliance_check": date(2022, 12, 28),
    "risk_category": "HIGH",
    "performance_category": "UNDERPERFORMING",
    "position_size": "SMALL",
    "quality_flags": ["no_risk_free", "zero_price"],
    "findings": [
        {
            "finding_date": date(2022, 5, 3),
            "kind": "zero_price",
            "severity": "quarantined",
            "reason": "price is 0",
        }
    ],
}


def drawn(renderable: RenderableType, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def shown(name: str, document: Document, width: int = 80) -> str:
    return drawn(getattr(screens, name)(READERS[name](document), document), width)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_line_fits_the_terminal(name: str, width: int) -> None:
    assert max(cell_len(line) for line in shown(name, BOOK, width).splitlines()) <= width


@pytest.mark.parametrize("name", READERS)
def test_every_screen_says_what_it_is_of(name: str) -> None:
    assert "as of 2022-12-28 · version 3 · household RIVERA" in shown(name, BOOK)
    assert "as of 2022-12-28 · version 3 · all accounts" in shown(name, EMPTY)


@pytest.mark.parametrize("name", ["overview", "allocation", "risk", "performers", "sectors", "countries"])
def test_a_book_without_assets_says_so(name: str) -> None:
    assert "No asset is held, traded, targeted or checked here." in shown(name, EMPTY)


def test_overview_gives_figures_with_unit_and_sign() -> None:
    text = shown("overview", BOOK)

    assert "12,345,678.91 USD" in text
    assert "3, 1 of them without a known value" in text
    assert "▼ -12.34 %  weighted by value" in text
    assert "▲ +5.00 %  plain mean" in text


def test_overview_shares_the_value_among_the_risk_categories() -> None:
    high, low, unknown = (
        next(line for line in shown("overview", BOOK).splitlines() if line.startswith(category))
        for category in ("HIGH", "LOW", "UNKNOWN")
    )

    assert "81.00 %" in high
    assert "19.00 %" in low
    assert high.count("█") > 4 * low.count("█") > 0
    assert "0.00 %" in unknown
    assert "█" not in unknown


def test_overview_explains_quality_flags_most_frequent_first() -> None:
    text = shown("overview", BOOK)

    assert text.index("no_benchmark") < text.index("zero_price")
    assert "nothing to measure beta against" in text
    assert "some of its prices were set aside when loaded" in text


def test_an_unknown_figure_is_never_shown_as_a_number() -> None:
    swiss = next(line for line in shown("risk", BOOK).splitlines() if line.startswith("CHF"))

    assert swiss.split() == ["CHF", "Swiss", "franc", "–", "–", "–"]
    assert "2022-12            –" in shown("transactions", BOOK)


def test_risk_says_what_the_sharpe_ratio_is_above() -> None:
    with_series = replace(BOOK, risk_free={"USD": "US T-bill 3M"})

    assert "above 0, for no risk-free series is loaded" in shown("risk", BOOK)
    assert "above US T-bill 3M for USD" in shown("risk", with_series)


def test_compliance_tells_no_violation_from_no_assets() -> None:
    assert "No violation in the last six months." in shown("compliance", EMPTY)


def test_a_negative_value_has_no_bar_and_no_share() -> None:
    line = next(line for line in shown("countries", BOOK).splitlines() if line.startswith("Unknown"))

    assert line.split() == ["Unknown", "3", "-5.00", "–"]


def test_the_longest_bar_fills_its_column() -> None:
    assert [bar.drawn(8) for bar in bars([4.0, 1.0, 0.0])] == ["████████", "██", ""]
    assert [bar.drawn(8) for bar in bars([0.0, 0.0])] == ["", ""]


def test_a_listing_drops_its_optional_columns_from_the_right() -> None:
    table = Listing("Asset", ">Value", "?Kind", "?Note")
    table.add_row("A" * 6, "1,234,567.89", "Equity", "bought")

    assert drawn(table, 60).split()[:4] == ["Asset", "Value", "Kind", "Note"]
    assert drawn(table, 32).split()[:3] == ["Asset", "Value", "Kind"]
    assert drawn(table, 22).split()[:2] == ["Asset", "Value"]
    assert "1,234,567.89" in drawn(table, 22)


def test_the_list_of_assets_keeps_value_and_return_at_any_width() -> None:
    for width in (60, 80, 120):
        text = drawn(listing([ROW], among=7, scope=TENANT), width)

        assert "78,243.79" in text
        assert "▼ -57.04 %" in text
        assert "1 of 7 assets" in text
        assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "1,250.5" in drawn(listing([ROW], among=7, scope=TENANT), 120)


def test_the_page_of_an_asset_shows_it_from_all_sides() -> None:
    text = drawn(page(ROW, scope=TENANT))

    for figure in (
        "78,243.79",
        "1,250.5",
        "62.57 USD",
        "▼ -57.04 %",
        "5.23 % = 4,092.15",
        "2.10 to SP500",
        "20,000.00",
    ):
        assert figure in text
    assert "no risk-free rate for its currency" in text
    assert "price is 0" in text
    assert "US0079031078" in text


def test_the_page_of_an_asset_without_flags_says_so() -> None:
    text = drawn(page({**ROW, "quality_flags": [], "findings": []}, scope=TENANT))

    assert "nothing limits these figures" in text


def test_the_page_of_an_asset_caps_its_findings() -> None:
    many = [{**ROW["findings"][0], "reason": f"number {number}"} for number in range(13)]

    text = drawn(page({**ROW, "findings": many}, scope=TENANT))

    assert "number 9" in text
    assert "number 10" not in text
    assert "… and 3 more" in text


def test_every_flag_of_the_procedure_has_a_meaning() -> None:
    procedure = (files("steelyard.storage") / "sql/procedures/create_asset_360.sql").read_text("utf-8")
    made = procedure.partition("array_remove(")[2].partition("as quality_flags")[0]
    flags = set(re.findall(r"then '([a-z_]+)' end", made))

    assert "no_price" in flags
    assert flags <= MEANINGS.keys()


# ── Loads, versions, checks ─────────────────────────────────────────────────────────────────────────────


def summary(findings: int) -> LoadSummary:
    table = LoadedTable("market_data", "market_data.csv", 5, 3, 1, 0, 0, quarantined=1, flagged=0)
    found = [
        Finding(
            "market_data",
            "market_data.csv",
            "zero_price",
            Severity.QUARANTINED,
            f"price is 0 ({n})",
            n,
            "AMD",
        )
        for n in range(2, findings + 2)
    ]
    return LoadSummary(7, "loaded", "book", (table,), tuple(found), findings, ("A note.",))


def test_a_load_shows_counts_notes_and_findings_by_file_and_row() -> None:
    text = drawn(
        loaded(
            {"load": summary(2), "refresh": Refresh(4, date(2022, 12, 28), published=True, derived_assets=3)}
        )
    )

    assert re.search(r"market_data +5 +3 +1 +0 +0 +1 +0", text)
    assert "A note." in text
    assert "market_data.csv:3" in text
    assert "AMD, quarantined, zero_price: price is 0 (3)" in text
    assert "Published version 4 as of 2022-12-28, with the history of 3 assets derived anew." in text


def test_a_load_caps_its_findings_and_says_where_the_rest_is() -> None:
    text = drawn(loaded({"load": summary(23), "refresh": None}))

    assert "price is 0 (21)" in text
    assert "price is 0 (22)" not in text
    assert "… and 3 more; all in data_quality_findings" in text
    assert "Next: steelyard refresh" in text


def test_a_load_says_what_became_of_the_ledger() -> None:
    keeping = Keeping(
        posted=1_200,
        corrected=3,
        unposted={Fault.NO_ACCOUNT: 2, Fault.NOT_YET: 1},
        by_ledger=1,
        differing=2,
        changed={"A": "ledger"},
        cash_assets=("EUR", "USD"),
    )
    text = drawn(loaded({"load": replace(summary(0), ledger=keeping), "refresh": None}))

    assert "Ledger: 1,200 entries posted (3 taken back); 1 account is kept by it." in text
    assert "2 accounts keep their snapshots, which say otherwise: steelyard ledger reconcile" in text
    assert "2 transactions not booked: names no account." in text
    assert "1 transaction not booked: lies in the future; it is booked when its day comes." in text
    assert "Assets made for money: EUR, USD." in text
    assert "Ledger:" not in drawn(loaded({"load": summary(0), "refresh": None}))


def test_versions_say_which_is_current() -> None:
    made = datetime(2023, 1, 2, 9, 30, tzinfo=UTC)
    first = Version(
        1,
        date(2022, 6, 30),
        row_count=900,
        universe=False,
        content_hash="",
        recorded_at=made,
        is_current=False,
    )
    kept = [
        replace(first, version=2, as_of=date(2022, 12, 28), universe=True, row_count=1200, is_current=True),
        first,
    ]

    lines = drawn(versions(kept)).splitlines()

    assert re.search(r"2 +2022-12-28 +1,200 +all +2023-01-02 09:30 +current", "\n".join(lines))
    assert sum("current" in line for line in lines) == 1


def test_checks_name_the_next_step_and_are_counted() -> None:
    results = [
        Check("Store", Verdict.OK, "PostgreSQL 18"),
        Check("Disk", Verdict.FAIL, "0.1 GB free", "Free some."),
    ]

    text = drawn(checks(results))

    assert re.search(r"ok +Store +PostgreSQL 18", text)
    assert re.search(r"fail +Disk +0.1 GB free", text)
    assert "→ Free some." in text
    assert "2 checks: 1 failed, 0 with a warning." in text
    assert "Everything is well." in drawn(checks(results[:1]))
