"""The report: everything asset 360 answers about a scope, gathered for one page."""

from dataclasses import dataclass
from typing import Any, Unpack

from steelyard.charts.pie import Slice, pie_by_value
from steelyard.domain.scope import TENANT, Scope
from steelyard.services import asset_360
from steelyard.services.asset_360 import Which
from steelyard.services.performance import ScopePerformance, make_performance
from steelyard.services.performance_charts import cumulative_figure, drawdown_figure
from steelyard.services.track_record import EmptyPeriodError, Question, read_workings
from steelyard.services.valuation import NoLedgerError
from steelyard.storage import asset_360 as store
from steelyard.storage.asset_360 import Document, Version
from steelyard.storage.connection import ReadSession


@dataclass(frozen=True, slots=True)
class Report:
    """One version of one scope, as its readers answer.

    Attributes:
        scope: whose assets.
        scope_name: what people call it; "" where it has no name.
        version: the published version all figures are of.
        overview: as `answer_overview` returns it; the others likewise.
        risk_categories: a figure of the overview's risk_distribution.
        allocation: a figure.
        transactions: a figure.
        sectors: a figure.
        countries: a figure.
        risk: rows.
        performers: rows.
        compliance: rows.
        risk_free: the risk-free series of each currency that has one.
        quality: how many assets carry each quality flag.
        performance: how the scope did; None where nothing is booked of it.
    """

    scope: Scope
    scope_name: str
    version: Version
    overview: dict[str, Any]
    risk_categories: dict[str, Any]
    allocation: dict[str, Any]
    transactions: dict[str, Any]
    sectors: dict[str, Any]
    countries: dict[str, Any]
    risk: list[dict[str, Any]]
    performers: list[dict[str, Any]]
    compliance: list[dict[str, Any]]
    risk_free: dict[str, str]
    quality: dict[str, int]
    performance: "ReportedPerformance | None" = None


@dataclass(frozen=True, slots=True)
class ReportedPerformance:
    """How the scope did since its first transaction, by what was booked when the version was published.

    Attributes:
        did: the figures.
        returns: a figure of cumulative returns, beside the benchmark's.
        drawdowns: a figure of falls below the peak.
    """

    did: ScopePerformance
    returns: dict[str, Any]
    drawdowns: dict[str, Any]


async def get_report(db: ReadSession, **which: Unpack[Which]) -> Report:
    """Return the report of a scope; arguments as for `asset_360.get_document`.

    Raises:
        NoVersionError: there is no such version or scope.
    """
    scope = which.get("scope", TENANT)
    document = await asset_360.get_document(db, **which)
    versions = {version.version: version for version in await store.get_versions(db)}
    names = dict(await store.get_scopes(db))
    version, name = versions[document.version], names.get(scope) or ""
    return make_report(document, version, scope, name, await _performance(db, scope, version, name))


async def _performance(
    db: ReadSession, scope: Scope, version: Version, name: str
) -> ReportedPerformance | None:
    """Return the performance that was known when a version was published, until its day."""
    question = Question(scope=scope, last=version.as_of, known_at=version.recorded_at)
    try:
        workings = await read_workings(db, question)
    except (NoLedgerError, EmptyPeriodError):
        return None
    did = make_performance(workings)
    return ReportedPerformance(
        did, cumulative_figure(workings, did, name or str(scope).capitalize()), drawdown_figure(workings, did)
    )


def make_report(
    document: Document,
    version: Version,
    scope: Scope,
    scope_name: str,
    performance: ReportedPerformance | None = None,
) -> Report:
    """Gather every answer of a document."""
    return Report(
        scope=scope,
        scope_name=scope_name,
        version=version,
        overview=asset_360.answer_overview(document),
        risk_categories=_by_risk(document),
        allocation=asset_360.answer_allocation(document),
        transactions=asset_360.answer_transactions(document),
        sectors=asset_360.answer_sectors(document),
        countries=asset_360.answer_countries(document),
        risk=asset_360.answer_risk(document),
        performers=asset_360.answer_performance(document)["top_performers"],
        compliance=asset_360.answer_compliance(document),
        risk_free=document.risk_free,
        quality=document.quality,
        performance=performance,
    )


def _by_risk(document: Document) -> dict[str, Any]:
    """Return the overview's distribution as a pie, from values not rounded yet."""
    slices = [Slice(row.name, row.value, row.count) for row in document.exposure.get("risk_category", [])]
    return pie_by_value("Market value by risk category", slices, unit=document.base_currency)
