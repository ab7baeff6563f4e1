"""Publishing: readers never wait and never see half, refreshes take turns, and what fails changes nothing."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from small_book import AS_OF, DAYS, TODAY, Tables, load, price_of, small_book
from steelyard.demo import book_path
from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import SteelyardError
from steelyard.services.asset_360 import (
    AsOfBeforeDataError,
    NoPricesError,
    UndatedAllocationError,
    get_document,
    get_portfolio_overview,
    refresh,
)
from steelyard.services.loading import load_tables
from steelyard.storage.asset_360 import NoVersionError, get_asset_rows
from steelyard.storage.connection import Pool, get_db_session, get_write_session, raw_connection
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseReadOnlyError
from versions import check_versions, fingerprints

pytestmark = pytest.mark.usefixtures("own_store")

VERSIONS = 24
AS_OPERATOR = {"app.tenant": "1", "app.actor": "operator"}
"""How a client of its own says for whom it asks."""

PUBLISHED = ("asset_360_current", "asset_360_versions", "asset_360_rows", "asset_360_documents")
DERIVED = ("performance_history", "risk_metrics", "derivations_pending")
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


@asynccontextmanager
async def superuser(server: EmbeddedServer) -> AsyncIterator[asyncpg.Connection]:
    login = server.superuser
    connection = await asyncpg.connect(
        host=str(server.host),
        user=login.user,
        password=login.password,
        database=server.database,
        server_settings=AS_OPERATOR,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def load_small(directory: Path, **changed: Any) -> None:
    await load(directory, small_book() | changed)


# ── Readers beside a refresh ────────────────────────────────────────────────────────────────────────────


@dataclass
class Seen:
    """What a reader saw: the version it was told, the versions of the rows beside it, and how many rows."""

    done: threading.Event
    reads: list[tuple[int, set[int], int]] = field(default_factory=list)


async def hammer_documents(seen: Seen) -> None:
    """Read the document and, in the same session, rows of its version and the pointer's own rows."""
    while not seen.done.is_set():
        async with get_db_session() as db:
            document = await get_document(db)
            rows = await get_asset_rows(db, TENANT, document.version)
            pointed = await (await raw_connection(db)).fetch("select version from steelyard.asset_360_scoped")
        versions = {row["version"] for row in rows} | {row["version"] for row in pointed}
        seen.reads.append((document.version, versions, len(pointed)))


async def hammer_answers(seen: Seen) -> None:
    """Ask as a caller without a session does, each answer in a session of its own."""
    while not seen.done.is_set():
        overview = await get_portfolio_overview()
        household = await get_document(scope=Scope.household("RIVERA"), version=overview["version"])
        seen.reads.append((overview["version"], {household.version}, 0))


async def hammer_view(url: str, seen: Seen) -> None:
    """Read the SQL view as any client does, statement by statement."""
    connection = await asyncpg.connect(url, server_settings=AS_OPERATOR)
    while not seen.done.is_set():
        rows = await connection.fetch("select version from steelyard.asset_360")
        seen.reads.append((rows[0]["version"], {row["version"] for row in rows}, len(rows)))
    await connection.close()


async def test_readers_see_whole_versions_while_others_are_published(
    own_database: EmbeddedServer, urls: Callable[[EmbeddedServer], tuple[str, str]]
) -> None:
    await load_tables(book_path(), today=TODAY)
    days = await recent_days(VERSIONS)
    await refresh(as_of=days[0], today=TODAY, keep_versions=VERSIONS)
    done = threading.Event()
    documents, answers, more, view = (Seen(done) for _ in range(4))
    thread = threading.Thread(target=asyncio.run, args=(hammer_view(urls(own_database)[0], view),))
    thread.start()
    readers = [asyncio.create_task(hammer_documents(seen)) for seen in (documents, more)]
    readers.append(asyncio.create_task(hammer_answers(answers)))

    try:
        made = [await refresh(as_of=day, today=TODAY, keep_versions=VERSIONS) for day in days[1:]]
    finally:
        done.set()
        thread.join()
    await asyncio.gather(*readers)  # an error of any reader is raised here

    assert [(r.version, r.published) for r in made] == [(n, True) for n in range(2, VERSIONS + 1)]
    of_tenant, of_all = await published_sizes()
    for seen in (documents, answers, more, view):
        assert all(rows <= {told} for told, rows, _ in seen.reads), "a read mixed two versions"
        assert len({told for told, _, _ in seen.reads}) > 1, "the reader stood still"
    assert all(count == of_all[told] for told, _, count in documents.reads + more.reads)
    assert all(count == of_tenant[told] for told, _, count in view.reads)


async def recent_days(count: int) -> list[date]:
    async with get_db_session() as db:
        statement = "select distinct price_date from steelyard.market_data where asset_id = 'AAPL' order by 1"
        return [row[0] for row in (await (await raw_connection(db)).fetch(statement))[-count:]]


async def published_sizes() -> tuple[dict[int, int], dict[int, int]]:
    """Return the rows of the tenant's scope, and of all scopes, by version."""
    async with get_db_session() as db:
        driver = await raw_connection(db)
        await check_versions(driver)
        sizes = await driver.fetch(
            "select version, row_count, count(*) filter (where r.scope_kind = 'tenant') as of_tenant"
            " from steelyard.asset_360_versions join steelyard.asset_360_rows as r using (version)"
            " group by version, row_count"
        )
    return {s["version"]: s["of_tenant"] for s in sizes}, {s["version"]: s["row_count"] for s in sizes}


async def test_the_view_reads_one_version_though_the_planner_knows_another(
    tmp_path: Path, own_database: EmbeddedServer
) -> None:
    await load_small(tmp_path)
    await refresh(as_of=DAYS[-4], today=TODAY)
    async with superuser(own_database) as owner:
        await owner.execute("analyze steelyard.asset_360_rows")
        for day in DAYS[-3:]:
            await refresh(as_of=day, today=TODAY)
        await owner.execute("set enable_seqscan = off")  # or so small a table would be read as a whole
        explained = "explain (analyze, format json) select version from steelyard.asset_360"
        plan = json.loads(await owner.fetchval(explained))[0]["Plan"]
        versions = {row["version"] for row in await owner.fetch("select version from steelyard.asset_360")}
    read = next(node for node in nodes_of(plan) if node.get("Relation Name") == "asset_360_rows")
    assert versions == {4}
    assert "version = " in read["Index Cond"]


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes_of(child)


# ── Refreshes and loads beside each other ───────────────────────────────────────────────────────────────


async def test_two_refreshes_at_once_take_turns(tmp_path: Path) -> None:
    await load_small(tmp_path)
    first, second = await asyncio.gather(refresh(today=TODAY), refresh(as_of=DAYS[-2], today=TODAY))
    assert {first.version, second.version} == {1, 2}
    assert first.published
    assert second.published

    same = await asyncio.gather(*(refresh(as_of=DAYS[-3], today=TODAY) for _ in range(3)))
    assert [made.version for made in same] == [3, 3, 3]
    assert [made.published for made in same].count(True) == 1


async def test_a_refresh_waits_for_one_that_is_not_finished(
    tmp_path: Path, own_database: EmbeddedServer
) -> None:
    await load_small(tmp_path)
    await refresh(today=TODAY)
    async with get_write_session() as db:
        await (await raw_connection(db)).fetch(
            "call steelyard.create_asset_360($1, false, 10, null, null)", DAYS[-2]
        )
        waiting = asyncio.create_task(refresh(as_of=DAYS[-3], today=TODAY))
        async with superuser(own_database) as observer:
            while not await observer.fetchval(WAITING):
                assert not waiting.done()
                await asyncio.sleep(0.01)
        assert (await get_document()).version == 1  # readers do not wait
    assert (await waiting).version == 3
    assert (await get_document()).as_of == DAYS[-3]


async def test_a_refresh_does_not_wait_for_a_load_and_sees_nothing_of_it(tmp_path: Path) -> None:
    await load_small(tmp_path)
    await refresh(today=TODAY)
    corrected: Tables = {"market_data": [("A", AS_OF, "104.5")]}

    async with get_write_session() as db:
        await load(tmp_path / "corrected", corrected, db)
        beside = await refresh(today=TODAY)
    after = await refresh(today=TODAY)

    assert (beside.version, beside.published) == (1, False)
    assert (after.version, after.published, after.derived_assets) == (2, True, 1)
    async with get_db_session() as reader:
        assert (await get_asset_rows(reader, TENANT, 2, "A"))[0]["current_price"] == 104.5


async def test_refreshes_and_loads_at_once_lose_no_correction(tmp_path: Path) -> None:
    await load_small(tmp_path)

    async def correct(number: int) -> None:
        change: Tables = {"market_data": [(asset, DAYS[-number], "103.5") for asset in ("A", "B", "E")]}
        await load(tmp_path / str(number), change)

    await asyncio.gather(*(work for n in range(2, 8) for work in (correct(n), refresh(today=TODAY))))

    await refresh(today=TODAY)
    async with get_db_session() as db:
        driver = await raw_connection(db)
        left = await driver.fetchval("select count(*) from steelyard.derivations_pending")
        before = await fingerprints(driver, "performance_history")
    async with get_write_session() as writer:
        await (await raw_connection(writer)).execute(
            "delete from steelyard.performance_history;"
            "insert into steelyard.derivations_pending (asset_id) select asset_id from steelyard.asset_master"
        )
    assert not (await refresh(today=TODAY)).published
    async with get_db_session() as db:
        assert (left, await fingerprints(await raw_connection(db), "performance_history")) == (0, before)


# ── What fails leaves the last good version ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("table", "event"),
    [(table, "insert") for table in (*PUBLISHED, "performance_history", "risk_metrics")]
    + [("asset_360_current", "update"), ("asset_360_rows", "delete"), ("derivations_pending", "delete")],
)
async def test_an_error_at_any_step_changes_nothing(
    tmp_path: Path, own_database: EmbeddedServer, table: str, event: str
) -> None:
    await load_small(tmp_path)
    await refresh(today=TODAY)
    await load(tmp_path / "corrected", {"market_data": [("A", AS_OF, "104.5"), ("M", DAYS[100], "104.5")]})
    async with superuser(own_database) as owner:
        before = await fingerprints(owner, *PUBLISHED, *DERIVED)
        answer = await get_portfolio_overview()
        await owner.execute(INJECTED.format(event=event, table=table))

        with pytest.raises(SteelyardError, match=rf"the disk under {table} is on fire. Nothing was changed"):
            await refresh(today=TODAY, keep_versions=1)

        assert await fingerprints(owner, *PUBLISHED, *DERIVED) == before
        assert await get_portfolio_overview() == answer
        await owner.execute("drop function public.fail cascade")
        made = await refresh(today=TODAY, keep_versions=1)
        assert (made.version, made.published) == (2, True)
        assert await check_versions(owner) == 2


INJECTED = """
create function public.fail() returns trigger language plpgsql as $$
begin
    raise exception 'the disk under % is on fire', tg_table_name;
end
$$;
create trigger fail before {event} on steelyard.{table} for each statement execute function public.fail()
"""


async def test_a_figure_too_large_for_its_column_is_told(tmp_path: Path) -> None:
    huge: Tables = {"portfolio_allocation": [("ONE", "A", DAYS[0], "9" * 15, "")]}
    await load_small(tmp_path)
    await refresh(today=TODAY)
    await load(tmp_path / "huge", huge)

    with pytest.raises(SteelyardError, match="numeric field overflow"):
        await refresh(today=TODAY)
    assert (await get_document()).version == 1


async def test_a_read_only_database_is_told(
    tmp_path: Path, own_store: Pool, own_database: EmbeddedServer
) -> None:
    await load_small(tmp_path)
    await refresh(today=TODAY)
    async with superuser(own_database) as owner:
        before = await fingerprints(owner, *PUBLISHED, *DERIVED, "load_runs")
        await owner.execute(f"alter database {own_database.database} set default_transaction_read_only = on")
        await own_store.engine.dispose()  # the setting is for new connections

        with pytest.raises(DatabaseReadOnlyError, match="read-only"):
            await refresh(as_of=DAYS[-2], today=TODAY)
        with pytest.raises(DatabaseReadOnlyError, match="read-only"):
            await load(tmp_path / "more", {"market_data": [("A", AS_OF, "104.5")]})
        assert (await get_document()).version == 1
        assert await fingerprints(owner, *PUBLISHED, *DERIVED, "load_runs") == before

        await owner.execute(f"alter database {own_database.database} reset default_transaction_read_only")
        await own_store.engine.dispose()
    assert (await refresh(as_of=DAYS[-2], today=TODAY)).version == 2


# ── What is published, and for how long ─────────────────────────────────────────────────────────────────


async def test_an_unchanged_refresh_publishes_nothing(tmp_path: Path, own_database: EmbeddedServer) -> None:
    await load_small(tmp_path)
    first = await refresh(today=TODAY)
    async with superuser(own_database) as owner:
        before = await fingerprints(owner, *PUBLISHED, *DERIVED)
        again = await refresh(today=TODAY)
        assert (first.published, again.published, again.version) == (True, False, 1)
        assert await fingerprints(owner, *PUBLISHED, *DERIVED) == before


async def test_old_versions_lose_rows_and_documents_but_not_their_trail(
    tmp_path: Path, own_database: EmbeddedServer
) -> None:
    await load_small(tmp_path)
    for day in DAYS[-6:]:
        await refresh(as_of=day, today=TODAY, keep_versions=2)

    async with superuser(own_database) as owner:
        assert await check_versions(owner) == 6
        versions = "select distinct version from steelyard.{} order by 1"
        kept = {table: [r[0] for r in await owner.fetch(versions.format(table))] for table in PUBLISHED}
    assert kept == {
        "asset_360_current": [6],
        "asset_360_versions": [1, 2, 3, 4, 5, 6],
        "asset_360_rows": [5, 6],
        "asset_360_documents": [5, 6],
    }
    assert (await get_document(version=5)).as_of == DAYS[-2]
    with pytest.raises(NoVersionError, match="--list"):
        await get_document(version=4)


async def test_a_day_of_the_past(tmp_path: Path) -> None:
    await load_small(tmp_path)
    await refresh(today=TODAY)
    past = await refresh(as_of=DAYS[100], today=TODAY)
    async with get_db_session() as db:
        row = (await get_asset_rows(db, TENANT, past.version, "A"))[0]
        assert (await get_document(db, as_of=AS_OF)).version == 1
    assert (row["price_date"], row["current_price"]) == (DAYS[100], price_of("A", DAYS[100]))
    assert row["market_value"] == 15 * price_of("A", DAYS[100])
    assert (row["active_violations"], row["total_transactions"]) == (0, 1)
    latest = await refresh(today=TODAY)
    assert (latest.version, latest.as_of) == (3, AS_OF)
    async with get_db_session() as db:
        assert same_figures(await get_asset_rows(db, TENANT, 1), await get_asset_rows(db, TENANT, 3))


def same_figures(some: list[dict[str, Any]], others: list[dict[str, Any]]) -> bool:
    return [row | {"version": 0} for row in some] == [row | {"version": 0} for row in others]


async def test_without_prices_nothing_is_published(tmp_path: Path) -> None:
    with pytest.raises(NoPricesError, match="steelyard load"):
        await refresh(today=TODAY)
    await load_small(tmp_path)
    with pytest.raises(AsOfBeforeDataError, match="before the first price, of 2023-01-02"):
        await refresh(as_of=date(2022, 12, 30), today=TODAY)
    with pytest.raises(NoVersionError, match="steelyard refresh"):
        await get_document()


async def test_a_portfolio_without_dates_says_nothing_of_the_past(tmp_path: Path) -> None:
    await load_small(tmp_path, portfolio_allocation=[("ONE", "A", "", 10, "")])
    with pytest.raises(UndatedAllocationError, match="Portfolio ONE has no dates"):
        await refresh(as_of=DAYS[-2], today=TODAY)
    assert (await refresh(today=TODAY)).as_of == AS_OF
    async with get_db_session() as db:
        assert (await get_asset_rows(db, TENANT, 1, "A"))[0]["quantity"] == 10
