"""What was found for the accounts of a batch, as an Arrow batch of one row each."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa

from steelyard.domain.money import EXACT
from steelyard.rebalancing.book_columns import Codes, decimals
from steelyard.rebalancing.book_kernel import Accounts, Answers
from steelyard.rebalancing.book_market import Scale
from steelyard.rebalancing.book_single import REFUSED, Found
from steelyard.rebalancing.cash_search import UNFIT
from steelyard.rebalancing.problem import L1_SCALE, Norm, Status

STATUSES = [Status.OPTIMAL.value, Status.WITHIN_GAP.value, Status.INFEASIBLE.value, REFUSED]
"""The first two in the order of `cash_search`."""

ENGINES = ["compiled", "plain"]


def empty_answers(count: int, accounts: Accounts | None) -> Answers:
    """Make room for the answers to a batch: each account may trade all its assets and those of its model."""
    room = np.zeros(count + 1, np.int64)
    if accounts is not None:
        np.cumsum(np.diff(accounts.start) + accounts.model_end - accounts.model, out=room[1:])
    columns = {name: np.zeros(count, np.int64) for name in Answers._fields}
    trades = {name: np.zeros(int(room[-1]), np.int64) for name in ("asset", "quantity")}
    return Answers(**{**columns, **trades, "room": room, "status": np.full(count, UNFIT, np.int64)})


def answer_batch(
    rows: pa.RecordBatch,
    answers: Answers,
    others: Mapping[int, Found],
    *,
    codes: Codes,
    scale: Scale,
    note: str,
) -> pa.RecordBatch:
    """Put together what compiled code found and what plain Python found, by row, of the others."""
    columns = {"account_id": rows["account_id"]} if "account_id" in rows.schema.names else {}
    columns |= {
        "status": _words(STATUSES, _statuses(answers, others)),
        "reason": _reasons(rows.num_rows, others),
        **_trades(answers, others, codes, scale),
        "cash_after": _cash(answers, others, scale),
        **_objectives(answers, others, scale),
        "engine": _words(ENGINES, _engines(rows.num_rows, others)),
    }
    batch = pa.RecordBatch.from_pydict(columns)
    return batch.replace_schema_metadata({"note": note}) if note else batch


def _words(words: list[str], places: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int8)), pa.array(words))


def _statuses(answers: Answers, others: Mapping[int, Found]) -> np.ndarray:
    statuses = np.array(answers.status)
    for row, found in others.items():
        statuses[row] = STATUSES.index(found.status)
    return statuses


def _engines(count: int, others: Mapping[int, Found]) -> np.ndarray:
    engines = np.zeros(count, np.int8)
    engines[list(others)] = 1
    return engines


def _reasons(count: int, others: Mapping[int, Found]) -> pa.Array:
    if not any(found.reason for found in others.values()):
        return pa.nulls(count, pa.string())
    return pa.array([others[row].reason if row in others else None for row in range(count)], pa.string())


def _trades(answers: Answers, others: Mapping[int, Found], codes: Codes, scale: Scale) -> dict[str, pa.Array]:
    """Close the gaps between the trades of one account and the next, and put those of the others in."""
    counts = np.array(answers.trades)
    counts[list(others)] = [len(found.trades or ()) for found in others.values()]
    offsets = np.concatenate(([0], np.cumsum(counts)))
    compiled = np.array(answers.trades)
    compiled[list(others)] = 0
    within = np.arange(int(compiled.sum())) - np.repeat(np.cumsum(compiled) - compiled, compiled)
    source, target = (np.repeat(begin[:-1], compiled) + within for begin in (answers.room, offsets))
    assets, quantities = np.zeros(int(offsets[-1]), np.int64), np.zeros(int(offsets[-1]), np.int64)
    assets[target], quantities[target] = answers.asset[source], answers.quantity[source]
    wide: dict[int, int] = {}
    for row, found in others.items():
        for at, (asset_id, quantity) in enumerate((found.trades or {}).items(), int(offsets[row])):
            assets[at], wide[at] = codes.code_of(asset_id), _raw(quantity, scale.quantity)
    named = pa.DictionaryArray.from_arrays(
        pa.array(assets.astype(np.int32)), pa.array(codes.ids, pa.string())
    )
    starts = pa.array(offsets.astype(np.int32))
    return {
        "trade_asset_id": pa.ListArray.from_arrays(starts, named),
        "trade_quantity": pa.ListArray.from_arrays(starts, decimals(quantities, scale.quantity, wide)),
    }


def _raw(amount: Decimal, places: int) -> int:
    return int(EXACT.scaleb(amount, places))


def _cash(answers: Answers, others: Mapping[int, Found], scale: Scale) -> pa.Array:
    wide = {row: _raw(found.cash, scale.money) for row, found in others.items() if found.cash is not None}
    cash = decimals(answers.cash, scale.money, wide)
    return _without(cash, [row for row, found in others.items() if found.cash is None])


def _without(column: pa.Array, rows: list[int]) -> pa.Array:
    """Make nothing of the values of some rows."""
    if not rows:
        return column
    is_there = np.ones(len(column), np.bool_)
    is_there[rows] = False
    bits = pa.py_buffer(np.packbits(is_there, bitorder="little"))
    return pa.Array.from_buffers(column.type, len(column), [bits, column.buffers()[1]])


def _objectives(answers: Answers, others: Mapping[int, Found], scale: Scale) -> dict[str, pa.Array]:
    per_money = np.maximum(answers.fineness, 1) * 10.0**scale.money
    unit = answers.unit.astype(float)
    whole = {
        "objective": answers.objective,
        "lower_bound": answers.objective - answers.gap,
        "gap": answers.gap,
    }
    if scale.norm is Norm.L1:
        found = {name: counted * unit / per_money / L1_SCALE for name, counted in whole.items()}
    else:
        found = {name: counted * unit**2 / per_money**2 for name, counted in whole.items()}
    for row, other in others.items():
        values = (other.objective, other.bound, other.gap)
        for column, value in zip(found.values(), values, strict=True):
            column[row] = 0.0 if value is None else value
    empty = [row for row, other in others.items() if other.objective is None]
    return {name: _without(pa.array(column), empty) for name, column in found.items()}
