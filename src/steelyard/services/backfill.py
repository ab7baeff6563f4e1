"""History: closes and volumes of a source, and exchange rates, brought into the store a page at a time.

What a page brings is checked like a file that is loaded, and stored with how far it goes in one transaction: ended at
any moment, it goes on where it stopped. Days that a file or another source has brought stay as they are.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pyarrow as pa

from steelyard.domain.finding import Finding, Severity
from steelyard.domain.money import major_currency
from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.market.port import AssetKey, Bar, BarPage, PriceSource, Rate, RateSource, SourceDownError
from steelyard.services.loading import Progress, require_ours, store_prices
from steelyard.services.prices import STORED
from steelyard.statements.cells import Reading
from steelyard.statements.columns import FX_RATES, MARKET_DATA, TableFormat
from steelyard.statements.rows import CheckedTable, check_table
from steelyard.statements.tables import RawTable
from steelyard.storage import loading
from steelyard.storage import price as store
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.price import BackfillNote, StoredBackfill

ASSETS_AT_ONCE: Final = 50
"""How many assets are asked for, and stored in one transaction."""

EURO: Final = "EUR"


class PeriodError(InvalidInputError):
    """A period has no session that is over."""

    def __init__(self, first: date, last: date) -> None:
        """Name it."""
        super().__init__(
            f"From {first} to {last} there is no day that is over: history is brought in until yesterday. Name an "
            "earlier first day."
        )


class NoSuchAssetError(NotFoundError):
    """Assets are not in the store."""

    def __init__(self, asset_ids: Sequence[str]) -> None:
        """Name them."""
        super().__init__(
            f"The store has no {', '.join(asset_ids)} whose history could be brought in; "
            "`steelyard assets --search TEXT` finds what it has."
        )


@dataclass(slots=True)
class Backfill:
    """What was brought in.

    Attributes:
        source: from where.
        first_date, last_date: the period.
        assets: how many assets, or currencies, were looked at.
        complete: how many of them had everything before.
        added, corrected: closes, or rates, that are new, and that the source restates.
        kept: days that a file or another source had brought, and that stay as they were.
        removed: stored closes that turned out wrong beside the new ones.
        volumes: units traded, of how many days.
        quarantined, flagged: what was in doubt; it stands in data_quality_findings.
        faults: asset → why its history is not whole.
    """

    source: str
    first_date: date
    last_date: date
    assets: int = 0
    complete: int = 0
    added: int = 0
    corrected: int = 0
    kept: int = 0
    removed: int = 0
    volumes: int = 0
    quarantined: int = 0
    flagged: int = 0
    faults: dict[str, str] = field(default_factory=dict)


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


async def backfill_prices(
    source: PriceSource,
    *,
    first: date,
    last: date | None = None,
    now: datetime,
    asset_ids: Collection[str] = (),
    progress: Progress = _silent,
) -> Backfill:
    """Bring the closes and volumes of a period into the store; what was brought in before is not asked for again.

    Args:
        source: where they come from; their prices are as they were traded.
        first: the first day. Where an earlier one was asked for before, it goes on where that stopped, without a gap.
        last: the last day; None, and any day that is not over, means yesterday.
        now: the caller's clock, with its offset.
        asset_ids: which assets; none = all but cash.
        progress: told how many assets are done.

    Returns:
        What became of it; an asset whose source fails is named with the reason, and the others go on.

    Raises:
        PeriodError: the period has no day that is over.
        NoSuchAssetError: the store does not have one of the assets.
        AttachedTableError: prices are attached, and only read.
    """
    done = Backfill(source.name, first, _last_day(first, last, now))
    async with get_db_session() as db:
        stored = await store.get_backfills(db, source.name, asset_ids)
    if unknown := sorted(set(asset_ids) - {one.asset_id for one in stored}):
        raise NoSuchAssetError(unknown)
    jobs = _plan(stored, done)
    while jobs:
        progress("Bringing in prices", done.assets - len(jobs), done.assets)
        batch, rest = jobs[:ASSETS_AT_ONCE], jobs[ASSETS_AT_ONCE:]
        pages = await asyncio.gather(*(_ask(source, job, done.last_date) for job in batch))
        async with get_write_session() as db:
            await _store(db, pages, done, now=now)
        jobs = [page.job for page in pages if page.goes_on] + rest
    progress("Bringing in prices", done.assets, done.assets)
    return done


async def backfill_rates(
    source: RateSource, *, first: date, last: date | None = None, now: datetime
) -> Backfill:
    """Bring the exchange rates of a period into the store, of the currencies that it uses.

    Args:
        source: where they come from.
        first: the first day.
        last: the last day; None = today.
        now: the caller's clock, with its offset.

    Raises:
        PeriodError: the period ends before it begins.
        SourceDownError: the source does not answer; nothing was stored.
        AttachedTableError: rates are attached, and only read.
    """
    done = Backfill(source.name, first, min(last or now.date(), now.date()))
    if done.last_date < first:
        raise PeriodError(first, done.last_date)
    rates = await source.get_rates(first, done.last_date)
    async with get_write_session() as db:
        await _store_rates(db, rates, done, now=now)
    return done


@dataclass(frozen=True, slots=True)
class _Job:
    """An asset, the day from which its history is there or will be, and where the source goes on."""

    asset: AssetKey
    first: date
    start: date
    done_through: date | None
    is_raw: bool
    page: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    """What a source said of a job, or why it did not; `job` says where it goes on."""

    job: _Job
    bars: Sequence[Bar] = ()
    fault: str = ""
    goes_on: bool = False


def _last_day(first: date, last: date | None, now: datetime) -> date:
    yesterday = now.date() - timedelta(days=1)
    until = min(last or yesterday, yesterday)
    if until < first:
        raise PeriodError(first, until)
    return until


def _plan(stored: Sequence[StoredBackfill], done: Backfill) -> list[_Job]:
    """Return what is still to be asked for."""
    jobs = [_job(one, done.first_date) for one in stored]
    open_jobs = [job for job in jobs if job.start <= done.last_date]
    done.assets, done.complete = len(open_jobs), len(jobs) - len(open_jobs)
    return open_jobs


def _job(one: StoredBackfill, first: date) -> _Job:
    asset = AssetKey(one.asset_id, one.asset_id, one.currency, one.exchange)
    is_raw = one.price_basis == "raw"
    if one.first_date is None or one.done_through is None or one.first_date > first:
        return _Job(asset, first, first, None, is_raw)
    return _Job(asset, one.first_date, one.done_through + timedelta(days=1), one.done_through, is_raw)


async def _ask(source: PriceSource, job: _Job, last: date) -> _Page:
    """Ask for the next page of a job."""
    if not job.is_raw:
        return _Page(
            job,
            fault="its stored prices are restated for splits, and those of a source are as they were traded",
        )
    try:
        found = await source.get_bars(job.asset, job.start, last, job.page)
        return _Page(_further(job, found, last), found.bars, goes_on=bool(found.next))
    except SourceDownError as error:
        return _Page(job, fault=error.reason)


def _further(job: _Job, found: BarPage, last: date) -> _Job:
    if not found.next:
        return replace(job, done_through=last, page="")
    days = [bar.price_date for bar in found.bars]
    return replace(job, done_through=max(days, default=job.done_through), page=found.next)


async def _store(db: WriteSession, pages: Sequence[_Page], done: Backfill, *, now: datetime) -> None:
    """Store pages, and how far they go."""
    await loading.lock_loading(db)
    await require_ours(db, ["market_data"])
    before = replace(done)
    for page in pages:
        if page.fault:
            done.faults[page.job.asset.asset_id] = page.fault
    bars = {(bar.asset_id, bar.price_date): bar for page in pages for bar in page.bars}
    if bars:
        await _store_bars(db, bars, done, now=now)
    notes = [
        BackfillNote(page.job.asset.asset_id, page.job.first, page.job.done_through, page.fault)
        for page in pages
    ]
    await store.note_backfills(db, done.source, done.last_date, notes, now=now)
    await _record(db, "price.backfill", before, done)


async def _store_bars(
    db: WriteSession, bars: dict[tuple[str, date], Bar], done: Backfill, *, now: datetime
) -> None:
    assets, days = {asset for asset, _ in bars}, [day for _, day in bars]
    others = await store.get_days_of_others(db, done.source, assets, min(days), max(days))
    own = [bar for key, bar in bars.items() if key not in others]
    table = _checked(MARKET_DATA, _price_cells(own, done.source), done.source, now=now)
    used, counts, taken_back = await store_prices(db, table, screened=True)
    done.kept += len(bars) - len(own)
    done.added += counts.added
    done.corrected += counts.corrected
    done.removed += counts.removed
    await _keep_findings(db, [*used.findings, *taken_back], done)
    done.volumes += await _store_volumes(db, bars.values(), done.source)


async def _store_volumes(db: WriteSession, bars: Iterable[Bar], source: str) -> int:
    known = [bar for bar in bars if bar.volume is not None and bar.volume.is_finite() and bar.volume >= 0]
    rows = pa.table(
        {
            "asset_id": pa.array([bar.asset_id for bar in known], pa.string()).dictionary_encode(),
            "price_date": pa.array([bar.price_date for bar in known], pa.date32()),
            "volume": pa.array([bar.volume for bar in known], pa.decimal128(27, 12)),
            "source": pa.array([source] * len(known), pa.string()),
        }
    )
    counts = await loading.store_rows(db, "traded_volumes", rows)
    return counts.added + counts.corrected


async def _store_rates(db: WriteSession, rates: Sequence[Rate], done: Backfill, *, now: datetime) -> None:
    await loading.lock_loading(db)
    await require_ours(db, ["fx_rates"])
    used = {major_currency(one) for one in await store.get_currencies_in_use(db)} - {EURO}
    others = await store.get_rate_days_of_others(db, done.source, done.first_date, done.last_date)
    wanted = {(rate.currency, rate.rate_date): rate for rate in rates if rate.currency in used}
    own = [rate for key, rate in wanted.items() if key not in others]
    table = _checked(FX_RATES, _rate_cells(own, done.source), done.source, now=now)
    counts = await loading.store_rows(db, "fx_rates", table.rows)
    done.assets, done.kept = len(used), len(wanted) - len(own)
    done.added, done.corrected = counts.added, counts.corrected
    unknown = used - {rate.currency for rate in rates}
    done.faults |= dict.fromkeys(sorted(unknown), "the source has no rate of it in this period")
    await _keep_findings(db, table.findings, done)
    await _record(db, "rate.backfill", Backfill(done.source, done.first_date, done.last_date), done)


def _checked(
    table_format: TableFormat, columns: dict[str, pa.Array], source: str, *, now: datetime
) -> CheckedTable:
    """Check rows as if they stood in a file."""
    # Named like a Parquet file, whose rows are numbered without reading it.
    raw = RawTable(table_format, Path(f"{source}.parquet"), columns, len(next(iter(columns.values()))))
    return check_table(raw, Reading(now.date(), now=now))


def _of_source(finding: Finding, source: str) -> Finding:
    """Return a finding as one of a source, which has no files and no lines, and refuses nothing."""
    if finding.file_name == STORED:
        return finding
    severity = Severity.QUARANTINED if finding.severity is Severity.REFUSED else finding.severity
    return replace(finding, file_name=source, row_number=None, severity=severity)


def _price_cells(bars: Sequence[Bar], source: str) -> dict[str, pa.Array]:
    return {
        "asset_id": _words([bar.asset_id for bar in bars]),
        "price_date": _words([f"{bar.price_date}" for bar in bars]),
        "closing_price": _numbers([bar.close for bar in bars]),
        "source": _words([source] * len(bars)),
    }


def _rate_cells(rates: Sequence[Rate], source: str) -> dict[str, pa.Array]:
    return {
        "currency": _words([rate.currency for rate in rates]),
        "rate_date": _words([f"{rate.rate_date}" for rate in rates]),
        "units_per_eur": _numbers([rate.units_per_eur for rate in rates]),
        "source": _words([source] * len(rates)),
    }


def _words(texts: Sequence[str]) -> pa.Array:
    return pa.array(texts, pa.string()).dictionary_encode()


def _numbers(values: Sequence[Decimal]) -> pa.Array:
    return pa.array([f"{value:f}" for value in values], pa.string())


async def _keep_findings(db: WriteSession, findings: Sequence[Finding], done: Backfill) -> None:
    """Keep what is in doubt, with the run that found it."""
    findings = [_of_source(finding, done.source) for finding in findings]
    severities = [finding.severity for finding in findings]
    counts = {
        "quarantined": severities.count(Severity.QUARANTINED),
        "flagged": severities.count(Severity.FLAGGED),
    }
    done.quarantined += counts["quarantined"]
    done.flagged += counts["flagged"]
    if findings:
        run_id = await loading.record_run(db, done.source, "loaded", counts)
        await loading.record_findings(db, run_id, findings, is_shared=True)


async def _record(db: WriteSession, action: str, before: Backfill, done: Backfill) -> None:
    facts = {
        "added": done.added - before.added,
        "corrected": done.corrected - before.corrected,
        "removed": done.removed - before.removed,
        "quarantined": done.quarantined - before.quarantined,
    }
    await record_event(db, action, "price_source", done.source, facts)
