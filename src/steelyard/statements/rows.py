"""Rows: a file's typed rows, the laws between them, and findings about those that break one."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.domain.finding import Finding, Severity
from steelyard.statements.cells import Fault, Reading, read_cells
from steelyard.statements.columns import MARKET_DATA, TableFormat
from steelyard.statements.tables import RawTable, TableFileError, read_table
from steelyard.statements.trade_dates import ahead_of_time, write_as_days

MAX_REFUSED_ROWS: Final = 10_000
"""Refused rows listed per file and kind; one finding more says how many others there are."""

MAX_WEIGHTS_SUM: Final = 2
"""Net weights sum to about 1 whatever the leverage; percentages sum to about 100."""

MAX_CELL_LENGTH: Final = 200
"""Characters of a cell that a finding keeps."""

Rows = NDArray[np.int64]
_MADE_ID_LENGTH: Final = 32
_UNIT_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A file's rows, typed and named as in the store, without those that cannot be used.

    Attributes:
        raw: the file as read.
        rows: one Arrow column per column of the store, the tenant's aside.
        indexes: where each row stands in the file, from 0.
        findings: what is wrong or suspicious.
    """

    raw: RawTable
    rows: pa.Table
    indexes: Rows
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.raw.format.name

    def found(self, faults: Iterable[Fault]) -> tuple[Finding, ...]:
        """Return findings about rows, given by their place in `rows`."""
        moved = [
            replace(fault, rows=self.indexes[fault.rows], reasons=_by_place(fault, self.indexes[fault.rows]))
            for fault in faults
        ]
        return tuple(_findings(self.raw, moved))

    def keep(self, kept: NDArray[np.bool_], findings: Iterable[Finding]) -> "CheckedTable":
        """Return the table with the rows that are `kept`, and more findings."""
        rows, indexes = (
            (self.rows, self.indexes) if kept.all() else (self.rows.filter(kept), self.indexes[kept])
        )
        return replace(self, rows=rows, indexes=indexes, findings=(*self.findings, *findings))


def read_checked(path: Path, table_format: TableFormat, reading: Reading) -> CheckedTable | Finding:
    """Read one file and check it; a finding alone when the file cannot be read as its table at all."""
    try:
        raw = read_table(path, table_format)
    except TableFileError as error:
        return Finding(
            table_format.name, path.name, error.kind, Severity.REFUSED, error.reason, row_number=error.line
        )
    return check_table(raw, reading)


def check_table(raw: RawTable, reading: Reading) -> CheckedTable:
    """Type the cells of a file and check the laws between its rows.

    Rows with a finding that is not merely a flag are left out of `rows`.
    """
    if raw.format is not MARKET_DATA:
        reading = replace(reading, price_places=None)
    dated, faults = write_as_days(raw, reading)
    faults += _empty_rows(raw)
    columns = {}
    for column in raw.format.columns:
        if column.name in raw.columns:
            cells = read_cells(dated.columns[column.name], column, reading)
            columns[column.store_name] = cells.values
            faults += cells.faults
        elif column.store_name in raw.format.key and column.store_name != raw.format.made_id:
            columns[column.store_name] = pa.nulls(raw.length, pa.date32())
    faults += ahead_of_time(columns, reading)
    table = CheckedTable(raw, pa.table(columns), np.arange(raw.length), ())
    used = np.ones(raw.length, bool)
    for fault in faults:
        used[fault.rows] = False
    table = table.keep(used, _findings(raw, faults))
    return table if any(fault.severity is Severity.REFUSED for fault in faults) else _check_laws(table)


def key_codes(rows: pa.Table, names: Iterable[str]) -> Rows:
    """Return one number per row, equal where the named columns are equal (null equals null)."""
    key, spread = np.zeros(rows.num_rows, np.int64), 1
    for name in names:
        codes = _codes(rows[name].combine_chunks()) if name in rows.column_names else key * 0
        size = int(codes.max(initial=0)) + 1
        if spread * size >= np.iinfo(np.int64).max:
            key = np.unique(key, return_inverse=True)[1]
            spread = int(key.max(initial=0)) + 1
        key, spread = key * size + codes, spread * size
    return key


def _codes(column: pa.Array) -> Rows:
    """Number the values of a column of words or dates from 1; null is 0."""
    if pa.types.is_dictionary(column.type):
        indices = column.indices
    else:
        indices = column.cast(pa.int32())
        indices = pc.subtract(indices, pc.min(indices))
    return cast("Rows", pc.fill_null(indices, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 1)


def _check_laws(table: CheckedTable) -> CheckedTable:
    if table.raw.format.made_id:
        table = _make_ids(table)
    table = _drop_duplicates(table)
    law = _LAWS.get(table.name)
    return replace(table, findings=(*table.findings, *law(table))) if law else table


# ── Rows that say nothing, ids, duplicates ─────────────────────────────────────────────────────────────


def _empty_rows(raw: RawTable) -> Iterator[Fault]:
    """Find the rows of which each of the columns that could say something is empty."""
    if not raw.format.one_of:
        return
    says_nothing = np.ones(raw.length, bool)
    for name in raw.format.one_of:
        if name in raw.columns:
            says_nothing &= pc.equal(raw.columns[name], "").to_numpy(zero_copy_only=False)
    if says_nothing.any():
        reason = f"none of {', '.join(raw.format.one_of)} is given"
        yield Fault("missing_value", Severity.REFUSED, np.flatnonzero(says_nothing), lambda _: reason)


def _make_ids(table: CheckedTable) -> CheckedTable:
    """Give rows without an id one made from their content, so that the same file makes the same ids again.

    Equal rows are told apart by counting them: both are kept, and flagged, because two equal trades in a day
    are no error.
    """
    name = table.raw.format.made_id
    given = pa.nulls(table.rows.num_rows, pa.string())
    if name in table.rows.column_names:
        given = _words(table.rows[name])
    without = np.flatnonzero(pc.is_null(given).to_numpy(zero_copy_only=False))
    if not without.size:
        return table
    content = _content(table.rows.take(without), table.raw.format)
    count, first = _occurrence(content.dictionary_encode().indices.to_numpy())
    made = [_made_id(text, nth) for text, nth in zip(content.to_pylist(), count.tolist(), strict=True)]
    ids = given.to_numpy(zero_copy_only=False).copy()
    ids[without] = made
    again, lines = without[count > 0], table.raw.row_numbers(table.indexes[without[first[count > 0]]])
    same_as = dict(zip(again.tolist(), lines.tolist(), strict=True))
    repeated = Fault(
        "repeated_row",
        Severity.FLAGGED,
        again,
        lambda row: f"says the same as line {same_as[row]}, and has no id; both count",
    )
    rows = table.rows.drop_columns([name]) if name in table.rows.column_names else table.rows
    rows = rows.append_column(name, pa.array(ids, pa.string()).dictionary_encode())
    return replace(table, rows=rows, findings=(*table.findings, *table.found([repeated])))


def _content(rows: pa.Table, table_format: TableFormat) -> pa.Array:
    """Join a row's values to one text, the same whatever the order of columns and the kind of file."""
    columns = [column for column in table_format.columns if column.store_name != table_format.made_id]
    first = [_texts(rows, column.store_name) for column in columns if not column.is_later]
    later = [_texts(rows, column.store_name) for column in columns if column.is_later]
    said = pc.binary_join_element_wise(pa.array([""] * rows.num_rows), *later, _UNIT_SEPARATOR)
    return pc.binary_join_element_wise(
        pc.binary_join_element_wise(*first, _UNIT_SEPARATOR), pc.utf8_rtrim(said, _UNIT_SEPARATOR), ""
    )


def _texts(rows: pa.Table, name: str) -> pa.Array:
    known = name in rows.column_names
    return pc.fill_null(_words(rows[name]), "") if known else pa.array([""] * rows.num_rows, pa.string())


def _words(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().cast(pa.string())


def _made_id(content: str, nth: int) -> str:
    return hashlib.sha256(f"{content}{_UNIT_SEPARATOR}{nth}".encode()).hexdigest()[:_MADE_ID_LENGTH]


def _occurrence(codes: NDArray[np.int32]) -> tuple[Rows, Rows]:
    """Count how often each value stood in the earlier rows, and say where it stood first."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    started = np.repeat(starts, np.diff(starts, append=codes.size))
    counted, first = np.empty(codes.size, np.int64), np.empty(codes.size, np.int64)
    counted[order], first[order] = np.arange(codes.size) - started, order[started]
    return counted, first


def _drop_duplicates(table: CheckedTable) -> CheckedTable:
    """Keep one of equal rows with one key; refuse rows that share a key and differ."""
    later, first = _repeats(key_codes(table.rows, table.raw.format.key))
    if not later.size:
        return table
    same = np.ones(later.size, bool)
    for column in table.rows.columns:
        same &= _equal(column.take(later), column.take(first))
    numbers = dict(zip(later.tolist(), table.raw.row_numbers(table.indexes[first]).tolist(), strict=True))
    what = " and ".join(table.raw.format.key)
    faults = [
        Fault(
            "duplicate_row", Severity.FLAGGED, later[same], lambda row: f"is the same as line {numbers[row]}"
        ),
        Fault(
            "conflicting_rows",
            Severity.REFUSED,
            later[~same],
            lambda row: f"has the same {what} as line {numbers[row]}, with other values; keep one of the two",
        ),
    ]
    kept = np.ones(table.rows.num_rows, bool)
    kept[later] = False
    return table.keep(kept, table.found(faults))


def _repeats(key: Rows) -> tuple[Rows, Rows]:
    """Return the rows whose key stood in an earlier row, and that row for each."""
    ordered = np.sort(key)
    if not (ordered[1:] == ordered[:-1]).any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(key, kind="stable")
    is_repeat = np.concatenate([[False], key[order][1:] == key[order][:-1]])
    first = order[np.maximum.accumulate(np.where(is_repeat, 0, np.arange(order.size)))]
    return order[is_repeat], first[is_repeat]


def _equal(left: pa.ChunkedArray, right: pa.ChunkedArray) -> NDArray[np.bool_]:
    if pa.types.is_dictionary(left.type):
        left, right = left.cast(pa.string()), right.cast(pa.string())
    both_null = pc.and_(pc.is_null(left), pc.is_null(right))
    equal = pc.or_(pc.fill_null(pc.equal(left, right), fill_value=False), both_null)
    return cast("NDArray[np.bool_]", equal.to_numpy())


# ── Laws of single tables ───────────────────────────────────────────────────────────────────────────────


def _models_sum_to_one(table: CheckedTable) -> Iterator[Finding]:
    for model, total in _sums(table.rows, ("model_id",), "target_weight"):
        if total != 1:
            reason = f"the weights of model {model} sum to {total.normalize():f}, not 1 ({total - 1:+f})"
            yield _about_file(table, "weights_sum", Severity.REFUSED, reason)


def _snapshots_are_whole(table: CheckedTable) -> Iterator[Finding]:
    """Check each portfolio: dated or not, and weights that are fractions."""
    yield from table.found([_mixed_dates(table.rows)])
    names = [name for name in ("portfolio", "as_of") if name in table.rows.column_names]
    if "actual_weight" in table.rows.column_names:
        for *snapshot, total in _sums(table.rows, names, "actual_weight"):
            if total is not None and abs(total) > MAX_WEIGHTS_SUM:
                said = f"sum to {total.normalize():f}; weights are fractions"
                reason = f"the actual weights of {_said(snapshot)} {said}"
                yield _about_file(table, "weights_sum", Severity.REFUSED, reason)
    if "target_weight" in table.rows.column_names:
        for *snapshot, total in _sums(table.rows, names, "target_weight"):
            if total is not None and total != 1:
                reason = f"the target weights of {_said(snapshot)} sum to {total.normalize():f}, not 1"
                yield _about_file(table, "weights_sum", Severity.FLAGGED, reason)


def _mixed_dates(rows: pa.Table) -> Fault:
    bad = np.zeros(rows.num_rows, bool)
    if "as_of" in rows.column_names:
        dated = pc.is_valid(rows["as_of"]).to_numpy()
        portfolio = _codes(rows["portfolio"].combine_chunks())
        bad = ~dated & np.isin(portfolio, portfolio[dated])
    reason = "has no as_of, other rows of its portfolio have one; date all of them or none"
    return Fault("mixed_dates", Severity.REFUSED, np.flatnonzero(bad), lambda _: reason)


def _money_has_a_currency(table: CheckedTable) -> Iterator[Finding]:
    """Check that a transaction without an asset, whose currency it could have, says its own."""
    says_nothing = pc.is_null(table.rows["asset_id"])
    if "currency" in table.rows.column_names:
        says_nothing = pc.and_(says_nothing, pc.is_null(table.rows["currency"]))
    reason = "currency is empty, and there is no asset whose currency it could be"
    yield from table.found(
        [Fault("missing_value", Severity.REFUSED, np.flatnonzero(says_nothing.to_numpy()), lambda _: reason)]
    )


def _sums(rows: pa.Table, by: Iterable[str], name: str) -> Iterator[tuple[Any, ...]]:
    """Yield the values of the `by` columns and the exact sum of a decimal column over them."""
    plain = {key: rows[key].cast(pa.string()) for key in by}
    total = pa.table({**plain, name: rows[name]}).group_by(list(by)).aggregate([(name, "sum")])
    for row in total.to_pylist():
        yield (*(row[key] for key in by), row[f"{name}_sum"])


def _said(snapshot: Iterable[str | None]) -> str:
    return " on ".join(part for part in snapshot if part)


def _about_file(table: CheckedTable, kind: str, severity: Severity, reason: str) -> Finding:
    return Finding(table.name, table.raw.path.name, kind, severity, reason, row_data={"about": reason})


_LAWS: Final[dict[str, Callable[[CheckedTable], Iterator[Finding]]]] = {
    "target_weights": _models_sum_to_one,
    "portfolio_allocation": _snapshots_are_whole,
    "transactions": _money_has_a_currency,
}


# ── Findings ────────────────────────────────────────────────────────────────────────────────────────────


def _by_place(fault: Fault, places: Rows) -> Callable[[int], str]:
    origin = dict(zip(places.tolist(), fault.rows.tolist(), strict=True))
    return lambda place: fault.reasons(origin[place])


def _findings(raw: RawTable, faults: Iterable[Fault]) -> Iterator[Finding]:
    for fault in faults:
        rows = fault.rows[:MAX_REFUSED_ROWS] if fault.severity is Severity.REFUSED else fault.rows
        for row, number in zip(rows.tolist(), raw.row_numbers(rows).tolist(), strict=True):
            cells = {name: _kept(text) for name, text in raw.row(row).items()}
            yield Finding(
                table_name=raw.format.name,
                file_name=raw.path.name,
                kind=fault.kind,
                severity=fault.severity,
                reason=fault.reasons(row),
                row_number=number,
                asset_id=cells.get("asset_id"),
                finding_date=_own_date(raw, cells),
                row_data=cells,
            )
        if more := fault.rows.size - rows.size:
            reason = f"{more:,} more rows of this kind"
            yield Finding(raw.format.name, raw.path.name, fault.kind, fault.severity, reason)


def _own_date(raw: RawTable, cells: dict[str, str]) -> date | None:
    try:
        return date.fromisoformat(cells.get(raw.format.row_date, ""))
    except ValueError:
        return None


def _kept(text: str) -> str:
    """Shorten a cell and show NUL, which PostgreSQL cannot keep, as its symbol."""
    return text[:MAX_CELL_LENGTH].replace("\x00", "␀")
