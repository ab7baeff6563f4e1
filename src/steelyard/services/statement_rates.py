"""Exchange rates that an import needs: those that are missing, and the command that brings them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from steelyard.domain.money import major_currency
from steelyard.domain.transaction import Transaction
from steelyard.services.rate import PIVOT, RATE_DAYS
from steelyard.services.statement_plan import DaysMissing
from steelyard.services.statement_prices import assets_of
from steelyard.storage.connection import AnySession
from steelyard.storage.price import get_price_keys
from steelyard.storage.statement_import import ImportAccount, get_rated_days


async def find_missing_rates(
    db: AnySession,
    transactions: Collection[Transaction],
    accounts: Mapping[str, ImportAccount],
    held: Collection[str],
    today: date,
) -> tuple[list[DaysMissing], str]:
    """Return the currencies that lack exchange rates for the days on which they matter, and what brings those.

    Rates are units for 1 EUR: where an account in USD holds CHF, those of both matter, and none of the euro.

    Args:
        db: a session.
        transactions: what an import books.
        accounts: whose they are, by id.
        held: assets and currencies that are there afterwards.
        today: until when rates of what is still held matter.
    """
    names = {name for one in transactions for name in assets_of(one)}
    quoted = {key.asset_id: key.currency for key in await get_price_keys(db, names)}
    spans = _spans(transactions, accounts, quoted, held, today)
    known = await get_rated_days(db, list(spans))
    missing = [
        DaysMissing(currency, *span)
        for currency, span in sorted(spans.items())
        if not known[currency].reach(*span, slack=RATE_DAYS)
    ]
    if not missing:
        return [], ""
    return missing, rates_command(min(one.first for one in missing))


def rates_command(first: date) -> str:
    """Return the command that brings rates, the last one before the first day included: on it there may be none.

    >>> rates_command(date(2024, 1, 1))
    'steelyard prices backfill --source ecb --from 2023-12-22'
    """
    return f"steelyard prices backfill --source ecb --from {first - timedelta(days=RATE_DAYS)}"


def _spans(
    transactions: Iterable[Transaction],
    accounts: Mapping[str, ImportAccount],
    quoted: Mapping[str, str],
    held: Collection[str],
    today: date,
) -> dict[str, tuple[date, date]]:
    """Return the first and the last day on which a rate of each currency matters."""
    spans: dict[str, tuple[date, date]] = {}
    for one in transactions:
        names = {one.currency, one.counter_currency, *assets_of(one)} - {""}
        base = accounts[one.account_id].base_currency if one.account_id else ""
        met = {major_currency(quoted.get(name, name)) for name in names} | ({base} - {""})
        if len(met) == 1:
            continue
        last = one.trade_date if (names - {base}).isdisjoint(held) else today
        for currency in met - {PIVOT}:
            span = spans.get(currency, (one.trade_date, last))
            spans[currency] = min(span[0], one.trade_date), max(span[1], last)
    return spans
