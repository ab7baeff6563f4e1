"""The trades of a household of the store as one: its accounts read with the target they share, and planned together."""

from collections.abc import Sequence
from datetime import date

from steelyard.domain.lot import Lot
from steelyard.domain.scope import Scope
from steelyard.errors import NotFoundError
from steelyard.rebalancing.household_policy import (
    HouseholdProposal,
    allocate_household,
    require_household_policy,
)
from steelyard.rebalancing.policy import Policy
from steelyard.services.allocation import EmptyHouseholdError, find_stale_prices
from steelyard.services.market import MAX_PRICE_AGE
from steelyard.services.portfolio import read_portfolio
from steelyard.services.scope import require_scope
from steelyard.storage.connection import ReadSession, reading
from steelyard.storage.portfolio import get_account_ids, get_target_weights


class UnknownModelError(NotFoundError):
    """A household is to share a model that has no weights."""

    def __init__(self, model_id: str) -> None:
        """Name the model and where it is looked for."""
        super().__init__(
            f"Model {model_id}, which [household] names, has no weights; name one of target_weights, or load them with "
            "`steelyard load DIR`."
        )


async def calculate_household_proposal(
    household_id: str,
    policy: Policy,
    db: ReadSession | None = None,
    *,
    as_of: date | None = None,
    lots: Sequence[Lot] = (),
    max_price_age: int = MAX_PRICE_AGE,
    stale_reason: str = "",
) -> HouseholdProposal:
    """Return one plan for all accounts of a household, which share the model the policy names.

    Args:
        household_id: the household.
        policy: how; its section `household` names the model and how each account is taxed.
        db: a read session; None opens the default store.
        as_of: the day of positions, prices and rates; None means the last price date.
        lots: what positions were bought as, each naming its account.
        max_price_age: sessions a price may be old.
        stale_reason: why older prices will do; it is kept in the proposal.

    Raises:
        UnknownScopeError, EmptyHouseholdError: there is no such household, or it has no account.
        UnknownModelError: the store holds no weights of the model.
        StalePriceError: a price is too old and no reason was given.
        SteelyardError: as `read_portfolio` and `allocate_household`.
    """
    async with reading(db) as session:
        await require_scope(session, Scope.household(household_id))
        accounts = await get_account_ids(session, household_id)
        if not accounts:
            raise EmptyHouseholdError(household_id)
        model = require_household_policy(policy, accounts).model
        if not await get_target_weights(session, model):
            raise UnknownModelError(model)
        portfolios = [
            await read_portfolio(session, account_id, as_of=as_of, model_id=model) for account_id in accounts
        ]
    stale: dict[str, int] = {}
    for portfolio in portfolios:
        stale |= find_stale_prices(portfolio, max_price_age, stale_reason)
    return HouseholdProposal(
        household_id,
        tuple(portfolios),
        tuple(lots),
        policy,
        stale,
        stale_reason if stale else "",
        allocate_household(portfolios, policy, lots=lots),
    )
