"""Changes: what a version of asset 360 tells of the whole tenant that an earlier one did not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.domain.scope import TENANT
from steelyard.errors import NotFoundError
from steelyard.storage import asset_360
from steelyard.storage import changes as store
from steelyard.storage.asset_360 import Document
from steelyard.storage.changes import Difference
from steelyard.storage.connection import ReadSession


class NoEarlierVersionError(NotFoundError):
    """There is nothing to compare a version with."""

    def __init__(self, version: int) -> None:
        """Name the version."""
        super().__init__(
            f"No version before {version} is kept, so nothing can be compared with it; the next `steelyard refresh` "
            "that publishes makes another."
        )


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions: its day, and the tenant's total in its base currency."""

    version: int
    as_of: date
    base_currency: str
    total_assets: int
    total_value: Decimal


@dataclass(frozen=True, slots=True)
class AssetMove:
    """An asset that came or went, and its value there; None where it has none."""

    asset_id: str
    asset_name: str
    market_value: Decimal | None


@dataclass(frozen=True, slots=True)
class CategoryMove:
    """An asset in another category than before.

    Attributes:
        category: risk, performance or size.
    """

    asset_id: str
    asset_name: str
    category: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ValueMove:
    """A change of an asset's value.

    Attributes:
        amount: after less before, in the base currency.
        change: the amount as a fraction of the value before; None where that was nothing, or less.
    """

    asset_id: str
    asset_name: str
    before: Decimal
    after: Decimal
    amount: Decimal
    change: float | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed between two versions.

    Attributes:
        value_moves: of assets in both, the biggest first; none where the base currency is another than before.
    """

    before: Side
    after: Side
    assets_in: tuple[AssetMove, ...]
    assets_out: tuple[AssetMove, ...]
    category_moves: tuple[CategoryMove, ...]
    value_moves: tuple[ValueMove, ...]


async def get_changes(
    db: ReadSession, *, before: int | None = None, after: int | None = None, most: int = 10
) -> Changes:
    """Return what changed from one version to another.

    Args:
        db: a read session.
        before: a kept version; None means the newest that is older than `after`.
        after: a kept version; None means the current one.
        most: how many moves of value to return, the biggest.

    Raises:
        NoVersionError: there is no such version.
        NoEarlierVersionError: no older version is kept.
    """
    newer = await asset_360.get_document(db, TENANT, version=after)
    earlier = before or await _version_before(db, newer.version)
    older = await asset_360.get_document(db, TENANT, version=earlier)
    differences = await store.get_version_differences(
        db, before=older.version, after=newer.version, most=most
    )
    return _changes(_side(older), _side(newer), differences)


async def _version_before(db: ReadSession, version: int) -> int:
    kept = (other.version for other in await asset_360.get_versions(db))
    earlier = max((other for other in kept if other < version), default=None)
    if earlier is None:
        raise NoEarlierVersionError(version)
    return earlier


def _changes(before: Side, after: Side, differences: Sequence[Difference]) -> Changes:
    return Changes(
        before,
        after,
        assets_in=tuple(
            AssetMove(d.asset_id, d.asset_name, d.value_after) for d in differences if not d.was_there
        ),
        assets_out=tuple(
            AssetMove(d.asset_id, d.asset_name, d.value_before) for d in differences if not d.is_there
        ),
        category_moves=tuple(move for d in differences for move in _category_moves(d)),
        value_moves=tuple(move for d in differences for move in _value_move(d)),
    )


def _side(document: Document) -> Side:
    overview = document.overview
    return Side(
        document.version,
        document.as_of,
        document.base_currency,
        overview.total_assets,
        overview.total_value,
    )


def _category_moves(difference: Difference) -> Iterator[CategoryMove]:
    pairs = {
        "risk": (difference.risk_before, difference.risk_after),
        "performance": (difference.performance_before, difference.performance_after),
        "size": (difference.size_before, difference.size_after),
    }
    for category, (before, after) in pairs.items():
        if before is not None and after is not None and before != after:
            yield CategoryMove(difference.asset_id, difference.asset_name, category, before, after)


def _value_move(difference: Difference) -> Iterator[ValueMove]:
    before, after, amount = difference.value_before, difference.value_after, difference.amount
    if before is not None and after is not None and amount is not None:
        change = float(amount / before) if before > 0 else None
        yield ValueMove(difference.asset_id, difference.asset_name, before, after, amount, change)
