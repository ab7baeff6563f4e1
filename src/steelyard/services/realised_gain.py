"""Gains that were realised, by year and term, and the losses among them that wash sales disallow."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.gain import Gain
from steelyard.domain.lot import MORE_THAN_ONE_YEAR
from steelyard.domain.money import EXACT
from steelyard.domain.scope import Scope
from steelyard.domain.wash_sale import Sale, WashSale, match_wash_sales
from steelyard.services.lot import ReplayedAccounts, replay_accounts
from steelyard.services.position import ClosedLot
from steelyard.services.ruled_lots import as_bought
from steelyard.storage.connection import ReadSession
from steelyard.storage.portfolio import StoredAccount, get_all_accounts
from steelyard.storage.valuation import get_accounts, get_valuation_accounts

WASH_DAYS: Final = 30
"""26 USC 1091: before and after the sale, both ends included."""


@dataclass(frozen=True, slots=True)
class GainYear:
    """What was realised in a year, in one currency.

    Attributes:
        short_term, long_term: gains of lots held for at most a year, and for more; negative = loss. A lot sold short is
            short-term.
        currency_gain: what of both the exchange rates made.
        lots: how many were closed.
    """

    year: int
    currency: str
    short_term: Decimal
    long_term: Decimal
    currency_gain: Decimal
    lots: int

    @property
    def gain(self) -> Decimal:
        """Of both terms."""
        with localcontext(EXACT):
            return self.short_term + self.long_term


@dataclass(frozen=True, slots=True)
class Washed:
    """A loss that does not count, in `currency`, and what replaced what was sold."""

    sold: date
    account_id: str
    asset_id: str
    lot_id: str
    quantity: Decimal
    disallowed: Decimal
    currency: str
    replacement_id: str
    replacement_account: str
    replaced_on: date


def is_long_term(acquired: date, sold: date) -> bool:
    """Whether what was acquired on a day is sold long-term on another: held for more than a year (26 USC 1222).

    >>> is_long_term(date(2024, 3, 14), date(2025, 3, 14)), is_long_term(date(2024, 3, 14), date(2025, 3, 15))
    (False, True)
    """
    return MORE_THAN_ONE_YEAR.is_long_term(acquired, sold=sold)


def gains_by_year(closed: Iterable[ClosedLot]) -> list[GainYear]:
    """Sum closed lots by the year they were closed in, newest first, each currency for itself."""
    found: dict[tuple[int, str], list[ClosedLot]] = defaultdict(list)
    for lot in closed:
        found[lot.closed.year, lot.currency].append(lot)
    return [
        _year(year, currency, lots)
        for (year, currency), lots in sorted(found.items(), key=lambda item: (-item[0][0], item[0][1]))
    ]


def _year(year: int, currency: str, lots: list[ClosedLot]) -> GainYear:
    with localcontext(EXACT):
        long_term = sum((lot.gain for lot in lots if _is_long(lot)), Decimal(0))
        return GainYear(
            year,
            currency,
            short_term=sum((lot.gain for lot in lots), Decimal(0)) - long_term,
            long_term=long_term,
            currency_gain=sum((lot.currency_gain for lot in lots), Decimal(0)),
            lots=len(lots),
        )


def _is_long(lot: ClosedLot) -> bool:
    return not lot.is_short and is_long_term(lot.acquired, lot.closed)


async def get_wash_sales(
    db: ReadSession, *, scope: Scope, as_of: date, asset_id: str | None = None
) -> list[Washed]:
    """Return the losses of a scope that its own purchases, or those of its households, wash; newest first.

    Every account counts as taxed, for nothing says which are not. What an account bought counts for its household,
    as far as it is seen and has the same base currency.

    Args:
        db: a read session.
        scope: whose losses.
        as_of: the last day.
        asset_id: only of this asset; None = all.
    """
    _, own = await get_valuation_accounts(db, scope)
    ids = {account.account_id for account in own}
    families = _families(await get_all_accounts(db), ids)
    known = await get_accounts(db, [account_id for members in families.values() for account_id in members])
    replayed = await replay_accounts(db, known, as_of)
    washed = [
        _washed(wash, currency)
        for (_, currency), members in families.items()
        for wash in _matched(replayed, members, asset_id)
        if wash.sale.lot.account_id in ids
    ]
    return sorted(washed, key=lambda one: (one.sold, one.asset_id, one.lot_id), reverse=True)


def _families(accounts: Iterable[StoredAccount], own: set[str]) -> dict[tuple[str, str], set[str]]:
    """Put accounts together that wash each other's losses, by household and currency; only those with one of `own`."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for account in accounts:
        found[account.household_id or f"\0{account.account_id}", account.base_currency].add(
            account.account_id
        )
    return {key: members for key, members in found.items() if members & own}


def _matched(replayed: ReplayedAccounts, members: set[str], asset_id: str | None) -> Iterator[WashSale]:
    gains = [one for one in replayed.gains if _is_of(one, members, asset_id)]
    if not any(one.gain < 0 for one in gains):
        return
    assets = {one.asset_id for one in gains}
    held = [lot for lot in replayed.lots if lot.account_id in members and lot.asset_id in assets]
    sales = [Sale(one.lot, one.closed, one.amount) for one in gains]
    bought = as_bought([*held, *(sale.lot for sale in sales)])
    yield from match_wash_sales(sales, bought, days=WASH_DAYS).washed


def _is_of(gain: Gain, members: set[str], asset_id: str | None) -> bool:
    return not gain.is_short and gain.account_id in members and asset_id in {None, gain.asset_id}


def _washed(wash: WashSale, currency: str) -> Washed:
    sold, replacement = wash.sale, wash.replacement
    return Washed(
        sold.sold,
        sold.lot.account_id,
        sold.lot.asset_id,
        sold.lot.lot_id,
        sold.lot.quantity,
        wash.disallowed,
        currency,
        replacement.lot_id.partition("~")[0],
        replacement.account_id,
        replacement.acquired,
    )


async def count_accounts(db: ReadSession, scope: Scope) -> int:
    """Return how many accounts of a scope would be replayed."""
    _, accounts = await get_valuation_accounts(db, scope)
    return len(accounts)
