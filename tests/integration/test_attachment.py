"""Attaching a firm's own tables: the same asset 360 as loading them, and nothing of theirs is touched."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from books import sp500_book
from conftest import urls_of
from firm import (
    HISTORY,
    KNOWN_NAMES,
    MAPPING,
    OLD,
    connect,
    dump_firm,
    few_assets,
    historical_procedure,
    look,
    make_firm,
    make_history,
    run,
)
from steelyard.errors import SteelyardError
from steelyard.services.asset_360 import NoPricesError, refresh
from steelyard.services.attachment import (
    AlreadyAttachedError,
    Gap,
    IncompleteMappingError,
    OutsideViewsError,
    StoreNotEmptyError,
    UnreadableValueError,
    attach,
    detach,
)
from steelyard.services.comparison import Cause, Comparison, compare
from steelyard.services.loading import AttachedTableError, load_tables
from steelyard.services.mapping import (
    ColumnTypeError,
    DuplicateKeysError,
    ImplausibleError,
    MissingColumnError,
    MissingTableError,
    SourceRightError,
    SwappedTablesError,
)
from steelyard.statements.mapping import parse_mapping
from steelyard.storage.attachment import NotAttachedError
from steelyard.storage.connection import (
    Pool,
    close_connection_pool,
    get_db_session,
    init_connection_pool,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseReadOnlyError
from steelyard.storage.migration import AttachedSchemaError, migrate

TODAY = date(2018, 2, 8)
AS_OF = date(2018, 2, 7)
ASSETS = 30
REFERENCE = ["fx_rates", "benchmarks", "risk_free_rates"]
ROWS = (
    "select * from steelyard.asset_360_scoped where scope_kind <> 'household' "
    "order by scope_kind, scope_id, asset_id"
)
CATALOGUE = """
    select c.relname, c.relkind, k.conname, pg_get_constraintdef(k.oid)
    from pg_class as c left join pg_constraint as k on k.conrelid = c.oid
    where c.relnamespace = 'steelyard'::regnamespace and c.relname not like 'pg_toast%'
    order by 1, 3
"""
Row = dict[str, Any]


@pytest.fixture(scope="module")
def whole_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sp500_book(tmp_path_factory.mktemp("whole"), since=date(2016, 9, 1))  # asset 360 looks a year back


@pytest.fixture(scope="module")
def book(whole_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return few_assets(whole_book, tmp_path_factory.mktemp("few"), ASSETS)


@pytest.fixture
async def firm(own_database: EmbeddedServer, own_store: Pool, book: Path) -> EmbeddedServer:
    """A firm's tables, and an empty store beside them."""
    del own_store
    await make_firm(own_database, book)
    return own_database


@pytest.fixture(scope="module")
def unchanged_database(database: EmbeddedServer, book: Path) -> EmbeddedServer:
    asyncio.run(_make_history_too(database, book))
    return database


async def _make_history_too(database: EmbeddedServer, book: Path) -> None:
    await make_firm(database, book)
    await run(
        database,
        "insert into firm.perf select 'AAL', d, x, x * 10 from (values (date '2018-01-02', 0.8), "
        "('2018-01-03', -1.2), ('2018-01-04', 0.6)) as t (d, x)",
        "update firm.holdings set pct = 100.0 / 6 where pct is not null",
        "insert into firm.risk select 'AAL', '2018-01-31', 21, 2600, 100000, 0.05, 1",
    )


@pytest.fixture
def small_firm(unchanged_database: EmbeddedServer, store: Pool) -> EmbeddedServer:
    """A firm whose attaching is refused: shared, for nothing changes."""
    del store
    return unchanged_database


async def fetch(statement: str) -> list[Row]:
    async with get_db_session() as db:
        return [dict(row) for row in await (await raw_connection(db)).fetch(statement)]


async def attach_and_refresh(book: Path, mapping: str = MAPPING) -> list[Row]:
    await attach(parse_mapping(mapping))
    await load_tables(book, today=TODAY, only=REFERENCE)
    await refresh(today=TODAY)
    return await fetch(ROWS)


def differences(attached: list[Row], loaded: list[Row]) -> list[tuple[str, str, str]]:
    """Give scope, asset and column where two asset 360 differ: floats beyond 1e-9, anything else at all."""

    def key(row: Row) -> tuple[str, str, str]:
        return row["scope_kind"], row["scope_id"], row["asset_id"]

    assert [key(row) for row in attached] == [key(row) for row in loaded]
    return [
        (ours["scope_id"], ours["asset_id"], name)
        for ours, theirs in zip(attached, loaded, strict=True)
        for name in theirs
        if name != "version"
        and (
            ours[name] != pytest.approx(theirs[name], rel=1e-9, abs=1e-12)
            if isinstance(theirs[name], float)
            else ours[name] != theirs[name]
        )
    ]


# ── The same figures ────────────────────────────────────────────────────────────────────────────────────


async def test_505_names_attached_give_what_their_files_give_and_each_old_fault_is_counted(
    own_database: EmbeddedServer, own_store: Pool, whole_book: Path
) -> None:
    del own_store
    firm, book = own_database, whole_book
    await make_firm(firm, book)
    before = dump_firm(firm)
    attached = await attach_and_refresh(book)
    again = await refresh(today=TODAY)
    # with statistics gathered in between PostgreSQL may multiply in another order, and the last digits are a version
    assert differences(await fetch(ROWS), attached) == []
    assert dump_firm(firm) == before

    await detach(keep_store=True)
    await load_tables(book, today=TODAY, trust_prices=True)
    await refresh(today=TODAY)

    assert len(attached) == 1618
    assert differences(attached, await fetch(ROWS)) == []
    assert again.derived_assets == 0
    assert dump_firm(firm) == before

    comparison = await compare_with_the_historical_procedure(firm, book)
    rows = await look(
        firm, "select count(*) as n, count(distinct asset_id) as assets from firm_old.asset_360"
    )
    assert (rows[0]["n"], rows[0]["assets"], comparison.our_assets) == (1028, 505, 506)
    assert {fault.cause: fault.figures for fault in comparison.faults} == {
        Cause.DUPLICATED_JOIN: 1028 - 505,
        Cause.UNPRICED_DROPPED: 1,
        Cause.UNITS: 4 * 1028
        + 9
        - 3
        - 8,  # days best and worst, volatility, risk; means that no first day moves
        Cause.WINDOW_EDGE: 1028
        - 9
        + 3
        + 8
        + 25,  # means, extremes of the first day, what was traded or checked on it
        Cause.AVERAGED_RETURN: 1028 + 366,  # and the category that follows from it
        Cause.PRICE_TIMES_SHARE: 893 + 362,
        Cause.THRESHOLDS: 342,
        Cause.NULL_CATEGORY: 135,
        Cause.NOTHING_AS_NULL: 274,
    }


async def test_history_of_their_own_is_read_in_its_units(firm: EmbeddedServer, book: Path) -> None:
    await load_tables(book, today=TODAY, trust_prices=True)
    await refresh(today=TODAY)
    derived = await fetch(ROWS)
    await make_history(firm)
    await detach()
    await migrate()

    attached = await attach_and_refresh(book, MAPPING + HISTORY)

    assert {row["performance_origin"] for row in attached} == {"loaded"}
    assert {row["risk_origin"] for row in attached} == {"loaded"}
    same = {"avg_daily_return", "max_daily_return", "min_daily_return", "total_return", "market_value"}
    assert not [d for d in differences(attached, derived) if d[2] in same]
    assert not await fetch("select from steelyard.performance_history_own")
    writer = await connect(firm)
    await writer.execute("begin; lock table firm.perf in row exclusive mode")
    assert not (await refresh(today=TODAY)).published  # waits for no writer of theirs, and holds none up
    await writer.close()
    by_asset = {row["asset_id"]: row for row in attached}
    expected = await look(
        firm,
        "select secid, avg(var_usd / position_usd) as v from firm.risk "
        "where calc_date > '2017-11-07' group by secid",
    )
    assert len(expected) == ASSETS
    for row in expected:
        assert by_asset[row["secid"]]["value_at_risk"] == pytest.approx(float(row["v"]), rel=1e-9)


# ── Old against new ─────────────────────────────────────────────────────────────────────────────────────


async def compare_with_the_historical_procedure(firm: EmbeddedServer, book: Path) -> Comparison:
    """Make the derived history the firm's, run the historical procedure on its tables, attach them, and compare."""
    await make_history(firm)
    await detach()
    await migrate()
    await run(
        firm,
        "insert into firm.instruments (secid, descr, ccy) values ('NOPRICE', 'Not traded', 'USD')",
        "insert into firm.holdings (book_no, secid, asof, units) values ('A1', 'NOPRICE', '2018-02-07', 5)",
        KNOWN_NAMES,
        historical_procedure(AS_OF),
        "grant usage on schema firm_old to steelyard_migrator",
        "grant select on firm_old.asset_360 to steelyard_migrator",
    )
    before = dump_firm(firm)
    await attach_and_refresh(book, MAPPING + HISTORY + OLD)
    assert dump_firm(firm) == before
    return await compare()


async def test_each_known_fault_of_the_historical_procedure_is_named_and_counted(
    firm: EmbeddedServer, book: Path
) -> None:
    await attach_and_refresh(book)  # what it derives becomes the firm's history

    comparison = await compare_with_the_historical_procedure(firm, book)

    duplicated = await look(firm, "select count(*) - count(distinct asset_id) as n from firm_old.asset_360")
    edge = await look(
        firm,
        "select count(*) as n from firm_old.asset_360 as o inner join firm.trades as t on o.asset_id = t.secid "
        "where t.trade_dt = '20170207'",
    )
    assert (comparison.their_rows, comparison.their_assets, comparison.our_assets) == (61, 30, 31)
    assert (duplicated[0]["n"], edge[0]["n"]) == (31, 3)
    assert {fault.cause: fault.figures for fault in comparison.faults} == {
        Cause.UNITS: 4 * 61,  # best and worst day, volatility, and value at risk in money
        Cause.WINDOW_EDGE: 61 + 2 * 3,  # mean return; number and sales of what was traded on the edge
        Cause.AVERAGED_RETURN: 61 + 25,  # and the category that follows from it
        Cause.PRICE_TIMES_SHARE: 53,
        Cause.DUPLICATED_JOIN: 31,
        Cause.THRESHOLDS: 19,  # HIGH and MEDIUM need a value at risk above 2,500
        Cause.NULL_CATEGORY: 8,
        Cause.UNPRICED_DROPPED: 1,
    }
    assert {(d.asset_id, d.column) for d in comparison.differences if d.cause is Cause.UNPRICED_DROPPED} == {
        ("NOPRICE", "row")
    }
    assert all(column.same + sum(column.different.values()) == 61 for column in comparison.columns)


# ── What changes in their tables ────────────────────────────────────────────────────────────────────────


async def test_a_corrected_price_is_noticed(firm: EmbeddedServer, book: Path) -> None:
    before = {(r["scope_kind"], r["scope_id"], r["asset_id"]): r for r in await attach_and_refresh(book)}
    await run(
        firm, "update firm.px_hist set px_last = px_last * 2 where secid = 'AAL' and px_date = '2018-01-03'"
    )

    again = await refresh(today=TODAY)

    changed = {
        r["asset_id"]
        for r in await fetch(ROWS)
        if r["max_daily_return"] != before[r["scope_kind"], r["scope_id"], r["asset_id"]]["max_daily_return"]
    }
    assert (again.version, again.derived_assets) == (2, 1)
    assert changed == {"AAL"}


async def test_a_new_day_is_derived_from_that_day_on(firm: EmbeddedServer, book: Path) -> None:
    await attach_and_refresh(book)
    old = await fetch("select * from steelyard.performance_history order by asset_id, date")
    await run(
        firm,
        "insert into firm.px_hist select secid, '2018-02-08', px_last * 1.5 from firm.px_hist "
        "where px_date = '2018-02-07'",
    )

    again = await refresh(today=TODAY)

    history = await fetch("select * from steelyard.performance_history order by asset_id, date")
    new = [row for row in history if row["date"] == date(2018, 2, 8)]
    assert again.as_of == date(2018, 2, 8)
    assert [row for row in history if row["date"] < date(2018, 2, 8)] == old
    assert {round(row["daily_return"], 9) for row in new} == {0.5}
    assert len(new) == ASSETS


async def test_a_refresh_that_fails_leaves_the_last_version_and_their_tables(
    firm: EmbeddedServer, book: Path
) -> None:
    before = await attach_and_refresh(book)
    await run(firm, "delete from firm.px_hist")
    emptied = dump_firm(firm)

    with pytest.raises(NoPricesError):
        await refresh(today=TODAY)

    assert await fetch(ROWS) == before
    assert dump_firm(firm) == emptied


async def test_rows_that_came_to_share_a_key_stop_a_refresh_and_the_last_version_stays(
    firm: EmbeddedServer, book: Path
) -> None:
    before = await attach_and_refresh(book)
    await run(
        firm,
        "alter table firm.px_hist drop constraint px_hist_pkey",
        "insert into firm.px_hist select * from firm.px_hist where px_date = '2018-02-07' and secid = 'AAL'",
    )
    doubled = dump_firm(firm)

    with pytest.raises(DuplicateKeysError, match=r"firm\.px_hist 1 row shares its .* AAL, 2018-02-07"):
        await refresh(today=TODAY)

    assert await fetch(ROWS) == before
    assert dump_firm(firm) == doubled


async def test_prices_that_are_gone_leave_no_history(firm: EmbeddedServer, book: Path) -> None:
    await attach_and_refresh(book)
    await run(firm, "delete from firm.px_hist where secid = 'AAL'")

    await refresh(today=TODAY)

    gone = await fetch("select * from steelyard.asset_360 where asset_id = 'AAL'")
    assert (gone[0]["market_value"], gone[0]["total_return"], gone[0]["value_at_risk"]) == (None, None, None)
    assert not await fetch("select from steelyard.performance_history where asset_id = 'AAL'")
    assert len(await fetch("select from steelyard.asset_360")) == ASSETS


@pytest.mark.usefixtures("firm")
async def test_portfolios_kept_as_weights_take_the_values_the_mapping_states(book: Path) -> None:
    mapping = MAPPING.replace('stated_value = "nav"\n', "") + '[stated_values]\nA3 = "1000000.00"\n'

    rows = await attach_and_refresh(book, mapping)

    held = [row for row in rows if row["scope_id"] == "A3" and row["market_value"] is not None]
    weights = await fetch(
        "select sum(actual_weight) as total from steelyard.positions_at(1, '2018-02-07') where quantity is null"
    )
    assert sum(row["market_value"] for row in held) == weights[0]["total"] * 1_000_000


# ── Rows of theirs as they are ──────────────────────────────────────────────────────────────────────────


async def test_rows_that_count_nowhere_are_told(firm: EmbeddedServer) -> None:
    await run(
        firm,
        "insert into firm.px_hist (secid, px_date, px_last) values ('AAL', '2018-02-08', 0), "
        "('AAPL', '2018-02-08', 'NaN'), ('ABBV', '2018-02-08', 'Infinity'), ('ABT', '2018-02-08', null), "
        "('GONE', '2018-02-08', 5)",
        "insert into firm.holdings (book_no, secid, asof, units) values ('A1', 'GONE', '2018-02-07', 5)",
        "insert into firm.trades (id, secid, trade_dt, side, gross) values (null, 'AAL', '20180207', 'B', 'NaN')",
    )

    done = await attach(parse_mapping(MAPPING))

    assert done.gaps == (
        Gap("market_data", "firm.px_hist", 4, 1, "GONE"),
        Gap("portfolio_allocation", "firm.holdings", 0, 1, "GONE"),
        Gap("transactions", "firm.trades", 1, 0, None),
    )


async def test_a_transaction_without_currency_has_that_of_its_asset(firm: EmbeddedServer, book: Path) -> None:
    before = await attach_and_refresh(book)
    await detach(keep_store=True)
    await run(firm, "update firm.trades set id = null, ccy = null where side = 'B'")

    assert differences(await attach_and_refresh(book), before) == []


async def test_prices_as_whole_numbers_are_prices(firm: EmbeddedServer, book: Path) -> None:
    await run(firm, "alter table firm.px_hist alter column px_last type integer using greatest(px_last, 1)")

    await attach_and_refresh(book)

    theirs = await look(
        firm, "select px_last from firm.px_hist where secid = 'AAL' and px_date = '2018-02-07'"
    )
    ours = await fetch("select current_price from steelyard.asset_360 where asset_id = 'AAL'")
    assert ours[0]["current_price"] == theirs[0]["px_last"]


async def test_the_right_to_read_the_mapped_columns_is_enough(firm: EmbeddedServer, book: Path) -> None:
    await run(
        firm,
        "revoke select on firm.px_hist from steelyard_migrator",
        "grant select (secid, px_date, px_last) on firm.px_hist to steelyard_migrator",
    )

    assert len(await attach_and_refresh(book)) > ASSETS
    await run(firm, "alter table firm.px_hist drop column vendor")


async def test_two_moments_of_one_day_are_one_key(firm: EmbeddedServer) -> None:
    await run(
        firm,
        "alter table firm.px_hist alter column px_date type timestamp",
        "insert into firm.px_hist (secid, px_date, px_last) values ('AAL', '2018-02-07 17:30', 5)",
    )

    with pytest.raises(DuplicateKeysError, match=r"1 row shares its asset_id, price_date .* AAL, 2018-02-07"):
        await attach(parse_mapping(MAPPING))


async def test_a_day_that_hangs_on_a_time_zone_is_refused(firm: EmbeddedServer) -> None:
    await run(firm, "alter table firm.px_hist alter column px_date type timestamptz")

    with pytest.raises(ColumnTypeError, match="time zone"):
        await attach(parse_mapping(MAPPING))


async def test_a_day_that_cannot_be_read_is_found_wherever_it_stands(firm: EmbeddedServer) -> None:
    await run(
        firm, "insert into firm.trades (secid, trade_dt, side, gross) values ('AAL', '20180230', 'B', 1)"
    )

    with pytest.raises(UnreadableValueError, match=r"firm\.trades.*2018-02-30|firm\.trades.*20180230"):
        await attach(parse_mapping(MAPPING))
    assert not await fetch("select steelyard.attached_tables() where steelyard.attached_tables() <> '{}'")


# ── Nothing of theirs is written ────────────────────────────────────────────────────────────────────────


async def test_nobody_writes_through_a_view(firm: EmbeddedServer, book: Path) -> None:
    await run(firm, "grant all on all tables in schema firm to steelyard_migrator, steelyard_app")
    await attach(parse_mapping(MAPPING))

    for statement in ("delete from steelyard.market_data", "update steelyard.market_data set source = 'x'"):
        with pytest.raises(Exception, match=r"cannot (delete from|update) view"):
            await run(firm, statement)
    with pytest.raises(AttachedTableError, match=r"firm\.px_hist"):
        await load_tables(book, today=TODAY, only=["market_data"])


@pytest.mark.usefixtures("firm")
async def test_the_app_needs_no_right_on_their_tables(book: Path) -> None:
    await attach_and_refresh(book)

    rights = await fetch("select has_schema_privilege('steelyard_app', 'firm', 'usage') as usage")

    assert rights == [{"usage": False}]
    assert len(await fetch("select from steelyard.asset_master")) == ASSETS


# ── Detaching ───────────────────────────────────────────────────────────────────────────────────────────


async def test_detach_leaves_nothing_behind(firm: EmbeddedServer, book: Path) -> None:
    before = dump_firm(firm)
    await attach_and_refresh(book)

    done = await detach()

    assert not await fetch("select from pg_namespace where nspname = 'steelyard'")
    assert "steelyard_app" in done.roles_left  # other databases of this server use it
    assert dump_firm(firm) == before


@pytest.mark.usefixtures("firm")
async def test_detach_can_keep_the_store_as_it_was(book: Path) -> None:
    before = await fetch(CATALOGUE)
    await attach_and_refresh(book)
    assert await fetch(CATALOGUE) != before

    await detach(keep_store=True)

    assert await fetch(CATALOGUE) == before
    assert not await fetch(
        "select from steelyard.performance_history union all select from steelyard.accounts"
    )
    with pytest.raises(NotAttachedError):
        await detach(keep_store=True)


async def test_detach_drops_nothing_of_others(firm: EmbeddedServer) -> None:
    await run(firm, "create view firm.ours as select asset_id from steelyard.asset_360")

    with pytest.raises(OutsideViewsError, match=r"firm\.ours"):
        await detach()


# ── Bad input ───────────────────────────────────────────────────────────────────────────────────────────

BAD_MAPPINGS = {
    "a missing table": (
        MAPPING.replace("firm.px_hist", "firm.px_hits"),
        MissingTableError,
        "did you mean firm.px_hist",
    ),
    "a missing column": (MAPPING.replace('"px_last"', '"px_close"'), MissingColumnError, "px_close.*px_last"),
    "a word where a price is": (MAPPING.replace('"px_last"', '"vendor"'), ColumnTypeError, "vendor is text"),
    "a text for a day": (
        MAPPING.replace('{ column = "trade_dt", format = "YYYYMMDD" }', '"trade_dt"'),
        ColumnTypeError,
        "format",
    ),
    "two tables swapped": (
        MAPPING.replace("firm.px_hist", "x")
        .replace("firm.trades", "firm.px_hist")
        .replace('"x"', '"firm.trades"'),
        SwappedTablesError,
        "firm.trades.*firm.px_hist",
    ),
    "money for a fraction": (
        (MAPPING + HISTORY).replace('unit = "money", value = "position_usd"', 'unit = "fraction"'),
        ImplausibleError,
        "looks like money",
    ),
    "a fraction for money": (
        (MAPPING + HISTORY).replace('column = "var_usd"', 'column = "beta"'),
        ImplausibleError,
        "looks like fraction",
    ),
    "percent for a fraction": (
        (MAPPING + HISTORY).replace('"ret_pct", unit = "percent"', '"ret_pct", unit = "fraction"'),
        ImplausibleError,
        "looks like percent",
    ),
    "weights in the wrong unit": (
        MAPPING.replace('"pct", unit = "percent"', '"pct", unit = "fraction"'),
        ImplausibleError,
        "sum to",
    ),
    "amounts below 0": (
        MAPPING.replace('{ column = "gross", sign = "absolute" }', '"gross"'),
        ImplausibleError,
        'sign = "absolute"',
    ),
    "rows that share a key": (
        MAPPING.replace('price_date = "px_date"', 'price_date = { default = "2018-02-07" }'),
        DuplicateKeysError,
        "rows share",
    ),
    "a format that does not fit": (
        MAPPING.replace("YYYYMMDD", "DD.MM.YYYY"),
        UnreadableValueError,
        "firm.trades",
    ),
    "no prices": (MAPPING.partition("[market_data]")[0], IncompleteMappingError, "market_data"),
}


@pytest.mark.parametrize("name", BAD_MAPPINGS)
async def test_a_mapping_that_is_not_true_is_refused_and_nothing_changes(
    small_firm: EmbeddedServer, name: str
) -> None:
    mapping, error, sentence = BAD_MAPPINGS[name]
    before = await fetch(CATALOGUE), dump_firm(small_firm)

    with pytest.raises(error, match=sentence) as refused:
        await attach(parse_mapping(mapping))

    assert isinstance(refused.value, SteelyardError)
    assert (await fetch(CATALOGUE), dump_firm(small_firm)) == before


async def test_who_is_sure_is_believed(firm: EmbeddedServer) -> None:
    await run(firm, "update firm.holdings set pct = 100.0 / 6 where pct is not null")
    column = '"pct", unit = "fraction"'

    with pytest.raises(ImplausibleError, match="sure = true"):
        await attach(parse_mapping(MAPPING.replace('"pct", unit = "percent"', column)))
    await attach(parse_mapping(MAPPING.replace('"pct", unit = "percent"', f"{column}, sure = true")))


@pytest.mark.usefixtures("firm")
async def test_a_store_that_is_not_free_is_refused(book: Path) -> None:
    await attach(parse_mapping(MAPPING))
    with pytest.raises(AlreadyAttachedError, match="detach --keep-store"):
        await attach(parse_mapping(MAPPING))
    await detach(keep_store=True)

    await load_tables(book, today=TODAY, only=["asset_master"])
    with pytest.raises(StoreNotEmptyError, match="asset_master"):
        await attach(parse_mapping(MAPPING))


async def test_a_role_without_rights_is_told_what_to_grant(firm: EmbeddedServer) -> None:
    await run(firm, "revoke select on firm.trades from steelyard_migrator")

    with pytest.raises(SourceRightError, match=r"grant select on firm\.trades to steelyard_migrator"):
        await attach(parse_mapping(MAPPING))


async def test_a_read_only_database_is_refused(
    own_database: EmbeddedServer, own_store: Pool, book: Path
) -> None:
    del own_store
    await make_firm(own_database, book)
    await close_connection_pool()
    await run(own_database, f"alter database {own_database.database} set default_transaction_read_only = on")
    app, migrator = urls_of(own_database)
    await init_connection_pool(app, migrator_url=migrator)

    with pytest.raises(DatabaseReadOnlyError):
        await attach(parse_mapping(MAPPING))

    assert not await fetch("select steelyard.attached_tables() where steelyard.attached_tables() <> '{}'")


async def test_the_schema_does_not_move_under_attached_tables(firm: EmbeddedServer) -> None:
    await attach(parse_mapping(MAPPING))
    await run(firm, "update steelyard.alembic_version set version_num = '0000_before'")

    with pytest.raises(AttachedSchemaError, match="detach --keep-store"):
        await migrate()
