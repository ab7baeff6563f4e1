"""Asset 360 at rest: published versions, their rows, and one document of answers per scope."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from steelyard.domain.scope import Scope
from steelyard.errors import NotFoundError
from steelyard.storage.connection import AnySession, ReadSession, WriteSession
from steelyard.storage.queries import query


class NoVersionError(NotFoundError):
    """No version of asset 360 answers the question."""

    def __init__(self, scope: Scope, *, version: int | None, as_of: date | None) -> None:
        """Say what was asked for and how to make it."""
        if version is not None:
            sentence = (
                f"Version {version} of asset 360 has nothing on {scope}; see `steelyard refresh --list`."
            )
        elif as_of is not None:
            sentence = (
                f"No version of asset 360 is of {as_of} for {scope}; run `steelyard refresh --as-of {as_of}`."
            )
        else:
            sentence = f"Asset 360 has nothing on {scope} yet; run `steelyard refresh`."
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Overview:
    """A scope in a few figures; money in its base currency, returns as fractions over one year."""

    total_assets: int
    total_value: Decimal
    unvalued_assets: int
    weighted_return: float | None = None
    mean_return: float | None = None


@dataclass(frozen=True, slots=True)
class RiskRow:
    """Risk of one asset; value_at_risk is a fraction, positive = loss."""

    asset_id: str
    asset_name: str
    value_at_risk: float | None
    beta: float | None
    sharpe_ratio: float | None


@dataclass(frozen=True, slots=True)
class PerformanceRow:
    """Performance of one asset over one year; fractions."""

    asset_id: str
    asset_name: str
    avg_daily_return: float | None
    avg_volatility: float | None
    total_return: float | None
    performance_category: str


@dataclass(frozen=True, slots=True)
class ComplianceRow:
    """Checks of one asset over six months."""

    asset_id: str
    asset_name: str
    active_violations: int
    last_compliance_check: date | None


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """Amount bought and sold in a month, in base currency; None where a rate was missing."""

    month: str
    volume: Decimal | None


@dataclass(frozen=True, slots=True)
class ExposureRow:
    """Value and number of a group of assets."""

    name: str
    count: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Document:
    """Everything the eight readers answer about one scope, as published.

    Attributes:
        exposure: by `risk_category`, `asset_type`, `sector` and `country`, most valuable first.
        risk_free: the risk-free series of each currency that has one; others are measured against 0.
        quality: how many assets carry each quality flag.
    """

    as_of: date
    version: int
    scope_kind: str
    scope_id: str
    base_currency: str
    overview: Overview
    risk: list[RiskRow]
    performers: list[PerformanceRow]
    compliance: list[ComplianceRow]
    volume: list[VolumeRow]
    exposure: dict[str, list[ExposureRow]]
    risk_free: dict[str, str]
    quality: dict[str, int]


@dataclass(frozen=True, slots=True)
class Version:
    """One published version."""

    version: int
    as_of: date
    universe: bool
    row_count: int
    content_hash: str
    recorded_at: datetime
    is_current: bool


_DECODER = msgspec.json.Decoder(Document)


async def get_document(
    db: ReadSession, scope: Scope, *, version: int | None = None, as_of: date | None = None
) -> Document:
    """Return the answers of a scope: of `version`, else of the newest version of `as_of`, else the current ones.

    Raises:
        NoVersionError: there is no such version or scope.
    """
    values = {"scope_kind": scope.kind, "scope_id": scope.id, "version": version, "as_of": as_of}
    text = (await db.execute(query("get_document"), values)).scalar_one_or_none()
    if text is None:
        raise NoVersionError(scope, version=version, as_of=as_of)
    return _DECODER.decode(text)


async def get_versions(db: ReadSession) -> list[Version]:
    """Return the kept versions, newest first."""
    rows = await db.execute(query("get_versions"))
    return [Version(**row) for row in rows.mappings()]


async def get_scopes(db: AnySession) -> list[tuple[Scope, str]]:
    """Return every household, then every account of the tenant, with its name."""
    rows = await db.execute(query("get_scopes"))
    return [(Scope(row.scope_kind, row.scope_id), row.scope_name) for row in rows]


async def get_asset_rows(
    db: ReadSession, scope: Scope, version: int, asset_id: str | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a scope, most valuable first, or the row of one asset; keys are the columns' names."""
    values = {"scope_kind": scope.kind, "scope_id": scope.id, "version": version, "asset_id": asset_id}
    rows = await db.execute(query("get_asset_rows"), values)
    return [dict(row) for row in rows.mappings()]


async def get_asset_findings(db: ReadSession, asset_id: str) -> list[dict[str, Any]]:
    """Return what the loads found about an asset, newest first."""
    rows = await db.execute(query("get_asset_findings"), {"asset_id": asset_id})
    return [dict(row) for row in rows.mappings()]


async def get_last_price_date(db: ReadSession | WriteSession) -> date | None:
    """Return the newest day any asset has a price of; None where there are no prices."""
    found: date | None = (await db.execute(query("get_last_price_date"))).scalar_one()
    return found


async def get_current_version(db: ReadSession | WriteSession) -> tuple[int, int] | None:
    """Return the version readers see and its rows over all scopes; None where none was published."""
    row = (await db.execute(query("get_current_version"))).one_or_none()
    return None if row is None else (row.version, row.row_count)


async def create_version(
    db: WriteSession, as_of: date, *, universe: bool, keep_versions: int
) -> tuple[int, bool]:
    """Run the procedure; return its version and whether it published one (False: nothing had changed)."""
    values = {"as_of": as_of, "universe": universe, "keep_versions": keep_versions}
    row = (await db.execute(query("call_create_asset_360"), values)).one()
    return row.p_version, row.p_published
