"""Asset 360: make a version, and answer the eight questions people ask of it.

Each reader takes no argument at least: it then opens the default store and reads the newest version of the
default tenant. Answers are plain dicts and Plotly figures. Fractions stay fractions (0.05 is 5 %) except
`average_return`, `mean_return` and shares, which are percent, rounded half up to two decimals at the very end.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from steelyard.charts.line import line_over_months
from steelyard.charts.pie import Slice, pie_by_value, pies_by_value_and_count
from steelyard.domain.money import round_half_up
from steelyard.domain.scope import TENANT, Scope
from steelyard.storage import asset_360 as store
from steelyard.storage.asset_360 import Document, ExposureRow
from steelyard.storage.connection import ReadSession, get_db_session


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
    async with _reading(db) as session:
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


async def get_compliance_summary(db: ReadSession | None = None, **which: Unpack[Which]) -> list[dict[str, Any]]:
    """Return the assets with violations in six months; arguments as for `get_document`."""
    return answer_compliance(await get_document(db, **which))


async def get_transaction_analysis(db: ReadSession | None = None, **which: Unpack[Which]) -> dict[str, Any]:
    """Return a line of monthly volume over twelve months; arguments as for `get_document`."""
    return answer_transactions(await get_document(db, **which))


async def get_sector_exposure(db: ReadSession | None = None, **which: Unpack[Which]) -> dict[str, Any]:
    """Return pies of sectors by value and by count; arguments as for `get_document`."""
    return answer_sectors(await get_document(db, **which))


async def get_geographic_distribution(db: ReadSession | None = None, **which: Unpack[Which]) -> dict[str, Any]:
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
    return [asdict(row) for row in document.risk]


def answer_performance(document: Document) -> dict[str, Any]:
    """Return `top_performers`: up to five assets by one-year total return, best first."""
    return {"top_performers": [asdict(row) for row in document.performers]}


def answer_compliance(document: Document) -> list[dict[str, Any]]:
    """Return the assets with active violations, most first."""
    return [asdict(row) for row in document.compliance]


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


@asynccontextmanager
async def _reading(db: ReadSession | None) -> AsyncIterator[ReadSession]:
    """Use the caller's session, or the default store for the length of one read."""
    if db is not None:
        yield db
        return
    async with get_db_session() as session:
        yield session


def _exposure(document: Document, dimension: str) -> list[ExposureRow]:
    return document.exposure.get(dimension, [])


def _slices(document: Document, dimension: str) -> list[Slice]:
    return [Slice(row.name, row.value, row.count) for row in _exposure(document, dimension)]


def _percent(fraction: float | None) -> Decimal | None:
    """Percent with two decimals; from the float's shortest decimal, which is what people see printed."""
    return None if fraction is None else round_half_up(100 * Decimal(repr(fraction)), 2)
