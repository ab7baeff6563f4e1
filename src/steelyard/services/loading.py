"""Loading: files into the store, all or nothing.

Files are read and checked first, without the database. Then one transaction compares them with what is stored,
screens new prices beside stored ones, and writes. A refusal stores nothing but the run and its findings.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.domain.finding import Finding, Severity
from steelyard.errors import ConflictError, InvalidInputError
from steelyard.services.keeping import Keeping, find_unposted, keep_ledger
from steelyard.services.prices import compare_prices, context_wanted
from steelyard.services.references import Tenant, check_references, complete, new_accounts, snapshot_conflicts
from steelyard.statements.cells import Reading
from steelyard.statements.columns import FORMATS
from steelyard.statements.rows import CheckedTable, read_checked
from steelyard.statements.tables import absent_but_derived, find_tables, ignored_files
from steelyard.storage import loading as store
from steelyard.storage.attachment import get_attached_tables, get_attachment
from steelyard.storage.audit import record_event
from steelyard.storage.connection import (
    Isolation,
    WriteSession,
    get_db_session,
    get_write_session,
    writing,
)
from steelyard.storage.keeping import get_exchanges
from steelyard.storage.ledger import lock_ledger
from steelyard.storage.loading import RowCounts

SHOWN_REFUSALS: Final = 10


class LoadRefusedError(InvalidInputError):
    """Something in the files is refused, and nothing was stored.

    Attributes:
        findings: every refusal, by file and row; also kept in data_quality_findings.
    """

    def __init__(self, directory: Path, findings: tuple[Finding, ...]) -> None:
        """List the first refusals and say how many more there are."""
        self.directory, self.findings = directory, findings
        lines = [f"  {finding}" for finding in findings[:SHOWN_REFUSALS]]
        if more := len(findings) - SHOWN_REFUSALS:
            lines += [f"  and {more:,} more, kept in data_quality_findings"] if more > 0 else []
        super().__init__(f"{directory} was not loaded; correct this and load again:\n" + "\n".join(lines))


class AttachedTableError(ConflictError):
    """A file is for a table that is attached."""

    def __init__(self, table: str, source: str) -> None:
        """Name both tables and the way out."""
        super().__init__(
            f"{table} is attached to {source}, where Steelyard only reads; leave the file out with --only, or "
            "`steelyard detach` first."
        )


class Progress(Protocol):
    """Told what is being done, and how far it is."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take in that `done` of `total` (files or rows) of a stage are through."""


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """What became of one file.

    Attributes:
        table_name: its table.
        file_name: the file; empty for accounts made from the names in other tables.
        read: rows in the file.
        added: rows that were not stored.
        corrected: stored rows whose values differed.
        unchanged: rows that were stored already.
        removed: stored rows of the same snapshot, or model, that the file no longer has.
        quarantined: rows kept among the findings and not used.
        flagged: findings about rows that are used.
    """

    table_name: str
    file_name: str
    read: int
    added: int
    corrected: int
    unchanged: int
    removed: int
    quarantined: int
    flagged: int


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What a load did.

    Attributes:
        run_id: the row of load_runs.
        status: loaded, or unchanged when the store already held everything.
        source: the directory.
        tables: one entry per file, in the order they were stored.
        findings: what is in quarantine and what is flagged; refusals raise instead.
        new_findings: how many of them were not known before.
        notes: what was done without being in a file, and what was left out, in sentences.
        ledger: what became of the ledger; None where no file brought what it depends on.
    """

    run_id: int
    status: str
    source: str
    tables: tuple[LoadedTable, ...]
    findings: tuple[Finding, ...]
    new_findings: int
    notes: tuple[str, ...]
    ledger: Keeping | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """What to load, and how."""

    directory: Path
    reading: Reading
    only: Collection[str] | None
    trust_prices: bool
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Done:
    """What a load did, before it is written down; see `LoadSummary`."""

    tables: tuple[LoadedTable, ...]
    findings: list[Finding]
    notes: tuple[str, ...]
    ledger: Keeping | None


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


async def load_tables(
    directory: Path,
    *,
    today: date,
    db: WriteSession | None = None,
    only: Collection[str] | None = None,
    price_places: int | None = None,
    trust_prices: bool = False,
    progress: Progress = _silent,
    now: datetime | None = None,
) -> LoadSummary:
    """Load a directory of tables, all of it or nothing, and book its transactions.

    Args:
        directory: files named like their tables; docs/reference/tables.md describes them.
        today: the caller's date; rows dated later than the day after are refused, but for what is announced.
        db: the transaction to load in; None opens one and commits it.
        only: tables to load; None loads all, and the ones that cannot be derived must then be there.
        price_places: decimal places closing prices are rounded to, half up; None refuses prices with too many.
        trust_prices: whether to leave out the search for bad ticks, splits and wrong units.
        progress: told how far it is.
        now: the caller's clock, with its offset, which no trade may be later than; None = the end of `today`, UTC.

    Returns:
        What was stored. The same files again change nothing.

    Raises:
        LoadRefusedError: rows or files are refused; their list is kept, in a transaction of its own.
        OverdrawnError: an account that may not would go below 0.
        NotFoundError, InvalidInputError: the directory is not there, or half of it is missing.
    """
    directory = Path(directory)
    request = _Request(directory, Reading(today, price_places, now), only, trust_prices, progress)
    try:
        tables = await _read(request, db)
        async with writing(db) as session:
            return await _store(session, request, tables)
    except LoadRefusedError as refused:
        # The caller's transaction may hold the audit's chain: an event that sees one moment does not wait for it.
        isolation: Isolation = "READ COMMITTED" if db is None else "REPEATABLE READ"
        async with get_write_session(isolation=isolation) as session:
            await _record_refusal(session, request, refused.findings)
        raise


async def _read(request: _Request, db: WriteSession | None) -> dict[str, CheckedTable]:
    """Read and check every file; each is judged even when another is refused, so that one run lists everything."""
    files = find_tables(request.directory, request.only)
    exchanges = await _stored_exchanges(db) if "transactions" in files else {}
    tables: dict[str, CheckedTable] = {}
    unreadable = []
    for number, (name, path) in enumerate(files.items()):
        request.progress(f"Reading {path.name}", number, len(files))
        reading = replace(request.reading, exchanges=exchanges | _exchanges(tables))
        checked = await asyncio.to_thread(read_checked, path, FORMATS[name], reading)
        if isinstance(checked, CheckedTable):
            tables[name] = checked
        else:
            unreadable.append(checked)
    request.progress("Reading", len(files), len(files))
    if unreadable:
        _refuse(request, [*unreadable, *_all_findings(tables)])
    return tables


async def _stored_exchanges(db: WriteSession | None) -> dict[str, str]:
    if db is not None:
        return await get_exchanges(db)
    async with get_db_session() as session:
        return await get_exchanges(session)


def _exchanges(tables: Mapping[str, CheckedTable]) -> dict[str, str]:
    """Return the exchanges that the file of assets states; it is read before that of transactions."""
    rows = tables["asset_master"].rows if "asset_master" in tables else None
    if rows is None or "exchange" not in rows.column_names:
        return {}
    pairs = zip(rows["asset_id"].to_pylist(), rows["exchange"].to_pylist(), strict=True)
    return {asset: exchange for asset, exchange in pairs if exchange}


async def _store(db: WriteSession, request: _Request, tables: dict[str, CheckedTable]) -> LoadSummary:
    await store.lock_loading(db)
    if _POSTED_FROM & tables.keys():  # before any row is locked, as whoever books a single transaction does
        await lock_ledger(db)
    await require_ours(db, tables)
    tenant = Tenant(*await store.get_tenant(db), await store.get_known_keys(db))
    tables = check_references(tables, tenant)
    snapshots = await store.get_snapshot_kinds(db)
    _refuse(request, [*_all_findings(tables), *snapshot_conflicts(tables, snapshots)])

    rows = complete(tables, tenant)
    loaded = []
    accounts = new_accounts(tables, tenant)
    for name in FORMATS:
        if name == "accounts" and accounts.num_rows:
            await store.store_rows(db, name, accounts)
        if name == "market_data" and name in tables:
            tables[name], counts, more = await store_prices(
                db, tables[name], screened=not request.trust_prices, told=_telling(request, tables[name])
            )
            loaded.append(_loaded(tables[name], counts))
            tables[name] = replace(tables[name], findings=(*tables[name].findings, *more))
        elif name in rows:
            counts = await store.store_rows(db, name, rows[name])
            loaded.append(_loaded(tables[name], counts))
        request.progress("Storing", len(loaded), len(tables))
    keeping, unbooked = await _post(db, request, tables)
    notes = _notes(request, tables, accounts)
    return await _record(
        db, request, _Done(tuple(loaded), [*_all_findings(tables), *unbooked], notes, keeping)
    )


def _telling(request: _Request, table: CheckedTable) -> Callable[[int], None]:
    return lambda done: request.progress("Storing market_data", done, table.rows.num_rows)


_POSTED_FROM: Final = frozenset({"transactions", "accounts", "asset_master", "portfolio_allocation"})
"""What the ledger, and which accounts it keeps, depends on."""


async def _post(
    db: WriteSession, request: _Request, tables: Mapping[str, CheckedTable]
) -> tuple[Keeping | None, list[Finding]]:
    """Book what came; return what became of it, and a finding for each transaction that is not booked."""
    if not _POSTED_FROM & tables.keys():
        return None, []
    request.progress("Posting", 0, 1)
    keeping, unposted = await keep_ledger(db, today=request.reading.today)
    request.progress("Posting", 1, 1)
    return keeping, find_unposted(unposted, places=_places(tables, {one.transaction_id for one in unposted}))


def _places(tables: Mapping[str, CheckedTable], wanted: Collection[str]) -> dict[str, tuple[str, int]]:
    """Return file and line of transactions that the files at hand bring."""
    table = tables.get("transactions")
    if table is None or not wanted:
        return {}
    ids = table.rows["transaction_id"].cast(pa.string())
    rows = np.flatnonzero(pc.is_in(ids, value_set=pa.array(wanted, pa.string())).to_numpy())
    lines = table.raw.row_numbers(table.indexes[rows]).tolist()
    return {
        ids[row].as_py(): (table.raw.path.name, line) for row, line in zip(rows.tolist(), lines, strict=True)
    }


async def require_ours(db: WriteSession, tables: Collection[str]) -> None:
    """See that no table is a view on somebody else's.

    Raises:
        AttachedTableError: one is.
    """
    for table in set(await get_attached_tables(db)).intersection(tables):
        attachment = (await get_attachment(db))["tables"][table]
        raise AttachedTableError(table, f"{attachment['schema']}.{attachment['table']}")


async def store_prices(
    db: WriteSession, table: CheckedTable, *, screened: bool, told: Callable[[int], None] = lambda _: None
) -> tuple[CheckedTable, RowCounts, tuple[Finding, ...]]:
    """Store new prices beside the stored ones, and mark their assets for derivation.

    Args:
        db: the transaction, in which nobody else loads.
        table: rows of market_data, one per asset and day.
        screened: whether prices in doubt are looked for.
        told: told how many rows are stored.

    Returns:
        The table without what is in quarantine, what became of its rows, and findings about stored prices taken back.
    """
    stored = await store.get_stored_prices(db, *context_wanted(table))
    change = await asyncio.to_thread(compare_prices, table, stored, screened=screened)
    rows, new = change.table.rows, change.is_new
    # A source or a time may be corrected where the price is equal: then the database compares.
    again = ~new if rows.num_columns > len(_PRICE_COLUMNS) else change.differs
    removed = await store.delete_prices(db, change.taken_back) if change.taken_back.num_rows else 0
    merged = await store.store_rows(db, "market_data", rows.filter(again)) if again.any() else RowCounts()
    fresh = rows if new.all() else rows.filter(new)
    added = await store.add_rows(db, "market_data", fresh, progress=told)
    if change.first_changes.num_rows:
        await store.note_price_changes(db, change.first_changes)
    return change.table, RowCounts(added.added + merged.added, merged.corrected, removed), change.findings


_PRICE_COLUMNS: Final = ("asset_id", "price_date", "closing_price")


def _refuse(request: _Request, findings: list[Finding]) -> None:
    refused = tuple(finding for finding in findings if finding.severity is Severity.REFUSED)
    if refused:
        raise LoadRefusedError(request.directory, refused)


def _all_findings(tables: Mapping[str, CheckedTable]) -> list[Finding]:
    return [finding for table in tables.values() for finding in table.findings]


def _loaded(table: CheckedTable, counts: RowCounts) -> LoadedTable:
    severities = [finding.severity for finding in table.findings]
    return LoadedTable(
        table_name=table.name,
        file_name=table.raw.path.name,
        read=table.raw.length,
        added=counts.added,
        corrected=counts.corrected,
        unchanged=table.rows.num_rows - counts.added - counts.corrected,
        removed=counts.removed,
        quarantined=severities.count(Severity.QUARANTINED),
        flagged=severities.count(Severity.FLAGGED),
    )


def _notes(request: _Request, tables: Mapping[str, CheckedTable], accounts: pa.Table) -> tuple[str, ...]:
    notes = [f"{name} is not there; it is derived from market_data." for name in _derived(request, tables)]
    notes += [f"{name} was ignored: it is named like no table." for name in ignored_files(request.directory)]
    if accounts.num_rows:
        names, currency = ", ".join(accounts["account_id"].to_pylist()), accounts["base_currency"][0]
        notes.append(f"Accounts made from names in other tables, in {currency}: {names}.")
    if request.reading.price_places is not None:
        notes.append(
            f"Closing prices were rounded to {request.reading.price_places} decimal places, half up."
        )
    if request.trust_prices:
        notes.append("Prices were not searched for bad ticks, splits and wrong units.")
    return tuple(notes)


def _derived(request: _Request, tables: Mapping[str, CheckedTable]) -> list[str]:
    return absent_but_derived(tables, request.only)


# ── Runs and findings ───────────────────────────────────────────────────────────────────────────────────


async def _record(db: WriteSession, request: _Request, done: _Done) -> LoadSummary:
    changed = any(table.added or table.corrected or table.removed for table in done.tables)
    status = "loaded" if changed or (done.ledger and done.ledger.has_changed) else "unchanged"
    summary = {name: value for name, value in asdict(done).items() if name != "findings"}
    source = str(request.directory)
    run_id = await store.record_run(db, source, status, summary)
    known = await _record_findings(db, run_id, done.findings)
    await record_event(db, "book.load", "load_run", str(run_id), {"status": status, **_totals(done)})
    return LoadSummary(
        run_id, status, source, done.tables, tuple(done.findings), known, done.notes, done.ledger
    )


async def _record_refusal(db: WriteSession, request: _Request, findings: tuple[Finding, ...]) -> None:
    summary = {"refused": len(findings)}
    run_id = await store.record_run(db, str(request.directory), "refused", summary)
    await _record_findings(db, run_id, list(findings))
    await record_event(db, "book.refuse", "load_run", str(run_id), {"findings": len(findings)})


def _totals(done: _Done) -> dict[str, int]:
    """Count what a load changed; its run has the tables, and the folder it read."""
    return {
        "added": sum(table.added for table in done.tables),
        "corrected": sum(table.corrected for table in done.tables),
        "removed": sum(table.removed for table in done.tables),
        "booked": done.ledger.posted if done.ledger else 0,
        "reversed": done.ledger.corrected if done.ledger else 0,
    }


async def _record_findings(db: WriteSession, run_id: int, findings: list[Finding]) -> int:
    """Keep findings; those about shared tables belong to no tenant."""
    own = [finding for finding in findings if FORMATS[finding.table_name].per_tenant]
    shared = [finding for finding in findings if not FORMATS[finding.table_name].per_tenant]
    kept = await store.record_findings(db, run_id, own, is_shared=False)
    return kept + await store.record_findings(db, run_id, shared, is_shared=True)
