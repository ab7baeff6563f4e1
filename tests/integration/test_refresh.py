"""Refreshing: what is derived anew, whose figures count, and what asset 360 says where something is missing."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import fmean

import asyncpg
import pytest
from plotly.graph_objects import Figure  # type: ignore[import-untyped]  # it brings no types

from small_book import AS_OF, DAYS, TODAY, Tables, load, price_of, prices, small_book
from steelyard.domain.money import round_half_up
from steelyard.domain.scope import TENANT, Scope
from steelyard.services.asset_360 import (
    Refresh,
    get_asset_allocation,
    get_compliance_summary,
    get_geographic_distribution,
    get_performance_dashboard,
    get_portfolio_overview,
    get_risk_metrics,
    get_sector_exposure,
    get_transaction_analysis,
    refresh,
)
from steelyard.storage.connection import get_db_session, get_write_session, raw_connection

pytestmark = pytest.mark.usefixtures("own_store")

HISTORY = "select asset_id, date, daily_return, total_return, origin from steelyard.performance_history order by 1, 2"
RISK = "select * from steelyard.risk_metrics order by asset_id, calculation_date"
FORGET = """
delete from steelyard.performance_history where origin = 'derived';
delete from steelyard.risk_metrics where origin = 'derived';
insert into steelyard.derivations_pending (asset_id) select asset_id from steelyard.asset_master
"""


async def rows(statement: str) -> list[asyncpg.Record]:
    async with get_db_session() as db:
        return await (await raw_connection(db)).fetch(statement)


async def published(scope_kind: str = "tenant", scope_id: str = "") -> dict[str, asyncpg.Record]:
    """Return the current rows of a scope by asset."""
    every = await rows("select * from steelyard.asset_360_scoped")
    return {r["asset_id"]: r for r in every if (r["scope_kind"], r["scope_id"]) == (scope_kind, scope_id)}


async def load_and_refresh(directory: Path, tables: Tables) -> Refresh:
    await load(directory, tables)
    return await refresh(today=TODAY)


def daily_returns(records: Iterable[asyncpg.Record]) -> dict[tuple[str, date], float]:
    return {(r["asset_id"], r["date"]): r["daily_return"] for r in records}


# ── What is derived anew ────────────────────────────────────────────────────────────────────────────────


async def test_only_what_changed_is_derived(tmp_path: Path) -> None:
    assert (await load_and_refresh(tmp_path, small_book())).derived_assets == 4
    assert (await refresh(today=TODAY)).derived_assets == 0

    corrected = await load_and_refresh(tmp_path / "b", {"market_data": [("B", DAYS[100], "101.5")]})
    measured_by_m = await load_and_refresh(tmp_path / "m", {"market_data": [("M", DAYS[250], "101.5")]})

    assert corrected.derived_assets == 1
    assert measured_by_m.derived_assets == 3  # A and B are measured against it, E is not


async def test_a_corrected_price_changes_two_returns(tmp_path: Path) -> None:
    await load_and_refresh(tmp_path, small_book())
    before = daily_returns(await rows(HISTORY))

    await load_and_refresh(tmp_path / "b", {"market_data": [("B", DAYS[100], "103.5")]})

    after = daily_returns(await rows(HISTORY))
    assert {key for key in after if after[key] != before[key]} == {("B", DAYS[100]), ("B", DAYS[101])}
    assert after["B", DAYS[100]] == pytest.approx(103.5 / float(price_of("B", DAYS[99])) - 1, rel=1e-15)
    assert after["B", DAYS[101]] == pytest.approx(float(price_of("B", DAYS[101])) / 103.5 - 1, rel=1e-15)


async def test_a_corrected_price_reaches_the_figures_of_what_is_measured_against_it(tmp_path: Path) -> None:
    await load_and_refresh(tmp_path, small_book())
    before = await published()

    await load_and_refresh(tmp_path / "m", {"market_data": [("M", DAYS[250], "103.5")]})

    after = await published()
    changed = {
        a: {c for c, value in r.items() if value != before[a][c]} - {"version"} for a, r in after.items()
    }
    assert changed == {"A": {"beta"}, "B": {"beta"}, "E": set()}


async def test_a_price_outside_every_window_changes_no_figure(tmp_path: Path) -> None:
    book = small_book()
    book["market_data"] += [("A", date(2022, 12, day), "101") for day in (1, 28, 29)]
    await load_and_refresh(tmp_path, book)

    refreshed = await load_and_refresh(
        tmp_path / "earlier", {"market_data": [("A", date(2022, 12, 1), "100")]}
    )

    assert (refreshed.derived_assets, refreshed.published) == (1, False)


CHANGES: dict[str, Tables] = {
    "a corrected price": {"market_data": [("B", DAYS[100], "101.5")]},
    "a corrected price of the benchmark": {"market_data": [("M", DAYS[30], "101.5")]},
    "a price of the exchange with other days": {"market_data": [("E", DAYS[100], "101.5")]},
    "a price in a gap": {"market_data": [("E", date(2023, 5, 31), "101.5")]},
    "earlier prices": {"market_data": [("A", date(2022, 12, 28), "100"), ("A", date(2022, 12, 29), "101")]},
    "a new day": {"market_data": [("A", TODAY, "101.5"), ("M", TODAY, "101.5")]},
    "another benchmark": {"benchmarks": [("USD", "A")]},
    "a benchmark of its own": {"asset_master": [("B", "Bellows", "Bond", "USD", "Air", "US", "E")]},
    "a risk-free rate": {
        "risk_free_rates": [("USD", DAYS[0], 0.01, "made"), ("EUR", DAYS[100], 0.02, "made")]
    },
    "the firm's own returns": {
        "performance_history": [("M", day, n % 7 / 1000, "") for n, day in enumerate(DAYS[150:])]
    },
    "the firm's own risk": {"risk_metrics": [("A", DAYS[-40], 0.2, 0.03, 1.1, 0.5)]},
    "a new asset": {
        "asset_master": [("N", "New", "Equity", "USD", "Tools", "US", "")],
        "market_data": prices("N")[200:],
    },
}


@pytest.mark.parametrize("change", CHANGES)
async def test_deriving_what_changed_gives_what_deriving_all_gives(tmp_path: Path, change: str) -> None:
    await load_and_refresh(tmp_path, small_book())

    await load_and_refresh(tmp_path / "change", CHANGES[change])

    history, risk, figures = await rows(HISTORY), await rows(RISK), await published()
    async with get_write_session() as db:
        await (await raw_connection(db)).execute(FORGET)
    await refresh(today=TODAY)
    assert same(history, await rows(HISTORY)) > 900
    again = {key(r) for r in await rows(RISK)}
    # Risk also stands where a version or a month ended before the change: deriving all knows nothing of those.
    assert {r["calculation_date"] for r in risk if key(r) not in again} <= {AS_OF, date(2023, 5, 30)}
    assert same([r for r in risk if key(r) in again], await rows(RISK)) > 40
    assert same(list(figures.values()), list((await published()).values())) >= 3


def key(risk: asyncpg.Record) -> tuple[str, date]:
    return risk["asset_id"], risk["calculation_date"]


def same(some: list[asyncpg.Record], others: list[asyncpg.Record]) -> int:
    """Hold rows to others, floats to twelve digits; return how many there are."""
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        for column, value in one.items():
            near = (
                pytest.approx(other[column], rel=1e-12, abs=1e-15)
                if isinstance(value, float)
                else other[column]
            )
            assert column == "version" or value == near, (column, one, other)
    return len(some)


# ── A firm's own figures ────────────────────────────────────────────────────────────────────────────────


async def test_a_firms_own_returns_are_kept_and_used(tmp_path: Path) -> None:
    book = small_book()
    book["performance_history"] = [("A", day, 0.001, "") for day in DAYS[1:]]
    book["performance_history"] += [("B", DAYS[150], 0.25, "")]
    await load_and_refresh(tmp_path, book)
    await load_and_refresh(
        tmp_path / "a", {"market_data": [("A", DAYS[100], "103.5"), ("B", DAYS[150], "103.5")]}
    )

    kept = daily_returns(r for r in await rows(HISTORY) if r["origin"] == "loaded")
    assert kept == {("A", day): 0.001 for day in DAYS[1:]} | {("B", DAYS[150]): 0.25}
    figures = await published()
    assert figures["A"]["total_return"] == pytest.approx(1.001**259 - 1, rel=1e-12)
    assert figures["A"]["avg_volatility"] == pytest.approx(0, abs=1e-12)
    assert (figures["A"]["performance_origin"], figures["E"]["performance_origin"]) == ("loaded", "derived")
    assert figures["B"]["performance_origin"] == "mixed"
    assert figures["B"]["max_daily_return"] == 0.25


async def test_a_firms_own_risk_is_averaged_over_the_window(tmp_path: Path) -> None:
    own: Tables = {
        "risk_metrics": [
            ("A", DAYS[150], 0.9, 0.09, 9, 9),  # before the window
            ("A", DAYS[230], 0.2, 0.03, 1.0, 0.5),
            ("A", AS_OF, 0.4, 0.05, "", 0.7),
        ]
    }
    await load_and_refresh(tmp_path, small_book() | own)
    await load_and_refresh(tmp_path / "a", {"market_data": [("A", DAYS[100], "103.5")]})

    stored = {
        r["calculation_date"]: r for r in await rows(RISK) if (r["asset_id"], r["origin"]) == ("A", "loaded")
    }
    assert [stored[day]["var_95"] for day in (DAYS[150], DAYS[230], AS_OF)] == [0.09, 0.03, 0.05]
    row = (await published())["A"]
    assert row["risk_origin"] == "loaded"
    assert row["avg_volatility"] == fmean([0.2, 0.4])
    assert row["value_at_risk"] == fmean([0.03, 0.05])
    assert row["beta"] == 1.0
    assert row["sharpe_ratio"] == fmean([0.5, 0.7])
    assert row["expected_shortfall"] is None
    assert row["risk_category"] == "HIGH"


# ── Where something is missing ──────────────────────────────────────────────────────────────────────────


async def test_a_book_without_positions_answers_all_questions(tmp_path: Path) -> None:
    book = small_book()
    await load_and_refresh(tmp_path, {name: book[name] for name in ("asset_master", "market_data")})

    overview = await get_portfolio_overview()
    assert overview == {
        "total_assets": 0,
        "total_value": Decimal("0.00"),
        "average_return": None,
        "mean_return": None,
        "risk_distribution": [],
        "unvalued_assets": 0,
        "base_currency": "USD",
        "as_of": AS_OF,
        "version": 1,
    }
    assert await get_risk_metrics() == []
    assert await get_performance_dashboard() == {"top_performers": []}
    assert await get_compliance_summary() == []
    line = Figure(await get_transaction_analysis())
    assert list(line.data[0].y) == [0.0] * 12
    for read in (get_asset_allocation, get_sector_exposure, get_geographic_distribution):
        assert all(len(pie.values) == 0 for pie in Figure(await read()).data)


async def test_the_whole_universe_on_request(tmp_path: Path) -> None:
    book = small_book()
    await load(tmp_path, {name: book[name] for name in ("asset_master", "market_data")})
    await refresh(today=TODAY, universe=True)

    figures = await published()
    assert figures.keys() == {"A", "B", "M", "E"}
    assert all(
        "no_position" in row["quality_flags"] and row["market_value"] is None for row in figures.values()
    )
    overview = await get_portfolio_overview()
    assert (overview["total_assets"], overview["unvalued_assets"]) == (4, 0)


async def test_a_portfolio_of_weights_is_valued_by_its_stated_value(tmp_path: Path) -> None:
    book = small_book()
    book["accounts"] = [("STATED", "By word", "H", "EUR", "1000.50"), ("SILENT", "By weight", "", "EUR", "")]
    book["portfolio_allocation"] = [("STATED", "A", AS_OF, "", "0.25"), ("SILENT", "B", AS_OF, "", "0.5")]
    book["transactions"], book["compliance_records"] = [], []
    await load_and_refresh(tmp_path, book)

    in_euros, in_dollars = await published("account", "STATED"), await published("household", "H")
    assert in_euros["A"]["market_value"] == Decimal("250.125")
    assert in_dollars["A"]["market_value"] == Decimal("312.65625")  # 1.25 USD for 1 EUR
    silent = (await published("account", "SILENT"))["B"]
    assert (silent["market_value"], silent["position_size"]) == (None, "UNKNOWN")
    assert "no_quantity" in silent["quality_flags"]
    overview = await get_portfolio_overview()
    assert (overview["total_value"], overview["unvalued_assets"]) == (Decimal("312.66"), 1)


async def test_an_asset_without_prices_stays(tmp_path: Path) -> None:
    book = small_book()
    book["asset_master"] += [("U", "Unpriced", "Equity", "USD", "Tools", "US", "")]
    book["portfolio_allocation"] += [("ONE", "U", DAYS[0], 5, "")]
    await load_and_refresh(tmp_path, book)

    row = (await published())["U"]
    assert row["quantity"] == 5
    assert [row[c] for c in ("current_price", "market_value", "total_return", "value_at_risk", "beta")] == [
        None
    ] * 5
    assert {"no_price", "no_history", "short_risk_window"} <= set(row["quality_flags"])
    assert {row[c] for c in ("risk_category", "performance_category", "position_size")} == {"UNKNOWN"}
    overview = await get_portfolio_overview()
    assert (overview["total_assets"], overview["unvalued_assets"]) == (4, 1)
    assert [r["asset_id"] for r in await get_risk_metrics()][-1] == "U"


async def test_a_missing_rate_is_told_and_never_taken_for_one(tmp_path: Path) -> None:
    book = small_book()
    book["asset_master"] += [("C", "Cheese", "Equity", "CHF", "Tools", "CH", "")]
    book["market_data"] += [("C", AS_OF, "100")]
    book["portfolio_allocation"] += [("ONE", "C", DAYS[0], 5, "")]
    book["transactions"] += [("T4", "ONE", "C", DAYS[250], "BUY", "CHF", 500, 1)]
    await load_and_refresh(tmp_path, book)

    row = (await published())["C"]
    assert row["current_price"] == 100
    assert [row[c] for c in ("market_value", "total_purchases", "avg_transaction_cost")] == [None] * 3
    assert row["total_transactions"] == 1
    assert "no_fx_rate" in row["quality_flags"]
    assert Figure(await get_transaction_analysis()).data[0].y[-1] is None


async def test_a_short_position_counts_against_the_total(tmp_path: Path) -> None:
    book = small_book()
    book["portfolio_allocation"] = [("ONE", "A", DAYS[0], 10, ""), ("ONE", "B", DAYS[0], -4, "")]
    await load_and_refresh(tmp_path, book)

    long, short = 10 * price_of("A", AS_OF), -4 * price_of("B", AS_OF)
    figures = await published()
    assert (figures["A"]["market_value"], figures["B"]["market_value"]) == (long, short)
    assert figures["B"]["position_size"] == "SMALL"
    assert figures["B"]["value_at_risk_amount"] == figures["B"]["value_at_risk"] * float(short)
    assert (await get_portfolio_overview())["total_value"] == long + short
    pie = Figure(await get_asset_allocation())
    assert list(pie.data[0].labels) == ["Equity"]  # a pie cannot draw less than nothing
    assert pie.layout.meta["rows"][-1]["value"] == float(short)


# ── Thresholds, scopes, pictures ────────────────────────────────────────────────────────────────────────


async def test_the_tenants_thresholds_decide_the_categories(tmp_path: Path) -> None:
    await load_and_refresh(tmp_path, small_book())
    before = await published()
    bound = before["A"]["value_at_risk"]
    assert before["A"]["position_size"] == "SMALL"
    async with get_write_session() as db:
        driver = await raw_connection(db)
        change = (
            "update steelyard.category_thresholds set bound = $2, bound_included = $3 where category = $1"
        )
        await driver.executemany(change, [("HIGH", Decimal(repr(bound)), True), ("MEDIUM", Decimal(0), True)])
        await driver.executemany(change, [("LARGE", before["A"]["market_value"], False)])

    assert (await refresh(today=TODAY)).published
    after = await published()
    assert after["A"]["risk_category"] == "HIGH"  # the bound belongs to it
    assert {r["risk_category"] for r in after.values() if r["value_at_risk"] < bound} <= {"MEDIUM"}
    assert after["A"]["position_size"] != "LARGE"  # this one does not
    assert {r["position_size"] for r in after.values() if r["market_value"] > after["A"]["market_value"]} == {
        "LARGE"
    }


SCOPES = [TENANT, Scope.household("H"), Scope.account("ONE"), Scope.account("TWO"), Scope.account("ALONE")]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_the_answers_of_a_scope_are_those_of_its_rows(tmp_path: Path, scope: Scope) -> None:
    await load_and_refresh(tmp_path, small_book())
    figures = list((await published(scope.kind, scope.id)).values())

    overview = await get_portfolio_overview(scope=scope)
    total = sum(r["market_value"] for r in figures)
    weighed = sum(r["market_value"] * Decimal(r["total_return"]) for r in figures) / total
    assert overview["total_assets"] == len(figures) > 0
    assert overview["total_value"] == round_half_up(total, 2)
    assert overview["average_return"] == round_half_up(100 * weighed, 2)
    assert overview["mean_return"] == round_half_up(
        100 * Decimal(fmean(r["total_return"] for r in figures)), 2
    )
    assert {r["risk_category"]: r["count"] for r in overview["risk_distribution"]} == counted(
        figures, "risk_category"
    )

    worst = sorted(figures, key=lambda r: (-r["value_at_risk"], r["asset_id"]))
    assert [r["asset_id"] for r in await get_risk_metrics(scope=scope)] == [r["asset_id"] for r in worst]
    best = sorted(figures, key=lambda r: (-r["total_return"], r["asset_id"]))
    top = (await get_performance_dashboard(scope=scope))["top_performers"]
    assert [r["asset_id"] for r in top] == [r["asset_id"] for r in best]
    violating = {r["asset_id"]: r["active_violations"] for r in figures if r["active_violations"]}
    checked = await get_compliance_summary(scope=scope)
    assert {r["asset_id"]: r["active_violations"] for r in checked} == violating
    for read, column in ((get_sector_exposure, "sector"), (get_geographic_distribution, "issuing_country")):
        _, by_count = Figure(await read(scope=scope)).data
        assert dict(zip(by_count.labels, by_count.values, strict=True)) == counted(figures, column)


def counted(figures: list[asyncpg.Record], column: str) -> dict[str, int]:
    return dict(Counter(r[column] for r in figures))


async def test_volume_is_of_the_month_and_the_scope(tmp_path: Path) -> None:
    await load_and_refresh(tmp_path, small_book())

    async def volumes(scope: Scope) -> dict[str, float]:
        line = Figure(await get_transaction_analysis(scope=scope)).data[0]
        assert len(line.x) == 12
        return {month: volume for month, volume in zip(line.x, line.y, strict=True) if volume}

    assert await volumes(Scope.account("ONE")) == {"2023-01": 3000.0}
    assert await volumes(Scope.account("TWO")) == {"2023-12": 1000.0}  # 800 EUR
    assert await volumes(Scope.household("H")) == {"2023-01": 3000.0, "2023-12": 1000.0}
    assert await volumes(Scope.account("ALONE")) == {}


async def test_what_no_row_shows_is_published_too(tmp_path: Path) -> None:
    """A moved month and a new, empty account change answers, but no row of asset 360."""
    book = small_book()
    await load_and_refresh(tmp_path, book)
    moved: Tables = {"transactions": [("T1", "ONE", "A", date(2023, 3, 1), "BUY", "USD", 1000, 1)]}

    assert (await load_and_refresh(tmp_path / "moved", moved)).published
    line = Figure(await get_transaction_analysis(scope=Scope.account("ONE"))).data[0]
    assert line.y[list(line.x).index("2023-03")] == 1000.0

    assert (
        await load_and_refresh(tmp_path / "new", {"accounts": [("NEW", "New", "H", "USD", "")]})
    ).published
    assert (await get_portfolio_overview(scope=Scope.account("NEW")))["total_assets"] == 0
    assert not (await refresh(today=TODAY)).published
