"""Transactions of every kind, made by Hypothesis: few names and days, so that they meet."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from steelyard.domain.transaction import ACTIONS, FOR_EVERY_HOLDER, Transaction, TransactionKind

ACCOUNTS = ("A", "B")
ASSETS = ("X", "Y", "Z")
CURRENCIES = ("EUR", "USD")
FIRST_DAY = date(2024, 3, 1)
DAYS = 3
TODAY = FIRST_DAY + timedelta(days=DAYS)

_UNITS = st.decimals("0.000000000001", 5000, places=12) | st.integers(1, 1000).map(Decimal)
_MONEY = st.decimals("0.00000001", 100_000, places=8) | st.integers(1, 10_000).map(Decimal)
_RATIO = st.sampled_from([Decimal(n) for n in (1, 2, 3, 7, 10)])
_KINDS = st.sampled_from(TransactionKind) | st.sampled_from(
    [
        *sorted(ACTIONS),
        TransactionKind.BUY,
        TransactionKind.RECEIVE,
        TransactionKind.SHORT,
        TransactionKind.DIVIDEND,
    ]
)
"""Half of them hold something, or turn what is held into something else."""

_PRICE = st.none() | st.decimals("0.01", 500, places=4)


@st.composite
def transactions(
    draw: st.DrawFn, ids: st.SearchStrategy[str], kinds: st.SearchStrategy[TransactionKind] = _KINDS
) -> Transaction:
    """Return a transaction without fault."""
    kind = draw(kinds)
    values: dict[str, Any] = {
        "transaction_id": draw(ids),
        "kind": kind,
        "trade_date": FIRST_DAY + timedelta(days=draw(st.integers(0, DAYS - 1))),
        "account_id": draw(st.sampled_from(ACCOUNTS)),
        "currency": draw(st.sampled_from(CURRENCIES)),
        "asset_id": draw(st.sampled_from(ASSETS)),
        "quantity": draw(_UNITS),
        "amount": draw(_MONEY),
    }
    costs = draw(st.just(Decimal(0)) | _MONEY)
    values |= {"costs": costs, "tax": costs if draw(st.booleans()) else Decimal(0)}
    if kind in ACTIONS:
        values |= _action(draw, kind, values["asset_id"])
    if kind in FOR_EVERY_HOLDER and draw(st.booleans()):
        values |= {"account_id": "", "price": draw(st.decimals("0.01", 500, places=4))}
    if kind is TransactionKind.TRANSFER:
        values["counter_account_id"] = draw(
            st.sampled_from([a for a in ACCOUNTS if a != values["account_id"]])
        )
    if kind is TransactionKind.FX:
        other = next(c for c in CURRENCIES if c != values["currency"])
        values |= {"counter_currency": other, "counter_amount": draw(_MONEY)}
    if kind in {TransactionKind.OPENING, TransactionKind.TRANSFER} and draw(st.booleans()):
        values["asset_id"] = ""
    return Transaction(**values)


def _action(draw: st.DrawFn, kind: TransactionKind, asset_id: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "quantity": draw(_RATIO),
        "counter_quantity": draw(_RATIO),
        "amount": draw(st.just(Decimal(0)) | _MONEY),
        "price": draw(_PRICE),
        "basis_fraction": Decimal("0.25"),
    }
    if kind is not TransactionKind.SPLIT:
        values["counter_asset_id"] = draw(st.sampled_from([a for a in ASSETS if a != asset_id]))
    if kind is TransactionKind.SYMBOL_CHANGE:
        values |= {"quantity": Decimal(0), "counter_quantity": Decimal(0)}
    return values
