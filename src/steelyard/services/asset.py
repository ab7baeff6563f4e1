"""Assets, seen from all sides: the rows of asset 360, and the page of one asset."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Unpack

from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import NotFoundError
from steelyard.services.asset_360 import Which, get_document
from steelyard.services.scope import nearest
from steelyard.storage import asset_360 as store
from steelyard.storage.connection import ReadSession


class AssetSort(StrEnum):
    """By which figure assets are listed; names from A, other figures from the largest, unknown ones last."""

    VALUE = "value"
    RETURN = "return"
    RISK = "risk"
    VIOLATIONS = "violations"
    NAME = "name"


_COLUMNS: Final = {
    AssetSort.VALUE: "market_value",
    AssetSort.RETURN: "total_return",
    AssetSort.RISK: "value_at_risk",
    AssetSort.VIOLATIONS: "active_violations",
    AssetSort.NAME: "asset_name",
}
_SEARCHED: Final = ("asset_id", "asset_name", "isin")


class UnknownAssetError(NotFoundError):
    """The scope has no such asset."""

    def __init__(self, asset_id: str, scope: Scope, ids: list[str]) -> None:
        """Name the nearest ids, or the command that lists all."""
        hint = f"did you mean {' or '.join(ids)}?" if ids else "`steelyard assets` lists those there are."
        super().__init__(f"Asset {asset_id} is not among {_assets_of(scope)}; {hint}")


async def get_assets(db: ReadSession, **which: Unpack[Which]) -> list[dict[str, Any]]:
    """Return asset 360 row by row, most valuable first, unknown values last: its columns and `as_of`.

    Raises:
        NoVersionError: there is no such version or scope.
    """
    document = await get_document(db, **which)
    rows = await store.get_asset_rows(db, which.get("scope", TENANT), document.version)
    return [{"as_of": document.as_of, **row} for row in rows]


def arrange(
    rows: Sequence[dict[str, Any]], *, sort: AssetSort = AssetSort.VALUE, search: str = ""
) -> list[dict[str, Any]]:
    """Return the rows whose id, name or ISIN holds a text, by a figure; of equal ones the first stays first.

    >>> rows = [{"asset_id": name[0], "asset_name": name, "isin": None} for name in ("Ant", "Bee", "Fly")]
    >>> [row["asset_id"] for row in arrange(rows, sort=AssetSort.NAME, search="E")]
    ['B']
    """
    column, wanted = _COLUMNS[sort], search.casefold()
    found = [row for row in rows if any(wanted in (row[name] or "").casefold() for name in _SEARCHED)]
    known = [row for row in found if row[column] is not None]
    unknown = [row for row in found if row[column] is None]
    return sorted(known, key=lambda row: row[column], reverse=sort is not AssetSort.NAME) + unknown


async def get_asset(db: ReadSession, asset_id: str, **which: Unpack[Which]) -> dict[str, Any]:
    """Return the row of one asset with `findings`, what the loads found about it, newest first.

    Raises:
        NoVersionError: there is no such version or scope.
        UnknownAssetError: the scope has no such asset; names the ids most like it.
    """
    document, scope = await get_document(db, **which), which.get("scope", TENANT)
    rows = await store.get_asset_rows(db, scope, document.version, asset_id)
    if not rows:
        others = await store.get_asset_rows(db, scope, document.version)
        raise UnknownAssetError(asset_id, scope, nearest(asset_id, [row["asset_id"] for row in others]))
    return {"as_of": document.as_of, **rows[0], "findings": await store.get_asset_findings(db, asset_id)}


def _assets_of(scope: Scope) -> str:
    return "the assets" if scope == TENANT else f"the assets of {scope}"
