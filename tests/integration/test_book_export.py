"""Exports from a real store: what is taken away is loaded elsewhere, and the ledger there is the same.

A book is loaded once into a store of its own, and taken from there in every form: taking it away changes nothing.
"""

import asyncio
import csv
import hashlib
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

import every_kind_book
import hostile_book
import small_book
from books import write_table
from conftest import copy_of_template
from every_kind_book import FIRST, SECOND
from exported import NOW, Contents, Urls, contents, load, opened
from steelyard.demo import book_path
from steelyard.domain.scope import TENANT, Scope
from steelyard.domain.transaction import TransactionKind
from steelyard.services.audit import get_events
from steelyard.services.book_export import (
    MANIFEST,
    ExportFormat,
    NoTableError,
    OnlyTablesError,
    export_book,
    stream_book,
)
from steelyard.services.export_files import ExportPathError, ExportThereError
from steelyard.services.loading import load_tables
from steelyard.services.scope import UnknownScopeError
from steelyard.services.tenant import create_tenant
from steelyard.statements.columns import FORMATS
from steelyard.statements.tables import UnknownTableError
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.audit import EventFilter
from steelyard.storage.book_export import PIECE_BYTES, get_export_names, stream_table
from steelyard.storage.connection import Pool, get_db_session, get_write_session
from steelyard.storage.embedded import EmbeddedServer

ALL_TABLES = (ExportFormat.CSV, ExportFormat.PARQUET, ExportFormat.JSON)
SAMPLE_DAY = date(2023, 1, 3)


LATE = """
insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) values (1, 'LATE', 'Late', 'USD')
"""


def every_kind(folder: Path) -> tuple[Path, date]:
    return every_kind_book.write_book(folder), every_kind_book.TODAY


def hostile(folder: Path) -> tuple[Path, date]:
    for name, rows in hostile_book.tables().items():
        write_table(folder, name, hostile_book.HEADERS[name], rows)
    return folder, small_book.TODAY


def sample(folder: Path) -> tuple[Path, date]:
    del folder
    return book_path(), SAMPLE_DAY


Write = Callable[[Path], tuple[Path, date]]
BOOKS = (
    [(every_kind, as_) for as_ in ALL_TABLES]
    + [(hostile, as_) for as_ in ALL_TABLES]
    + [(sample, ALL_TABLES[0])]
)


@dataclass(frozen=True)
class Loaded:
    """A store with a book, the day that it was loaded on, and what is in it."""

    database: EmbeddedServer
    today: date
    contents: Contents


@pytest.fixture(scope="module")
def books(
    server: EmbeddedServer, urls: Urls, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Write], Loaded]]:
    """Every book that was asked for, loaded once."""
    with ExitStack() as stack:

        @cache
        def loaded(write: Write) -> Loaded:
            database = stack.enter_context(copy_of_template(server))
            folder, today = write(tmp_path_factory.mktemp("made"))

            async def bring() -> Contents:
                async with opened(database, urls):
                    await load(folder, today)
                    return await contents()

            return Loaded(database, today, asyncio.run(bring()))

        yield loaded


@pytest.fixture
def book(request: pytest.FixtureRequest, books: Callable[[Write], Loaded]) -> Loaded:
    write: Write = request.param
    return books(write)


@pytest.fixture
async def opened_book(book: Loaded, urls: Urls) -> AsyncIterator[Loaded]:
    """A book, its store open."""
    async with opened(book.database, urls):
        yield book


def names(one: object) -> str:
    return getattr(one, "__name__", f"{one}")


@pytest.mark.parametrize(("book", "as_"), BOOKS, ids=names, indirect=["book"])
async def test_what_is_exported_loads_to_the_same_ledger(
    *, book: Loaded, as_: ExportFormat, other_database: EmbeddedServer, urls: Urls, tmp_path: Path
) -> None:
    taken, again, before = tmp_path / "taken", tmp_path / "again", book.contents
    async with opened(book.database, urls):
        manifest = await export_book(taken, as_=as_, now=NOW)
    async with opened(other_database, urls):
        summary = await load(taken, book.today)
        after = await contents()
        await export_book(again, as_=as_, now=NOW)

    for name, rows in before.items():
        assert after[name] == rows, name
    assert before["journal"]
    assert before["asset_360"]
    assert not [table for table in summary.tables if table.quarantined]
    assert {path.name: path.read_bytes() for path in taken.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }
    assert {file.name: file.sha256 for file in manifest.files} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in taken.iterdir()
        if path.name != MANIFEST
    }


@pytest.mark.parametrize("book", [every_kind], ids=names, indirect=True)
async def test_every_kind_of_transaction_is_exported_booked_or_not(
    opened_book: Loaded, tmp_path: Path
) -> None:
    del opened_book
    await export_book(tmp_path / "taken", as_=ExportFormat.CSV, now=NOW)
    with (tmp_path / "taken/transactions.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    async with get_db_session() as db:
        booked = set(await db.scalars(text("select kind from steelyard.journal")))
        rows_of = "select transaction_id, fault from steelyard.unposted_transactions"
        unposted = {row.transaction_id: row.fault for row in await db.execute(text(rows_of))}

    assert booked == {kind.value for kind in TransactionKind}
    assert unposted == {"@ODD": "unknown_kind", "AHEAD": "not_yet"}
    assert {row["transaction_type"] for row in rows} == booked | {"SWAP"}
    assert len(rows) == len(every_kind_book.transactions())
    by_id = {row["transaction_id"]: row for row in rows}
    assert by_id["'=1+DEP"]["total_amount"] == "100000"
    assert by_id["'@ODD"]["account"] == f"'{FIRST}"
    assert by_id["WD"]["total_amount"] == "0.00000001"
    assert by_id["BUY"]["asset_id"] == "'=1-1"
    assert by_id["BUY"]["settlement_date"] == "2024-01-09"


# ── beancount ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("book", [every_kind, hostile, sample], ids=names, indirect=True)
async def test_beancount_takes_the_ledger_and_holds_what_we_hold(opened_book: Loaded, tmp_path: Path) -> None:
    loader = pytest.importorskip(
        "beancount.loader", reason="beancount is not installed: pip install beancount"
    )
    data = pytest.importorskip("beancount.core.data")
    manifest = await export_book(tmp_path / "taken", as_=ExportFormat.BEANCOUNT, now=NOW)
    found = opened_book.contents

    entries, errors, _ = loader.load_file(str(tmp_path / "taken/ledger.beancount"))
    assert errors == []
    booked = [one for one in entries if isinstance(one, data.Transaction)]
    with_postings = [row for row in found["journal"] if row[-1]]
    assert len(booked) == len(with_postings) == manifest.files[0].rows
    assert {one.meta["id"] for one in booked} == {row[0] for row in with_postings}
    accounts = {one.account: one.meta["account_id"] for one in entries if isinstance(one, data.Open)}
    assets = {one.currency: one.meta["asset_id"] for one in entries if isinstance(one, data.Commodity)}
    held: dict[tuple[str, str, bool], object] = {}
    for one in booked:
        for posting in one.postings:
            if posting.account.startswith("Assets:"):
                unit = posting.units.currency
                key = accounts[posting.account], assets.get(unit, unit), unit not in assets
                held[key] = held.get(key, 0) + posting.units.number
    assert {key: value for key, value in held.items() if value} == {
        row[:3]: row[3] for row in found["balances"] if row[3]
    }
    assert sum(isinstance(one, data.Balance) for one in entries) == len(held)
    assert any(isinstance(one, data.Price) for one in entries)


@pytest.mark.parametrize("book", [every_kind], ids=names, indirect=True)
async def test_an_assertion_that_does_not_hold_is_noticed_by_beancount(
    opened_book: Loaded, tmp_path: Path
) -> None:
    loader = pytest.importorskip(
        "beancount.loader", reason="beancount is not installed: pip install beancount"
    )
    del opened_book
    await export_book(tmp_path / "taken", as_=ExportFormat.BEANCOUNT, now=NOW)
    path = tmp_path / "taken/ledger.beancount"
    lines = path.read_text(encoding="utf-8").splitlines()
    place = next(number for number, line in enumerate(lines) if " balance " in line)
    number = lines[place].split("  ")[1].split(" ~")[0]
    lines[place] = lines[place].replace(f"  {number} ~", f"  {number}{'' if '.' in number else '.'}0001 ~")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    _, errors, _ = loader.load_file(str(path))
    assert len(errors) == 1


# ── Where it is written ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def kept_book(database: EmbeddedServer, urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A book in the store of the module, where a test may add something and take it out again."""

    async def bring() -> None:
        async with opened(database, urls):
            await load(*every_kind(tmp_path_factory.mktemp("made")))

    asyncio.run(bring())


@pytest.fixture
def kept(kept_book: None, store: Pool, tmp_path: Path) -> Path:
    """A folder for exports, in a store with a book."""
    del kept_book, store
    return tmp_path


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_an_export_that_is_there_is_left_alone_unless_forced(kept: Path) -> None:
    folder = kept / "taken"
    await export_book(folder, as_=ExportFormat.JSON, now=NOW)
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    with pytest.raises(ExportThereError, match="--force"):
        await export_book(folder, as_=ExportFormat.CSV, now=NOW)
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before

    await export_book(folder, as_=ExportFormat.CSV, now=NOW, force=True)
    assert names_in(folder) == {MANIFEST, *(f"{name}.csv" for name in FORMATS)}
    assert names_in(kept) == {"taken"}


async def test_what_is_no_export_is_never_touched(kept: Path) -> None:
    folder = kept / "mine"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    for force in (False, True):
        with pytest.raises(ExportPathError, match=r"letter\.txt"):
            await export_book(folder, as_=ExportFormat.CSV, now=NOW, force=force)
    with pytest.raises(ExportPathError, match="it is a file"):
        await export_book(folder / "letter.txt", as_=ExportFormat.CSV, now=NOW, force=True)
    with pytest.raises(ExportPathError, match="No such file"):
        await export_book(kept / "nowhere/taken", as_=ExportFormat.CSV, now=NOW)
    assert names_in(folder) == {"letter.txt"}
    assert names_in(kept) == {"mine"}


async def test_an_empty_folder_is_filled(kept: Path) -> None:
    (kept / "taken").mkdir()
    await export_book(kept / "taken", as_=ExportFormat.PARQUET, now=NOW, only=["accounts"])
    assert names_in(kept / "taken") == {"accounts.parquet", MANIFEST}
    kinds = pq.read_schema(kept / "taken/accounts.parquet")
    assert [f"{kinds.field(name).type}" for name in ("stated_value", "stated_value_date", "may_short")] == [
        "decimal128(23, 8)",
        "date32[day]",
        "bool",
    ]


async def test_an_export_that_fails_leaves_nothing(kept: Path) -> None:
    def full(stage: str, done: int, total: int) -> None:
        if done == total - 1:
            raise OSError(28, "No space left on device", f"{stage}")

    with pytest.raises(OSError, match="No space left"):
        await export_book(kept / "taken", as_=ExportFormat.CSV, now=NOW, progress=full)
    assert names_in(kept) == set()


async def test_tables_that_are_none_are_refused(kept: Path) -> None:
    with pytest.raises(UnknownTableError, match="did you mean transactions"):
        await export_book(kept / "taken", as_=ExportFormat.CSV, now=NOW, only=["transaktions"])
    with pytest.raises(NoTableError):
        await export_book(kept / "taken", as_=ExportFormat.CSV, now=NOW, only=[])
    with pytest.raises(OnlyTablesError):
        await export_book(kept / "taken", as_=ExportFormat.BEANCOUNT, now=NOW, only=["accounts"])
    assert names_in(kept) == set()


# ── Whose it is ─────────────────────────────────────────────────────────────────────────────────────────


def column(folder: Path, table: str, name: str) -> list[str]:
    lines = (folder / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line).get(name, "") for line in lines]


async def test_an_account_comes_with_what_it_is_about_and_nothing_else(kept: Path) -> None:
    folder = kept / "taken"
    manifest = await export_book(folder, as_=ExportFormat.JSON, now=NOW, scope=Scope.account(SECOND))

    assert manifest.scope == f"account {SECOND}"
    assert column(folder, "accounts", "account_id") == [SECOND]
    # both transfers to it, what every holder got, and the split to come is another account's
    assert set(column(folder, "transactions", "transaction_id")) == {
        *("MOVE", "MOVE-CASH", "DIV-ALL", "SPLIT", "SPIN")
    }
    assert set(column(folder, "asset_master", "asset_id")) >= {
        every_kind_book.PLAIN,
        every_kind_book.OTHER,
        "SPX",
    }
    assert every_kind_book.BOND not in column(folder, "asset_master", "asset_id")
    assert set(column(folder, "market_data", "asset_id")) <= set(column(folder, "asset_master", "asset_id"))
    assert column(folder, "households", "household_id") == []
    assert column(folder, "compliance_records", "record_id") == []


async def test_a_household_comes_with_its_model(kept: Path) -> None:
    folder = kept / "taken"
    await export_book(folder, as_=ExportFormat.JSON, now=NOW, scope=Scope.household("@HOME"))

    assert column(folder, "accounts", "account_id") == [FIRST]
    assert column(folder, "model_portfolios", "model_id") == ["-M1"]
    assert column(folder, "households", "household_id") == ["@HOME"]
    assert column(folder, "compliance_records", "record_id") == ["'=C1"]
    with pytest.raises(UnknownScopeError):
        await export_book(kept / "gone", as_=ExportFormat.JSON, now=NOW, scope=Scope.household("HOME"))


async def test_another_tenant_takes_nothing_of_ours(kept: Path) -> None:
    async with get_write_session() as db:
        tenant_id = await create_tenant(db, f"Other of {kept.name}")
    with acting_as(Acting(tenant_id, "operator")):
        manifest = await export_book(kept / "taken", as_=ExportFormat.JSON, now=NOW)
    rows = {file.table: file.rows for file in manifest.files}
    assert {name: rows[name] for name, form in FORMATS.items() if form.per_tenant} == {
        name: 0 for name, form in FORMATS.items() if form.per_tenant
    }
    # what its totals are in and would be measured against, and nothing that we hold
    assert column(kept / "taken", "asset_master", "asset_id") == ["SPX", "USD"]


async def test_that_somebody_took_it_is_recorded_before_they_have_it(kept: Path) -> None:
    with pytest.raises(ExportPathError):
        await export_book(kept / "nowhere/taken", as_=ExportFormat.CSV, now=NOW)
    await export_book(kept / "taken", as_=ExportFormat.CSV, now=NOW, only=["accounts"])
    events = await get_events(EventFilter(action="book.export"), limit=2)

    assert [event.facts for event in events] == [
        {"format": "csv", "scope": "all accounts", "tables": 1},
        {"format": "csv", "scope": "all accounts", "tables": len(FORMATS)},
    ]


# ── One moment, and as a stream ─────────────────────────────────────────────────────────────────────────


async def test_all_tables_are_of_one_moment(kept: Path) -> None:
    """An account that comes while the first table is written is in none of them."""
    begun = asyncio.Event()

    def tell(stage: str, done: int, total: int) -> None:
        del stage, total
        if done == 1:
            begun.set()

    async def insert() -> None:
        await begun.wait()
        async with get_write_session() as db:
            await db.execute(text(LATE))

    folder = kept / "taken"
    inserting = asyncio.create_task(insert())
    await export_book(folder, as_=ExportFormat.JSON, now=NOW, progress=tell)
    await inserting
    assert "LATE" not in column(folder, "accounts", "account_id")
    await export_book(folder, as_=ExportFormat.JSON, now=NOW, force=True)
    assert "LATE" in column(folder, "accounts", "account_id")
    async with get_write_session() as db:
        await db.execute(text("delete from steelyard.accounts where account_id = 'LATE'"))


@pytest.mark.parametrize("as_", list(ExportFormat))
async def test_a_stream_holds_the_same_files_as_a_folder(as_: ExportFormat, kept: Path) -> None:
    await export_book(kept / "taken", as_=as_, now=NOW)
    pieces = [piece async for piece in stream_book(as_=as_, now=NOW)]

    with zipfile.ZipFile(BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {path.name: path.read_bytes() for path in (kept / "taken").iterdir()}


async def test_a_stream_that_nobody_reads_to_its_end_gives_its_connection_back(kept: Path) -> None:
    del kept
    for _ in range(9):  # more than the pool has connections
        stream = stream_book(as_=ExportFormat.CSV, now=NOW)
        await anext(stream)
        await stream.aclose()
    assert [piece async for piece in stream_book(as_=ExportFormat.CSV, now=NOW)]


async def test_a_store_without_a_book_is_exported_as_empty_tables_that_load(
    own_store: Pool, tmp_path: Path
) -> None:
    del own_store
    for as_ in ALL_TABLES:
        manifest = await export_book(tmp_path / as_, as_=as_, now=NOW)
        assert {file.rows for file in manifest.files} == {0}
        summary = await load_tables(tmp_path / as_, today=every_kind_book.TODAY)
        assert summary.status == "unchanged"


MANY = """
insert into steelyard.transactions (
    tenant_id, transaction_id, account_id, asset_id, transaction_date, transaction_type, quantity, currency,
    total_amount
)
select 1, 'M' || n, 'WEIGHTS', 'VTI', date '2024-01-02', 'BUY', n, 'USD', n + 0.5 from generate_series(1, 60000) as n
"""


async def test_a_table_of_any_length_comes_in_pieces_of_one_size(own_store: Pool, tmp_path: Path) -> None:
    del own_store
    await load(every_kind_book.write_book(tmp_path), every_kind_book.TODAY)
    async with get_write_session() as db:
        await db.execute(text(MANY))
    async with get_db_session() as db:
        names = await get_export_names(db, TENANT)
        parts = [part async for part in stream_table(db, "transactions", TENANT, names)]

    assert sum(part.num_rows for part in parts) == 60_000 + len(every_kind_book.transactions())
    assert len(parts) > 2
    assert max(part.nbytes for part in parts) < 6 * PIECE_BYTES  # offsets of each cell are 4 bytes
