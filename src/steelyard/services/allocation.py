"""The trades of accounts in the store: read, checked for the age of their prices, and worked out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.domain.lot import Lot
from steelyard.domain.portfolio import Portfolio
from steelyard.domain.scope import Scope
from steelyard.domain.wash_sale import Sale
from steelyard.errors import ConflictError, NotFoundError
from steelyard.market.calendar import sessions_since
from steelyard.rebalancing.policy import Policy, Proposal, allocate
from steelyard.services.market import MAX_PRICE_AGE
from steelyard.services.portfolio import read_portfolio, reading
from steelyard.services.scope import require_scope
from steelyard.storage.connection import ReadSession
from steelyard.storage.portfolio import get_account_ids

MOST_NAMED: Final = 3


class StalePriceError(ConflictError):
    """Prices are too old to trade on."""

    def __init__(self, portfolio: Portfolio, stale: dict[str, int], max_price_age: int) -> None:
        """Name the assets, the days of their prices and the way out."""
        shown = [
            f"{asset} ({portfolio.prices[asset].price_date}, {age} sessions)" for asset, age in stale.items()
        ]
        more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
        named = ", ".join(shown[:MOST_NAMED]) + more
        super().__init__(
            f"The prices of {named} are older than {max_price_age} sessions on {portfolio.as_of}; load newer ones, or "
            'say why they will do: --stale-reason "…".'
        )


class EmptyHouseholdError(NotFoundError):
    """A household has no account."""

    def __init__(self, household_id: str) -> None:
        """Name the household."""
        super().__init__(f"Household {household_id} has no account; load accounts with their household_id.")


async def calculate_allocation(
    account_id: str,
    db: ReadSession | None = None,
    *,
    as_of: date | None = None,
    policy: Policy | None = None,
    investment_amount: Decimal | int = 0,
    lots: Sequence[Lot] = (),
    sales: Sequence[Sale] = (),
    max_price_age: int = MAX_PRICE_AGE,
    stale_reason: str = "",
) -> Proposal:
    """Return the trades that bring an account of the store closest to its model.

    Args:
        account_id: the account.
        db: a read session; None opens the default store.
        as_of: the day of positions, prices and rates; None means the last price date.
        policy: how; None means whole shares, no bands, no costs.
        investment_amount: base currency; positive = deposit, negative = withdrawal.
        lots: what its positions were bought as, where tax matters; those of other accounts matter to wash sales.
        sales: what it sold before, for wash sales.
        max_price_age: sessions a price may be old.
        stale_reason: why older prices will do; it is kept in the proposal.

    Raises:
        SteelyardError: as `read_portfolio` and `calculate_investment_allocation`.
        StalePriceError: a price is too old and no reason was given.
    """
    async with reading(db) as session:
        portfolio = await read_portfolio(session, account_id, as_of=as_of)
    stale = find_stale_prices(portfolio, max_price_age, stale_reason)
    policy, portfolio = policy or Policy(), replace(portfolio, lots=tuple(lots), sales=tuple(sales))
    allocation = allocate(portfolio, policy, investment_amount=investment_amount)
    return Proposal(
        portfolio, policy, Decimal(investment_amount), stale, stale_reason if stale else "", allocation
    )


async def calculate_allocations(
    household_id: str,
    db: ReadSession | None = None,
    *,
    as_of: date | None = None,
    policy: Policy | None = None,
    max_price_age: int = MAX_PRICE_AGE,
    stale_reason: str = "",
) -> list[Proposal]:
    """Return a proposal for each account of a household, each to its own model; arguments as `calculate_allocation`.

    Raises:
        EmptyHouseholdError: it has no account.
        SteelyardError: as `calculate_allocation`.
    """
    async with reading(db) as session:
        await require_scope(session, Scope.household(household_id))
        accounts = await get_account_ids(session, household_id)
        if not accounts:
            raise EmptyHouseholdError(household_id)
        return [
            await calculate_allocation(
                account_id,
                session,
                as_of=as_of,
                policy=policy,
                max_price_age=max_price_age,
                stale_reason=stale_reason,
            )
            for account_id in accounts
        ]


def find_stale_prices(portfolio: Portfolio, max_price_age: int, stale_reason: str) -> dict[str, int]:
    """Return the age in sessions of each price that is older than allowed, which takes a reason.

    Raises:
        StalePriceError: there is one, and no reason was given.
    """
    day = portfolio.as_of
    ages = {
        asset: sessions_since(price.price_date, day, price.exchange, at_most=max_price_age)
        for asset, price in portfolio.prices.items()
        if price.price_date is not None and day is not None
    }
    stale = {asset: age for asset, age in sorted(ages.items()) if age > max_price_age}
    if stale and not stale_reason:
        raise StalePriceError(portfolio, stale, max_price_age)
    return stale
