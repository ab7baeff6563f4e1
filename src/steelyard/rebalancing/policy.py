"""Policies: how accounts are to be rebalanced, apart from what any one of them holds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.domain.amount import Amount
from steelyard.domain.lot import HoldingRule, LotMethod
from steelyard.domain.portfolio import Portfolio
from steelyard.domain.wash_sale import is_within
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.household_input import Treatment
from steelyard.rebalancing.options import (
    Band,
    CashRules,
    Costs,
    Currencies,
    Locks,
    Mode,
    Objective,
    Trading,
    Untargeted,
)
from steelyard.rebalancing.tax_rules import TaxRules, WashRules

CURRENCY_PLACES: Final = 2
"""Decimal places in which a currency that is held as an investment is bought and sold."""


class NoTradeDateError(InvalidInputError):
    """Tax depends on the day, and none is known."""

    def __init__(self) -> None:
        """Name the key."""
        super().__init__("Tax depends on the day of the trades: state trade_date = 2026-01-31 under [tax].")


@dataclass(frozen=True, slots=True)
class TaxPolicy:
    """How gains are taxed; `TaxRules` says what each is. The lots are the portfolio's.

    Attributes:
        holding_years: a gain is long-term when the lot was held for more than that.
        trade_date: None = the day of the portfolio.
        wash_days: days before and after a loss in which it is washed; None = wash sales are not watched.
        identical: groups of assets that are substantially identical.
    """

    short_rate: Amount
    long_rate: Amount
    holding_years: int
    method: LotMethod
    trade_date: date | None = None
    gains_budget: Amount | None = None
    sells_short_term_gains: bool = True
    harvest_above: Amount | None = None
    wash_days: int | None = None
    identical: Sequence[Collection[str]] = ()


@dataclass(frozen=True, slots=True)
class HouseholdPolicy:
    """What a joint plan of a household needs and no store says.

    Attributes:
        model: the model portfolio that all accounts share as their target.
        treatments: account id → how it is taxed; of every account of the household.
        annual_tax: asset → treatment → fraction of its value that tax takes each year, as `Location` says; None = where
            an asset is held does not matter.
        years: how many years of it count beside drift; stated with `annual_tax`, and only then.
    """

    model: str
    treatments: Mapping[str, Treatment]
    annual_tax: Mapping[str, Mapping[Treatment, Amount]] | None = None
    years: Amount | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The options of `calculate_investment_allocation` that hold for more than one account.

    Attributes:
        household: what makes one plan of a household's accounts; None = each is planned by itself, as `allocate` does.
        convert: whether cash may be converted into another currency; if not, each pays for its own trades.
        conversion_spread: distance of ask from bid of a conversion, a fraction of the amount; each pays half.
    """

    mode: Mode = Mode.REBALANCE
    objective: Objective = Objective.L2
    untargeted: Untargeted = Untargeted.KEEP
    weight_places: int | None = None
    band: Band | None = None
    cash: CashRules = field(default_factory=CashRules)
    trading: Trading = field(default_factory=Trading)
    locks: Locks = field(default_factory=Locks)
    costs: Costs = field(default_factory=Costs)
    tax: TaxPolicy | None = None
    convert: bool = False
    conversion_spread: Amount = 0
    household: HouseholdPolicy | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The trades proposed for one account, and what they were worked out from.

    Attributes:
        portfolio: what was held and wanted, at which prices.
        policy: how it was to be rebalanced.
        investment_amount: base currency; positive = deposit, negative = withdrawal.
        stale_prices: asset → sessions since its price, where that is more than allowed.
        stale_reason: why stale prices were taken all the same; "" where there are none.
        allocation: the trades, and what is known of them.
    """

    portfolio: Portfolio
    policy: Policy
    investment_amount: Decimal
    stale_prices: Mapping[str, int]
    stale_reason: str
    allocation: Allocation


def allocate(portfolio: Portfolio, policy: Policy, *, investment_amount: Amount = 0) -> Allocation:
    """Return the trades that bring a portfolio closest to its targets.

    A currency with a target that no asset is priced in is an investment: it is bought and sold at its rate, in
    hundredths. The targets of the other currencies add up to the target of cash.

    Args:
        portfolio: what is held and wanted.
        policy: how.
        investment_amount: base currency; positive = deposit, negative = withdrawal.

    Raises:
        InvalidInputError: as `calculate_investment_allocation`.
        NoTradeDateError: tax is asked about, and no day is known.
    """
    invested = _invested_currencies(portfolio)
    prices = {asset: price.amount for asset, price in portfolio.prices.items()}
    weight = sum((w for c, w in portfolio.cash_targets.items() if c not in invested), Decimal(0))
    return calculate_investment_allocation(
        {**portfolio.targets, **{currency: portfolio.cash_targets[currency] for currency in invested}},
        {**prices, **{currency: portfolio.rates[currency] for currency in invested}},
        {**portfolio.positions, **{currency: portfolio.cash.get(currency, 0) for currency in invested}},
        cash=_cash(portfolio, invested),
        investment_amount=investment_amount,
        mode=policy.mode,
        objective=policy.objective,
        untargeted=policy.untargeted,
        weight_places=policy.weight_places,
        band=policy.band,
        cash_rules=replace(policy.cash, weight=weight) if weight else policy.cash,
        trading=_trading(policy.trading, portfolio, invested),
        locks=policy.locks,
        costs=policy.costs,
        currencies=_currencies(portfolio, policy),
        tax=_tax(portfolio, policy.tax) if policy.tax else None,
    )


def _invested_currencies(portfolio: Portfolio) -> list[str]:
    """Return the currencies that are wanted for themselves, not to pay with."""
    paying = {portfolio.base_currency} | {price.currency for price in portfolio.prices.values()}
    return sorted(set(portfolio.cash_targets) - paying)


def _cash(portfolio: Portfolio, invested: list[str]) -> Amount | dict[str, Amount]:
    if not portfolio.base_currency:
        return sum(portfolio.cash.values(), Decimal(0))
    return {currency: amount for currency, amount in portfolio.cash.items() if currency not in invested}


def _trading(trading: Trading, portfolio: Portfolio, invested: list[str]) -> Trading:
    """Let invested currencies trade in hundredths, whatever shares do."""
    if not invested:
        return trading
    places = trading.places
    given = dict.fromkeys(portfolio.asset_ids, places) if isinstance(places, int) else places
    return replace(trading, places={**given, **dict.fromkeys(invested, CURRENCY_PLACES)})


def _currencies(portfolio: Portfolio, policy: Policy) -> Currencies | None:
    if not portfolio.base_currency:
        return None
    return Currencies(
        base=portfolio.base_currency,
        rates=portfolio.rates,
        of={asset: price.currency for asset, price in portfolio.prices.items()},
        convert=policy.convert,
        spread=policy.conversion_spread,
    )


def _tax(portfolio: Portfolio, tax: TaxPolicy) -> TaxRules:
    """Join rules and lots; those of other accounts matter to wash sales only."""
    trade_date = tax.trade_date or portfolio.as_of
    if trade_date is None:
        raise NoTradeDateError
    own = tuple(lot for lot in portfolio.lots if lot.account_id in {"", portfolio.account_id})
    others = tuple(lot for lot in portfolio.lots if lot.account_id not in {"", portfolio.account_id})
    wash = None
    if tax.wash_days is not None:
        recent = [sale for sale in portfolio.sales if is_within(tax.wash_days, sale.sold, trade_date)]
        wash = WashRules(tax.wash_days, identical=tax.identical, sales=recent, other_lots=others)
    return TaxRules(
        trade_date=trade_date,
        short_rate=tax.short_rate,
        long_rate=tax.long_rate,
        holding=HoldingRule(tax.holding_years),
        method=tax.method,
        lots=own,
        gains_budget=tax.gains_budget,
        sells_short_term_gains=tax.sells_short_term_gains,
        wash=wash,
        harvest_above=tax.harvest_above,
    )
