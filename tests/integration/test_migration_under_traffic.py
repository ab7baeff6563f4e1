"""A migration forward on a filled store, while others read and write: all of it, and nobody notices."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from steelyard.demo import book_path
from steelyard.services.asset_360 import get_portfolio_overview, refresh
from steelyard.services.loading import load_tables
from steelyard.storage import migration
from steelyard.storage.connection import Pool, get_db_session, get_write_session
from steelyard.storage.migration import HEAD, MigrationError, MigrationResult, migrate

TODAY = date(2026, 1, 1)
NEXT = "9999_scratch"
REVISION = f'''"""A revision for this test alone."""
from steelyard.storage.migration import run_script
revision = "{NEXT}"
down_revision = "{HEAD}"
def upgrade() -> None:
    run_script("migrations/{NEXT}.sql")
'''
FORWARD = """
alter table steelyard.transactions add column value_date date;
update steelyard.transactions set value_date = transaction_date + 2;
alter table steelyard.transactions alter column value_date set not null;
create index transactions_by_value_date on steelyard.transactions using brin (value_date);
"""
SETTLED = text("select count(*) from steelyard.transactions where value_date = transaction_date + 2")
WRITE = text(
    "insert into steelyard.load_runs (tenant_id, source, status, summary) values (1, 'x', 'loaded', '{}')"
)


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's SQL with one revision more, in a copy; returns the file it runs."""
    folder = shutil.copytree(migration.FOLDER, tmp_path / "sql")
    (folder / "migrations" / "versions" / "revision_9999.py").write_text(REVISION)
    monkeypatch.setattr(migration, "FOLDER", folder)
    monkeypatch.setattr(migration, "HEAD", NEXT)
    return folder / "migrations" / f"{NEXT}.sql"


@pytest.fixture
async def filled(own_store: Pool) -> int:
    """The sample book; returns how many transactions it has."""
    del own_store  # opening it is what matters
    loaded = await load_tables(book_path(), today=TODAY)
    await refresh(today=TODAY)
    return next(table.read for table in loaded.tables if table.table_name == "transactions")


async def keep_on(work: Callable[[], Awaitable[object]], ended: asyncio.Event) -> list[object]:
    """Work until the migration has ended, and once more after it."""
    results = []
    while not ended.is_set():
        results.append(await work())
    return [*results, await work()]


async def write() -> None:
    async with get_write_session() as db:
        await db.execute(WRITE)


async def count(statement: str) -> int:
    async with get_db_session() as db:
        return int((await db.execute(text(statement))).scalar_one())


async def test_forward_while_others_read_and_write(filled: int, next_revision: Path) -> None:
    next_revision.write_text(FORWARD)
    before = await get_portfolio_overview()
    runs = await count("select count(*) from steelyard.load_runs")
    ended = asyncio.Event()
    readers = [asyncio.create_task(keep_on(get_portfolio_overview, ended)) for _ in range(2)]
    writer = asyncio.create_task(keep_on(write, ended))
    await asyncio.sleep(0.1)

    done = await migrate()
    ended.set()

    assert done == MigrationResult((NEXT,), ())
    answers = [answer for reader in readers for answer in await reader]
    assert len(answers) > len(readers)
    assert all(answer == before for answer in answers)
    written = await writer
    assert await count("select count(*) from steelyard.load_runs") == runs + len(written)
    async with get_db_session() as db:
        assert (await db.execute(SETTLED)).scalar_one() == filled


async def test_a_revision_that_fails_halfway_changes_nothing(filled: int, next_revision: Path) -> None:
    next_revision.write_text(FORWARD + "alter table steelyard.absent add column n integer;")
    with pytest.raises(MigrationError, match="Nothing was changed"):
        await migrate()
    columns = "select count(*) from information_schema.columns where column_name = 'value_date'"
    assert await count(columns) == 0
    assert await count("select count(*) from steelyard.transactions") == filled
    next_revision.write_text(FORWARD)
    assert (await migrate()).revisions == (NEXT,)
