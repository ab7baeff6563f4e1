"""All accounts of the store that follow a model, rebalanced: read in a stream, answered in a stream.

Accounts that hold their base currency only, nearly all of a book, go to `allocate_book` together; the others are
answered one by one, as `calculate_allocation` answers them. The answers are the same either way.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from steelyard.domain.amount import MAX_PLACES
from steelyard.domain.money import round_half_up
from steelyard.errors import SteelyardError
from steelyard.market.calendar import sessions_since
from steelyard.rebalancing.allocation import Allocation
from steelyard.rebalancing.book import allocate_book
from steelyard.rebalancing.policy import Policy
from steelyard.rebalancing.problem import Status
from steelyard.services.allocation import calculate_allocation
from steelyard.services.market import MAX_PRICE_AGE
from steelyard.services.portfolio import read_day
from steelyard.storage import book as store
from steelyard.storage.connection import ReadSession
from steelyard.storage.portfolio import get_target_weights

AT_ONCE: Final = 65_536
"""Accounts read and answered at once."""

REFUSED: Final = "refused"
_EXACT: Final = pa.decimal128(38, 12)

ANSWERS: Final = pa.schema(
    [
        ("account_id", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("trade_asset_id", pa.list_(pa.string())),
        ("trade_quantity", pa.list_(_EXACT)),
        ("cash_after", _EXACT),
        ("objective", pa.float64()),
        ("lower_bound", pa.float64()),
        ("gap", pa.float64()),
    ]
)
"""One row an account. Trades: positive = bought. `cash_after` is in the account's base currency, to 12 decimals where
other currencies are valued in it; the last three are exact numbers of `Allocation` as the nearest floats."""

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class BookSummary:
    """What became of a book.

    Attributes:
        as_of: the day of positions and prices.
        accounts: how many follow a model.
        statuses: how many of them are optimal, within_gap, infeasible and refused.
        trades: how many trades there are in all.
        stale_prices: asset → sessions since its price; not used unless a reason was given.
        stale_reason: why they were used; "" = they were not, and accounts that need them are refused.
        notes: what is to be known of how the answers were found.
    """

    as_of: date
    accounts: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    trades: int = 0
    stale_prices: dict[str, int] = field(default_factory=dict)
    stale_reason: str = ""
    notes: list[str] = field(default_factory=list)

    def count(self, answers: pa.RecordBatch) -> None:
        """Count the answers of a batch."""
        self.statuses.update(answers["status"].to_pylist())
        self.trades += len(answers["trade_asset_id"].flatten())


async def calculate_book(
    db: ReadSession,
    *,
    write: Callable[[pa.RecordBatch], None],
    report: Progress,
    as_of: date | None = None,
    policy: Policy | None = None,
    threads: int = 1,
    stale_reason: str = "",
) -> BookSummary:
    """Rebalance every account that follows a model, each to its own.

    Args:
        db: a read session.
        write: takes the answers, `ANSWERS` row by row, as they come.
        report: is told how many accounts are answered, of how many.
        as_of: the day of positions, prices and rates; None means the last price date.
        policy: how; None means whole shares, no bands, no costs.
        threads: how many work at once.
        stale_reason: why prices older than three sessions will do. Without one, accounts that need them are refused.

    Raises:
        NoMarketPricesError: the store holds no price.
        InvalidInputError: the policy asks for what a book does not do.
    """
    day, policy = await read_day(db, as_of), policy or Policy()
    models = await store.get_models_in_use(db)
    summary = BookSummary(day, sum(model.accounts for model in models))
    summary.stale_reason = stale_reason

    def answered(answers: pa.RecordBatch) -> None:
        write(answers)
        summary.count(answers)
        report("Rebalancing", summary.statuses.total(), summary.accounts)

    singles: list[str] = []
    for (currency, cash_weight), group in _groups(models).items():
        book = await _read_group(db, currency, group, summary)
        theirs = replace(policy, cash=replace(policy.cash, weight=cash_weight or None))
        async for accounts in store.stream_accounts(db, currency, group, day, at_once=AT_ONCE):
            singles += [account.account_id for account in accounts if not account.is_plain]
            batch = _batch([account for account in accounts if account.is_plain])
            for answers in allocate_book(
                [batch], book.prices, policy=theirs, models=book.models, threads=threads
            ):
                _take_note(answers, summary)
                answered(_shaped(answers))
    singles += await _foreign(db, models)
    for account_id in singles:
        answered(await _single(db, account_id, day, policy, stale_reason))
    return summary


@dataclass(frozen=True, slots=True)
class _Group:
    """What accounts of one base currency and one cash weight share."""

    prices: pa.Table
    models: pa.Table


def _groups(models: Sequence[store.ModelInUse]) -> dict[tuple[str, Decimal], list[str]]:
    """Return the models that need one currency only, by that currency and their cash weight."""
    groups: dict[tuple[str, Decimal], list[str]] = {}
    for model in models:
        if model.is_in_base_currency:
            groups.setdefault((model.base_currency, model.cash_weight), []).append(model.model_id)
    return groups


async def _foreign(db: ReadSession, models: Sequence[store.ModelInUse]) -> list[str]:
    """Return the accounts whose model needs several currencies."""
    found: list[str] = []
    for model in models:
        if not model.is_in_base_currency:
            found += await store.get_accounts_of_models(db, model.base_currency, [model.model_id])
    return found


async def _read_group(
    db: ReadSession, currency: str, model_ids: Sequence[str], summary: BookSummary
) -> _Group:
    """Read prices and models; prices that are too old are left out, unless there is a reason."""
    prices = await store.get_prices_in_currency(db, currency, summary.as_of)
    ages = {
        price.asset_id: sessions_since(price.price_date, summary.as_of, price.exchange, at_most=MAX_PRICE_AGE)
        for price in prices
    }
    stale = {asset: age for asset, age in ages.items() if age > MAX_PRICE_AGE}
    summary.stale_prices |= stale
    used = [price for price in prices if summary.stale_reason or price.asset_id not in stale]
    weights = [(model_id, row) for model_id in model_ids for row in await get_target_weights(db, model_id)]
    shares = [(model_id, row) for model_id, row in weights if not row.is_cash]
    return _Group(
        pa.table(
            {
                "asset_id": pa.array([price.asset_id for price in used], pa.string()),
                "price": pa.array([price.closing_price for price in used], _EXACT),
            }
        ),
        pa.table(
            {
                "model": pa.array([model_id for model_id, _ in shares], pa.string()),
                "asset_id": pa.array([row.asset_id for _, row in shares], pa.string()),
                "target_weight": pa.array([row.target_weight for _, row in shares], _EXACT),
            }
        ),
    )


def _batch(accounts: Sequence[store.BookAccount]) -> pa.RecordBatch:
    columns: Mapping[str, tuple[list[Any], pa.DataType]] = {
        "account_id": ([account.account_id for account in accounts], pa.string()),
        "model": ([account.model_id for account in accounts], pa.string()),
        "asset_id": ([account.asset_ids for account in accounts], pa.list_(pa.string())),
        "quantity": ([account.quantities for account in accounts], pa.list_(_EXACT)),
        "cash": ([account.cash for account in accounts], _EXACT),
    }
    return pa.record_batch({name: pa.array(values, kind) for name, (values, kind) in columns.items()})


def _shaped(answers: pa.RecordBatch) -> pa.RecordBatch:
    """Return the columns that are handed on, in the types they are promised in."""
    return pa.RecordBatch.from_arrays(
        [answers[column.name].cast(column.type) for column in ANSWERS], schema=ANSWERS
    )


def _take_note(answers: pa.RecordBatch, summary: BookSummary) -> None:
    note = (answers.schema.metadata or {}).get(b"note", b"").decode()
    if note and note not in summary.notes:
        summary.notes.append(note)


async def _single(
    db: ReadSession, account_id: str, day: date, policy: Policy, stale_reason: str
) -> pa.RecordBatch:
    """Answer one account; what is not known or not right refuses it alone, in its own sentence."""
    row: dict[str, Any] = {"account_id": account_id, "trade_asset_id": [], "trade_quantity": []}
    try:
        proposal = await calculate_allocation(
            account_id, db, as_of=day, policy=policy, stale_reason=stale_reason
        )
    except SteelyardError as error:
        if error.is_temporary:
            raise
        return pa.RecordBatch.from_pylist([{**row, "status": REFUSED, "reason": f"{error}"}], schema=ANSWERS)
    return pa.RecordBatch.from_pylist([row | _answer(proposal.allocation)], schema=ANSWERS)


def _answer(found: Allocation) -> dict[str, Any]:
    """Return the columns of one answer; an infeasible one has its reason and no figure."""
    if found.status is Status.INFEASIBLE:
        reason = " ".join(conflict.reason for conflict in found.conflicts)
        return {"status": found.status.value, "reason": reason}
    return {
        "status": found.status.value,
        "trade_asset_id": [trade.asset_id for trade in found.trades],
        "trade_quantity": [trade.quantity for trade in found.trades],
        "cash_after": round_half_up(found.cash_after, MAX_PLACES),
        "objective": float(found.objective),
        "lower_bound": float(found.lower_bound),
        "gap": float(found.gap),
    }
