"""Portfolios: what an account holds and should hold, and the prices it is valued at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from steelyard.domain.lot import Lot
from steelyard.domain.wash_sale import Sale

_WEEK = 7
_WORKING_DAYS = 5


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of an asset is worth.

    Attributes:
        amount: price of one unit, in `currency`; never in a fraction of it such as pence.
        currency: ISO 4217; "" where only one currency is spoken of.
        price_date: the day it is of; None where nobody says.
        exchange: ISO 10383 MIC of the venue it comes from; "" where nobody says.
    """

    amount: Decimal
    currency: str = ""
    price_date: date | None = None
    exchange: str = ""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """One account: its positions and cash, its targets, and prices of both.

    Attributes:
        account_id: the account; "" where nobody says.
        base_currency: the currency of totals, ISO 4217; "" where only one currency is spoken of.
        positions: asset → quantity; without cash, without zeros.
        cash: currency → amount.
        targets: asset → target weight, a fraction of the whole; without cash.
        cash_targets: currency → target weight.
        prices: asset → price, of every asset that has one.
        rates: currency → units of the base currency for one of it.
        lots: what the positions were bought as; "" as their account means this one, others are of the household.
        sales: what it sold before; those at a loss matter to wash sales.
        as_of: the day positions and prices are read for; None where nobody says.
        positions_date: the day of the snapshot that says so; where the ledger keeps the account, `as_of`.
    """

    account_id: str
    base_currency: str
    positions: Mapping[str, Decimal]
    cash: Mapping[str, Decimal]
    targets: Mapping[str, Decimal]
    cash_targets: Mapping[str, Decimal]
    prices: Mapping[str, Price]
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    lots: tuple[Lot, ...] = ()
    sales: tuple[Sale, ...] = ()
    as_of: date | None = None
    positions_date: date | None = None

    @property
    def asset_ids(self) -> list[str]:
        """Assets held or wanted, sorted."""
        return sorted({*self.positions, *self.targets})


def weekdays_since(day: date, as_of: date) -> int:
    """Return how many weekdays come after `day`, up to and including `as_of`; 0 where `as_of` is not later.

    No fewer than an exchange has sessions in that time: holidays are counted too.

    >>> weekdays_since(date(2022, 12, 23), date(2022, 12, 27))  # a Friday and the Tuesday after
    2
    >>> weekdays_since(date(2022, 12, 1), date(2022, 12, 29))
    20
    """
    weeks, rest = divmod(max((as_of - day).days, 0), _WEEK)
    days = (day + timedelta(days=number) for number in range(1, rest + 1))
    return _WORKING_DAYS * weeks + sum(later.weekday() < _WORKING_DAYS for later in days)
