"""The trades of accounts in the store: read, checked for the age of their prices, and worked out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from steelyard.compliance.rule import Finding
from steelyard.domain.lot import Lot
from steelyard.domain.portfolio import Portfolio
from steelyard.domain.scope import Scope
from steelyard.domain.wash_sale import Sale
from steelyard.errors import NotFoundError
from steelyard.market.calendar import sessions_since
from steelyard.rebalancing.policy import Policy, Proposal, allocate
from steelyard.services.allocation_inputs import (
    Asked,
    Inputs,
    PricesAsked,
    Quoted,
    StalePriceError,
    gather_inputs,
)
from steelyard.services.compliance import judge_trades
from steelyard.services.engine import run_beside
from steelyard.services.market import MAX_PRICE_AGE
from steelyard.services.portfolio import read_day
from steelyard.services.scope import require_scope
from steelyard.storage.connection import ReadSession, reading
from steelyard.storage.portfolio import get_account_ids


class EmptyHouseholdError(NotFoundError):
    """A household has no account."""

    def __init__(self, household_id: str) -> None:
        """Name the household."""
        super().__init__(f"Household {household_id} has no account; load accounts with their household_id.")


@dataclass(frozen=True, slots=True)
class CheckedProposal(Proposal):
    """Trades proposed for an account of the store, and what the rules in force say of them.

    Attributes:
        inputs: what they were worked out from, with its sources.
        findings: by rule; empty = no rule is about the account.
    """

    inputs: Inputs
    findings: tuple[Finding, ...]


async def calculate_allocation(
    account_id: str,
    db: ReadSession | None = None,
    *,
    as_of: date | None = None,
    policy: Policy | None = None,
    investment_amount: Decimal | int = 0,
    lots: Sequence[Lot] | None = None,
    sales: Sequence[Sale] = (),
    max_price_age: int = MAX_PRICE_AGE,
    stale_reason: str = "",
    prices: Quoted | None = None,
    targets: Mapping[str, Decimal] | None = None,
) -> CheckedProposal:
    """Return the trades that bring an account of the store closest to its model; nothing is written.

    What its investor never buys and what a rule forbids is locked.

    Args:
        account_id: the account.
        db: a read session; None opens the default store.
        as_of: the day of positions, stored prices and rates; None means the last price date.
        policy: how; None means whole shares, no bands, no costs.
        investment_amount: base currency; positive = deposit, negative = withdrawal.
        lots: what its positions were bought as; those of other accounts matter to wash sales. None = the ledger's,
            where it keeps the account and the policy asks about tax.
        sales: what it sold before, for wash sales; beside `lots`.
        max_price_age: sessions a price may be old.
        stale_reason: why older prices will do; it is kept in the proposal.
        prices: those that a market gave, see `quote_prices`; None = the stored ones.
        targets: asset → fraction of the whole, cash under its currency; None = those of its model.

    Raises:
        SteelyardError: as `gather_inputs` and `calculate_investment_allocation`.
    """
    asked = Asked(
        account_id=account_id,
        policy=policy or Policy(),
        investment_amount=Decimal(investment_amount),
        stale_reason=stale_reason,
        targets=targets,
    )
    async with reading(db) as session:
        day = await read_day(session, as_of)
        stored = PricesAsked(now=datetime.combine(day, time.max, UTC), day=day, max_age=max_price_age)
        inputs, _ = await gather_inputs(
            session, asked, as_of=day, prices=prices or stored, lots=lots, sales=sales
        )
    policy = inputs.locked(asked.policy)
    allocation = await run_beside(
        allocate, inputs.portfolio, policy, investment_amount=asked.investment_amount
    )
    findings = judge_trades(inputs.ruling, inputs.portfolio, allocation.trades, lots_sold=allocation.lots)
    return CheckedProposal(
        inputs.portfolio,
        policy,
        asked.investment_amount,
        inputs.stale,
        stale_reason if inputs.stale else "",
        allocation,
        inputs,
        findings,
    )


async def calculate_allocations(
    household_id: str,
    db: ReadSession | None = None,
    *,
    as_of: date | None = None,
    policy: Policy | None = None,
    max_price_age: int = MAX_PRICE_AGE,
    stale_reason: str = "",
) -> list[CheckedProposal]:
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
        raise StalePriceError(portfolio.prices, stale, day)
    return stale
