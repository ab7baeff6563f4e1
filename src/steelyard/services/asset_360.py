"""Asset 360: the eight questions people ask of it, and making the version that answers them.

Each reader takes no argument at least: it then opens the default store and reads the newest version of the
default tenant. Answers are plain dicts and Plotly figures. Fractions stay fractions (0.05 is 5 %) except
`average_return`, `mean_return` and shares, which are percent, rounded half up to two decimals at the very end.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from sqlalchemy.exc import DBAPIError

from steelyard.charts.line import line_over_months
from steelyard.charts.pie import Slice, pie_by_value, pies_by_value_and_count
from steelyard.domain.money import round_half_up
from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import ConflictError, InvalidInputError
from steelyard.services.attachment import keep_step
from steelyard.services.retrying import PATIENT, Patience, retried
from steelyard.storage import asset_360 as store
from steelyard.storage.asset_360 import ComplianceRow, Document, ExposureRow, PerformanceRow, RiskRow
from steelyard.storage.attachment import get_attached_tables
from steelyard.storage.audit import chain_pending_events, record_event
from steelyard.storage.connection import (
    ReadSession,
    WriteSession,
    get_db_session,
    get_write_session,
    reading,
)

log = logging.getLogger(__name__)


class NoPricesError(InvalidInputError):
    """There is no price to make asset 360 from."""

    def __init__(self) -> None:
        """Say what to load."""
        super().__init__("market_data holds no price; load some with `steelyard load DIR`.")


class AsOfBeforeDataError(InvalidInputError):
    """The day asked for lies before the first price."""

    def __init__(self, as_of: date, first_price: str) -> None:
        """Name both days."""
        super().__init__(
            f"as_of {as_of} is before the first price, of {first_price}; ask for that day or a later one."
        )


class UndatedAllocationError(InvalidInputError):
    """A portfolio without dates says nothing of a past day."""

    def __init__(self, as_of: date, portfolio: str) -> None:
        """Name the portfolio and the way out."""
        super().__init__(
            f"Portfolio {portfolio} has no dates in portfolio_allocation, so it says nothing of {as_of}; "
            "leave the day out, or load the portfolio with its as_of column filled."
        )


class RefreshRunningError(ConflictError):
    """Another refresh, or a load of returns, has the lock."""

    is_temporary = True

    def __init__(self, waited_seconds: float) -> None:
        """Say how long it was waited for."""
        super().__init__(
            f"Another refresh or load is running, and did not end within {waited_seconds:g} s; nothing was changed. "
            "Run it again later, or let it wait longer with `--wait SECONDS`."
        )


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a refresh did.

    Attributes:
        version: the version readers see now.
        as_of: the day it is of.
        published: False when nothing had changed and the version before still stands.
        derived_assets: how many assets' history was derived anew.
        previous_version: the version readers saw before; None where there was none.
    """

    version: int
    as_of: date
    published: bool
    derived_assets: int
    previous_version: int | None = None


async def refresh(
    *,
    as_of: date | None = None,
    today: date,
    universe: bool = False,
    keep_versions: int = 10,
    patience: Patience = PATIENT,
) -> Refresh:
    """Derive what changed and publish a version, in one transaction; tried again when something temporary failed it.

    Trying again is safe: the transaction leaves nothing behind when it fails, and where its commit went through
    and only the answer was lost, the next attempt finds that version and publishes no second one.

    Args:
        as_of: the day the figures are of; None means the last price date, but not after `today`.
        today: the caller's date.
        universe: whether the tenant's rows are every asset, or those held, traded, targeted or checked.
        keep_versions: how many versions to keep.
        patience: how long to wait for another refresh, and how often to try.

    Raises:
        NoPricesError, AsOfBeforeDataError, UndatedAllocationError: the last good version stays.
        RefreshRunningError: another refresh went on for longer than `patience` waits.
        SteelyardError: the store is lost or busy, at the last attempt too; the last good version stays.
    """
    log.info("refresh started", extra={"as_of": as_of, "universe": universe})
    run = _Run(as_of, today, universe, keep_versions)
    while (done := await retried(run.attempt, patience)) is None:
        if time.perf_counter() - run.began >= patience.wait_seconds:
            raise RefreshRunningError(patience.wait_seconds)
    return done


async def create_and_run_procedure(
    db: WriteSession, as_of: date, *, universe: bool = False, keep_versions: int = 10
) -> tuple[int, bool]:
    """Run `create_asset_360` in the caller's transaction; returns the version and whether it is new.

    The procedure itself is a file, installed by `steelyard init`. Give it a REPEATABLE READ transaction, so that
    every figure is of one moment.

    Raises:
        NoPricesError, AsOfBeforeDataError, UndatedAllocationError: nothing was published.
    """
    try:
        version, published = await store.create_version(
            db, as_of, universe=universe, keep_versions=keep_versions
        )
    except DBAPIError as error:
        refusal = _refusal(error, as_of)
        if refusal is None:
            raise
        raise refusal from error
    if published:
        await record_event(db, "asset_360.publish", "version", str(version), {"as_of": as_of.isoformat()})
    return version, published


@dataclass(slots=True)
class _Run:
    """One refresh, over all its attempts.

    Attributes:
        began: when, by the clock of durations.
        written: what the last attempt was about to commit; whether it did is unknown when the answer was lost.
    """

    as_of: date | None
    today: date
    universe: bool
    keep_versions: int
    began: float = field(default_factory=time.perf_counter)
    written: Refresh | None = None

    async def attempt(self, number: int) -> Refresh | None:
        """Try it once; None means that another refresh, or a load of returns, is at work."""
        from steelyard.services.keeping import catch_up  # noqa: PLC0415 - as in `_write`
        from steelyard.storage.history import refreshing  # noqa: PLC0415 - as above

        await catch_up(today=self.today)
        unanswered, clock = self.written, _Stopwatch(self.began)
        async with get_db_session() as before:
            is_attached = "performance_history" in await get_attached_tables(before)
        async with refreshing(is_attached=is_attached) as db:
            if db is None:
                return None
            clock.stop("wait")
            self.written = done = await self._write(db, clock)
            current = await store.get_current_version(db)
        if done.published:
            async with get_write_session() as db:  # it saw one moment, so its event waits for the chain
                await chain_pending_events(db)
        clock.stop("publish")
        if unanswered is not None and unanswered.version == done.version and not done.published:
            done = unanswered
        facts = {"rows": current and current[1], "attempts": number, **clock.seconds}
        log.info("version published" if done.published else "nothing had changed", extra=asdict(done) | facts)
        return done

    async def _write(self, db: WriteSession, clock: "_Stopwatch") -> Refresh:
        from steelyard.services.history import derive_history  # noqa: PLC0415 - numpy and pyarrow, which readers need not

        last_price = await store.get_last_price_date(db)
        if last_price is None:
            raise NoPricesError
        day = self.as_of or min(self.today, last_price)
        current = await store.get_current_version(db)
        await keep_step(db)
        derived = await derive_history(db, day)
        clock.stop("derive")
        version, published = await create_and_run_procedure(
            db, day, universe=self.universe, keep_versions=self.keep_versions
        )
        clock.stop("compute")
        return Refresh(version, day, published, derived, current and current[0])


class _Stopwatch:
    """Measures one phase after the other."""

    def __init__(self, began: float) -> None:
        """Start the first phase at `began`."""
        self.seconds: dict[str, float] = {}
        self._began = began

    def stop(self, phase: str) -> None:
        """End a phase, and begin the next."""
        now = time.perf_counter()
        self.seconds[f"{phase}_seconds"] = round(now - self._began, 3)
        self._began = now


def _refusal(error: DBAPIError, as_of: date) -> InvalidInputError | None:
    """Turn what the procedure refuses into a sentence for people; None for anything else."""
    detail = str(getattr(error.orig and error.orig.__cause__, "detail", ""))
    match getattr(error.orig, "sqlstate", None):
        case "SY001" | "SY002":
            return NoPricesError()
        case "SY003":
            return AsOfBeforeDataError(as_of, detail)
        case "SY004":
            return UndatedAllocationError(as_of, detail)
        case _:
            return None


class Which(TypedDict, total=False):
    """Which answers: of the whole tenant and the current version unless said otherwise.

    Attributes:
        scope: the tenant, a household or an account.
        version: a kept version.
        as_of: a day for which a version was made, the newest such; ignored when `version` is given.
    """

    scope: Scope
    version: int | None
    as_of: date | None


async def get_document(db: ReadSession | None = None, **which: Unpack[Which]) -> Document:
    """Return everything the eight readers answer about a scope, read once.

    Args:
        db: a read session; None opens the default store for this one read.
        which: of which scope, version or day; see `Which`.

    Raises:
        NoVersionError: there is no such version or scope.
    """
    scope, version, as_of = which.get("scope", TENANT), which.get("version"), which.get("as_of")
    async with reading(db) as session:
        return await store.get_document(session, scope, version=version, as_of=as_of)


async def get_portfolio_overview(db: ReadSession | None = None, **which: Unpack[Which]) -> dict[str, Any]:
    """Return the scope in a few figures: see `answer_overview`; arguments as for `get_document`."""
    return answer_overview(await get_document(db, **which))


async def get_asset_allocation(db: ReadSession | None = None, **which: Unpack[Which]) -> dict[str, Any]:
    """Return a pie of market value by asset type, with counts; arguments as for `get_document`."""
    return answer_allocation(await get_document(db, **which))


async def get_risk_metrics(db: ReadSession | None = None, **which: Unpack[Which]) -> list[dict[str, Any]]:
    """Return the ten assets with the highest value at risk; arguments as for `get_document`."""
    return answer_risk(await get_document(db, **which))


async def get_performance_dashboard(db: ReadSession | None = None, **which: Unpack[Which]) -> dict[str, Any]:
    """Return the five best performers; arguments as for `get_document`."""
    return answer_performance(await get_document(db, **which))


async def get_compliance_summary(
    db: ReadSession | None = None, **which: Unpack[Which]
) -> list[dict[str, Any]]:
    """Return the assets with violations in six months; arguments as for `get_document`."""
    return answer_compliance(await get_document(db, **which))


async def get_transaction_analysis(db: ReadSession | None = None, **which: Unpack[Which]) -> dict[str, Any]:
    """Return a line of monthly volume over twelve months; arguments as for `get_document`."""
    return answer_transactions(await get_document(db, **which))


async def get_sector_exposure(db: ReadSession | None = None, **which: Unpack[Which]) -> dict[str, Any]:
    """Return pies of sectors by value and by count; arguments as for `get_document`."""
    return answer_sectors(await get_document(db, **which))


async def get_geographic_distribution(
    db: ReadSession | None = None, **which: Unpack[Which]
) -> dict[str, Any]:
    """Return pies of issuing countries by value and by count; arguments as for `get_document`."""
    return answer_countries(await get_document(db, **which))


# ── The same answers from a document at hand ────────────────────────────────────────────────────────────────


def answer_overview(document: Document) -> dict[str, Any]:
    """Return total_assets, total_value, average_return and risk_distribution, with what they are of.

    `total_value` is in `base_currency`, two decimals; `average_return` is the one-year return in percent weighted
    by value, `mean_return` the plain mean beside it, both None where nothing has a return. Assets held without a
    known value are counted in `unvalued_assets`, never valued at 0.
    """
    overview = document.overview
    return {
        "total_assets": overview.total_assets,
        "total_value": round_half_up(overview.total_value, 2),
        "average_return": _percent(overview.weighted_return),
        "mean_return": _percent(overview.mean_return),
        "risk_distribution": [
            {"risk_category": row.name, "count": row.count, "value": round_half_up(row.value, 2)}
            for row in _exposure(document, "risk_category")
        ],
        "unvalued_assets": overview.unvalued_assets,
        "base_currency": document.base_currency,
        "as_of": document.as_of,
        "version": document.version,
    }


def answer_allocation(document: Document) -> dict[str, Any]:
    """Return a Plotly pie of market value by asset type, with the number of assets of each."""
    slices = _slices(document, "asset_type")
    return pie_by_value("Market value by asset type", slices, unit=document.base_currency)


def answer_risk(document: Document) -> list[dict[str, Any]]:
    """Return up to ten assets by value at risk (fraction, one day, 95 %), highest first, unknown last."""
    return _as_dicts(document.risk)


def answer_performance(document: Document) -> dict[str, Any]:
    """Return `top_performers`: up to five assets by one-year total return, best first."""
    return {"top_performers": _as_dicts(document.performers)}


def answer_compliance(document: Document) -> list[dict[str, Any]]:
    """Return the assets with active violations, most first."""
    return _as_dicts(document.compliance)


def answer_transactions(document: Document) -> dict[str, Any]:
    """Return a Plotly line of the amounts bought and sold in each of twelve months; a month without is 0."""
    months = [row.month for row in document.volume]
    volumes = [None if row.volume is None else float(round_half_up(row.volume, 2)) for row in document.volume]
    return line_over_months("Monthly transaction volume", months, volumes, unit=document.base_currency)


def answer_sectors(document: Document) -> dict[str, Any]:
    """Return Plotly pies of sectors by value and by number of assets."""
    slices = _slices(document, "sector")
    return pies_by_value_and_count("Sector exposure", slices, unit=document.base_currency)


def answer_countries(document: Document) -> dict[str, Any]:
    """Return Plotly pies of issuing countries by value and by number of assets."""
    slices = _slices(document, "country")
    return pies_by_value_and_count("Geographic distribution", slices, unit=document.base_currency)


def _exposure(document: Document, dimension: str) -> list[ExposureRow]:
    return document.exposure.get(dimension, [])


def _slices(document: Document, dimension: str) -> list[Slice]:
    return [Slice(row.name, row.value, row.count) for row in _exposure(document, dimension)]


def _as_dicts(
    rows: Sequence[RiskRow] | Sequence[PerformanceRow] | Sequence[ComplianceRow],
) -> list[dict[str, Any]]:
    """Return rows as dicts; `dataclasses.asdict` would copy every value deeply, at ten times the time."""
    names = [field.name for field in fields(rows[0])] if rows else []
    return [{name: getattr(row, name) for name in names} for row in rows]


def _percent(fraction: float | None) -> Decimal | None:
    """Percent with two decimals; from the float's shortest decimal, which is what people see printed."""
    return None if fraction is None else round_half_up(100 * Decimal(repr(fraction)), 2)
