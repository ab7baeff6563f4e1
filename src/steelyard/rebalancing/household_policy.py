"""One plan for the accounts of a household, from their portfolios and a policy that says what they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from steelyard.domain.lot import HoldingRule, Lot
from steelyard.domain.portfolio import Portfolio
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.household import HouseholdAllocation, calculate_household_allocation
from steelyard.rebalancing.household_input import (
    AccountCurrencyError,
    HouseholdAccount,
    Location,
    NoAccountsError,
    NotForHouseholdsError,
    Treatment,
)
from steelyard.rebalancing.options import Mode
from steelyard.rebalancing.policy import HouseholdPolicy, NoTradeDateError, Policy, TaxPolicy
from steelyard.rebalancing.tax_rules import TaxRules, WashRules


class NoHouseholdPolicyError(InvalidInputError):
    """A joint plan is wanted and the policy says nothing of households."""

    def __init__(self) -> None:
        """Name the section."""
        super().__init__("The policy has no section [household]: state its model and treatments there.")


class TreatmentsError(InvalidInputError):
    """The treatments are not those of the accounts of the household."""

    def __init__(self, missing: Sequence[str], unknown: Sequence[str]) -> None:
        """Name the accounts without a treatment, or else those that are not of the household."""
        if missing:
            super().__init__(
                f"The policy says no treatment of {', '.join(missing)}: state it under [household.treatments], one of "
                f"{', '.join(Treatment)}."
            )
        else:
            super().__init__(
                f"[household.treatments] names {', '.join(unknown)}, no account of this household: take it out."
            )


class HalfLocationError(InvalidInputError):
    """Annual taxes without years, or years without annual taxes."""

    def __init__(self, given: str, missing: str) -> None:
        """Name what is there and what is not."""
        super().__init__(f"[household] states {given} and not {missing}: state both, or neither.")


class UntaxablePolicyError(InvalidInputError):
    """An account is taxable and the policy has no tax rates."""

    def __init__(self, account_id: str) -> None:
        """Name the account and what to give."""
        super().__init__(
            f"Account {account_id} is taxable and the policy states no rates: state them under [tax], and bring its "
            "lots: --lots FILE."
        )


class LotAccountError(InvalidInputError):
    """A lot of a household is of no account."""

    def __init__(self, lot: Lot) -> None:
        """Name the lot and the column."""
        super().__init__(
            f"Lot {lot.lot_id} of {lot.asset_id} names no account: in a household the column account says whose it is."
        )


@dataclass(frozen=True, slots=True)
class HouseholdProposal:
    """The trades proposed for a household as one, and what they were worked out from.

    Attributes:
        household_id: the household.
        portfolios: what each account held, by account id, with the target all share, and prices.
        lots: what the positions of taxable accounts were bought as; those of others matter to wash sales.
        policy: how it was to be rebalanced.
        stale_prices: asset → sessions since its price, where that is more than allowed.
        stale_reason: why stale prices were taken all the same; "" where there are none.
        allocation: the trades, and what is known of them.
    """

    household_id: str
    portfolios: tuple[Portfolio, ...]
    lots: tuple[Lot, ...]
    policy: Policy
    stale_prices: Mapping[str, int]
    stale_reason: str
    allocation: HouseholdAllocation


def require_household_policy(policy: Policy, account_ids: Sequence[str]) -> HouseholdPolicy:
    """Return what a policy says of a household, which must be all of its accounts and no other.

    Raises:
        NoHouseholdPolicyError: it says nothing.
        TreatmentsError: an account has no treatment, or one that is named is not of the household.
    """
    household = policy.household
    if household is None:
        raise NoHouseholdPolicyError
    missing = sorted(set(account_ids) - household.treatments.keys())
    unknown = sorted(household.treatments.keys() - set(account_ids))
    if missing or unknown:
        raise TreatmentsError(missing, unknown)
    return household


def allocate_household(
    portfolios: Sequence[Portfolio], policy: Policy, *, lots: Sequence[Lot] = ()
) -> HouseholdAllocation:
    """Return trades that bring all accounts together closest to the target they share.

    Locks and the floor of cash hold in each account. Drift adds up absolutely, whatever `policy.objective` is.

    Args:
        portfolios: the accounts, each with the target they share, in one currency.
        policy: how; its section `household` says how each account is taxed.
        lots: of any account, each naming its own; those of a taxable one sum to its positions.

    Raises:
        NoHouseholdPolicyError, TreatmentsError, HalfLocationError, UntaxablePolicyError, LotAccountError: as they say.
        AccountCurrencyError: an account brings a second currency, as its own, in cash, or in what it holds or wants.
        NotForHouseholdsError: an option that only single accounts have.
        NoTradeDateError: an account is taxed, and no day is known.
        SteelyardError: as `calculate_household_allocation`.
    """
    if not portfolios:
        raise NoAccountsError
    household = require_household_policy(policy, [each.account_id for each in portfolios])
    _require_offered(policy)
    _require_one_currency(portfolios)
    for lot in lots:
        if not lot.account_id:
            raise LotAccountError(lot)
    in_cash = sum(portfolios[0].cash_targets.values(), Decimal(0))
    return calculate_household_allocation(
        portfolios[0].targets,
        {asset: price.amount for each in portfolios for asset, price in each.prices.items()},
        [_account(each, policy, household, lots) for each in portfolios],
        location=_location(household),
        cash_weight=in_cash or policy.cash.weight,
        untargeted=policy.untargeted,
        weight_places=policy.weight_places,
        band=policy.band,
        trading=policy.trading,
        costs=policy.costs,
        gains_budget=policy.tax.gains_budget if policy.tax else None,
        wash=_wash(policy.tax, household, lots),
    )


def _require_offered(policy: Policy) -> None:
    """End where the policy wants what no household is offered."""
    if policy.mode not in {Mode.REBALANCE, Mode.TAX_AWARE}:
        raise NotForHouseholdsError(f"mode = {policy.mode}")
    for name in ("target", "retain_at_least", "allocate_at_most"):
        if getattr(policy.cash, name) is not None:
            raise NotForHouseholdsError(f"cash.{name}")
    if policy.tax and policy.tax.harvest_above is not None:
        raise NotForHouseholdsError("tax.harvest_above")


def _require_one_currency(portfolios: Sequence[Portfolio]) -> None:
    """End at the first account of another currency, or else the first that holds or wants one."""
    found: set[str] = set()
    for used in (_base_currency, _currencies):
        for each in portfolios:
            found |= used(each)
            if len(found) > 1:
                raise AccountCurrencyError(each.account_id, sorted(found))


def _base_currency(portfolio: Portfolio) -> set[str]:
    return {portfolio.base_currency}


def _currencies(portfolio: Portfolio) -> set[str]:
    held = {currency for currency, amount in portfolio.cash.items() if amount}
    return {
        *held,
        *portfolio.cash_targets,
        *(portfolio.prices[asset].currency for asset in portfolio.asset_ids),
    }


def _account(
    portfolio: Portfolio, policy: Policy, household: HouseholdPolicy, lots: Sequence[Lot]
) -> HouseholdAccount:
    treatment = household.treatments[portfolio.account_id]
    return HouseholdAccount(
        portfolio.account_id,
        treatment,
        portfolio.positions,
        portfolio.cash.get(portfolio.base_currency, Decimal(0)),
        cash_floor=policy.cash.floor,
        locks=policy.locks,
        tax=_tax(portfolio, policy.tax, lots) if treatment is Treatment.TAXABLE else None,
    )


def _tax(portfolio: Portfolio, tax: TaxPolicy | None, lots: Sequence[Lot]) -> TaxRules:
    if tax is None:
        raise UntaxablePolicyError(portfolio.account_id)
    trade_date = tax.trade_date or portfolio.as_of
    if trade_date is None:
        raise NoTradeDateError
    return TaxRules(
        trade_date=trade_date,
        short_rate=tax.short_rate,
        long_rate=tax.long_rate,
        holding=HoldingRule(tax.holding_years),
        method=tax.method,
        lots=tuple(lot for lot in lots if lot.account_id == portfolio.account_id),
        sells_short_term_gains=tax.sells_short_term_gains,
    )


def _wash(tax: TaxPolicy | None, household: HouseholdPolicy, lots: Sequence[Lot]) -> WashRules | None:
    """Return the window of wash sales, with the lots of the accounts that are not taxed."""
    if tax is None or tax.wash_days is None:
        return None
    taxed = {name for name, each in household.treatments.items() if each is Treatment.TAXABLE}
    others = tuple(lot for lot in lots if lot.account_id not in taxed)
    return WashRules(tax.wash_days, identical=tax.identical, other_lots=others)


def _location(household: HouseholdPolicy) -> Location | None:
    rates, years = household.annual_tax, household.years
    if rates is None and years is None:
        return None
    if rates is None:
        raise HalfLocationError("years", "annual_tax")
    if years is None:
        raise HalfLocationError("annual_tax", "years")
    return Location(rates, years)
