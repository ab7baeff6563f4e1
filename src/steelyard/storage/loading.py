"""Loading at rest: rows into their tables, what is stored already, runs and their findings."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.domain.finding import Finding
from steelyard.storage.connection import WriteSession, raw_connection
from steelyard.storage.copying import copy_rows, read_fixed_rows
from steelyard.storage.queries import query

if TYPE_CHECKING:
    from sqlalchemy import CursorResult

SCHEMA: Final = "steelyard"
PRICE_SCALE: Final = 12

_REPLACED_WHOLE: Final = {"portfolio_allocation", "target_weights"}
_NOTED: Final = {"asset_master", "benchmarks", "performance_history", "risk_free_rates"}
_STORED_PRICE: Final = {"place": ">i4", "day": ">i4", "whole": ">i8", "parts": ">i8"}
_DAYS_1970_TO_2000: Final = 10_957
_FINDING: Final = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("table_name", "file_name", "kind", "severity", "reason", "asset_id")
        ),
        ("row_number", pa.int32()),
        ("finding_date", pa.date32()),
        ("row_data", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of a table's rows."""

    added: int = 0
    corrected: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """What rows may refer to.

    Attributes:
        assets: currency of each stored asset.
        accounts, households, models: ids stored for the tenant.
    """

    assets: dict[str, str]
    accounts: frozenset[str]
    households: frozenset[str]
    models: frozenset[str]


class StoredTenant(NamedTuple):
    """A tenant, and the currency of its totals."""

    tenant_id: int
    currency: str


@dataclass(frozen=True, slots=True)
class StoredPrices:
    """Stored prices of some assets, by asset and day, exact.

    Attributes:
        places: which of the assets asked for.
        days: days since 1970-01-01.
        whole: units of the asset's currency.
        parts: 10^-12 units beside them.
    """

    places: NDArray[np.int64]
    days: NDArray[np.int64]
    whole: NDArray[np.int64]
    parts: NDArray[np.int64]


async def lock_loading(db: WriteSession) -> None:
    """Hold other loads of this database back until the transaction ends."""
    await db.execute(query("lock_loading"))


async def get_known_keys(db: WriteSession) -> KnownKeys:
    """Return what rows may refer to."""
    kinds: dict[str, dict[str, str]] = {"asset": {}, "account": {}, "household": {}, "model": {}}
    for kind, key, currency in await db.execute(query("get_known_keys")):
        kinds[kind][key] = currency
    return KnownKeys(
        assets=kinds["asset"],
        accounts=frozenset(kinds["account"]),
        households=frozenset(kinds["household"]),
        models=frozenset(kinds["model"]),
    )


async def get_tenant(db: WriteSession) -> StoredTenant:
    """Return the tenant that the session works for."""
    return StoredTenant(*(await db.execute(query("get_tenant"))).one())


async def get_snapshot_kinds(db: WriteSession) -> dict[str, bool]:
    """Return the tenant's portfolios with a stored snapshot, and whether that is dated."""
    rows = await db.execute(query("get_snapshot_kinds"))
    return {portfolio: dated for portfolio, dated in rows}  # noqa: C416 -- rows are no pairs to the type checker


async def store_rows(db: WriteSession, table_name: str, rows: pa.Table) -> RowCounts:
    """Add rows that are not stored, correct those that differ, leave equal ones untouched.

    Columns that `rows` lacks keep what is stored. Portfolios' snapshots and models' weights are replaced
    whole.
    """
    await _stage(db, table_name, rows)
    if table_name in _NOTED:
        await db.execute(query(f"note_{table_name}"))
    removed = await _count(db, f"remove_from_{table_name}") if table_name in _REPLACED_WHOLE else 0
    added, corrected = (await db.execute(query("merge_incoming"), {"table_name": table_name})).one()
    return RowCounts(added, corrected, removed)


async def add_rows(
    db: WriteSession, table_name: str, rows: pa.Table, *, progress: Callable[[int], None] = lambda _: None
) -> RowCounts:
    """Add rows none of which is stored: straight into the table, the fastest way there is."""
    await copy_rows(await raw_connection(db), table_name, rows, schema=SCHEMA, progress=progress)
    return RowCounts(added=rows.num_rows)


async def get_stored_prices(db: WriteSession, assets: pa.Array, since: pa.Array) -> StoredPrices:
    """Return the stored prices of assets, each since a day of its own."""
    places = pa.array(np.arange(len(assets), dtype=np.int32))
    wanted = pa.table({"place": places, "asset_id": assets, "price_date": since})
    await _stage_as(db, "stage_places", wanted)
    connection = await raw_connection(db)
    stored = await read_fixed_rows(connection, query("get_stored_prices").text, _STORED_PRICE)
    return StoredPrices(stored["place"], stored["day"] + _DAYS_1970_TO_2000, stored["whole"], stored["parts"])


async def note_price_changes(db: WriteSession, first_changes: pa.Table) -> None:
    """Mark assets for derivation: `asset_id` and the first `price_date` that changes."""
    await _stage(db, "market_data", first_changes)
    await db.execute(query("note_market_data"))


async def delete_prices(db: WriteSession, keys: pa.Table) -> int:
    """Take stored prices back, given by `asset_id` and `price_date`; return how many there were."""
    await _stage(db, "market_data", keys)
    return await _count(db, "delete_prices")


async def record_run(db: WriteSession, source: str, status: str, summary: dict[str, Any]) -> int:
    """Write a run down and return its id."""
    values = {"source": source, "status": status, "summary": json.dumps(summary)}
    return cast("int", (await db.execute(query("record_run"), values)).scalar_one())


async def record_findings(
    db: WriteSession, run_id: int, findings: Sequence[Finding], *, is_shared: bool
) -> int:
    """Keep the findings that are not known yet, and return how many those are.

    Args:
        db: where to keep them.
        run_id: the run that found them.
        findings: all of shared tables, or all of one tenant's.
        is_shared: whether they are of shared tables, and so of no tenant.
    """
    if not findings:
        return 0
    rows = [_finding_row(finding) for finding in findings]
    await _stage_as(db, "stage_findings", pa.Table.from_pylist(rows, _FINDING))
    return await _count(db, "record_findings", run_id=run_id, is_shared=is_shared)


def _finding_row(finding: Finding) -> dict[str, object]:
    row = {name: getattr(finding, name) for name in _FINDING.names}
    return row | {"row_data": json.dumps(dict(finding.row_data), sort_keys=True)}


async def _stage(db: WriteSession, table_name: str, rows: pa.Table) -> None:
    values = {"table_name": table_name, "columns": rows.column_names}
    await db.execute(query("drop_incoming"))
    await db.execute(query("stage_incoming"), values)
    await copy_rows(await raw_connection(db), "incoming", rows, schema=None)


async def _stage_as(db: WriteSession, shape: str, rows: pa.Table) -> None:
    await db.execute(query("drop_incoming"))
    await db.execute(query(shape))
    await copy_rows(await raw_connection(db), "incoming", rows, schema=None)


async def _count(db: WriteSession, statement: str, **values: object) -> int:
    result = await db.execute(query(statement), values)
    return cast("CursorResult[Any]", result).rowcount
