"""Prices that an import needs: closes that value units without an amount, and closes that are missing."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from shlex import quote
from typing import Final

from steelyard.domain.amount import plain
from steelyard.domain.money import major_currency
from steelyard.domain.transaction import Transaction
from steelyard.services.statement_opening import OLDEST_CLOSE, value_at_close
from steelyard.services.statement_plan import DaysMissing
from steelyard.storage.connection import AnySession
from steelyard.storage.price import get_price_keys
from steelyard.storage.statement_import import get_priced_days

_AMERICAN: Final = "USD"


async def value_units(db: AnySession, one: Transaction) -> Transaction | str:
    """Return a receipt or delivery at the close of its day; where that cannot be, why, as a clause.

    Args:
        db: a session.
        one: of which the statement says no amount.
    """
    currency, amount = await value_at_close(db, one.asset_id, one.quantity, one.trade_date)
    if amount is None:
        command = backfill_command([one.asset_id], one.trade_date, is_american=currency == _AMERICAN)
        return (
            f"does not say what {plain(one.quantity)} {one.asset_id} are worth, and there is no close of "
            f"{one.trade_date}: {command}"
        )
    if currency != one.currency and one.costs:
        return f"has costs in {one.currency}, and its units are worth {plain(amount)} {currency}: book it by hand"
    return replace(one, currency=currency, amount=amount)


async def find_missing_prices(
    db: AnySession, transactions: Sequence[Transaction], held: Collection[str], today: date
) -> tuple[list[DaysMissing], str]:
    """Return the assets that lack closes for the days on which they matter, and the command that brings them.

    Args:
        db: a session.
        transactions: what an import books.
        held: assets that are there afterwards.
        today: until when closes of what is still held matter.
    """
    spans = _spans(transactions, held, today)
    known = await get_priced_days(db, list(spans))
    missing = [
        DaysMissing(asset_id, *spans[asset_id])
        for asset_id, days in known.items()
        if not days.reach(*spans[asset_id], slack=OLDEST_CLOSE)
    ]
    if not missing:
        return [], ""
    keys = await get_price_keys(db, [one.name for one in missing])
    is_american = all(major_currency(key.currency) == _AMERICAN for key in keys)
    first = min(one.first for one in missing)
    return missing, backfill_command([one.name for one in missing], first, is_american=is_american)


def backfill_command(asset_ids: Iterable[str], first: date, *, is_american: bool) -> str:
    """Return the command that brings closes; the source whose assets are American has no others.

    >>> backfill_command(["VTI", "BRK B"], date(2024, 3, 14), is_american=True)
    "steelyard prices backfill --source alpaca --from 2024-03-14 --asset VTI --asset 'BRK B'"
    """
    assets = " ".join(f"--asset {quote(asset_id)}" for asset_id in asset_ids)
    source = "alpaca" if is_american else "files"
    return f"steelyard prices backfill --source {source} --from {first} {assets}"


def _spans(
    transactions: Iterable[Transaction], held: Collection[str], today: date
) -> dict[str, tuple[date, date]]:
    spans: dict[str, tuple[date, date]] = {}
    for one in transactions:
        for asset_id in assets_of(one):
            first, last = spans.get(asset_id, (one.trade_date, one.trade_date))
            spans[asset_id] = min(first, one.trade_date), max(last, one.trade_date)
    return {
        asset_id: (first, today if asset_id in held else last) for asset_id, (first, last) in spans.items()
    }


def assets_of(one: Transaction) -> Iterator[str]:
    """Yield the assets that a transaction is about."""
    yield from (name for name in (one.asset_id, one.counter_asset_id) if name)
