"""Laws of imports: twice is once, the order of files does not matter, undone is as before, all or nothing."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from conftest import urls_of
from statement_lines import READERS, write
from steelyard.services.statement_import import (
    Choices,
    ImportRefusedError,
    plan_import,
    run_import,
    undo_import,
)
from steelyard.services.statement_plan import Imported, StatementFile
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import (
    close_connection_pool,
    get_db_session,
    get_migrator_session,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer

EXAMPLES = int(os.environ.get("STEELYARD_IMPORT_EXAMPLES", "6"))
TODAY = date(2024, 12, 31)
TENANTS = count(2)
ASSETS = """
insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency)
values ('X', 'Ex', 'Equity', 'USD'), ('Y', 'Why', 'Equity', 'EUR') on conflict do nothing
"""
TENANT = (
    "insert into steelyard.tenants (tenant_id, tenant_name, base_currency) values (:tenant, :name, 'USD')"
)
ACCOUNTS = """
insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency)
values (:tenant, 'A', 'A', 'USD'), (:tenant, 'B', 'B', 'EUR')
"""
STANDING = """
select account_id, commodity, is_cash, trim_scale(quantity)::text from steelyard.balances where quantity <> 0
order by 1, 2, 3
"""
TRANSACTIONS = "select transaction_id from steelyard.transactions order by 1"
FORMS = (
    "BUY {} currency=USD asset=X/USD quantity=30 amount=300",
    "SELL {} currency=USD asset=X/USD quantity=1 amount=11 costs=1",
    "BUY {} currency=EUR asset=Y/EUR quantity=2 amount=9",
    "DEPOSIT {} currency=USD amount=5",
    "FEE {} currency=EUR amount=1",
    "TRANSFER {} currency=USD amount=2 counter_account=B",
    "SPLIT {} currency=USD asset=Y/EUR quantity=1 counter_quantity=2 source_id=split",
    "DIVIDEND {} currency=USD asset=X/USD amount=4 costs=1 tax=1",
)

Law = Callable[[Path], Awaitable[None]]


def line_of(form: int, day: int, number: int) -> str:
    """One row: with an id that follows from what it says, or without one where the number is 0."""
    line = FORMS[form].format("2024-03-01" if "SPLIT" in FORMS[form] else f"2024-03-{day:02}")
    name = f" source_id={form}.{day}.{number}" if number and "source_id" not in line else ""
    return f"{line} account=A{name}"


rows = st.builds(line_of, st.integers(0, len(FORMS) - 1), st.integers(1, 4), st.integers(0, 2))
statements = st.lists(st.lists(rows, min_size=1, max_size=6), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def loop(database: EmbeddedServer) -> Iterator[asyncio.Runner]:
    """A loop with a pool on the module's database."""
    with asyncio.Runner() as runner:
        app, migrator = urls_of(database)
        runner.run(init_connection_pool(app, migrator_url=migrator))
        yield runner
        runner.run(close_connection_pool())


def holds(loop: asyncio.Runner, law: Law) -> None:
    """Ask a law of a tenant of its own."""

    async def ask() -> None:
        number = next(TENANTS)
        async with get_migrator_session() as db:
            await db.execute(text(ASSETS))
            await db.execute(text(TENANT), {"tenant": number, "name": f"tenant {number}"})
        with acting_as(Acting(number, "operator")), tempfile.TemporaryDirectory() as folder:
            async with get_migrator_session() as db:
                await db.execute(text(ACCOUNTS), {"tenant": number})
            await law(Path(folder))

    loop.run(ask())


async def bring(*files: StatementFile) -> Imported:
    return await run_import(files, Choices(), today=TODAY, readers=READERS)


async def state() -> tuple[list[tuple[object, ...]], list[str]]:
    async with get_db_session() as db:
        balances = [tuple(row) for row in await db.execute(text(STANDING))]
        return balances, list(await db.scalars(text(TRANSACTIONS)))


def written(folder: Path, parts: Sequence[Sequence[str]]) -> list[StatementFile]:
    return [write(folder, f"{number}.txt", *lines) for number, lines in enumerate(parts)]


law = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@law
@given(parts=statements)
def test_twice_is_once(loop: asyncio.Runner, parts: list[list[str]]) -> None:
    async def asked(folder: Path) -> None:
        files = written(folder, parts)
        await bring(*files)
        there = await state()
        assert (await bring(*files)).import_id is None
        for file in files:
            assert (await bring(file)).import_id is None
        assert await state() == there

    holds(loop, asked)


@law
@given(parts=statements)
def test_the_order_of_files_does_not_matter_nor_whether_they_come_together(
    loop: asyncio.Runner, parts: list[list[str]]
) -> None:
    found = []

    async def together(folder: Path) -> None:
        await bring(*written(folder, parts))
        found.append(await state())

    async def the_other_way_round(folder: Path) -> None:
        await bring(*reversed(written(folder, parts)))
        found.append(await state())

    async def one_by_one(folder: Path) -> None:
        for file in written(folder, parts):
            await bring(file)
        found.append(await state())

    for way in (together, the_other_way_round, one_by_one):
        holds(loop, way)
    assert found[0] == found[1] == found[2]


@law
@given(before=st.lists(rows, max_size=4), parts=statements)
def test_undone_is_as_before_and_a_plan_changes_nothing(
    loop: asyncio.Runner, before: list[str], parts: list[list[str]]
) -> None:
    async def asked(folder: Path) -> None:
        held = ["BUY 2024-02-01 source_id=0 currency=USD asset=X/USD quantity=99 amount=1 account=A"]
        await bring(write(folder, "before.txt", *held, *before))
        there, files = await state(), written(folder, parts)
        planned = await plan_import(files, Choices(), today=TODAY, readers=READERS)
        assert await state() == there
        done = await bring(*files)
        assert planned.has_news == (done.import_id is not None)
        after = {(row[0], row[1]): str(row[3]) for row in (await state())[0]}
        for effect in planned.effects:
            for change in (*effect.units, *effect.cash):
                assert after.get((effect.account_id, change.name), "0") == f"{change.after.normalize():f}"
        if done.import_id is not None:
            await undo_import(done.import_id, today=TODAY)
        assert await state() == there

    holds(loop, asked)


@law
@given(parts=statements, place=st.integers(0, 5))
def test_one_refused_row_keeps_everything_out(
    loop: asyncio.Runner, parts: list[list[str]], place: int
) -> None:
    async def asked(folder: Path) -> None:
        there = await state()
        parts[0].insert(min(place, len(parts[0])), "BAD")
        with pytest.raises(ImportRefusedError):
            await bring(*written(folder, parts))
        assert await state() == there

    holds(loop, asked)
