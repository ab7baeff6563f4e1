"""Old against new: an asset_360 that a firm made itself, beside ours, and why they differ.

A cause is never guessed: the figure is made once more the way the historical procedure makes it, and what equals
that has that cause. What nothing explains is called other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import isclose
from typing import Any, Final

from steelyard.domain.mapping import Unit
from steelyard.errors import NotFoundError
from steelyard.statements.mapping import OLD_COLUMNS
from steelyard.storage import attachment as store
from steelyard.storage.connection import MigratorSession, get_migrator_session

Row = Mapping[str, Any]


class Cause(StrEnum):
    """Why a figure of theirs differs from ours."""

    DUPLICATED_JOIN = "duplicated join"
    UNPRICED_DROPPED = "unpriced asset dropped"
    PRICE_TIMES_SHARE = "price times percentage"
    UNITS = "units"
    WINDOW_EDGE = "window edge"
    UNCONVERTED = "currency not converted"
    AVERAGED_RETURN = "averaged total return"
    THRESHOLDS = "thresholds"
    NULL_CATEGORY = "category of nothing"
    NOTHING_AS_NULL = "nothing as null"
    NOT_CONCERNED = "not concerned"
    OTHER = "other"


EXPLANATIONS: Final = {
    Cause.DUPLICATED_JOIN: "an asset in several portfolios or snapshots stands, and counts, several times",
    Cause.UNPRICED_DROPPED: "an asset without a price is missing; ours keeps it, with a flag",
    Cause.PRICE_TIMES_SHARE: "the value is a price times a percentage, null without one; ours is quantity times price",
    Cause.UNITS: "the same figure as a percentage, a fraction or an amount",
    Cause.WINDOW_EDGE: "the window counts its first day too; ours begins the day after",
    Cause.UNCONVERTED: "amounts stand in the asset's currency; ours are in that of the tenant",
    Cause.AVERAGED_RETURN: "total returns are averaged; ours compounds the year's daily returns",
    Cause.THRESHOLDS: "the category comes from bounds in money; ours come from fractions",
    Cause.NULL_CATEGORY: "a category is given although there is no figure; ours is UNKNOWN",
    Cause.NOTHING_AS_NULL: "no transaction or check is null; ours is 0",
    Cause.NOT_CONCERNED: "an asset that nobody holds, traded, targets or checked; ours lists it with --universe",
    Cause.OTHER: "nothing that is known explains it; look at these",
}

_FACTORS: Final = (Decimal(100), Decimal("0.01"))
_MONEY: Final = frozenset({"total_purchases", "total_sales", "avg_transaction_cost"})
_CATEGORY_OF: Final = {
    "risk_category": "value_at_risk",
    "performance_category": "total_return",
    "position_size": "market_value",
}


class NothingToCompareError(NotFoundError):
    """There is no asset_360 of theirs, or none of ours yet."""

    def __init__(self, *, is_mapped: bool) -> None:
        """Say which is missing."""
        missing = "run `steelyard refresh` first" if is_mapped else "the mapping has no section asset_360"
        super().__init__(f"There is nothing to compare: {missing}.")


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that differs; `theirs` and `ours` as text, None = null.

    Attributes:
        column: the column, or `row` where a whole row is surplus or missing.
    """

    asset_id: str
    column: str
    theirs: str | None
    ours: str | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class Fault:
    """A cause, and how far it reaches.

    Attributes:
        assets: assets with at least one figure that differs for it.
        figures: figures that do, surplus and missing rows among them.
        example: the first of them.
    """

    cause: Cause
    explanation: str
    assets: int
    figures: int
    example: Difference


@dataclass(frozen=True, slots=True)
class ColumnCount:
    """A column: how many figures are the same, and how many differ for which cause."""

    column: str
    same: int
    different: Mapping[Cause, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Their asset_360 beside ours.

    Attributes:
        source: their table.
        version, as_of: ours.
        their_rows, their_assets, our_assets: how many there are.
        their_total, our_total: sum of market values; ours in `currency`.
        faults: causes, those that reach most assets first.
        columns: in the order of our table.
        differences: every single one.
    """

    source: str
    version: int
    as_of: date
    currency: str
    their_rows: int
    their_assets: int
    our_assets: int
    their_total: Decimal
    our_total: Decimal
    faults: tuple[Fault, ...]
    columns: tuple[ColumnCount, ...]
    differences: tuple[Difference, ...]


async def compare() -> Comparison:
    """Compare the attached asset_360 with our current version of the whole tenant.

    Raises:
        NotAttachedError, NothingToCompareError: one of the two is not there.
    """
    async with get_migrator_session() as db:
        tables = (await store.get_attachment(db))["tables"]
        current = await store.get_compared_version(db)
        if "asset_360" not in tables or current is None:
            raise NothingToCompareError(is_mapped="asset_360" in tables)
        version, as_of, currency = current
        theirs = await store.read_their_rows(db, tables["asset_360"])
        ours = {row["asset_id"]: row for row in await store.get_compared_rows(db, version)}
        historical = await _historical(db, tables, as_of)
    spec = tables["asset_360"]
    names = [name for name in OLD_COLUMNS[1:] if name in spec["columns"]]
    differences, counts = compare_rows(theirs, ours, historical, names)
    return Comparison(
        source=f"{spec['schema']}.{spec['table']}",
        version=version,
        as_of=as_of,
        currency=currency,
        their_rows=len(theirs),
        their_assets=len({row["asset_id"] for row in theirs}),
        our_assets=len(ours),
        their_total=_total(theirs),
        our_total=_total(ours.values()),
        faults=_faults(differences),
        columns=counts,
        differences=differences,
    )


async def _historical(db: MigratorSession, tables: Mapping[str, Any], as_of: date) -> dict[str, Row]:
    """Return the figures as the historical procedure makes them; value at risk also as the amounts they bring."""
    figures: dict[str, Row] = dict(await store.get_historical_figures(db, as_of))
    risk = tables.get("risk_metrics", {"columns": {}})
    if risk["columns"].get("var_95", {}).get("unit") == Unit.MONEY:
        amounts = await store.get_historical_amounts(db, risk, as_of)
        for asset_id in figures.keys() & amounts.keys():
            figures[asset_id] = {**figures[asset_id], "amounts_at_risk": amounts[asset_id]}
    return figures


def compare_rows(
    theirs: Sequence[Row], ours: Mapping[str, Row], historical: Mapping[str, Row], names: Sequence[str]
) -> tuple[tuple[Difference, ...], tuple[ColumnCount, ...]]:
    """Compare figure by figure.

    Args:
        theirs: their rows; an asset may stand several times.
        ours: our rows by asset.
        historical: figures as the historical procedure makes them, by asset.
        names: the columns to compare.

    Returns:
        Every difference with its cause, and the counts per column.
    """
    found: list[Difference] = []
    same: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for row in theirs:
        asset_id = str(row["asset_id"])
        seen[asset_id] += 1
        if asset_id not in ours:
            found.append(Difference(asset_id, "row", "there", None, Cause.NOT_CONCERNED))
            continue
        if seen[asset_id] > 1:
            found.append(Difference(asset_id, "row", f"row {seen[asset_id]}", None, Cause.DUPLICATED_JOIN))
        causes = _row_causes(row, ours[asset_id], historical.get(asset_id, {}), names)
        for name in names:
            if cause := causes.get(name):
                found.append(Difference(asset_id, name, _word(row[name]), _word(ours[asset_id][name]), cause))
            else:
                same[name] += 1
    for asset_id in ours.keys() - seen.keys():
        cause = Cause.UNPRICED_DROPPED if ours[asset_id]["current_price"] is None else Cause.OTHER
        found.append(Difference(asset_id, "row", None, "there", cause))
    found.sort(key=lambda d: (d.asset_id, d.column))
    return tuple(found), _counts(names, same, found)


def _counts(
    names: Iterable[str], same: Mapping[str, int], found: Iterable[Difference]
) -> tuple[ColumnCount, ...]:
    different: dict[str, Counter[Cause]] = {}
    for difference in found:
        different.setdefault(difference.column, Counter())[difference.cause] += 1
    return tuple(ColumnCount(name, same[name], dict(different.get(name, {}))) for name in names)


def _row_causes(theirs: Row, ours: Row, made: Row, names: Sequence[str]) -> dict[str, Cause]:
    """Return the cause of each figure that differs; that of a category is often that of its figure."""
    figures = {
        name: cause
        for name in names
        if name not in _CATEGORY_OF and (cause := _figure_cause(name, theirs, ours, made))
    }
    categories = {
        name: _category_cause(theirs, ours, name, figures.get(_CATEGORY_OF[name]))
        for name in names
        if name in _CATEGORY_OF and theirs[name] != ours[name]
    }
    return figures | categories


def _figure_cause(name: str, theirs: Row, ours: Row, made: Row) -> Cause | None:
    figure, own = theirs[name], ours[name]
    if _is_same(figure, own):
        return None
    if figure is None and name != "market_value":
        return Cause.NOTHING_AS_NULL if own == 0 else Cause.OTHER
    as_historical = _is_scaled(figure, made.get(name))
    explanations = {
        Cause.PRICE_TIMES_SHARE: name == "market_value"
        and (figure is None or any(_is_scaled(figure, m) for m in made.get("market_values", ()))),
        Cause.UNITS: _is_scaled(figure, own)
        or (name == "value_at_risk" and any(_is_same(figure, m) for m in made.get("amounts_at_risk", ()))),
        Cause.AVERAGED_RETURN: name == "total_return"
        and (as_historical or _is_scaled(figure, made.get("total_return_within"))),
        Cause.UNCONVERTED: name in _MONEY and as_historical and ours["currency"] != ours["base_currency"],
        Cause.WINDOW_EDGE: as_historical,
    }
    return next((cause for cause, holds in explanations.items() if holds), Cause.OTHER)


def _category_cause(theirs: Row, ours: Row, name: str, figure: Cause | None) -> Cause:
    value = _CATEGORY_OF[name]
    if ours.get(value) is None and theirs.get(value) is None:
        return Cause.NULL_CATEGORY
    if name == "risk_category" and figure in {None, Cause.UNITS, Cause.WINDOW_EDGE}:
        return Cause.THRESHOLDS
    return figure or Cause.THRESHOLDS


def _is_same(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, Decimal) and isinstance(ours, Decimal):
        return theirs == ours or isclose(theirs, ours, rel_tol=1e-9, abs_tol=1e-12)
    return bool(theirs == ours)


def _is_scaled(theirs: Any, made: Any) -> bool:
    """Whether a figure equals another as it is, as a percentage of it or as a fraction."""
    if not isinstance(made, Decimal):
        return _is_same(theirs, made)
    return any(_is_same(theirs, made * factor) for factor in (Decimal(1), *_FACTORS))


def _faults(differences: Sequence[Difference]) -> tuple[Fault, ...]:
    found = []
    for cause in Cause:
        of_cause = [d for d in differences if d.cause is cause]
        if of_cause:
            assets = len({d.asset_id for d in of_cause})
            found.append(Fault(cause, EXPLANATIONS[cause], assets, len(of_cause), of_cause[0]))
    return tuple(sorted(found, key=lambda fault: -fault.assets))


def _total(rows: Iterable[Row]) -> Decimal:
    return sum((row["market_value"] for row in rows if row.get("market_value") is not None), Decimal(0))


def _word(value: Any) -> str | None:
    return None if value is None else str(value)
