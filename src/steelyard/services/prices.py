"""New prices beside the stored ones: which are new, which differ, and which are in doubt."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.analytics.quality import HOUSE_RULE, JumpKind, screen_prices
from steelyard.domain.finding import Finding, Severity
from steelyard.statements.cells import Fault
from steelyard.statements.rows import CheckedTable
from steelyard.storage.copying import split_decimals
from steelyard.storage.loading import PRICE_SCALE, StoredPrices

CONTEXT_DAYS: Final = 365
"""Stored days before the first new price that it is judged beside: the spread of a year, as a full load sees it."""

STORED: Final = "(stored)"
_DAY_BITS: Final = 20
_DAY_OFFSET: Final = 1 << 18  # days before 1970 count below zero
_EPOCH: Final = date(1970, 1, 1)

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PriceChange:
    """What a load does to stored prices.

    Attributes:
        table: the new prices without those in quarantine, with findings.
        is_new: per row of `table`, whether nothing is stored for that asset and day.
        differs: per row of `table`, whether something else is stored.
        taken_back: `asset_id` and `price_date` of stored prices that turned out wrong.
        findings: about the prices taken back.
        first_changes: `asset_id` and the first `price_date` that changes, per asset.
    """

    table: CheckedTable
    is_new: Flags
    differs: Flags
    taken_back: pa.Table
    findings: tuple[Finding, ...]
    first_changes: pa.Table


def context_wanted(table: CheckedTable) -> tuple[pa.Array, pa.Array]:
    """Return the assets of new prices, and the day since which stored prices are wanted for each."""
    assets, places, days = _places_and_days(table)
    since = _smallest(places, days, len(assets)) - CONTEXT_DAYS
    return assets, pa.array(since.astype(np.int32)).cast(pa.date32())


def compare_prices(table: CheckedTable, stored: StoredPrices, *, screened: bool) -> PriceChange:
    """Judge new prices beside stored ones.

    Args:
        table: new prices in any order, one per asset and day.
        stored: what the store holds of the assets of `context_wanted`, since the days it names.
        screened: whether prices in doubt are looked for.
    """
    beside = _Beside(table, stored)
    doubts = beside.doubts() if screened else _NO_DOUBTS
    wrong = np.zeros(len(beside.keys), bool)
    wrong[doubts.rows[doubts.quarantined]] = True
    count = table.rows.num_rows
    known_wrong = np.concatenate([wrong[:count] & beside.is_same, wrong[count:]])
    used = ~wrong[:count]
    findings = table.found(_faults(beside, doubts))
    changed = np.concatenate([used & ~beside.is_same, np.zeros(len(wrong) - count, bool)]) | known_wrong
    return PriceChange(
        table=table.keep(used, findings),
        is_new=~beside.is_stored[used],
        differs=(beside.is_stored & ~beside.is_same)[used],
        taken_back=beside.asset_days(known_wrong),
        findings=tuple(_taken_back(beside, doubts)),
        first_changes=_first_days(beside.asset_days(changed)),
    )


@dataclass(frozen=True, slots=True)
class _Doubts:
    """What screening found, by row of `_Beside`."""

    rows: Ints
    kinds: list[str]
    ratios: list[float]
    quarantined: Flags


_NO_DOUBTS: Final = _Doubts(np.empty(0, np.int64), [], [], np.empty(0, bool))


class _Beside:
    """New prices, and after them the stored ones they do not replace; each has one number for asset and day."""

    def __init__(self, table: CheckedTable, stored: StoredPrices) -> None:
        self.assets, places, days = _places_and_days(table)
        new, old = _key(places, days), _key(stored.places, stored.days)
        order = np.argsort(old)
        at = np.minimum(np.searchsorted(old, new, sorter=order), max(len(old) - 1, 0))
        match = order[at] if len(old) else np.zeros(len(new), np.int64)
        self.is_stored: Flags = old[match] == new if len(old) else np.zeros(len(new), bool)
        whole, parts = split_decimals(table.rows["closing_price"].combine_chunks())
        self.is_same = self.is_stored.copy()
        if len(old):
            self.is_same &= (stored.whole[match] == whole) & (stored.parts[match] == parts)
        kept = np.ones(len(old), bool)
        kept[match[self.is_stored]] = False
        self.keys = np.concatenate([new, old[kept]])
        self.prices = _floats(
            np.concatenate([whole, stored.whole[kept]]), np.concatenate([parts, stored.parts[kept]])
        )

    @property
    def places(self) -> Ints:
        return self.keys >> _DAY_BITS

    @property
    def days(self) -> Ints:
        return (self.keys & ((1 << _DAY_BITS) - 1)) - _DAY_OFFSET

    def doubts(self) -> _Doubts:
        order = np.argsort(self.keys)
        dates = self.days[order].astype("datetime64[D]")
        found = screen_prices(self.places[order], dates, self.prices[order], rule=HOUSE_RULE)
        return _Doubts(order[found.rows], found.kinds.tolist(), found.ratios.tolist(), found.quarantined)

    def asset_days(self, rows: Flags) -> pa.Table:
        days = pa.array(self.days[rows].astype(np.int32)).cast(pa.date32())
        return pa.table({"asset_id": self.assets.take(pa.array(self.places[rows])), "price_date": days})


def _places_and_days(table: CheckedTable) -> tuple[pa.Array, Ints, Ints]:
    """Return the assets that have rows, each row's place among them, and its day since 1970."""
    column = table.rows["asset_id"].combine_chunks()
    codes = column.indices.to_numpy()
    used = np.flatnonzero(np.bincount(codes, minlength=len(column.dictionary)))
    place_of_code = np.zeros(len(column.dictionary), np.int64)
    place_of_code[used] = np.arange(len(used))
    days = table.rows["price_date"].combine_chunks().cast(pa.int32()).to_numpy().astype(np.int64)
    return column.dictionary.take(pa.array(used)), place_of_code[codes], days


def _key(places: Ints, days: Ints) -> Ints:
    return (places << _DAY_BITS) | (days + _DAY_OFFSET)


def _floats(whole: Ints, parts: Ints) -> NDArray[np.float64]:
    return whole + parts / 10.0**PRICE_SCALE


def _smallest(places: Ints, days: Ints, count: int) -> Ints:
    first = np.full(count, np.iinfo(np.int32).max, np.int64)
    np.minimum.at(first, places, days)
    return first


def _first_days(asset_days: pa.Table) -> pa.Table:
    first = asset_days.group_by("asset_id").aggregate([("price_date", "min")])
    return first.rename_columns({"price_date_min": "price_date"})


def _faults(beside: _Beside, doubts: _Doubts) -> Iterator[Fault]:
    """Yield what was found about new prices; about a stored price only what takes it back is news."""
    said = {row: _reason(beside, row, kind, ratio) for row, kind, ratio in _each(doubts)}
    is_new = doubts.rows < len(beside.is_same)
    kinds = np.array(doubts.kinds, str)
    for kind in np.unique(kinds):
        for severity, wanted in ((Severity.QUARANTINED, True), (Severity.FLAGGED, False)):
            rows = doubts.rows[is_new & (kinds == kind) & (doubts.quarantined == wanted)]
            if rows.size:
                yield Fault(str(kind), severity, rows, said.__getitem__)


def _taken_back(beside: _Beside, doubts: _Doubts) -> Iterator[Finding]:
    for (row, kind, ratio), wrong in zip(_each(doubts), doubts.quarantined.tolist(), strict=True):
        if wrong and row >= len(beside.is_same):
            asset_id = beside.assets[int(beside.places[row])].as_py()
            day = _EPOCH + timedelta(days=int(beside.days[row]))
            price = f"{beside.prices[row]:.12g}"
            yield Finding(
                table_name="market_data",
                file_name=STORED,
                kind=kind,
                severity=Severity.QUARANTINED,
                reason=_reason(beside, row, kind, ratio),
                asset_id=asset_id,
                finding_date=day,
                row_data={"asset_id": asset_id, "price_date": day.isoformat(), "closing_price": price},
            )


def _each(doubts: _Doubts) -> Iterator[tuple[int, str, float]]:
    return zip(doubts.rows.tolist(), doubts.kinds, doubts.ratios, strict=True)


def _reason(beside: _Beside, row: int, kind: str, ratio: float) -> str:
    return f"{JumpKind(kind).describe(ratio)} (closing_price {beside.prices[row]:.12g})"
