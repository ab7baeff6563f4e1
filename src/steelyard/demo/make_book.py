"""Make the sample book's accounts, trades, snapshots and compliance records from its prices.

    python -m steelyard.demo.make_book [OUT]

Reads the kept files of the book (assets, models, prices, rates) and writes the made ones into OUT, by default
beside them. Nothing is random: the same prices and rules give the same bytes.
"""

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from steelyard.demo import book_path
from steelyard.demo.compliance import check_positions
from steelyard.demo.ledger import CENT_PLACES, Booking, positions_on
from steelyard.demo.market import Market, read_market, read_table
from steelyard.demo.plan import PLANS, Plan
from steelyard.demo.review import Reviewer
from steelyard.domain.money import round_half_up

WEIGHT_PLACES = 12

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A plan that has been lived: its model's weights and all its bookings."""

    plan: Plan
    targets: dict[str, Decimal]
    bookings: list[Booking]


def make_book(book: Path, out: Path) -> None:
    """Write accounts, transactions, portfolio_allocation and compliance_records into `out`.

    Raises:
        OverdrawnError: The plans would spend cash an account does not have.
        OSError: The kept files are not in `book`, or `out` cannot be written.
    """
    market = read_market(book)
    accounts = [live(plan, _targets(book, plan.model), market) for plan in PLANS]
    _write(out / "accounts.csv", ACCOUNT_COLUMNS, (_account_row(account, market) for account in accounts))
    _write(out / "transactions.csv", TRANSACTION_COLUMNS, _transaction_rows(accounts))
    _write(out / "portfolio_allocation.csv", ALLOCATION_COLUMNS, _allocation_rows(accounts, market))
    _write(out / "compliance_records.csv", COMPLIANCE_COLUMNS, _compliance_rows(accounts, market))


def live(plan: Plan, targets: dict[str, Decimal], market: Market) -> Account:
    """Return the account that the plan makes of the market."""
    return Account(plan, targets, Reviewer(plan, targets, market).run().bookings)


ACCOUNT_COLUMNS = (
    "account_id",
    "account_name",
    "household_id",
    "base_currency",
    "model_id",
    "stated_value",
    "stated_value_date",
)


def _account_row(account: Account, market: Market) -> Row:
    plan, as_of = account.plan, market.days[-1]
    value = round_half_up(sum(_values(account, market, as_of).values(), Decimal(0)), CENT_PLACES)
    return plan.account, plan.name, plan.household, plan.base_currency, plan.model, value, as_of


TRANSACTION_COLUMNS = (
    "transaction_id",
    "account",
    "asset_id",
    "transaction_date",
    "transaction_type",
    "quantity",
    "price",
    "currency",
    "total_amount",
    "transaction_costs",
    "counter_currency",
    "counter_amount",
)


def _transaction_rows(accounts: list[Account]) -> Iterator[Row]:
    """Yield all bookings by day; those of one account keep their order, which keeps its cash above zero."""
    bookings = sorted((b for account in accounts for b in account.bookings), key=lambda booking: booking.day)
    for number, b in enumerate(bookings, start=1):
        yield (
            f"T{number:05}",
            b.account,
            b.asset,
            b.day,
            b.kind,
            b.quantity,
            b.price,
            b.currency,
            b.total,
            b.costs,
            b.bought_currency,
            b.bought,
        )


ALLOCATION_COLUMNS = ("portfolio", "asset_id", "as_of", "quantity", "target_weight", "actual_weight")


def _allocation_rows(accounts: list[Account], market: Market) -> Iterator[Row]:
    """Yield what each account held at year ends and on the last day; targets not held have quantity 0."""
    for day in _period_ends(market.days, months=12):
        for account in accounts:
            held = positions_on(account.bookings, day)
            for asset, weight in _weights(account, market, day).items():
                target = account.targets.get(asset, Decimal(0))
                yield account.plan.account, asset, day, held.get(asset, Decimal(0)), target, weight


COMPLIANCE_COLUMNS = ("record_id", "account", "asset_id", "check_date", "status", "rule")


def _compliance_rows(accounts: list[Account], market: Market) -> Iterator[Row]:
    """Yield the checks of all positions at quarter ends and on the last day."""
    checks = (
        check
        for day in _period_ends(market.days, months=3)
        for account in accounts
        for check in check_positions(account.plan, day, _weights(account, market, day), market.assets)
    )
    for number, check in enumerate(checks, start=1):
        yield f"C{number:05}", check.account, check.asset, check.day, check.status, check.rule


def _period_ends(days: list[date], months: int) -> list[date]:
    """Return the last price day of every calendar period of that many months; the last one may be unfinished.

    >>> [day.month for day in _period_ends([date(2020, month, 1) for month in range(1, 9)], months=3)]
    [3, 6, 8]
    """
    return list({(day.year, (day.month - 1) // months): day for day in days}.values())


def _weights(account: Account, market: Market, day: date) -> dict[str, Decimal]:
    """Return the weights of all assets held or targeted, summing to exactly 1; the last takes the rest."""
    values = _values(account, market, day)
    if not values:
        return {}
    total = sum(values.values())
    *first, last = sorted(values.keys() | account.targets.keys())
    weights = {asset: round_half_up(values.get(asset, Decimal(0)) / total, WEIGHT_PLACES) for asset in first}
    return weights | {last: 1 - sum(weights.values(), Decimal(0))}


def _values(account: Account, market: Market, day: date) -> dict[str, Decimal]:
    """Return the value of each position on the day in the account's base currency, not rounded."""
    held = positions_on(account.bookings, day)
    return {
        asset: market.value(asset, quantity, account.plan.base_currency, day)
        for asset, quantity in held.items()
    }


def _targets(book: Path, model: str) -> dict[str, Decimal]:
    rows = read_table(book / "target_weights.csv")
    return {row["asset_id"]: Decimal(row["target_weight"]) for row in rows if row["model_id"] == model}


def _write(path: Path, header: tuple[str, ...], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    make_book(book_path(), Path(sys.argv[1]) if len(sys.argv) > 1 else book_path())
