"""Accounts made for the tests of books: as rows of a batch, and as the single call takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from steelyard.errors import InvalidInputError
from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.options import Locks
from steelyard.rebalancing.policy import Policy
from steelyard.rebalancing.problem import Status

ASSETS = [f"A{place}" for place in range(9)]
PRICES = dict(
    zip(
        ASSETS, map(Decimal, ("7", "19.99", "90", "90", "250.5", "13.37", "1000", "0.25", "333")), strict=True
    )
)
LOCKS = ("no_buy", "no_sell", "hold", "restricted")

SCHEMA = pa.schema(
    {
        "account_id": pa.int32(),
        "asset_id": pa.list_(pa.string()),
        "quantity": pa.list_(pa.decimal64(18, 2)),
        "target_weight": pa.list_(pa.decimal128(12, 4)),
        "lock": pa.list_(pa.string()),
        "cash": pa.decimal128(20, 2),
        "investment_amount": pa.decimal64(18, 2),
        "cash_floor": pa.decimal128(20, 1),
    }
)


def price_table() -> pa.Table:
    prices = pa.array(list(PRICES.values()), pa.decimal128(12, 2))
    return pa.table({"asset_id": ASSETS, "price": prices})


def batch(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    numbered = [{"account_id": place, **row} for place, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(numbered, SCHEMA)


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an account; now and then one that must be refused or has no answer."""
    assets = draw(st.lists(st.sampled_from(ASSETS), min_size=1, max_size=6, unique=True))
    parts = [draw(st.integers(0, 100)) for _ in assets]
    parts[0] += not any(parts)
    weights = [Decimal(part) / sum(parts) for part in parts]
    weights = [weight.quantize(Decimal("0.01")) for weight in weights]
    weights[0] += draw(st.sampled_from([1] * 9 + [2])) - sum(weights)
    rows: dict[str, Any] = {
        "asset_id": assets,
        "quantity": [draw(st.sampled_from([0, 1, 3, 10, 40, Decimal("2.5")])) for _ in assets],
        "target_weight": [weight if draw(st.integers(0, 19)) else None for weight in weights],
        "lock": [draw(st.sampled_from([None] * 6 + [*LOCKS])) for _ in assets],
        "cash": Decimal(draw(st.integers(-2_000, 500_000))) / 100,
        "investment_amount": draw(st.sampled_from([None, None, Decimal(500), Decimal("-20.5")])),
        "cash_floor": draw(st.sampled_from([None, None, Decimal("12.5")])),
    }
    return rows


@dataclass(frozen=True, slots=True)
class Answer:
    """What both ways to an answer have in common."""

    status: str
    reason: str | None
    trades: Mapping[str, Decimal]
    cash: Decimal | None


def answer_of(row: Mapping[str, Any]) -> Answer:
    """Read the answer a book gives."""
    reason = row["reason"] if row["status"] == "refused" else None
    trades = dict(zip(row["trade_asset_id"], row["trade_quantity"], strict=True))
    return Answer(row["status"], reason, trades, row["cash_after"])


def single_answer(row: Mapping[str, Any], policy: Policy) -> Answer:
    """Ask the single call, of a row as the batch has it."""
    try:
        found = single(row, policy)
    except InvalidInputError as error:
        return Answer("refused", str(error), {}, None)
    cash = None if found.status is Status.INFEASIBLE else found.cash_after
    return Answer(found.status.value, None, {trade.asset_id: trade.quantity for trade in found.trades}, cash)


def single(row: Mapping[str, Any], policy: Policy) -> Allocation:
    """Call `calculate_investment_allocation` for a row of a batch."""
    pairs = list(zip(row["asset_id"], row["target_weight"], row["quantity"], row["lock"], strict=True))
    locked: dict[str, Any] = {
        word: {*getattr(policy.locks, word), *(asset for asset, _, _, lock in pairs if lock == word)}
        for word in LOCKS
    }
    floor = row["cash_floor"]
    return calculate_investment_allocation(
        {asset: weight for asset, weight, _, _ in pairs if weight is not None},
        PRICES,
        {asset: quantity for asset, _, quantity, _ in pairs},
        cash=row["cash"],
        investment_amount=row["investment_amount"] or 0,
        mode=policy.mode,
        objective=policy.objective,
        untargeted=policy.untargeted,
        band=policy.band,
        cash_rules=policy.cash if floor is None else replace(policy.cash, floor=floor),
        trading=policy.trading,
        locks=Locks(**locked),
        costs=policy.costs,
    )
