"""The portfolios of a household and a policy become one call of the engine."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from steelyard.domain.amount import Amount
from steelyard.domain.lot import MORE_THAN_ONE_YEAR, Lot, LotMethod
from steelyard.domain.portfolio import Portfolio, Price
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.household import (
    HouseholdAccount,
    Location,
    Treatment,
    calculate_household_allocation,
)
from steelyard.rebalancing.household_input import AccountCurrencyError, NoAccountsError, NotForHouseholdsError
from steelyard.rebalancing.household_policy import (
    HalfLocationError,
    LotAccountError,
    NoHouseholdPolicyError,
    TreatmentsError,
    UntaxablePolicyError,
    allocate_household,
)
from steelyard.rebalancing.options import CashRules, Locks, Mode, Objective
from steelyard.rebalancing.policy import HouseholdPolicy, NoTradeDateError, Policy, TaxPolicy
from steelyard.rebalancing.tax_rules import TaxRules, WashRules

DAY = date(2024, 6, 3)
PRICES = {"BOND": Price(Decimal(100), "USD"), "STOCK": Price(Decimal(50), "USD")}
TARGETS = {"BOND": Decimal("0.5"), "STOCK": Decimal("0.4")}
BROKER = Portfolio(
    account_id="broker",
    base_currency="USD",
    positions={"STOCK": Decimal(30)},
    cash={"USD": Decimal(700), "EUR": Decimal(0)},
    targets=TARGETS,
    cash_targets={"USD": Decimal("0.1")},
    prices=PRICES,
    as_of=DAY,
)
IRA = replace(BROKER, account_id="ira", positions={"BOND": Decimal(9)}, cash={"USD": Decimal(100)})
BOTH = [BROKER, IRA]
RATES: dict[str, dict[Treatment, Amount]] = {
    asset: {Treatment.TAXABLE: Decimal("0.02"), Treatment.TAX_DEFERRED: 0} for asset in PRICES
}
HOUSEHOLD = HouseholdPolicy("M", {"broker": Treatment.TAXABLE, "ira": Treatment.TAX_DEFERRED}, RATES, 3)
TAX = TaxPolicy("0.4", "0.2", 1, LotMethod.HIFO, gains_budget=1000, wash_days=30, identical=[["BOND", "B2"]])
POLICY = Policy(household=HOUSEHOLD, tax=TAX, cash=CashRules(floor=20))
OWN = Lot("1", "STOCK", Decimal(30), Decimal(1800), date(2020, 1, 2), "broker")
OTHER = Lot("2", "BOND", Decimal(9), Decimal(900), date(2024, 5, 30), "ira")


def test_every_part_of_policy_and_portfolios_reaches_the_engine() -> None:
    rules = TaxRules(DAY, "0.4", "0.2", MORE_THAN_ONE_YEAR, LotMethod.HIFO, [OWN])
    accounts = [
        HouseholdAccount("broker", Treatment.TAXABLE, {"STOCK": 30}, 700, cash_floor=20, tax=rules),
        HouseholdAccount("ira", Treatment.TAX_DEFERRED, {"BOND": 9}, 100, cash_floor=20),
    ]
    expected = calculate_household_allocation(
        TARGETS,
        {asset: price.amount for asset, price in PRICES.items()},
        accounts,
        location=Location(RATES, 3),
        cash_weight="0.1",
        gains_budget=1000,
        wash=WashRules(30, identical=[["BOND", "B2"]], other_lots=[OTHER]),
    )

    found = allocate_household(BOTH, POLICY, lots=[OWN, OTHER])

    assert found == expected
    assert found.accounts[0].trades
    assert found.annual_tax_before == 30  # 1500 · 2 %


def test_locks_hold_in_each_account() -> None:
    free = allocate_household(BOTH, POLICY, lots=[OWN])
    held = allocate_household(BOTH, replace(POLICY, locks=Locks(hold=["BOND"])), lots=[OWN])

    assert any(trade.asset_id == "BOND" for account in free.accounts for trade in account.trades)
    assert all(trade.asset_id != "BOND" for account in held.accounts for trade in account.trades)


def test_an_objective_of_single_accounts_changes_nothing() -> None:
    absolute = replace(POLICY, objective=Objective.L1)
    assert allocate_household(BOTH, POLICY, lots=[OWN]) == allocate_household(BOTH, absolute, lots=[OWN])


def test_where_an_asset_is_held_need_not_matter() -> None:
    anywhere = replace(POLICY, household=replace(HOUSEHOLD, annual_tax=None, years=None))
    assert allocate_household(BOTH, anywhere, lots=[OWN]).annual_tax_before == 0


def section(**changed: Any) -> Policy:
    return replace(POLICY, household=replace(HOUSEHOLD, **changed))


NOBODYS = replace(OWN, account_id="")
POUNDS = replace(IRA, base_currency="GBP")
PRICED = replace(IRA, prices={**PRICES, "BOND": Price(Decimal(100), "EUR")})
EUROS = replace(IRA, cash={"USD": Decimal(100), "EUR": Decimal(1)})
REFUSED: dict[str, tuple[list[Portfolio], Policy, list[Lot], type[InvalidInputError], str]] = {
    "no account": ([], POLICY, [], NoAccountsError, "no account"),
    "no section": (BOTH, Policy(), [], NoHouseholdPolicyError, r"no section \[household\]"),
    "no treatment": (BOTH, section(treatments={}), [], TreatmentsError, "no treatment of broker, ira"),
    "a foreign treatment": ([BROKER], POLICY, [OWN], TreatmentsError, "names ira, no account of this"),
    "no years": (BOTH, section(years=None), [OWN], HalfLocationError, "states annual_tax and not years"),
    "no annual tax": (
        BOTH,
        section(annual_tax=None),
        [OWN],
        HalfLocationError,
        "states years and not annual",
    ),
    "no rates": (BOTH, replace(POLICY, tax=None), [], UntaxablePolicyError, "broker is taxable"),
    "a lot of nobody": (BOTH, POLICY, [NOBODYS], LotAccountError, "Lot 1 of STOCK names no account"),
    "no day": ([replace(BROKER, as_of=None), IRA], POLICY, [OWN], NoTradeDateError, "trade_date"),
    "another base": ([BROKER, POUNDS], POLICY, [OWN], AccountCurrencyError, r"'ira' .* \(GBP, USD\)"),
    "a foreign price": ([BROKER, PRICED], POLICY, [OWN], AccountCurrencyError, r"'ira' .* \(EUR, USD\)"),
    "foreign cash": ([BROKER, EUROS], POLICY, [OWN], AccountCurrencyError, r"'ira' .* \(EUR, USD\)"),
    "a mode": (BOTH, replace(POLICY, mode=Mode.BUY_ONLY), [OWN], NotForHouseholdsError, "mode = buy_only"),
    "a cash rule": (
        BOTH,
        replace(POLICY, cash=CashRules(target=5)),
        [OWN],
        NotForHouseholdsError,
        "cash.target",
    ),
    "harvesting": (
        BOTH,
        replace(POLICY, tax=replace(TAX, harvest_above=1)),
        [OWN],
        NotForHouseholdsError,
        "tax.harvest_above",
    ),
}


@pytest.mark.parametrize(("portfolios", "policy", "lots", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_no_household_can_be_planned_by_is_named(
    portfolios: list[Portfolio],
    policy: Policy,
    lots: list[Lot],
    error: type[InvalidInputError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        allocate_household(portfolios, policy, lots=lots)
