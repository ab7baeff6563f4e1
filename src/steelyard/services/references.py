"""What the rows of a load refer to: known assets, accounts, households and models, and what is filled in from them."""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.domain.finding import Finding, Severity
from steelyard.statements.cells import Fault
from steelyard.statements.rows import CheckedTable
from steelyard.storage.loading import KnownKeys

_OWNERS: Final = {
    "asset_id": ("asset_master", "unknown_asset"),
    "benchmark_asset_id": ("asset_master", "unknown_asset"),
    "counter_asset_id": ("asset_master", "unknown_asset"),
    "household_id": ("households", "unknown_household"),
    "model_id": ("model_portfolios", "unknown_model"),
}
"""Column → (table whose rows it names, kind of the finding when it names none)."""

_ACCOUNT_COLUMNS: Final = ("portfolio", "account_id", "counter_account_id")


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose rows are loaded, and what is known of theirs."""

    tenant_id: int
    currency: str
    known: KnownKeys


def check_references(tables: Mapping[str, CheckedTable], tenant: Tenant) -> dict[str, CheckedTable]:
    """Add a refusal for each row that names something neither stored nor loaded.

    A table whose own rows were refused vouches for nothing, so what refers to it is not judged.
    """
    stored = {
        "asset_master": tenant.known.assets.keys(),
        "households": tenant.known.households,
        "model_portfolios": tenant.known.models,
    }
    known = {
        owner: stored[owner] | set(_words(tables[owner], tables[owner].raw.format.key[0]))
        if owner in tables
        else set(stored[owner])
        for owner in stored
        if not (owner in tables and _has_refusal(tables[owner]))
    }
    return {
        name: replace(table, findings=(*table.findings, *table.found(_unknown(table, known))))
        for name, table in tables.items()
    }


def snapshot_conflicts(tables: Mapping[str, CheckedTable], stored: Mapping[str, bool]) -> Iterator[Finding]:
    """Yield a refusal for each portfolio that is stored with dates and comes without them, or the other way."""
    table = tables.get("portfolio_allocation")
    if table is None:
        return
    dated = table.rows["as_of"].is_valid().to_numpy()
    for portfolio, is_dated in dict(
        zip(table.rows["portfolio"].to_pylist(), dated.tolist(), strict=True)
    ).items():
        if stored.get(portfolio, is_dated) != is_dated:
            known, comes = ("with", "without") if stored[portfolio] else ("without", "with")
            reason = (
                f"portfolio {portfolio} is stored {known} dates and comes {comes}; keep to one of the two"
            )
            about = {"portfolio": portfolio}
            name = table.raw.path.name
            yield Finding(table.name, name, "mixed_dates", Severity.REFUSED, reason, row_data=about)


def complete(tables: Mapping[str, CheckedTable], tenant: Tenant) -> dict[str, pa.Table]:
    """Return the rows to store: with their tenant, origin and the currencies they leave open."""
    currencies = tenant.known.assets | _loaded_currencies(tables)
    completed = {}
    for name, table in tables.items():
        rows = table.rows
        if name == "transactions":
            rows = _fill(rows, "currency", _currencies_of(rows, currencies))
        if name in {"accounts", "households"}:
            rows = _fill(rows, "base_currency", pa.scalar(tenant.currency))
        if name in {"performance_history", "risk_metrics"}:
            rows = rows.append_column("origin", _constant("loaded", rows.num_rows))
        completed[name] = with_tenant(rows, tenant) if table.raw.format.per_tenant else rows
    return completed


def new_accounts(tables: Mapping[str, CheckedTable], tenant: Tenant) -> pa.Table:
    """Return rows for the accounts that are named but neither stored nor loaded, in the tenant's currency."""
    named = {
        name for table in tables.values() for column in _ACCOUNT_COLUMNS for name in _words(table, column)
    }
    loaded = set(_words(tables["accounts"], "account_id")) if "accounts" in tables else set()
    ids = sorted(named - loaded - tenant.known.accounts)
    rows = pa.table(
        {
            "account_id": pa.array(ids, pa.string()),
            "account_name": pa.array(ids, pa.string()),
            "base_currency": _constant(tenant.currency, len(ids)),
        }
    )
    return with_tenant(rows, tenant)


def with_tenant(rows: pa.Table, tenant: Tenant) -> pa.Table:
    """Return rows that say whose they are."""
    return rows.append_column("tenant_id", pa.array(np.full(rows.num_rows, tenant.tenant_id, np.int32)))


def _unknown(table: CheckedTable, known: Mapping[str, AbstractSet[str]]) -> Iterator[Fault]:
    for column, (owner, kind) in _OWNERS.items():
        defines = owner == table.name and column == table.raw.format.key[0]
        if column not in table.rows.column_names or owner not in known or defines:
            continue
        values = table.rows[column].combine_chunks()
        strange = [
            code for code, word in enumerate(values.dictionary.to_pylist()) if word not in known[owner]
        ]
        rows = np.flatnonzero(np.isin(pc.fill_null(values.indices, -1).to_numpy(), strange))
        if rows.size:
            yield Fault(kind, Severity.REFUSED, rows, _reason(values, column, owner))


def _reason(values: pa.DictionaryArray, column: str, owner: str) -> Callable[[int], str]:
    return lambda row: f"{column} {values[row].as_py()!r} is neither in {owner} nor in the store"


def _has_refusal(table: CheckedTable) -> bool:
    return any(finding.severity is Severity.REFUSED for finding in table.findings)


def _words(table: CheckedTable, column: str) -> list[str]:
    if column not in table.rows.column_names:
        return []
    return [word for word in pc.unique(table.rows[column].cast(pa.string())).to_pylist() if word is not None]


def _loaded_currencies(tables: Mapping[str, CheckedTable]) -> dict[str, str]:
    if "asset_master" not in tables:
        return {}
    rows = tables["asset_master"].rows
    pairs = zip(rows["asset_id"].to_pylist(), rows["currency"].to_pylist(), strict=True)
    return cast("dict[str, str]", dict(pairs))


def _currencies_of(rows: pa.Table, currencies: Mapping[str, str]) -> pa.Array:
    assets = rows["asset_id"].combine_chunks()
    known = pa.array([currencies.get(asset) for asset in assets.dictionary.to_pylist()], pa.string())
    return known.take(assets.indices)


def _fill(rows: pa.Table, name: str, values: pa.Array | pa.Scalar) -> pa.Table:
    if name not in rows.column_names:
        given = pa.nulls(rows.num_rows, pa.string())
    else:
        given = rows[name].combine_chunks().cast(pa.string())
        rows = rows.drop_columns([name])
    return rows.append_column(name, pc.coalesce(given, values).dictionary_encode())


def _constant(word: str, length: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(length, np.int32)), pa.array([word]))
